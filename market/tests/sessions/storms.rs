//! Any steps in any order, crashes of either side included; then calm, and all is there.

use proptest::{collection::vec, prelude::*};
use weft_core::{market::terms::Unit, time::Span, units::Amount};
use weft_market::buyer::{Event, Exposure};

use crate::{
    judge::CHUNK_TICKS,
    world::{Shop, Way, World, channel_id},
};

/// One step.
#[derive(Clone, Copy, Debug)]
enum Step {
    Publish(u16),
    Connect,
    Cut,
    Deliver(Way, usize),
    Lose(Way, usize),
    Double(Way, usize),
    Bend(Way, usize, usize),
    SyncSeller,
    SyncBuyer,
    Look,
    Ledger,
    CrashSeller(bool),
    CrashBuyer(bool),
    StartSeller,
    StartBuyer,
    Wait(u64),
    Settle,
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::ToBuyer), Just(Way::ToSeller)]
}

/// Mostly what works, so that a storm gets somewhere.
fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..=CHUNK_TICKS as u16).prop_map(Step::Publish),
        3 => Just(Step::Connect),
        1 => Just(Step::Cut),
        16 => (way(), prop_oneof![3 => Just(0_usize), 1 => 0_usize..8])
            .prop_map(|(way, at)| Step::Deliver(way, at)),
        1 => (way(), 0_usize..8).prop_map(|(way, at)| Step::Lose(way, at)),
        1 => (way(), 0_usize..8).prop_map(|(way, at)| Step::Double(way, at)),
        4 => Just(Step::SyncSeller),
        4 => Just(Step::SyncBuyer),
        4 => Just(Step::Look),
        3 => Just(Step::Ledger),
        1 => any::<bool>().prop_map(Step::CrashSeller),
        1 => any::<bool>().prop_map(Step::CrashBuyer),
        2 => Just(Step::StartSeller),
        2 => Just(Step::StartBuyer),
        2 => (0_u64..20_000).prop_map(Step::Wait),
        2 => Just(Step::Settle),
    ]
}

fn bent_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        9 => step(),
        1 => (way(), 0_usize..8, any::<usize>())
            .prop_map(|(way, at, bit)| Step::Bend(way, at, bit)),
    ]
}

impl World {
    fn take_step(&mut self, step: Step) {
        match step {
            Step::Publish(readings) if self.chunks.len() < 40 => self.publish(readings),
            Step::Publish(_) => {}
            Step::Connect => self.connect(),
            Step::Cut => self.cut(),
            Step::Deliver(way, at) => _ = self.deliver(way, at),
            Step::Lose(way, at) => drop(self.wire.take(way, at)),
            Step::Double(way, at) => self.wire.double(way, at),
            Step::Bend(way, at, bit) => self.wire.bend(way, at, bit),
            Step::SyncSeller => _ = self.sync_seller(),
            Step::SyncBuyer => _ = self.sync_buyer(),
            Step::Look => _ = self.look(),
            Step::Ledger => _ = self.ledger(),
            Step::CrashSeller(is_written) => self.crash_seller(is_written),
            Step::CrashBuyer(is_written) => self.crash_buyer(is_written),
            Step::StartSeller if self.seller.is_none() => self.start_seller(),
            Step::StartBuyer if self.buyer.is_none() => self.start_buyer(),
            Step::StartSeller | Step::StartBuyer => {}
            Step::Wait(ms) => self.wait(Span::from_millis(ms)),
            Step::Settle => self.run(),
        }
    }

    /// A buyer that gave up on a seller that kept silent is started again by its user.
    fn calm_at_last(&mut self) {
        self.crash_buyer(true);
        self.calm();
    }
}

fn shop(is_wide: bool) -> Shop {
    let wide = Exposure::AtMost(Amount(3 * 40));
    let exposure = if is_wide { wide } else { Exposure::OneChunk };
    Shop { exposure, unit: Unit::Reading, ..Shop::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Frames lost, repeated and in another order, crashes of either side at any step: at every
    /// step the losses are in their bounds, and in the end every chunk is there, paid for once, and
    /// what is claimed is what was paid, to the unit.
    #[test]
    fn nothing_is_lost_and_nothing_paid_twice(
        is_wide in any::<bool>(),
        steps in vec(step(), 0..400),
    ) {
        let mut world = World::new(shop(is_wide));
        for step in steps {
            world.take_step(step);
        }
        world.calm_at_last();
        let all: Vec<u64> = world.chunks.keys().copied().collect();
        prop_assert_eq!(world.delivered(), all);
        let price: u32 = world.chunks.values().map(|stored| stored.listed.ticks).sum();
        let buyer = world.buyer.as_ref().unwrap();
        prop_assert_eq!(buyer.counter().paid, price);
        prop_assert_eq!(buyer.exposed(), Amount::ZERO);
        prop_assert_eq!(world.counters.get(&channel_id()).map_or(0, |kept| kept.index), price);
        world.tell_seller(weft_market::seller::Input::Claim { channel: None });
        world.run();
        let channel = world.channel.clone().unwrap();
        prop_assert_eq!(channel.claimed, price);
        prop_assert_eq!(channel.paid().0 + channel.rest().0, channel.terms.deposit.0);
    }

    /// Frames bent as well, as only a cheat can bend them: whatever comes of it, the losses are in
    /// their bounds at every step, which the world checks.
    #[test]
    fn bent_frames_cost_nobody_more_than_the_table_says(
        is_wide in any::<bool>(),
        steps in vec(bent_step(), 0..400),
    ) {
        let mut world = World::new(shop(is_wide));
        for step in steps {
            world.take_step(step);
        }
        world.calm_at_last();
    }
}

/// With a long row of clean rounds the window opens: chunks travel ahead of payments.
#[test]
fn a_session_without_flaws_runs_ahead() {
    let mut world = World::new(shop(true));
    world.connect();
    world.run();
    for _ in 0..40 {
        world.publish(1);
        world.run();
    }
    for _ in 0..8 {
        world.publish(1);
    }
    let ahead = world.waiting_for_buyer().len();
    assert!(ahead == 4, "two times 16 clean rounds, and {ahead} chunks ahead");
    world.run();
    assert_eq!(world.delivered().len(), 48);
    assert!(!world.events.iter().any(|event| matches!(event, Event::Gap { .. } | Event::Ended(_))));
}
