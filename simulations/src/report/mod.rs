//! Reports: figures as plain data, and the files that show them.
//!
//! ```text
//! Figures -> metrics.csv, plots/*.svg, report.html;  config.toml and meta.json beside them
//! ```
//!
//! Invariant: same figures, same bytes, but for `meta.json`. Left out on purpose: where the figures
//! come from (`scenario`), and anything that would need a network or a browser to be made.

pub mod dag;
pub mod figures;
pub mod folder;
pub mod meta;
pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod scale;
pub mod table;
#[cfg(test)]
mod tests;
