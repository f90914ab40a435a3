//! `weft verify`: checks a proof with the committee's keys alone. Asks no node.
//!
//! Ends with 0 if the proof holds, with 6 if it proves nothing, with 2 if a file cannot be read or
//! is no proof. A body that was ordered without effect has a proof too: see `outcome`.
//!
//! A body that has many readings is proven whole, and each of them by its place in it: the body's
//! id is the hash of all its bytes, so there is no shorter way to one of them.

mod one;

use std::{fs, path::PathBuf};

use serde_json::json;
use weft_core::{
    address::NetworkKind,
    codec::{Decode as _, Encode as _},
    keys::HostVerifier,
    proof::{Proof, Proven},
    time::Time,
    tx::{Data, Payload},
};
use weft_node::genesis_file;

use self::one::One;
use crate::{
    failure::{Exit, Failure},
    output::{Output, hex, text_or_hex},
    time::date,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The proof, as `weft proof` writes it
    file: PathBuf,
    /// The genesis file of the network: it names the committee that is trusted
    #[arg(long, value_name = "GENESIS_FILE")]
    committee: PathBuf,
    /// Show one reading of those that a gateway put together: its place, from 0
    #[arg(long, value_name = "PLACE")]
    reading: Option<usize>,
}

pub(crate) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let name = args.file.display();
    let genesis = genesis_file::load(&args.committee)?;
    let bytes = fs::read(&args.file)
        .map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    let proof = Proof::from_bytes(&bytes)
        .map_err(|error| Failure::usage(format!("{name} is no proof: {error}")))?;
    let proven = proof.verify(&genesis.committee, genesis.network(), &HostVerifier, None);
    let proven = proven.map_err(|error| {
        Failure::new(Exit::NotProven, format!("{name} proves nothing: {error}")).next(
            "fetch it again from a node of this network; it was changed, or is of another one",
        )
    })?;
    let sizes = Sizes::of(&proof, bytes.len());
    let reading = args.reading.map(|place| One::of(&proof.body.payload, place)).transpose()?;
    let (proof, proven, sizes) = (&proof, &proven, &sizes);
    let shown = Shown { proof, proven, sizes, kind: genesis.kind, reading: reading.as_ref() };
    output.show(&shown.value(), || shown.text(genesis.committee.quorum()))
}

/// How long the parts are, in bytes.
struct Sizes {
    whole: usize,
    certificate: usize,
    body: usize,
    seal: usize,
}

impl Sizes {
    fn of(proof: &Proof, whole: usize) -> Self {
        let signed = proof.signed.as_ref();
        let seal = signed.map_or(0, |signed| {
            signed.seal.to_bytes().len() + signed.key.as_ref().map_or(0, |key| key.to_bytes().len())
        });
        let (certificate, body) = (proof.certificate.to_bytes().len(), proof.body.to_bytes().len());
        Self { whole, certificate, body, seal }
    }
}

struct Shown<'a> {
    proof: &'a Proof,
    proven: &'a Proven,
    sizes: &'a Sizes,
    kind: NetworkKind,
    /// The one that was asked for.
    reading: Option<&'a One>,
}

impl Shown<'_> {
    fn value(&self) -> serde_json::Value {
        let Self { proof, proven, sizes, kind, reading } = self;
        let not_before = proven.not_before;
        json!({
            "ok": true, "id": proven.tx.to_string(), "body": proven.body.to_string(),
            "issuer": proof.body.issuer.text(*kind), "sequence": proof.body.sequence.0,
            "time": proof.body.time.as_millis(), "said": said(&proof.body.payload, *kind),
            "outcome": proven.outcome.to_string(), "commit": proven.commit.0,
            "not_before": not_before.ok().map(Time::as_millis),
            "no_lower_bound": not_before.err().map(|why| why.to_string()),
            "not_after": proven.not_after.as_millis(), "signed": proven.signed,
            "certified": proven.certified.index.0, "weight": proven.weight,
            "bytes": { "all": sizes.whole, "certificate": sizes.certificate, "body": sizes.body,
                "seal": sizes.seal },
            "reading": reading,
        })
    }

    fn text(&self, quorum: u64) -> String {
        let Self { proof, proven, sizes, kind, reading } = self;
        let one = reading.map(One::line).unwrap_or_default();
        let said = said(&proof.body.payload, *kind);
        let not_before = match proven.not_before {
            Ok(time) => date(time.as_millis()),
            Err(why) => format!("unknown: {why}"),
        };
        let clock = match proof.body.time {
            Time::ZERO => "none".to_owned(),
            time => format!("{}: the issuer's word", date(time.as_millis())),
        };
        let signature =
            if proven.signed { "checked" } else { "not in the file; the committee vouches" };
        format!(
            "proven       {}\nbody         {}\nsays         {said}\n{one}\
             issuer       {}, sequence {}\nits clock    {clock}\n\
             outcome      {}\nmade after   {not_before}\nmade before  {} (commit {})\n\
             signature    {signature}\ncommittee    {} of the {quorum} needed signed commit {}\n\
             size         {} bytes: certificate {}, body {}, seal and key {}\n",
            proven.tx,
            proven.body,
            proof.body.issuer.text(*kind),
            proof.body.sequence,
            proven.outcome,
            date(proven.not_after.as_millis()),
            proven.commit,
            proven.weight,
            proven.certified.index,
            sizes.whole,
            sizes.certificate,
            sizes.body,
            sizes.seal,
        )
    }
}

fn said(payload: &Payload, kind: NetworkKind) -> String {
    match payload {
        Payload::Data(data) => {
            let stream = data.stream.as_str();
            match (data.sealed_batch(), data.batch()) {
                (Some(batch), _) => format!(
                    "chunk {} of the paid stream {stream:?}, {} readings",
                    batch.chunk, batch.count
                ),
                (None, Some(chunk)) => {
                    format!("{} readings of stream {stream:?}", chunk.readings().len())
                }
                (None, None) => format!("a reading of stream {stream:?}: {}", measured(data)),
            }
        }
        Payload::Transfer(transfer) => {
            let paid = transfer.outputs().iter();
            let paid = paid.map(|output| format!("{} to {}", output.amount, output.to.text(kind)));
            format!("a transfer: {}", paid.collect::<Vec<_>>().join(", "))
        }
        Payload::KeyRotate(rotation) => format!("a change to key {}", rotation.key.id()),
        Payload::Offer(offer) => {
            let (stream, unit) = (offer.stream.as_str(), offer.unit.name());
            format!("an offer of stream {stream:?} for {} per {unit}", offer.price)
        }
        Payload::OfferEnd(end) => format!("the end of offer {}", end.offer),
        Payload::ChannelOpen(open) => {
            let payee = open.payee.text(kind);
            format!("a channel to {payee} with {} for offer {}", open.deposit, open.offer)
        }
        Payload::ChannelTopUp(more) => format!("{} more for channel {}", more.amount, more.channel),
        Payload::ChannelClaim(claim) => {
            format!("a claim of {} ticks of channel {}", claim.claim.index, claim.channel)
        }
        Payload::ChannelClose(close) => format!("the end of channel {}", close.channel),
        Payload::ChannelWithdraw(wish) => format!("a wish to end channel {}", wish.channel),
    }
}

/// The bytes of a reading: printed as they are if they are text for a line, else in hexadecimal.
fn measured(data: &Data) -> String {
    match text_or_hex(&data.bytes) {
        (Some(text), _) if !text.contains(char::is_control) => text,
        _ => hex(&data.bytes),
    }
}

#[cfg(test)]
mod tests {
    use weft_core::tx::{ContentType, StreamName};

    use super::*;

    #[test]
    fn a_reading_is_shown_as_text_or_in_hexadecimal() {
        let stream = StreamName::parse("a/b").unwrap();
        let says = |bytes: &'static [u8]| {
            let data = Data {
                stream: stream.clone(),
                content_type: ContentType::TEXT,
                bytes: bytes.into(),
            };
            said(&Payload::Data(data), NetworkKind::Test)
        };
        assert_eq!(says(b"17.25"), "a reading of stream \"a/b\": 17.25");
        assert_eq!(says(b"\xff\x01"), "a reading of stream \"a/b\": ff01");
        // What would write lines of its own, or move the cursor.
        assert_eq!(says(b"1\noutcome"), "a reading of stream \"a/b\": 310a6f7574636f6d65");
    }
}
