//! The parasite chain: a double spend that grows in private and is released with many tips.
//!
//! The victim is the first honest transaction after the start. Each link of the chain approves
//! the link before it and, to look alive, an honest tip that does not approve the victim, as long
//! as there is one. The last links all approve the same head, so that many tips hang from it. At
//! the release all become visible at once, and the attacker falls silent.
//!
//! Invariant: no transaction has both bits of [`BOTH`].

use super::{
    engine::Dag,
    model::{Attack, Model},
    outcome::Parasite,
    window::{Kind, Window},
};
use crate::substrate::chance::Chance;

/// Approves the victim, or is it.
const VICTIM: u8 = 1;

/// Approves the attacker's double spend, or is it.
const RIVAL: u8 = 2;

/// Approves both, which nobody may.
pub(super) const BOTH: u8 = VICTIM | RIVAL;

/// Between two points of the shares, in h, and how many there are.
const STEP: f64 = 0.25;
const STEPS: usize = 160;

/// How often an honest tip is drawn until one does not approve the victim.
const DRAWS_MAX: u32 = 64;

/// The attacker.
#[derive(Debug)]
pub(super) struct Parasites {
    attack: Attack,
    /// Mean time between two links.
    gap: f64,
    chance: Chance,
    /// The next link; infinite after the release.
    next: f64,
    links: Vec<u32>,
    head: u32,
    victim: Option<u32>,
    honest_weight: u64,
    /// Honest transactions of each step after the release, and those of them of either side.
    steps: Vec<[u32; 3]>,
}

impl Parasites {
    pub(super) fn new(model: &Model, chance: Chance) -> Self {
        let attack = model.attack.clone();
        Self {
            gap: 1.0 / (attack.share * model.rate),
            chance,
            next: attack.start,
            links: Vec::new(),
            head: 0,
            victim: None,
            honest_weight: 0,
            steps: vec![[0; 3]; STEPS],
            attack,
        }
    }

    fn released_at(&self) -> f64 {
        self.attack.start + self.attack.release
    }

    /// When the attacker acts next.
    pub(super) fn due(&self) -> f64 {
        self.next
    }

    /// Adds a link; or releases them, in order.
    pub(super) fn act(&mut self, dag: &mut Dag, now: f64) -> Vec<u32> {
        if now >= self.released_at() && !self.links.is_empty() {
            self.next = f64::INFINITY;
            return self.links.clone();
        }
        let tip = self.honest_tip(dag);
        let parents = if self.links.is_empty() { [tip, tip] } else { [self.head, tip] };
        let id = dag.push(now, Kind::Private, &parents);
        dag.window.sides.set(id, RIVAL);
        let hanging = f64::from(self.attack.tips) * self.gap;
        if self.links.is_empty() || now < self.released_at() - hanging {
            self.head = id;
        }
        self.links.push(id);
        self.next = (now + self.chance.exponential(self.gap)).min(self.released_at());
        Vec::new()
    }

    /// A tip that does not approve the victim; the head of the chain if none is found.
    fn honest_tip(&mut self, dag: &Dag) -> u32 {
        for _ in 0..DRAWS_MAX {
            let tip = dag.tips.at(self.chance.below(dag.tips.count()));
            if dag.window.sides.of(tip) & VICTIM == 0 {
                return tip;
            }
        }
        self.head
    }

    /// `id`, an honest one, was issued.
    pub(super) fn see(&mut self, window: &mut Window, id: u32, now: f64) {
        if self.links.is_empty() {
            return;
        }
        if self.victim.is_none() {
            self.victim = Some(id);
            window.sides.set(id, VICTIM);
        }
        let side = window.sides.of(id);
        if now < self.released_at() {
            self.honest_weight += u64::from(side & VICTIM != 0);
            return;
        }
        let step = super::histogram::bin(now - self.released_at(), STEP);
        if let Some([all, victim, rival]) = self.steps.get_mut(step) {
            *all += 1;
            *victim += u32::from(side & VICTIM != 0);
            *rival += u32::from(side & RIVAL != 0);
        }
    }

    /// How it went.
    pub(super) fn finish(self) -> Parasite {
        let share = |part: u32, all: u32| f64::from(part) / f64::from(all);
        let reached = self.steps.into_iter().take_while(|[all, ..]| *all > 0);
        Parasite {
            private_weight: self.links.len() as u64,
            honest_weight: self.honest_weight,
            step: STEP,
            shares: reached
                .map(|[all, victim, rival]| [share(victim, all), share(rival, all)])
                .collect(),
        }
    }
}
