//! What goes wrong, and right again: crashes, resets, partitions, late joiners.
//!
//! Invariant: a fault that names nobody, or somebody to whom it cannot happen, does nothing.

use serde::{Deserialize, Serialize};
use weft_core::time::Span;

use crate::world::{Happening, Party, World, vice::Vice};

/// Something that goes wrong, or right again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A node loses power, and what was not synced, or part of it.
    Crash(usize),
    /// It starts again.
    Restart(usize),
    /// A connection breaks; what was under way is lost.
    Reset(usize, usize),
    /// What one party sends another does not arrive.
    Block(usize, usize),
    /// It arrives again.
    Unblock(usize, usize),
    /// A new node joins at one that is there.
    Join(usize),
    /// Somebody copies the store of a node.
    Backup(usize),
    /// A node loses power and comes back with what was copied last, or with nothing.
    Rollback(usize),
    /// From now on a validator breaks the rules.
    Corrupt(usize, Vice),
    /// A second machine has the key of a node from now on, and talks to these.
    Twin(usize, Vec<usize>),
}

impl World {
    /// Makes `fault` happen after `wait`.
    pub fn plan_fault(&mut self, wait: Span, fault: Fault) {
        self.queue.put(self.now + wait, Happening::Fault(fault));
    }

    /// Makes `fault` happen now.
    pub fn fault(&mut self, fault: &Fault) {
        match *fault {
            Fault::Crash(node) => self.crash(node),
            Fault::Restart(node) => self.restart(node),
            Fault::Reset(a, b) => {
                if let Some(conn) = self.network.seen_by(a, b) {
                    self.break_off(conn, None);
                }
            }
            Fault::Block(from, to) => {
                for conn in self.network.block(from, to, true) {
                    self.queue.put(self.now + self.settings.idle, Happening::Idle { conn });
                }
            }
            Fault::Unblock(from, to) => {
                for conn in self.network.block(from, to, false) {
                    for frame in self.network.take_stalled(conn, to) {
                        self.route(from, frame);
                    }
                }
            }
            Fault::Join(at) => {
                let node = self.add_node();
                self.connect(node, at);
            }
            Fault::Backup(node) => {
                let copy = self.node(node).copy();
                self.copies.insert(node, copy);
            }
            Fault::Rollback(number) => {
                self.crash(number);
                let copy = self.copies.remove(&number).unwrap_or_default();
                if let Some(node) = self.honest(number) {
                    node.go_back(copy);
                    node.forget();
                }
                self.restart(number);
            }
            Fault::Corrupt(node, vice) => self.corrupt(node, vice),
            Fault::Twin(node, ref side) => drop(self.twin(node, side)),
        }
    }

    /// Whether a number is that of an honest node that runs.
    pub(crate) fn runs(&self, number: usize) -> bool {
        matches!(self.party(number), Party::Honest(node) if node.is_live())
    }

    fn crash(&mut self, number: usize) {
        let kept = self.trouble.draw();
        let Some(node) = self.honest(number).filter(|node| node.is_live()) else { return };
        let unsynced = node.store().buffered() as u64;
        node.crash(usize::try_from(kept % (unsynced + 1)).unwrap_or(0));
        for conn in self.network.of(number) {
            for end in self.network.break_off(conn) {
                let wait = self.trouble.span(Span::from_millis(1), self.settings.idle);
                self.queue.put(self.now + wait, Happening::Noticed { conn, end });
            }
            self.network.notice(conn, number);
        }
    }

    fn restart(&mut self, number: usize) {
        let now = self.now;
        let Some(node) = self.honest(number).filter(|node| !node.is_live()) else { return };
        node.start(now);
        self.plan(number);
        let named: Vec<usize> =
            self.fixed.iter().filter(|[by, _]| *by == number).map(|[_, to]| *to).collect();
        for to in named {
            self.queue.put(now, Happening::Redial { by: number, to });
        }
    }

    /// Blocks everything between `side` and all others, both ways, or lets it through again.
    pub fn part(&mut self, side: &[usize], blocked: bool) {
        let others: Vec<usize> =
            (0..self.parties.len()).filter(|number| !side.contains(number)).collect();
        for a in side {
            for b in &others {
                for (from, to) in [(*a, *b), (*b, *a)] {
                    let fault =
                        if blocked { Fault::Block(from, to) } else { Fault::Unblock(from, to) };
                    self.fault(&fault);
                }
            }
        }
    }
}
