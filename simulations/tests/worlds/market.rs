//! Buyers and sellers on a real ledger: what either gains and loses, to the unit.

use weft_core::{
    digest::PayWord,
    outcome::Outcome,
    time::Span,
    tx::{ChannelClaim, ChannelWithdraw, Claim, Payload},
    units::Amount,
};
use weft_market::{
    buyer::{End, Event},
    frame::Code,
    seller::Limits,
};
use weft_simulations::{
    market::{Exchange, Trade},
    world::faults::Fault,
};

use crate::secs;

/// Margins of seconds, as short channels need.
fn limits() -> Limits {
    Limits { margin: secs(20), lasting: secs(30), look_every: secs(5), ..Limits::default() }
}

fn trade(seed: u64, validators: u64, deposit: u64, lasting: Span) -> Trade {
    let exchange = Exchange::new(seed, validators, 2).unwrap();
    let mut trade = Trade::new(exchange, limits(), Amount(deposit), lasting).unwrap();
    trade.start_seller();
    trade.start_buyer();
    trade
}

/// So many chunks, one every so often.
fn sell(trade: &mut Trade, chunks: u16, every: Span) {
    for at in 0..chunks {
        trade.publish(at % 4 + 1);
        trade.run(every).unwrap();
    }
}

fn claims(trade: &mut Trade, claim: Claim) -> Outcome {
    let claim = ChannelClaim { channel: trade.channel(), claim };
    trade.exchange.say(0, Payload::ChannelClaim(claim)).unwrap()
}

fn claimed(trade: &Trade) -> u32 {
    trade.exchange.channel(&trade.channel()).unwrap().claimed
}

fn balances(trade: &Trade) -> [u64; 2] {
    [0, 1].map(|account| trade.exchange.balance(account).0)
}

fn is_paused(trade: &Trade) -> bool {
    let paused = |event: &Event| matches!(event, Event::Waiting(why) if why.code == Code::Paused);
    trade.events.iter().any(paused)
}

#[test]
fn one_tick_a_reading_and_the_rest_comes_back() {
    let mut trade = trade(1, 1, 2_000, secs(3_600));
    let [seller, buyer] = balances(&trade);
    sell(&mut trade, 20, Span::from_millis(300));
    trade.run(secs(3)).unwrap();
    assert_eq!(trade.delivered(), (0..20).collect::<Vec<u64>>());
    assert_eq!((trade.price(), trade.paid(), trade.written()), (50, 50, 50));
    // A fifth of the deposit was claimed on the way, by itself.
    assert!(claimed(&trade) >= 40, "{}", claimed(&trade));
    assert_eq!(trade.close(50).unwrap(), Outcome::Applied);
    assert_eq!(balances(&trade), [seller + 500, buyer + 1_500]);
}

/// Both crash again and again, and what they had not synced is gone; the sums are the same.
#[test]
fn crashes_of_both_sides_change_no_sum() {
    for seed in 1..=3 {
        let mut trade = trade(seed, 1, 3_000, secs(3_600));
        let [seller, buyer] = balances(&trade);
        for at in 0..24_u64 {
            trade.publish(u16::try_from(at % 4).unwrap() + 1);
            trade.run(Span::from_millis(97 + 31 * ((at + seed) % 7))).unwrap();
            match (at + seed) % 5 {
                1 => {
                    trade.crash_seller();
                    trade.start_seller();
                }
                3 => {
                    trade.crash_buyer();
                    trade.start_buyer();
                }
                4 => trade.cut(),
                _ => {}
            }
            assert!(trade.written() <= trade.paid() + 4, "nobody pays ahead of its disk");
        }
        trade.run(secs(150)).unwrap();
        assert_eq!(trade.delivered(), (0..24).collect::<Vec<u64>>(), "seed {seed}");
        let price = trade.price();
        assert_eq!((trade.paid(), trade.written()), (price, price), "seed {seed}");
        assert_eq!(trade.close(price).unwrap(), Outcome::Applied);
        let earned = u64::from(price) * 10;
        assert_eq!(balances(&trade), [seller + earned, buyer + 3_000 - earned]);
    }
}

#[test]
fn a_seller_that_claims_more_than_it_was_paid_gets_nothing_for_it() {
    let mut trade = trade(4, 1, 2_000, secs(3_600));
    sell(&mut trade, 4, Span::from_millis(300));
    trade.run(secs(2)).unwrap();
    let before = balances(&trade);
    let paid = trade.claim(trade.written());
    // What it could make up: its own word, the right word at another index, another's path.
    let forged = [
        Claim { word: PayWord([1; 32]), index: 500, ..paid.clone() },
        Claim { index: 11, ..paid.clone() },
        Claim { path: trade.claim(300).path, index: 300, ..paid.clone() },
    ];
    for claim in forged {
        assert_eq!(claims(&mut trade, claim), Outcome::BadClaim);
        assert_eq!((balances(&trade), claimed(&trade)), (before, 0));
    }
    assert_eq!(claims(&mut trade, paid.clone()), Outcome::Applied);
    let after = balances(&trade);
    assert_eq!(after, [before[0] + 100, before[1]]);
    // Replayed, and older than what was claimed: nothing more comes of it.
    let older = trade.claim(3);
    for claim in [paid, older] {
        assert_eq!(claims(&mut trade, claim), Outcome::Applied);
        assert_eq!((balances(&trade), claimed(&trade)), (after, 10));
    }
}

/// Nobody closes: the seller claims before the end by itself, and the rest goes back by itself.
#[test]
fn a_channel_whose_time_is_over_settles_by_itself_and_takes_no_claim() {
    let mut trade = trade(5, 1, 2_000, secs(90));
    let [seller, buyer] = balances(&trade);
    sell(&mut trade, 6, Span::from_millis(300));
    trade.run(secs(2)).unwrap();
    assert_eq!((trade.written(), claimed(&trade)), (13, 0), "a fifth would be 40");
    trade.run(secs(75)).unwrap();
    assert_eq!(claimed(&trade), 13, "before the end");
    trade.publish(1);
    trade.run(secs(5)).unwrap();
    assert_eq!(trade.delivered().len(), 6, "and service has ended");
    trade.run(secs(75)).unwrap();
    assert_eq!(trade.exchange.channel(&trade.channel()), None);
    assert_eq!(balances(&trade), [seller + 130, buyer + 2_000 - 130]);
    let late = trade.claim(14);
    assert_eq!(claims(&mut trade, late), Outcome::NoChannel);
    assert_eq!(balances(&trade), [seller + 130, buyer + 2_000 - 130]);
    assert_eq!(trade.written(), 0, "what is settled is forgotten");
}

#[test]
fn a_deposit_is_locked_once_however_often_it_is_promised() {
    let mut trade = trade(6, 1, 900_000, secs(3_600));
    let another = trade.another(Amount(900_000));
    assert_eq!(trade.exchange.say(1, another).unwrap(), Outcome::Insufficient);
    let [_, buyer] = balances(&trade);
    assert_eq!(buyer, 100_000);
    // Two at once, of which one fits.
    let posts = [(); 2].map(|()| {
        let another = trade.another(Amount(60_000));
        trade.exchange.post(1, another)
    });
    let outcomes = posts.map(|id| trade.exchange.wait_for(&id).unwrap());
    assert_eq!(outcomes, [Outcome::Applied, Outcome::Insufficient]);
    assert_eq!(balances(&trade)[1], 40_000);
}

/// The buyer withdraws while it buys: what it paid is claimed all the same.
#[test]
fn a_withdrawal_takes_nothing_that_was_paid() {
    let mut trade = trade(7, 1, 2_000, secs(3 * 24 * 3_600));
    let [seller, _] = balances(&trade);
    sell(&mut trade, 4, Span::from_millis(300));
    let withdraw = ChannelWithdraw { channel: trade.channel() };
    let withdrawn = trade.exchange.say(1, Payload::ChannelWithdraw(withdraw)).unwrap();
    assert_eq!(withdrawn, Outcome::Applied);
    let expiry = trade.exchange.channel(&trade.channel()).unwrap().terms.expiry;
    assert!(expiry <= trade.exchange.time() + secs(24 * 3_600), "a day is left");
    trade.run(secs(6)).unwrap();
    sell(&mut trade, 2, Span::from_millis(300));
    trade.run(secs(2)).unwrap();
    assert_eq!(trade.delivered().len(), 6, "a day is long enough to go on");
    trade.claim_now();
    trade.run(secs(2)).unwrap();
    assert_eq!((claimed(&trade), balances(&trade)[0]), (13, seller + 130));
}

/// ```text
/// a   b   c     two of three validators are down: no commits, for longer than grace less margin
/// ```
#[test]
fn service_pauses_with_the_ledger_and_goes_on_with_it() {
    let mut trade = trade(8, 3, 2_000, secs(3_600));
    sell(&mut trade, 4, Span::from_millis(400));
    trade.run(secs(3)).unwrap();
    assert_eq!(trade.delivered().len(), 4);
    // For sale, and not sent: the buyer is away.
    trade.crash_buyer();
    trade.publish(2);
    trade.run(secs(3)).unwrap();
    [1, 2].into_iter().for_each(|node| trade.exchange.world.fault(&Fault::Crash(node)));
    // Grace is a minute, and the margin 20 s.
    trade.run(secs(45)).unwrap();
    trade.start_buyer();
    trade.run(secs(5)).unwrap();
    assert!(is_paused(&trade) && trade.delivered().len() == 4, "and its buyer knows why");
    [1, 2].into_iter().for_each(|node| trade.exchange.world.fault(&Fault::Restart(node)));
    trade.run(secs(20)).unwrap();
    assert_eq!(trade.delivered().len(), 5, "it went on by itself");
    trade.claim_now();
    trade.run(secs(3)).unwrap();
    assert_eq!(claimed(&trade), trade.written());
}

/// A seller that was paid and keeps silent costs its buyer one chunk, on the ledger too.
#[test]
fn silence_costs_one_chunk_on_the_ledger_too() {
    let mut trade = trade(9, 1, 2_000, secs(3_600));
    let [seller, buyer] = balances(&trade);
    sell(&mut trade, 3, Span::from_millis(400));
    trade.run(secs(2)).unwrap();
    // The payment for the fourth chunk is under way when the seller goes, for good.
    trade.publish(4);
    while trade.paid() < 10 {
        trade.run(Span::from_millis(10)).unwrap();
    }
    trade.run(Span::from_millis(40)).unwrap();
    trade.crash_seller();
    trade.run(secs(30)).unwrap();
    assert_eq!(trade.delivered(), [0, 1, 2]);
    assert!(!trade.events.iter().any(|event| matches!(event, Event::Ended(End::Cheated { .. }))));
    // Somebody who watches for the seller claims the utmost that can be claimed.
    let utmost = trade.claim(10);
    assert_eq!(claims(&mut trade, utmost), Outcome::Applied);
    assert_eq!(trade.close(0).unwrap(), Outcome::Applied);
    assert_eq!(balances(&trade), [seller + 100, buyer + 2_000 - 100], "40 of them for nothing");
}
