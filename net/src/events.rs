//! What the network tells the node: one queue for all peers, bounded in count and in bytes.
//!
//! When it is full, whoever reads a peer's stream stops reading, the stream's window fills, and the
//! peer has to wait: nothing is dropped. Bytes are granted in the order in which they were asked
//! for, so a peer that floods gets its turn and no more.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use weft_core::{
    digest::NodeId,
    machine::{Fault, Ticket},
    message::{End, Lane, Message},
};

/// What happened on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromNet {
    /// A connection to a peer stands.
    PeerUp {
        /// The peer.
        peer: NodeId,
        /// Where it accepts connections: where we dialled it, or else what it says.
        address: Option<SocketAddr>,
        /// Where this connection comes from or leads to.
        remote: SocketAddr,
        /// Whether the operator named it.
        fixed: bool,
        /// Whether the peer dialled.
        inbound: bool,
    },
    /// The connection to a peer is gone.
    PeerDown {
        /// The peer.
        peer: NodeId,
    },
    /// A connection that was asked for by `Dial` did not come about.
    DialFailed {
        /// The peer.
        peer: NodeId,
    },
    /// A message that needs no answer.
    Message {
        /// The peer.
        from: NodeId,
        /// Control or gossip.
        lane: Lane,
        /// What it said.
        message: Message,
    },
    /// A request, to be answered by `Answer` with the same ticket.
    Request {
        /// The peer.
        from: NodeId,
        /// Names the stream; unique for the life of the [`Net`](crate::Net).
        ticket: Ticket,
        /// What it asks.
        message: Message,
    },
    /// A part of the answer to one of our requests.
    Part {
        /// The peer.
        from: NodeId,
        /// The request.
        ticket: Ticket,
        /// The part.
        message: Message,
    },
    /// One of our requests is over. Follows all its parts.
    Answered {
        /// The peer.
        from: NodeId,
        /// The request.
        ticket: Ticket,
        /// The end as the peer put it; `None` if the peer fell silent, cut it off or is gone.
        end: Option<End>,
    },
    /// A peer did what an honest node never does. Its connection is being closed.
    Misbehaved {
        /// The peer.
        from: NodeId,
        /// What it did.
        fault: Fault,
    },
}

/// The node's end of the queue.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Queued>);

impl Events {
    /// The next event; `None` once the network is closed and all was taken.
    pub async fn recv(&mut self) -> Option<FromNet> {
        self.0.recv().await.map(|queued| queued.event)
    }

    /// The next event if one waits.
    pub fn try_recv(&mut self) -> Option<FromNet> {
        self.0.try_recv().ok().map(|queued| queued.event)
    }

    /// As [`Self::recv`], for a thread outside the runtime.
    pub fn blocking_recv(&mut self) -> Option<FromNet> {
        self.0.blocking_recv().map(|queued| queued.event)
    }
}

#[derive(Debug)]
struct Queued {
    event: FromNet,
    /// Given back when the node takes the event.
    _bytes: Option<OwnedSemaphorePermit>,
}

/// The network's end of the queue.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    sender: mpsc::Sender<Queued>,
    bytes: Arc<Semaphore>,
}

/// The node does not listen any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NobodyListens;

impl Sink {
    /// Waits for room, then queues `event`, which holds about `bytes` bytes.
    pub(crate) async fn put(&self, event: FromNet, bytes: usize) -> Result<(), NobodyListens> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permit = match permits {
            0 => None,
            _ => Some(
                self.bytes.clone().acquire_many_owned(permits).await.map_err(|_| NobodyListens)?,
            ),
        };
        self.sender.send(Queued { event, _bytes: permit }).await.map_err(|_| NobodyListens)
    }

    /// Queues an event that holds nothing, or gives it back if there is no room.
    pub(crate) fn put_now(&self, event: FromNet) -> Option<FromNet> {
        let queued = Queued { event, _bytes: None };
        self.sender.try_send(queued).err().map(|error| error.into_inner().event)
    }
}

/// A queue of at most `count` events and `bytes` bytes.
pub(crate) fn queue(count: usize, bytes: u32) -> (Sink, Events) {
    let (sender, receiver) = mpsc::channel(count);
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
    (Sink { sender, bytes: Arc::new(Semaphore::new(bytes)) }, Events(receiver))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down(byte: u8) -> FromNet {
        FromNet::PeerDown { peer: NodeId([byte; 32]) }
    }

    #[tokio::test]
    async fn bytes_are_given_back_when_an_event_is_taken() {
        let (sink, mut events) = queue(8, 100);
        sink.put(down(1), 60).await.unwrap();
        let second = sink.put(down(2), 60);
        tokio::pin!(second);
        let waits = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(second.as_mut().poll(cx).is_pending())
        });
        assert!(waits.await, "the second does not fit");
        assert_eq!(events.recv().await, Some(down(1)));
        second.await.unwrap();
        assert_eq!(events.try_recv(), Some(down(2)));
    }

    #[tokio::test]
    async fn count_is_bounded_too() {
        let (sink, events) = queue(1, 100);
        assert_eq!(sink.put_now(down(1)), None);
        assert_eq!(sink.put_now(down(2)), Some(down(2)));
        drop(events);
        assert_eq!(sink.put(down(3), 0).await, Err(NobodyListens));
    }
}
