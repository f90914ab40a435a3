//! The genesis: what makes one network this network.
//!
//! Its id is a digest over all it says, so two networks that differ in anything have different ids,
//! and the first four bytes of the id are the network number inside every body.
//! Invariant of a checked one: the supply, which is the sum of all accounts, fits an [`Amount`].

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use bytes::Bytes;

use crate::{
    address::{Address, NetworkKind},
    codec::{Decode, DecodeError, Encode, Reader, encode_text},
    committee::Committee,
    digest::{Domain, GenesisId, Hasher, digest},
    keys::{PublicKey, Scheme},
    params::{PROTOCOL_VERSION, Params},
    time::Time,
    tx::{CommitRef, NetworkId},
    units::{Amount, CommitIndex, Round},
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
    /// Who makes things final.
    pub committee: Committee,
    /// Who has what at the start, ascending by address. Their sum is the supply, for ever.
    pub accounts: Vec<(Address, Amount)>,
}

impl Genesis {
    /// A test network whose only validator has a key that nobody holds, so that nothing in it ever
    /// becomes final: for tests and benches of all that comes before.
    ///
    /// # Panics
    /// Never: a committee of one is one.
    pub fn without_finality(label: &str, params: Params) -> Self {
        let scheme = Scheme::MlDsa44;
        let nobody = Bytes::from(alloc::vec![0; scheme.public_key_bytes()]);
        let nobody = PublicKey::new(scheme, nobody).expect("as many bytes as a key has");
        Self {
            label: label.to_string(),
            kind: NetworkKind::Test,
            created: Time::ZERO,
            params,
            committee: Committee::of([nobody]).expect("one validator is a committee"),
            accounts: Vec::new(),
        }
    }

    /// Refuses what no network can start from.
    pub fn check(&self) -> Result<(), DecodeError> {
        let broken = |rule| Err(DecodeError::NotCanonical { field: "genesis", rule });
        self.params.check()?;
        if !self.accounts.is_sorted_by(|(a, _), (b, _)| a < b) {
            return broken("accounts ascend by address");
        }
        if self.supply().is_none() {
            return broken("the supply is below 2^64 base units");
        }
        Ok(())
    }

    /// The sum of all accounts, where it fits.
    pub fn supply(&self) -> Option<Amount> {
        self.accounts.iter().try_fold(Amount::ZERO, |sum, (_, amount)| sum.checked_add(amount.0))
    }

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
        self.committee.encode(out);
        let count = u32::try_from(self.accounts.len()).expect("a genesis file is below 4 GiB");
        out.extend_from_slice(&count.to_le_bytes());
        for (address, amount) in &self.accounts {
            address.encode(out);
            amount.encode(out);
        }
    }
}

/// Longest list of accounts that is decoded: what a file of 64 MiB holds.
const ACCOUNTS_MAX: usize = 1 << 20;

impl Decode for Genesis {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let label = reader.text("label", LABEL_BYTES_MAX)?.to_string();
        let kind = NetworkKind::decode(reader)?;
        let created = Time::from_millis(reader.u64()?);
        let params = Params::decode(reader)?;
        let committee = Committee::decode(reader)?;
        let genesis = Self { label, kind, created, params, committee, accounts: accounts(reader)? };
        genesis.check()?;
        Ok(genesis)
    }
}

fn accounts(reader: &mut Reader<'_>) -> Result<Vec<(Address, Amount)>, DecodeError> {
    let actual = reader.u32()? as usize;
    if actual > ACCOUNTS_MAX {
        return Err(DecodeError::TooLong { field: "accounts", limit: ACCOUNTS_MAX, actual });
    }
    (0..actual).map(|_| Ok((Address::decode(reader)?, Amount::decode(reader)?))).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::digest::KeyId;

    #[test]
    fn a_genesis_that_decodes_encodes_to_the_same_bytes_and_keeps_its_id() {
        let mut genesis = Genesis::without_finality("hall \u{2603}", Params::dev());
        genesis.accounts = vec![
            (Address::of(KeyId([1; 32])), Amount(7)),
            (Address::of(KeyId([2; 32])), Amount(u64::MAX - 7)),
        ];
        let bytes = genesis.to_bytes();
        let read = Genesis::from_bytes(&bytes).unwrap();
        assert_eq!((read.id(), &read), (genesis.id(), &genesis));
        for end in 0..bytes.len() {
            assert!(Genesis::from_bytes(&bytes[..end]).is_err(), "cut to {end} bytes");
        }
    }

    #[test]
    fn accounts_out_of_order_and_a_supply_beyond_bounds_are_refused() {
        let account = |byte, amount| (Address::of(KeyId([byte; 32])), Amount(amount));
        for accounts in [
            vec![account(2, 1), account(1, 1)],
            vec![account(1, 1), account(1, 1)],
            vec![account(1, u64::MAX), account(2, 1)],
        ] {
            let genesis = Genesis { accounts, ..Genesis::without_finality("x", Params::dev()) };
            assert!(Genesis::from_bytes(&genesis.to_bytes()).is_err());
        }
    }
}
