//! Offers: a stream, what it costs, and where its seller can be reached (docs/MARKET.md).
//!
//! Invariant: an [`Offer`] has a price, a title that a terminal can show, and at least one address.
//! Whether its seller can afford to list it, and until when, is for the ledger to say.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::net::SocketAddr;

use super::StreamName;
use crate::{
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader, encode_text},
    digest::{BodyId, DIGEST_BYTES, NodeId},
    market::terms::{REACH_MAX, Sample, TITLE_BYTES_MAX, Unit},
    message::{decode_socket, encode_socket},
    params::STREAM_BYTES_MAX,
    time::Time,
    units::Amount,
};

/// A stream for sale. Its id is the id of the body that makes it; its seller is the issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The stream.
    pub stream: StreamName,
    /// The account whose Data transactions are the stream's sealed batches.
    pub source: Address,
    /// What people see.
    pub title: Title,
    /// What a tick pays for.
    pub unit: Unit,
    /// What a tick is worth, in base units; never 0.
    pub price: Amount,
    /// What is given away before.
    pub sample: Sample,
    /// Who will prove to be at the addresses below: the id of the key in its certificate.
    pub endpoint: NodeId,
    /// Where the seller can be reached: 1 to [`REACH_MAX`], the best first.
    pub addresses: Vec<SocketAddr>,
    /// The digest of the terms of use; all zero = none. What it is a digest of is for buyer and
    /// seller to know.
    pub terms: [u8; DIGEST_BYTES],
    /// The last instant of the ledger's time at which it is listed.
    pub expiry: Time,
}

/// A text that a terminal can show: 1 to [`TITLE_BYTES_MAX`] bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// Takes `text` as a title.
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        let broken = |rule| Err(DecodeError::NotCanonical { field: "title", rule });
        match text.len() {
            0 => broken("at least one character"),
            1..=TITLE_BYTES_MAX if text.chars().any(char::is_control) => {
                broken("no control characters")
            }
            1..=TITLE_BYTES_MAX => Ok(Self(text.to_string())),
            actual => {
                let limit = TITLE_BYTES_MAX;
                Err(DecodeError::TooLong { field: "title", limit, actual })
            }
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Ends an offer and frees its bond. Channels that were opened under it live on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferEnd {
    /// The offer.
    pub offer: BodyId,
}

impl Offer {
    fn check_shape(&self) -> Result<(), DecodeError> {
        let broken = |field, rule| Err(DecodeError::NotCanonical { field, rule });
        if self.price == Amount::ZERO {
            return broken("price", "above 0");
        }
        if self.addresses.is_empty() {
            return broken("addresses", "at least one");
        }
        Ok(())
    }
}

/// An address on its own, as lists have it.
struct Reach(SocketAddr);

impl Decode for Reach {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let rule = "an address is present";
        let missing = DecodeError::NotCanonical { field: "address", rule };
        decode_socket(reader)?.ok_or(missing).map(Self)
    }
}

impl Encode for Reach {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_socket(&self.0, out);
    }
}

impl Encode for Offer {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_text(self.stream.as_str(), out);
        self.source.encode(out);
        encode_text(self.title.as_str(), out);
        self.unit.encode(out);
        self.price.encode(out);
        self.sample.encode(out);
        self.endpoint.encode(out);
        let addresses: Vec<Reach> = self.addresses.iter().copied().map(Reach).collect();
        crate::codec::encode_list(&addresses, out);
        out.extend_from_slice(&self.terms);
        self.expiry.encode(out);
    }
}

impl Decode for Offer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let offer = Self {
            stream: StreamName::parse(reader.text("stream", STREAM_BYTES_MAX)?)?,
            source: Address::decode(reader)?,
            title: Title::parse(reader.text("title", TITLE_BYTES_MAX)?)?,
            unit: Unit::decode(reader)?,
            price: Amount::decode(reader)?,
            sample: Sample::decode(reader)?,
            endpoint: NodeId::decode(reader)?,
            addresses: reader
                .list("addresses", REACH_MAX)?
                .into_iter()
                .map(|Reach(address)| address)
                .collect(),
            terms: reader.array()?,
            expiry: Time::decode(reader)?,
        };
        offer.check_shape()?;
        Ok(offer)
    }
}

impl Encode for OfferEnd {
    fn encode(&self, out: &mut Vec<u8>) {
        self.offer.encode(out);
    }
}

impl Decode for OfferEnd {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { offer: BodyId::decode(reader)? })
    }
}
