//! Waiting for what becomes of a body.

use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::timeout_at,
};
use utoipa::{IntoParams, ToSchema};
use weft_core::digest::BodyId;

use super::{Api, fate::Fate, problem::Answer};
use crate::feed::Finality;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WaitParams {
    /// `attached` (default): answer once it is on disk. `committed`: answer once the body has its
    /// outcome, or without one after some 20 s.
    pub(super) wait: Option<Wait>,
}

/// What to wait for.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wait {
    /// On this node's disk.
    Attached,
    /// In the order of all nodes, with an outcome.
    Committed,
}

/// What becomes final from before a question on, and how long to wait for it.
pub(super) struct Finals {
    events: broadcast::Receiver<Finality>,
    until: Instant,
}

impl Finals {
    /// If the client wants to wait at all.
    pub(super) fn begin(api: &Api, wait: Option<Wait>) -> Option<Self> {
        let patience = Duration::from_millis(api.config.submit_timeout_ms);
        let wanted = wait == Some(Wait::Committed);
        wanted.then(|| Self { events: api.feed.finality(), until: Instant::now() + patience })
    }

    /// Waits for news of an attachment of `body`, or such as was missed; `None` when it is time to
    /// answer.
    async fn next(&mut self, body: &BodyId) -> Option<()> {
        loop {
            let event = timeout_at(self.until.into(), self.events.recv()).await.ok()?;
            match event {
                Ok(Finality::Committed { leaves, .. }) => {
                    if leaves.iter().any(|leaf| leaf.body == *body) {
                        return Some(());
                    }
                }
                Ok(Finality::Stale(_)) | Err(RecvError::Lagged(_)) => return Some(()),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl Api {
    /// What becomes of a body: waits until it has its outcome, has to be attached again, or time is
    /// up.
    pub(super) async fn fate(&self, body: BodyId, finals: &mut Finals) -> Answer<Fate> {
        loop {
            let as_of = self.as_of();
            let fate = self.read(move |store| {
                let attachments = store.attachments(&body);
                (!attachments.is_empty(), Fate::of_body(store, &attachments, as_of))
            });
            let (is_here, fate) = fate.await?;
            let done = !is_here || fate.is_settled() || fate.needs_attachment();
            if done || finals.next(&body).await.is_none() {
                return Ok(fate);
            }
        }
    }
}
