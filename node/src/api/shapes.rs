//! Transactions and readings as JSON. Ids are 64 lower-case hexadecimal digits, positions decimal
//! texts, times milliseconds since the Unix epoch.

use std::fmt::Write as _;

use serde::Serialize;
use utoipa::ToSchema;
use weft_core::{
    address::NetworkKind,
    codec::{Decode as _, Encode as _},
    digest::{BodyId, TxId},
    machine::LogEntry,
    tx::{self, Data, Payload, SealedBody, Transaction, Transfer},
    units::Position,
};

use super::{
    fate::Fate,
    market::{ChannelNamed, ClaimSaid, CloseSaid, OfferNamed, OfferSaid, OpenSaid, TopUpSaid},
    params::Cursor,
};

/// What a submission became.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Submitted {
    /// The transaction.
    pub(crate) id: String,
    /// Its body.
    pub(crate) body: String,
    /// Its place in this node's order.
    #[schema(value_type = String)]
    pub(crate) position: Cursor,
    /// What became of the body; only with `wait=committed`.
    #[serde(flatten)]
    pub(crate) fate: Option<Fate>,
}

impl Submitted {
    /// A submission that is on disk.
    pub(crate) fn new(id: TxId, body: BodyId, position: Position) -> Self {
        let position = Cursor::of(position);
        Self { id: id.to_string(), body: body.to_string(), position, fate: None }
    }
}

/// What a body says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Said {
    /// A reading.
    Data(Content),
    /// Value for other accounts.
    Transfer(Outputs),
    /// The account's next key.
    KeyRotate(NextKey),
    /// A stream for sale.
    Offer(OfferSaid),
    /// The end of an offer.
    OfferEnd(OfferNamed),
    /// A deposit for a seller.
    ChannelOpen(OpenSaid),
    /// More of it, or for longer.
    ChannelTopUp(TopUpSaid),
    /// Ticks that were paid.
    ChannelClaim(ClaimSaid),
    /// The payee's end of a channel.
    ChannelClose(CloseSaid),
    /// The payer's wish to end a channel.
    ChannelWithdraw(ChannelNamed),
}

impl Said {
    pub(crate) fn of(payload: &Payload, kind: NetworkKind) -> Self {
        match payload {
            Payload::Data(data) => Self::Data(Content::of(data)),
            Payload::Transfer(transfer) => Self::Transfer(Outputs::of(transfer, kind)),
            Payload::KeyRotate(rotation) => Self::KeyRotate(NextKey {
                key: rotation.key.id().to_string(),
                scheme: rotation.key.scheme().name(),
            }),
            Payload::Offer(offer) => Self::Offer(OfferSaid::of(offer, kind)),
            Payload::OfferEnd(end) => Self::OfferEnd(OfferNamed::of(end)),
            Payload::ChannelOpen(open) => Self::ChannelOpen(OpenSaid::of(open, kind)),
            Payload::ChannelTopUp(more) => Self::ChannelTopUp(TopUpSaid::of(more)),
            Payload::ChannelClaim(claim) => Self::ChannelClaim(ClaimSaid::of(claim)),
            Payload::ChannelClose(close) => Self::ChannelClose(CloseSaid::of(close)),
            Payload::ChannelWithdraw(wish) => Self::ChannelWithdraw(ChannelNamed::of(wish)),
        }
    }
}

/// Who receives how much. What sender and receiver agreed on is in `text` if it is UTF-8, else in
/// `data`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Outputs {
    /// Who receives how much.
    outputs: Vec<Output>,
    /// The reference, if it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The reference in hexadecimal, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl Outputs {
    fn of(transfer: &Transfer, kind: NetworkKind) -> Self {
        let output = |output: &tx::Output| Output {
            to: output.to.text(kind),
            amount: output.amount.to_string(),
        };
        let outputs = transfer.outputs().iter().map(output).collect();
        let (text, data) = text_or_hex(transfer.reference());
        Self { outputs, text, data }
    }
}

/// An amount and who receives it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Output {
    /// The address that receives it.
    to: String,
    /// In base units: a decimal text, since it may exceed what JSON numbers hold.
    amount: String,
}

/// The key that signs from then on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NextKey {
    /// Its id.
    key: String,
    /// Its scheme.
    scheme: &'static str,
}

/// What a reading says. Its bytes are in `text` if they are UTF-8, else in `data`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Content {
    /// The stream it belongs to.
    stream: String,
    /// How to read the bytes, as a number.
    content_type: u16,
    /// The same as a name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type_name: Option<&'static str>,
    /// The bytes, if they are UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The bytes in hexadecimal, if they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl Content {
    fn of(Data { stream, content_type, bytes }: &Data) -> Self {
        let (text, data) = text_or_hex(bytes);
        Self {
            stream: stream.as_str().to_owned(),
            content_type: content_type.0,
            content_type_name: content_type.name(),
            text,
            data,
        }
    }
}

/// One reading.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reading {
    /// Its place in this node's order.
    #[schema(value_type = String)]
    pub(crate) cursor: Cursor,
    /// The transaction that brought it.
    id: String,
    /// Its body.
    body: String,
    /// The address of the account that posted it.
    issuer: String,
    /// Its place among those of its issuer.
    sequence: u64,
    /// The device's clock; 0 = no clock.
    time: u64,
    /// Length of the transaction, in bytes.
    size: u64,
    /// `data`: a reading.
    kind: &'static str,
    /// What it says.
    #[serde(flatten)]
    content: Content,
    /// When this node attached it. Only in events that are not replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    attached_at: Option<u64>,
    /// What brought it: `local`, `gossip` or `answer`. Only in events that are not replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
}

impl Reading {
    /// A reading as the store has it; `None` if the body is none.
    pub(crate) fn stored(entry: &LogEntry, sealed: &SealedBody, kind: NetworkKind) -> Option<Self> {
        let body = &sealed.body;
        Some(Self {
            cursor: Cursor::of(entry.position),
            id: entry.id.to_string(),
            body: entry.body.to_string(),
            issuer: body.issuer.text(kind),
            sequence: body.sequence.0,
            time: body.time.as_millis(),
            size: entry.bytes.into(),
            kind: "data",
            content: Content::of(body.payload.reading()?),
            attached_at: None,
            source: None,
        })
    }

    /// A reading as it is attached; `None` if the body is none.
    pub(crate) fn live(event: &crate::feed::Attachment, kind: NetworkKind) -> Option<Self> {
        let (tx, body) = (&event.tx, &event.tx.transaction().body);
        Some(Self {
            cursor: Cursor::of(event.position),
            id: tx.id().to_string(),
            body: tx.body_id().to_string(),
            issuer: body.issuer.text(kind),
            sequence: body.sequence.0,
            time: body.time.as_millis(),
            size: tx.bytes().len() as u64,
            kind: "data",
            content: Content::of(body.payload.reading()?),
            attached_at: Some(event.at.as_millis()),
            source: Some(crate::metrics::source_kind(&event.source)),
        })
    }
}

/// One transaction, described.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Described {
    /// The transaction.
    id: String,
    /// Its body.
    body: String,
    /// Its place in this node's order.
    #[schema(value_type = String)]
    position: Cursor,
    /// The transactions it approves.
    parents: Vec<String>,
    /// The commit it is anchored to: 32 bytes in hexadecimal.
    anchor: String,
    /// The proof of work: a decimal text, since it may exceed what JSON numbers hold.
    nonce: String,
    /// The address of the account that posted it.
    issuer: String,
    /// Its place among those of its issuer.
    sequence: u64,
    /// The device's clock; 0 = no clock.
    time: u64,
    /// Ledger time from which it may not take effect; 0 = never.
    expires: u64,
    /// Length of the transaction, in bytes.
    size: u64,
    /// What it says.
    content: Said,
    /// The id of the key that signed it.
    key: String,
    /// The scheme of that key.
    scheme: &'static str,
    /// What became of it.
    #[serde(flatten)]
    fate: Fate,
    /// The first attachments of the body; only when a body was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<String>,
}

impl Described {
    /// Describes the transaction of `entry`, which has these bytes; `None` if they are none.
    pub(crate) fn of(
        entry: &LogEntry,
        bytes: &[u8],
        kind: NetworkKind,
        fate: Fate,
    ) -> Option<Self> {
        let Transaction { attachment, body, seal } = Transaction::from_bytes(bytes).ok()?;
        Some(Self {
            id: entry.id.to_string(),
            body: entry.body.to_string(),
            position: Cursor::of(entry.position),
            parents: attachment.transactions().map(|parent| parent.to_string()).collect(),
            anchor: hex(&attachment.anchor.to_bytes()),
            nonce: attachment.nonce.to_string(),
            issuer: body.issuer.text(kind),
            sequence: body.sequence.0,
            time: body.time.as_millis(),
            expires: body.expires.as_millis(),
            size: bytes.len() as u64,
            content: Said::of(&body.payload, kind),
            key: body.signing_key().to_string(),
            scheme: seal.scheme().name(),
            fate,
            attachments: Vec::new(),
        })
    }

    /// The same with all attachments of its body.
    #[must_use]
    pub(crate) fn with_attachments(self, attachments: &[TxId]) -> Self {
        let attachments = attachments.iter().map(ToString::to_string).collect();
        Self { attachments, ..self }
    }
}

/// Bytes as a text if they are UTF-8, else in hexadecimal.
fn text_or_hex(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(hex(bytes))),
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // A string takes any text.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
