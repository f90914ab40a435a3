//! The rules by name, and what it means when one is broken.

use std::fmt;

/// What must hold, each with a judge of its own that runs during and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Of what is final, honest nodes tell prefixes of one sequence, to the leaf.
    C1Agreement,
    /// Nothing that was acknowledged or told final is lost, whatever crashed.
    C2Durability,
    /// Balances add up, and outcomes are those of a ledger as simple as can be.
    C3Conservation,
    /// What is final stands behind its causes.
    C4Causality,
    /// The log has no gap, parents first, each transaction whole and under its id.
    C5Integrity,
    /// One seed is one run, to the byte.
    C6Determinism,
    /// Once nothing goes wrong any more, all that was accepted becomes final.
    C7Liveness,
    /// At rest all hold the same transactions, and stand at the same state.
    C8Convergence,
    /// Whoever asks gets one answer: what is acknowledged is found, and an end stays an end.
    C9Answers,
    /// Every queue keeps its bound, and nobody wakes for nothing.
    C10Bounds,
    /// An honest validator signs one checkpoint of a round, across all its lives.
    C11SignedOnce,
    /// Only those who broke a rule are convicted, dropped or banned.
    C12Justice,
    /// Nobody tells a commit twice or leaves one out.
    C13Monotony,
    /// Honest issuers get like shares.
    C14Fairness,
    /// What one honest validator knows is final soon, whoever would rather not have it.
    C15Censorship,
    /// Starting twice is starting once.
    C16Recovery,
    /// Neither side of a trade loses more than the table of docs/MARKET.md section 6 allows.
    C17Losses,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::C1Agreement,
        Self::C2Durability,
        Self::C3Conservation,
        Self::C4Causality,
        Self::C5Integrity,
        Self::C6Determinism,
        Self::C7Liveness,
        Self::C8Convergence,
        Self::C9Answers,
        Self::C10Bounds,
        Self::C11SignedOnce,
        Self::C12Justice,
        Self::C13Monotony,
        Self::C14Fairness,
        Self::C15Censorship,
        Self::C16Recovery,
        Self::C17Losses,
    ];

    /// How a run that broke it is called.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::C1Agreement => Verdict::Diverged,
            Self::C6Determinism => Verdict::NonDeterministic,
            Self::C7Liveness | Self::C15Censorship => Verdict::NoProgress,
            other => Verdict::CheckerFailed(other),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything held.
    Pass,
    /// What should have become final did not.
    NoProgress,
    /// Two honest nodes tell different histories.
    Diverged,
    /// A judge found something else.
    CheckerFailed(Rule),
    /// The same seed gave another run.
    NonDeterministic,
    /// Code of the node panicked.
    Panicked,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// What was seen instead, for people.
    pub what: String,
}

impl Broken {
    /// `what` breaks `rule`.
    pub fn new(rule: Rule, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

impl std::error::Error for Broken {}

pub(super) fn expect(rule: Rule, holds: bool, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { rule, what: what() }) }
}
