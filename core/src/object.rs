//! Objects of the ledger: what the state root covers, each at its key.
//!
//! An object's bytes begin with its kind, so that whoever reads all of them knows what is what. A
//! kind is at least 16, apart from the tags that the trie puts before the bytes it hashes in the
//! same domain (`trie`): no key can pass for a node.

use alloc::vec::Vec;

use crate::{
    account::Account,
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{BodyId, DIGEST_BYTES, Domain, Hasher},
    market::objects::{Channel, Listing},
    units::Amount,
};

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// An account, at its address.
    Account(Account),
    /// The sum of all value, fixed by the genesis. There is one.
    Supply(Amount),
    /// An offer that is listed, at its id.
    Listing(Listing),
    /// A channel that is open, at its id.
    Channel(Channel),
}

impl Object {
    const ACCOUNT: u8 = 16;
    const SUPPLY: u8 = 17;
    const LISTING: u8 = 18;
    const CHANNEL: u8 = 19;

    /// What it holds of the supply: a balance, a bond, the rest of a deposit.
    pub fn value(&self) -> Amount {
        match self {
            Self::Account(account) => account.balance,
            Self::Supply(_) => Amount::ZERO,
            Self::Listing(listing) => listing.bond,
            Self::Channel(channel) => channel.rest(),
        }
    }
}

/// The place of an object in the state trie: `H("weft.stt", kind | id)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey(pub [u8; DIGEST_BYTES]);

impl ObjectKey {
    /// Of an account.
    pub fn account(address: &Address) -> Self {
        Self::of(Object::ACCOUNT, &address.to_bytes())
    }

    /// Of the supply.
    pub fn supply() -> Self {
        Self::of(Object::SUPPLY, &[])
    }

    /// Of an offer.
    pub fn listing(id: &BodyId) -> Self {
        Self::of(Object::LISTING, id.as_bytes())
    }

    /// Of a channel.
    pub fn channel(id: &BodyId) -> Self {
        Self::of(Object::CHANNEL, id.as_bytes())
    }

    fn of(kind: u8, id: &[u8]) -> Self {
        Self(Hasher::new(Domain::State).chain(&[kind]).chain(id).finish())
    }
}

impl Encode for Object {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Account(account) => {
                out.push(Self::ACCOUNT);
                account.encode(out);
            }
            Self::Supply(amount) => {
                out.push(Self::SUPPLY);
                amount.encode(out);
            }
            Self::Listing(listing) => {
                out.push(Self::LISTING);
                listing.encode(out);
            }
            Self::Channel(channel) => {
                out.push(Self::CHANNEL);
                channel.encode(out);
            }
        }
    }
}

impl Decode for Object {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            Self::ACCOUNT => Account::decode(reader).map(Self::Account),
            Self::SUPPLY => Amount::decode(reader).map(Self::Supply),
            Self::LISTING => Listing::decode(reader).map(Self::Listing),
            Self::CHANNEL => Channel::decode(reader).map(Self::Channel),
            kind => Err(DecodeError::UnknownTag { field: "object kind", actual: kind.into() }),
        }
    }
}
