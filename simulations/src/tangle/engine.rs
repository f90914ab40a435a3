//! The run: transactions are issued, become visible, and stop being tips.
//!
//! One loop over arrivals; whatever falls due before the next one is done first, by time, and at
//! one time in the order visible, left behind, block, attack. Each purpose draws from a stream of
//! its own.
//!
//! Invariant: a tip is a visible transaction with no visible approver that is not left behind;
//! there is always one.

use super::{
    attack::Parasites,
    committee::Committee,
    counts::Counts,
    delay::{Delays, Hidden},
    model::{Arrivals, AttackKind, Model, Rule},
    outcome::Outcome,
    race,
    tips::Tips,
    walk::Walk,
    weights::Followed,
    window::{Kind, Wanted, Window},
};
use crate::{kernel::random::Seed, substrate::chance::Chance};

/// A window of this many h holds all but the rarest: who waits longer makes it grow.
const WINDOW_HOURS: f64 = 24.0;

/// How often parents are drawn anew until they are of one side.
const DRAWS_MAX: u32 = 64;

/// What parents are drawn from.
#[derive(Debug)]
pub(super) struct Dag {
    pub(super) window: Window,
    pub(super) tips: Tips,
    pub(super) hidden: Hidden,
    pub(super) counts: Counts,
    delays: Delays,
}

/// A run.
#[derive(Debug)]
pub(super) struct Engine<'a> {
    model: &'a Model,
    seed: Seed,
    dag: Dag,
    arrivals: Chance,
    kinds: Chance,
    choice: Chance,
    /// The oldest that may still be left behind.
    ageing: u32,
    committee: Option<Committee>,
    followed: Option<Followed>,
    parasites: Option<Parasites>,
    walk: Option<Walk>,
    /// Parents of the one being issued.
    parents: Vec<u32>,
}

impl<'a> Engine<'a> {
    /// A run of `model`, which passed its check.
    pub(super) fn new(model: &'a Model, seed: Seed) -> Self {
        let stream = |label| Chance::new(seed, label, 0);
        let validators = &model.validators;
        let committee = (validators.count > 0)
            .then(|| Committee::new(validators.clone(), stream("tangle.committee")));
        let followed = (model.record.sampled > 0).then(|| Followed::new(model, seed));
        let parasites = (model.attack.kind == AttackKind::ParasiteChain)
            .then(|| Parasites::new(model, stream("tangle.attack")));
        let wanted = Wanted {
            marks: followed.is_some(),
            cover: committee.is_some(),
            sides: parasites.is_some(),
        };
        let window = Window::new(window_ids(model), model.parents, wanted);
        let tips = Tips::new(window.capacity());
        let delays = Delays::new(model.delay.clone(), stream("tangle.delays"));
        let counts = Counts::new(model, committee.as_ref().map(Committee::cover));
        let hidden = Hidden::new(model.delay.law);
        Self {
            model,
            seed,
            dag: Dag { window, tips, hidden, counts, delays },
            arrivals: stream("tangle.arrivals"),
            kinds: stream("tangle.kinds"),
            choice: stream("tangle.choice"),
            ageing: 0,
            committee,
            followed,
            parasites,
            walk: (model.selection.rule == Rule::Walk)
                .then(|| Walk::new(&model.selection, stream("tangle.walk"))),
            parents: Vec::new(),
        }
    }

    /// Runs to the end.
    pub(super) fn run(mut self) -> Outcome {
        let genesis = self.dag.push(0.0, Kind::Genesis, &[]);
        self.show(genesis, 0.0);
        let rate = self.model.honest_rate();
        // A round has at least one transaction, and as many as the rate says, rounded.
        let per_round = rate.round().max(1.0);
        let mut now = 0.0;
        for count in 0..self.model.transactions {
            now = match self.model.arrivals {
                Arrivals::Poisson => now + self.arrivals.exponential(1.0 / rate),
                Arrivals::Rounds => libm::floor(count as f64 / per_round),
            };
            self.advance(now);
            self.issue(now);
        }
        self.finish(now)
    }

    /// Does all that falls due by `now`.
    #[inline]
    fn advance(&mut self, now: f64) {
        loop {
            let visible = self.dag.hidden.due();
            let aged = self.ages_at();
            let block = self.committee.as_ref().map_or(f64::INFINITY, Committee::due);
            let attack = self.parasites.as_ref().map_or(f64::INFINITY, Parasites::due);
            let due = visible.min(aged).min(block).min(attack);
            if due > now {
                return;
            }
            if visible == due {
                if let Some(id) = self.dag.hidden.pop() {
                    self.show(id, due);
                }
            } else if aged == due {
                self.age();
            } else if block == due {
                if let Some(committee) = &mut self.committee {
                    committee.issue(&mut self.dag, due);
                }
            } else {
                self.attack(due);
            }
        }
    }

    /// `id` becomes visible: its parents are no tips any more, and it is one unless it is too old.
    #[inline]
    fn show(&mut self, id: u32, now: f64) {
        self.dag.show(id, now, self.model.selection.tip_age_max);
        if let Some(walk) = &mut self.walk {
            walk.show(&self.dag.window, id, now);
        }
        if let Some(committee) = &mut self.committee {
            committee.show(id);
        }
    }

    /// When the next transaction is too old to be a tip.
    #[inline]
    fn ages_at(&self) -> f64 {
        let age_max = self.model.selection.tip_age_max;
        if age_max == f64::INFINITY || !self.dag.window.holds(self.ageing) {
            return f64::INFINITY;
        }
        self.dag.window.issued.of(self.ageing) + age_max
    }

    fn age(&mut self) {
        if self.dag.tips.count() > 1 {
            self.dag.tips.remove(self.ageing);
        }
        self.ageing += 1;
    }

    fn attack(&mut self, now: f64) {
        let Some(parasites) = &mut self.parasites else {
            return;
        };
        for id in parasites.act(&mut self.dag, now) {
            let parents = self.dag.window.parents(id).to_vec();
            self.dag.approve(now, Kind::Private, &parents);
            self.show(id, now);
        }
    }

    /// One transaction.
    #[inline]
    fn issue(&mut self, now: f64) {
        let tips = self.dag.tips.count();
        self.dag.counts.see(now, tips);
        let kind = self.kind();
        self.choose(kind, now);
        let id = self.dag.issue(now, kind, &self.parents);
        if let Some(followed) = &mut self.followed {
            followed.see(&mut self.dag.window, id, now);
        }
        if let Some(parasites) = &mut self.parasites {
            parasites.see(&mut self.dag.window, id, now);
        }
    }

    #[inline]
    fn kind(&mut self) -> Kind {
        let Model { lazy, spam, .. } = *self.model;
        if lazy + spam == 0.0 {
            return Kind::Honest;
        }
        let at = self.kinds.unit();
        if at < lazy {
            Kind::Lazy
        } else if at < lazy + spam {
            Kind::Spam
        } else {
            Kind::Honest
        }
    }

    /// Draws the parents of the next one.
    #[inline]
    fn choose(&mut self, kind: Kind, now: f64) {
        let count = self.model.parents as usize;
        match kind {
            Kind::Lazy if self.dag.window.has_been_visible(1..3) => {
                // The pair is the first two.
                self.parents.clear();
                self.parents.extend([1, 2].iter().cycle().take(count));
            }
            Kind::Lazy | Kind::Spam => {
                self.parents.clear();
                self.parents.resize(count, 0);
            }
            _ if self.parasites.is_some() => self.draw_one_side(count, now),
            _ => self.draw(count, now),
        }
    }

    #[inline]
    fn draw(&mut self, count: usize, now: f64) {
        self.parents.clear();
        let Dag { window, tips, .. } = &self.dag;
        if let Some(walk) = &mut self.walk {
            for _ in 0..count {
                self.parents.push(walk.tip(window, tips, now));
            }
            return;
        }
        let places = tips.count();
        while self.parents.len() + 1 < count {
            let drawn = self.choice.two_below(places).map(|place| tips.at(place));
            self.parents.extend(drawn);
        }
        if self.parents.len() < count {
            self.parents.push(tips.at(self.choice.below(places)));
        }
    }

    /// Draws until all parents are of one side of the double spend; if they never are, the first
    /// of them alone.
    fn draw_one_side(&mut self, count: usize, now: f64) {
        for _ in 0..DRAWS_MAX {
            self.draw(count, now);
            let sides = self.parents.iter().map(|id| self.dag.window.sides.of(*id));
            if sides.fold(0, |all, side| all | side) != super::attack::BOTH {
                return;
            }
        }
        let first = self.parents.first().copied().unwrap_or_default();
        self.parents.fill(first);
    }

    fn finish(mut self, now: f64) -> Outcome {
        let record = &self.model.record;
        let Dag { window, counts, .. } = &mut self.dag;
        let ids = window.ids();
        for id in ids.clone() {
            counts.leave(window, id);
        }
        let kept = counts.excerpt.last().map_or(0, |vertex| vertex.id + 1);
        let last = ids.end.saturating_sub(record.excerpt).max(ids.start).max(kept);
        for id in last..ids.end {
            counts.keep(window, id);
        }
        let tips = counts.tip_count();
        let weights = self.followed.map(Followed::finish);
        let races = self.model.attack.kind == AttackKind::PrivateDoubleSpend;
        let race = weights.as_ref().filter(|_| races).map(|weights| {
            race::run(weights, self.model, Chance::new(self.seed, "tangle.race", 0))
        });
        let mut cover = counts.cover.take();
        if let (Some(cover), Some(committee)) = (&mut cover, &self.committee) {
            (cover.blocks, cover.parents) = committee.blocks();
        }
        Outcome {
            transactions: self.model.transactions,
            hours: now,
            tips,
            first_approval: counts.first_approval.clone(),
            approvers: std::mem::take(&mut counts.approvers),
            measured: counts.measured,
            orphans: counts.orphans,
            weights,
            cover,
            race,
            parasite: self.parasites.map(Parasites::finish),
            excerpt: std::mem::take(&mut counts.excerpt),
        }
    }
}

impl Dag {
    /// Adds one, making room for it.
    #[inline]
    pub(super) fn push(&mut self, now: f64, kind: Kind, parents: &[u32]) -> u32 {
        if self.window.is_full() {
            self.make_room();
        }
        self.window.push(now, kind, parents)
    }

    /// Counts one of this kind as an approver of each of its parents, once.
    #[inline]
    pub(super) fn approve(&mut self, now: f64, kind: Kind, parents: &[u32]) {
        for (place, parent) in parents.iter().enumerate() {
            let earlier = parents.get(..place).unwrap_or_default();
            // A block cites none twice.
            if kind == Kind::Block || !earlier.contains(parent) {
                self.window.approve(*parent, now);
            }
        }
    }

    /// Adds one that will be visible after its delay.
    #[inline]
    pub(super) fn issue(&mut self, now: f64, kind: Kind, parents: &[u32]) -> u32 {
        let id = self.push(now, kind, parents);
        self.approve(now, kind, parents);
        self.hidden.push(now + self.delays.draw(), id);
        id
    }

    /// `id` becomes visible.
    #[inline]
    fn show(&mut self, id: u32, now: f64, age_max: f64) {
        self.window.visible.set(id, true);
        for parent in self.window.parents(id) {
            if self.window.holds(*parent) {
                self.tips.remove(*parent);
            }
        }
        if now - self.window.issued.of(id) <= age_max || self.tips.count() == 0 {
            self.tips.insert(id);
        }
    }

    /// Lets the oldest go, if it is decided; else doubles the room.
    #[inline]
    fn make_room(&mut self) {
        let oldest = self.window.ids().start;
        if self.window.visible.of(oldest) && !self.tips.is_tip(oldest) {
            self.counts.leave(&self.window, oldest);
            self.window.slide();
            return;
        }
        let ids = self.window.ids();
        self.tips.double(ids);
        self.window.double();
    }
}

/// Ids that the window should have room for.
fn window_ids(model: &Model) -> u64 {
    let mut hours = WINDOW_HOURS * model.delay.mean.max(1.0);
    if model.record.sampled > 0 {
        hours = hours.max(model.record.horizon + 1.0);
    }
    let blocks = f64::from(model.validators.count) / model.validators.period;
    let all = ((model.rate + blocks) * hours).min(model.transactions as f64 + 64.0);
    let kept = f64::from(model.record.excerpt);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded by the check of the model"
    )]
    let ids = all.max(kept) as u64;
    ids
}
