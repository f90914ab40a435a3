//! Whole networks in virtual time: each module asks one kind of question of them.
//!
//! One program, because every further one would be linked with all of the node anew.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod attachments;
mod cheats;
mod clocks;
mod disks;
mod fairness;
mod faults;
mod finality;
mod links;
mod load;
mod market;
mod meeting;
mod repros;
mod rogues;
mod seeds;
mod shapes;
mod sync;
mod validate;

use weft_core::time::Span;
use weft_simulations::{Posting, World};

const fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

const fn ms(ms: u64) -> Span {
    Span::from_millis(ms)
}

/// A sensor at each of these nodes, which posts as often as that for so long.
fn posting(world: &mut World, nodes: &[usize], every_ms: u64, span: Span) {
    let plan = Posting { every: ms(every_ms), ..Posting::default() };
    for node in nodes {
        world.add_poster(*node, plan, span);
    }
}
