//! What nodes say to each other.
//!
//! A message is a tag byte and its fields; on a stream it travels in a frame with a `u32` length in
//! front (`weft-net`). Three kinds: those of the control and gossip streams, which need no answer;
//! requests, each on a stream of its own; and what comes back on that stream.
//!
//! Invariant: every list has a limit of [`params`](crate::params), so no frame is longer than
//! [`FRAME_BYTES_MAX`](crate::params::FRAME_BYTES_MAX).

mod requests;

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    committee::Author,
    digest::{BodyId, GenesisId, KeyId, NodeId, TxId},
    keys::PublicKey,
    params::{
        ADDRESSES_MAX, CHECKPOINT_BYTES_MAX, IDS_MAX, PART_BYTES_MAX, PROTOCOL_VERSION,
        TRANSACTION_BYTES_MAX,
    },
    tx::Attachment,
};

pub use self::requests::{End, GetCheckpoints, GetCommits, GetCone, GetObjects};

/// Anything one node says to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Who speaks and for which network. First on the control stream, and only there.
    Hello(Hello),
    /// A transaction, as the bytes it came in; not decoded here.
    Transaction(Bytes),
    /// A further attachment of a body that the peer is likely to have.
    Attachment {
        /// The attachment.
        attachment: Attachment,
        /// The body it hangs.
        body: BodyId,
    },
    /// A checkpoint, as the bytes it came in; not decoded here.
    Checkpoint(Bytes),
    /// "I have these": to peers that get announcements instead of bytes (Plumtree's IHAVE).
    Have(Vec<TxId>),
    /// The childless transactions the speaker knows: whoever lacks one lacks some of its past.
    Frontier(Vec<TxId>),
    /// "Announce to me from now on, I get the bytes elsewhere" (Plumtree's PRUNE).
    Prune,
    /// "Send me these, and send me bytes from now on" (Plumtree's GRAFT).
    Graft(Vec<TxId>),
    /// Where to find other nodes; the speaker's own neighbours first.
    Peers(Vec<PeerAddress>),
    /// Asks for the past of some transactions.
    GetCone(GetCone),
    /// Asks for single transactions, at most [`IDS_MAX`], with no promise about their past.
    GetTransactions(Vec<TxId>),
    /// Asks for checkpoints by round.
    GetCheckpoints(GetCheckpoints),
    /// Asks for the newest checkpoint of a validator that the answerer knows, first of all of the
    /// asker's own: whoever lost its disk learns so from the answers.
    GetNewest(Author),
    /// Asks what snapshot the answerer offers, and which commits.
    GetSnapshot,
    /// Asks for a part of the ledger as a snapshot has it.
    GetObjects(GetObjects),
    /// Asks for commits: what they ordered, not what that says.
    GetCommits(GetCommits),
    /// Asks for a public key.
    GetKey(KeyId),
    /// A key; it certifies itself by its id.
    Key(PublicKey),
    /// The next bytes of an answer that is one long value; not decoded here.
    Part(Bytes),
    /// The end of an answer.
    End(End),
}

/// Which stream a message travels on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The one bidirectional stream per connection.
    Control,
    /// The one unidirectional stream per direction.
    Gossip,
    /// The front of a request stream.
    Request,
    /// The rest of a request stream.
    Answer,
}

impl Message {
    const HELLO: u8 = 1;
    const TRANSACTION: u8 = 2;
    const ATTACHMENT: u8 = 3;
    const HAVE: u8 = 4;
    const FRONTIER: u8 = 5;
    const PRUNE: u8 = 6;
    const GRAFT: u8 = 7;
    const PEERS: u8 = 8;
    const CHECKPOINT: u8 = 9;
    const GET_CONE: u8 = 16;
    const GET_TRANSACTIONS: u8 = 17;
    const GET_KEY: u8 = 18;
    const GET_CHECKPOINTS: u8 = 19;
    const GET_NEWEST: u8 = 20;
    const GET_SNAPSHOT: u8 = 21;
    const GET_OBJECTS: u8 = 22;
    const GET_COMMITS: u8 = 23;
    const KEY: u8 = 32;
    const END: u8 = 33;
    const PART: u8 = 34;

    /// Whether an honest node says this on `lane`. Checkpoints do not stand in the line of the
    /// transactions: finality goes on however long that is.
    pub const fn belongs_on(&self, lane: Lane) -> bool {
        match self {
            Self::Hello(_) | Self::Peers(_) => matches!(lane, Lane::Control),
            Self::Checkpoint(_) => matches!(lane, Lane::Control | Lane::Answer),
            Self::Transaction(_) => matches!(lane, Lane::Gossip | Lane::Answer),
            Self::Attachment { .. }
            | Self::Have(_)
            | Self::Frontier(_)
            | Self::Prune
            | Self::Graft(_) => matches!(lane, Lane::Gossip),
            Self::GetCone(_)
            | Self::GetTransactions(_)
            | Self::GetCheckpoints(_)
            | Self::GetNewest(_)
            | Self::GetSnapshot
            | Self::GetObjects(_)
            | Self::GetCommits(_)
            | Self::GetKey(_) => matches!(lane, Lane::Request),
            Self::Key(_) | Self::Part(_) | Self::End(_) => matches!(lane, Lane::Answer),
        }
    }

    /// A short name, for counting.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Transaction(_) => "transaction",
            Self::Checkpoint(_) => "checkpoint",
            Self::Attachment { .. } => "attachment",
            Self::Have(_) => "have",
            Self::Frontier(_) => "frontier",
            Self::Prune => "prune",
            Self::Graft(_) => "graft",
            Self::Peers(_) => "peers",
            Self::GetCone(_) => "get_cone",
            Self::GetTransactions(_) => "get_transactions",
            Self::GetCheckpoints(_) => "get_checkpoints",
            Self::GetNewest(_) => "get_newest",
            Self::GetSnapshot => "get_snapshot",
            Self::GetObjects(_) => "get_objects",
            Self::GetCommits(_) => "get_commits",
            Self::GetKey(_) => "get_key",
            Self::Key(_) => "key",
            Self::Part(_) => "part",
            Self::End(_) => "end",
        }
    }
}

impl Encode for Message {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut tagged = |tag: u8, fields: &dyn Fn(&mut Vec<u8>)| {
            out.push(tag);
            fields(out);
        };
        match self {
            Self::Hello(hello) => tagged(Self::HELLO, &|out| hello.encode(out)),
            Self::Transaction(bytes) => {
                tagged(Self::TRANSACTION, &|out| out.extend_from_slice(bytes));
            }
            Self::Checkpoint(bytes) => {
                tagged(Self::CHECKPOINT, &|out| out.extend_from_slice(bytes));
            }
            Self::Attachment { attachment, body } => tagged(Self::ATTACHMENT, &|out| {
                attachment.encode(out);
                body.encode(out);
            }),
            Self::Have(ids) => tagged(Self::HAVE, &|out| encode_list(ids, out)),
            Self::Frontier(ids) => tagged(Self::FRONTIER, &|out| encode_list(ids, out)),
            Self::Prune => tagged(Self::PRUNE, &|_| {}),
            Self::Graft(ids) => tagged(Self::GRAFT, &|out| encode_list(ids, out)),
            Self::Peers(peers) => tagged(Self::PEERS, &|out| encode_list(peers, out)),
            Self::GetCone(request) => tagged(Self::GET_CONE, &|out| request.encode(out)),
            Self::GetTransactions(ids) => {
                tagged(Self::GET_TRANSACTIONS, &|out| encode_list(ids, out));
            }
            Self::GetCheckpoints(request) => {
                tagged(Self::GET_CHECKPOINTS, &|out| request.encode(out));
            }
            Self::GetNewest(author) => tagged(Self::GET_NEWEST, &|out| author.encode(out)),
            Self::GetSnapshot => tagged(Self::GET_SNAPSHOT, &|_| {}),
            Self::GetObjects(request) => tagged(Self::GET_OBJECTS, &|out| request.encode(out)),
            Self::GetCommits(request) => tagged(Self::GET_COMMITS, &|out| request.encode(out)),
            Self::GetKey(id) => tagged(Self::GET_KEY, &|out| id.encode(out)),
            Self::Key(key) => tagged(Self::KEY, &|out| key.encode(out)),
            Self::Part(bytes) => tagged(Self::PART, &|out| out.extend_from_slice(bytes)),
            Self::End(end) => tagged(Self::END, &|out| end.encode(out)),
        }
    }
}

impl Decode for Message {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            Self::HELLO => Self::Hello(Hello::decode(reader)?),
            Self::TRANSACTION => {
                Self::Transaction(rest(reader, "transaction", TRANSACTION_BYTES_MAX)?)
            }
            Self::CHECKPOINT => Self::Checkpoint(rest(reader, "checkpoint", CHECKPOINT_BYTES_MAX)?),
            Self::ATTACHMENT => Self::Attachment {
                attachment: Attachment::decode(reader)?,
                body: BodyId::decode(reader)?,
            },
            Self::HAVE => Self::Have(reader.list("have", IDS_MAX)?),
            Self::FRONTIER => Self::Frontier(reader.list("frontier", IDS_MAX)?),
            Self::PRUNE => Self::Prune,
            Self::GRAFT => Self::Graft(reader.list("graft", IDS_MAX)?),
            Self::PEERS => Self::Peers(reader.list("peers", ADDRESSES_MAX)?),
            Self::GET_CONE => Self::GetCone(GetCone::decode(reader)?),
            Self::GET_TRANSACTIONS => Self::GetTransactions(reader.list("wants", IDS_MAX)?),
            Self::GET_CHECKPOINTS => Self::GetCheckpoints(GetCheckpoints::decode(reader)?),
            Self::GET_NEWEST => Self::GetNewest(Author::decode(reader)?),
            Self::GET_SNAPSHOT => Self::GetSnapshot,
            Self::GET_OBJECTS => Self::GetObjects(GetObjects::decode(reader)?),
            Self::GET_COMMITS => Self::GetCommits(GetCommits::decode(reader)?),
            Self::GET_KEY => Self::GetKey(KeyId::decode(reader)?),
            Self::KEY => Self::Key(PublicKey::decode(reader)?),
            Self::PART => Self::Part(rest(reader, "part", PART_BYTES_MAX)?),
            Self::END => Self::End(End::decode(reader)?),
            tag => {
                return Err(DecodeError::UnknownTag { field: "message", actual: tag.into() });
            }
        })
    }
}

/// All that is left of a message, of at most `limit` bytes.
fn rest(reader: &mut Reader<'_>, field: &'static str, limit: usize) -> Result<Bytes, DecodeError> {
    let actual = reader.remaining();
    if actual > limit {
        return Err(DecodeError::TooLong { field, limit, actual });
    }
    Ok(Bytes::copy_from_slice(reader.rest()))
}

/// Who speaks and for which network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The network.
    pub genesis: GenesisId,
    /// A digest over the agreed parameters.
    pub parameters: [u8; 32],
    /// Where the speaker accepts connections, if it does. An unspecified IP address means: the one
    /// this connection comes from.
    pub listening: Option<SocketAddr>,
}

impl Encode for Hello {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(PROTOCOL_VERSION);
        self.genesis.encode(out);
        out.extend_from_slice(&self.parameters);
        match self.listening {
            None => out.push(0),
            Some(address) => encode_socket(&address, out),
        }
    }
}

impl Decode for Hello {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            PROTOCOL_VERSION => {}
            actual => {
                let field = "protocol version";
                return Err(DecodeError::UnknownTag { field, actual: actual.into() });
            }
        }
        Ok(Self {
            genesis: GenesisId::decode(reader)?,
            parameters: reader.array()?,
            listening: decode_socket(reader)?,
        })
    }
}

/// Where a node can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerAddress {
    /// Who will prove to be there.
    pub id: NodeId,
    /// Where.
    pub address: SocketAddr,
}

impl Encode for PeerAddress {
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        encode_socket(&self.address, out);
    }
}

impl Decode for PeerAddress {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = NodeId::decode(reader)?;
        let rule = "an address is present";
        let missing = DecodeError::NotCanonical { field: "peer address", rule };
        Ok(Self { id, address: decode_socket(reader)?.ok_or(missing)? })
    }
}

/// Family byte 4 or 6, the address in network order, the port; 0 stands for none.
pub(crate) fn encode_socket(socket: &SocketAddr, out: &mut Vec<u8>) {
    match socket.ip() {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend_from_slice(&ip.octets());
        }
    }
    out.extend_from_slice(&socket.port().to_le_bytes());
}

/// As [`encode_socket`] writes it.
pub(crate) fn decode_socket(reader: &mut Reader<'_>) -> Result<Option<SocketAddr>, DecodeError> {
    let ip = match reader.u8()? {
        0 => return Ok(None),
        4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?)),
        6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)),
        tag => {
            return Err(DecodeError::UnknownTag { field: "address family", actual: tag.into() });
        }
    };
    Ok(Some(SocketAddr::new(ip, reader.u16()?)))
}
