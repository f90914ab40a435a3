//! MQTT 3.1.1 and 5 for devices, on one port.
//!
//! Devices publish below `up/{device}/` and subscribe below `dn/{device}/`, each to its own alone.
//! Packets are read and written by `rmqtt-codec`; what they mean to a gateway is here, because no
//! broker that can be embedded acknowledges after somebody else's disk, takes our TLS and leaves
//! our rules for dependencies whole (`docs/decisions/0013-mqtt.md`).
//!
//! Invariant: PUBACK (or PUBREC) goes out after the message is on disk, in the order of the
//! PUBLISHes (MQTT-4.6.0-2).
//!
//! Left out on purpose, and told to v5 clients in CONNACK: sessions that outlive their connection,
//! retained messages, shared subscriptions, topic aliases. Receipts are sent with QoS 0; whoever
//! missed one asks by HTTP. A will that is due is a message like any other.

mod packets;
mod session;
mod topics;
mod v3;
mod v5;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, watch},
};

use super::listen::Speak;
use crate::{
    clock::Clock, device::DeviceName, intake::Intake, metrics::Metrics, receipt::MqttFront,
};

/// Longest packet that is taken, in bytes: the longest payload with its topic and properties.
const PACKET_BYTES_MAX: u32 = 18 * 1024;

/// Messages of one connection that may wait for their acknowledgement.
const UNACKNOWLEDGED_MAX: u16 = 64;

/// What may wait to be sent to one connection.
const DOWN_MAX: usize = 64;

/// Something for a connection.
#[derive(Clone, Debug)]
struct Down {
    topic: String,
    payload: Bytes,
}

/// Who is connected: device, client identifier.
type ConnectionKey = (DeviceName, String);

/// A connection, as others see it.
struct Connection {
    /// Told from an earlier one of the same name.
    number: u64,
    down: mpsc::Sender<Down>,
    /// Tells it that the same client came again.
    taken_over: watch::Sender<bool>,
}

/// Who is connected.
pub(crate) struct Connections {
    metrics: Arc<Metrics>,
    clock: Clock,
    list: Mutex<BTreeMap<ConnectionKey, Connection>>,
    numbers: AtomicU64,
}

/// The broker.
pub(crate) struct Mqtt {
    intake: Arc<Intake>,
    connections: Arc<Connections>,
}

impl Mqtt {
    pub(crate) const fn new(intake: Arc<Intake>, connections: Arc<Connections>) -> Self {
        Self { intake, connections }
    }
}

/// A connection's place in the list, until dropped.
struct Place<'a> {
    connections: &'a Connections,
    key: ConnectionKey,
    number: u64,
    down: mpsc::Receiver<Down>,
    taken_over: watch::Receiver<bool>,
}

impl Connections {
    pub(crate) fn new(metrics: Arc<Metrics>, clock: Clock) -> Self {
        Self { metrics, clock, list: Mutex::default(), numbers: AtomicU64::new(0) }
    }

    fn list(&self) -> MutexGuard<'_, BTreeMap<ConnectionKey, Connection>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client identifier that no other connection has, of this run or another.
    fn name(&self) -> String {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        format!("weft-{:x}-{number:x}", self.clock.now().as_millis())
    }

    /// A connection begins; an older one of the same client ends (MQTT-3.1.4-3).
    fn enter(&self, device: DeviceName, client: String) -> Place<'_> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (down, from_others) = mpsc::channel(DOWN_MAX);
        let (taken_over, told) = watch::channel(false);
        let connection = Connection { number, down, taken_over };
        let key = (device, client);
        if let Some(older) = self.list().insert(key.clone(), connection) {
            older.taken_over.send_replace(true);
        }
        self.metrics.connected(1);
        Place { connections: self, key, number, down: from_others, taken_over: told }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.connections.metrics.connected(-1);
        let mut list = self.connections.list();
        if list.get(&self.key).is_some_and(|found| found.number == self.number) {
            list.remove(&self.key);
        }
    }
}

impl MqttFront for Connections {
    fn deliver(&self, device: &DeviceName, topic: &str, payload: Bytes) {
        let list = self.list();
        let first = (device.clone(), String::new());
        for ((of, _), connection) in list.range(first..) {
            if of != device {
                break;
            }
            let down = Down { topic: topic.to_owned(), payload: payload.clone() };
            if connection.down.try_send(down).is_err() {
                self.metrics.receipt_lost();
            }
        }
    }
}

impl Speak for Mqtt {
    async fn speak<Io>(&self, io: Io, stop: watch::Receiver<bool>)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if let Err(reason) = session::run(self, io, stop).await {
            tracing::debug!(reason, "a connection ended");
        }
    }
}
