//! What a node answers about finality, as values.
//!
//! Invariant: a node that says nothing of finality is read as one where nothing is final.

use serde::{Deserialize, Serialize};
use weft_core::{
    codec::Decode as _,
    digest::{BodyId, TxId},
    tx::CommitRef,
};

use super::{Said, text};

/// How far a transaction or a body has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// On the node's disk.
    #[default]
    Attached,
    /// In the order of all nodes, with an outcome, for good.
    Committed,
    /// A quorum of validators signed that.
    Certified,
}

/// Where a transaction or a body stands, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// How far it has come.
    #[serde(default)]
    pub state: State,
    /// The commit that ordered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
    /// Its place in that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u32>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Told>,
    /// Whether it must be attached again to be ordered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// With outcome `seq_used`: the transaction that used the sequence, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<String>,
}

impl Fate {
    /// Whether it has an outcome that no further attachment can change.
    pub fn is_settled(&self) -> bool {
        self.outcome.as_ref().is_some_and(Told::is_settled)
    }

    /// Whether the body must be attached again.
    pub fn needs_attachment(&self) -> bool {
        self.stale || self.outcome.as_ref().is_some_and(|told| !told.is_settled())
    }
}

/// What became of a body when its turn in the order came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What programs go by: `applied`, `seq_used`, `insufficient` ..
    pub code: String,
    /// The same in a sentence.
    pub detail: String,
}

impl Told {
    /// Whether it took effect.
    pub fn is_applied(&self) -> bool {
        self.code == "applied"
    }

    /// Whether no further attachment of the same body can change it.
    pub fn is_settled(&self) -> bool {
        !matches!(self.code.as_str(), "bad_anchor" | "no_account")
    }
}

/// A transaction that got its place in the order of all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// The commit.
    pub commit: u64,
    /// Its place in that.
    pub leaf: u32,
    /// The commit's time: the ledger's clock, ms since the Unix epoch.
    pub time: u64,
    /// The transaction.
    #[serde(with = "text")]
    pub id: TxId,
    /// Its body.
    #[serde(with = "text")]
    pub body: BodyId,
    /// What became of it.
    pub outcome: Told,
    /// The address of the account that posted it; only where a filter was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Its place among those of its issuer; only where a filter was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
}

/// What the ledger says of an account, as of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerAccount {
    /// Whether the ledger has it.
    #[serde(default)]
    pub exists: bool,
    /// What it owns, in base units, as a decimal text.
    #[serde(default)]
    pub balance: String,
    /// One above the highest sequence that was consumed.
    #[serde(default)]
    pub consumed: u64,
    /// Ranges of sequences below that may still be used, ascending.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// The id of the key in force.
    #[serde(default)]
    pub key: String,
    /// The commit that this is as of.
    #[serde(default)]
    pub commit: u64,
}

/// Sequences that were passed over and may still be used: `first` and those behind, below `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The first.
    pub first: u64,
    /// One above the last.
    pub end: u64,
}

/// A body that used up its sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its place among those of its issuer.
    pub sequence: u64,
    /// The transaction that was ordered.
    #[serde(with = "text")]
    pub id: TxId,
    /// Its body.
    #[serde(with = "text")]
    pub body: BodyId,
    /// The device's clock, ms since the Unix epoch; 0 = no clock.
    pub time: u64,
    /// What it says.
    pub content: Said,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What somebody paid to an account with one body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Who paid.
    pub from: String,
    /// How much of it went to this account, in base units, as a decimal text.
    pub amount: String,
    /// The transfer as a whole, with the sequence of its issuer.
    #[serde(flatten)]
    pub done: Done,
}

/// A commit with what it ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its place; the first is 1.
    pub index: u64,
    /// Its id.
    pub id: String,
    /// The commit before it.
    pub previous: String,
    /// The committee's time, ms since the Unix epoch.
    pub time: u64,
    /// Whether a quorum vouches for it.
    pub certified: bool,
    /// How a body names it as its beacon, in hexadecimal.
    pub reference: String,
    /// What it ordered, in order.
    pub leaves: Vec<CommitLeaf>,
}

impl Commit {
    /// How a body names it as its beacon: "signed after that commit".
    pub fn beacon(&self) -> Option<CommitRef> {
        // A commit reference has the size of an id, and is written like one.
        let reference: TxId = self.reference.parse().ok()?;
        CommitRef::from_bytes(reference.as_bytes()).ok()
    }
}

/// One transaction as a commit ordered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitLeaf {
    /// The transaction.
    #[serde(with = "text")]
    pub id: TxId,
    /// Its body.
    #[serde(with = "text")]
    pub body: BodyId,
    /// What became of it.
    pub outcome: Told,
}

/// How far finality has come at a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finality {
    /// The last commit; 0 is the genesis.
    pub committed: u64,
    /// Its id.
    pub commit: String,
    /// The committee's time of it: the ledger's clock, ms since the Unix epoch.
    pub time: u64,
    /// When the node made it, ms since the Unix epoch; or when it started.
    pub made_at: u64,
    /// The last commit that a quorum vouches for.
    pub certified: u64,
    /// The highest round of which a quorum of checkpoints is there.
    pub round: u64,
    /// Transactions that wait for their place in the order.
    pub unordered: u64,
    /// Whether the node signs checkpoints: `follower`, `asking`, `active`, `observer`, `alarmed`.
    pub signing: String,
}
