//! Streams that the node buys for the applications beside it: one purchase for each offer, shared
//! by all who read it.
//!
//! In: an offer. Out: its readings as they come, paid for by the node's buying account. A purchase
//! begins with its first reader and ends with its last; the folder remembers the channel, so the
//! next one goes on there.
//!
//! Invariant: at most `offers_max` purchases run, none spends more than `max`, and a reader that
//! does not keep up is cut and holds up nobody.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast;
use weft_client::host::{
    Attach, NodeClient, Poster,
    market::{Bought, Budget, Buying, HttpLedger, MarketError, Progress},
};
use weft_core::{digest::BodyId, keys::HostKey};

use crate::{
    config::MarketConfig,
    key_file::{KeyFileError, Seed},
    stop::Stop,
};

/// Readings kept for a reader that does not read; further behind it is cut.
const BEHIND_MAX: usize = 1_024;

/// What a reader hears.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// A reading came.
    Reading(Arc<Bought>),
    /// Something that the application may want to know.
    Note(Arc<str>),
    /// It is over, and why.
    Ended(Arc<str>),
}

/// Why nothing is bought.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveError {
    /// The node has no account that buys.
    #[error("this node buys nothing")]
    NoBuyer,
    /// There are enough purchases.
    #[error("at most {limit} offers are bought at once")]
    Busy {
        /// The limit.
        limit: usize,
    },
    /// The buying key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// There is no channel.
    #[error(transparent)]
    Market(#[from] MarketError),
}

/// All purchases of a node.
pub(crate) struct Live {
    config: MarketConfig,
    /// Where the node's own API listens: purchases are made through it as anybody's.
    api: SocketAddr,
    running: Mutex<HashMap<BodyId, broadcast::Sender<Heard>>>,
    /// Held while a purchase begins, so that two readers do not open two channels.
    beginning: tokio::sync::Mutex<()>,
    stop: Stop,
}

impl Live {
    pub(crate) fn new(config: MarketConfig, api: SocketAddr, stop: Stop) -> Arc<Self> {
        let (running, beginning) = (Mutex::default(), tokio::sync::Mutex::default());
        Arc::new(Self { config, api, running, beginning, stop })
    }

    /// Whether the node buys at all.
    pub(crate) fn buys(&self) -> bool {
        self.config.buyer().is_some()
    }

    /// Whether applications elsewhere may read as well.
    pub(crate) const fn is_exposed(&self) -> bool {
        self.config.exposed
    }

    /// Reads an offer from now on; begins to buy it if nobody reads it yet.
    pub(crate) async fn read(
        self: &Arc<Self>,
        offer: BodyId,
    ) -> Result<broadcast::Receiver<Heard>, LiveError> {
        let _beginning = self.beginning.lock().await;
        if let Some(running) = self.running().get(&offer) {
            return Ok(running.subscribe());
        }
        let limit = self.config.offers_max;
        if self.running().len() >= limit {
            return Err(LiveError::Busy { limit });
        }
        let buying = self.begin(offer).await?;
        let (told, heard) = broadcast::channel(BEHIND_MAX);
        self.running().insert(offer, told.clone());
        tokio::spawn(self.clone().run(offer, buying, told));
        Ok(heard)
    }

    async fn begin(&self, offer: BodyId) -> Result<Buying, LiveError> {
        let file = self.config.buyer().ok_or(LiveError::NoBuyer)?;
        let key: Arc<HostKey> = Arc::new(Seed::load(file)?.key()?);
        let node = self.node()?;
        let poster = Poster::open(node.clone(), key.clone(), Attach::Here).await;
        let poster = Arc::new(poster.map_err(MarketError::from)?);
        let ledger = HttpLedger::open(node, poster).await.map_err(MarketError::from)?;
        let budget = Budget::of(self.config.max);
        let dir = self.dir(offer);
        Ok(Buying::open(offer, budget, &dir, key, Arc::new(ledger)).await?)
    }

    fn node(&self) -> Result<NodeClient, MarketError> {
        let mut api = self.api;
        if api.ip().is_unspecified() {
            let local = if api.is_ipv4() { [127, 0, 0, 1].into() } else { IPV6_LOCAL.into() };
            api.set_ip(local);
        }
        Ok(NodeClient::new(&format!("http://{api}"))?)
    }

    fn dir(&self, offer: BodyId) -> PathBuf {
        let id = offer.to_string();
        self.config.dir.join(format!("buy-{}", id.get(..16).unwrap_or(&id)))
    }

    /// Buys as long as anybody reads.
    async fn run(
        self: Arc<Self>,
        offer: BodyId,
        mut buying: Buying,
        told: broadcast::Sender<Heard>,
    ) {
        let mut stop = self.stop.clone();
        let mut is_stopping = false;
        let end = loop {
            let progress = tokio::select! {
                () = stop.told(), if !is_stopping => {
                    is_stopping = true;
                    buying.stop();
                    continue;
                }
                progress = buying.next() => progress,
            };
            let heard = match progress {
                None => break "it is over".to_owned(),
                Some(Err(error)) => break error.to_string(),
                Some(Ok(Progress::Ended(end))) => break end.to_string(),
                Some(Ok(Progress::Reading(bought))) => Heard::Reading(Arc::new(*bought)),
                Some(Ok(Progress::Waiting(cause))) => Heard::Note(cause.into()),
                Some(Ok(Progress::Gap { from, to })) => {
                    let last = to.saturating_sub(1);
                    Heard::Note(format!("the seller does not have chunks {from} to {last}").into())
                }
            };
            if told.send(heard).is_err() && !is_stopping {
                is_stopping = true;
                buying.stop();
            }
        };
        // The folder is free again before anybody can begin anew.
        drop(buying);
        self.running().remove(&offer);
        tracing::info!(%offer, cause = %end, "a purchase ended");
        // Nobody has to be left.
        let _ = told.send(Heard::Ended(end.into()));
    }

    fn running(&self) -> MutexGuard<'_, HashMap<BodyId, broadcast::Sender<Heard>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This machine, as IPv6 has it.
const IPV6_LOCAL: [u16; 8] = [0, 0, 0, 0, 0, 0, 0, 1];
