//! An offer of which any byte is another is refused.

use alloc::vec;

use super::*;
use crate::{
    checkpoint::CheckpointRef,
    commit::certificate_tests::{NETWORK, certify, committee, key},
    committee::Author,
    digest::{CheckpointId, CommitId},
    keys::DeviceVerifier,
    time::Time,
};

fn record(index: u64, round: u64, mountain: &Mountain) -> CommitRecord {
    CommitRecord {
        network: NETWORK,
        index: CommitIndex(index),
        previous: CommitId([6; 32]),
        leader: CheckpointRef { round: Round(round), author: Author(1), id: CheckpointId([9; 32]) },
        time: Time::from_millis(10),
        last: true,
        leaves: 0,
        order_root: [12; 32],
        history_root: mountain.root(),
        state_root: None,
        window_root: None,
    }
}

/// The first commit of the window of an offer, and the offer; certified by a commit after it.
pub(in crate::machine) fn offer() -> (CommitRecord, Offer, Committee) {
    let (committee, keys) = committee(4);
    let mut mountain = Mountain::default();
    let mut ids = vec![CommitId([1; 32]), CommitId([2; 32]), CommitId([3; 32])];
    ids.iter().for_each(|id| drop(mountain.append(id)));
    let first = record(3, 100, &mountain);
    let before = mountain.clone();
    ids.push(first.id());
    mountain.append(&first.id());
    let leader = CheckpointRef { round: Round(1_400), ..first.leader };
    let standing = Standing {
        decided: leader.round,
        leaders: vec![leader],
        count: 4,
        time: first.time,
        ..Standing::default()
    };
    let mut parts = vec![PartRoot(trie::EMPTY); PARTS];
    (parts[3], parts[200]) = (PartRoot([7; 32]), PartRoot([8; 32]));
    let roots: Vec<_> = parts.iter().map(|part| part.0).collect();
    let snapshot = CommitRecord {
        state_root: Some(trie::join(&roots)),
        window_root: Some(standing.window_root()),
        ..record(4, 1_400, &mountain)
    };
    ids.push(snapshot.id());
    mountain.append(&snapshot.id());
    let certified = record(5, 1_401, &mountain);
    let path = crate::commit::Path::to(&ids, 4).unwrap();
    let offer = Offer {
        lowest: CommitIndex(1),
        certificate: certify(certified.vote(), &committee, &keys),
        later: Some(Linked { record: certified, path }),
        record: snapshot,
        kept: Kept { standing, parts, window: CommitIndex(3) },
        mountain: before,
    };
    (first, offer, committee)
}

fn holds(offer: &Offer, first: &CommitRecord, committee: &Committee) -> bool {
    offer.holds(committee, NETWORK, &DeviceVerifier) && offer.begins_at(first)
}

#[test]
fn no_byte_of_an_offer_can_be_another() {
    let (first, offer, committee) = offer();
    assert!(holds(&offer, &first, &committee));
    let bytes = offer.to_bytes();
    assert_eq!(Offer::from_bytes(&bytes).as_ref(), Ok(&offer));
    // The lowest commit, in front, is what the peer says of itself.
    for at in 8..bytes.len() {
        let mut bent = bytes.clone();
        bent[at] ^= 1;
        let taken = Offer::from_bytes(&bent).is_ok_and(|offer| holds(&offer, &first, &committee));
        assert!(!taken, "byte {at} of {}", bytes.len());
    }
}

#[test]
fn strangers_and_short_windows_are_refused() {
    let (first, offer, _) = offer();
    let strangers = Committee::of([key(9)].map(|key| {
        use crate::keys::Sign as _;
        key.public_key().clone()
    }));
    assert!(!offer.holds(&strangers.unwrap(), NETWORK, &DeviceVerifier));
    // A commit that the leader of the offer can still reach back to.
    let late = CommitRecord {
        leader: CheckpointRef { round: Round(1_400 - KEEP_ROUNDS), ..first.leader },
        ..first.clone()
    };
    assert!(offer.begins_at(&first) && !offer.begins_at(&late));
}
