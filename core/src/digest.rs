//! Digests and the identifiers made of them.
//!
//! One hash function everywhere: BLAKE2s-256 (RFC 7693) with the 8-byte `personal` parameter as
//! domain, so that a digest made for one purpose can never pass for another.
//!
//! Invariant: an identifier of one kind cannot be used where another is meant; each is a type.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;

use blake2::{
    Blake2s256,
    digest::{CustomizedInit as _, FixedOutput as _, Update as _},
};

#[cfg(feature = "alloc")]
use crate::codec::Encode;
use crate::codec::{Decode, DecodeError, Reader};

/// Length of every digest and identifier, in bytes.
pub const DIGEST_BYTES: usize = 32;

/// Length of the salt of a pay chain, in bytes: beside an index of 4 and an element of 32 it fills
/// one block of BLAKE2s, so that a step is one compression.
pub const SALT_BYTES: usize = 28;

/// What BLAKE2s takes in at once (RFC 7693 section 2.1).
const BLOCK_BYTES: usize = 64;

const _: () = assert!(SALT_BYTES + size_of::<u32>() + DIGEST_BYTES == BLOCK_BYTES);

/// What a digest is for; the `personal` parameter of BLAKE2s (RFC 7693 section 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// The identifier of a transaction.
    Transaction,
    /// The identifier of a body: what a device signs.
    Body,
    /// The identifier of a public key, and so of an account or a node.
    Key,
    /// The message under which a new key proves itself in a rotation.
    Rotation,
    /// The identifier of a genesis.
    Genesis,
    /// The identifier of a checkpoint, and of the lists its core names.
    Checkpoint,
    /// The identifier of a commit record.
    Commit,
    /// Leaves and nodes of the trees that a commit record has the roots of.
    Tree,
    /// The place of a ledger object in the state trie, and the trie's own nodes.
    State,
    /// The order of leaders.
    Leader,
    /// Where consensus stands, as a commit record has it where a snapshot lies.
    Window,
    /// The identifier of a stream name, as indexes keep it.
    Stream,
    /// The check of a record outside the database, as the store writes it.
    Content,
    /// One step down a pay chain (docs/MARKET.md, "The pay chain").
    Pay,
    /// A leaf of the tree over a pay chain.
    PayLeaf,
    /// The key of one chunk of a paid stream.
    ChunkKey,
    /// The commitment to the key of a chunk.
    KeyCommitment,
    /// The ciphertext of a chunk.
    Ciphertext,
    /// What a buyer signs when a session begins.
    MarketHello,
}

impl Domain {
    const fn personal(self) -> &'static [u8; 8] {
        match self {
            Self::Transaction => b"weft.txn",
            Self::Body => b"weft.bdy",
            Self::Key => b"weft.key",
            Self::Rotation => b"weft.rot",
            Self::Genesis => b"weft.gen",
            Self::Checkpoint => b"weft.cpt",
            Self::Commit => b"weft.cmt",
            Self::Tree => b"weft.lef",
            Self::State => b"weft.stt",
            Self::Leader => b"weft.ldr",
            Self::Window => b"weft.win",
            Self::Stream => b"weft.str",
            Self::Content => b"weft.con",
            Self::Pay => b"weft.pay",
            Self::PayLeaf => b"weft.plf",
            Self::ChunkKey => b"weft.chk",
            Self::KeyCommitment => b"weft.kcm",
            Self::Ciphertext => b"weft.cip",
            Self::MarketHello => b"weft.mhl",
        }
    }
}

/// A running digest in one domain.
#[derive(Clone)]
pub struct Hasher(Blake2s256);

impl Hasher {
    /// Starts a digest in `domain`.
    pub fn new(domain: Domain) -> Self {
        Self(Blake2s256::new_customized(domain.personal()))
    }

    /// Adds `bytes`.
    #[must_use]
    pub fn chain(mut self, bytes: &[u8]) -> Self {
        self.update(bytes);
        self
    }

    /// Adds `bytes` in place.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was added.
    pub fn finish(self) -> [u8; DIGEST_BYTES] {
        self.0.finalize_fixed().into()
    }
}

/// The digest of `bytes` in `domain`.
pub fn digest(domain: Domain, bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    Hasher::new(domain).chain(bytes).finish()
}

macro_rules! identifiers {
    ($bytes:expr; $($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// All zero bytes: "none", where the field allows it.
            pub const ZERO: Self = Self([0; $bytes]);

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Whether this is [`Self::ZERO`].
            pub fn is_zero(&self) -> bool {
                *self == Self::ZERO
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl core::str::FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_hex(text).map(Self)
            }
        }

        #[cfg(feature = "alloc")]
        impl Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
        }

        impl Decode for $name {
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array().map(Self)
            }
        }
    )*};
}

identifiers! {
    DIGEST_BYTES;
    /// Names one transaction: one attachment of one body.
    TxId;
    /// Names one body: what a device signed.
    BodyId;
    /// Names a public key together with its scheme. An account's address is the id of its first
    /// key; a node's id is the id of its certificate's key.
    KeyId;
    /// Names a node: the id of the key in its certificate.
    NodeId;
    /// Names a genesis and so a network.
    GenesisId;
    /// Names a checkpoint: what a validator signed for one round.
    CheckpointId;
    /// Names a commit record.
    CommitId;
    /// Names a stream in indexes: the digest of its name.
    StreamId;
    /// An element of a pay chain: whoever shows the element at an index was paid that many ticks.
    PayWord;
    /// What the ledger knows of a pay chain: the root over every 256th element.
    PayRoot;
}

identifiers! {
    SALT_BYTES;
    /// Makes the hashes of one pay chain its own.
    Salt;
}

impl From<KeyId> for NodeId {
    fn from(key: KeyId) -> Self {
        Self(key.0)
    }
}

/// Why a text is no identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is {digits} hexadecimal digits, in lower case")]
pub struct ParseIdError {
    /// How many digits ids of this kind have.
    digits: usize,
}

fn parse_hex<const BYTES: usize>(text: &str) -> Result<[u8; BYTES], ParseIdError> {
    let wrong = ParseIdError { digits: 2 * BYTES };
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(wrong),
    };
    let mut bytes = [0; BYTES];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != BYTES || !rest.is_empty() {
        return Err(wrong);
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Ok(bytes)
}
