//! A running gateway: opens what it needs, starts what runs, and ends it in order.
//!
//! Invariant: when [`Gateway::open`] returns, all doors are open; when [`Gateway::shutdown`]
//! returns, none is, and everything acknowledged is on disk.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{Notify, Semaphore, mpsc, watch},
    task::JoinSet,
};
use weft_client::host::{Attach, NodeClient};
use weft_core::keys::Sign;

use crate::{
    clock::Clock,
    config::{Config, QueueConfig},
    device::RegistryError,
    front::{
        coap,
        http::{Http, HttpSpeaker},
        listen::listen,
        mqtt::{Connections, Mqtt},
        tls,
    },
    intake::Intake,
    metrics::Metrics,
    queue::{Backlog, Limits, Store, StoreError, Writer},
    send::Sender,
};

/// Messages between the doors and the disk: at most 16 KiB each, 64 MiB in all.
const INTAKE_MAX: usize = 4_096;

/// How long what is being written may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// A running gateway.
pub struct Gateway {
    addresses: Addresses,
    store: Arc<Store>,
    stop: watch::Sender<bool>,
    doors: JoinSet<()>,
    sender: tokio::task::JoinHandle<()>,
    watcher: tokio::task::JoinHandle<()>,
    writer: thread::JoinHandle<()>,
}

/// Where a gateway listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// MQTT over TCP.
    pub mqtt: SocketAddr,
    /// MQTT over TLS, if there is TLS.
    pub mqtts: Option<SocketAddr>,
    /// HTTP; MQTT over WebSocket at `/mqtt`.
    pub http: SocketAddr,
    /// The same over TLS, if there is TLS.
    pub https: Option<SocketAddr>,
    /// CoAP over UDP.
    pub coap: SocketAddr,
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The devices cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The address of the node is none.
    #[error(transparent)]
    Node(#[from] weft_client::host::ClientError),
    /// The certificate or its key.
    #[error("{0}")]
    Tls(String),
    /// The queue cannot be opened: its disk, or another gateway has it.
    #[error("cannot open the queue in {dir}: {cause}")]
    Queue {
        /// Its directory.
        dir: String,
        /// Why.
        cause: String,
    },
    /// An address is taken, or not ours.
    #[error("cannot listen on {address} for {what}: {cause}")]
    Listen {
        /// The door.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// The system gave no thread.
    #[error("no thread for the queue: {0}")]
    Thread(std::io::Error),
}

/// The parts that all doors share.
struct Parts {
    intake: Arc<Intake>,
    store: Arc<Store>,
    backlog: Arc<Mutex<Backlog>>,
    bell: Arc<Notify>,
    metrics: Arc<Metrics>,
    connections: Arc<Connections>,
    mqtt: Arc<Mqtt>,
    clock: Clock,
    writer: thread::JoinHandle<()>,
}

impl Gateway {
    /// Starts a gateway that seals with `key`. Needs no node yet: what comes in waits for it.
    pub async fn open(config: Config, key: Arc<dyn Sign>) -> Result<Self, StartError> {
        Self::open_at(config, key, Clock::default()).await
    }

    /// The same with a clock that others may move.
    pub async fn open_at(
        config: Config,
        key: Arc<dyn Sign>,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let node = NodeClient::new(&config.gateway.node)?;
        let tls = Tls::open(&config)?;
        let parts = Parts::open(&config, clock)?;
        let (stop, stopping) = watch::channel(false);
        let mut doors = JoinSet::new();
        let addresses = parts.open_doors(&config, tls, &stopping, &mut doors).await?;
        let attach = match config.gateway.attach_at_node {
            true => Attach::AtNode,
            false => Attach::Here,
        };
        let sender = Sender {
            store: parts.store.clone(),
            backlog: parts.backlog,
            bell: parts.bell,
            intake: parts.intake.clone(),
            front: parts.connections,
            metrics: parts.metrics,
            node,
            key,
            attach,
            clock: parts.clock,
        };
        let sender = tokio::spawn(sender.run());
        let (intake, store) = (parts.intake, parts.store);
        let watcher = tokio::spawn(async move { intake.watch().await });
        Ok(Self { addresses, store, stop, doors, sender, watcher, writer: parts.writer })
    }

    /// Where it listens.
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Closes the doors, writes what came in before, and ends.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        let mut doors = self.doors;
        while doors.join_next().await.is_some() {}
        // What they had begun is on disk, or unfinished there.
        self.sender.abort();
        self.watcher.abort();
        let _ = self.sender.await;
        let _ = self.watcher.await;
        // With the last of the doors the writer's queue has closed.
        let _ = tokio::task::spawn_blocking(move || self.writer.join()).await;
        // A body that was being written when the sender ended still is; the next gateway that opens
        // this queue must not meet it.
        let start = tokio::time::Instant::now();
        while Arc::strong_count(&self.store) > 1 && start.elapsed() < FAREWELL {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Parts {
    fn open(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new());
        let (queue, incoming) = mpsc::channel(INTAKE_MAX);
        let devices = &config.gateway.devices_file;
        let intake = Arc::new(Intake::open(devices, queue, metrics.clone(), clock.clone())?);
        let dir = &config.gateway.data_dir;
        let failed = |error: StoreError| StartError::Queue {
            dir: dir.display().to_string(),
            cause: error.to_string(),
        };
        let store = Arc::new(Store::open(dir).map_err(failed)?);
        let mut backlog = Backlog::new(limits(&config.queue));
        for entry in store.waiting() {
            let entry = entry.map_err(failed)?;
            let is_batched = intake.device(&entry.device).is_some_and(|device| device.batch);
            backlog.add(&entry, is_batched);
        }
        let backlog = Arc::new(Mutex::new(backlog));
        let bell = Arc::new(Notify::new());
        let connections = Arc::new(Connections::new(metrics.clone(), clock.clone()));
        let front = connections.clone();
        let (waiting, rung) = (backlog.clone(), bell.clone());
        let writer = Writer::new(store.clone(), waiting, rung, front, clock.clone());
        let writer = writer.map_err(failed)?;
        let thread = thread::Builder::new().name("gateway-queue".to_owned());
        let writer = thread.spawn(move || writer.run(incoming)).map_err(StartError::Thread)?;
        let mqtt = Arc::new(Mqtt::new(intake.clone(), connections.clone()));
        Ok(Self { intake, store, backlog, bell, metrics, connections, mqtt, clock, writer })
    }

    async fn open_doors(
        &self,
        config: &Config,
        tls: Option<Tls>,
        stop: &watch::Receiver<bool>,
        doors: &mut JoinSet<()>,
    ) -> Result<Addresses, StartError> {
        let http = Arc::new(HttpSpeaker::new(Http {
            intake: self.intake.clone(),
            store: self.store.clone(),
            backlog: self.backlog.clone(),
            metrics: self.metrics.clone(),
            mqtt: self.mqtt.clone(),
            clock: self.clock.clone(),
            stop: stop.clone(),
        }));
        let places = |most: usize| Arc::new(Semaphore::new(most));
        let for_mqtt = places(config.mqtt.connections_max);
        let for_http = places(config.http.connections_max);
        let (mqtt, listener) = bind("MQTT", config.mqtt.listen).await?;
        let speaker = self.mqtt.clone();
        doors.spawn(listen(listener, None, speaker, for_mqtt.clone(), stop.clone()));
        let (http_at, listener) = bind("HTTP", config.http.listen).await?;
        doors.spawn(listen(listener, None, http.clone(), for_http.clone(), stop.clone()));
        let (mut mqtts, mut https) = (None, None);
        if let Some(tls) = tls {
            let (at, listener) = bind("MQTT over TLS", config.mqtt.tls_listen).await?;
            let (speaker, stop_too) = (self.mqtt.clone(), stop.clone());
            doors.spawn(listen(listener, Some(tls.mqtt), speaker, for_mqtt, stop_too));
            mqtts = Some(at);
            let (at, listener) = bind("HTTPS", config.http.tls_listen).await?;
            doors.spawn(listen(listener, Some(tls.http), http, for_http, stop.clone()));
            https = Some(at);
        }
        let address = config.coap.listen;
        let failed = |cause| StartError::Listen { what: "CoAP", address, cause };
        let socket = UdpSocket::bind(address).await.map_err(failed)?;
        let coap = socket.local_addr().map_err(failed)?;
        let (intake, most) = (self.intake.clone(), config.coap.requests_max);
        doors.spawn(coap::serve(socket, intake, most, stop.clone()));
        Ok(Addresses { mqtt, mqtts, http: http_at, https, coap })
    }
}

/// TLS of the two doors that have it.
struct Tls {
    mqtt: tokio_rustls::TlsAcceptor,
    http: tokio_rustls::TlsAcceptor,
}

impl Tls {
    fn open(config: &Config) -> Result<Option<Self>, StartError> {
        if !config.tls.is_on() {
            return Ok(None);
        }
        let acceptor = |alpn| tls::acceptor(&config.tls, alpn).map_err(StartError::Tls);
        Ok(Some(Self { mqtt: acceptor(&[b"mqtt"])?, http: acceptor(&[b"http/1.1"])? }))
    }
}

async fn bind(
    what: &'static str,
    address: SocketAddr,
) -> Result<(SocketAddr, TcpListener), StartError> {
    let failed = |cause| StartError::Listen { what, address, cause };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    Ok((listener.local_addr().map_err(failed)?, listener))
}

const fn limits(queue: &QueueConfig) -> Limits {
    Limits {
        count: queue.messages_max,
        bytes: queue.bytes_max,
        drain_per_second: queue.drain_per_second,
        batch: queue.batch_messages,
        batch_wait: Duration::from_millis(queue.batch_wait_ms),
    }
}
