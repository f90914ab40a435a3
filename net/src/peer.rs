//! One connection: the tasks that read and write its streams, from `PeerUp` to `PeerDown`.
//!
//! A task per lane; the first that fails ends all of them. Requests of ours are not aborted but run
//! into the closed connection, so that each gives its one `Answered`; only then comes `PeerDown`.
//!
//! Streams: control (bidirectional, opened by the dialler), gossip (one per direction), and one per
//! request (`requests`). A peer that reads too slowly is dropped when its send queue is full.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use quinn::{Connection, SendStream};
use rustls::pki_types::CertificateDer;
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time::timeout,
};
use weft_core::{
    digest::NodeId,
    machine::Ticket,
    message::{Lane, Message},
};

use crate::{
    close::{CloseCode, Farewell},
    events::FromNet,
    handshake::{self, Control, HandshakeError},
    limits::Pass,
    queue::{SendQueue, Speech},
    requests,
    shared::Shared,
    stream::{FrameReader, StreamError},
};

/// Charged for each event besides its bytes, so that tiny messages cannot fill memory either.
pub(crate) const EVENT_OVERHEAD_BYTES: usize = 128;

/// One connection and what belongs to it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: NodeId,
    pub(crate) connection: Connection,
    /// Names the run of the peer (see `identity`).
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) inbound: bool,
    pub(crate) fixed: bool,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) remote: SocketAddr,
    pub(crate) queue: SendQueue,
    /// Requests of the peer that wait for the machine.
    pub(crate) answers: Mutex<HashMap<Ticket, oneshot::Sender<Vec<Message>>>>,
    /// Bytes of frames sent and received.
    pub(crate) sent: AtomicU64,
    pub(crate) received: Arc<AtomicU64>,
    /// Whether its gossip is not read for now.
    pub(crate) waits: watch::Sender<bool>,
    /// Whether `PeerUp` was told, or is about to be.
    pub(crate) up: AtomicBool,
    /// Whether a dial was passed over because this connection was about to stand.
    pub(crate) awaited: AtomicBool,
    /// Our own last words, if it is we who end it.
    pub(crate) farewell: OnceLock<Farewell>,
    pub(crate) gone: watch::Sender<bool>,
    /// The place of an inbound connection.
    pub(crate) _pass: Option<Pass>,
}

impl Peer {
    /// Ends the connection, unless we ended it before; whether this was the first time.
    pub(crate) fn close(&self, farewell: Farewell) -> bool {
        let words = farewell.clone();
        let first = self.farewell.set(farewell).is_ok();
        if first {
            words.close(&self.connection);
        }
        first
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.connection.close_reason().is_some()
    }

    /// Waits until nothing more will be told of this connection.
    async fn gone(&self) {
        // An error means that the sender is gone, and it lives as long as `self`.
        let _ = self.gone.subscribe().wait_for(|gone| *gone).await;
    }

    /// Why it ended, for the log.
    fn epitaph(&self) -> String {
        if let Some(farewell) = self.farewell.get() {
            return farewell.reason.clone();
        }
        match self.connection.close_reason() {
            Some(error) => HandshakeError::of_loss(error).to_string(),
            None => "unknown".into(),
        }
    }

    /// Ends the connection for what went wrong on one of its streams; a fault is told once.
    pub(crate) async fn end(&self, shared: &Shared, error: StreamError) {
        match error {
            StreamError::Fault(fault) => {
                if self.close(Farewell::fault(&fault)) {
                    let event = FromNet::Misbehaved { from: self.id, fault };
                    // Nobody listening is found out soon enough by the others.
                    let _ = shared.sink.put(event, EVENT_OVERHEAD_BYTES).await;
                }
            }
            StreamError::Ended => {
                let reason = "a stream that stays open was ended";
                self.close(Farewell::new(CloseCode::Fault, reason));
            }
            StreamError::Unheard => {
                self.close(Farewell::shutdown());
            }
            // It is closed already, and not by us.
            StreamError::Lost(_) => {}
        }
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Runs a registered connection to its end. `before` is the one it replaces.
pub(crate) async fn run(
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    before: Option<Arc<Peer>>,
    mut control: Control,
) {
    if peer.inbound {
        let said = handshake::say(&mut control.sender, &peer.connection, &shared.hello);
        if !matches!(timeout(shared.config.handshake_time, said).await, Ok(Ok(()))) {
            peer.close(Farewell::new(CloseCode::NoHello, "no room for hello"));
        }
    }
    if let Some(before) = before {
        before.gone().await;
    }
    let told = !peer.is_closing() && announce(&shared, &peer).await;
    if told {
        serve(&shared, &peer, control).await;
        let event = FromNet::PeerDown { peer: peer.id };
        // If nobody listens any more, nobody misses it.
        let _ = shared.sink.put(event, 0).await;
        let reason = peer.epitaph();
        tracing::info!(peer = %peer.id, remote = %peer.remote, %reason, "peer down");
    }
    let awaited = shared.registry.remove(&peer);
    if awaited && !told {
        let _ = shared.sink.put(FromNet::DialFailed { peer: peer.id }, 0).await;
    }
    peer.gone.send_replace(true);
    if let Some(fixed) = shared.fixed.get(&peer.id) {
        fixed.lost.notify_one();
    }
}

async fn announce(shared: &Shared, peer: &Peer) -> bool {
    // First, since the node may speak to the peer, and look it up, as soon as it was told.
    peer.queue.open();
    peer.up.store(true, Ordering::Relaxed);
    let Peer { id, address, remote, fixed, inbound, .. } = *peer;
    let event = FromNet::PeerUp { peer: id, address, remote, fixed, inbound };
    if shared.sink.put(event, 0).await.is_err() {
        peer.close(Farewell::shutdown());
        return false;
    }
    tracing::info!(peer = %id, %remote, inbound, fixed, "peer up");
    true
}

/// Serves all lanes until the connection ends, and every request of ours has its answer.
async fn serve(shared: &Arc<Shared>, peer: &Arc<Peer>, control: Control) {
    let asks = tokio::spawn(requests::ask_all(shared.clone(), peer.clone()));
    let mut lanes = JoinSet::new();
    let reader = control.reader.counted_by(peer.received.clone());
    lanes.spawn(read(shared.clone(), peer.clone(), Lane::Control, reader));
    lanes.spawn(read_gossip(shared.clone(), peer.clone()));
    lanes.spawn(write(peer.clone(), Speech::Control, control.sender));
    lanes.spawn(write_gossip(peer.clone()));
    let mut answers = tokio::spawn(requests::answer_all(shared.clone(), peer.clone()));
    let mut answers_over = false;

    let ended = tokio::select! {
        ended = lanes.join_next() => ended,
        ended = &mut answers => { answers_over = true; Some(ended) }
    };
    // No lane ends by itself; a panic was reported by the runtime.
    let ended = ended.and_then(Result::ok).and_then(Result::err).unwrap_or(StreamError::Ended);
    peer.end(shared, ended).await;
    peer.queue.close();
    lanes.shutdown().await;
    if !answers_over {
        // Ends by itself now that the connection is closed; its error is an echo of that.
        let _ = answers.await;
    }
    if let Err(error) = asks.await {
        tracing::error!(peer = %peer.id, %error, "requests lost without an answer");
    }
}

/// A lane of messages that need no answer.
async fn read(
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    lane: Lane,
    mut reader: FrameReader,
) -> Result<(), StreamError> {
    let mut waits = (lane == Lane::Gossip).then(|| peer.waits.subscribe());
    loop {
        if let Some(waits) = &mut waits {
            // An error means that the sender is gone, and it lives as long as `peer`.
            let _ = waits.wait_for(|waits| !waits).await;
        }
        let Some((message, bytes)) = reader.message(lane).await? else { break };
        let event = FromNet::Message { from: peer.id, lane, message };
        shared.sink.put(event, bytes.saturating_add(EVENT_OVERHEAD_BYTES)).await?;
    }
    Err(StreamError::Ended)
}

async fn read_gossip(shared: Arc<Shared>, peer: Arc<Peer>) -> Result<(), StreamError> {
    let stream = peer.connection.accept_uni().await?;
    let reader = FrameReader::new(stream).counted_by(peer.received.clone());
    read(shared, peer, Lane::Gossip, reader).await
}

async fn write(peer: Arc<Peer>, speech: Speech, mut stream: SendStream) -> Result<(), StreamError> {
    let mut batch = Vec::new();
    loop {
        peer.queue.take(speech, &mut batch).await;
        let messages = batch.len();
        let bytes = batch.iter().map(bytes::Bytes::len).sum();
        stream.write_all_chunks(&mut batch).await?;
        batch.clear();
        peer.queue.sent(messages, bytes);
        peer.count_sent(bytes);
    }
}

async fn write_gossip(peer: Arc<Peer>) -> Result<(), StreamError> {
    let stream = peer.connection.open_uni().await?;
    write(peer, Speech::Gossip, stream).await
}

/// The waiting answers of a peer, locked for a few lines.
pub(crate) fn waiting_answers(
    peer: &Peer,
) -> std::sync::MutexGuard<'_, HashMap<Ticket, oneshot::Sender<Vec<Message>>>> {
    peer.answers.lock().unwrap_or_else(PoisonError::into_inner)
}
