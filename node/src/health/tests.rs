//! Which check fails of what, and what it says.

use weft_core::{
    digest::CommitId,
    keys::{HostKey, Scheme, Sign as _},
    machine::PeerStatus,
    tx::CommitRef,
    units::{CommitIndex, Position, Round},
};

use super::*;

fn status() -> Status {
    Status {
        next: Position::ZERO,
        tips: Vec::new(),
        tip_count: 0,
        anchor: CommitRef::NONE,
        committed: (CommitId([0; 32]), Time::ZERO),
        certified: CommitIndex::ZERO,
        round: Round::ZERO,
        heard: Some(Round(1)),
        unordered: 0,
        sync: None,
        lowest: CommitIndex(1),
        signing: Signing::Follower,
        live_count: 0,
        live_bytes: 0,
        waiting_count: 0,
        waiting_bytes: 0,
        in_line_count: 0,
        in_line_bytes: 0,
        turned_away: 0,
        wanted: 0,
        fetching: false,
        peers: Vec::new(),
        known_addresses: 0,
    }
}

fn committee() -> Committee {
    let key = |seed| HostKey::from_seed(Scheme::MlDsa44, &[seed; 32]).unwrap();
    Committee::of((0..4).map(|seed| key(seed).public_key().clone())).unwrap()
}

fn vitals<'a>(status: &'a Status, committee: &'a Committee) -> Vitals<'a> {
    let now = Time::from_millis(100_000);
    Vitals {
        stopped: None,
        store: Ok(Stats::default()),
        busy_since: None,
        now,
        status,
        fixed_peers: 0,
        own: NodeId([9; 32]),
        committee,
        committed_at: now,
    }
}

fn failing(vitals: &Vitals<'_>) -> Vec<&'static str> {
    let readiness = vitals.readiness();
    let failed = readiness.checks.iter().filter(|check| !check.ok);
    let names: Vec<&'static str> = failed.map(|check| check.name).collect();
    assert_eq!(readiness.ready, names.is_empty());
    names
}

#[test]
fn each_trouble_fails_its_own_check() {
    let (idle, mut syncing, committee) = (status(), status(), committee());
    syncing.fetching = true;
    let fine = || vitals(&idle, &committee);
    assert!(failing(&fine()).is_empty());
    assert_eq!(failing(&vitals(&syncing, &committee)), ["sync"]);
    assert_eq!(failing(&Vitals { fixed_peers: 1, ..fine() }), ["peers"]);
    let busy_since = Some(Time::from_millis(80_000));
    assert_eq!(failing(&Vitals { busy_since, ..fine() }), ["machine"]);
    let stats = Stats { disk_bytes: 0, journals: 100 };
    assert_eq!(failing(&Vitals { store: Ok(stats), ..fine() }), ["store"]);
    let cause = "no space left".to_owned();
    let stopped = Some(StopCause::Store { cause: cause.clone() });
    let vitals = Vitals { stopped, store: Err(cause), ..fine() };
    assert_eq!(failing(&vitals), ["store", "machine"]);
}

#[test]
fn a_validator_needs_a_quorum_and_a_follower_commits() {
    let committee = committee();
    let mut ids = committee.authors().filter_map(|author| committee.node(author));
    let own = ids.next().unwrap();
    let peer = |id| PeerStatus { id, address: None, fixed: true, eager: true, blame: 0 };
    let mut status = status();
    status.peers = vec![peer(ids.next().unwrap())];
    let check = Vitals { own, ..vitals(&status, &committee) }.finality();
    assert!(check.detail.starts_with("2 of 4 validators connected, 3 are needed; it accepts"));
    assert!(vitals(&status, &committee).finality().ok, "a follower needs none of them");
    status.peers.push(peer(ids.next().unwrap()));
    status.unordered = 1;
    let committed_at = Time::from_millis(80_000);
    let late = |own| Vitals { own, committed_at, ..vitals(&status, &committee) };
    assert!(Vitals { own, ..vitals(&status, &committee) }.finality().ok);
    assert_eq!(failing(&late(own)), ["finality"]);
    assert_eq!(failing(&late(NodeId([9; 32]))), ["finality"]);
    status.unordered = 0;
    assert!(failing(&Vitals { committed_at, ..vitals(&status, &committee) }).is_empty());
    for (signing, ok) in [
        (Signing::Active, true),
        (Signing::Asking { answered: 1, quorum: 3 }, false),
        (Signing::Observer, false),
        (Signing::Alarmed, false),
    ] {
        let status = Status { signing, ..status.clone() };
        assert_eq!(vitals(&status, &committee).validator().ok, ok, "{signing:?}");
    }
}

#[test]
fn whoever_is_behind_says_how_far_and_what_it_waits_for() {
    let (mut status, committee) = (status(), committee());
    let mut detail = |by, parts, waits_for| {
        let (from, at, to) = (CommitIndex(100), CommitIndex(300), CommitIndex(5_000));
        let since = Time::from_millis(98_000);
        status.sync = Some(SyncStatus { by, from, at, to, parts, since, waits_for });
        let check = vitals(&status, &committee).sync();
        assert!(!check.ok);
        check.detail
    };
    assert_eq!(
        detail(By::Snapshot, 37, WaitsFor::Answers),
        "it catches up by a snapshot: 37 of 256 parts of the ledger to come, at commit 300 of \
         5000, 100 commits a second; waits for answers"
    );
    assert_eq!(
        detail(By::Commits, 0, WaitsFor::Commits(CommitIndex(301))),
        "it catches up by commits: at commit 300 of 5000, 100 commits a second; waits for a \
         peer that still has commit 301: connect to an archive node"
    );
}

#[test]
fn whoever_is_behind_the_committee_is_not_ready() {
    let (mut status, committee) = (status(), committee());
    let detail = |status: &Status| {
        let check = vitals(status, &committee).sync();
        (!check.ok).then_some(check.detail)
    };
    let id = committee.node(committee.authors().next().unwrap()).unwrap();
    status.heard = None;
    assert_eq!(detail(&status), None, "there may be nobody to hear of");
    status.peers.push(PeerStatus { id, address: None, fixed: true, eager: true, blame: 0 });
    let unsure = detail(&status).unwrap();
    assert!(unsure.starts_with("it heard too few validators since it started"), "{unsure}");
    status.anchor.round = Round(100);
    status.heard = Some(Round(132));
    assert_eq!(detail(&status), None);
    status.heard = Some(Round(133));
    let behind = detail(&status).unwrap();
    assert!(behind.starts_with("it is at round 100, and the committee at 133; wait"), "{behind}");
}
