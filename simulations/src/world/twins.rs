//! Equivocation: from some time on two machines have one key, and each talks to a part of the
//! network.
//!
//! ```text
//! a - t - b        a - t   t' - b      t' goes on from a copy of the store of t; what is blocked
//!  \_____/          \________/         between t and b, and t' and a, stays so
//! ```
//!
//! A machine that hears of a newer checkpoint of its own falls silent for good; so each of the two
//! hears of the other's only when its own are newer.

use crate::world::{
    node::Node,
    vice::Vice,
    {Party, World},
};

impl World {
    /// Makes a second machine with the key of `node`, which from now on talks to `side`, as `node`
    /// does to all others. Returns its number.
    pub fn twin(&mut self, node: usize, side: &[usize]) -> usize {
        let number = self.parties.len();
        let mut twin = Node::new(node as u64, &self.genesis, &self.settings);
        twin.settle_at(number as u64);
        twin.take_copy(self.node(node));
        twin.corrupt(Vice::Twin);
        self.corrupt(node, Vice::Twin);
        twin.start(self.now);
        self.add(Party::Honest(Box::new(twin)));
        for other in 0..number {
            let apart = if side.contains(&other) { node } else { number };
            for (from, to) in [(apart, other), (other, apart)] {
                self.network.block(from, to, true);
            }
            if let Some(conn) = self.network.seen_by(apart, other) {
                self.break_off(conn, None);
            }
        }
        for other in side {
            self.connect(number, *other);
        }
        number
    }

    /// Makes a validator break the rules from now on.
    pub fn corrupt(&mut self, node: usize, vice: Vice) {
        if let Some(node) = self.honest(node) {
            node.corrupt(vice);
        }
    }
}
