//! Signs now, sends later: for whoever has to write down what was signed before it leaves.

use weft_core::{address::Address, tx::SealedBody, units::Sequence};

use super::{PostError, Poster};
use crate::{Builder, Draft, DraftError};

impl Poster {
    /// The account that it posts for.
    pub const fn issuer(&self) -> Address {
        self.builder.issuer()
    }

    /// Signs whatever `draft` makes for the sequence it is given, and sends nothing.
    /// [`Self::send`] does that, and once more after a restart if need be.
    pub async fn seal_draft(
        &self,
        draft: impl Fn(&Builder, Sequence) -> Result<Draft, DraftError>,
    ) -> Result<SealedBody, PostError> {
        let mut count = self.count.lock().await;
        if let Some(sealed) = count.registration.clone() {
            self.register(&mut count, sealed).await?;
        }
        let sealed = self.seal(draft(&self.builder, count.next)?).await?;
        if count.next.registers() {
            // It goes first, whoever sends it.
            count.registration = Some(sealed.clone());
        } else {
            count.next = count.next.checked_add(1).unwrap_or(count.next);
        }
        Ok(sealed)
    }
}
