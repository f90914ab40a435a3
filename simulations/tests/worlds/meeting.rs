//! Validators find each other, wherever their operators put them.

use weft_core::time::Span;
use weft_simulations::{Posting, Settings, World};

/// Each tells its neighbours who its neighbours are, and a validator dials every other that it
/// hears of: what they say of what they signed, and their checkpoints, go from one to the other.
///
/// ```text
/// v0 - v1 - v2 - v3 - v4 - v5
/// ```
#[test]
fn validators_in_a_line_find_each_other() {
    let mut world = World::new(Settings { validators: 6, ..Settings::new(61) });
    let nodes = world.line(6);
    world.add_poster(0, Posting::default(), Span::from_secs(20));
    world.run(Span::from_secs(40)).expect("nothing breaks");
    world.judge().expect("nothing is broken");
    for node in nodes {
        let status = world.node(node).status().expect("it runs");
        assert_eq!((status.peers.len(), status.unordered), (5, 0), "node {node}");
        assert!(status.anchor.index.0 > 40, "node {node}");
    }
}
