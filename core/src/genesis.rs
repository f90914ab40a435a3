//! The genesis: what makes one network this network.
//!
//! Its id is a digest over all it says, so two networks that differ in anything have different ids,
//! and the first four bytes of the id are the network number inside every body.
//!
//! Left out until there is a ledger: accounts with balances and the committee.

use alloc::{string::String, vec::Vec};

use crate::{
    address::NetworkKind,
    codec::{Encode, encode_text},
    digest::{Domain, GenesisId, Hasher, digest},
    params::{PROTOCOL_VERSION, Params},
    time::Time,
    tx::{CommitRef, NetworkId},
    units::{CommitIndex, Round},
};

/// Longest label of a network, in bytes.
pub const LABEL_BYTES_MAX: usize = 64;

/// What all nodes of one network start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// A name for people; part of the id. At most [`LABEL_BYTES_MAX`] bytes.
    pub label: String,
    /// Public or test.
    pub kind: NetworkKind,
    /// When it was made.
    pub created: Time,
    /// What the network agreed on.
    pub params: Params,
}

impl Genesis {
    /// Its id.
    pub fn id(&self) -> GenesisId {
        GenesisId(digest(Domain::Genesis, &self.to_bytes()))
    }

    /// The number that bodies carry: the first four bytes of the id.
    pub fn network(&self) -> NetworkId {
        let [a, b, c, d, ..] = self.id().0;
        NetworkId([a, b, c, d])
    }

    /// The commit before all commits: index and round 0, and the first 16 bytes of the id.
    pub fn commit(&self) -> CommitRef {
        let mut tag = [0; 16];
        for (byte, id) in tag.iter_mut().zip(self.id().0) {
            *byte = id;
        }
        CommitRef { index: CommitIndex::ZERO, round: Round::ZERO, tag }
    }

    /// A digest over the protocol version and the agreed parameters, for the handshake: two builds
    /// that read one genesis differently part here.
    pub fn parameter_hash(&self) -> [u8; 32] {
        Hasher::new(Domain::Genesis)
            .chain(&[PROTOCOL_VERSION])
            .chain(&self.params.to_bytes())
            .finish()
    }
}

impl Encode for Genesis {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_text(&self.label, out);
        self.kind.encode(out);
        out.extend_from_slice(&self.created.as_millis().to_le_bytes());
        self.params.encode(out);
    }
}
