//! C9: whoever asks gets one answer.

use std::collections::BTreeMap;

use super::{Broken, Rule, expect};
use crate::world::Node;

/// C9: a body uses up its sequence once, however often it is attached: whoever was told its end
/// never hears of another.
pub fn one_end(node: &Node) -> Result<(), Broken> {
    let mut ends = BTreeMap::new();
    let leaves = node.told().commits.iter().flat_map(|commit| commit.leaves.iter());
    for leaf in leaves.filter(|leaf| leaf.outcome.consumes_sequence()) {
        let earlier = ends.insert(leaf.body, leaf.tx);
        expect(Rule::C9Answers, earlier.is_none(), || {
            format!("{} ended with {earlier:?}, and again with {}", leaf.body, leaf.tx)
        })?;
    }
    Ok(())
}
