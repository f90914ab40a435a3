//! Requests: each on a bidirectional stream of its own, a frame one way and an answer back.
//!
//! Ours: at most `requests_max` at once per peer, the rest wait in the send queue. Each ends in one
//! `Answered`, whatever happens. Theirs: twice as many, since the news that one was given up may
//! still be under way; more is a fault. The answer is written as fast as the peer reads it.
//!
//! Invariant: a stream that is given up is reset, never ended in the middle of a frame.

use std::sync::Arc;

use quinn::{RecvStream, SendStream, VarInt};
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};
use weft_core::{
    machine::{Fault, Ticket},
    message::{End, Lane, Message},
};

use crate::{
    events::FromNet,
    frame::encode_frame,
    peer::{EVENT_OVERHEAD_BYTES, Peer, waiting_answers},
    queue::Ask,
    shared::Shared,
    stream::{FrameReader, StreamError},
};

/// A request may take this many times the silence that ends it.
const PATIENCE: u32 = 6;

/// How long the machine may think about an answer, in the same measure.
const THOUGHT: u32 = 3;

/// Parts of an answer handed to QUIC in one call, in bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// A stream that was given up carries this code; nobody looks at it.
const GIVEN_UP: VarInt = VarInt::from_u32(1);

/// Asks whatever is queued, until the queue is closed and every request has its answer.
pub(crate) async fn ask_all(shared: Arc<Shared>, peer: Arc<Peer>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = open.join_next() => {}
            ask = peer.queue.take_ask(), if open.len() < shared.config.requests_max => match ask {
                Some(ask) => {
                    open.spawn(ask_one(shared.clone(), peer.clone(), ask));
                }
                None => break,
            },
        }
    }
    while open.join_next().await.is_some() {}
}

async fn ask_one(shared: Arc<Shared>, peer: Arc<Peer>, ask: Ask) {
    let ticket = ask.ticket;
    let limit = shared.config.answer_silence.saturating_mul(PATIENCE);
    let end = match timeout(limit, exchange(&shared, &peer, ask)).await {
        Ok(Ok(end)) => end,
        Ok(Err(StreamError::Fault(fault))) => {
            peer.end(&shared, StreamError::Fault(fault)).await;
            None
        }
        Ok(Err(_)) | Err(_) => None,
    };
    let event = FromNet::Answered { from: peer.id, ticket, end };
    // If nobody listens any more, nobody misses it.
    let _ = shared.sink.put(event, 0).await;
}

/// Asks and passes the parts on. `None` if the peer falls silent or cuts the answer off.
async fn exchange(shared: &Shared, peer: &Peer, ask: Ask) -> Result<Option<End>, StreamError> {
    let silence = shared.config.answer_silence;
    let Ok(opened) = timeout(silence, peer.connection.open_bi()).await else { return Ok(None) };
    let (mut sender, receiver) = opened?;
    let bytes = ask.frame.len();
    match timeout(silence, sender.write_chunk(ask.frame)).await {
        Ok(written) => written?,
        Err(_) => {
            give_up(&mut sender);
            return Ok(None);
        }
    }
    finish(&mut sender);
    peer.count_sent(bytes);

    let mut reader = FrameReader::new(receiver).counted_by(peer.received.clone());
    let mut left = shared.config.answer_bytes_max;
    loop {
        let Ok(read) = timeout(silence, reader.message(Lane::Answer)).await else {
            return Ok(None);
        };
        let Some((message, bytes)) = read? else { return Ok(None) };
        if let Message::End(end) = message {
            return Ok(Some(end));
        }
        let Some(rest) = left.checked_sub(bytes) else { return Ok(None) };
        left = rest;
        let event = FromNet::Part { from: peer.id, ticket: ask.ticket, message };
        shared.sink.put(event, bytes.saturating_add(EVENT_OVERHEAD_BYTES)).await?;
    }
}

/// Takes requests until the connection ends or the peer asks for too much. Nothing is told of them
/// after that.
pub(crate) async fn answer_all(shared: Arc<Shared>, peer: Arc<Peer>) -> Result<(), StreamError> {
    let limit = requests_taken(shared.config.requests_max);
    let mut open: JoinSet<Result<(), StreamError>> = JoinSet::new();
    let error = loop {
        tokio::select! {
            biased;
            Some(done) = open.join_next() => {
                if let Err(error) = done.unwrap_or(Err(StreamError::Ended)) {
                    break error;
                }
            }
            stream = peer.connection.accept_bi() => match stream {
                Ok(_) if open.len() >= limit => break Fault::TooManyRequests { limit }.into(),
                Ok((sender, receiver)) => {
                    open.spawn(answer_one(shared.clone(), peer.clone(), sender, receiver));
                }
                Err(error) => break error.into(),
            },
        }
    };
    open.shutdown().await;
    Err(error)
}

/// Requests of one peer taken at once, if it may have `ours` of ours.
pub(crate) const fn requests_taken(ours: usize) -> usize {
    ours.saturating_mul(2)
}

async fn answer_one(
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    mut sender: SendStream,
    receiver: RecvStream,
) -> Result<(), StreamError> {
    let silence = shared.config.answer_silence;
    let mut reader = FrameReader::new(receiver).counted_by(peer.received.clone());
    let (message, bytes) = match timeout(silence, reader.message(Lane::Request)).await {
        Ok(Ok(Some(request))) => request,
        // The asker gave it up.
        Ok(Ok(None) | Err(StreamError::Ended)) | Err(_) => {
            give_up(&mut sender);
            return Ok(());
        }
        Ok(Err(error)) => return Err(error),
    };

    let (waiting, answer) = Waiting::new(&shared, &peer);
    let event = FromNet::Request { from: peer.id, ticket: waiting.ticket, message };
    shared.sink.put(event, bytes.saturating_add(EVENT_OVERHEAD_BYTES)).await?;
    let parts = tokio::select! {
        parts = answer => parts.unwrap_or_default(),
        _ = sender.stopped() => Vec::new(),
        () = sleep(silence.saturating_mul(THOUGHT)) => Vec::new(),
    };
    drop(waiting);
    let limit = silence.saturating_mul(PATIENCE);
    match timeout(limit, write_parts(&peer, &mut sender, parts)).await {
        Ok(Ok(true)) => finish(&mut sender),
        _ => give_up(&mut sender),
    }
    Ok(())
}

/// Writes an answer; whether it was a whole one.
async fn write_parts(
    peer: &Peer,
    sender: &mut SendStream,
    parts: Vec<Message>,
) -> Result<bool, StreamError> {
    let whole = matches!(parts.last(), Some(Message::End(_)));
    let (mut batch, mut bytes) = (Vec::new(), 0_usize);
    let mut parts = parts.into_iter().peekable();
    while let Some(part) = parts.next() {
        let Ok(frame) = encode_frame(&part) else {
            tracing::error!(peer = %peer.id, part = part.name(), "own answer over the limits");
            return Ok(false);
        };
        bytes = bytes.saturating_add(frame.len());
        batch.push(frame);
        if bytes >= BATCH_BYTES || parts.peek().is_none() {
            sender.write_all_chunks(&mut batch).await?;
            peer.count_sent(bytes);
            batch.clear();
            bytes = 0;
        }
    }
    Ok(whole)
}

/// A request that waits for the machine; leaves the list when dropped.
struct Waiting {
    peer: Arc<Peer>,
    ticket: Ticket,
}

impl Waiting {
    fn new(shared: &Shared, peer: &Arc<Peer>) -> (Self, oneshot::Receiver<Vec<Message>>) {
        let (answer, answered) = oneshot::channel();
        let ticket = shared.next_ticket();
        waiting_answers(peer).insert(ticket, answer);
        (Self { peer: peer.clone(), ticket }, answered)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        waiting_answers(&self.peer).remove(&self.ticket);
    }
}

fn finish(sender: &mut SendStream) {
    // Fails only where the other end stopped the stream: then there is nothing to end.
    let _ = sender.finish();
}

fn give_up(sender: &mut SendStream) {
    // Fails only where the stream is over already.
    let _ = sender.reset(GIVEN_UP);
}
