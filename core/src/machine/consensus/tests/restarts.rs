//! A restart changes nothing.

use alloc::vec;

use super::{super::*, draw::*};
use crate::codec::{Decode as _, Encode as _};

fn restarted(node: &Consensus) -> Consensus {
    let standing = Standing::from_bytes(&node.standing().to_bytes()).unwrap();
    let mut all: Vec<_> = node.accepted().cloned().collect();
    all.reverse();
    let (own, limits) = (node.dag.own(), PaceLimits::default());
    Consensus::restore(committee(4), own, NETWORK, limits, standing, all)
}

/// Four validators, of whom one is away for a while and one is slow, over two changes of the
/// schedule; each checkpoint is given at once to two observers, one of whom forgets itself at
/// random.
#[test]
fn at_any_point() {
    for seed in 0..4 {
        let mut chance = Chance(seed);
        let own = Some(Author(0));
        let (mut steady, mut restless) = (fresh(&committee(4), own), fresh(&committee(4), own));
        let (mut log, mut other_log) = (Log::default(), Log::default());
        let mut before: Vec<CheckpointRef> = Vec::new();
        for round in 1..200 {
            let is_away = (50..120).contains(&round);
            let mut now = Vec::new();
            for author in 0..if is_away { 3 } else { 4 } {
                let mut refs = before.clone();
                let left_out = u16::try_from(chance.below(4)).unwrap();
                if refs.len() == 4 && left_out != author {
                    refs.retain(|one| one.author.0 != left_out);
                }
                now.push(make((round, author), round, refs, vec![]));
            }
            before = now.iter().map(|one| one.reference()).collect();
            chance.shuffle(&mut now);
            for one in &now {
                add(&mut steady, one);
                add(&mut restless, one);
                if chance.below(4) == 0 {
                    restless = restarted(&restless);
                }
                log.drain(&mut steady);
                other_log.drain(&mut restless);
                assert_eq!(log, other_log);
                assert_eq!(steady.standing(), restless.standing());
                let next = Round(round + 1);
                assert_eq!(steady.references(next), restless.references(next));
            }
        }
        assert!(log.leaders.len() > 128 && steady.gc_round() > Round(100));
    }
}
