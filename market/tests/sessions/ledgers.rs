//! Claims, withdrawals, and a ledger that stalls.

use weft_core::{time::Span, units::Amount};
use weft_market::{
    frame::{Code, Refusal},
    seller::{self, Ask},
};

use crate::world::{Shop, World, channel_id};

impl World {
    /// A session in which so many ticks were paid, one a chunk.
    fn paid(shop: Shop, ticks: u32) -> Self {
        let mut world = Self::new(shop);
        world.connect();
        for _ in 0..ticks {
            world.publish(1);
            world.run();
        }
        assert_eq!(world.counters.get(&channel_id()).map_or(0, |kept| kept.index), ticks);
        world
    }

    fn claimed(&self) -> u32 {
        self.channel.as_ref().unwrap().claimed
    }

    fn claims(&self) -> usize {
        self.asks.iter().filter(|ask| matches!(ask, Ask::Claim(_))).count()
    }

    /// Waits in steps that a ledger keeps up with.
    fn wait_long(&mut self, span: Span) {
        for _ in 0..span.as_millis() / 60_000 {
            self.wait_secs(60);
            self.run();
        }
    }

    fn service(&mut self) -> bool {
        let before = self.delivered().len();
        self.publish(1);
        self.run();
        self.delivered().len() > before
    }
}

const HOUR: Span = Span::from_secs(3_600);

#[test]
fn a_fifth_of_the_deposit_is_claimed_at_once() {
    let shop = Shop { deposit: 3 * 50, ..Shop::default() };
    let mut world = World::paid(shop, 9);
    assert_eq!(world.claimed(), 0, "18 hundredths are not enough");
    world.publish(1);
    world.run();
    assert_eq!(world.claimed(), 10);
    for _ in 0..9 {
        world.publish(1);
        world.run();
        assert_eq!(world.claimed(), 10);
    }
    world.publish(1);
    world.run();
    // The seller learns that its first claim went through when it looks the channel up.
    world.wait_long(Span::from_secs(120));
    assert_eq!(world.claimed(), 20);
}

#[test]
fn what_is_old_is_claimed() {
    let mut world = World::paid(Shop::default(), 2);
    world.wait_long(Span::from_millis(HOUR.as_millis() * 6 - 120_000));
    assert_eq!(world.claimed(), 0);
    world.wait_long(Span::from_secs(240));
    assert_eq!(world.claimed(), 2);
    world.publish(1);
    world.run();
    world.wait_long(HOUR);
    assert_eq!(world.claimed(), 2, "six hours begin anew");
}

#[test]
fn the_rest_is_claimed_well_before_the_end_and_service_ends() {
    let expiry = weft_core::time::Time::from_millis(1_000_000) + HOUR;
    let mut world = World::paid(Shop { expiry, ..Shop::default() }, 2);
    world.wait_long(Span::from_secs(49 * 60));
    assert_eq!((world.claimed(), world.service()), (0, true));
    world.wait_long(Span::from_secs(2 * 60));
    assert_eq!((world.claimed(), world.service()), (3, false));
    assert!(world.now < expiry);
}

#[test]
fn a_claim_that_does_not_show_is_posted_again() {
    let mut world = World::paid(Shop::default(), 2);
    world.tell_seller(seller::Input::Claim { channel: Some(channel_id()) });
    assert_eq!(world.claims(), 1);
    world.asks.clear();
    world.wait_secs(59);
    assert_eq!(world.claims(), 0);
    world.asks.clear();
    world.wait_secs(2);
    assert_eq!(world.claims(), 1);
    world.wait_long(Span::from_secs(180));
    world.asks.clear();
    world.tell_seller(seller::Input::Claim { channel: None });
    assert_eq!((world.claims(), world.claimed()), (0, 2), "nothing is left to claim");
}

/// The buyer withdraws behind the seller's back: it is seen in time, and claimed.
#[test]
fn a_withdrawal_is_a_race_that_the_seller_wins() {
    let mut world = World::paid(Shop::default(), 5);
    // The shortest that a ledger could allow: the seller looks every minute.
    let expiry = world.now + Span::from_secs(5 * 60);
    world.channel.as_mut().unwrap().terms.expiry = expiry;
    world.wait_long(Span::from_secs(120));
    assert_eq!(world.claimed(), 5);
    assert!(world.now < expiry);
    assert!(!world.service());
}

#[test]
fn service_pauses_while_the_ledger_stalls_and_goes_on_by_itself() {
    let mut world = World::paid(Shop::default(), 2);
    world.is_stalled = true;
    world.wait_long(Span::from_secs(49 * 60));
    assert!(world.service(), "an hour of grace but for ten minutes is not over");
    world.wait_long(Span::from_secs(2 * 60));
    assert!(!world.service());
    let paused = |event: &weft_market::buyer::Event| {
        matches!(event, weft_market::buyer::Event::Waiting(Refusal { code: Code::Paused, .. }))
    };
    assert_eq!(world.events.iter().filter(|event| paused(event)).count(), 1, "told once");
    let before = world.delivered().len();
    world.is_stalled = false;
    world.wait_secs(1);
    world.run();
    assert_eq!(world.delivered().len(), before + 1, "what waited came");
}

#[test]
fn a_seller_that_has_heard_of_no_commit_does_not_serve() {
    let mut world = World::new(Shop::default());
    world.is_stalled = true;
    world.crash_seller(false);
    world.start_seller();
    world.connect();
    assert!(!world.service());
    world.is_stalled = false;
    world.wait_secs(1);
    world.run();
    assert_eq!(world.delivered(), [0]);
}

#[test]
fn a_settled_channel_is_closed_and_forgotten() {
    let mut world = World::paid(Shop::default(), 2);
    let channel = world.channel.take();
    world.wait_long(Span::from_secs(120));
    assert!(world.counters.is_empty() && world.opened.is_empty());
    assert_eq!(world.seller.as_ref().unwrap().revenue().count(), 0);
    assert_eq!(world.seller.as_ref().unwrap().connections(), 0);
    world.channel = channel;
}

/// The buyer never comes back; what a claim needs is on the seller's disk.
#[test]
fn what_was_paid_is_claimed_after_a_crash_without_the_buyer() {
    let mut world = World::paid(Shop::default(), 300);
    let before = world.claimed();
    world.crash_seller(false);
    world.crash_buyer(false);
    world.start_seller();
    world.run();
    world.wait_long(Span::from_secs(7 * 3_600));
    assert!(before < 300 && world.claimed() == 300, "{before}");
}

#[test]
fn a_seller_that_stops_claims_all_and_serves_nobody() {
    let mut world = World::paid(Shop::default(), 2);
    world.tell_seller(seller::Input::Stop);
    world.run();
    assert_eq!(world.claimed(), 2);
    world.connect();
    world.run();
    assert_eq!(world.seller.as_ref().unwrap().connections(), 0);
    assert_eq!(world.channel.as_ref().unwrap().rest(), Amount(3 * 598));
}
