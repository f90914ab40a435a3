//! The pacemaker in virtual time.

use alloc::{collections::BTreeMap, vec};

use super::{super::*, draw::*};
use crate::checkpoint::CheckpointCandidate;

/// Validators whose messages take no time, one clock.
struct Town {
    nodes: BTreeMap<u16, (Consensus, Log)>,
    now: Time,
    reasons: Vec<Reason>,
}

impl Town {
    fn new(count: u8, live: core::ops::Range<u16>) -> Self {
        let committee = committee(count);
        let node = |author| (author, (fresh(&committee, Some(Author(author))), Log::default()));
        Self { nodes: live.map(node).collect(), now: Time::from_millis(1_000), reasons: vec![] }
    }

    /// Goes on until `end`, from deadline to deadline.
    fn run(&mut self, end: Time, awake: bool) {
        while self.now < end {
            while self.step(awake) {}
            let deadlines =
                self.nodes.values_mut().filter_map(|(node, _)| node.next_deadline(awake));
            let next = deadlines.min().unwrap();
            assert!(next > self.now, "nothing is left to do now");
            self.now = next;
            for (node, _) in self.nodes.values_mut() {
                node.is_stuck(next, awake);
            }
        }
    }

    fn step(&mut self, awake: bool) -> bool {
        let mut made = Vec::new();
        for (author, (node, _)) in &mut self.nodes {
            if let Some(create) = node.create_due(self.now, awake) {
                let refs = node.references(create.round);
                self.reasons.push(create.reason);
                let one = make((create.round.0, *author), self.now.as_millis(), refs, vec![]);
                let of = node.dag.committee();
                let parsed = CheckpointCandidate::parse(one.bytes().clone(), NETWORK, of);
                assert_eq!(parsed.map(|parsed| parsed.reference()), Ok(one.reference()));
                made.push(one);
                assert_eq!(node.create_due(self.now, awake), None, "once for a round");
            }
        }
        for (node, log) in self.nodes.values_mut() {
            for one in &made {
                assert_eq!(add(node, one).fate, Fate::Accepted);
            }
            log.drain(node);
        }
        !made.is_empty()
    }
}

#[test]
fn one_validator_commits_by_itself() {
    let mut town = Town::new(1, 0..1);
    town.run(Time::from_millis(2_000), true);
    let (node, log) = &town.nodes[&0];
    assert!((19..=21).contains(&node.round().0), "one round in 50 ms: {}", node.round());
    assert_eq!(log.leaders.len() as u64 + 3, node.round().0);
    assert_eq!(town.reasons.iter().filter(|reason| **reason == Reason::Timeout).count(), 0);
    let mut idle = Town::new(1, 0..1);
    idle.run(Time::from_millis(11_000), false);
    assert!((10..=12).contains(&idle.nodes[&0].0.round().0), "one round in 1 s");
}

#[test]
fn four_commit_every_round() {
    let mut town = Town::new(4, 0..4);
    town.run(Time::from_millis(3_000), true);
    for (node, log) in town.nodes.values() {
        assert!(node.round().0 >= 39);
        assert_eq!(log.leaders.len() as u64 + 3, node.round().0);
        assert_eq!(log, &town.nodes[&0].1);
    }
}

#[test]
fn three_of_four_go_on_and_the_fourth_is_demoted() {
    let mut town = Town::new(4, 0..3);
    town.run(Time::from_millis(20_000), true);
    let (node, log) = &town.nodes[&0];
    assert_eq!(node.schedule.demoted(), [Author(3)]);
    assert!(log.leaders.iter().all(|(leader, _)| leader.author != Author(3)));
    assert!(town.reasons.contains(&Reason::Timeout));
    // Once demoted it costs nobody any patience.
    let so_far = town.reasons.len();
    town.run(Time::from_millis(22_000), true);
    assert!(town.reasons[so_far..].iter().all(|reason| *reason != Reason::Timeout));
}

#[test]
fn two_of_four_wait_and_say_so() {
    let mut town = Town::new(4, 0..2);
    let mut stuck = 0;
    for ms in 1_000..3_000 {
        town.now = Time::from_millis(ms);
        town.step(true);
        stuck += u32::from(town.nodes.get_mut(&0).unwrap().0.is_stuck(town.now, true));
    }
    assert_eq!(town.nodes[&0].0.round(), Round(1));
    assert_eq!(stuck, 4, "every 400 ms");
}

/// The trace that stalled the first pacemakers: peers are far ahead, and one high checkpoint after
/// the other reaches a validator, none with a quorum. It must not follow.
#[test]
fn lone_checkpoints_of_high_rounds_move_nobody() {
    let mut ahead = Town::new(4, 1..4);
    ahead.run(Time::from_millis(3_000), true);
    let committee = committee(4);
    let mut victim = fresh(&committee, Some(Author(0)));
    let now = Time::from_millis(5_000);
    assert_eq!(victim.create_due(now, true), None);
    let first = victim.create_due(now + Span::from_millis(50), true).unwrap();
    assert_eq!(first.round, Round(1));
    add(&mut victim, &make((1, 0), 5_000, vec![], vec![]));
    let all: Vec<_> = ahead.nodes[&1].0.accepted().cloned().collect();
    for one in all.iter().filter(|one| one.author() == Author(1) && one.round() > Round(1)) {
        add(&mut victim, one);
        assert_eq!(victim.create_due(now + Span::from_secs(10), true), None);
        assert_eq!((victim.round(), victim.quorum_round()), (Round(1), Round::ZERO));
    }
    // With the rest it fills every round at once: it lags less than a jump.
    for one in &all {
        add(&mut victim, one);
    }
    let mut filled = vec![];
    while let Some(create) = victim.create_due(now, true) {
        let refs = victim.references(create.round);
        add(&mut victim, &make((create.round.0, 0), 5_000 + create.round.0, refs, vec![]));
        filled.push(create);
    }
    let last = filled.pop();
    assert!(filled.len() > 20 && filled.iter().all(|create| create.reason == Reason::Behind));
    assert!(last.is_some_and(|last| last.round >= victim.quorum_round()));
}

#[test]
fn who_lags_far_jumps() {
    let mut ahead = Town::new(4, 1..4);
    ahead.run(Time::from_millis(9_000), true);
    let mut late = fresh(&committee(4), Some(Author(0)));
    let mut log = Log::default();
    let first = make((1, 0), 1_000, vec![], vec![]);
    add(&mut late, &first);
    // From the start, as the others saw it: nothing below the gc round is needed any more.
    for (_, (node, log)) in ahead.nodes.iter().take(1) {
        assert!(node.gc_round() > Round(1), "{}", log.leaders.len());
        let standing = Standing { own_last: late.own_last(), ..node.standing() };
        let all = node.accepted().cloned().collect();
        let limits = PaceLimits::default();
        late = Consensus::restore(committee(4), Some(Author(0)), NETWORK, limits, standing, all);
    }
    log.drain(&mut late);
    let now = Time::from_millis(20_000);
    late.create_due(now, true);
    let create = late.create_due(now + Span::from_secs(8), true).unwrap();
    assert_eq!(create.round.0, late.quorum_round().0 + 1);
    let refs = late.references(create.round);
    assert_eq!(refs[0], first.reference());
    let jump = make((create.round.0, 0), 30_000, refs, vec![]);
    let parsed = CheckpointCandidate::parse(jump.bytes().clone(), NETWORK, &committee(4));
    assert_eq!(parsed.map(|parsed| parsed.reference()), Ok(jump.reference()));
}
