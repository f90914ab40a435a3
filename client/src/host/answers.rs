//! What a node answers, as values.
//!
//! Invariant: ids, cursors and schemes are parsed when they arrive; a text that is none is an error
//! of the transport, not of whoever uses it later. Fields that this version does not know are
//! ignored, so that a newer node can be asked.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};
use weft_core::{
    address::NetworkKind,
    codec::Decode as _,
    digest::{BodyId, GenesisId, KeyId, PayWord, TxId},
    keys::Scheme,
    tx::{CommitRef, NetworkId},
};

use super::{ChannelTerms, Fate, Finality, LedgerAccount, OfferSaid, text};

/// A place in one node's order of all it knows: how many transactions there were, the one named
/// included. Local to that node: another node has another order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct Cursor(pub u64);

impl Cursor {
    /// Before everything.
    pub const START: Self = Self(0);
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        text.parse().map(Self).map_err(CursorError)
    }
}

impl TryFrom<String> for Cursor {
    type Error = CursorError;

    fn try_from(text: String) -> Result<Self, CursorError> {
        text.parse()
    }
}

/// Why a text is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is a number as a node gave it out: {0}")]
pub struct CursorError(ParseIntError);

/// Where to attach, and what the network asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TipsAnswer")]
pub struct Tips {
    /// Transactions without children, at most 64, in random order.
    pub tips: Vec<TxId>,
    /// A recent commit.
    pub anchor: CommitRef,
    /// Zero bits of work for a small transaction.
    pub work_bits: u8,
    /// The number that bodies carry.
    pub network: NetworkId,
    /// What names the network in full.
    pub genesis: GenesisId,
    /// Public or test: decides how addresses look.
    pub kind: NetworkKind,
    /// Signature schemes that the network admits.
    pub schemes: Vec<Scheme>,
}

#[derive(Deserialize)]
struct TipsAnswer {
    #[serde(with = "text::list")]
    tips: Vec<TxId>,
    /// A commit reference has the size of an id, and is written like one.
    #[serde(with = "text")]
    anchor: TxId,
    work_bits: u8,
    #[serde(with = "text")]
    genesis: GenesisId,
    prefix: String,
    #[serde(with = "text::list")]
    schemes: Vec<Scheme>,
}

impl TryFrom<TipsAnswer> for Tips {
    type Error = String;

    fn try_from(answer: TipsAnswer) -> Result<Self, String> {
        let kinds = [NetworkKind::Public, NetworkKind::Test];
        let kind = kinds.into_iter().find(|kind| kind.prefix() == answer.prefix);
        let [a, b, c, d, ..] = answer.genesis.0;
        Ok(Self {
            tips: answer.tips,
            anchor: CommitRef::from_bytes(answer.anchor.as_bytes()).map_err(|e| e.to_string())?,
            work_bits: answer.work_bits,
            network: NetworkId([a, b, c, d]),
            genesis: answer.genesis,
            kind: kind.ok_or_else(|| format!("unknown address prefix {:?}", answer.prefix))?,
            schemes: answer.schemes,
        })
    }
}

/// Acknowledged: on the node's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// The transaction.
    #[serde(with = "text")]
    pub id: TxId,
    /// Its body.
    #[serde(with = "text")]
    pub body: BodyId,
    /// Its place in that node's order.
    pub position: Cursor,
}

/// What a node knows of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its address.
    pub address: String,
    /// One above the highest sequence stored; 0 if there is none.
    pub next: u64,
    /// Whether the node knows its key.
    pub registered: bool,
    /// What the ledger says of it.
    #[serde(flatten)]
    pub ledger: LedgerAccount,
}

/// One page of an ascending list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, ascending. May be fewer than asked for, even none, before the end.
    pub items: Vec<T>,
    /// Behind which cursor the next page begins. The end is where it stays.
    pub next: Cursor,
}

/// One reading, as lists and events show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Its place in the answering node's order.
    pub cursor: Cursor,
    /// The transaction.
    #[serde(with = "text")]
    pub id: TxId,
    /// Its body.
    #[serde(with = "text")]
    pub body: BodyId,
    /// The address of the account that posted it.
    pub issuer: String,
    /// Its place among those of its issuer.
    pub sequence: u64,
    /// The device's clock, ms since the Unix epoch; 0 = no clock.
    pub time: u64,
    /// Length of the transaction, in bytes.
    pub size: u64,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
    /// When the answering node attached it, ms since the Unix epoch. Events only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached_at: Option<u64>,
    /// What brought it there: `local`, `gossip` or `answer`. Events only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

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

/// One line of a node's whole log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its place in that node's order.
    pub cursor: Cursor,
    /// The transaction.
    #[serde(with = "text")]
    pub id: TxId,
    /// Its body.
    #[serde(with = "text")]
    pub body: BodyId,
}

/// One transaction, described.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// The transaction.
    #[serde(with = "text")]
    pub id: TxId,
    /// Its body.
    #[serde(with = "text")]
    pub body: BodyId,
    /// Its place in the answering node's order.
    pub position: Cursor,
    /// The transactions it approves.
    #[serde(with = "text::list")]
    pub parents: Vec<TxId>,
    /// The commit it is anchored to, in hexadecimal.
    pub anchor: String,
    /// The address of the account that posted it.
    pub issuer: String,
    /// Its place among those of its issuer.
    pub sequence: u64,
    /// The device's clock, ms since the Unix epoch; 0 = no clock.
    pub time: u64,
    /// Ledger time from which it may not take effect, ms since the Unix epoch; 0 = never.
    pub expires: u64,
    /// Length of the transaction, in bytes.
    pub size: u64,
    /// What it says.
    pub content: Said,
    /// The id of the key that signed it.
    #[serde(with = "text")]
    pub key: KeyId,
    /// The scheme of that key.
    #[serde(with = "text")]
    pub scheme: Scheme,
    /// What became of it; of a body, if a body was asked for.
    #[serde(flatten)]
    pub fate: Fate,
    /// Every attachment of the body; only when a body was asked for.
    #[serde(default, with = "text::list", skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<TxId>,
}

/// How a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Its id.
    pub node: String,
    /// The version it runs.
    pub version: String,
    /// The number of its network.
    pub network: String,
    /// The genesis of its network.
    #[serde(with = "text")]
    pub genesis: GenesisId,
    /// The name of its network.
    pub label: String,
    /// How long it has run, in ms.
    pub uptime_ms: u64,
    /// The place of the newest transaction in its order.
    pub position: Cursor,
    /// Transactions without children.
    pub tips: u64,
    /// Connected peers.
    pub peers: u64,
    /// Whether it is fetching a past it missed.
    pub syncing: bool,
    /// How far finality has come.
    #[serde(default)]
    pub finality: Finality,
    /// All else it says.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// One connected peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Its id.
    pub id: String,
    /// Where it accepts connections, if it said so.
    #[serde(default)]
    pub address: Option<String>,
    /// Whether the operator named it.
    pub fixed: bool,
    /// All else the node says of it.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// Whether a node is ready, and why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether all checks passed.
    pub ready: bool,
    /// What was checked.
    pub checks: Vec<ReadinessCheck>,
}

/// One thing that has to be right before a node is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessCheck {
    /// Its name: `store`, `machine`, `peers`, `sync`, `finality` or `validator`.
    pub name: String,
    /// Whether it passed.
    pub ok: bool,
    /// What is wrong and what to do.
    #[serde(default)]
    pub detail: Option<String>,
}
