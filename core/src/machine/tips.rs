//! Which transactions a new one may approve.
//!
//! A solid transaction is a tip from its attachment until a short while after its first child, so
//! that the Tangle keeps a width; one that nobody approves leaves by age, but never the two newest.
//! Only the first attachment known of a body is ever a tip (PROTOCOL section 1).
//!
//! Invariant: everything offered is solid, and its anchor's round is not above ours nor so far
//! below that nothing may hang there any more: after a long silence nothing is offered.

use alloc::{collections::BTreeMap, vec::Vec};

use rand_chacha::{ChaCha8Rng, rand_core::Rng as _};

use super::{Limits, LogEntry};
use crate::{
    digest::TxId,
    params::ANCHOR_LAG,
    time::{Span, Time},
    units::{Position, Round},
};

/// Tips leave together, this often at most: all are looked at each time.
const TOGETHER: Span = Span::from_millis(10);

#[derive(Debug)]
struct Tip {
    id: TxId,
    /// Its anchor's round; above ours, it is not offered until we catch up.
    round: Round,
    leaves: Time,
    approved: bool,
}

/// The tip set.
#[derive(Debug)]
pub(super) struct Tips {
    tips: BTreeMap<Position, Tip>,
    linger: Span,
    age_max: Span,
    count_max: usize,
    shown: usize,
    /// Room for a sample: hundreds are drawn in a second.
    offered: Vec<TxId>,
}

impl Tips {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            tips: BTreeMap::new(),
            linger: limits.tip_linger,
            age_max: limits.tip_age_max,
            count_max: limits.tips_max,
            shown: limits.tips_shown,
            offered: Vec::new(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.tips.len()
    }

    /// A transaction was attached; `parents` are the positions of those of its parents that are
    /// live. Returns when some tip may leave next.
    pub(super) fn attached(&mut self, now: Time, entry: &LogEntry, parents: &[Position]) -> Time {
        let leaves = now + self.linger;
        for parent in parents {
            if let Some(tip) = self.tips.get_mut(parent).filter(|tip| !tip.approved) {
                tip.approved = true;
                tip.leaves = leaves;
            }
        }
        let tip = Tip {
            id: entry.id,
            round: entry.attachment.anchor.round,
            leaves: now + self.age_max,
            approved: false,
        };
        self.tips.insert(entry.position, tip);
        if self.tips.len() > self.count_max {
            self.tips.pop_first();
        }
        leaves
    }

    /// Lets go of tips whose time has come. Returns when the next one may leave.
    pub(super) fn expire(&mut self, now: Time) -> Option<Time> {
        let newest_two: Vec<Position> = self.tips.keys().rev().take(2).copied().collect();
        let by_age_only =
            |position: &Position, tip: &Tip| !tip.approved && newest_two.contains(position);
        self.tips.retain(|position, tip| tip.leaves > now || by_age_only(position, tip));
        self.tips
            .iter()
            .filter(|(position, tip)| !by_age_only(position, tip))
            .map(|(_, tip)| tip.leaves.max(now + TOGETHER))
            .min()
    }

    /// A uniform sample, in random order, of the tips that may be approved at `round`.
    pub(super) fn sample(&mut self, round: Round, random: &mut ChaCha8Rng) -> Vec<TxId> {
        let fits = |tip: &&Tip| tip.round <= round && round.0 - tip.round.0 <= ANCHOR_LAG;
        let Self { tips, offered, .. } = self;
        offered.clear();
        offered.extend(tips.values().filter(fits).map(|tip| tip.id));
        let count = offered.len().min(self.shown);
        for taken in 0..count {
            let rest = (offered.len() - taken) as u64;
            // The bias of a 64-bit draw over a few thousand tips is below 2^-50.
            let pick = usize::try_from(random.next_u64() % rest).unwrap_or(0);
            offered.swap(taken, taken + pick);
        }
        offered.iter().take(count).copied().collect()
    }
}
