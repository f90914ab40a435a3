//! What a proof proves to whoever trusts a genesis, as JSON for a page.
//!
//! Invariant: what is shown of the body is read from the proof itself, never from what a node says
//! beside it.

use serde::Serialize;
use weft_core::{
    codec::Decode as _,
    genesis::Genesis,
    keys::DeviceVerifier,
    proof::{Proof, Proven},
};

use crate::said::Said;

/// Most bytes of genesis and proof together. A proof has some kilobytes; a genesis, about 40 bytes
/// for each account that it funds.
pub const BYTES_MAX: usize = 64 << 20;

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// It holds.
    Proven(Box<Shown>),
    /// It proves nothing, and why.
    Refused(String),
}

/// What is proven. Times are milliseconds since the Unix epoch; ids, hexadecimal digits.
#[derive(Serialize)]
struct Shown {
    genesis: String,
    label: String,
    network: String,
    id: String,
    body: String,
    issuer: String,
    sequence: u64,
    /// The device's clock; 0 = no clock.
    time: u64,
    said: Said,
    outcome: String,
    commit: u64,
    /// `None` where nothing is known of the time before; `no_lower_bound` says why.
    not_before: Option<u64>,
    no_lower_bound: Option<String>,
    not_after: u64,
    /// Whether the device's own signature is in the file, and right.
    signed: bool,
    certified: u64,
    /// Votes behind the certificate, those needed, and all.
    votes: [u64; 3],
    bytes: usize,
}

/// Judges a proof by a genesis, both as canonical bytes. Always a JSON text: an object with
/// `proven`, or with `refused` and the reason.
pub fn judge(genesis: &[u8], proof: &[u8]) -> String {
    let verdict = match prove(genesis, proof) {
        Ok(shown) => Verdict::Proven(Box::new(shown)),
        Err(reason) => Verdict::Refused(reason),
    };
    serde_json::to_string(&verdict).expect("texts, numbers and flags are JSON")
}

fn prove(genesis: &[u8], bytes: &[u8]) -> Result<Shown, String> {
    let genesis =
        Genesis::from_bytes(genesis).map_err(|error| format!("that is no genesis: {error}"))?;
    let proof = Proof::from_bytes(bytes).map_err(|error| format!("that is no proof: {error}"))?;
    let proven = proof
        .verify(&genesis.committee, genesis.network(), &DeviceVerifier, None)
        .map_err(|error| error.to_string())?;
    Ok(shown(&genesis, &proof, &proven, bytes.len()))
}

fn shown(genesis: &Genesis, proof: &Proof, proven: &Proven, bytes: usize) -> Shown {
    let committee = &genesis.committee;
    Shown {
        genesis: genesis.id().to_string(),
        label: genesis.label.clone(),
        network: genesis.network().to_string(),
        id: proven.tx.to_string(),
        body: proven.body.to_string(),
        issuer: proof.body.issuer.text(genesis.kind),
        sequence: proof.body.sequence.0,
        time: proof.body.time.as_millis(),
        said: Said::of(&proof.body.payload, genesis.kind),
        outcome: proven.outcome.to_string(),
        commit: proven.commit.0,
        not_before: proven.not_before.ok().map(weft_core::time::Time::as_millis),
        no_lower_bound: proven.not_before.err().map(|why| why.to_string()),
        not_after: proven.not_after.as_millis(),
        signed: proven.signed,
        certified: proven.certified.index.0,
        votes: [proven.weight, committee.quorum(), committee.weigh(committee.authors())],
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use weft_core::{codec::Encode as _, params::Params};

    use super::*;

    #[test]
    fn whatever_is_no_genesis_or_no_proof_is_refused_with_the_reason() {
        let genesis = Genesis::without_finality("hall", Params::dev()).to_bytes();
        let refused = |genesis: &[u8], proof: &[u8]| {
            let verdict: serde_json::Value = serde_json::from_str(&judge(genesis, proof)).unwrap();
            verdict["refused"].as_str().expect("it proves nothing").to_owned()
        };
        assert!(refused(b"", b"").starts_with("that is no genesis: cut short"));
        assert!(refused(&genesis, b"").starts_with("that is no proof: cut short"));
        assert!(refused(&genesis, b"weft.prf\x09").starts_with("that is no proof: unknown proof"));
        let cut = &genesis[..genesis.len() - 1];
        assert!(refused(cut, b"weft.prf").starts_with("that is no genesis"));
    }
}
