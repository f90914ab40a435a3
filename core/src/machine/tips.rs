//! Which transactions a new one may approve.
//!
//! A solid transaction is a tip from its attachment until a short while after its first child, so
//! that the Tangle keeps a width; one that nobody approves leaves by age, but never the two newest.
//! Only the first attachment known of a body is ever a tip (PROTOCOL section 1).
//!
//! Invariant: everything offered is solid, and its anchor's round is not above ours nor so far
//! below that nothing may hang there any more: after a long silence nothing is offered.

use alloc::{collections::VecDeque, vec::Vec};

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
    position: Position,
    id: TxId,
    /// Its anchor's round; above ours, it is not offered until we catch up.
    round: Round,
    leaves: Time,
    approved: bool,
}

/// The tip set.
#[derive(Debug)]
pub(super) struct Tips {
    /// Ascending by position.
    tips: VecDeque<Tip>,
    linger: Span,
    age_max: Span,
    count_max: usize,
    shown: usize,
    /// All places in `tips`, in the order in which they were drawn last: hundreds of samples are
    /// drawn in a second, and any order is as good to draw from as any other.
    draws: Vec<usize>,
}

impl Tips {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            tips: VecDeque::new(),
            linger: limits.tip_linger,
            age_max: limits.tip_age_max,
            count_max: limits.tips_max,
            shown: limits.tips_shown,
            draws: Vec::new(),
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
            let at = self.tips.binary_search_by_key(parent, |tip| tip.position).ok();
            let tip = at.and_then(|at| self.tips.get_mut(at));
            if let Some(tip) = tip.filter(|tip| !tip.approved) {
                tip.approved = true;
                tip.leaves = leaves;
            }
        }
        self.tips.push_back(Tip {
            position: entry.position,
            id: entry.id,
            round: entry.attachment.anchor.round,
            leaves: now + self.age_max,
            approved: false,
        });
        if self.tips.len() > self.count_max {
            self.tips.pop_front();
        }
        leaves
    }

    /// Lets go of tips whose time has come. Returns when the next one may leave.
    pub(super) fn expire(&mut self, now: Time) -> Option<Time> {
        let newest_two = self.tips.iter().rev().nth(1).map_or(Position::ZERO, |tip| tip.position);
        let by_age_only = |tip: &Tip| !tip.approved && tip.position >= newest_two;
        self.tips.retain(|tip| tip.leaves > now || by_age_only(tip));
        let by_time = self.tips.iter().filter(|tip| !by_age_only(tip));
        by_time.map(|tip| tip.leaves.max(now + TOGETHER)).min()
    }

    /// A uniform sample, in random order, of the tips that may be approved at `round`.
    pub(super) fn sample(&mut self, round: Round, random: &mut ChaCha8Rng) -> Vec<TxId> {
        let fits = |tip: &Tip| tip.round <= round && round.0 - tip.round.0 <= ANCHOR_LAG;
        let Self { tips, draws, shown, .. } = self;
        if draws.len() > tips.len() {
            draws.clear();
        }
        draws.extend(draws.len()..tips.len());
        let mut sample = Vec::with_capacity(draws.len().min(*shown));
        for drawn in 0..draws.len() {
            if sample.len() == *shown {
                break;
            }
            let rest = (draws.len() - drawn) as u64;
            // The bias of a 64-bit draw over a few thousand tips is below 2^-50.
            let pick = usize::try_from(random.next_u64() % rest).unwrap_or(0);
            draws.swap(drawn, drawn + pick);
            let tip = draws.get(drawn).and_then(|at| tips.get(*at));
            sample.extend(tip.filter(|tip| fits(tip)).map(|tip| tip.id));
        }
        sample
    }
}
