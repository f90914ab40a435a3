//! Attaches again what this node attached for others, once no leader can order it any more.
//!
//! Bounded: the newest [`NOTED_MAX`] to twice as many. The note is in memory alone: after a
//! restart, or where more was missed, whoever posted a body posts it again, to the same effect.
//!
//! Left out on purpose: bodies that came attached. Whoever chose their parents watches them.

use tokio::sync::broadcast::error::RecvError;
use weft_core::{
    codec::Decode as _,
    digest::TxId,
    tx::{Attachment, SealedBody},
};

use super::{Api, SharedApi, problem::Answer};
use crate::feed::Finality;

/// Attachments that are remembered, twice over: more than wait for their order.
pub(crate) const NOTED_MAX: usize = 1 << 15;

/// Runs until the node stops.
pub(crate) async fn run(api: SharedApi) {
    let (mut finality, mut stop) = (api.feed.finality(), api.stopping.clone());
    loop {
        let event = tokio::select! {
            biased;
            () = stop.told() => return,
            event = finality.recv() => event,
        };
        let stale = match event {
            Ok(Finality::Stale(ids)) => ids,
            Ok(Finality::Committed { .. }) | Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        for id in stale.iter().filter(|id| api.attached_here.find(id).is_some()) {
            if let Err(problem) = api.attach_again(*id).await {
                tracing::warn!(%id, code = problem.code(), "a stale body was not attached again");
            }
        }
    }
}

impl Api {
    /// Attaches the body of a stale transaction anew, unless it hangs elsewhere.
    async fn attach_again(&self, id: TxId) -> Answer<()> {
        let sealed = self.read(move |store| {
            let body = store.sealed_body(&store.entry(&id)?.body)?;
            SealedBody::from_bytes(&body).ok()
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
