//! C1 and C13: of what is final, everybody tells one history, in order and once.

use weft_core::{checkpoint::CheckpointRef, machine::Archive};

use super::{Broken, Rule, expect};
use crate::world::{Node, told::Commit};

/// The longest chain that anybody told of from its beginning on.
pub fn longest<'a>(nodes: impl Iterator<Item = &'a Node>) -> &'a [Commit] {
    let whole = nodes.filter(|node| node.told().is_whole());
    let chains = whole.map(|node| node.told().commits.as_slice());
    chains.max_by_key(|chain| chain.len()).unwrap_or_default()
}

/// C1: what one node told is what another told, to the leaf.
pub fn agreement<'a>(nodes: impl Iterator<Item = &'a Node> + Clone) -> Result<(), Broken> {
    let longest = longest(nodes.clone());
    for node in nodes {
        for own in &node.told().commits {
            let place = usize::try_from(own.record.index.0 - 1).unwrap_or(usize::MAX);
            let Some(other) = longest.get(place) else { continue };
            let same = own.record == other.record && own.leaves == other.leaves;
            expect(Rule::C1Agreement, same, || {
                format!("{} tells {}, another {}", node.address(), named(own), named(other))
            })?;
        }
    }
    Ok(())
}

fn named(commit: &Commit) -> String {
    let record = &commit.record;
    let CheckpointRef { round, author, .. } = record.leader;
    let (index, id, count) = (record.index, record.id(), commit.leaves.len());
    format!("commit {index} {id} of validator {} in round {round}, {count} leaves", author.0)
}

/// C13: no commit is told twice or left out, but for those below a snapshot that a node started
/// from; and the committee's time ascends, whatever clocks do.
pub fn told_in_order(node: &Node) -> Result<(), Broken> {
    let (lowest, mut last) = (Archive::new(node.store()).lowest(), 0);
    for commit in &node.told().commits {
        let index = commit.record.index;
        let follows = index.0 == last + 1 || (index.0 > last && index <= lowest);
        expect(Rule::C13Monotony, follows, || format!("commit {index} after {last}"))?;
        last = index.0;
    }
    let ascends = |pair: &[Commit]| pair.is_sorted_by(|a, b| a.record.time < b.record.time);
    let back = node.told().commits.windows(2).find(|pair| !ascends(pair));
    expect(Rule::C13Monotony, back.is_none(), || format!("time does not ascend: {back:?}"))
}
