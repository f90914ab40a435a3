//! A Weft node.
