//! Work for the nodes: those who post, and what they do when nobody acknowledges.

use serde::{Deserialize, Serialize};
use weft_core::{
    machine::SubmitRefusal,
    time::{Span, Time},
    tx::SealedBody,
};

use crate::{
    kernel::random::Dice,
    world::{
        device::{Device, attach},
        life::Outcome,
        measure::Issuer,
        {Happening, World},
    },
};

/// Time without an acknowledgement after which a body is attached anew.
const PATIENCE: Span = Span::from_secs(3);

/// Somebody who posts.
#[derive(Debug)]
pub(crate) struct Poster {
    device: Device,
    plan: Posting,
    home: usize,
    until: Time,
    waiting: Option<Waiting>,
    acknowledged: u64,
    dice: Dice,
}

/// How somebody posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Posting {
    /// Time from one post to the next, on average.
    pub every: Span,
    /// Bytes of a reading, from 1 up to this.
    pub bytes_max: u64,
    /// In how many of 100 cases another node than the one at home is used, as it is whenever that
    /// one does not run.
    pub roams: u64,
    /// In how many of 100 cases the body is handed to a second node at once.
    pub twice: u64,
}

impl Default for Posting {
    fn default() -> Self {
        Self { every: Span::from_millis(200), bytes_max: 64, roams: 0, twice: 0 }
    }
}

#[derive(Debug)]
struct Waiting {
    sealed: SealedBody,
    again: Time,
}

impl Poster {
    /// Whether a body of his is not acknowledged yet.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}

impl World {
    /// Somebody posts at node `home` for `span`.
    pub fn add_poster(&mut self, home: usize, plan: Posting, span: Span) {
        let number = self.posters.len() as u64;
        let key = self.settings.scheme.key(&self.seed.bytes("device", number));
        let mut dice = self.seed.dice("poster", number);
        let first = self.now + dice.span(Span::from_millis(1), plan.every);
        self.posters.push(Poster {
            device: Device::of(key, self.genesis.network()),
            plan,
            home,
            until: self.now + span,
            waiting: None,
            acknowledged: 0,
            dice,
        });
        let poster = self.posters.len() - 1;
        self.put(first, Happening::Post { poster });
    }

    /// Posts that were acknowledged, of all posters.
    pub fn acknowledged(&self) -> u64 {
        self.posters.iter().map(|poster| poster.acknowledged).sum()
    }

    pub(crate) fn post(&mut self, number: usize) {
        let now = self.now;
        let live: Vec<usize> = (0..self.parties.len()).filter(|node| self.runs(*node)).collect();
        let Some(poster) = self.posters.get_mut(number) else { return };
        if poster.waiting.is_none() && now >= poster.until {
            return;
        }
        let every = poster.plan.every.as_millis();
        let wait = poster.dice.between(every / 2 + 1, every + every / 2 + 1);
        self.put(now + Span::from_millis(wait), Happening::Post { poster: number });
        let Some(poster) = self.posters.get_mut(number) else { return };
        let roams = poster.dice.chance(poster.plan.roams);
        let away = roams || !live.contains(&poster.home);
        let chosen = if away { poster.dice.pick(&live).copied() } else { None };
        let at = chosen.unwrap_or(poster.home);
        let waiting = poster.waiting.get_or_insert_with(|| {
            let length =
                usize::try_from(poster.dice.between(1, poster.plan.bytes_max)).unwrap_or(1);
            let sealed = poster.device.body(poster.dice.bytes(length), now);
            Waiting { sealed, again: now }
        });
        if waiting.again <= now {
            waiting.again = now + PATIENCE;
            let twice = poster.dice.chance(poster.plan.twice);
            let second = if twice { poster.dice.pick(&live).copied() } else { None };
            for at in [Some(at), second].into_iter().flatten() {
                self.submit(number, at);
            }
        }
    }

    fn submit(&mut self, number: usize, at: usize) {
        let rules = self.rules.clone();
        let anchor_and_tips = self.honest(at).and_then(|node| {
            let status = node.status()?;
            Some((status.anchor, status.tips.clone()))
        });
        let (Some((anchor, tips)), Some(poster)) = (anchor_and_tips, self.posters.get_mut(number))
        else {
            return;
        };
        let Some(waiting) = &poster.waiting else { return };
        let tx = attach(&waiting.sealed, &tips, anchor, &rules, &mut poster.dice);
        self.hand_to(Issuer::Poster(number), at, &tx);
    }

    /// What became of a post.
    pub(crate) fn told(&mut self, number: usize, outcome: &Outcome) {
        let now = self.now;
        let Some(poster) = self.posters.get_mut(number) else { return };
        match outcome {
            Outcome::Attached => {
                poster.acknowledged += 1;
                poster.waiting = None;
            }
            // The body is part of the Tangle often enough.
            Outcome::Refused(SubmitRefusal::EnoughAttachments { .. }) => poster.waiting = None,
            // Came when there was too much, roamed ahead of its registration, or named a parent
            // that a crash took.
            Outcome::Busy
            | Outcome::Refused(
                SubmitRefusal::UnknownKey { .. }
                | SubmitRefusal::UnknownParent { .. }
                | SubmitRefusal::Behind
                | SubmitRefusal::AnchorOrder
                | SubmitRefusal::Crowded { .. },
            ) => {
                if let Some(waiting) = &mut poster.waiting {
                    waiting.again = now;
                }
            }
            Outcome::Refused(SubmitRefusal::Refused(refusal)) => {
                panic!("an honest post was refused: {refusal}")
            }
        }
    }
}
