//! Goes to the ledger for the keeper: looks channels up, posts claims, hears of commits.
//!
//! Invariant: at most [`ERRANDS_MAX`] questions are on their way at once, and one for each channel
//! and kind that the machine asked; a ledger that cannot be asked is asked again, and never taken
//! for an answer.

use std::sync::Arc;

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use weft_core::{
    digest::BodyId,
    time::Time,
    tx::{ChannelClaim, Payload},
};

use super::heard::Heard;
use crate::{
    drive::{
        ledger::{Ledger, LedgerError},
        press::patiently,
    },
    seller::{Ask, Input},
};

/// Questions on their way at once.
const ERRANDS_MAX: usize = 32;

/// Runs errands to the ledger.
pub(super) struct Clerk {
    ledger: Arc<dyn Ledger>,
    heard: mpsc::Sender<Heard>,
    errands: Arc<Semaphore>,
    watch: JoinHandle<()>,
}

impl Clerk {
    pub(super) fn new(ledger: Arc<dyn Ledger>, heard: mpsc::Sender<Heard>) -> Self {
        let watch = tokio::spawn(watch(ledger.clone(), heard.clone()));
        Self { ledger, heard, errands: Arc::new(Semaphore::new(ERRANDS_MAX)), watch }
    }

    /// Does what the machine asks; the answer is heard.
    pub(super) fn go(&self, ask: Ask) {
        let (ledger, heard) = (self.ledger.clone(), self.heard.clone());
        let errands = self.errands.clone();
        tokio::spawn(async move {
            // It is never closed.
            let Ok(_place) = errands.acquire_owned().await else { return };
            match ask {
                Ask::Channel(id) => look_up(&*ledger, id, None, &heard).await,
                Ask::Claim(claim) => post(&*ledger, claim, &heard).await,
            }
        });
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

async fn look_up(
    ledger: &dyn Ledger,
    id: BodyId,
    claimed: Option<u32>,
    heard: &mpsc::Sender<Heard>,
) {
    let news = match patiently(|| ledger.channel(id)).await {
        Ok(found) => Heard::Channel { id, found, claimed },
        Err(error) => Heard::Trouble(format!("channel {id} cannot be looked up: {error}")),
    };
    // Nobody hears it at the end.
    let _ = heard.send(news).await;
}

async fn post(ledger: &dyn Ledger, claim: ChannelClaim, heard: &mpsc::Sender<Heard>) {
    let (channel, index) = (claim.channel, claim.claim.index);
    let posted = async {
        let sealed = patiently(|| ledger.seal(Payload::ChannelClaim(claim.clone()))).await?;
        patiently(|| ledger.send(&sealed)).await?;
        patiently(|| ledger.finish(sealed.body.id())).await
    };
    let claimed: Result<(), LedgerError> = posted.await;
    if let Err(error) = &claimed {
        let trouble = format!("the claim of {index} ticks of channel {channel} failed: {error}");
        let _ = heard.send(Heard::Trouble(trouble)).await;
    }
    look_up(ledger, channel, claimed.is_ok().then_some(index), heard).await;
}

/// Hears of each commit, or of the newest one after a pause.
async fn watch(ledger: Arc<dyn Ledger>, heard: mpsc::Sender<Heard>) {
    let mut last = Time::ZERO;
    loop {
        match patiently(|| ledger.committed(last)).await {
            Ok(time) => last = time,
            Err(error) => {
                let _ = heard.send(Heard::Trouble(format!("no news of commits: {error}"))).await;
                return;
            }
        }
        if heard.send(Heard::Input(Input::Committed { time: last })).await.is_err() {
            return;
        }
    }
}
