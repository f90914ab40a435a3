//! What goes wrong, drawn by swarm: each kind of trouble is left out of half of the runs, so that
//! no kind hides another (Groce et al., "Swarm Testing", ISSTA 2012).

use weft_core::time::Span;

use super::plan::Trouble;
use crate::{
    kernel::random::Dice,
    world::{World, faults::Fault},
};

/// Draws trouble of one kind for nodes `0..nodes` within a span.
type Draw = fn(&mut Chaos);

const KINDS: [Draw; 5] =
    [Chaos::crashes, Chaos::resets, Chaos::partitions, Chaos::one_way, Chaos::joins];

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

impl World {
    /// Plans random trouble for `span` from now on.
    pub fn chaos(&mut self, span: Span) {
        let nodes = self.honest_numbers().len();
        for Trouble { after, fault } in draw(self.seed.dice("chaos", 0), nodes, span) {
            self.plan_fault(after, fault);
        }
    }
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
}
