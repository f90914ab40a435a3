//! One watcher: hears everything, remembers what it was shown, and tells it a beat at a time.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{self, error::RecvError},
    },
    time::{Interval, MissedTickBehavior, interval},
};
use weft_core::{
    address::NetworkKind,
    commit::{CommitRecord, Leaf},
    digest::TxId,
    outcome::Outcome,
    time::Time,
    tx::Payload,
};

use super::{Beat, CheckpointShown, Settled, Vertex, sample::Sample};
use crate::{
    api::{SharedApi, fate::outcome_code},
    feed::{Attachment, Finality},
    stop::Stop,
};

/// From one event to the next.
const BEAT: Duration = Duration::from_millis(250);
/// Shown vertices that are remembered. The oldest leave: at the highest rate, what was shown 20 s
/// before, when a picture has let go of it.
const SHOWN_MAX: usize = 4_096;

/// One watcher.
pub(super) struct Watcher {
    api: SharedApi,
    live: broadcast::Receiver<Arc<Attachment>>,
    finality: broadcast::Receiver<Finality>,
    stop: Stop,
    beats: Interval,
    picture: Picture,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    pub(super) fn new(api: SharedApi, rate: u32, place: OwnedSemaphorePermit) -> Self {
        let (live, finality) = (api.feed.subscribe(), api.feed.finality());
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let sample = Sample::new(rate, api.clock.now());
        let picture = Picture::new(sample, api.genesis.kind);
        Self { live, finality, stop: api.stopping.clone(), beats, picture, _place: place, api }
    }

    /// The next beat; `None` when the node stops.
    pub(super) async fn next_beat(&mut self) -> Option<Beat> {
        loop {
            tokio::select! {
                biased;
                () = self.stop.told() => return None,
                _ = self.beats.tick() => {
                    let at = self.api.clock.now().as_millis();
                    return Some(Beat { at, ..mem::take(&mut self.picture.beat) });
                }
                // Before finality: what is ordered was attached before.
                attached = self.live.recv() => match attached {
                    Ok(attachment) => self.picture.attached(&attachment),
                    Err(RecvError::Lagged(count)) => self.picture.beat.missed += count,
                    Err(RecvError::Closed) => return None,
                },
                reached = self.finality.recv() => match reached {
                    Ok(Finality::Committed { record, leaves }) => {
                        self.picture.committed(&record, &leaves, self.api.clock.now());
                    }
                    Ok(Finality::Stale(ids)) => self.picture.stale(&ids),
                    Err(RecvError::Lagged(count)) => self.picture.beat.missed += count,
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}

/// What one watcher was shown, and what is to be told next.
struct Picture {
    sample: Sample,
    network: NetworkKind,
    shown: HashMap<TxId, Shown>,
    /// The ids of `shown`, oldest first.
    order: VecDeque<TxId>,
    beat: Beat,
}

#[derive(Clone, Copy)]
struct Shown {
    number: u64,
    is_tip: bool,
}

impl Picture {
    fn new(sample: Sample, network: NetworkKind) -> Self {
        let (shown, order) = (HashMap::new(), VecDeque::new());
        Self { sample, network, shown, order, beat: Beat::default() }
    }

    fn attached(&mut self, Attachment { position, at, tx, .. }: &Attachment) {
        self.beat.attached += 1;
        let transaction = tx.transaction();
        let mut parents = Vec::new();
        for parent in transaction.attachment.transactions() {
            let Some(shown) = self.shown.get_mut(&parent) else { continue };
            parents.push(shown.number);
            if mem::replace(&mut shown.is_tip, false) {
                self.beat.approved.push(shown.number);
            }
        }
        if !self.sample.takes(*at, !parents.is_empty()) {
            return;
        }
        let body = &transaction.body;
        self.beat.vertices.push(Vertex {
            number: position.0,
            id: tx.id().to_string(),
            parents,
            issuer: body.issuer.text(self.network),
            kind: kind(&body.payload),
            stream: body.payload.reading().map(|data| data.stream.as_str().to_owned()),
            at: at.as_millis(),
        });
        self.shown.insert(tx.id(), Shown { number: position.0, is_tip: true });
        self.order.push_back(tx.id());
        if self.order.len() > SHOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.shown.remove(&oldest);
        }
    }

    fn committed(&mut self, record: &CommitRecord, leaves: &[Leaf], now: Time) {
        let rejected = leaves.iter().filter(|leaf| leaf.outcome != Outcome::Applied).count();
        self.beat.ordered += leaves.len() as u64;
        self.beat.rejected += rejected as u64;
        self.beat.checkpoints.push(CheckpointShown {
            commit: record.index.0,
            round: record.leader.round.0,
            leader: record.leader.author.0,
            at: now.as_millis(),
            ordered: leaves.len() as u64,
        });
        for leaf in leaves {
            if let Some(Shown { number, .. }) = self.shown.get(&leaf.tx) {
                let outcome = outcome_code(leaf.outcome);
                self.beat.settled.push(Settled { number: *number, outcome });
            }
        }
    }

    fn stale(&mut self, ids: &[TxId]) {
        let shown = ids.iter().filter_map(|id| self.shown.get(id));
        self.beat.stale.extend(shown.map(|shown| shown.number));
    }
}

/// A short name of what a body says: the one under which the API describes it.
const fn kind(payload: &Payload) -> &'static str {
    match payload {
        Payload::Data(_) => "data",
        Payload::Transfer(_) => "transfer",
        Payload::KeyRotate(_) => "key_rotate",
        Payload::Offer(_) => "offer",
        Payload::OfferEnd(_) => "offer_end",
        Payload::ChannelOpen(_) => "channel_open",
        Payload::ChannelTopUp(_) => "channel_top_up",
        Payload::ChannelClaim(_) => "channel_claim",
        Payload::ChannelClose(_) => "channel_close",
        Payload::ChannelWithdraw(_) => "channel_withdraw",
    }
}
