//! Who leads, over many rounds.

use alloc::{collections::BTreeMap, vec};

use super::{super::*, draw::*};
use crate::{
    codec::{Decode as _, Encode as _},
    committee::Validator,
};

#[test]
fn everybody_leads_by_weight_once_in_a_cycle() {
    let validators = committee(3);
    let weights = [1, 2, 5];
    let weighted = validators.authors().zip(weights).map(|(author, weight)| Validator {
        key: validators.validator(author).unwrap().key.clone(),
        weight,
    });
    let committee = Arc::new(Committee::new(weighted.collect()).unwrap());
    let schedule = Schedule::new(NETWORK, committee, schedule::Turns::default());
    assert_eq!(schedule.leader(Round::ZERO), None);
    let mut orders = BTreeSet::new();
    for cycle in 0..20 {
        let order: Vec<Author> =
            (1..=8).filter_map(|n| schedule.leader(Round(cycle * 8 + n))).collect();
        let mut turns: BTreeMap<u16, u32> = BTreeMap::new();
        for author in &order {
            *turns.entry(author.0).or_default() += 1;
        }
        assert_eq!(Vec::from_iter(turns), [(0, 1), (1, 2), (2, 5)]);
        orders.insert(order);
    }
    assert!(orders.len() > 10, "every cycle draws its own order");
}

/// The schedule is frozen: nodes that differ in it fork.
#[test]
fn the_order_of_leaders_is_frozen() {
    let schedule = Schedule::new(NETWORK, committee(4), schedule::Turns::default());
    let leaders: Vec<u16> = (1..=12).map(|r| schedule.leader(Round(r)).unwrap().0).collect();
    assert_eq!(leaders, FROZEN);
}

const FROZEN: [u16; 12] = [2, 3, 1, 0, 0, 1, 2, 3, 2, 1, 3, 0];

#[test]
fn the_silent_are_demoted_and_return() {
    let committee = committee(4);
    let mut node = fresh(&committee, None);
    let mut log = Log::default();
    let mut before: Vec<CheckpointRef> = Vec::new();
    let (mut leaders_then, mut demoted_at, mut back_at) = (0, None, None);
    for round in 1..400 {
        // The last of four is silent for 150 rounds.
        let awake = if (20..170).contains(&round) { 3 } else { 4 };
        let now: Vec<_> =
            (0..awake).map(|author| make((round, author), round, before.clone(), vec![])).collect();
        before = now.iter().map(|one| one.reference()).collect();
        for one in &now {
            assert_eq!(add(&mut node, one).fate, Fate::Accepted);
            log.drain(&mut node);
        }
        let is_demoted = node.schedule.demoted() == [Author(3)];
        if is_demoted && demoted_at.is_none() {
            (demoted_at, leaders_then) = (Some(round), log.leaders.len());
        }
        if !is_demoted && demoted_at.is_some() && back_at.is_none() {
            back_at = Some(round);
        }
        if round > 3 {
            assert!(round - node.last_leader_round().0 < 5, "commits go on in round {round}");
        }
    }
    assert_eq!(leaders_then % 64, 0, "only at a change");
    let (demoted_at, back_at) = (demoted_at.unwrap(), back_at.unwrap());
    assert!((60..120).contains(&demoted_at), "{demoted_at}");
    assert!((170..400).contains(&back_at), "{back_at}");
    let standing = node.standing();
    assert_eq!(Standing::from_bytes(&standing.to_bytes()).as_ref(), Ok(&standing));
}
