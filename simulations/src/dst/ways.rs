//! Trouble of ways that takes many faults: clogged one by one, or on and off.

use weft_core::time::Span;

use super::{
    chaos::{self, between},
    plan::Trouble,
};
use crate::{
    kernel::random::Dice,
    world::{World, faults::Fault},
};

/// Between two instants all ways between `side` and `others` are clogged one by one, and then let
/// through one by one in another order.
pub(super) fn swizzle(
    dice: &mut Dice,
    side: &[usize],
    others: &[usize],
    [from, to]: [Span; 2],
) -> Vec<Trouble> {
    let pairs = side.iter().flat_map(|a| others.iter().map(move |b| (*a, *b)));
    let mut ways: Vec<[usize; 2]> = pairs.flat_map(|(a, b)| [[a, b], [b, a]]).collect();
    let middle = Span::from_millis(from.as_millis().midpoint(to.as_millis()));
    let mut drawn = Vec::new();
    for (begin, end, clogs) in [(from, middle, true), (middle, to, false)] {
        dice.shuffle(&mut ways);
        let length = between(begin, end).as_millis();
        for (step, [a, b]) in (1..).zip(&ways) {
            let after = begin.as_millis() + length * step / ways.len() as u64;
            let fault = if clogs { Fault::Block(*a, *b) } else { Fault::Unblock(*a, *b) };
            drawn.push(Trouble { after: Span::from_millis(after), fault });
        }
    }
    drawn
}

/// Between two instants the link of `a` and `b` is blocked for `half`, whole for `half`, and so on;
/// afterwards it is whole.
pub(super) fn flap([a, b]: [usize; 2], [from, to]: [Span; 2], half: Span) -> Vec<Trouble> {
    let step = half.as_millis().max(1);
    let later = |at: Span| Span::from_millis(at.as_millis() + step);
    let (mut drawn, mut at) = (Vec::new(), from);
    while at < to {
        for (x, y) in [(a, b), (b, a)] {
            drawn.push(Trouble { after: at, fault: Fault::Block(x, y) });
            drawn.push(Trouble { after: later(at).min(to), fault: Fault::Unblock(x, y) });
        }
        at = later(later(at));
    }
    drawn
}

impl World {
    /// Plans random trouble for `span` from now on.
    pub fn chaos(&mut self, span: Span) {
        let nodes = self.honest_numbers().len();
        self.plan_all(chaos::draw(self.seed.dice("chaos", 0), nodes, span));
    }

    /// Between two instants from now on all ways to and from the nodes of `side` are clogged one by
    /// one, and then let through one by one in another order; `chance` makes both.
    pub fn swizzle(&mut self, side: &[usize], within: [Span; 2], chance: u64) {
        let everybody = 0..self.parties.len();
        let others: Vec<usize> = everybody.filter(|number| !side.contains(number)).collect();
        self.plan_all(swizzle(&mut self.seed.dice("swizzle", chance), side, &others, within));
    }

    /// Between two instants from now on the link of two is blocked for `half`, whole for `half`,
    /// and so on; afterwards it is whole.
    pub fn flap(&mut self, pair: [usize; 2], within: [Span; 2], half: Span) {
        self.plan_all(flap(pair, within, half));
    }

    fn plan_all(&mut self, trouble: Vec<Trouble>) {
        for Trouble { after, fault } in trouble {
            self.plan_fault(after, fault);
        }
    }
}
