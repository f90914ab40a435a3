//! Posts readings of one account: counts, signs, attaches or hands over, and tries again.
//!
//! Invariant: each reading is signed once, under a sequence of its own. Every retry sends the same
//! sealed body, and the same transaction as long as its parents will do, so nothing is doubled: a
//! node that has it already says so and that is success.
//!
//! Until the body that registers the account is ordered, the others hang below it, so that none of
//! them is ordered before it. (To wait for its order instead would be to post nothing while there
//! is no quorum.)
//!
//! Left out on purpose: sharing one key between two posters. Both would count from the same number,
//! and the second body under a sequence takes no effect. One poster may be shared by any number of
//! tasks instead.

mod ahead;
mod finish;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync, task::spawn_blocking, time::sleep};
use weft_core::{
    address::{Address, NetworkKind},
    codec::Encode as _,
    digest::{BodyId, GenesisId, TxId},
    keys::{KeyError, Sign},
    time::Time,
    tx::{ContentType, NetworkId, SealedBody, choose_parents},
    units::Sequence,
};

use super::{ClientError, Cursor, NodeClient, Submitted, Tips, attach_on_all_cores, work::draw};
use crate::{Builder, Draft, DraftError, Place};

pub use finish::Final;

/// How long the tips of one answer may be used: many readings at once need not ask for each.
const TIPS_FRESH: Duration = Duration::from_millis(200);

/// How long a node may not know our key: what registered it comes through another node.
const KEY_PATIENCE: Duration = Duration::from_secs(3);

/// Who attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach {
    /// This machine: asks for tips and does the work itself. No quota applies.
    Here,
    /// The node: gets the sealed body alone, as from a device that cannot do the work.
    AtNode,
}

/// How patiently to try again. Whichever limit comes first ends it.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Most tries in all. Default 12.
    pub tries: u32,
    /// Longest time in all. Default 30 s: a node that restarts is back by then.
    pub patience: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 12, patience: Duration::from_secs(30) }
    }
}

/// A reading to be posted.
#[derive(Clone, Debug)]
pub struct NewReading {
    /// The stream it belongs to: 1 to 64 bytes of UTF-8 without control characters.
    pub stream: String,
    /// How to read the bytes.
    pub content_type: ContentType,
    /// The reading itself.
    pub bytes: Vec<u8>,
    /// When it was taken; [`Time::ZERO`] = no clock.
    pub time: Time,
}

impl NewReading {
    /// A text, taken now.
    pub fn text(stream: &str, text: &str) -> Self {
        Self::now(stream, ContentType::TEXT, text.into())
    }

    /// Any bytes, taken now.
    pub fn now(stream: &str, content_type: ContentType, bytes: Vec<u8>) -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let ms = since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        Self { stream: stream.to_owned(), content_type, bytes, time: Time::from_millis(ms) }
    }
}

/// A reading that is on the node's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The transaction.
    pub id: TxId,
    /// Its body.
    pub body: BodyId,
    /// Its place in the node's order.
    pub position: Cursor,
    /// Its place among those of the account.
    pub sequence: Sequence,
}

/// A reading that was not acknowledged.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct PostError {
    /// Why not.
    #[source]
    pub error: ClientError,
    /// The sealed body, if it came so far. It may have been stored; give it to [`Poster::send`]
    /// later, and it is there once.
    pub sealed: Option<Box<SealedBody>>,
}

impl From<ClientError> for PostError {
    fn from(error: ClientError) -> Self {
        Self { error, sealed: None }
    }
}

impl From<DraftError> for PostError {
    fn from(error: DraftError) -> Self {
        ClientError::from(error).into()
    }
}

/// Posts readings of one account through one node.
pub struct Poster {
    node: NodeClient,
    key: Arc<dyn Sign>,
    attach: Attach,
    retry: Retry,
    builder: Builder,
    kind: NetworkKind,
    genesis: GenesisId,
    count: sync::Mutex<Count>,
    /// What is left of the last answer, and when it came. Each tip is used once: whoever hangs more
    /// than a few transactions to the same ones makes the Tangle wide, and a wide one costs all.
    tips: Mutex<Option<(Instant, Tips)>>,
    /// The transaction that registers the account, until it is ordered.
    root: Mutex<Option<TxId>>,
}

struct Count {
    next: Sequence,
    /// The body that registers the account, if it was sent but not acknowledged. It goes first:
    /// another one under sequence 0 could contradict it.
    registration: Option<SealedBody>,
}

impl Poster {
    /// Asks the node which network it is on and how far the account of `key` has counted.
    pub async fn open(
        node: NodeClient,
        key: Arc<dyn Sign>,
        attach: Attach,
    ) -> Result<Self, ClientError> {
        let issuer = Address::of(key.public_key().id());
        Self::open_for(issuer, node, key, attach).await
    }

    /// The same for the account of `issuer`, which has rotated to `key`.
    pub async fn open_for(
        issuer: Address,
        node: NodeClient,
        key: Arc<dyn Sign>,
        attach: Attach,
    ) -> Result<Self, ClientError> {
        let tips = node.tips().await?;
        let scheme = key.public_key().scheme();
        if !tips.schemes.contains(&scheme) {
            let admitted = tips.schemes.iter().map(|scheme| scheme.name());
            let admitted = admitted.collect::<Vec<_>>().join(", ");
            return Err(ClientError::Scheme { scheme: scheme.to_string(), admitted });
        }
        let account = node.account(&issuer.text(tips.kind)).await?;
        Ok(Self {
            builder: Builder::new(tips.network, issuer).signed_by(key.public_key().id()),
            kind: tips.kind,
            genesis: tips.genesis,
            count: sync::Mutex::new(Count { next: Sequence(account.next), registration: None }),
            tips: Mutex::new(Some((Instant::now(), tips))),
            root: Mutex::new(None),
            node,
            key,
            attach,
            retry: Retry::default(),
        })
    }

    /// With other patience.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Counts from `next` on if that is further than what the node knew: what was posted through
    /// another node may not have come here yet.
    pub async fn count_from(&self, next: Sequence) {
        let mut count = self.count.lock().await;
        count.next = count.next.max(next);
    }

    /// The sequence that the next reading will have.
    pub async fn next_sequence(&self) -> Sequence {
        self.count.lock().await.next
    }

    /// The address of the account, as people see it.
    pub fn address(&self) -> String {
        self.builder.issuer().text(self.kind)
    }

    /// The number of the node's network.
    pub const fn network(&self) -> NetworkId {
        self.builder.network()
    }

    /// The genesis of the node's network.
    pub const fn genesis(&self) -> GenesisId {
        self.genesis
    }

    /// Posts one reading and waits until it is on the node's disk.
    ///
    /// Any number may be under way at once; sequences follow the order of the first polls. While
    /// the account is not registered, the others wait for the first.
    pub async fn post(&self, reading: NewReading) -> Result<Posted, PostError> {
        self.post_draft(|builder, sequence| {
            let NewReading { stream, content_type, bytes, time } = &reading;
            Ok(builder.reading(sequence, stream, *content_type, bytes)?.time(*time))
        })
        .await
    }

    /// Posts whatever `draft` makes for the sequence it is given, as [`Self::post`] does.
    pub async fn post_draft(
        &self,
        draft: impl Fn(&Builder, Sequence) -> Result<Draft, DraftError>,
    ) -> Result<Posted, PostError> {
        let mut count = self.count.lock().await;
        if let Some(sealed) = count.registration.clone() {
            self.register(&mut count, sealed).await?;
        }
        let draft = draft(&self.builder, count.next)?;
        if count.next.registers() {
            let sealed = self.seal(draft).await?;
            return self.register(&mut count, sealed).await;
        }
        count.next = count.next.checked_add(1).unwrap_or(count.next);
        drop(count);
        let sealed = self.seal(draft).await?;
        self.send(&sealed).await.map_err(|error| with(error, sealed))
    }

    async fn register(&self, count: &mut Count, sealed: SealedBody) -> Result<Posted, PostError> {
        count.registration = Some(sealed.clone());
        let sent = self.send(&sealed).await;
        match &sent {
            Ok(posted) => {
                *count = Count { next: Sequence(1), registration: None };
                *self.root.lock().unwrap_or_else(PoisonError::into_inner) = Some(posted.id);
            }
            // Surely not stored: the next reading may register the account instead.
            Err(ClientError::Refused(problem)) if !problem.is_passing() => {
                count.registration = None;
            }
            Err(_) => {}
        }
        sent.map_err(|error| with(error, sealed))
    }

    /// Sends a sealed body until it is acknowledged or patience ends. Sending one again is safe.
    pub async fn send(&self, sealed: &SealedBody) -> Result<Posted, ClientError> {
        let start = Instant::now();
        let mut attached = None;
        let mut pause = Duration::from_millis(50);
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.send_once(sealed, &mut attached).await {
                Ok(submitted) => return Ok(posted(submitted, sealed)),
                Err(error) => error,
            };
            let code = error.problem().map_or("", |problem| problem.code.as_str());
            match code {
                // It is there, more often than anyone needs.
                "enough_attachments" => {
                    let known = self.node.body(sealed.body.id()).await?;
                    let (id, body, position) = (known.id, known.body, known.position);
                    return Ok(posted(Submitted { id, body, position }, sealed));
                }
                // The node pruned or never had it: attach again elsewhere.
                "unknown_parent" => {
                    attached = None;
                    self.forget_tips();
                }
                "unknown_key" if start.elapsed() < KEY_PATIENCE => {}
                _ if error.is_passing() => {}
                _ => return Err(error),
            }
            let asked = error.problem().and_then(|problem| problem.retry_after);
            let wait = asked.unwrap_or(pause);
            if tries >= self.retry.tries || start.elapsed() + wait > self.retry.patience {
                return Err(error);
            }
            sleep(wait).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// `attached` is the transaction as it was sent before, if it was: sent again it is the same.
    async fn send_once(
        &self,
        sealed: &SealedBody,
        attached: &mut Option<Vec<u8>>,
    ) -> Result<Submitted, ClientError> {
        if self.attach == Attach::AtNode {
            return self.node.submit_body(sealed).await;
        }
        let bytes = match attached {
            Some(bytes) => bytes,
            None => attached.insert(self.attach(sealed.clone()).await?),
        };
        self.node.submit_transaction(bytes.clone()).await
    }

    async fn attach(&self, sealed: SealedBody) -> Result<Vec<u8>, ClientError> {
        let place = self.place().await?;
        let work = spawn_blocking(move || attach_on_all_cores(sealed, place).to_bytes());
        Ok(work.await.expect("the search for work has no way to fail"))
    }

    async fn seal(&self, draft: Draft) -> Result<SealedBody, ClientError> {
        let key = Arc::clone(&self.key);
        let scheme = key.public_key().scheme();
        let sealed = spawn_blocking(move || draft.seal(&*key)).await;
        Ok(sealed.unwrap_or(Err(KeyError::Signing { scheme }.into()))?)
    }

    /// Two tips that no other transaction of this poster takes, if there are as many.
    async fn place(&self) -> Result<Place, ClientError> {
        let kept = self.tips.lock().unwrap_or_else(PoisonError::into_inner).take();
        let fresh = kept.filter(|(at, kept)| at.elapsed() < TIPS_FRESH && kept.tips.len() >= 2);
        let (at, mut tips) = match fresh {
            Some(fresh) => fresh,
            None => (Instant::now(), self.node.tips().await?),
        };
        // They came in random order.
        let pair = tips.tips.split_off(tips.tips.len().saturating_sub(2));
        let parents = choose_parents(&pair, [draw(), draw()]);
        let parents = below(self.root().await, parents);
        let place = Place { parents, anchor: tips.anchor, work_bits: tips.work_bits };
        *self.tips.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, tips));
        Ok(place)
    }

    /// The transaction that registers the account, while it is not ordered.
    async fn root(&self) -> Option<TxId> {
        let root = (*self.root.lock().unwrap_or_else(PoisonError::into_inner))?;
        let is_ordered = self.node.transaction(root).await.is_ok_and(|tx| tx.fate.commit.is_some());
        if is_ordered {
            *self.root.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        (!is_ordered).then_some(root)
    }

    fn forget_tips(&self) {
        *self.tips.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// `root` if there is one, and one of the others.
fn below(root: Option<TxId>, parents: [TxId; 2]) -> [TxId; 2] {
    let [first, second] = parents;
    root.map_or(parents, |root| [root, if first == root { second } else { first }])
}

fn posted(submitted: Submitted, sealed: &SealedBody) -> Posted {
    let Submitted { id, body, position } = submitted;
    Posted { id, body, position, sequence: sealed.body.sequence }
}

fn with(error: ClientError, sealed: SealedBody) -> PostError {
    PostError { error, sealed: Some(Box::new(sealed)) }
}
