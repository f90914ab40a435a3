//! The excerpt of a node's DAG that the page plays.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{
    digest::{BodyId, TxId},
    machine::{LogEntry, Reads as _},
    time::Time,
    units::Position,
};
use weft_storage::Store as _;

use crate::{
    Node, World,
    report::dag::{Dag, Fate, Kind, Vertex},
    scenario::observe::{Crowd, Said},
    world::measure::Issuer,
};

/// Transactions of an excerpt, and commits.
const TRANSACTIONS_MAX: usize = 300;
const COMMITS_MAX: usize = 100;

/// Lanes of posters; further ones share the last.
const POSTERS_MAX: usize = 10;

/// What is drawn: a transaction, or a commit with what it ordered.
struct Drawn {
    at: Time,
    tx: Option<TxId>,
    approves: Vec<TxId>,
    vertex: Vertex,
}

/// The first transactions after the warm-up, and the commits that order them.
pub(super) fn of(
    world: &World,
    said: &BTreeMap<BodyId, Said>,
    crowd: &Crowd,
    begin: Time,
    [from, until]: [Time; 2],
) -> Option<Dag> {
    let node = world.nodes().max_by_key(|node| node.store().next_position())?;
    let log = node.store().log(Position::ZERO, usize::MAX);
    let approved: BTreeSet<TxId> =
        log.iter().flat_map(|entry| entry.attachment.transactions()).collect();
    let known = |entry: &LogEntry| Some((entry.id, *said.get(&entry.body)?, entry.attachment));
    let shown = log.iter().filter_map(known);
    let shown = shown.filter(|(_, one, _)| one.made >= from && one.made < until);
    let shown: Vec<_> = shown.take(TRANSACTIONS_MAX).collect();
    let ms = |at: Time| at.since(begin).as_millis() as f64;
    let issuers: BTreeSet<Issuer> = shown.iter().map(|(_, one, _)| one.issuer).collect();
    let lanes = Lanes::new(crowd, &issuers);
    let mut drawn: Vec<Drawn> = Vec::new();
    for (tx, one, attachment) in shown {
        let fate = match one.ended {
            Some(_) => Fate::Committed,
            None if approved.contains(&tx) => Fate::Approved,
            None => Fate::Tip,
        };
        let spams = crowd.spammers.contains(&one.issuer);
        let kind = if spams { Kind::Attacker } else { Kind::Tx };
        let (lane, committed) = (lanes.of(one.issuer), one.ended.map(ms));
        let vertex = Vertex { at: ms(one.made), lane, parents: Vec::new(), kind, fate, committed };
        let approves = attachment.transactions().collect();
        drawn.push(Drawn { at: one.made, tx: Some(tx), approves, vertex });
    }
    commits(node, &mut drawn, &ms);
    drawn.sort_by_key(|one| (one.at, one.tx.is_none()));
    Some(Dag { unit: "ms".into(), lanes: lanes.names, vertices: linked(drawn) })
}

/// Adds the commits that order something of what is drawn.
fn commits(node: &Node, drawn: &mut Vec<Drawn>, ms: &dyn Fn(Time) -> f64) {
    let shown: BTreeSet<TxId> = drawn.iter().filter_map(|one| one.tx).collect();
    let last = drawn.iter().map(|one| one.at).max().unwrap_or_default();
    let mut count = 0;
    for commit in &node.told().commits {
        let leaves = commit.leaves.iter().map(|leaf| leaf.tx);
        let approves: Vec<TxId> = leaves.filter(|tx| shown.contains(tx)).collect();
        if approves.is_empty() || commit.at > last || count >= COMMITS_MAX {
            continue;
        }
        count += 1;
        let vertex = Vertex {
            at: ms(commit.at),
            lane: 0,
            parents: Vec::new(),
            kind: Kind::Validator,
            fate: Fate::Committed,
            committed: Some(ms(commit.at)),
        };
        drawn.push(Drawn { at: commit.at, tx: None, approves, vertex });
    }
}

/// Fills in who approves whom, by place.
fn linked(drawn: Vec<Drawn>) -> Vec<Vertex> {
    let places: BTreeMap<TxId, usize> =
        drawn.iter().enumerate().filter_map(|(place, one)| Some((one.tx?, place))).collect();
    let fill = |(place, one): (usize, Drawn)| {
        let known = one.approves.iter().filter_map(|tx| places.get(tx).copied());
        Vertex { parents: known.filter(|parent| *parent < place).collect(), ..one.vertex }
    };
    drawn.into_iter().enumerate().map(fill).collect()
}

/// The lanes of a picture.
struct Lanes {
    names: Vec<String>,
    posters: BTreeMap<Issuer, usize>,
}

impl Lanes {
    fn new(crowd: &Crowd, issuers: &BTreeSet<Issuer>) -> Self {
        let mut names = vec!["commits".to_owned()];
        let mut posters = BTreeMap::new();
        for (number, issuer) in crowd.honest.iter().enumerate() {
            if number < POSTERS_MAX {
                let others = if number + 1 == POSTERS_MAX && crowd.honest.len() > POSTERS_MAX {
                    " up"
                } else {
                    ""
                };
                names.push(format!("sensor {number}{others}"));
            }
            posters.insert(*issuer, names.len() - 1);
        }
        if !crowd.spammers.is_empty() {
            names.push("spam".to_owned());
        }
        posters.extend(crowd.spammers.iter().map(|spammer| (*spammer, names.len() - 1)));
        if issuers.iter().any(|issuer| matches!(issuer, Issuer::Client(_))) {
            names.push("clients".to_owned());
        }
        Self { names, posters }
    }

    fn of(&self, issuer: Issuer) -> usize {
        self.posters.get(&issuer).copied().unwrap_or(self.names.len() - 1)
    }
}
