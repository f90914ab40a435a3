//! Commits: what the committee made final, and how a stranger is convinced of it.
//!
//! ```text
//! leaf --path--> record i --path--> record j <-- certificate: votes of a quorum
//! ```
//!
//! A record names what it ordered by the root of a Merkle tree and all commits before it by the
//! root of a mountain range, so that one certificate vouches for everything up to its commit.
//! Invariant: whatever a root is over is bound with its place and with the number of all.
//!
//! Left out on purpose: how commits come about (`machine`).

mod certificate;
mod evidence;
pub mod merkle;
pub mod mountain;
mod record;

pub use self::{
    certificate::{Certificate, CertificateError, Signer},
    evidence::{Evidence, Offence},
    merkle::Path,
    mountain::{Mountain, Placed},
    record::{CommitRecord, Leaf},
};

#[cfg(test)]
pub(crate) use self::certificate::tests as certificate_tests;
