//! What a device signs.

use alloc::vec::Vec;

use super::{CommitRef, Head, NetworkId, Payload, Reading};
use crate::{
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{BodyId, Domain, KeyId, digest},
    params::PROTOCOL_VERSION,
    time::Time,
    units::Sequence,
};

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
    pub const FIXED_BYTES: usize = Head::BYTES + Reading::FRAME_BYTES;

    /// Its id, which is also the message under its signature.
    pub fn id(&self) -> BodyId {
        BodyId(digest(Domain::Body, &self.to_bytes()))
    }

    /// All of it but what it says.
    pub const fn head(&self) -> Head {
        Head {
            network: self.network,
            issuer: self.issuer,
            signer: self.signer,
            sequence: self.sequence,
            time: self.time,
            expires: self.expires,
            beacon: self.beacon,
        }
    }

    /// The id of the key that signs it.
    pub fn signing_key(&self) -> KeyId {
        self.signer.unwrap_or(self.issuer.first_key())
    }
}

impl Encode for Body {
    fn encode(&self, out: &mut Vec<u8>) {
        self.head().put(out);
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
        self.head().check()?;
        if self.sequence.registers() && matches!(self.payload, Payload::KeyRotate(_)) {
            let rule = "a body with sequence 0 brings the first key, not the next";
            return Err(DecodeError::NotCanonical { field: "payload", rule });
        }
        Ok(())
    }
}
