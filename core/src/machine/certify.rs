//! Gathers votes of accepted checkpoints until a quorum certifies a commit.
//!
//! In: the votes of each accepted checkpoint, and what this node executed itself. Out: each
//! certificate once, evidence against validators that vote for two commits of one index, and an
//! alarm when the committee certifies another commit than ours.
//!
//! Invariant: of one author at most one vote counts for an index, its first. Bounded: votes for at
//! most `2 * WINDOW` indices around the last executed one, of as many authors as there are; a
//! checkpoint's signature is held once for all its votes. Whoever is further behind gets
//! certificates from others. Votes for what is certified already, or lies below, are not kept: a
//! certificate vouches for everything before it.
//!
//! Left out on purpose: checking signatures. Whoever accepted the checkpoint did.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use crate::{
    checkpoint::Vote,
    commit::{Certificate, Signer},
    committee::{Author, Committee},
    digest::CommitId,
    units::CommitIndex,
};

/// How far from the last executed commit votes are counted: several seconds of commits.
const WINDOW: u64 = 64;

/// Who votes for what at one index.
type Ballot = BTreeMap<Author, (CommitId, Arc<Signer>)>;

/// Votes on their way to certificates.
#[derive(Debug)]
pub(super) struct Certifier {
    ballots: BTreeMap<CommitIndex, Ballot>,
    /// What this node executed, by index, from the last certified one on.
    executed: BTreeMap<CommitIndex, CommitId>,
    last: CommitIndex,
    /// The highest commit that a quorum vouches for.
    certified: Option<Vote>,
}

/// What the votes of one checkpoint led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// New certificates, ascending.
    pub(super) certificates: Vec<Certificate>,
    /// Two words of one validator about one index.
    pub(super) evidence: Vec<DoubleVote>,
    /// A certificate that contradicts this node.
    pub(super) divergence: Option<Divergence>,
}

/// Proof that a validator voted for two commits of one index. Both signatures were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DoubleVote {
    /// The index.
    pub(super) index: CommitIndex,
    /// What came first.
    pub(super) first: Arc<Signer>,
    /// What came then.
    pub(super) second: Arc<Signer>,
}

/// The committee certified another commit than this node executed: this node computes differently.
/// It must sign nothing more, and keep its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("commit {index} is {certified} for the committee and {own} here: this node must stop")]
pub(super) struct Divergence {
    /// The index.
    pub(super) index: CommitIndex,
    /// What this node executed.
    pub(super) own: CommitId,
    /// What a quorum executed.
    pub(super) certified: CommitId,
}

impl Certifier {
    /// Goes on from the last executed commit; the genesis is commit 0.
    pub(super) fn new(last: Vote) -> Self {
        Self {
            ballots: BTreeMap::new(),
            executed: BTreeMap::from([(last.index, last.id)]),
            last: last.index,
            certified: None,
        }
    }

    /// The highest commit that a quorum vouches for.
    pub(super) const fn certified(&self) -> Option<Vote> {
        self.certified
    }

    /// This node executed a commit: the next, or where a snapshot led it.
    pub(super) fn executed(&mut self, own: Vote) -> Option<Divergence> {
        self.last = self.last.max(own.index);
        self.executed.insert(own.index, own.id);
        self.keep_window();
        self.compare()
    }

    /// Somebody showed a certificate, which was verified.
    pub(super) fn learned(&mut self, vote: Vote) -> Option<Divergence> {
        if self.certified.is_some_and(|known| known.index >= vote.index) {
            return None;
        }
        self.certified = Some(vote);
        let divergence = self.compare();
        self.keep_window();
        divergence
    }

    /// Counts the votes of an accepted checkpoint, our own included.
    pub(super) fn vote(&mut self, signer: Signer, committee: &Committee) -> Counted {
        let mut counted = Counted::default();
        let (author, signer) = (signer.core.author, Arc::new(signer));
        for vote in &signer.votes {
            if !self.counts(vote.index) {
                continue;
            }
            let ballot = self.ballots.entry(vote.index).or_default();
            let (id, first) = ballot.entry(author).or_insert_with(|| (vote.id, signer.clone()));
            if *id != vote.id {
                let (first, second) = (first.clone(), signer.clone());
                counted.evidence.push(DoubleVote { index: vote.index, first, second });
                continue;
            }
            if let Some(certificate) = complete(ballot, *vote, committee) {
                counted.certificates.push(certificate);
                counted.divergence = counted.divergence.or(self.learned(*vote));
            }
        }
        counted
    }

    /// Whether votes for `index` are still of use, and near enough to be held.
    fn counts(&self, index: CommitIndex) -> bool {
        let certified = self.certified.map_or(CommitIndex::ZERO, |vote| vote.index);
        index > certified
            && index.0 > self.last.0.saturating_sub(WINDOW)
            && index.0 <= self.last.0.saturating_add(WINDOW)
    }

    /// A certificate vouches for all before it by their ids, so the highest one is enough.
    fn compare(&self) -> Option<Divergence> {
        let Vote { index, id: certified } = self.certified?;
        let own = *self.executed.get(&index)?;
        (own != certified).then_some(Divergence { index, own, certified })
    }

    fn keep_window(&mut self) {
        let certified = self.certified.map_or(CommitIndex::ZERO, |vote| vote.index);
        let lowest = certified.0.max(self.last.0.saturating_sub(WINDOW));
        self.ballots = self.ballots.split_off(&CommitIndex(lowest.saturating_add(1)));
        self.executed = self.executed.split_off(&CommitIndex(lowest));
    }
}

/// The certificate for `vote`, once those who voted so are a quorum.
fn complete(ballot: &Ballot, vote: Vote, committee: &Committee) -> Option<Certificate> {
    let same = || ballot.iter().filter(|(_, (id, _))| *id == vote.id);
    if committee.weigh(same().map(|(author, _)| *author)) < committee.quorum() {
        return None;
    }
    let signers = same().map(|(_, (_, signer))| Signer::clone(signer)).collect();
    Some(Certificate { vote, signers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commit::certificate_tests::{NETWORK, committee, key, signer, vote},
        keys::DeviceVerifier,
    };

    fn ids(counted: &Counted) -> Vec<Vote> {
        counted.certificates.iter().map(|certificate| certificate.vote).collect()
    }

    #[test]
    fn a_quorum_certifies_once() {
        let (committee, keys) = committee(4);
        let mut certifier = Certifier::new(vote(0, 0));
        let mut say = |author: u16, votes: &[Vote]| {
            certifier.vote(signer(author, &keys[usize::from(author)], votes), &committee)
        };
        assert_eq!(say(0, &[vote(1, 1), vote(2, 2)]), Counted::default());
        assert_eq!(say(2, &[vote(1, 1)]), Counted::default());
        assert_eq!(say(2, &[vote(1, 1)]), Counted::default(), "nobody counts twice");
        let counted = say(1, &[vote(1, 1), vote(2, 2)]);
        assert_eq!(ids(&counted), [vote(1, 1)]);
        let certificate = &counted.certificates[0];
        assert_eq!(certificate.verify(&committee, NETWORK, &DeviceVerifier), Ok(3));
        assert_eq!(say(3, &[vote(1, 1)]), Counted::default(), "it is certified already");
        assert_eq!(ids(&say(2, &[vote(2, 2)])), [vote(2, 2)]);
        assert_eq!(certifier.certified(), Some(vote(2, 2)));
        assert!(certifier.ballots.is_empty());
    }

    #[test]
    fn one_author_has_one_vote_for_an_index() {
        let (committee, _) = committee(4);
        let mut certifier = Certifier::new(vote(0, 0));
        let (first, second) =
            (signer(1, &key(1), &[vote(1, 1)]), signer(1, &key(1), &[vote(1, 2)]));
        assert_eq!(certifier.vote(first.clone(), &committee), Counted::default());
        let counted = certifier.vote(second.clone(), &committee);
        let (first, second) = (Arc::new(first), Arc::new(second));
        let expected = DoubleVote { index: CommitIndex(1), first, second };
        assert_eq!(counted.evidence, [expected]);
        for author in [0, 2] {
            let counted = certifier.vote(signer(author, &key(0), &[vote(1, 2)]), &committee);
            assert_eq!(counted, Counted::default(), "the second vote of 1 does not count");
        }
    }

    #[test]
    fn a_contradiction_is_an_alarm_whoever_is_first() {
        let (committee, keys) = committee(1);
        let certify = |certifier: &mut Certifier| {
            certifier.vote(signer(0, &keys[0], &[vote(1, 1)]), &committee).divergence
        };
        let expected = Divergence {
            index: CommitIndex(1),
            own: CommitId([7; 32]),
            certified: CommitId([1; 32]),
        };
        let mut ahead = Certifier::new(vote(0, 0));
        assert_eq!(ahead.executed(vote(1, 7)), None);
        assert_eq!(certify(&mut ahead), Some(expected));
        let mut behind = Certifier::new(vote(0, 0));
        assert_eq!(certify(&mut behind), None);
        assert_eq!(behind.executed(vote(1, 7)), Some(expected));
        let mut agreed = Certifier::new(vote(0, 0));
        assert_eq!((certify(&mut agreed), agreed.executed(vote(1, 1))), (None, None));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let (committee, _) = committee(4);
        let mut certifier = Certifier::new(vote(100, 0));
        for index in [0, 36, 37, 100, 164, 165, u64::MAX] {
            certifier.vote(signer(0, &key(0), &[vote(index, 1)]), &committee);
        }
        let held = |certifier: &Certifier| -> Vec<u64> {
            certifier.ballots.keys().map(|index| index.0).collect()
        };
        assert_eq!(held(&certifier), [37, 100, 164]);
        for index in 101..=300 {
            assert_eq!(certifier.executed(vote(index, 1)), None);
        }
        assert_eq!(held(&certifier), []);
        assert_eq!(certifier.executed.len() as u64, WINDOW + 1);
        assert_eq!(certifier.learned(vote(280, 1)), None);
        assert_eq!(certifier.executed.len(), 21);
        assert_eq!(certifier.learned(vote(270, 9)), None, "an older one says nothing new");
    }
}
