//! Validators' blocks, and when enough of them have a transaction in their past.
//!
//! Each block marks its past with its validator's bit and stops where the bit is set already, so
//! each transaction is marked once per validator, however long the run.
//!
//! Invariant: a set bit is set in the whole past within the window.

use super::{
    counts,
    engine::Dag,
    model::{Slice, Validators},
    outcome::Cover,
    window::{Kind, Window},
};
use crate::substrate::chance::Chance;

/// The committee.
#[derive(Debug)]
pub(super) struct Committee {
    set: Validators,
    chance: Chance,
    /// Blocks issued.
    blocks: u64,
    /// Ids of parents in all of them.
    cited: u64,
    /// The latest block of each validator: for the others, and for itself.
    latest: Vec<Option<u32>>,
    own: Vec<Option<u32>>,
    parents: Vec<u32>,
    stack: Vec<u32>,
}

impl Committee {
    pub(super) fn new(set: Validators, chance: Chance) -> Self {
        let none = vec![None; set.count as usize];
        Self {
            set,
            chance,
            blocks: 0,
            cited: 0,
            latest: none.clone(),
            own: none,
            parents: Vec::new(),
            stack: Vec::new(),
        }
    }

    /// Nothing covered yet.
    pub(super) fn cover(&self) -> Cover {
        // 2f + 1, of n = 3f + 1 or a few more.
        let quorum = 2 * (self.set.count.saturating_sub(1) / 3) + 1;
        let latency = counts::cover_histogram();
        Cover { quorum, latency, uncovered: 0, blocks: 0, parents: 0.0 }
    }

    /// Blocks issued, and their parents on average.
    pub(super) fn blocks(&self) -> (u64, f64) {
        (self.blocks, self.cited as f64 / self.blocks as f64)
    }

    /// When the next block is issued.
    pub(super) fn due(&self) -> f64 {
        self.blocks as f64 * self.set.period / f64::from(self.set.count)
    }

    /// `id` became visible: if it is a block, others can link to it.
    pub(super) fn show(&mut self, id: u32) {
        if let Some(place) = self.own.iter().position(|own| *own == Some(id)) {
            // With delays of any length an older block may come later.
            if let Some(latest) = self.latest.get_mut(place) {
                *latest = (*latest).max(Some(id));
            }
        }
    }

    /// The next block.
    pub(super) fn issue(&mut self, dag: &mut Dag, now: f64) {
        let place = self.blocks % u64::from(self.set.count);
        self.blocks += 1;
        self.parents.clear();
        let place = usize::try_from(place).unwrap_or_default();
        if self.set.links {
            self.link(place);
        }
        match self.set.slice {
            Slice::All => {
                let linked = self.parents.len();
                let (links, tips) = (&self.parents, dag.tips.all());
                let more: Vec<u32> =
                    tips.iter().copied().filter(|tip| !links.contains(tip)).collect();
                debug_assert!(linked + more.len() > 0, "there is always a tip");
                self.parents.extend(more);
            }
            Slice::Sliced => {
                self.cite_own(dag, place);
                self.cite_any(dag);
            }
            Slice::Uniform => self.cite_any(dag),
        }
        self.cited += self.parents.len() as u64;
        let id = dag.issue(now, Kind::Block, &self.parents);
        if let Some(own) = self.own.get_mut(place) {
            *own = Some(id);
        }
        self.mark(&mut dag.window, place, now);
    }

    /// Links to the latest block of each: of others as far as it is visible.
    fn link(&mut self, place: usize) {
        for (other, (latest, own)) in self.latest.iter().zip(&self.own).enumerate() {
            let block = if other == place { own } else { latest };
            self.parents.extend(*block);
        }
    }

    /// Cites tips of the validator's own slice, at random if there are too many.
    fn cite_own(&mut self, dag: &Dag, place: usize) {
        let count = u64::from(self.set.count);
        let is_own = |tip: &u32| slice(*tip, count) == place as u64;
        let links = &self.parents;
        let mut mine: Vec<u32> = dag.tips.all().iter().copied().filter(is_own).collect();
        mine.retain(|tip| !links.contains(tip));
        let wanted = mine.len().min(self.set.tips as usize);
        for at in 0..wanted {
            let other = at + self.chance.index(mine.len() - at);
            mine.swap(at, other);
        }
        self.parents.extend(mine.into_iter().take(wanted));
    }

    /// Cites any tips, until there are as many as a block may cite, beside the links.
    fn cite_any(&mut self, dag: &mut Dag) {
        let tips = &mut dag.tips;
        let is_link = |id: &&u32| dag.window.kinds.of(**id) == Kind::Block;
        let links = self.parents.iter().filter(is_link).count();
        let wanted = links + self.set.tips as usize;
        for at in 0..tips.count() {
            if self.parents.len() >= wanted {
                return;
            }
            let other = at + self.chance.below(tips.count() - at);
            tips.swap(at, other);
            let tip = tips.at(at);
            if !self.parents.contains(&tip) {
                self.parents.push(tip);
            }
        }
    }

    /// Marks the past of the block that has these parents.
    fn mark(&mut self, window: &mut Window, place: usize, now: f64) {
        let bit = 1_u64 << place;
        let quorum = self.cover().quorum;
        self.stack.extend(&self.parents);
        while let Some(id) = self.stack.pop() {
            let marks = window.cover.of(id);
            if !window.holds(id) || marks & bit != 0 {
                continue;
            }
            let marks = marks | bit;
            window.cover.set(id, marks);
            if marks.count_ones() == quorum {
                window.covered.set(id, now);
            }
            self.stack.extend(window.parents(id));
        }
    }
}

/// The slice of a tip: its validator, by a multiplicative hash.
fn slice(tip: u32, count: u64) -> u64 {
    let hash = u64::from(tip).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> 32) % count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_even() {
        let mut counts = [0_u32; 20];
        for tip in 0..20_000 {
            counts[usize::try_from(slice(tip, 20)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
    }
}
