//! The one door for messages, whatever they came by: who are you, what is it, is it on disk.
//!
//! Invariant: nothing is taken from a device that has not shown its token, and nothing is
//! acknowledged before it is on disk.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use weft_core::tx::{NetworkId, StreamName};

use crate::{
    clock::Clock,
    decode::{Decoded, FormatError, decode},
    device::{Device, DeviceName, Registry, RegistryError, TokenHash},
    metrics::Metrics,
    queue::{Content, Incoming},
    upload::{Accepted, Delivery, Refusal, Upload, delivery_name},
};

/// How often the file of devices is looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// How long a message waits for its place before the disk. Longer than any storm of devices that
/// all come back at once; a disk that takes longer is no disk to wait for.
const BUSY_TIME: Duration = Duration::from_secs(10);

/// How long to wait where the disk does not keep up.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// The door.
pub(crate) struct Intake {
    registry: RwLock<Arc<Registry>>,
    path: PathBuf,
    /// Counts the changes of the registry.
    changes: watch::Sender<u64>,
    queue: mpsc::Sender<Incoming>,
    /// Known once a node was reached.
    network: OnceLock<NetworkId>,
    metrics: Arc<Metrics>,
    clock: Clock,
}

/// An answer that is on its way from the disk.
#[derive(Debug)]
pub(crate) struct Pending(oneshot::Receiver<Result<Accepted, Refusal>>);

impl Pending {
    /// Waits for it.
    pub(crate) async fn accepted(self) -> Result<Accepted, Refusal> {
        self.0.await.unwrap_or(Err(Refusal::Storage))
    }
}

impl Intake {
    pub(crate) fn open(
        path: &Path,
        queue: mpsc::Sender<Incoming>,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Result<Self, RegistryError> {
        let registry = RwLock::new(Arc::new(Registry::load(path)?));
        let (changes, _) = watch::channel(0);
        let network = OnceLock::new();
        Ok(Self { registry, path: path.into(), changes, queue, network, metrics, clock })
    }

    /// Told once it is known.
    pub(crate) fn set_network(&self, network: NetworkId) {
        // It is the same each time: a queue belongs to one network.
        let _ = self.network.set(network);
    }

    fn registry(&self) -> Arc<Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The device `name`, if `token` is its token and it is switched on.
    pub(crate) fn authenticate(&self, name: &str, token: &[u8]) -> Result<DeviceName, Refusal> {
        let registry = self.registry();
        let named = name.parse::<DeviceName>().ok();
        let device = named.as_ref().and_then(|name| registry.devices.get(name));
        // For a stranger just as much is done.
        let hash = device.map_or(TokenHash::OF_NOBODY, |device| device.token);
        let is_right = hash.is_of(token) && device.is_some_and(|device| device.enabled);
        named.filter(|_| is_right).ok_or_else(|| {
            self.metrics.refused(&Refusal::Login);
            Refusal::Login
        })
    }

    /// What the registry says of a device now.
    pub(crate) fn device(&self, name: &DeviceName) -> Option<Device> {
        self.registry().devices.get(name).cloned()
    }

    /// Told when the registry has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Counts what a door refused by itself.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.metrics.refused(refusal);
    }

    /// Takes a message, to be written; the answer comes when it is. In which order messages are
    /// handed over here is the order that they keep: so whoever has several waits for each of these
    /// calls, and is not refused where others come in at the same time.
    pub(crate) async fn submit(&self, upload: Upload) -> Result<Pending, Refusal> {
        let taken = self.taken(upload).await;
        if let Err(refusal) = &taken {
            self.metrics.refused(refusal);
        }
        taken
    }

    async fn taken(&self, upload: Upload) -> Result<Pending, Refusal> {
        let Upload { device, stream, payload, declared, delivery } = upload;
        // It may have been switched off since it logged in.
        let settings = self.device(&device).filter(|device| device.enabled);
        let settings = Arc::new(settings.ok_or(Refusal::Login)?);
        let stream = format!("{device}/{stream}");
        StreamName::parse(&stream).map_err(|error| FormatError::Stream {
            actual: stream.clone(),
            cause: error.to_string(),
        })?;
        let now = self.clock.now();
        let decoded = decode(&payload, declared, self.network.get().copied(), now)?;
        let (content, delivery) = match decoded {
            Decoded::Sealed(_, id) => {
                (Content::Sealed(payload.clone()), Delivery::Once(delivery_name(&[id.as_bytes()])))
            }
            Decoded::Reading { content_type, bytes, time } => {
                let named = time.map(|_| [device.as_str().as_bytes(), stream.as_bytes(), &bytes]);
                let delivery =
                    named.map_or(delivery, |parts| Delivery::Once(delivery_name(&parts)));
                let time = time.unwrap_or(now);
                (Content::Reading { stream, content_type, time, bytes }, delivery)
            }
        };
        let payload_bytes = payload.len() as u64;
        let (answer, pending) = oneshot::channel();
        let incoming = Incoming { device, settings, content, payload_bytes, delivery, answer };
        let place = timeout(BUSY_TIME, self.queue.reserve()).await;
        let place = place.map_err(|_| Refusal::Full { retry_after: BUSY_PAUSE })?;
        place.map_err(|_| Refusal::Storage)?.send(incoming);
        Ok(Pending(pending))
    }

    /// Waits for an answer and counts it.
    pub(crate) async fn accepted(&self, pending: Pending) -> Result<Accepted, Refusal> {
        let said = pending.accepted().await;
        match &said {
            Ok(accepted) => self.metrics.accepted(accepted),
            Err(refusal) => self.metrics.refused(refusal),
        }
        said
    }

    /// Looks for changes of the file for as long as the gateway runs.
    pub(crate) async fn watch(&self) {
        let mut seen = stamp(&self.path);
        loop {
            tokio::time::sleep(LOOK_PERIOD).await;
            let found = stamp(&self.path);
            if found == seen {
                continue;
            }
            match Registry::load(&self.path) {
                Ok(registry) => {
                    let devices = registry.devices.len();
                    *self.registry.write().unwrap_or_else(PoisonError::into_inner) =
                        Arc::new(registry);
                    seen = found;
                    self.changes.send_modify(|count| *count += 1);
                    tracing::info!(devices, "the devices have changed");
                }
                // Looked at again, for it may be in the middle of a change by hand.
                Err(error) => tracing::warn!(%error, "the devices stay as they were"),
            }
        }
    }
}

/// What changes whenever the file is replaced.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}
