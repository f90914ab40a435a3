//! What a device signs.

use alloc::vec::Vec;
use core::fmt;

use super::{CommitRef, Payload};
use crate::{
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{BodyId, Domain, KeyId, digest},
    params::PROTOCOL_VERSION,
    time::Time,
    units::Sequence,
};

/// The number of a network: the first four bytes of its genesis id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(pub [u8; 4]);

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetworkId({self})")
    }
}

/// What a device says, and signs once, wherever it will hang in the Tangle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The network it is meant for.
    pub network: NetworkId,
    /// The account that says it.
    pub issuer: Address,
    /// The key that signs it; `None` is the issuer's first key.
    pub signer: Option<KeyId>,
    /// 0, 1, 2 ... per issuer. 0 registers the account and carries the key in its seal.
    pub sequence: Sequence,
    /// The device's clock; informative. [`Time::ZERO`] = no clock.
    pub time: Time,
    /// Ledger time from which the body may not take effect. [`Time::ZERO`] = never.
    pub expires: Time,
    /// A recent commit: proves "signed after that commit". [`CommitRef::NONE`] = none.
    pub beacon: CommitRef,
    /// What it says.
    pub payload: Payload,
}

impl Body {
    /// Length on the wire without the payload's content, under the issuer's first key, in bytes.
    pub const FIXED_BYTES: usize = 99;

    /// Its id, which is also the message under its signature.
    pub fn id(&self) -> BodyId {
        BodyId(digest(Domain::Body, &self.to_bytes()))
    }

    /// The id of the key that signs it.
    pub fn signing_key(&self) -> KeyId {
        self.signer.unwrap_or(self.issuer.first_key())
    }
}

impl Encode for Body {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(PROTOCOL_VERSION);
        out.extend_from_slice(&self.network.0);
        self.issuer.encode(out);
        match self.signer {
            None => out.push(0),
            Some(key) => {
                out.push(1);
                key.encode(out);
            }
        }
        self.sequence.encode(out);
        out.extend_from_slice(&self.time.as_millis().to_le_bytes());
        out.extend_from_slice(&self.expires.as_millis().to_le_bytes());
        self.beacon.encode(out);
        self.payload.encode(out);
    }
}

impl Decode for Body {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            PROTOCOL_VERSION => {}
            actual => {
                return Err(DecodeError::UnknownTag {
                    field: "body version",
                    actual: actual.into(),
                });
            }
        }
        let body = Self {
            network: NetworkId(reader.array()?),
            issuer: Address::decode(reader)?,
            signer: match reader.u8()? {
                0 => None,
                1 => Some(KeyId::decode(reader)?),
                tag => {
                    return Err(DecodeError::UnknownTag { field: "signer", actual: tag.into() });
                }
            },
            sequence: Sequence::decode(reader)?,
            time: Time::from_millis(reader.u64()?),
            expires: Time::from_millis(reader.u64()?),
            beacon: CommitRef::decode(reader)?,
            payload: Payload::decode(reader)?,
        };
        body.check_shape()?;
        Ok(body)
    }
}

impl Body {
    fn check_shape(&self) -> Result<(), DecodeError> {
        let broken = |field, rule| Err(DecodeError::NotCanonical { field, rule });
        if self.sequence.0 >= Sequence::LIMIT {
            return broken("sequence", "below 2^63");
        }
        if self.sequence.registers() && self.signer.is_some() {
            return broken("signer", "a body with sequence 0 is signed by the issuer's first key");
        }
        if self.sequence.registers() && matches!(self.payload, Payload::KeyRotate(_)) {
            return broken("payload", "a body with sequence 0 brings the first key, not the next");
        }
        // One value, one byte string: the first key is written as 0, never by its id.
        if self.signer == Some(self.issuer.first_key()) {
            return broken("signer", "the issuer's first key is written as 0");
        }
        Ok(())
    }
}
