//! What goes wrong, and right again: crashes, resets, partitions, disks, clocks, late joiners.
//!
//! Invariant: a fault that happens to somebody to whom it cannot happen does nothing. Each says
//! what it takes to end it; what goes wrong at random, and ends, is the matter of `dst`.

use serde::{Deserialize, Serialize};
use weft_core::time::Span;

use crate::world::{
    disk::{Boundary, Failed},
    vice::Vice,
    {Happening, Party, World},
};

/// Something that goes wrong, or right again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A node loses power, and what was not synced, or part of it.
    Crash(usize),
    /// It loses power between two effects of the next step that syncs, if one does within that
    /// time, and comes back soon.
    CrashAt(usize, Boundary, Span),
    /// It starts again.
    Restart(usize),
    /// A process is stopped, as if by a debugger, and takes its time.
    Pause(usize),
    /// It goes on.
    Resume(usize),
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
    /// The next sync of a node fails, if it is within that time, so it stops; it starts again when
    /// told to.
    FailSync(usize, Span),
    /// After so many more reads of its machine one fails, if it comes within that time, and the
    /// node stops; it starts again when told to. If it is down, its next start may be where that
    /// happens.
    FailRead(usize, u64, Span),
    /// Each sync of a node takes so much longer; no time ends it.
    SlowDisk(usize, Span),
    /// The disk of a node is full: at the next write it stops. It may start, and stops again.
    FillDisk(usize),
    /// There is room again.
    FreeDisk(usize),
    /// Somebody sets the clock of a node forward or back, by so many milliseconds: felt when it
    /// starts next.
    StepClock(usize, i64),
    /// The clock of a node stands still; what comes is answered, and no timer goes off.
    FreezeClock(usize),
    /// It goes on from where it stood.
    ThawClock(usize),
    /// From now on a validator breaks the rules.
    Corrupt(usize, Vice),
    /// A second machine has the key of a node from now on, and talks to these.
    Twin(usize, Vec<usize>),
}

impl Fault {
    /// Whom it happens to.
    pub fn names(&self) -> Vec<usize> {
        match self {
            Self::Crash(node)
            | Self::CrashAt(node, ..)
            | Self::Restart(node)
            | Self::Pause(node)
            | Self::Resume(node)
            | Self::Join(node)
            | Self::Backup(node)
            | Self::Rollback(node)
            | Self::FailSync(node, _)
            | Self::FailRead(node, ..)
            | Self::SlowDisk(node, _)
            | Self::FillDisk(node)
            | Self::FreeDisk(node)
            | Self::StepClock(node, _)
            | Self::FreezeClock(node)
            | Self::ThawClock(node)
            | Self::Corrupt(node, _) => vec![*node],
            Self::Reset(a, b) | Self::Block(a, b) | Self::Unblock(a, b) => vec![*a, *b],
            Self::Twin(node, side) => side.iter().copied().chain([*node]).collect(),
        }
    }
}

impl World {
    /// Makes `fault` happen after `wait`.
    pub fn plan_fault(&mut self, wait: Span, fault: Fault) {
        self.put(self.now + wait, Happening::Fault(fault));
    }

    /// Makes `fault` happen now.
    pub fn fault(&mut self, fault: &Fault) {
        match *fault {
            Fault::Crash(node) => self.crash(node),
            Fault::Restart(node) => self.restart(node),
            Fault::Pause(node) => self.pause(node),
            Fault::Resume(node) => self.resume(node),
            Fault::Reset(a, b) => {
                if let Some(conn) = self.network.seen_by(a, b) {
                    self.break_off(conn, None);
                }
            }
            Fault::Block(from, to) => {
                for conn in self.network.block(from, to, true) {
                    self.put(self.now + self.settings.idle, Happening::Idle { conn });
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
            Fault::Rollback(number) => self.roll_back(number),
            Fault::Corrupt(node, vice) => self.corrupt(node, vice),
            Fault::Twin(node, ref side) => drop(self.twin(node, side)),
            Fault::CrashAt(..)
            | Fault::FailSync(..)
            | Fault::FailRead(..)
            | Fault::SlowDisk(..)
            | Fault::FillDisk(_)
            | Fault::FreeDisk(_)
            | Fault::StepClock(..)
            | Fault::FreezeClock(_)
            | Fault::ThawClock(_) => self.fault_inside(fault),
        }
    }

    /// Something goes wrong inside of one node, which feels it when it gets there.
    fn fault_inside(&mut self, fault: &Fault) {
        let now = self.now;
        let (Fault::CrashAt(number, ..)
        | Fault::FailSync(number, _)
        | Fault::FailRead(number, ..)
        | Fault::SlowDisk(number, _)
        | Fault::FillDisk(number)
        | Fault::FreeDisk(number)
        | Fault::StepClock(number, _)
        | Fault::FreezeClock(number)
        | Fault::ThawClock(number)) = *fault
        else {
            return;
        };
        let Some(node) = self.honest(number) else { return };
        match *fault {
            Fault::CrashAt(_, boundary, open) => node.trap(boundary, now + open),
            Fault::FailSync(_, open) => node.fail_sync(now + open),
            Fault::FailRead(_, good, open) => node.fail_read(good, now + open),
            Fault::SlowDisk(_, by) => node.slow_disk(by),
            Fault::FillDisk(_) => node.fill_disk(true),
            Fault::FreeDisk(_) => node.fill_disk(false),
            Fault::StepClock(_, by_ms) => node.step_clock(by_ms),
            Fault::FreezeClock(_) => node.freeze(now, true),
            Fault::ThawClock(_) => node.freeze(now, false),
            _ => {}
        }
        self.plan(number);
    }

    /// Whether a number is that of an honest node that runs.
    pub(crate) fn runs(&self, number: usize) -> bool {
        matches!(self.party(number), Party::Honest(node) if node.is_live() && !node.is_paused())
    }

    fn crash(&mut self, number: usize) {
        let chance = self.trouble.draw();
        let Some(node) = self.honest(number).filter(|node| node.is_live()) else { return };
        node.crash(chance);
        for conn in self.network.of(number) {
            for end in self.network.break_off(conn) {
                let wait = self.trouble.span(Span::from_millis(1), self.settings.idle);
                self.put(self.now + wait, Happening::Noticed { conn, end });
            }
            self.network.notice(conn, number);
        }
    }

    /// A trap took its power: it comes back soon.
    pub(crate) fn loses_power(&mut self, number: usize) {
        self.crash(number);
        let wait = self.trouble.span(Span::from_millis(50), Span::from_secs(2));
        self.plan_fault(wait, Fault::Restart(number));
    }

    /// Its store failed: the process ends in order, but nothing more is written. Its peers hear
    /// that it closes its connections.
    pub(crate) fn stops(&mut self, number: usize, failed: Failed) {
        let chance = match failed {
            Failed::Sync => self.trouble.draw(),
            // What was written before is there.
            Failed::Full | Failed::Read => self.node(number).store().buffered() as u64,
        };
        if let Some(node) = self.honest(number) {
            node.told.failed_reads += u64::from(failed == Failed::Read);
            node.crash(chance);
        }
        for conn in self.network.of(number) {
            self.break_off(conn, Some(number));
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
            self.put(now, Happening::Redial { by: number, to });
        }
    }

    fn roll_back(&mut self, number: usize) {
        self.crash(number);
        let copy = self.copies.remove(&number).unwrap_or_default();
        if let Some(node) = self.honest(number) {
            node.go_back(copy);
            node.forget();
        }
        self.restart(number);
    }

    fn pause(&mut self, number: usize) {
        let Some(node) = self.honest(number).filter(|node| node.is_live()) else { return };
        node.pause(true);
        for conn in self.network.of(number) {
            self.put(self.now + self.settings.idle, Happening::Idle { conn });
        }
    }

    fn resume(&mut self, number: usize) {
        let Some(node) = self.honest(number).filter(|node| node.is_paused()) else { return };
        node.pause(false);
        self.plan(number);
        self.read_on(number);
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
