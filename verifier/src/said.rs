//! What a body says, as JSON for a page.
//!
//! Names are those of the node's API, so that a page has one set of words for both. Amounts are
//! decimal texts in base units, since they may exceed what JSON numbers hold.

use serde::Serialize;
use weft_core::{
    address::NetworkKind,
    market::batch::Reading,
    tx::{Data, Output, Payload},
};

/// What a body says.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Said {
    /// A reading; its bytes as text where they are UTF-8.
    Data { stream: String, bytes: usize, text: Option<String> },
    /// Readings of one stream that were put together.
    Batch { stream: String, readings: Vec<Shown> },
    /// A chunk of a paid stream: its readings are for whoever bought them.
    SealedBatch { stream: String, chunk: u64, count: u16 },
    /// Who receives how much.
    Transfer { outputs: Vec<(String, String)> },
    /// The account's next key.
    KeyRotate { key: String },
    /// A stream for sale.
    Offer { stream: String, title: String, price: String, unit: &'static str },
    /// The end of an offer.
    OfferEnd { offer: String },
    /// A deposit for a seller.
    ChannelOpen { offer: String, payee: String, deposit: String },
    /// More of it, or for longer.
    ChannelTopUp { channel: String, amount: String },
    /// Ticks that were paid.
    ChannelClaim { channel: String, ticks: u32 },
    /// The payee's end of a channel.
    ChannelClose { channel: String, ticks: Option<u32> },
    /// The payer's wish to end a channel.
    ChannelWithdraw { channel: String },
}

/// One of several readings.
#[derive(Serialize)]
pub(crate) struct Shown {
    /// The device's clock, ms since the Unix epoch; 0 = no clock.
    time: u64,
    bytes: usize,
    text: Option<String>,
}

impl Said {
    pub(crate) fn of(payload: &Payload, kind: NetworkKind) -> Self {
        match payload {
            Payload::Data(data) => Self::of_data(data),
            Payload::Transfer(transfer) => {
                let shown = |output: &Output| (output.to.text(kind), output.amount.to_string());
                Self::Transfer { outputs: transfer.outputs().iter().map(shown).collect() }
            }
            Payload::KeyRotate(rotation) => Self::KeyRotate { key: rotation.key.id().to_string() },
            Payload::Offer(offer) => Self::Offer {
                stream: offer.stream.to_string(),
                title: offer.title.as_str().to_owned(),
                price: offer.price.to_string(),
                unit: offer.unit.name(),
            },
            Payload::OfferEnd(end) => Self::OfferEnd { offer: end.offer.to_string() },
            Payload::ChannelOpen(open) => Self::ChannelOpen {
                offer: open.offer.to_string(),
                payee: open.payee.text(kind),
                deposit: open.deposit.to_string(),
            },
            Payload::ChannelTopUp(more) => Self::ChannelTopUp {
                channel: more.channel.to_string(),
                amount: more.amount.to_string(),
            },
            Payload::ChannelClaim(claim) => {
                Self::ChannelClaim { channel: claim.channel.to_string(), ticks: claim.claim.index }
            }
            Payload::ChannelClose(close) => Self::ChannelClose {
                channel: close.channel.to_string(),
                ticks: close.claim.as_ref().map(|claim| claim.index),
            },
            Payload::ChannelWithdraw(wish) => {
                Self::ChannelWithdraw { channel: wish.channel.to_string() }
            }
        }
    }

    fn of_data(data: &Data) -> Self {
        let stream = data.stream.as_str().to_owned();
        if let Some(batch) = data.sealed_batch() {
            return Self::SealedBatch { stream, chunk: batch.chunk, count: batch.count };
        }
        if let Some(chunk) = data.batch() {
            let readings = chunk.readings().iter().map(Shown::of).collect();
            return Self::Batch { stream, readings };
        }
        Self::Data { stream, bytes: data.bytes.len(), text: text(&data.bytes) }
    }
}

impl Shown {
    fn of(reading: &Reading) -> Self {
        let (time, bytes) = (reading.time.as_millis(), reading.bytes.len());
        Self { time, bytes, text: text(&reading.bytes) }
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use weft_core::{
        codec::Encode as _,
        digest::BodyId,
        market::batch::Chunk,
        time::Time,
        tx::{ContentType, OfferEnd},
    };

    use super::*;

    fn value(payload: &Payload) -> serde_json::Value {
        serde_json::to_value(Said::of(payload, NetworkKind::Test)).unwrap()
    }

    fn data(content_type: ContentType, bytes: Vec<u8>) -> Payload {
        let stream = weft_core::tx::StreamName::parse("a/b").unwrap();
        Payload::Data(Data { stream, content_type, bytes: bytes.into() })
    }

    #[test]
    fn readings_that_were_put_together_are_told_one_by_one() {
        let reading = |ms, bytes: &[u8]| Reading {
            time: Time::from_millis(ms),
            content_type: ContentType::TEXT,
            bytes: bytes.to_vec(),
        };
        let chunk = Chunk::new(vec![reading(5, b"21.4"), reading(6, b"\xff")]).unwrap();
        let said = value(&data(ContentType::BATCH, chunk.to_bytes()));
        let expected = serde_json::json!({ "kind": "batch", "stream": "a/b", "readings": [
            { "time": 5, "bytes": 4, "text": "21.4" }, { "time": 6, "bytes": 1, "text": null },
        ] });
        assert_eq!(said, expected);
        let said = value(&data(ContentType::BATCH, b"no chunk".to_vec()));
        assert_eq!((&said["kind"], &said["text"]), (&"data".into(), &"no chunk".into()));
    }

    #[test]
    fn a_word_of_the_market_has_its_name() {
        let said = value(&Payload::OfferEnd(OfferEnd { offer: BodyId([7; 32]) }));
        assert_eq!(said, serde_json::json!({ "kind": "offer_end", "offer": "07".repeat(32) }));
    }
}
