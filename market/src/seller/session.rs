//! One connection, as the seller sees it.

use std::collections::VecDeque;

use weft_core::digest::BodyId;

use crate::{
    frame::{Code, Hello},
    hello::Exporter,
    paid::Paid,
    window::Window,
};

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) exporter: Exporter,
    /// Questions asked.
    pub(super) questions: u32,
    /// Whether samples were given.
    pub(super) is_sampled: bool,
    /// Flaws that no clean round has forgiven.
    pub(super) flaws: u32,
    pub(super) stage: Stage,
}

impl Session {
    pub(super) const fn new(exporter: Exporter) -> Self {
        Self { exporter, questions: 0, is_sampled: false, flaws: 0, stage: Stage::Fresh }
    }
}

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// No hello yet.
    Fresh,
    /// A hello waits for what the ledger says of its channel.
    Greeting(Box<Hello>),
    /// Chunks go one way, payments the other.
    Serving(Serving),
}

/// A session that was greeted.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) channel: BodyId,
    pub(super) window: Window,
    /// The chunk that is sent next, or the first above it that there is.
    pub(super) next: u64,
    /// Chunks that were sent and not paid, in order; at most a window.
    pub(super) sent: VecDeque<Paid>,
    /// Chunks that were paid and whose keys wait for the disk, in order; at most a window.
    pub(super) owed: VecDeque<Paid>,
    /// Why nothing is sent at the moment, as the buyer was told.
    pub(super) told: Option<Code>,
}

impl Serving {
    pub(super) const fn new(channel: BodyId, next: u64) -> Self {
        Self {
            channel,
            window: Window::new(),
            next,
            sent: VecDeque::new(),
            owed: VecDeque::new(),
            told: None,
        }
    }
}
