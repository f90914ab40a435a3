//! The excerpt of a node's DAG that the page plays.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{digest::TxId, time::Time};

use crate::{
    World,
    report::dag::{Dag, Fate, Kind, Vertex},
    scenario::observe::{Issuer, Said},
};

/// Transactions of an excerpt, and commits.
const TRANSACTIONS_MAX: usize = 300;
const COMMITS_MAX: usize = 100;

/// Lanes of posters; further ones share the last.
const POSTERS_MAX: usize = 10;

/// The first transactions after the warm-up, and the commits that order them.
pub(super) fn of(
    world: &World,
    said: &[Said],
    begin: Time,
    [from, until]: [Time; 2],
) -> Option<Dag> {
    let mut shown: Vec<&Said> =
        said.iter().filter(|one| one.made >= from && one.made < until).collect();
    shown.truncate(TRANSACTIONS_MAX);
    // What was attached anew hangs below what came later.
    shown.sort_by_key(|one| one.made);
    let places: BTreeMap<TxId, usize> =
        shown.iter().enumerate().map(|(place, one)| (one.tx, place)).collect();
    let last = shown.last()?.made;
    let ms = |at: Time| at.since(begin).as_millis() as f64;
    let (lanes, lane) = lanes(&shown);
    let approved: BTreeSet<TxId> = said.iter().flat_map(|one| one.parents.clone()).collect();
    let mut vertices: Vec<(Time, Option<TxId>, Vertex)> = Vec::new();
    for one in &shown {
        let fate = match one.ended {
            Some(_) => Fate::Committed,
            None if approved.contains(&one.tx) => Fate::Approved,
            None => Fate::Tip,
        };
        let kind = if matches!(one.issuer, Issuer::Spammer(_)) { Kind::Attacker } else { Kind::Tx };
        let committed = one.ended.map(ms);
        let (at, lane) = (ms(one.made), lane(one.issuer));
        let vertex = Vertex { at, lane, parents: Vec::new(), kind, fate, committed };
        vertices.push((one.made, Some(one.tx), vertex));
    }
    let mut orders: Vec<(Time, Vec<TxId>)> = Vec::new();
    let node = world.nodes().max_by_key(|node| node.told().commits.len())?;
    for commit in &node.told().commits {
        let leaves = commit.leaves.iter().map(|leaf| leaf.tx);
        let leaves: Vec<TxId> = leaves.filter(|tx| places.contains_key(tx)).collect();
        if !leaves.is_empty() && commit.at <= last && orders.len() < COMMITS_MAX {
            orders.push((commit.at, leaves));
        }
    }
    for (at, _) in &orders {
        let vertex = Vertex {
            at: ms(*at),
            lane: 0,
            parents: Vec::new(),
            kind: Kind::Validator,
            fate: Fate::Committed,
            committed: Some(ms(*at)),
        };
        vertices.push((*at, None, vertex));
    }
    vertices.sort_by_key(|(at, tx, _)| (*at, tx.is_none()));
    Some(Dag { unit: "ms".into(), lanes, vertices: linked(vertices, &shown, orders) })
}

/// Fills in who approves whom, by place.
fn linked(
    vertices: Vec<(Time, Option<TxId>, Vertex)>,
    shown: &[&Said],
    orders: Vec<(Time, Vec<TxId>)>,
) -> Vec<Vertex> {
    let places: BTreeMap<TxId, usize> = vertices
        .iter()
        .enumerate()
        .filter_map(|(place, (_, tx, _))| Some(((*tx)?, place)))
        .collect();
    let parents: BTreeMap<TxId, &[TxId]> =
        shown.iter().map(|one| (one.tx, one.parents.as_slice())).collect();
    let mut orders = orders.into_iter();
    let fill = |(place, (_, tx, vertex)): (usize, (Time, Option<TxId>, Vertex))| {
        let approves: Vec<TxId> = match tx {
            Some(tx) => parents.get(&tx).map(|parents| parents.to_vec()).unwrap_or_default(),
            None => orders.next().map(|(_, leaves)| leaves).unwrap_or_default(),
        };
        let known = approves.iter().filter_map(|tx| places.get(tx).copied());
        Vertex { parents: known.filter(|parent| *parent < place).collect(), ..vertex }
    };
    vertices.into_iter().enumerate().map(fill).collect()
}

/// The names of lanes, and which one an issuer has.
fn lanes(shown: &[&Said]) -> (Vec<String>, impl Fn(Issuer) -> usize + use<>) {
    let is_client = |one: &&&Said| one.issuer == Issuer::Client;
    let is_spammer = |one: &&&Said| matches!(one.issuer, Issuer::Spammer(_));
    let posters = shown.iter().filter_map(|one| match one.issuer {
        Issuer::Poster(number) => Some(number + 1),
        _ => None,
    });
    let posters = posters.max().unwrap_or(0).min(POSTERS_MAX);
    let mut names = vec!["commits".to_owned()];
    names.extend((0..posters).map(|number| format!("sensor {number}")));
    let mut lane = |is_there: bool, name: &str| {
        if is_there {
            names.push(name.to_owned());
        }
        names.len() - 1
    };
    let spammers = lane(shown.iter().find(is_spammer).is_some(), "spam");
    let clients = lane(shown.iter().find(is_client).is_some(), "clients");
    let of = move |issuer: Issuer| match issuer {
        Issuer::Poster(number) => 1 + number.min(posters.saturating_sub(1)),
        Issuer::Spammer(_) => spammers,
        Issuer::Client => clients,
    };
    (names, of)
}
