//! What bodies say, as a node tells it.
//!
//! Invariant: what this version does not know is [`Said::Other`], never an error.

use serde::{Deserialize, Serialize};
use weft_core::{
    digest::{BodyId, KeyId, PayWord},
    keys::Scheme,
};

use super::{ChannelTerms, OfferSaid, text};

/// What a reading says. Its bytes are in `text` if they are UTF-8, in `data` otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The stream it belongs to.
    pub stream: String,
    /// How to read the bytes, as a number.
    pub content_type: u16,
    /// The same as a name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type_name: Option<String>,
    /// The bytes, if they are UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in hexadecimal, if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Content {
    /// The bytes, whichever way they were told; `None` if they were told in no way that can be.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.text, &self.data) {
            (Some(text), _) => Some(text.as_bytes().to_vec()),
            (None, Some(digits)) => from_hex(digits),
            (None, None) => None,
        }
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, alone) = digits.as_bytes().as_chunks::<2>();
    let digit =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    alone.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

/// What a body says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
    /// A reading.
    Data(Content),
    /// Value for other accounts. What sender and receiver agreed on is in `text` if it is UTF-8, in
    /// `data` otherwise.
    Transfer {
        /// Who receives how much.
        outputs: Vec<Output>,
        /// The reference, if it is UTF-8.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// The reference in hexadecimal, if it is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
    },
    /// The account's next key.
    KeyRotate {
        /// Its id.
        #[serde(with = "text")]
        key: KeyId,
        /// Its scheme.
        #[serde(with = "text")]
        scheme: Scheme,
    },
    /// A stream for sale.
    Offer(OfferSaid),
    /// The end of an offer.
    OfferEnd {
        /// The offer.
        #[serde(with = "text")]
        offer: BodyId,
    },
    /// A deposit for a seller.
    ChannelOpen(ChannelTerms),
    /// More of it, or for longer.
    ChannelTopUp {
        /// The channel.
        #[serde(with = "text")]
        channel: BodyId,
        /// What is added, in base units.
        #[serde(with = "text")]
        amount: u64,
        /// The new expiry, if it is later than the one in force.
        expiry: u64,
    },
    /// Ticks that were paid.
    ChannelClaim {
        /// The channel.
        #[serde(with = "text")]
        channel: BodyId,
        /// How many.
        ticks: u32,
        /// The element of the pay chain that proves it.
        #[serde(with = "text")]
        word: PayWord,
    },
    /// The payee's end of a channel.
    ChannelClose {
        /// The channel.
        #[serde(with = "text")]
        channel: BodyId,
        /// How many ticks were paid by then, if it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticks: Option<u32>,
    },
    /// The payer's wish to end a channel.
    ChannelWithdraw {
        /// The channel.
        #[serde(with = "text")]
        channel: BodyId,
    },
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

/// An amount and who receives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The address that receives it.
    pub to: String,
    /// In base units, as a decimal text.
    pub amount: String,
}
