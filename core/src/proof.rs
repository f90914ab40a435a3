//! A proof of inclusion: one file that convinces a stranger who knows the committee's keys.
//!
//! ```text
//! magic 8 | version 1 | attachment 104 | 0 body, 1 body and seal, 2 body, seal and key
//! | outcome 1 | leaf 4 | path | record i | 0, or 1 record j and the path from i | certificate
//! | 0, or 1 record of the beacon and its path
//! ```
//!
//! It says what a device said, what became of it, and between which two commits. Checked offline,
//! with hashes and signatures alone.
//!
//! Invariant: no byte of a file that verifies can be another. Attachment, body, outcome and place
//! are under the order root, the record under the certificate, keys under their ids, paths under
//! roots; seals and signatures have one form each (FIPS 204 signatures are strongly unforgeable).
//! Parts may be missing, and [`Proven`] says so: without a seal the committee alone vouches for the
//! issuer, without the beacon's record nothing is known of the time before.
//!
//! Left out on purpose: whether the key of the seal was in force. The outcome says that.

use alloc::vec::Vec;

use crate::{
    checkpoint::Vote,
    codec::{Decode, DecodeError, Encode, Reader},
    commit::{Certificate, CertificateError, CommitRecord, Leaf, Path},
    committee::Committee,
    digest::{BodyId, KeyId, TxId},
    keys::{PublicKey, SignatureError, Verify},
    outcome::Outcome,
    time::Time,
    tx::{Attachment, Body, CommitRef, NetworkId, Seal, SealedBody},
    units::CommitIndex,
};

const MAGIC: [u8; 8] = *b"weft.prf";
const VERSION: u8 = 1;

/// All that shows that a transaction was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Where the body hangs.
    pub attachment: Attachment,
    /// What was said.
    pub body: Body,
    /// Proof that the device said it, where it is held.
    pub signed: Option<Signed>,
    /// What became of the body.
    pub outcome: Outcome,
    /// Its place among the leaves of its commit.
    pub leaf: u32,
    /// From the leaf to the order root.
    pub path: Path,
    /// The commit that ordered it.
    pub record: CommitRecord,
    /// The certified commit, and the path to it, unless the commit itself is certified.
    pub later: Option<Linked>,
    /// The committee's word for the certified commit.
    pub certificate: Certificate,
    /// The commit at the beacon's index.
    pub beacon: Option<Linked>,
}

/// A seal, with the key if the file is to stand alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The seal.
    pub seal: Seal,
    /// The key it is checked with; none where the seal has it.
    pub key: Option<PublicKey>,
}

/// A record and a path in the mountain range: of a later commit, the path from the one that ordered
/// the body; of the beacon's, the path to the certified one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The record.
    pub record: CommitRecord,
    /// The path.
    pub path: Path,
}

/// What a proof proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The transaction.
    pub tx: TxId,
    /// What was said.
    pub body: BodyId,
    /// What became of it.
    pub outcome: Outcome,
    /// The commit that ordered it.
    pub commit: CommitIndex,
    /// The body was made after this.
    pub not_before: Result<Time, NoLowerBound>,
    /// The body was made before this: the time of its commit.
    pub not_after: Time,
    /// Whether the device's signature was there, and right.
    pub signed: bool,
    /// The commit that the committee vouches for.
    pub certified: Vote,
    /// The weight of those who do.
    pub weight: u64,
}

/// Why nothing is known of the time before a body. No fault of the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLowerBound {
    /// The body names no commit.
    #[error("the body has no beacon")]
    NoBeacon,
    /// It names one, and the proof does not have its record; the genesis has none.
    #[error("the proof does not show the commit that the beacon names")]
    NotShown,
    /// It names a commit that is not in the chain before it.
    #[error("the beacon is invented: no such commit came before the body")]
    Invented,
}

/// Why a proof proves nothing. The fault of whoever made or changed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Body or record of another network.
    #[error("of another network: expected {expected}, actual {actual}")]
    Network {
        /// This network.
        expected: NetworkId,
        /// The one found.
        actual: NetworkId,
    },
    /// The path does not lead from the transaction to its record.
    #[error("transaction {tx} is not at this place of its commit")]
    NotOrdered {
        /// The transaction.
        tx: TxId,
    },
    /// The path does not lead from a record to the certified one.
    #[error("commit {} is not in the chain of the certified one", .index)]
    NotLinked {
        /// The record that stands apart.
        index: CommitIndex,
    },
    /// The certificate is about another commit.
    #[error("the certificate is for commit {actual}, not {expected}")]
    OtherCommit {
        /// The one to be certified.
        expected: CommitIndex,
        /// The one that is.
        actual: CommitIndex,
    },
    /// The certificate does not hold.
    #[error("no certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// A seal, and no key to check it with. The body names it.
    #[error("the seal needs the key {expected}")]
    KeyMissing {
        /// Its id.
        expected: KeyId,
    },
    /// A key that the body does not name.
    #[error("the key has id {actual}, the body names {expected}")]
    Key {
        /// The id the body names.
        expected: KeyId,
        /// The id of the key found.
        actual: KeyId,
    },
    /// The signature is not one of the key over the body.
    #[error("bad seal: {0}")]
    Seal(#[from] SignatureError),
}

impl Proof {
    /// What this proves to whoever trusts `committee`. `key` is for a seal that comes without one.
    pub fn verify(
        &self,
        committee: &Committee,
        network: NetworkId,
        verify: &dyn Verify,
        key: Option<&PublicKey>,
    ) -> Result<Proven, ProofError> {
        self.check_network(network)?;
        let body = self.body.id();
        let tx = self.attachment.id(&body);
        let leaf = Leaf { tx, body, outcome: self.outcome };
        if !self.record.ordered(&leaf, self.leaf, &self.path) {
            return Err(ProofError::NotOrdered { tx });
        }
        let certified = self.certified()?;
        let not_before = self.lower_bound(certified)?;
        let weight = self.certificate.verify(committee, network, verify)?;
        self.check_seal(verify, key)?;
        Ok(Proven {
            tx,
            body,
            outcome: self.outcome,
            commit: self.record.index,
            not_before,
            not_after: self.record.time,
            signed: self.signed.is_some(),
            certified: certified.vote(),
            weight,
        })
    }

    /// All records, for they say it each: the chain does not.
    fn check_network(&self, expected: NetworkId) -> Result<(), ProofError> {
        let linked = self.later.iter().chain(&self.beacon).map(|linked| linked.record.network);
        let mut all = [self.body.network, self.record.network].into_iter().chain(linked);
        match all.find(|actual| *actual != expected) {
            Some(actual) => Err(ProofError::Network { expected, actual }),
            None => Ok(()),
        }
    }

    /// The record that the certificate is for, with the body's commit in its past.
    fn certified(&self) -> Result<&CommitRecord, ProofError> {
        let certified = match &self.later {
            None => &self.record,
            Some(later) => {
                linked(self.record.vote(), &later.record, &later.path)?;
                &later.record
            }
        };
        if certified.vote() != self.certificate.vote {
            let (expected, actual) = (certified.index, self.certificate.vote.index);
            return Err(ProofError::OtherCommit { expected, actual });
        }
        Ok(certified)
    }

    /// A record that is shown must be of the chain, or the file was changed; whether it is the one
    /// that the body names is up to the device, and costs only the bound.
    fn lower_bound(
        &self,
        certified: &CommitRecord,
    ) -> Result<Result<Time, NoLowerBound>, ProofError> {
        if let Some(Linked { record, path }) = &self.beacon {
            linked(record.vote(), certified, path)?;
        }
        let named = self.body.beacon;
        if named == CommitRef::NONE {
            return Ok(Err(NoLowerBound::NoBeacon));
        }
        // The id of a body's commit depends on the body: it can name earlier ones only.
        if named.index >= self.record.index {
            return Ok(Err(NoLowerBound::Invented));
        }
        Ok(match &self.beacon {
            Some(Linked { record, .. }) if record.reference() == named => Ok(record.time),
            Some(Linked { record, .. }) if record.index == named.index => {
                Err(NoLowerBound::Invented)
            }
            _ => Err(NoLowerBound::NotShown),
        })
    }

    fn check_seal(&self, verify: &dyn Verify, key: Option<&PublicKey>) -> Result<(), ProofError> {
        let Some(Signed { seal, key: along }) = &self.signed else {
            return Ok(());
        };
        let expected = self.body.signing_key();
        let key = seal.key.as_ref().or(along.as_ref()).or(key);
        let key = key.ok_or(ProofError::KeyMissing { expected })?;
        let actual = key.id();
        if actual != expected {
            return Err(ProofError::Key { expected, actual });
        }
        Ok(verify.verify(key, self.body.id().as_bytes(), &seal.signature)?)
    }
}

fn linked(earlier: Vote, certified: &CommitRecord, path: &Path) -> Result<(), ProofError> {
    if certified.follows(earlier, path) {
        return Ok(());
    }
    Err(ProofError::NotLinked { index: earlier.index })
}

const BODY: u8 = 0;
const BODY_AND_SEAL: u8 = 1;
const BODY_SEAL_AND_KEY: u8 = 2;

impl Encode for Proof {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        self.attachment.encode(out);
        match &self.signed {
            None => {
                out.push(BODY);
                self.body.encode(out);
            }
            Some(Signed { seal, key }) => {
                // A seal that has the key does not need it twice.
                let key = key.as_ref().filter(|_| seal.key.is_none());
                out.push(if key.is_some() { BODY_SEAL_AND_KEY } else { BODY_AND_SEAL });
                self.body.encode(out);
                seal.encode(out);
                key.iter().for_each(|key| key.encode(out));
            }
        }
        self.outcome.encode(out);
        out.extend_from_slice(&self.leaf.to_le_bytes());
        self.path.encode(out);
        self.record.encode(out);
        encode_linked(self.later.as_ref(), out);
        self.certificate.encode(out);
        encode_linked(self.beacon.as_ref(), out);
    }
}

impl Decode for Proof {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.array()? != MAGIC {
            return Err(DecodeError::NotCanonical {
                field: "proof",
                rule: "starts with its magic",
            });
        }
        let actual = reader.u8()?;
        if actual != VERSION {
            return Err(DecodeError::UnknownTag { field: "proof version", actual: actual.into() });
        }
        let attachment = Attachment::decode(reader)?;
        let (body, signed) = decode_body(reader)?;
        Ok(Self {
            attachment,
            body,
            signed,
            outcome: Outcome::decode(reader)?,
            leaf: reader.u32()?,
            path: Path::decode(reader)?,
            record: CommitRecord::decode(reader)?,
            later: decode_linked(reader)?,
            certificate: Certificate::decode(reader)?,
            beacon: decode_linked(reader)?,
        })
    }
}

fn decode_body(reader: &mut Reader<'_>) -> Result<(Body, Option<Signed>), DecodeError> {
    let tag = reader.u8()?;
    if tag == BODY {
        return Ok((Body::decode(reader)?, None));
    }
    let SealedBody { body, seal } = SealedBody::decode(reader)?;
    let key = match tag {
        BODY_AND_SEAL => None,
        BODY_SEAL_AND_KEY if seal.key.is_none() => Some(PublicKey::decode(reader)?),
        _ => return Err(DecodeError::UnknownTag { field: "parts", actual: tag.into() }),
    };
    Ok((body, Some(Signed { seal, key })))
}

pub(crate) fn encode_linked(linked: Option<&Linked>, out: &mut Vec<u8>) {
    out.push(linked.is_some().into());
    if let Some(Linked { record, path }) = linked {
        record.encode(out);
        path.encode(out);
    }
}

pub(crate) fn decode_linked(reader: &mut Reader<'_>) -> Result<Option<Linked>, DecodeError> {
    match reader.u8()? {
        0 => Ok(None),
        1 => {
            let record = CommitRecord::decode(reader)?;
            Ok(Some(Linked { record, path: Path::decode(reader)? }))
        }
        tag => Err(DecodeError::UnknownTag { field: "linked record", actual: tag.into() }),
    }
}

#[cfg(test)]
mod tests;
