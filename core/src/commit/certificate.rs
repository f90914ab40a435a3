//! A certificate: validators of a quorum say that they executed a commit.
//!
//! Made of what checkpoints carry anyway: of each signer the core of a checkpoint, the list of
//! votes that the core names, and the signature over the core. Commits of one index differ only if
//! more validators lie than a network survives, so a certificate ends every doubt.
//!
//! Invariant: signers ascend by author, so none counts twice; and a certificate has no byte that a
//! signature does not cover, but for the commit it is about and the signatures themselves.
//!
//! Left out on purpose: gathering votes (`machine/certify`), and joining signatures into one: no
//! scheme that does is post-quantum and small.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::{
    checkpoint::{Checkpoint, CheckpointCore, Vote, list_digest},
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    committee::{Author, Committee, VALIDATORS_MAX},
    keys::{Scheme, Signature, SignatureError, Verify},
    params::VOTES_MAX,
    tx::NetworkId,
};

/// One validator's word: as much of a checkpoint as its votes need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// What is signed.
    pub core: CheckpointCore,
    /// The votes that the core names.
    pub votes: Vec<Vote>,
    /// Over the core.
    pub signature: Signature,
}

impl From<&Checkpoint> for Signer {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            core: checkpoint.core,
            votes: checkpoint.votes.clone(),
            signature: checkpoint.signature.clone(),
        }
    }
}

/// Votes of a quorum for one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The commit.
    pub vote: Vote,
    /// Who says so, ascending by author.
    pub signers: Vec<Signer>,
}

/// Why a certificate proves nothing. The fault of whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Signers out of order, or one twice.
    #[error("signers do not ascend by author")]
    Order,
    /// A signer that is in no place of the committee.
    #[error("no validator {}", .author.0)]
    Stranger {
        /// The place.
        author: Author,
    },
    /// A signature made for another network.
    #[error("of another network: expected {expected}, actual {actual}")]
    Network {
        /// This network.
        expected: NetworkId,
        /// The one in a core.
        actual: NetworkId,
    },
    /// Votes that are not those the core names, or not for this commit.
    #[error("validator {} did not vote for this commit", .author.0)]
    Vote {
        /// The signer.
        author: Author,
    },
    /// Too few signers.
    #[error("too little weight: expected at least {expected}, actual {actual}")]
    Weight {
        /// The quorum.
        expected: u64,
        /// The weight of all signers.
        actual: u64,
    },
    /// A signature that is not one of its validator.
    #[error("validator {}: {reason}", .author.0)]
    Signature {
        /// The signer.
        author: Author,
        /// What is wrong.
        reason: SignatureError,
    },
}

impl Certificate {
    /// The weight of those who signed, at least a quorum. The signatures are checked last: they
    /// cost most.
    pub fn verify(
        &self,
        committee: &Committee,
        network: NetworkId,
        verify: &dyn Verify,
    ) -> Result<u64, CertificateError> {
        if !self.signers.is_sorted_by(|a, b| a.core.author < b.core.author) {
            return Err(CertificateError::Order);
        }
        for signer in &self.signers {
            signer.check(network)?;
            if !signer.votes.contains(&self.vote) {
                return Err(CertificateError::Vote { author: signer.core.author });
            }
        }
        let (expected, actual) =
            (committee.quorum(), committee.weigh(self.signers.iter().map(|one| one.core.author)));
        if actual < expected {
            return Err(CertificateError::Weight { expected, actual });
        }
        self.signers.iter().try_for_each(|signer| signer.check_signature(committee, verify))?;
        Ok(actual)
    }
}

impl Signer {
    /// Whether the validator of `committee` that it names said this.
    pub fn verify(
        &self,
        committee: &Committee,
        network: NetworkId,
        verify: &dyn Verify,
    ) -> Result<(), CertificateError> {
        self.check(network)?;
        self.check_signature(committee, verify)
    }

    /// Whether its parts belong together, and here.
    fn check(&self, network: NetworkId) -> Result<(), CertificateError> {
        let Self { core, votes, .. } = self;
        if core.network != network {
            let (expected, actual) = (network, core.network);
            return Err(CertificateError::Network { expected, actual });
        }
        if list_digest(votes) != core.votes {
            return Err(CertificateError::Vote { author: core.author });
        }
        Ok(())
    }

    fn check_signature(
        &self,
        committee: &Committee,
        verify: &dyn Verify,
    ) -> Result<(), CertificateError> {
        let author = self.core.author;
        let validator = committee.validator(author).ok_or(CertificateError::Stranger { author })?;
        let verdict = verify.verify(&validator.key, &self.core.to_bytes(), &self.signature);
        verdict.map_err(|reason| CertificateError::Signature { author, reason })
    }
}

impl Encode for Signer {
    fn encode(&self, out: &mut Vec<u8>) {
        self.core.encode(out);
        encode_list(&self.votes, out);
        out.push(self.signature.scheme().tag());
        out.extend_from_slice(self.signature.as_bytes());
    }
}

impl Decode for Signer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let core = CheckpointCore::decode(reader)?;
        let votes: Vec<Vote> = reader.list("votes", VOTES_MAX)?;
        if !votes.is_sorted_by(|a, b| a.index < b.index) {
            return Err(DecodeError::NotCanonical { field: "votes", rule: "ascend by index" });
        }
        let scheme = Scheme::decode(reader)?;
        let bytes = Bytes::copy_from_slice(reader.take("signature", scheme.signature_bytes())?);
        let wrong =
            |_| DecodeError::NotCanonical { field: "signature", rule: "sizes of its scheme" };
        Ok(Self { core, votes, signature: Signature::new(scheme, bytes).map_err(wrong)? })
    }
}

impl Encode for Certificate {
    fn encode(&self, out: &mut Vec<u8>) {
        self.vote.encode(out);
        encode_list(&self.signers, out);
    }
}

impl Decode for Certificate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let vote = Vote::decode(reader)?;
        let signers: Vec<Signer> = reader.list("signers", VALIDATORS_MAX)?;
        if !signers.is_sorted_by(|a, b| a.core.author < b.core.author) {
            return Err(DecodeError::NotCanonical { field: "signers", rule: "ascend by author" });
        }
        Ok(Self { vote, signers })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        checkpoint::Content,
        committee::Validator,
        digest::CommitId,
        keys::{DeviceKey, DeviceVerifier, Sign as _},
        time::Time,
        units::{CommitIndex, Round},
    };

    pub(crate) const NETWORK: NetworkId = NetworkId([1, 2, 3, 4]);

    pub(crate) fn key(number: u8) -> DeviceKey {
        DeviceKey::from_seed(Scheme::MlDsa44, &[number; 32]).unwrap()
    }

    /// A committee of equals, and the keys that it signs with.
    pub(crate) fn committee(count: u8) -> (Committee, Vec<DeviceKey>) {
        let keys: Vec<DeviceKey> = (0..count).map(key).collect();
        (Committee::of(keys.iter().map(|key| key.public_key().clone())).unwrap(), keys)
    }

    pub(crate) fn vote(index: u64, id: u8) -> Vote {
        Vote { index: CommitIndex(index), id: CommitId([id; 32]) }
    }

    pub(crate) fn signer(author: u16, key: &DeviceKey, votes: &[Vote]) -> Signer {
        let content = Content { votes: votes.to_vec(), ..Content::default() };
        let slot = (Round(9), Author(author));
        let time = Time::from_millis(1);
        Signer::from(&Checkpoint::sign(NETWORK, slot, time, content, key).unwrap())
    }

    /// What as many validators as are needed say.
    pub(crate) fn certify(vote: Vote, committee: &Committee, keys: &[DeviceKey]) -> Certificate {
        let quorum = usize::try_from(committee.quorum()).unwrap();
        let signers = keys.iter().take(quorum).zip(0..).map(|(key, at)| signer(at, key, &[vote]));
        Certificate { vote, signers: signers.collect() }
    }

    #[test]
    fn a_quorum_is_enough_and_less_is_not() {
        let (committee, keys) = committee(4);
        let good = certify(vote(3, 7), &committee, &keys);
        assert_eq!(good.verify(&committee, NETWORK, &DeviceVerifier), Ok(3));
        assert_eq!(Certificate::from_bytes(&good.to_bytes()).as_ref(), Ok(&good));
        assert_eq!(good.to_bytes().len(), 42 + 3 * 2_623);

        let refused = |bend: &dyn Fn(&mut Certificate)| {
            let mut bent = good.clone();
            bend(&mut bent);
            bent.verify(&committee, NETWORK, &DeviceVerifier).unwrap_err()
        };
        let short = CertificateError::Weight { expected: 3, actual: 2 };
        assert_eq!(refused(&|bent| drop(bent.signers.pop())), short);
        let twice = |bent: &mut Certificate| bent.signers[2] = bent.signers[1].clone();
        assert_eq!(refused(&twice), CertificateError::Order);
        let other = CertificateError::Vote { author: Author(0) };
        assert_eq!(refused(&|bent| bent.vote.id = CommitId([8; 32])), other);
        let foreign = |bent: &mut Certificate| bent.signers[1].votes.push(vote(4, 4));
        assert_eq!(refused(&foreign), CertificateError::Vote { author: Author(1) });
        let forged = |bent: &mut Certificate| bent.signers[2].core.time = Time::from_millis(2);
        assert!(matches!(refused(&forged), CertificateError::Signature { author, .. }
            if author == Author(2)));
        let strange = |bent: &mut Certificate| bent.signers.push(signer(9, &keys[3], &[bent.vote]));
        assert_eq!(refused(&strange), CertificateError::Stranger { author: Author(9) });
        let wrong = good.verify(&committee, NetworkId([0; 4]), &DeviceVerifier);
        assert!(matches!(wrong, Err(CertificateError::Network { .. })));
    }

    #[test]
    fn weights_count_and_not_heads() {
        let keys: Vec<DeviceKey> = (0..4).map(key).collect();
        let weigh =
            |(key, weight): (&DeviceKey, u32)| Validator { key: key.public_key().clone(), weight };
        let committee =
            Committee::new(keys.iter().zip([10, 1, 1, 1]).map(weigh).collect()).unwrap();
        let mut certificate = certify(vote(1, 1), &committee, &keys[..1]);
        assert_eq!(certificate.verify(&committee, NETWORK, &DeviceVerifier), Ok(10));
        certificate.signers =
            (1..4).map(|at| signer(at, &keys[at as usize], &[vote(1, 1)])).collect();
        let short = CertificateError::Weight { expected: 9, actual: 3 };
        assert_eq!(certificate.verify(&committee, NETWORK, &DeviceVerifier), Err(short));
    }
}
