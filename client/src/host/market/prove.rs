//! Batches as the committee vouches for them, whatever the node says that is asked.
//!
//! Invariant: what is told was read from a proof that leads from the body to a certificate of the
//! genesis' committee, and took effect. One proof is asked for per batch, however many readings it
//! has: some kilobytes, and as many signatures to check as make a quorum.
//!
//! Left out on purpose: proofs of offers and channels. The ledger itself refuses a channel that
//! differs from its offer, and a channel that is not there is paid in vain only by who invented it.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use weft_core::{
    address::Address,
    codec::Decode as _,
    digest::{BodyId, TxId},
    genesis::Genesis,
    keys::HostVerifier,
    outcome::Outcome,
    proof::Proof,
    tx::{Data, Payload},
};
use weft_market::drive::LedgerError;

use super::ledger::{refused, told};
use crate::host::NodeClient;

/// How often a proof is asked for whose commit is not certified yet, and for how long: whoever
/// looks the batch up decides whether to look again.
const POLL: Duration = Duration::from_millis(100);
const CERTIFIED_WITHIN: Duration = Duration::from_secs(10);

/// The batch in `body`, and who said it, proved by the committee of `genesis`. `None` where it is
/// not known, not certified so far, or took no effect.
///
/// Errors: those of asking; `not_proven` where the node shows a proof that proves something else,
/// or nothing.
pub(super) async fn proven(
    node: &NodeClient,
    genesis: &Genesis,
    body: BodyId,
) -> Result<Option<(Address, Data)>, LedgerError> {
    let until = Instant::now() + CERTIFIED_WITHIN;
    let bytes = loop {
        let error = match node.proof(TxId(body.0)).await {
            Ok(bytes) => break bytes,
            Err(error) => error,
        };
        match error.problem().map(|problem| (problem.status, problem.code.as_str())) {
            Some((404, "not_final")) if Instant::now() < until => sleep(POLL).await,
            Some((404 | 410, _)) => return Ok(None),
            _ => return Err(told(error)),
        }
    };
    judged(&bytes, genesis, body)
}

/// What the bytes of a proof prove of `body`.
fn judged(
    bytes: &[u8],
    genesis: &Genesis,
    body: BodyId,
) -> Result<Option<(Address, Data)>, LedgerError> {
    let lie = |cause: &dyn std::fmt::Display| {
        refused("not_proven", &format!("the node's proof of batch {body} does not hold: {cause}"))
    };
    let proof = Proof::from_bytes(bytes).map_err(|error| lie(&error))?;
    let proven = proof.verify(&genesis.committee, genesis.network(), &HostVerifier, None);
    let proven = proven.map_err(|error| lie(&error))?;
    if proven.body != body {
        return Err(lie(&format_args!("it is of body {}", proven.body)));
    }
    let Payload::Data(data) = proof.body.payload else { return Ok(None) };
    Ok((proven.outcome == Outcome::Applied).then_some((proof.body.issuer, data)))
}
