//! One channel, as the seller sees it: connected or not, until the ledger has settled it.

use weft_core::{
    digest::{BodyId, PayWord},
    market::{
        chain::{self, ClaimPath, LEAF_EVERY},
        objects::Channel,
    },
    time::Time,
    tx::{ChannelClaim, Claim},
    units::Amount,
};

use super::{Connection, Counter, Revenue};
use crate::ledger::worth;

/// One channel.
#[derive(Debug)]
pub(super) struct Account {
    /// As the ledger had it when it was last looked up.
    pub(super) channel: Option<Channel>,
    /// The leaf hashes of its chain, held against its root once.
    leaves: Vec<[u8; 32]>,
    pub(super) counter: Counter,
    /// How far the counter is on disk.
    pub(super) durable: u32,
    /// Who is served.
    pub(super) connection: Option<Connection>,
    /// Since when something is unclaimed.
    pub(super) unclaimed_since: Option<Time>,
    /// The claim under way, and since when.
    pub(super) claiming: Option<(u32, Time)>,
}

impl Account {
    /// A channel that has paid nothing.
    pub(super) const fn new(id: BodyId, leaves: Vec<[u8; 32]>) -> Self {
        Self {
            channel: None,
            leaves,
            counter: Counter::new(id),
            durable: 0,
            connection: None,
            unclaimed_since: None,
            claiming: None,
        }
    }

    /// Takes a counter that is on disk.
    pub(super) fn resume(&mut self, counter: Counter) {
        self.durable = counter.index;
        self.counter = counter;
    }

    /// Whether `word` is the element at `index`, which lies above all that was paid. Walks down to
    /// what is known, the last payment or a leaf: at most 256 hashes and one more.
    pub(super) fn holds(&self, channel: &Channel, index: u32, word: &PayWord) -> bool {
        let salt = &channel.terms.salt;
        let last = (self.leaves.len() as u64).saturating_sub(1);
        let Ok(k) = u32::try_from(u64::from(index / LEAF_EVERY).min(last)) else { return false };
        let bottom = k.saturating_mul(LEAF_EVERY);
        let Counter { index: known, word: known_word, .. } = &self.counter;
        if *known > 0 && *known >= bottom {
            return chain::descend(salt, index, word, *known).as_ref() == Some(known_word);
        }
        let reached = chain::descend(salt, index, word, bottom);
        reached.map(|word| chain::leaf(salt, k, &word)).as_ref() == self.leaves.get(k as usize)
    }

    /// What was paid and not claimed, as far as the deposit goes.
    pub(super) fn unclaimed(&self) -> Amount {
        let Some(channel) = &self.channel else { return Amount::ZERO };
        let due = worth(channel, self.counter.index).min(channel.terms.deposit);
        Amount(due.0.saturating_sub(channel.paid().0))
    }

    /// What claims all that was paid.
    pub(super) fn claim(&self) -> Option<ChannelClaim> {
        let Counter { channel, index, word, .. } = &self.counter;
        let last = (self.leaves.len() as u64).saturating_sub(1);
        let k = u32::try_from(u64::from(index / LEAF_EVERY).min(last)).ok()?;
        let path = ClaimPath::to(&self.leaves, k)?;
        let claim = Claim { index: *index, word: *word, path };
        (*index > 0).then_some(ChannelClaim { channel: *channel, claim })
    }

    /// What people are shown.
    pub(super) fn revenue(&self, id: BodyId) -> Revenue {
        Revenue {
            channel: id,
            paid: self.counter.index,
            worth: self.channel.as_ref().map(|channel| worth(channel, self.counter.index)),
            claimed: self.channel.as_ref().map(Channel::paid),
            is_connected: self.connection.is_some(),
        }
    }
}
