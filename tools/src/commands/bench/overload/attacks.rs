//! Peers that do what no honest one does: attach the bodies of others again and again, or send
//! what nobody signed.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};
use weft_client::host::{Filter, Followed, NodeClient};
use weft_core::{
    digest::{BodyId, TxId},
    keys::{Scheme, Signature},
    message::Message,
    params::Params,
    pow::Search,
    tx::{Attachment, SealedBody},
};

use super::super::{
    drive::{Lane, due_in},
    usage::cores,
};
use crate::failure::Failure;

/// Bodies that are attached again in turn: those that were attached last.
const BODIES: usize = 256;

/// Tries by which the speed of work is measured.
const TRIES: u32 = 1 << 20;

/// How often due attachments are sent.
const BEAT: Duration = Duration::from_millis(5);

/// What was forged before the connection is looked at again.
const FORGED_AT_ONCE: usize = 16;

/// How long a forger may live.
const PATIENCE: Duration = Duration::from_secs(30);

/// Attachments a second that all cores of this machine find with the work of a dev network.
pub(super) fn work_speed() -> f64 {
    let attachment = Attachment::new([TxId::ZERO; 2], Default::default());
    let mut search = Search::new(&attachment.work_prefix(&BodyId([7; 32])), u8::MAX, 0);
    let began = Instant::now();
    // Nothing has that many zero bits.
    assert_eq!(search.step(TRIES), None);
    let tries = f64::from(TRIES) / began.elapsed().as_secs_f64();
    let cores = cores() as f64;
    tries * cores / f64::from(1_u32 << Params::dev().work_bits)
}

/// Attaches what `node` tells of again and again through `lane`, `per_second` times a second, until
/// it is dropped. Counts into `sent`.
///
/// The rate stands for the work of a machine of its own, which is not done here: it would take the
/// time of the nodes that are measured.
pub(super) async fn reattach(
    node: &NodeClient,
    lane: &mut Lane,
    per_second: f64,
    sent: &AtomicU64,
) -> Result<(), Failure> {
    let bodies = Mutex::new(VecDeque::new());
    tokio::select! {
        ended = listen(node, &bodies) => ended,
        () = attach(lane, per_second, &bodies, sent) => Ok(()),
    }
}

async fn listen(
    node: &NodeClient,
    bodies: &Mutex<VecDeque<(BodyId, usize)>>,
) -> Result<(), Failure> {
    let mut events = pin!(node.events(Filter::default()));
    while let Some(event) = events.next().await {
        if let Followed::Reading(reading) = event? {
            let mut bodies = bodies.lock().unwrap_or_else(PoisonError::into_inner);
            if bodies.len() == BODIES {
                bodies.pop_front();
            }
            let content = reading.content.bytes().map_or(0, |bytes| bytes.len());
            bodies.push_back((reading.body, content));
        }
    }
    Ok(())
}

async fn attach(
    lane: &mut Lane,
    per_second: f64,
    bodies: &Mutex<VecDeque<(BodyId, usize)>>,
    sent: &AtomicU64,
) {
    let (start, mut count) = (Instant::now(), 0);
    loop {
        sleep_until(start + Duration::from_secs_f64(count as f64 / per_second) + BEAT).await;
        let due = due_in(start.elapsed(), per_second);
        while count < due {
            count += 1;
            let next = {
                let bodies = bodies.lock().unwrap_or_else(PoisonError::into_inner);
                bodies.get(count % bodies.len().max(1)).copied()
            };
            let Some((body, content)) = next else { continue };
            let attachment = lane.chain().attach(&body, content, false);
            lane.feed.say(Message::Attachment { attachment, body });
            sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What became of a forger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forged {
    pub(super) sent: usize,
    /// How long its connection lived from the first; `None` if it lived on.
    pub(super) closed_after: Option<Duration>,
}

/// Sends `sealed` with a signature that does not fit through `lane`, at ever new places, until the
/// node ends the connection.
pub(super) async fn forge(lane: &mut Lane, sealed: &SealedBody) -> Result<Forged, Failure> {
    let forged = forged(sealed)?;
    let (began, mut sent) = (Instant::now(), 0);
    let flood = async {
        while lane.feed.is_up() {
            for _ in 0..FORGED_AT_ONCE {
                lane.send(forged.clone());
            }
            sent += FORGED_AT_ONCE;
            sleep(Duration::from_millis(1)).await;
        }
    };
    let ended = timeout(PATIENCE, flood).await;
    Ok(Forged { sent, closed_after: ended.is_ok().then(|| began.elapsed()) })
}

fn forged(sealed: &SealedBody) -> Result<SealedBody, Failure> {
    let mut sealed = sealed.clone();
    let mut signature = sealed.seal.signature.as_bytes().to_vec();
    signature.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    let scheme: Scheme = sealed.seal.scheme();
    sealed.seal.signature =
        Signature::new(scheme, Bytes::from(signature)).map_err(Failure::failed)?;
    Ok(sealed)
}
