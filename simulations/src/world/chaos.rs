//! Trouble at random, and its end: each kind of fault in half of the runs, all over when its span
//! is.
//!
//! Invariant: chaos ends. Whatever it broke is whole again when its span is over, so that
//! afterwards everybody has to agree.

use weft_core::time::Span;

use crate::{
    kernel::random::Dice,
    world::{
        disk::Boundary,
        faults::Fault,
        {Party, World},
    },
};

/// Plans trouble of one kind at these nodes within a span.
type Kind = fn(&mut World, &mut Dice, &[usize], Span);

impl World {
    /// Plans random trouble for `span`. Each kind is left out of half of the runs.
    pub fn chaos(&mut self, span: Span) {
        let mut dice = self.seed.dice("chaos", 0);
        let nodes: Vec<usize> = self
            .parties
            .iter()
            .enumerate()
            .filter(|(_, party)| matches!(party, Party::Honest(_)))
            .map(|(number, _)| number)
            .collect();
        let kinds: [Kind; 11] = [
            Self::crashes,
            Self::resets,
            Self::partitions,
            Self::one_way,
            Self::joins,
            Self::traps,
            Self::swizzles,
            Self::flaps,
            Self::pauses,
            Self::bad_disks,
            Self::bad_clocks,
        ];
        for kind in kinds {
            if dice.chance(50) {
                kind(self, &mut dice, &nodes, span);
            }
        }
    }

    fn crashes(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        for _ in 0..dice.between(1, 6) {
            let Some(node) = dice.pick(nodes).copied() else { return };
            let (from, to) = within(dice, span);
            self.plan_fault(from, Fault::Crash(node));
            self.plan_fault(to, Fault::Restart(node));
        }
        // Those whose restart was swallowed by a later crash.
        for node in nodes {
            self.plan_fault(span, Fault::Restart(*node));
        }
    }

    fn resets(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        for _ in 0..dice.between(1, 30) {
            if let (Some(a), Some(b)) = (dice.pick(nodes).copied(), dice.pick(nodes).copied()) {
                self.plan_fault(within(dice, span).0, Fault::Reset(a, b));
            }
        }
    }

    fn partitions(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        let mut mixed = nodes.to_vec();
        dice.shuffle(&mut mixed);
        let (side, others) = mixed.split_at(dice.index(mixed.len()));
        let (from, to) = within(dice, span);
        for a in side {
            for b in others {
                for (x, y) in [(*a, *b), (*b, *a)] {
                    self.plan_fault(from, Fault::Block(x, y));
                    self.plan_fault(to, Fault::Unblock(x, y));
                }
            }
        }
    }

    fn one_way(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        for _ in 0..dice.between(1, 4) {
            if let (Some(a), Some(b)) = (dice.pick(nodes).copied(), dice.pick(nodes).copied()) {
                let (from, to) = within(dice, span);
                self.plan_fault(from, Fault::Block(a, b));
                self.plan_fault(to, Fault::Unblock(a, b));
            }
        }
    }

    fn joins(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        for _ in 0..dice.between(1, 2) {
            if let Some(at) = dice.pick(nodes).copied() {
                self.plan_fault(within(dice, span).0, Fault::Join(at));
            }
        }
    }

    /// Power fails between two effects of a step.
    fn traps(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        for _ in 0..dice.between(1, 6) {
            let Some(node) = dice.pick(nodes).copied() else { return };
            let boundary = match dice.below(3) {
                0 => Boundary::BeforeWrite,
                1 => Boundary::AfterWrite,
                _ => Boundary::AfterMessages(dice.index(4)),
            };
            let (from, to) = within(dice, span);
            self.plan_fault(from, Fault::CrashAt(node, boundary, between(from, to)));
        }
    }

    fn swizzles(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        let mut side = nodes.to_vec();
        dice.shuffle(&mut side);
        side.truncate(1 + dice.index(nodes.len()));
        let (from, to) = within(dice, span);
        self.swizzle(&side, [from, to], dice.draw());
    }

    /// Between two instants all ways to and from the nodes of `side` are clogged one by one, and
    /// then let through one by one in another order; `chance` makes both.
    pub fn swizzle(&mut self, side: &[usize], [from, to]: [Span; 2], chance: u64) {
        let mut dice = self.seed.dice("swizzle", chance);
        let others = || (0..self.parties.len()).filter(|number| !side.contains(number));
        let mut ways: Vec<[usize; 2]> =
            side.iter().flat_map(|a| others().flat_map(|b| [[*a, b], [b, *a]])).collect();
        let middle = Span::from_millis(from.as_millis().midpoint(to.as_millis()));
        for (begin, end, clogs) in [(from, middle, true), (middle, to, false)] {
            dice.shuffle(&mut ways);
            let length = between(begin, end).as_millis();
            for (step, [a, b]) in (1..).zip(&ways) {
                let wait = begin.as_millis() + length * step / ways.len() as u64;
                let fault = if clogs { Fault::Block(*a, *b) } else { Fault::Unblock(*a, *b) };
                self.plan_fault(Span::from_millis(wait), fault);
            }
        }
    }

    fn flaps(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        if let (Some(a), Some(b)) = (dice.pick(nodes).copied(), dice.pick(nodes).copied()) {
            let (from, to) = within(dice, span);
            let half = Span::from_millis(dice.between(20, 3_000));
            self.flap([a, b], [from, to], half);
        }
    }

    /// Between two instants the link of `a` and `b` is blocked for `half`, whole for `half`, and so
    /// on; afterwards it is whole.
    pub fn flap(&mut self, [a, b]: [usize; 2], [from, to]: [Span; 2], half: Span) {
        let step = half.as_millis().max(1);
        let later = |at: Span| Span::from_millis(at.as_millis() + step);
        let mut at = from;
        while at < to {
            for (x, y) in [(a, b), (b, a)] {
                self.plan_fault(at, Fault::Block(x, y));
                self.plan_fault(later(at).min(to), Fault::Unblock(x, y));
            }
            at = later(later(at));
        }
    }

    fn pauses(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        for _ in 0..dice.between(1, 6) {
            let Some(node) = dice.pick(nodes).copied() else { return };
            let (from, _) = within(dice, span);
            let length = dice.pick(&[50, 500, 2_000, 10_000]).copied().unwrap_or(50);
            let to = Span::from_millis(from.as_millis() + dice.between(1, length)).min(span);
            self.plan_fault(from, Fault::Pause(node));
            self.plan_fault(to, Fault::Resume(node));
        }
        // Whoever was paused twice, and resumed before the second time.
        for node in nodes {
            self.plan_fault(span, Fault::Resume(*node));
        }
    }

    fn bad_disks(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        for _ in 0..dice.between(1, 3) {
            let Some(node) = dice.pick(nodes).copied() else { return };
            let (from, to) = within(dice, span);
            match dice.below(3) {
                0 => self.plan_fault(from, Fault::FailSync(node, between(from, to))),
                1 => {
                    let slow = dice.span(Span::from_millis(1), Span::from_millis(200));
                    self.plan_fault(from, Fault::SlowDisk(node, slow));
                    self.plan_fault(to, Fault::SlowDisk(node, Span::default()));
                }
                _ => {
                    self.plan_fault(from, Fault::FillDisk(node));
                    self.plan_fault(to, Fault::FreeDisk(node));
                }
            }
            self.plan_fault(to, Fault::Restart(node));
        }
        for node in nodes {
            self.plan_fault(span, Fault::FreeDisk(*node));
            self.plan_fault(span, Fault::SlowDisk(*node, Span::default()));
            self.plan_fault(span, Fault::Restart(*node));
        }
    }

    fn bad_clocks(&mut self, dice: &mut Dice, nodes: &[usize], span: Span) {
        for _ in 0..dice.between(1, 4) {
            let Some(node) = dice.pick(nodes).copied() else { return };
            let (from, to) = within(dice, span);
            if dice.chance(50) {
                self.plan_fault(from, Fault::FreezeClock(node));
                self.plan_fault(to, Fault::ThawClock(node));
                continue;
            }
            let by = i64::try_from(dice.below(60_001)).unwrap_or(0) - 30_000;
            self.plan_fault(from, Fault::StepClock(node, by));
            self.plan_fault(to, Fault::Crash(node));
            self.plan_fault(to, Fault::Restart(node));
        }
        for node in nodes {
            self.plan_fault(span, Fault::ThawClock(*node));
        }
    }
}

/// From one instant to a later one.
fn between(from: Span, to: Span) -> Span {
    Span::from_millis(to.as_millis().saturating_sub(from.as_millis()))
}

/// A beginning and an end within `span`, not the same.
fn within(dice: &mut Dice, span: Span) -> (Span, Span) {
    let end = dice.between(1, span.as_millis());
    let begin = dice.below(end);
    (Span::from_millis(begin), Span::from_millis(end))
}
