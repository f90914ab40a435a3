//! What all tasks of one network share: settings, registry, socket, and the way to the node.
//!
//! Invariant: nothing here waits; the machine's thread calls it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use quinn::{Connection, Endpoint};
use tokio::{runtime::Handle, sync::watch};
use weft_core::{
    digest::NodeId,
    machine::Ticket,
    message::{Hello, Lane, Message},
};

use crate::{
    close::Farewell,
    config::NetConfig,
    dialer::{Dialling, Fixed},
    endpoint,
    events::{FromNet, Sink},
    frame::encode_frame,
    guests::Lobby,
    handshake::{Control, HandshakeError, listening},
    identity::named_by,
    limits::{Gate, Pass},
    peer::{self, Peer, waiting_answers},
    queue::{Ask, Refused, SendQueue, Speech},
    registry::Registry,
    tls::Tls,
};

/// What all tasks of a network share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: NetConfig,
    pub(crate) own: NodeId,
    pub(crate) hello: Hello,
    pub(crate) tls: Tls,
    pub(crate) endpoint: Endpoint,
    pub(crate) registry: Registry,
    pub(crate) gate: Arc<Gate>,
    pub(crate) dialling: Dialling,
    pub(crate) fixed: HashMap<NodeId, Fixed>,
    pub(crate) sink: Sink,
    /// For guests, once somebody serves them.
    pub(crate) lobby: OnceLock<Lobby>,
    pub(crate) runtime: Handle,
    pub(crate) tickets: AtomicU64,
}

impl Shared {
    pub(crate) fn say(&self, to: &NodeId, message: &Message) {
        let speech = match message {
            Message::Hello(_) => return self.misuse(message),
            _ if message.belongs_on(Lane::Gossip) => Speech::Gossip,
            _ if message.belongs_on(Lane::Control) => Speech::Control,
            _ => return self.misuse(message),
        };
        let Some(peer) = self.registry.find(to) else { return };
        let Ok(frame) = encode_frame(message) else { return self.misuse(message) };
        if let Err(Refused::Full { waiting }) = peer.queue.push(speech, frame) {
            peer.close(Farewell::too_slow(waiting));
        }
    }

    pub(crate) fn ask(&self, to: NodeId, ticket: Ticket, message: &Message) {
        let peer = self.registry.find(&to);
        let frame = encode_frame(message).ok().filter(|_| message.belongs_on(Lane::Request));
        let Some(frame) = frame else {
            self.misuse(message);
            return self.tell(FromNet::Answered { from: to, ticket, end: None });
        };
        let asked = peer.as_ref().map(|peer| peer.queue.push_ask(Ask { ticket, frame }));
        if let (Some(peer), Some(Err(Refused::Full { waiting }))) = (&peer, asked) {
            peer.close(Farewell::too_slow(waiting));
        }
        if asked != Some(Ok(())) {
            self.tell(FromNet::Answered { from: to, ticket, end: None });
        }
    }

    /// Whoever asked may be gone or have given up: then nobody waits any more.
    pub(crate) fn answer(&self, to: &NodeId, ticket: Ticket, mut parts: Vec<Message>) {
        if let Some(wrong) = parts.iter().find(|part| !part.belongs_on(Lane::Answer)) {
            self.misuse(wrong);
            parts.clear();
        }
        let Some(peer) = self.registry.find(to) else { return };
        let waiting = waiting_answers(&peer).remove(&ticket);
        if let Some(waiting) = waiting {
            // An error means that the asker has just given up.
            let _ = waiting.send(parts);
        }
    }

    fn misuse(&self, message: &Message) {
        tracing::error!(
            message = message.name(),
            "own message on the wrong lane or over the limits"
        );
    }

    /// Tells the node something without waiting for room. What waits here is bounded by the open
    /// requests and dials of the machine.
    pub(crate) fn tell(&self, event: FromNet) {
        if let Some(event) = self.sink.put_now(event) {
            let sink = self.sink.clone();
            // If nobody listens any more, nobody misses it.
            self.runtime.spawn(async move { sink.put(event, 0).await });
        }
    }

    pub(crate) fn next_ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// Registers a connection whose other end said Hello, and starts to serve it. `pass` is that of
    /// an inbound one.
    pub(crate) fn take_in(
        self: &Arc<Self>,
        connection: Connection,
        control: Control,
        mut pass: Option<Pass>,
    ) -> Result<(), HandshakeError> {
        let no_certificate = || rustls::Error::NoCertificatesPresented;
        let certificate = endpoint::certificate(&connection).ok_or_else(no_certificate)?;
        let id = named_by(&certificate)?;
        let remote = endpoint::remote(&connection);
        let inbound = pass.is_some();
        if let Some(pass) = &mut pass {
            pass.establish();
        }
        let peer = Arc::new(Peer {
            id,
            certificate,
            inbound,
            fixed: self.fixed.contains_key(&id),
            address: if inbound { listening(&control.theirs, remote) } else { Some(remote) },
            remote,
            queue: SendQueue::new(self.config.send_queue_bytes, self.config.send_queue_messages),
            answers: Mutex::default(),
            sent: AtomicU64::new(0),
            received: Arc::default(),
            up: AtomicBool::new(false),
            waits: watch::Sender::new(false),
            awaited: AtomicBool::new(false),
            farewell: OnceLock::new(),
            gone: watch::Sender::new(false),
            _pass: pass,
            connection,
        });
        let before = self.registry.admit(&peer)?;
        if let Some(before) = &before {
            before.close(Farewell::duplicate());
        }
        tokio::spawn(peer::run(self.clone(), peer, before, control));
        Ok(())
    }
}
