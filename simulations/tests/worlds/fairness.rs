//! Ten times as much as the network takes: whoever stays within a share does not notice, and all
//! others get what their weights say (docs/FAIRNESS.md).

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{
    machine::Limits,
    time::{Span, Time},
    units::Amount,
};
use weft_simulations::{
    Settings, World,
    substrate::fair::jain,
    world::{costs::Costs, disk::Disks, load::Issuing, measure::Issuer},
};

use crate::{ms, secs};

/// How long there is load.
const SPAN: Span = secs(14);

/// From its beginning: what nobody counts.
const WARM_UP: Span = secs(4);

/// What the network takes, in bodies per second.
const KNEE: u64 = 100;

/// About what each has, in bytes.
const BYTES: u64 = 2_700;

/// Four validators that take 100 bodies a second, though their checks would do for more.
fn narrow(seed: u64, stream_funds: Vec<Amount>) -> Settings {
    let mut settings = Settings { validators: 4, stream_funds, ..Settings::new(seed) };
    settings.costs = Costs {
        verify_us: 100,
        hash_us: 10,
        handle_us: 20,
        store_us: 100,
        cores: 2,
        shuffles: true,
        ..Costs::default()
    };
    settings.disks = Disks { batch_us: 50, sync_us: 1_000 };
    settings.limits = Limits {
        take_bytes_per_s: KNEE * BYTES,
        take_bytes_burst: 20_000,
        line_bytes_max: 1_000_000,
        ..settings.limits
    };
    settings
}

/// So many who together issue so many bodies a second, at any node.
fn streams(world: &mut World, count: u64, per_s: u64) -> BTreeSet<Issuer> {
    let plan = Issuing { every: ms(count * 1_000 / per_s), bytes: 64, home: None };
    world.add_streams(usize::try_from(count).unwrap(), plan, SPAN).into_iter().collect()
}

/// What became of the bodies of `issuers` after the warm-up: how many there were, and the latencies
/// of those that are final, ascending.
fn fates(world: &World, issuers: &BTreeSet<Issuer>, from: Time, to: Time) -> (usize, Vec<u64>) {
    let passages = world.passages(0);
    let counted = passages.values().filter(|passage| {
        issuers.contains(&passage.issuer) && (from..to).contains(&passage.submitted)
    });
    let latencies = counted.clone().filter_map(|passage| passage.latency());
    let mut latencies: Vec<u64> = latencies.map(Span::as_millis).collect();
    latencies.sort_unstable();
    (counted.count(), latencies)
}

/// Ten who own something and together post an eighth of what the network takes, beside `spammers`
/// who post ten times as much as it takes, the first `funded` of whom own as much each. Returns the
/// 99th percentile of the time until something honest is final.
fn honest_p99(seed: u64, spammers: u64, funded: usize) -> u64 {
    let mut world = World::new(narrow(seed, vec![Amount(10_000); 10 + funded]));
    world.mesh(4);
    let honest = streams(&mut world, 10, KNEE / 8);
    if spammers > 0 {
        streams(&mut world, spammers, 10 * KNEE);
    }
    let (from, to) = (world.now() + WARM_UP, world.now() + SPAN);
    world.run(SPAN).unwrap();
    world.run(secs(5)).unwrap();
    world.judge().unwrap();
    let (count, latencies) = fates(&world, &honest, from, to);
    assert_eq!(latencies.len(), count, "all that is honest becomes final");
    let p99 = latencies[(latencies.len() - 1) * 99 / 100];
    let lines = world.node(0).status().map(|status| (status.in_line_count, status.turned_away));
    println!(
        "{spammers} spammers, {funded} funded: {count} honest, p50 {} p99 {p99} ms; {} turned \
         away; in line at node 0, turned away there: {lines:?}",
        latencies[latencies.len() / 2],
        world.turned_away(),
    );
    p99
}

fn honest_notice_nothing(spammers: u64, funded: usize) {
    let unloaded = honest_p99(1, 0, 0);
    let loaded = honest_p99(1, spammers, funded);
    assert!(loaded <= 2 * unloaded, "{loaded} ms beside {spammers}, {unloaded} ms alone");
}

#[test]
fn one_funded_spammer() {
    honest_notice_nothing(1, 1);
}

#[test]
fn ten_funded_spammers() {
    honest_notice_nothing(10, 10);
}

#[test]
fn ten_spammers_who_own_nothing() {
    honest_notice_nothing(10, 0);
}

#[test]
fn a_thousand_spammers_who_own_nothing() {
    honest_notice_nothing(1_000, 0);
}

/// All want more than there is: four with weights from 1 to 8, and a thousand identities.
#[test]
fn shares_are_those_of_the_weights_whoever_floods() {
    let weights = [1_u64, 2, 4, 8];
    let funds = weights.map(|weight| Amount(weight * 1_000)).into();
    let mut world = World::new(narrow(3, funds));
    world.mesh(4);
    let funded = streams(&mut world, 4, 8 * KNEE);
    let others = streams(&mut world, 1_000, 4 * KNEE);
    let (from, to) = (world.now() + WARM_UP, world.now() + SPAN);
    world.run(SPAN).unwrap();
    world.judge().unwrap();
    let mut counts = BTreeMap::new();
    for passage in world.passages(0).values() {
        if passage.committed.is_some_and(|(at, _)| (from..to).contains(&at)) {
            *counts.entry(passage.issuer).or_insert(0_u64) += 1;
        }
    }
    let of = |issuer: &Issuer| counts.get(issuer).copied().unwrap_or(0);
    let shares: Vec<f64> = funded
        .iter()
        .zip(weights)
        .map(|(issuer, weight)| of(issuer) as f64 / weight as f64)
        .collect();
    let index = jain(&shares);
    let (funded, others): (u64, u64) = (funded.iter().map(of).sum(), others.iter().map(of).sum());
    println!("share per weight {shares:?}, jain {index}; funded {funded}, others {others}");
    assert!(index >= 0.95, "{index}: {shares:?}");
    assert!(funded >= 3 * others, "{funded} of the funded, {others} of a thousand");
    let most = KNEE * (SPAN.as_millis() - WARM_UP.as_millis()) / 1_000;
    assert!(funded + others <= most * 5 / 4, "{} where {most} are taken", funded + others);
}
