//! When a party takes its turn, and what comes of it.
//!
//! Invariant: what a node's step led to leaves before its next step is taken, and not at all if the
//! node went down in between.

use weft_core::{
    digest::TxId,
    time::{Span, Time},
};

use crate::{
    judges::{self, Broken},
    world::{
        life::{Down, Effects, Outcome},
        {Happening, Party, World},
    },
};

impl World {
    /// Begins checks that can begin, and plans the next turn of a party.
    pub(crate) fn plan(&mut self, number: usize) {
        self.check(number);
        let (now, busy) = (self.now, self.settings.busy);
        let ms = Span::from_millis;
        let wait = self.steps.span(ms(1), ms(1 + busy.as_millis()));
        let [late, early] = self.off_time();
        let (planned, wanted) = match self.party_mut(number) {
            Party::Honest(node) => {
                let wanted = node.wants(now, wait).map(|(at, is_timer)| match is_timer {
                    true if at > now + early => (at + late).before(early),
                    true => at + late,
                    false => at,
                });
                (&mut node.planned, wanted)
            }
            Party::Rogue(rogue) => {
                let wanted = rogue.deadline(now);
                (&mut rogue.planned, wanted)
            }
        };
        let Some(at) = wanted else { return };
        if planned.is_none_or(|planned| planned > at) {
            *planned = Some(at);
            self.put(at, Happening::Step { party: number });
        }
    }

    /// By how much the next timer is late, and early.
    fn off_time(&mut self) -> [Span; 2] {
        let (late, early) = (self.settings.clocks.late, self.settings.clocks.early);
        let none = Span::default();
        let late = if late == none { none } else { self.timers.span(none, late) };
        let is_early = early != none && self.timers.chance(10);
        [late, if is_early { self.timers.span(none, early) } else { none }]
    }

    fn check(&mut self, number: usize) {
        let now = self.now;
        let Some(node) = self.honest(number) else { return };
        let (life, (through, outcomes)) = (node.lives(), node.check(now));
        if let Some(at) = through {
            self.put(at, Happening::Checked { party: number, life });
        }
        outcomes.iter().for_each(|(id, outcome)| self.outcome(id, outcome));
    }

    /// A batch is through.
    pub(crate) fn checked(&mut self, number: usize, life: u64) {
        let Some(node) = self.honest(number).filter(|node| node.lives() == life) else { return };
        let outcomes = node.checked();
        outcomes.iter().for_each(|(id, outcome)| self.outcome(id, outcome));
        self.plan(number);
        self.read_on(number);
    }

    /// A party takes its turn. True if a node took a step.
    pub(crate) fn step(&mut self, number: usize) -> Result<bool, Broken> {
        let now = self.now;
        match self.party_mut(number) {
            Party::Honest(node) => {
                if node.planned != Some(now) || !node.is_live() {
                    return Ok(false);
                }
                node.planned = None;
                let (life, effects) = (node.lives(), node.step(now));
                if effects.down.is_none() {
                    judges::bounds(node)?;
                }
                if effects.at > now {
                    let (at, effects) = (effects.at, Box::new(effects));
                    self.put(at, Happening::Leaves { party: number, life, effects });
                } else {
                    self.leaves(number, life, effects);
                }
            }
            Party::Rogue(rogue) => {
                if rogue.planned != Some(now) {
                    return Ok(false);
                }
                rogue.planned = None;
                let said = rogue.step(now);
                said.into_iter().for_each(|message| self.say(number, message));
            }
        }
        self.plan(number);
        self.read_on(number);
        Ok(true)
    }

    /// What a step led to leaves, unless the node has gone down since.
    pub(crate) fn leaves(&mut self, number: usize, life: u64, effects: Effects) {
        let now = self.now;
        if self.honest(number).is_none_or(|node| node.lives() != life || !node.is_live()) {
            return;
        }
        for (id, outcome) in &effects.outcomes {
            self.outcome(id, outcome);
        }
        self.notice_commits(number);
        for (late, message) in effects.messages {
            if late == Span::default() {
                self.say(number, message);
            } else {
                self.put(now + late, Happening::Says { party: number, message });
            }
        }
        match effects.down {
            None => {}
            Some(Down::Power) => self.loses_power(number),
            Some(Down::Store(failed)) => self.stops(number, failed),
        }
    }

    /// What became of a submission.
    fn outcome(&mut self, id: &TxId, outcome: &Outcome) {
        let now: Time = self.now;
        let Some(submission) = self.submissions.get_mut(id) else { return };
        if *outcome == Outcome::Attached {
            submission.attached.get_or_insert(now);
        }
        let issuer = submission.issuer;
        self.answer(issuer, id, outcome);
    }
}
