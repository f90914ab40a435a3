//! Shares by weight, and a ring held against a naive one.

use alloc::{collections::VecDeque, vec::Vec};

use proptest::{collection::vec as many, prelude::*};

use super::*;
use crate::{digest::KeyId, params::TRANSACTION_BYTES_MAX};

fn issuer(number: u16) -> Address {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    Address::of(KeyId(bytes))
}

fn funded(number: u16, weight: u64) -> Lane {
    Lane::of(issuer(number), weight, None)
}

fn unfunded(number: u16, peer: u8) -> Lane {
    Lane::of(issuer(number), 0, Some(NodeId([peer; 32])))
}

/// What each lane gets of `total` bytes while something of each always waits.
fn served(lanes: &[(Lane, u64)], item: u64, total: u64) -> Vec<u64> {
    let mut turns = Turns::new();
    lanes.iter().for_each(|(lane, weight)| turns.put(lane, *weight, 1));
    let mut served = BTreeMap::new();
    for _ in 0..total / item {
        let lane = turns.next(|_| true).unwrap();
        turns.charge(&lane, item);
        *served.entry(lane).or_default() += item;
    }
    lanes.iter().map(|(lane, _)| served.get(lane).copied().unwrap_or(0)).collect()
}

#[test]
fn the_funded_share_four_parts_of_five_by_weight_and_the_rest_one() {
    let mut lanes = [(funded(1, 1), 1), (funded(2, 3), 3)].to_vec();
    lanes.extend((10..1_010).map(|number| (unfunded(number, 7), 0)));
    let got = served(&lanes, 3_000, 30_000_000);
    let others: u64 = got[2..].iter().sum();
    for (got, part) in [(got[0], 6_000_000), (got[1], 18_000_000), (others, 6_000_000_u64)] {
        assert!(part.abs_diff(got) < part / 50, "{got} of {part}");
    }
    assert!(got[2..].iter().all(|got| (3_000..=9_000).contains(got)), "nobody starves");
}

#[test]
fn a_peer_is_a_peer_however_many_it_speaks_for() {
    let mut lanes = [(unfunded(1, 1), 0)].to_vec();
    lanes.extend((10..60).map(|number| (unfunded(number, 2), 0)));
    let got = served(&lanes, 1_000, 10_000_000);
    assert!(got[0].abs_diff(5_000_000) < 100_000, "{}", got[0]);
}

#[test]
fn what_a_class_does_not_use_others_get() {
    assert_eq!(served(&[(unfunded(1, 1), 0)], 2_000, 100_000), [100_000]);
    assert_eq!(served(&[(funded(1, 64), 64)], 2_000, 100_000), [100_000]);
}

#[test]
fn whoever_took_more_than_a_turn_pays_first() {
    let (one, other) = (funded(1, 1), funded(2, 1));
    let mut turns = Turns::new();
    turns.put(&one, 1, 1);
    turns.put(&other, 1, 1);
    turns.charge(&one, 20_000);
    let mut order = Vec::new();
    for _ in 0..12 {
        let lane = turns.next(|_| true).unwrap();
        turns.charge(&lane, 2_000);
        order.push(lane == other);
    }
    assert!(order[..9].iter().all(|is_other| *is_other), "{order:?}");
    assert!(order.contains(&false), "{order:?}");
}

/// One who leaves after each thing gets no more than one who always has something.
#[test]
fn whoever_leaves_and_comes_back_still_owes() {
    let (stays, comes) = (funded(1, 1), funded(2, 1));
    let mut turns = Turns::new();
    turns.put(&stays, 1, 1);
    let mut served = [0_u64; 2];
    for _ in 0..400 {
        if turns.is_idle(&comes) {
            turns.put(&comes, 1, 1);
        }
        let lane = turns.next(|_| true).unwrap();
        turns.charge(&lane, 3_000);
        served[usize::from(lane == comes)] += 1;
        if lane == comes {
            turns.remove(&comes, 1);
        }
    }
    assert!(served[0].abs_diff(served[1]) <= 2, "{served:?}");
}

#[test]
fn whoever_cannot_go_on_holds_up_nobody() {
    let mut turns = Turns::new();
    let (stuck, free) = (funded(1, 1), unfunded(2, 1));
    turns.put(&stuck, 1, 1);
    assert_eq!(turns.next(|_| false), None);
    turns.put(&free, 0, 1);
    assert_eq!(turns.next(|lane| *lane == free), Some(free));
}

#[test]
fn the_longest_line_is_that_of_the_class_peer_and_issuer_with_most_for_its_share() {
    let mut turns = Turns::new();
    turns.put(&funded(1, 1), 1, 3_000);
    turns.put(&funded(2, 64), 64, 64_000);
    assert_eq!(turns.longest(), Some(funded(1, 1)));
    for number in 10..40 {
        turns.put(&unfunded(number, 1), 0, 1_000);
    }
    turns.put(&unfunded(50, 2), 0, 20_000);
    let longest = turns.longest().unwrap();
    assert!(!longest.is_funded() && longest.peer == Some(NodeId([1; 32])), "{longest:?}");
    // A second for the 1,000 bytes of one of 30 of one of two peers of one part of five.
    let span = turns.time_of(&unfunded(10, 1), 300_000);
    assert_eq!(span, Span::from_millis(3 * 5 * 2 * 30));
    (10..40).for_each(|number| turns.remove(&unfunded(number, 1), 1_000));
    turns.remove(&unfunded(50, 2), 20_000);
    assert!(turns.is_idle(&unfunded(50, 2)) && turns.longest() == Some(funded(1, 1)));
}

/// The same in the plainest way: a list that is rotated, of key, weight, credit and bytes.
#[derive(Default)]
struct Naive(VecDeque<(u8, u64, i64, u64)>);

impl Naive {
    fn put(&mut self, key: u8, weight: u64, bytes: u64) {
        match self.0.iter_mut().find(|flow| flow.0 == key) {
            Some(flow) => (flow.1, flow.3) = (weight, flow.3 + bytes),
            None => self.0.push_back((key, weight, 0, bytes)),
        }
    }

    fn next(&mut self) -> Option<u8> {
        if self.0.iter().all(|flow| flow.3 == 0) {
            return None;
        }
        loop {
            match self.0[0] {
                (key, _, 0.., 1..) => return Some(key),
                (_, _, 0.., 0) => drop(self.0.pop_front()),
                _ => self.0.rotate_left(1),
            }
            let (_, weight, credit, _) = &mut self.0[0];
            let turn = (*weight * ring::QUANTUM) as i64;
            *credit = (*credit + turn).min(turn);
        }
    }

    fn take(&mut self, key: u8, cost: u64, bytes: u64) {
        for (other, weight, credit, waits) in &mut self.0 {
            if *other == key {
                let turn = (*weight * ring::QUANTUM) as i64;
                *credit = (*credit - cost as i64).max(-turn - 2 * TRANSACTION_BYTES_MAX as i64);
                *waits -= bytes;
            }
        }
        self.0.retain(|(other, _, credit, waits)| *other != key || *waits > 0 || *credit < 0);
        if self.0.iter().all(|flow| flow.3 == 0) {
            self.0.clear();
        }
    }

    fn longest(&self) -> u64 {
        self.0.iter().map(|flow| (flow.3 << 10) / flow.1).max().unwrap_or(0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_ring_equals_a_naive_one(
        steps in many((0_u8..6, 1_u64..65, 1_u64..33_000, any::<bool>()), 1..200),
    ) {
        let (mut ring, mut naive) = (Ring::new(), Naive::default());
        for (key, weight, bytes, puts) in steps {
            if puts {
                ring.put(key, weight, bytes);
                naive.put(key, weight, bytes);
            } else {
                let cost = bytes.min(TRANSACTION_BYTES_MAX as u64);
                let next = ring.next(|_| true);
                prop_assert_eq!(next, naive.next());
                let Some(key) = next else { continue };
                prop_assert_eq!(ring.next(|_| true), Some(key));
                let leaves = ring.bytes(&key).min(cost);
                ring.charge(&key, cost);
                ring.remove(&key, leaves);
                naive.take(key, cost, leaves);
            }
            let longest = ring.longest();
            prop_assert_eq!(longest.is_none(), naive.0.is_empty());
            if let Some(key) = longest {
                let (_, weight, _, bytes) = naive.0.iter().find(|flow| flow.0 == key).unwrap();
                prop_assert_eq!((bytes << 10) / weight, naive.longest());
            }
        }
    }

    /// Shreedhar and Varghese, theorem 2: what two get for their weights, while both always have
    /// something waiting, differs by at most a turn and twice the longest item.
    #[test]
    fn shares_are_those_of_the_weights(
        weights in many(1_u64..65, 2..8),
        costs in many(1_u64..=TRANSACTION_BYTES_MAX as u64, 1..60),
    ) {
        let mut turns = Turns::new();
        let lanes = (0..).zip(&weights).map(|(number, weight)| funded(number, *weight));
        let lanes: Vec<Lane> = lanes.collect();
        lanes.iter().zip(&weights).for_each(|(lane, weight)| turns.put(lane, *weight, 1));
        let mut served: BTreeMap<Lane, u64> = BTreeMap::new();
        for cost in costs.iter().cycle().take(2_000) {
            let lane = turns.next(|_| true).unwrap();
            turns.charge(&lane, *cost);
            *served.entry(lane).or_default() += cost;
            let got = |at: usize| served.get(&lanes[at]).copied().unwrap_or(0) / weights[at];
            let all = || (0..lanes.len()).map(got);
            let apart = all().max().unwrap() - all().min().unwrap();
            prop_assert!(apart <= ring::QUANTUM + 2 * TRANSACTION_BYTES_MAX as u64, "{apart}");
        }
    }
}
