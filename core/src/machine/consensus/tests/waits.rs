//! What waits, for what, and what sets it free.

use alloc::{vec, vec::Vec};

use super::{super::*, draw::*};
use crate::{digest::TxId, params::TIPS_MAX};

/// What is waited for: checkpoints that are not here, and transactions.
fn missing(node: &Consensus) -> (Vec<CheckpointRef>, Vec<TxId>) {
    (node.missing(), node.awaited_tips().copied().collect())
}

#[test]
fn what_comes_early_waits_for_its_past() {
    let picture = Picture::draw("ABCD1:\nABCD2: *\nA3: *");
    let mut node = fresh(&committee(4), None);
    let mut backwards = picture.made.clone();
    backwards.reverse();
    let last = backwards.pop().unwrap();
    for one in &backwards {
        let added = add(&mut node, one);
        assert!(matches!(added.fate, Fate::Waiting { .. }) == (one.round() > Round(1)));
    }
    assert_eq!(missing(&node), (vec![last.reference()], vec![]));
    let accepted: Vec<CheckpointRef> =
        add(&mut node, &last).accepted.iter().map(|one| one.reference()).collect();
    assert_eq!(accepted.len(), 6, "itself, round 2 and round 3");
    assert!(accepted.is_sorted_by_key(|one| one.round));
    assert_eq!(add(&mut node, &last).fate, Fate::Known);
}

#[test]
fn only_what_nobody_has_is_missing() {
    let picture = Picture::draw("ABCD1:\nABCD2: *\nA3: *");
    let mut node = fresh(&committee(4), None);
    add(&mut node, &picture.get("A3"));
    let Fate::Waiting { refs, .. } = add(&mut node, &picture.get("B2")).fate else { panic!() };
    assert_eq!(refs.len(), 4);
    let refs = node.missing();
    assert!(!refs.contains(&picture.reference("B2")) && refs.len() == 4 + 3);
}

#[test]
fn tips_must_be_here_and_anchored_near() {
    let committee = committee(1);
    let tip = TxId([1; 32]);
    let one = make((1, 0), 1, vec![], vec![tip]);
    let waiting = Fate::Waiting { refs: vec![], tips: vec![tip] };
    let mut node = fresh(&committee, None);
    assert_eq!(node.add(one.clone(), &|_| None).fate, waiting);
    assert_eq!(missing(&node), (vec![], vec![tip]));
    assert_eq!(node.tip_here(&tip, Round(1)).len(), 1);
    // An anchor from the future: nobody may accept this, ever.
    let mut node = fresh(&committee, None);
    node.add(one.clone(), &|_| None);
    assert_eq!(node.tip_here(&tip, Round(2)).len(), 0);
    assert_eq!(missing(&node), (vec![], vec![]));
    let mut node = fresh(&committee, None);
    let added = node.add(one, &|_| Some(Round(2)));
    assert_eq!(added.fate, Fate::Waiting { refs: vec![], tips: vec![] });
}

#[test]
fn a_second_version_is_evidence_and_counts_only_if_needed() {
    let picture =
        Picture::draw("ABCD1:\nD1':\nABC2: ABCD1\nD2: D1' ABC1\nABC3: ABCD2\nABC2': ABCD1");
    let mut node = fresh(&committee(4), None);
    for name in ["A1", "B1", "C1", "D1"] {
        add(&mut node, &picture.get(name));
    }
    let added = add(&mut node, &picture.get("D1'"));
    assert_eq!(added.fate, Fate::Spare);
    assert_eq!(added.evidence, Some(["D1", "D1'"].map(|name| picture.reference(name))));
    assert_eq!(missing(&node), (vec![], vec![]));
    let accepted = add(&mut node, &picture.get("D2")).accepted;
    assert_eq!(accepted, ["D1'", "D2"].map(|name| picture.get(name)));
    assert_eq!(node.dag.weight(Round(1)), 4, "an author counts once");
    // From now on the author is left out of references.
    for name in ["A2", "B2", "C2"] {
        add(&mut node, &picture.get(name));
    }
    let authors: Vec<u16> = node.references(Round(3)).iter().map(|one| one.author.0).collect();
    assert_eq!(authors, [0, 1, 2]);
}

#[test]
fn a_name_that_lies_is_never_met() {
    let picture = Picture::draw("ABCD1:");
    let mut node = fresh(&committee(4), None);
    for one in &picture.made {
        add(&mut node, one);
    }
    let mut refs: Vec<CheckpointRef> = picture.made.iter().map(|one| one.reference()).collect();
    refs[3].id = refs[2].id;
    let liar = make((2, 0), 200, refs, vec![]);
    assert!(matches!(add(&mut node, &liar).fate, Fate::Waiting { .. }));
}

#[test]
fn what_goes_back_in_time_waits_until_nobody_can_tell() {
    let committee = committee(1);
    let mut node = fresh(&committee, None);
    let first = make((1, 0), 50, vec![], vec![]);
    let second = make((2, 0), 50, vec![first.reference()], vec![]);
    add(&mut node, &first);
    assert_eq!(add(&mut node, &second).fate, Fate::Waiting { refs: vec![], tips: vec![] });
    assert_eq!(missing(&node), (vec![], vec![]));
}

#[test]
fn too_much_of_one_author_is_dropped_from_the_top() {
    let mut node = fresh(&committee(4), None);
    let gone = make((1, 0), 1, vec![], vec![]).reference();
    let mut fates = Vec::new();
    for round in 2..200 {
        fates.push(add(&mut node, &make((round, 1), round, vec![gone], vec![])).fate);
    }
    assert_eq!(fates.iter().filter(|fate| **fate == Fate::Dropped).count(), 198 - 128);
    assert_ne!(add(&mut node, &make((2, 2), 1, vec![gone], vec![])).fate, Fate::Dropped);
}

/// Nobody who is honest has so much that waits; 99 who are not could.
#[test]
fn too_much_of_all_together_is_dropped_from_the_top() {
    let mut node = fresh(&committee(100), None);
    let gone = make((1, 0), 1, vec![], vec![]).reference();
    let tip = |number: usize| {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        TxId(id)
    };
    let tips: Vec<TxId> = (1..=TIPS_MAX).map(tip).collect();
    let enough = (64 << 20) / (32 * TIPS_MAX) as u64 / 99 + 2;
    let mut fates = Vec::new();
    for round in 2..2 + enough {
        for author in 1..100 {
            let one = make((round, author), round, vec![gone], tips.clone());
            fates.push(add(&mut node, &one).fate);
        }
    }
    let dropped = |fate: &Fate| *fate == Fate::Dropped;
    assert!(fates.iter().any(dropped), "{} MiB wait", (fates.len() * 32 * TIPS_MAX) >> 20);
    assert!(!fates[..fates.len() / 2].iter().any(dropped), "what is low stays");
}

#[test]
fn a_lost_reference_binds_nobody_once_it_is_forgotten() {
    // D makes one checkpoint that never comes, and one on top of it.
    let lost = make((1, 3), 1, vec![], vec![]);
    let mut node = fresh(&committee(4), None);
    let mut before: Vec<CheckpointRef> = Vec::new();
    let mut orphan = None;
    for round in 1..80 {
        if round == 2 {
            orphan = Some(make((60, 3), 60, vec![lost.reference()], vec![]));
            add(&mut node, orphan.as_ref().unwrap());
        }
        let now: Vec<_> =
            (0..3).map(|author| make((round, author), round, before.clone(), vec![])).collect();
        before = now.iter().map(|one| one.reference()).collect();
        for one in &now {
            add(&mut node, one);
            while let Ok(Some(leader)) = node.next_leader() {
                let set_free = node.sequence(&leader, &|_| None).accepted;
                assert_eq!(set_free.is_empty(), node.gc_round() != Round(1));
            }
        }
        let is_accepted = node.is_accepted(&orphan.as_ref().unwrap_or(&lost).reference());
        assert_eq!(is_accepted, node.gc_round() >= Round(1));
    }
    assert!(node.gc_round() > Round(1));
    let near: Vec<u64> = (0..200).filter(|round| node.is_near(Round(*round))).collect();
    let (lowest, highest) = (node.gc_round().0 + 1, node.quorum_round().0 + AHEAD_MAX);
    assert_eq!((near.first(), near.last()), (Some(&lowest), Some(&highest)));
}
