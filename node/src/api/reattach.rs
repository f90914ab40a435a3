//! Attaches again what this node acknowledged, once no leader can order it any more.
//!
//! What was acknowledged stands in the store's log, so a restart changes nothing. Nothing is
//! attached while this node is behind: until it knows what the others ordered, it cannot know what
//! must be ordered still.
//!
//! Bounded: at a start, and when it falls behind, it looks at the newest [`LOOK_BACK`] entries.
//!
//! Left out on purpose: what a snapshot took the place of. Whoever posted it posts it again.

use tokio::sync::broadcast::error::RecvError;
use weft_core::{
    codec::Decode as _,
    digest::TxId,
    machine::Archive,
    tx::{Attachment, SealedBody},
};

use super::{Api, SharedApi, problem::Answer};
use crate::feed::Finality;

/// Entries of the log, newest first, among which what is not ordered yet is looked for: more than
/// wait for their order.
const LOOK_BACK: usize = 1 << 15;

/// Runs until the node stops.
pub(crate) async fn run(api: SharedApi) {
    let (mut finality, mut stop) = (api.feed.finality(), api.stopping.clone());
    let (mut open, mut was_behind) = (api.own_open().await, true);
    loop {
        let event = tokio::select! {
            biased;
            () = stop.told() => return,
            event = finality.recv() => event,
        };
        let is_behind = api.status.borrow().sync.is_some();
        match event {
            Ok(Finality::Stale(ids)) => open.extend(ids.iter()),
            Ok(Finality::Committed { .. }) if was_behind || !is_behind => {}
            Ok(Finality::Committed { .. }) | Err(RecvError::Lagged(_)) => {
                open = api.own_open().await;
            }
            Err(RecvError::Closed) => return,
        }
        was_behind = is_behind;
        if is_behind {
            continue;
        }
        for id in open.drain(..) {
            if stop.is_told() {
                return;
            }
            if let Err(problem) = api.attach_again(id).await {
                tracing::warn!(%id, code = problem.code(), "a stale body was not attached again");
            }
        }
    }
}

impl Api {
    /// What this node acknowledged of late and nobody ordered yet, oldest first.
    async fn own_open(&self) -> Vec<TxId> {
        let found = self.read(|store| {
            let archive = Archive::new(store);
            let log = store.newest(LOOK_BACK).into_iter().rev();
            let own = log.filter(|entry| entry.is_own && archive.place(&entry.id).is_none());
            own.map(|entry| entry.id).collect()
        });
        // A store that cannot be read ends the node.
        found.await.unwrap_or_default()
    }

    /// Attaches the body of a stale transaction of ours anew, unless it hangs elsewhere.
    async fn attach_again(&self, id: TxId) -> Answer<()> {
        let sealed = self.read(move |store| {
            let entry = store.entry(&id).filter(|entry| entry.is_own)?;
            SealedBody::from_bytes(&store.sealed_body(&entry.body)?).ok()
        });
        let Some(sealed) = sealed.await? else { return Ok(()) };
        let body = sealed.body.id();
        let _turn = self.turns.take(body).await;
        if self.live_attachment(body).await?.is_some() {
            return Ok(());
        }
        let unattached = Attachment::new([TxId::ZERO; 2], self.genesis.commit());
        let bits = self.checks.rules.work_bits(&sealed.clone().attach(unattached));
        self.attach_here(&sealed, bits).await.map(drop)
    }
}
