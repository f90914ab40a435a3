//! Rows D5 to D7: losses of links, searches for a nonce, catch-up races.

use super::{
    bench::{Bench, head},
    row::{Row, Target},
    statistics::{chi_square, chi_square_p, mean},
    theory,
};
use crate::{
    kernel::random::Seed,
    substrate::{
        chance::Chance,
        pursuit::{Head, draws_level},
        work,
    },
};

/// D5: links of the world lose as many packets as set, and its dice are even. A packet that comes
/// twice or late reaches no node: QUIC sees to that, so links do not model it. The statistics of
/// all seeds add up to one with as many more degrees of freedom.
pub(super) fn injectors(bench: &Bench) -> Vec<Row> {
    let target = Target::Between(1e-4, 1.0);
    let heads = vec![
        (head("D5", "p of losses of links as set", "chi-square, 3 degrees a seed"), target),
        (head("D5", "p of dice of 60 sides as even", "chi-square, 59 degrees a seed"), target),
    ];
    let seeds = bench.either(8, 32);
    let sum = |of: fn(u64) -> f64| (0..u64::from(seeds)).map(of).sum::<f64>();
    let rows = bench.rows(1, heads, |_| {
        Some(vec![
            chi_square_p(sum(losses), 3 * seeds),
            chi_square_p(sum(dice), (SIDES - 1) * seeds),
        ])
    });
    rows.into_iter().map(|row| Row { seeds, ..row }).collect()
}

/// Packets of a seed and rate, and throws.
const FRAMES: u32 = 210_000;

/// Sides of the dice.
const SIDES: u32 = 60;

/// How often a packet is lost, in parts of a million.
const LOSSES_PPM: [u32; 3] = [1_000, 20_000, 100_000];

/// Pearson's statistic of packets that links of the world lose.
fn losses(seed: u64) -> f64 {
    let mut dice = Seed::new(seed).dice("validate.losses", 0);
    let of_rate = |ppm: u32| {
        let lost = (0..FRAMES).filter(|_| dice.rarely(ppm.into())).count() as f64;
        let expected = f64::from(FRAMES) * f64::from(ppm) / 1e6;
        let frames = f64::from(FRAMES);
        chi_square(&[lost, frames - lost], &[expected, frames - expected])
    };
    LOSSES_PPM.into_iter().map(of_rate).sum()
}

/// The same of throws of the dice that the world uses.
fn dice(seed: u64) -> f64 {
    let mut dice = Seed::new(seed).dice("validate.dice", 0);
    let mut counts = [0.0; SIDES as usize];
    for _ in 0..FRAMES {
        if let Some(count) = counts.get_mut(dice.index(SIDES as usize)) {
            *count += 1.0;
        }
    }
    chi_square(&counts, &[f64::from(FRAMES / SIDES); SIDES as usize])
}

/// D6: how long a search takes, tried and by the timer.
pub(super) fn work(bench: &Bench) -> Vec<Row> {
    const LAW: &str = "exponential: mean 2^d/H, CV 1";
    const BITS: u32 = 10;
    let about = |reference| Target::about(reference, 0.03);
    let heads = vec![
        (head("D6", "tries / 2^d, d=10", LAW), about(1.0)),
        (head("D6", "CV of tries, d=10", LAW), about(1.0)),
        (head("D6", "timer · H / 2^d, d=10", LAW), about(1.0)),
        (head("D6", "CV of the timer, d=10", LAW), about(1.0)),
    ];
    bench.rows(bench.either(4, 16), heads, |seed| {
        let mut chance = Chance::new(Seed::new(seed), "validate.work", 0);
        let tries: Vec<f64> =
            (0..10_000).map(|_| work::tries(BITS, &mut chance) as f64 / 1_024.0).collect();
        // The timer of the world, in microseconds.
        let mut dice = Seed::new(seed).dice("validate.work", 0);
        let timer = |_| dice.exponential(1_000_000) as f64 / 1e6;
        let timers: Vec<f64> = (0..10_000).map(timer).collect();
        Some(vec![mean(&tries), spread(&tries), mean(&timers), spread(&timers)])
    })
}

/// Standard deviation over mean.
fn spread(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / values.len() as f64).sqrt() / mean
}

/// D7: catch-up races.
pub(super) fn catch_up(bench: &Bench) -> Vec<Row> {
    const ROSENFELD: &str = "Rosenfeld 2012, eq. 1; theory.rs";
    const NAKAMOTO: &str = "Nakamoto 2008, section 11; theory.rs";
    let mut rows = Vec::new();
    for (kind, share, confirmations) in [
        (Head::Exact, 0.1, 2),
        (Head::Exact, 0.1, 6),
        (Head::Exact, 0.3, 6),
        (Head::Exact, 0.3, 10),
        (Head::Poisson, 0.1, 5),
        (Head::Poisson, 0.3, 10),
    ] {
        let (name, reference, source) = match kind {
            Head::Exact => ("exact", theory::rosenfeld(share, confirmations), ROSENFELD),
            Head::Poisson => ("Poisson", theory::nakamoto(share, confirmations), NAKAMOTO),
        };
        let quantity = format!("caught up, {name}, q={share}, z={confirmations}");
        let heads = vec![(head("D7", quantity, source), Target::about(reference, 0.03))];
        rows.extend(bench.rows(bench.either(8, 32), heads, |seed| {
            let races = if bench.quick { 50_000 } else { 200_000 };
            let races = if reference < 0.01 { 4 * races } else { races };
            let label = if kind == Head::Exact { "validate.exact" } else { "validate.poisson" };
            let mut chance = Chance::new(Seed::new(seed), label, u64::from(confirmations));
            let won =
                (0..races).filter(|_| draws_level(kind, share, confirmations, &mut chance)).count();
            Some(vec![won as f64 / f64::from(races)])
        }));
    }
    rows
}
