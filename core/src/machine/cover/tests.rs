//! Small pictures, and a naive recomputation over random graphs.

use alloc::{vec, vec::Vec};

use proptest::{collection::vec as many, prelude::*};

use super::*;
use crate::digest::KeyId;

const ANCHOR: Round = Round(100);

/// An id in the share of validator `share` of up to 256.
fn id(share: u8, number: u8) -> TxId {
    let mut bytes = [0; 32];
    (bytes[0], bytes[4]) = (share, number + 1);
    TxId(bytes)
}

/// By some issuer.
fn said(id: TxId, parents: [TxId; 2], anchor: Round) -> Citable {
    Citable { id, parents, anchor, issuer: issuer(0), bytes: 1_000 }
}

fn issuer(number: u8) -> Address {
    Address::of(KeyId([number; 32]))
}

fn alike(_: &Address) -> u64 {
    1
}

fn of(own: u16, validators: u16) -> Cover {
    let mut cover = Cover::new(Author(own), validators, usize::MAX, Places::of([0; 32]));
    cover.enter(ANCHOR);
    cover
}

#[test]
fn only_ends_are_cited_and_a_cover_reaches_all_their_past() {
    let mut cover = of(0, 1);
    let [a, b, c] = [0, 1, 2].map(|number| id(0, number));
    assert!(!cover.is_awake() && cover.is_empty());
    cover.attached(said(a, [TxId::ZERO; 2], ANCHOR));
    cover.attached(said(b, [TxId::ZERO, a], ANCHOR));
    cover.attached(said(c, [a, b], ANCHOR));
    assert_eq!(cover.candidates(cover.round, false, 9, &alike), [c]);
    assert_eq!(cover.candidates(cover.round, false, 0, &alike), []);
    cover.cited(Round(100), &[b]);
    assert_eq!(cover.candidates(cover.round, false, 9, &alike), [c]);
    cover.cited(Round(101), &[c]);
    assert!(!cover.is_awake());
    [a, b, c].iter().for_each(|id| cover.ordered(id));
    assert!(cover.is_empty());
}

#[test]
fn what_nobody_cites_is_overdue_until_somebody_does() {
    let mut cover = of(1, 4);
    let [a, b, c] = [0, 1, 2].map(|share| id(share, 0));
    cover.attached(said(a, [TxId::ZERO; 2], ANCHOR));
    cover.attached(said(b, [TxId::ZERO, a], ANCHOR));
    cover.attached(said(c, [TxId::ZERO; 2], ANCHOR));
    cover.enter(Round(ANCHOR.0 + OVERDUE_ROUNDS));
    assert_eq!(cover.overdue(9), []);
    cover.enter(Round(ANCHOR.0 + OVERDUE_ROUNDS + 1));
    assert_eq!(cover.overdue(9), [b, c], "their past follows from them");
    assert_eq!(cover.overdue(1), [b]);
    cover.cited(cover.round, &[b]);
    assert_eq!(cover.overdue(9), [c]);
}

#[test]
fn a_share_is_taken_at_once_and_leftovers_after_two_rounds() {
    let mut cover = of(1, 4);
    for share in 0..4 {
        cover.attached(said(id(share, 0), [TxId::ZERO; 2], ANCHOR));
    }
    assert_eq!(cover.candidates(cover.round, false, 9, &alike), [id(1, 0)]);
    cover.enter(Round(102));
    assert_eq!(cover.candidates(cover.round, false, 9, &alike), [id(1, 0)]);
    cover.enter(Round(103));
    // Half of the room is for the others, of whom the next one after us comes first.
    assert_eq!(cover.candidates(cover.round, false, 2, &alike), [id(2, 0), id(1, 0)]);
    assert_eq!(cover.candidates(cover.round, false, 9, &alike).len(), 4);
    cover.cited(Round(103), &[id(1, 0)]);
    assert!(cover.is_awake());
    assert_eq!(cover.candidates(cover.round, false, 3, &alike), [id(2, 0), id(3, 0), id(0, 0)]);
}

#[test]
fn a_cover_that_leads_nowhere_expires_for_everyone() {
    let mut cover = of(1, 4);
    let (a, b) = (id(0, 0), id(0, 1));
    cover.attached(said(a, [TxId::ZERO; 2], ANCHOR));
    cover.attached(said(b, [TxId::ZERO, a], ANCHOR));
    cover.cited(Round(100), &[b]);
    cover.enter(Round(107));
    assert!(!cover.is_awake());
    cover.enter(Round(108));
    assert_eq!(cover.candidates(cover.round, false, 9, &alike), [b]);
    cover.cited(Round(100), &[b]);
    assert_eq!(
        cover.candidates(cover.round, false, 9, &alike),
        [b],
        "a cover that comes too late is none"
    );
    cover.cited(Round(108), &[b]);
    assert!(!cover.is_awake());
}

#[test]
fn the_leader_takes_all_shares_at_once() {
    let mut cover = of(0, 2);
    let (mine, other) = (id(0, 0), id(1, 0));
    cover.attached(said(mine, [TxId::ZERO; 2], ANCHOR));
    cover.attached(said(other, [TxId::ZERO; 2], ANCHOR));
    assert_eq!(cover.candidates(cover.round, false, 9, &alike), [mine]);
    let mut taken = cover.candidates(cover.round, true, 9, &alike);
    taken.sort_unstable();
    assert_eq!(taken, [mine, other]);
}

#[test]
fn a_child_ahead_of_us_does_not_hide_its_parent() {
    let mut cover = of(0, 1);
    let (parent, ahead) = (id(0, 0), id(0, 1));
    cover.attached(said(parent, [TxId::ZERO; 2], ANCHOR));
    cover.attached(said(ahead, [TxId::ZERO, parent], Round(110)));
    assert_eq!(cover.candidates(cover.round, false, 9, &alike), [parent]);
    cover.enter(Round(110));
    assert_eq!(cover.candidates(cover.round, false, 9, &alike), [ahead]);
    assert_eq!(
        cover.candidates(Round(109), false, 9, &alike),
        [],
        "a round that is made up for cites nothing"
    );
}

#[test]
fn what_is_too_old_is_not_cited_and_then_dropped() {
    let mut cover = of(0, 1);
    cover.attached(said(id(0, 0), [TxId::ZERO; 2], ANCHOR));
    cover.enter(Round(600));
    assert!(cover.is_awake());
    cover.enter(Round(601));
    assert!(!cover.is_awake());
    assert_eq!(cover.drop_stale(Round(700)), []);
    assert_eq!(cover.drop_stale(Round(701)), [id(0, 0)]);
    assert!(cover.is_empty());
}

/// One issuer has a hundred ends and nothing else, two others have little; and one has a single end
/// with a long past of its own, which costs as much as the hundred.
#[test]
fn where_there_is_no_room_for_all_issuers_take_turns_and_pay_for_what_is_covered() {
    let mut cover = of(0, 1);
    let mut attach = |number, parents, by| {
        cover.attached(Citable { issuer: issuer(by), ..said(id(0, number), parents, ANCHOR) });
    };
    (0..100).for_each(|number| attach(number, [TxId::ZERO; 2], 1));
    [200, 201].into_iter().for_each(|number| attach(number, [TxId::ZERO; 2], 2));
    attach(210, [TxId::ZERO; 2], 3);
    attach(110, [TxId::ZERO; 2], 4);
    (111..150).for_each(|number| attach(number, [TxId::ZERO, id(0, number - 1)], 4));
    attach(220, [TxId::ZERO; 2], 4);
    let count = |cover: &Cover, max, weigh: &dyn Fn(&Address) -> u64| {
        let chosen = cover.candidates(cover.round, false, max, weigh);
        assert_eq!(chosen.len(), max);
        [1, 2, 3, 4].map(|by| {
            chosen.iter().filter(|id| cover.entries.get(id).unwrap().issuer == issuer(by)).count()
        })
    };
    assert_eq!(count(&cover, 8, &alike), [4, 2, 1, 1]);
    // Who owns nothing shares one part of five with all who do not.
    let only_third = |by: &Address| u64::from(*by == issuer(3));
    assert_eq!(count(&cover, 2, &only_third)[2], 1);
    let only_first = |by: &Address| u64::from(*by == issuer(1));
    assert!(count(&cover, 20, &only_first)[0] >= 15);
}

/// All of it from scratch, every time.
#[derive(Default)]
struct Naive {
    round: u64,
    known: Vec<Known>,
}

struct Known {
    id: TxId,
    parents: [TxId; 2],
    anchor: u64,
    since: u64,
    covered: Option<u64>,
}

impl Naive {
    fn enter(&mut self, round: u64) {
        self.round = round;
        for one in &mut self.known {
            if one.covered.is_some_and(|cited| cited + RECOVER_ROUNDS <= round) {
                one.since = one.covered.take().unwrap();
            }
        }
    }

    fn cited(&mut self, round: u64, tip: TxId) {
        let known = self.known.iter_mut().find(|one| one.id == tip && one.covered.is_none());
        let (Some(known), true) = (known, self.round < round + RECOVER_ROUNDS) else { return };
        known.covered = Some(round);
        let parents = known.parents;
        parents.iter().for_each(|parent| self.cited(round, *parent));
    }

    fn is_open(&self, one: &Known) -> bool {
        let lag = self.round.checked_sub(one.anchor);
        one.covered.is_none() && lag.is_some_and(|lag| lag <= CITE_LAG)
    }

    /// What validator `own` of `n` may cite, ascending.
    fn candidates(&self, own: u16, n: u16) -> Vec<TxId> {
        let open: Vec<&Known> = self.known.iter().filter(|one| self.is_open(one)).collect();
        let is_end = |id: &TxId| !open.iter().any(|child| child.parents.contains(id));
        let is_ours = |one: &Known| {
            let number = u32::from_le_bytes(one.id.0[..4].try_into().unwrap());
            number % u32::from(n) == u32::from(own) || one.since + SHARE_ROUNDS < self.round
        };
        let found = open.iter().filter(|one| is_end(&one.id) && is_ours(one));
        let mut found: Vec<TxId> = found.map(|one| one.id).collect();
        found.sort_unstable();
        found
    }

    fn drop_stale(&mut self, leader: u64) -> Vec<TxId> {
        let is_stale = |one: &mut Known| one.anchor + ORDER_LAG < leader;
        self.known.extract_if(.., is_stale).map(|one| one.id).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Attach { share: u8, parents: [usize; 2], ahead: u64 },
    Enter { by: u64 },
    Cite { behind: u64, tips: Vec<usize> },
    Order { which: usize },
    Drop { behind: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<u8>(), any::<[usize; 2]>(), prop_oneof![4 => Just(0), 1 => 0_u64..12])
            .prop_map(|(share, parents, ahead)| Step::Attach { share, parents, ahead }),
        3 => prop_oneof![8 => 0_u64..4, 1 => 0_u64..300].prop_map(|by| Step::Enter { by }),
        2 => (0_u64..12, many(any::<usize>(), 0..4))
            .prop_map(|(behind, tips)| Step::Cite { behind, tips }),
        1 => any::<usize>().prop_map(|which| Step::Order { which }),
        1 => (0_u64..20).prop_map(|behind| Step::Drop { behind }),
    ]
}

fn play(cover: &mut Cover, naive: &mut Naive, attached: &mut Vec<TxId>, step: Step) {
    let pick = |attached: &[TxId], at: usize| match attached.len() {
        0 => TxId::ZERO,
        // The newest most often, as tips are.
        count => attached[count - 1 - (at % count).min(at % 5)],
    };
    match step {
        Step::Attach { share, parents, ahead } => {
            let mut new = id(share, 0);
            new.0[8..16].copy_from_slice(&(attached.len() as u64).to_le_bytes());
            let mut parents = parents.map(|at| pick(attached, at));
            if parents[0] == parents[1] {
                parents[0] = TxId::ZERO;
            }
            let anchor = naive.round + ahead;
            cover.attached(said(new, parents, Round(anchor)));
            let since = anchor.max(naive.round);
            naive.known.push(Known { id: new, parents, anchor, since, covered: None });
            attached.push(new);
        }
        Step::Enter { by } => {
            naive.enter(naive.round + by);
            cover.enter(Round(naive.round));
        }
        Step::Cite { behind, tips } => {
            let round = (naive.round + 3).saturating_sub(behind);
            let tips: Vec<TxId> = tips.iter().map(|at| pick(attached, *at)).collect();
            cover.cited(Round(round), &tips);
            tips.iter().for_each(|tip| naive.cited(round, *tip));
        }
        Step::Order { which } => {
            let gone = pick(attached, which);
            cover.ordered(&gone);
            naive.known.retain(|one| one.id != gone);
        }
        Step::Drop { behind } => {
            let leader = naive.round.saturating_sub(behind);
            let mut dropped = cover.drop_stale(Round(leader));
            let mut stale = naive.drop_stale(leader);
            dropped.sort_unstable();
            stale.sort_unstable();
            assert_eq!(dropped, stale);
        }
    }
}

/// Anchors cost nothing to invent: of those ahead of us the furthest leave first, and what is
/// anchored where we are never does.
#[test]
fn what_is_anchored_far_ahead_is_bounded() {
    let mut cover = Cover::new(Author(0), 1, 4, Places::of([0; 32]));
    cover.enter(Round(10));
    for (byte, anchor) in [(1, 10), (2, 1 << 40), (3, 9), (4, 50), (5, 60), (6, 10), (7, 10)] {
        cover.attached(said(TxId([byte; 32]), [TxId::ZERO; 2], Round(anchor)));
        let dropped = cover.drop_far();
        let expected: &[u8] = match byte {
            5 => &[2],
            6 => &[5],
            7 => &[4],
            _ => &[],
        };
        assert_eq!(dropped, expected.iter().map(|byte| TxId([*byte; 32])).collect::<Vec<_>>());
    }
    cover.attached(said(TxId([8; 32]), [TxId::ZERO; 2], Round(10)));
    assert_eq!((cover.drop_far(), cover.len()), (vec![], 5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn equals_a_naive_recomputation(
        steps in many(step(), 1..120),
        (own, n) in (1_u16..6).prop_flat_map(|n| (0..n, Just(n))),
    ) {
        let mut cover = Cover::new(Author(own), n, usize::MAX, Places::of([0; 32]));
        let mut naive = Naive::default();
        let mut attached = vec![];
        for step in steps {
            play(&mut cover, &mut naive, &mut attached, step);
            let mut found = cover.candidates(cover.round, false, TIPS_MAX, &alike);
            found.sort_unstable();
            prop_assert_eq!(&found, &naive.candidates(own, n));
            prop_assert_eq!(cover.is_awake(), !found.is_empty());
            prop_assert_eq!(cover.len(), naive.known.len());
            prop_assert_eq!(cover.is_empty(), naive.known.is_empty());
            let few = cover.candidates(cover.round, false, 3, &alike);
            prop_assert_eq!(few.len(), found.len().min(3));
            prop_assert!(few.iter().all(|id| found.contains(id)));
        }
    }
}
