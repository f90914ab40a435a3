//! What goes wrong, drawn by swarm: each kind of trouble is left out of half of the runs, so that
//! no kind hides another (Groce et al., "Swarm Testing", ISSTA 2012).

use weft_core::time::Span;

use super::{plan::Trouble, ways};
use crate::{
    kernel::random::Dice,
    world::{disk::Boundary, faults::Fault},
};

/// Draws trouble of one kind for nodes `0..nodes` within a span.
type Draw = fn(&mut Chaos);

const KINDS: [Draw; 12] = [
    Chaos::crashes,
    Chaos::resets,
    Chaos::partitions,
    Chaos::one_way,
    Chaos::joins,
    Chaos::traps,
    Chaos::swizzles,
    Chaos::flaps,
    Chaos::pauses,
    Chaos::bad_disks,
    Chaos::bad_clocks,
    // Last, so that the trouble that a seed had before goes on as it was.
    Chaos::bad_reads,
];

/// Trouble as it is being drawn.
struct Chaos {
    dice: Dice,
    nodes: usize,
    span: Span,
    drawn: Vec<Trouble>,
}

/// Trouble for `nodes` nodes that is over after `span`, in the order of time.
pub(super) fn draw(dice: Dice, nodes: usize, span: Span) -> Vec<Trouble> {
    let mut chaos = Chaos { dice, nodes, span, drawn: Vec::new() };
    for kind in KINDS {
        if chaos.dice.chance(50) {
            kind(&mut chaos);
        }
    }
    let mut drawn = chaos.drawn;
    drawn.sort_by_key(|trouble| trouble.after);
    drawn
}

impl Chaos {
    fn add(&mut self, after: Span, fault: Fault) {
        self.drawn.push(Trouble { after, fault });
    }

    fn node(&mut self) -> usize {
        self.dice.index(self.nodes)
    }

    /// A beginning and an end, not the same.
    fn within(&mut self) -> [Span; 2] {
        let end = self.dice.between(1, self.span.as_millis());
        let begin = self.dice.below(end);
        [begin, end].map(Span::from_millis)
    }

    fn crashes(&mut self) {
        for _ in 0..self.dice.between(1, 6) {
            let node = self.node();
            let [from, to] = self.within();
            self.add(from, Fault::Crash(node));
            self.add(to, Fault::Restart(node));
        }
        // Those whose restart was swallowed by a later crash.
        let span = self.span;
        (0..self.nodes).for_each(|node| self.add(span, Fault::Restart(node)));
    }

    fn resets(&mut self) {
        for _ in 0..self.dice.between(1, 30) {
            let fault = Fault::Reset(self.node(), self.node());
            let [after, _] = self.within();
            self.add(after, fault);
        }
    }

    fn partitions(&mut self) {
        let mut mixed: Vec<usize> = (0..self.nodes).collect();
        self.dice.shuffle(&mut mixed);
        let (side, others) = mixed.split_at(self.dice.index(mixed.len()));
        let [from, to] = self.within();
        for a in side {
            for b in others {
                for (x, y) in [(*a, *b), (*b, *a)] {
                    self.add(from, Fault::Block(x, y));
                    self.add(to, Fault::Unblock(x, y));
                }
            }
        }
    }

    fn one_way(&mut self) {
        for _ in 0..self.dice.between(1, 4) {
            let (a, b) = (self.node(), self.node());
            let [from, to] = self.within();
            self.add(from, Fault::Block(a, b));
            self.add(to, Fault::Unblock(a, b));
        }
    }

    fn joins(&mut self) {
        for _ in 0..self.dice.between(1, 2) {
            let at = self.node();
            let [after, _] = self.within();
            self.add(after, Fault::Join(at));
        }
    }

    /// Power fails between two effects of a step.
    fn traps(&mut self) {
        for _ in 0..self.dice.between(1, 6) {
            let node = self.node();
            let boundary = match self.dice.below(3) {
                0 => Boundary::BeforeWrite,
                1 => Boundary::AfterWrite,
                _ => Boundary::AfterMessages(self.dice.index(4)),
            };
            let [from, to] = self.within();
            self.add(from, Fault::CrashAt(node, boundary, between(from, to)));
        }
    }

    fn swizzles(&mut self) {
        let mut mixed: Vec<usize> = (0..self.nodes).collect();
        self.dice.shuffle(&mut mixed);
        let (side, others) = mixed.split_at(1 + self.dice.index(self.nodes));
        let within = self.within();
        self.drawn.extend(ways::swizzle(&mut self.dice, side, others, within));
    }

    fn flaps(&mut self) {
        let pair = [self.node(), self.node()];
        let within = self.within();
        let half = Span::from_millis(self.dice.between(20, 3_000));
        self.drawn.extend(ways::flap(pair, within, half));
    }

    fn pauses(&mut self) {
        for _ in 0..self.dice.between(1, 6) {
            let node = self.node();
            let [from, _] = self.within();
            let length = self.dice.pick(&[50, 500, 2_000, 10_000]).copied().unwrap_or(50);
            let to = Span::from_millis(from.as_millis() + self.dice.between(1, length));
            self.add(from, Fault::Pause(node));
            self.add(to.min(self.span), Fault::Resume(node));
        }
        // Whoever was paused twice, and resumed before the second time.
        let span = self.span;
        (0..self.nodes).for_each(|node| self.add(span, Fault::Resume(node)));
    }

    fn bad_disks(&mut self) {
        for _ in 0..self.dice.between(1, 3) {
            let node = self.node();
            let [from, to] = self.within();
            match self.dice.below(3) {
                0 => self.add(from, Fault::FailSync(node, between(from, to))),
                1 => {
                    let slow = self.dice.span(Span::from_millis(1), Span::from_millis(200));
                    self.add(from, Fault::SlowDisk(node, slow));
                    self.add(to, Fault::SlowDisk(node, Span::default()));
                }
                _ => {
                    self.add(from, Fault::FillDisk(node));
                    self.add(to, Fault::FreeDisk(node));
                }
            }
            self.add(to, Fault::Restart(node));
        }
        let span = self.span;
        for node in 0..self.nodes {
            self.add(span, Fault::FreeDisk(node));
            self.add(span, Fault::SlowDisk(node, Span::default()));
            self.add(span, Fault::Restart(node));
        }
    }

    /// A read fails in a step, or while the node starts.
    fn bad_reads(&mut self) {
        for _ in 0..self.dice.between(1, 3) {
            let node = self.node();
            let [from, to] = self.within();
            let good = self.dice.pick(&[0, 10, 100, 1_000]).copied().unwrap_or(0);
            let good = self.dice.below(good + 1);
            self.add(from, Fault::FailRead(node, good, between(from, to)));
            if self.dice.chance(30) {
                self.add(from, Fault::Crash(node));
                self.add(from, Fault::Restart(node));
            }
            self.add(to, Fault::Restart(node));
        }
        let span = self.span;
        (0..self.nodes).for_each(|node| self.add(span, Fault::Restart(node)));
    }

    fn bad_clocks(&mut self) {
        for _ in 0..self.dice.between(1, 4) {
            let node = self.node();
            let [from, to] = self.within();
            if self.dice.chance(50) {
                self.add(from, Fault::FreezeClock(node));
                self.add(to, Fault::ThawClock(node));
                continue;
            }
            let by = i64::try_from(self.dice.below(60_001)).unwrap_or(0) - 30_000;
            self.add(from, Fault::StepClock(node, by));
            self.add(to, Fault::Crash(node));
            self.add(to, Fault::Restart(node));
        }
        let span = self.span;
        (0..self.nodes).for_each(|node| self.add(span, Fault::ThawClock(node)));
    }
}

/// So long after an instant.
pub(super) const fn later(from: Span, by: Span) -> Span {
    Span::from_millis(from.as_millis().saturating_add(by.as_millis()))
}

/// From one instant to a later one.
pub(super) fn between(from: Span, to: Span) -> Span {
    Span::from_millis(to.as_millis().saturating_sub(from.as_millis()))
}
