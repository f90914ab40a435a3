//! A trade in a campaign: something is sold while everything goes wrong.
//!
//! Offer and channel are there before the trouble begins. Then the seller publishes a chunk now and
//! then, and both sides live and die with their nodes. Once nothing goes wrong any more the trade
//! must come to its end, or say why it cannot; C17 is asked after every step, and of the ledger
//! when the channel is closed.

use serde::{Deserialize, Serialize};
use weft_core::{
    outcome::Outcome,
    time::{Span, Time},
    units::Amount,
};
use weft_market::{
    buyer::{End, Event},
    frame::Code,
    seller::Limits,
};

use super::{chaos::later, plan::Trouble};
use crate::{
    judges::{Broken, Rule, losses},
    kernel::random::Dice,
    market::{Exchange, Trade},
    world::{World, faults::Fault},
};

/// What is sold while everything goes wrong: one stream, to one buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sale {
    /// The node that the seller lives beside.
    pub seller: usize,
    /// The node that the buyer lives beside.
    pub buyer: usize,
    /// Time from one chunk to the next.
    pub every: Span,
}

/// The buyer's deposit: more than any run sells.
const DEPOSIT: Amount = Amount(20_000);

/// How long the channel lasts.
const LASTING: Span = Span::from_secs(3_600);

/// Chunks that wait for their batch to be final; no more are made.
const UNPUBLISHED_MAX: usize = 8;

/// After this long whoever bought starts anew what ended by itself.
const ANEW: Span = Span::from_secs(5);

/// Margins as small as the least grace of a channel needs.
fn limits() -> Limits {
    let secs = Span::from_secs;
    Limits { margin: secs(29), lasting: secs(30), look_every: secs(5), ..Limits::default() }
}

/// How old the newest commit may be before the seller pauses.
fn pauses_after() -> Span {
    let grace = weft_core::market::terms::GRACE_MIN.as_millis();
    Span::from_millis(grace - limits().margin.as_millis())
}

impl Sale {
    /// A sale from one of these nodes to another, or to itself.
    pub(super) fn draw(dice: &mut Dice, honest: &[usize]) -> Self {
        let mut home = || dice.pick(honest).copied().unwrap_or_default();
        let (seller, buyer) = (home(), home());
        Self { seller, buyer, every: dice.span(Span::from_millis(200), Span::from_secs(2)) }
    }

    /// Where the two live.
    pub(super) const fn homes(&self) -> [usize; 2] {
        [self.seller, self.buyer]
    }

    /// From `from` on more than `faulty` validators are down, for longer than the seller sells
    /// without a commit. Shortly before, the buyer goes, and comes back meanwhile.
    pub(super) fn stall(&self, from: Span, validators: usize, faulty: usize) -> Vec<Trouble> {
        let at = |secs: u64| later(from, Span::from_secs(secs));
        let mut order: Vec<usize> = (0..validators).collect();
        // Those that nobody lives beside first.
        order.sort_by_key(|node| self.homes().contains(node));
        order.truncate(faulty + 1);
        let [back, over] = [10, 20].map(|secs| later(at(secs), pauses_after()));
        let mut trouble = vec![
            Trouble { after: at(2), fault: Fault::Crash(self.buyer) },
            Trouble { after: back, fault: Fault::Restart(self.buyer) },
        ];
        for node in order {
            trouble.push(Trouble { after: at(5), fault: Fault::Crash(node) });
            trouble.push(Trouble { after: over, fault: Fault::Restart(node) });
        }
        trouble.sort_by_key(|trouble| trouble.after);
        trouble
    }

    /// Lists the offer, opens the channel and starts both sides.
    pub(super) fn open(&self, world: World) -> Result<Deal, Broken> {
        let exchange = Exchange::on(world, &self.homes())?;
        let mut trade = Trade::new(exchange, limits(), DEPOSIT, LASTING)?;
        trade.start_seller();
        trade.start_buyer();
        let next = trade.exchange.world.now();
        Ok(Deal { trade, every: self.every, next, ended: None })
    }
}

/// A sale that goes on.
pub(super) struct Deal {
    trade: Trade,
    every: Span,
    /// When the next chunk is made.
    next: Time,
    /// When the buyer ended, if it did.
    ended: Option<Time>,
}

/// How far a deal goes in one go.
const STEP: Span = Span::from_millis(50);

impl Deal {
    pub(super) const fn world(&mut self) -> &mut World {
        &mut self.trade.exchange.world
    }

    /// Sells for `span`.
    pub(super) fn run(&mut self, span: Span) -> Result<(), Broken> {
        let end = self.world().now() + span;
        while self.world().now() < end {
            let now = self.world().now();
            if self.next <= now && self.trade.unpublished() < UNPUBLISHED_MAX {
                self.next = now + self.every;
                let readings = self.trade.delivered().len() % 4 + 1;
                self.trade.publish(u16::try_from(readings).unwrap_or(1));
            }
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Broken> {
        self.trade.run(STEP)?;
        let now = self.world().now();
        match self.ended {
            None if self.trade.has_ended() => self.ended = Some(now),
            // Whoever bought looks after it, and tries again.
            Some(since) if since + ANEW <= now => {
                self.ended = None;
                self.trade.crash_buyer();
                self.trade.start_buyer();
            }
            _ => {}
        }
        Ok(())
    }

    /// Lets the buyer have all that is for sale, within `patience`; then the seller closes the
    /// channel. Says what happened, how often.
    pub(super) fn end(&mut self, patience: Span) -> Result<Vec<(&'static str, u64)>, Broken> {
        let end = self.world().now() + patience;
        while self.world().now() < end && !self.trade.has_everything() {
            self.step()?;
        }
        let has_everything = self.trade.has_everything();
        if !has_everything && !self.trade.says_why() {
            let what = format!("a trade stands still, with {:?}", self.trade.stakes());
            return Err(self.world().located(&Broken::new(Rule::C7Liveness, what)));
        }
        let (stakes, index) = (self.trade.stakes(), self.trade.written());
        let closed = self.trade.close(index)?;
        let settled = self.trade.exchange.settlement(&self.trade.channel());
        let claimed = settled.map(|settled| settled.channel.claimed);
        let ended = match (closed, claimed) {
            (Outcome::Applied, Some(claimed)) => losses::ends_as_paid(&stakes, claimed),
            _ => {
                Err(Broken::new(Rule::C17Losses, format!("the channel is not closed: {closed:?}")))
            }
        };
        ended.map_err(|broken| self.world().located(&broken))?;
        let [sellers, buyers, ways] = self.trade.mishaps().map(|count| u64::from(count > 0));
        Ok(vec![
            ("trades", 1),
            ("trades that got everything", has_everything.into()),
            ("trades that paused with the ledger", self.trade.was_paused().into()),
            ("trades whose seller lost power", sellers),
            ("trades whose buyer lost power", buyers),
            ("trades over a way that was cut", ways),
        ])
    }
}

impl Trade {
    /// Whether its buyer, as it runs now, has ended by itself.
    fn has_ended(&self) -> bool {
        matches!(self.events.last(), Some(Event::Ended(_)))
    }

    /// Whether the user was told why nothing comes: the other side has no more to lose, or has said
    /// since the last new readings what it waits for.
    fn says_why(&self) -> bool {
        if let Some(Event::Ended(end)) = self.events.last() {
            return !matches!(end, End::Broken(_) | End::Cheated { .. });
        }
        let newest = self.delivered().last().copied();
        let brought = |event: &Event| match event {
            Event::Readings { sequence, .. } => Some(*sequence) == newest,
            _ => false,
        };
        let since = self.events.iter().position(brought).unwrap_or_default();
        self.events.iter().skip(since).any(|event| matches!(event, Event::Waiting(_)))
    }

    fn was_paused(&self) -> bool {
        let paused =
            |event: &Event| matches!(event, Event::Waiting(why) if why.code == Code::Paused);
        self.events.iter().any(paused)
    }
}
