//! What waits to be sent to one peer: gossip, control messages and requests, under one bound.
//!
//! Callers push without waiting; a task per lane takes. Bytes count until they are handed to QUIC,
//! whose own buffer is bounded by the send window. Invariant: what is pushed after [`close`] is
//! refused, and requests pushed before it are all taken, so none is lost without an answer.
//!
//! [`close`]: SendQueue::close

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;
use weft_core::machine::Ticket;

/// Handed to QUIC in one call, at most, unless one message is longer.
const BATCH_BYTES: usize = 64 * 1024;

/// Handed to QUIC in one call, at most.
const BATCH_MESSAGES: usize = 256;

/// Why nothing was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is full: the peer is too slow.
    Full {
        /// Bytes that wait.
        waiting: usize,
    },
    /// The connection is not up yet, or not any more.
    Closed,
}

/// A request that waits to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) ticket: Ticket,
    pub(crate) frame: Bytes,
}

/// Lanes on which frames need no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    Gossip,
    Control,
}

/// The queue of one connection.
#[derive(Debug)]
pub(crate) struct SendQueue {
    state: Mutex<State>,
    gossip: Notify,
    control: Notify,
    asks: Notify,
    bytes_max: usize,
    messages_max: usize,
}

#[derive(Debug, Default)]
struct State {
    gossip: VecDeque<Bytes>,
    control: VecDeque<Bytes>,
    asks: VecDeque<Ask>,
    bytes: usize,
    messages: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    NotYet,
    Open,
    Closed,
}

impl SendQueue {
    /// A queue that refuses until it is opened.
    pub(crate) fn new(bytes_max: usize, messages_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            gossip: Notify::new(),
            control: Notify::new(),
            asks: Notify::new(),
            bytes_max,
            messages_max,
        }
    }

    pub(crate) fn open(&self) {
        let mut state = self.state();
        if state.phase == Phase::NotYet {
            state.phase = Phase::Open;
        }
    }

    /// Refuses from now on and forgets all but the requests.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.phase = Phase::Closed;
        state.gossip.clear();
        state.control.clear();
        drop(state);
        self.asks.notify_one();
    }

    pub(crate) fn push(&self, speech: Speech, frame: Bytes) -> Result<(), Refused> {
        let mut state = self.room_for(frame.len())?;
        let (lane, wake) = match speech {
            Speech::Gossip => (&mut state.gossip, &self.gossip),
            Speech::Control => (&mut state.control, &self.control),
        };
        lane.push_back(frame);
        drop(state);
        wake.notify_one();
        Ok(())
    }

    pub(crate) fn push_ask(&self, ask: Ask) -> Result<(), Refused> {
        self.room_for(ask.frame.len())?.asks.push_back(ask);
        self.asks.notify_one();
        Ok(())
    }

    fn room_for(&self, bytes: usize) -> Result<MutexGuard<'_, State>, Refused> {
        let mut state = self.state();
        if state.phase != Phase::Open {
            return Err(Refused::Closed);
        }
        let after = state.bytes.saturating_add(bytes);
        if after > self.bytes_max || state.messages >= self.messages_max {
            return Err(Refused::Full { waiting: state.bytes });
        }
        state.bytes = after;
        state.messages = state.messages.saturating_add(1);
        Ok(state)
    }

    /// Waits for frames and moves a batch of them into `batch`. They count as waiting until
    /// [`Self::sent`].
    pub(crate) async fn take(&self, speech: Speech, batch: &mut Vec<Bytes>) {
        let wake = match speech {
            Speech::Gossip => &self.gossip,
            Speech::Control => &self.control,
        };
        loop {
            {
                let mut state = self.state();
                let lane = match speech {
                    Speech::Gossip => &mut state.gossip,
                    Speech::Control => &mut state.control,
                };
                let mut bytes = 0;
                while let Some(frame) = lane.front()
                    && batch.len() < BATCH_MESSAGES
                    && (batch.is_empty() || bytes + frame.len() <= BATCH_BYTES)
                {
                    bytes += frame.len();
                    batch.extend(lane.pop_front());
                }
            }
            if !batch.is_empty() {
                return;
            }
            wake.notified().await;
        }
    }

    /// Waits for a request; `None` once the queue is closed and all were taken.
    pub(crate) async fn take_ask(&self) -> Option<Ask> {
        loop {
            {
                let mut state = self.state();
                if let Some(ask) = state.asks.pop_front() {
                    state.leave(1, ask.frame.len());
                    return Some(ask);
                }
                if state.phase == Phase::Closed {
                    return None;
                }
            }
            self.asks.notified().await;
        }
    }

    /// Makes room again for what [`Self::take`] gave.
    pub(crate) fn sent(&self, messages: usize, bytes: usize) {
        self.state().leave(messages, bytes);
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn leave(&mut self, messages: usize, bytes: usize) {
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> Bytes {
        vec![0; bytes].into()
    }

    fn open(bytes_max: usize, messages_max: usize) -> SendQueue {
        let queue = SendQueue::new(bytes_max, messages_max);
        queue.open();
        queue
    }

    #[tokio::test]
    async fn bytes_count_until_they_are_sent() {
        let queue = open(100, 9);
        queue.push(Speech::Gossip, frame(60)).unwrap();
        let mut batch = Vec::new();
        queue.take(Speech::Gossip, &mut batch).await;
        assert_eq!(queue.push(Speech::Control, frame(60)), Err(Refused::Full { waiting: 60 }));
        queue.sent(batch.len(), 60);
        assert_eq!(queue.push(Speech::Control, frame(60)), Ok(()));
        assert_eq!(queue.waiting(), 60);
    }

    #[test]
    fn messages_are_bounded_too() {
        let queue = open(100, 2);
        queue.push(Speech::Gossip, frame(1)).unwrap();
        queue.push_ask(Ask { ticket: Ticket(1), frame: frame(1) }).unwrap();
        assert_eq!(queue.push(Speech::Gossip, frame(1)), Err(Refused::Full { waiting: 2 }));
    }

    #[tokio::test]
    async fn many_small_frames_leave_in_one_batch_and_in_order() {
        let queue = open(1 << 20, 1_000);
        for number in 0..300_usize {
            queue.push(Speech::Gossip, frame(number)).unwrap();
        }
        let mut batch = Vec::new();
        queue.take(Speech::Gossip, &mut batch).await;
        assert_eq!(batch.len(), BATCH_MESSAGES);
        assert!(batch.iter().enumerate().all(|(number, frame)| frame.len() == number));
    }

    #[tokio::test]
    async fn requests_survive_the_close_and_nothing_comes_after() {
        let queue = open(100, 9);
        let ask = Ask { ticket: Ticket(1), frame: frame(1) };
        queue.push_ask(ask.clone()).unwrap();
        queue.close();
        queue.open();
        assert_eq!(queue.push_ask(ask.clone()), Err(Refused::Closed));
        assert_eq!(queue.take_ask().await, Some(ask));
        assert_eq!(queue.take_ask().await, None);
    }

    #[test]
    fn nothing_is_taken_in_before_the_peer_is_up() {
        let queue = SendQueue::new(100, 9);
        assert_eq!(queue.push(Speech::Gossip, frame(1)), Err(Refused::Closed));
    }
}
