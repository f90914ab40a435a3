//! Judges that never spoke prove nothing: each is shown what it must notice.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

use weft_core::{
    checkpoint::{Checkpoint, Content},
    codec::Encode as _,
    commit::Leaf,
    committee::Author,
    digest::{NodeId, TxId},
    machine::{DropReason, Signing, ToNet},
    message::Message,
    time::{Span, Time},
    tx::NetworkId,
    units::{Position, Round},
};

use super::{
    Rule,
    answers::one_end,
    bounds::bounds,
    causality::causes_first,
    convergence::same_transactions,
    determinism::one_run,
    durability::acknowledged_kept,
    integrity::store_in_order,
    ledger,
    losses::{Stakes, ends_as_paid, inside_the_table},
    signing::no_honest_peer_dropped,
};
use crate::{
    dst::probe,
    world::{Node, Posting, Settings, World, faults::Fault, spoken::Signed},
};

/// Judges that never spoke prove nothing: each is shown what it must notice.
#[test]
fn judges_notice_what_they_are_there_for() {
    let mut world = World::new(Settings::new(1));
    let (one, other) = (world.add_node(), world.add_node());
    world.add_poster(one, Posting::default(), Span::from_secs(2));
    world.run(Span::from_secs(3)).unwrap();
    world.judge().unwrap();

    assert!(same_transactions(world.live()).is_err(), "two nodes that never met");
    assert!(world.settle(Span::from_secs(3)).is_err());
    let other = world.node(other).id();
    let node = world.honest(one).unwrap();

    node.told.acknowledged.insert(TxId::ZERO);
    assert!(acknowledged_kept(node).is_err());

    node.told.dropped.push((other, DropReason::Banned));
    assert!(no_honest_peer_dropped(node, &|id| *id == other).is_err());
    assert!(no_honest_peer_dropped(node, &|_| false).is_ok());

    assert!(bounds(node).is_ok());
    let now = Time::from_millis(9_000_000);
    (0..100).for_each(|_| node.pulse.step(now, 0, true));
    assert!(bounds(node).is_err(), "a hundred deadlines for nothing");
}

/// Four validators whose five seconds of commits are beyond reproach.
fn final_world() -> World {
    let mut world =
        World::new(Settings { validators: 4, clients: 2, copies: true, ..Settings::new(3) });
    world.mesh(4);
    (0..2).for_each(|_| world.add_client(Span::from_millis(200), Span::from_secs(5)));
    world.run(Span::from_secs(5)).unwrap();
    world.finish(Span::from_secs(5)).unwrap();
    world.judge_final().unwrap();
    world
}

/// After `change` a judge notices that `rule` is broken.
fn is_noticed(world: &mut World, rule: Rule, change: impl FnOnce(&mut Node)) {
    change(world.honest(0).unwrap());
    let broken = world.judge_final().unwrap_err();
    assert_eq!(broken.rule, rule, "{broken}");
}

/// The first commit that ordered two transactions or more.
fn filled(node: &Node) -> usize {
    let is_filled = |commit: &crate::world::told::Commit| commit.leaves.len() > 1;
    node.told.commits.iter().position(is_filled).unwrap()
}

#[test]
fn a_fork_is_noticed() {
    is_noticed(&mut final_world(), Rule::C1Agreement, |node| {
        let at = filled(node);
        let commit = &mut node.told.commits[at];
        let mut leaves = commit.leaves.to_vec();
        leaves.swap(0, 1);
        commit.leaves = leaves.into();
    });
}

#[test]
fn what_is_told_twice_or_lost_is_noticed() {
    let mut world = final_world();
    // Some nodes may be a commit ahead: all are cut to what all have, so that only the repeated
    // commit is wrong.
    let common = (0..4).map(|number| world.node(number).told.commits.len()).min().unwrap();
    for number in 0..4 {
        let commits = &mut world.honest(number).unwrap().told.commits;
        commits.truncate(common);
        commits.extend(commits.last().cloned());
    }
    is_noticed(&mut world, Rule::C13Monotony, |_| {});
    is_noticed(&mut final_world(), Rule::C2Durability, |node| {
        node.crash(0);
        node.go_back(Vec::new());
    });
}

#[test]
fn a_wrong_outcome_or_balance_is_noticed() {
    let world = final_world();
    let (node, genesis) = (world.node(0), world.genesis().clone());
    let chain = &node.told.commits;
    let ledger = |chain: &[crate::world::told::Commit]| ledger::replay(node, &genesis, chain);
    ledger(chain).unwrap();
    assert!(ledger(&chain[..filled(node)]).is_err(), "balances without the last commits");
    let mut other = chain.clone();
    let at = filled(node);
    let mut leaves = other[at].leaves.to_vec();
    leaves[0].outcome = weft_core::outcome::Outcome::Expired;
    other[at].leaves = leaves.into();
    assert!(ledger(&other).is_err(), "an outcome that nothing explains");
    let rich = weft_core::genesis::Genesis { accounts: Vec::new(), ..genesis.clone() };
    assert!(ledger::replay(node, &rich, chain).is_err(), "another supply");
}

#[test]
fn a_child_before_its_parent_is_noticed() {
    let mut world = final_world();
    for number in 0..4 {
        let commits = &mut world.honest(number).unwrap().told.commits;
        let filled: Vec<usize> =
            (0..commits.len()).filter(|at| !commits[*at].leaves.is_empty()).collect();
        let (first, last) = (filled[0], filled[filled.len() - 1]);
        let leaves = commits[first].leaves.clone();
        commits[first].leaves = commits[last].leaves.clone();
        commits[last].leaves = leaves;
    }
    let broken = causes_first(world.node(0)).unwrap_err();
    assert!(broken.what.contains("before its parent"), "{broken}");
}

#[test]
fn an_unordered_acknowledgement_is_noticed() {
    is_noticed(&mut final_world(), Rule::C7Liveness, |node| {
        node.told.acknowledged.insert(TxId::ZERO);
    });
}

#[test]
fn two_signatures_of_a_round_are_noticed() {
    let key = crate::world::toy::ToyKey::from_seed(&[1; 32]);
    let said = |ms: u64| {
        let (slot, time) = ((Round(1), Author(0)), Time::from_millis(ms));
        let made =
            Checkpoint::sign(NetworkId([0; 4]), slot, time, Content::default(), &key).unwrap();
        let message = Message::Checkpoint(made.to_bytes().into());
        [ToNet::Send { to: NodeId::ZERO, message }]
    };
    is_noticed(&mut final_world(), Rule::C11SignedOnce, |node| {
        node.signed = Signed::default();
        node.signed.watch(Author(0), &said(1));
        node.signed.watch(Author(0), &said(1));
        assert_eq!(node.signed.twice, None);
        node.signed.watch(Author(0), &said(2));
    });
}

#[test]
fn a_validator_that_forgets_is_noticed() {
    is_noticed(&mut final_world(), Rule::C11SignedOnce, |node| {
        let mut status = node.status().unwrap().clone();
        status.signing = Signing::Observer;
        node.pretend(status);
    });
}

#[test]
fn time_that_goes_back_is_noticed() {
    let mut world = final_world();
    for number in 0..4 {
        let commits = &mut world.honest(number).unwrap().told.commits;
        let mut record = (*commits[5].record).clone();
        record.time = commits[4].record.time;
        commits[5].record = record.into();
    }
    is_noticed(&mut world, Rule::C13Monotony, |_| {});
}

#[test]
fn a_false_conviction_or_alarm_is_noticed() {
    is_noticed(&mut final_world(), Rule::C12Justice, |node| {
        node.told.convicted.insert(Author(2));
    });
    is_noticed(&mut final_world(), Rule::C12Justice, |node| node.told.alarms.push("fire".into()));
}

#[test]
fn a_body_that_ends_twice_is_noticed() {
    let mut world = final_world();
    let node = world.honest(0).unwrap();
    let at = filled(node);
    let applied = node.told.commits[at].leaves.to_vec();
    let ended = applied.into_iter().find(|leaf| leaf.outcome.consumes_sequence()).unwrap();
    let again = Leaf { tx: TxId::ZERO, ..ended };
    let last = node.told.commits.last_mut().unwrap();
    last.leaves = last.leaves.iter().copied().chain([again]).collect();
    assert_eq!(one_end(node).unwrap_err().rule, Rule::C9Answers);
}

#[test]
fn a_gap_in_the_log_is_noticed() {
    let mut world = final_world();
    let node = world.honest(0).unwrap();
    store_in_order(node).unwrap();
    let mut batches = node.copy();
    batches.remove(batches.iter().position(|batch| batch.attached.len() == 1).unwrap());
    let shifted = batches.iter_mut().flat_map(|batch| &mut batch.attached);
    (0..).map(Position).zip(shifted).for_each(|(at, attached)| attached.position = at);
    node.go_back(batches);
    assert_eq!(store_in_order(node).unwrap_err().rule, Rule::C5Integrity);
}

#[test]
fn a_start_that_forgets_is_noticed() {
    is_noticed(&mut final_world(), Rule::C16Recovery, |node| {
        let mut status = node.status().unwrap().clone();
        status.round = Round(status.round.0 + 1);
        node.pretend(status);
    });
}

/// An unordered map, or a clock of the machine it runs on, comes to this: somewhere in the run a
/// number is drawn that the other run did not draw.
#[test]
fn a_run_that_does_not_repeat_is_noticed() {
    let trace = |draws: u64| {
        let mut world = World::new(Settings::new(5));
        for node in world.mesh(3) {
            world.add_poster(node, Posting::default(), Span::from_secs(2));
        }
        world.run(Span::from_secs(1)).unwrap();
        for _ in 0..draws {
            world.steps.draw();
        }
        world.run(Span::from_secs(1)).unwrap();
        world.trace().0
    };
    one_run(5, &trace(0), &trace(0)).unwrap();
    assert_eq!(one_run(5, &trace(0), &trace(1)).unwrap_err().rule, Rule::C6Determinism);
}

/// What a hole in gossip comes to: one of two nodes lacks the last transaction of the other, and
/// nothing is on its way to change that.
#[test]
fn a_transaction_that_one_lacks_at_rest_is_noticed() {
    let mut world = World::new(Settings { copies: true, ..Settings::new(6) });
    let nodes = world.mesh(2);
    world.add_poster(nodes[0], Posting::default(), Span::from_secs(2));
    world.run(Span::from_secs(2)).unwrap();
    world.settle(Span::from_secs(3)).unwrap();
    world.judge_settled().unwrap();
    let now = world.now();
    let node = world.honest(nodes[1]).unwrap();
    let mut batches = node.copy();
    batches.truncate(batches.iter().rposition(|batch| !batch.attached.is_empty()).unwrap());
    node.crash(0);
    node.go_back(batches);
    node.start(now);
    assert_eq!(world.judge_settled().unwrap_err().rule, Rule::C8Convergence);
}

/// ```text
/// a - b
/// | x |      d speaks with nobody in particular: it hears all, and nobody hears it
/// c - d
/// ```
#[test]
fn a_validator_that_nobody_hears_is_noticed() {
    let mut world = final_world();
    probe(&mut world).unwrap();
    (0..3).for_each(|other| world.fault(&Fault::Block(3, other)));
    assert_eq!(probe(&mut world).unwrap_err().rule, Rule::C15Censorship);
}

/// One node of four takes three seconds until it answers whoever posts at it.
#[test]
fn an_issuer_who_gets_less_than_others_is_noticed() {
    let mut world = final_world();
    world.fault(&Fault::SlowDisk(3, Span::from_secs(3)));
    world.plan_fault(Span::from_millis(2_900), Fault::SlowDisk(3, Span::default()));
    assert_eq!(probe(&mut world).unwrap_err().rule, Rule::C14Fairness);
}

/// Each cell of the table, one tick beyond.
#[test]
fn a_loss_beyond_the_table_is_noticed() {
    let fair = Stakes { said: 10, paid: 14, written: 7, opened: 7, risk: 4 };
    inside_the_table(&fair).unwrap();
    for unfair in [
        Stakes { opened: 5, ..fair },
        Stakes { written: 5, opened: 5, ..fair },
        Stakes { opened: 8, ..fair },
        Stakes { paid: 9, ..fair },
        Stakes { risk: 2, ..fair },
    ] {
        assert_eq!(inside_the_table(&unfair).unwrap_err().rule, Rule::C17Losses, "{unfair:?}");
    }
    for (claimed, holds) in [(6, false), (7, true), (10, true), (11, false)] {
        assert_eq!(ends_as_paid(&fair, claimed).is_ok(), holds, "{claimed}");
    }
}
