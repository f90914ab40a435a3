//! Rows D8 to D10: fair shares, and access control by reputation.

use super::{
    bench::{Bench, head},
    row::{Row, Target},
};
use crate::{
    kernel::random::Seed,
    substrate::{
        access::{self, Mode, Setting, Shown},
        chance::Chance,
        drr,
        fair::{Demand, jain, max_min},
    },
};

const JAIN: &str = "Jain, Chiu, Hawe 1984";
const FILLED: &str = "max-min by filling water: fair.rs";
const TARGETS: &str = "max-min by filling water; conditions of arXiv 2005.07778";

/// Not against D9: content is served at up to the level of the max-min allocation, and attackers,
/// like anybody who wants more than its share, lower that from 1.625 to 1.387. For a queue with
/// constant service at the load 1/level, the time inside grows by (1 + 1/(2(level-1)))/level, 1.49
/// times. What round robin promises is that attackers cost no more than greedy honest nodes.
const ISOLATED: &str = "derived: same max-min level, same latency; access.rs";

/// D8: deficit round robin shares as it should.
pub(super) fn fair_shares(bench: &Bench) -> Vec<Row> {
    let setting = Setting::published(honest());
    let guaranteed = setting.guaranteed();
    let wanted = setting.modes.iter().zip(&guaranteed).map(|(mode, rate)| mode.wanted() * rate);
    // What nobody wants is not offered: a millionth, so that the gaps are finite.
    let offered: Vec<f64> = wanted.map(|wanted| wanted.max(1e-6)).collect();
    let heads = vec![
        (
            head("D8", "Jain's index of 20 greedy equals under DRR", JAIN),
            Target::Between(0.99, 1.0),
        ),
        (
            head("D8", "DRR / max-min, content, open loop, mix of D9", FILLED),
            Target::about(1.0, 0.02),
        ),
        (
            head("D8", "DRR / max-min, best-effort, open loop, mix of D9", FILLED),
            Target::about(1.0, 0.02),
        ),
    ];
    bench.rows(bench.either(3, 12), heads, |seed| {
        let mut chance = Chance::new(Seed::new(seed), "validate.drr", 0);
        let equals = drr::serve(50.0, &[0.05; 20], &[5.0; 20], 2_000.0, &mut chance);
        let quanta: Vec<f64> = guaranteed.iter().map(|rate| rate / setting.capacity).collect();
        let served = drr::serve(setting.capacity, &quanta, &offered, 8_000.0, &mut chance);
        let references = max_min(setting.capacity, &demands(&setting));
        let ratio = |mode: Mode| {
            let of = |list: &[f64]| total(&setting, mode, list);
            of(&served) / of(&references)
        };
        Some(vec![jain(&equals), ratio(Mode::Content), ratio(Mode::BestEffort)])
    })
}

/// D9, D10: closed loop, without and with attackers.
pub(super) fn access_control(bench: &Bench) -> Vec<Row> {
    let [honest, attacked, greedy] = [honest(), attacked(), greedy()].map(Setting::published);
    let target = level(&honest);
    let under_attack = level(&attacked);
    let quantity = |what: &str, target: f64| format!("{what} (target {target:.3})");
    let heads = vec![
        (head("D9", "content, served / wanted (target 1)", TARGETS), Target::Between(0.98, 1.02)),
        (
            head("D9", quantity("best-effort, served / guaranteed", target), TARGETS),
            Target::Between(1.40, 1.63),
        ),
        (head("D9", "best-effort, largest / smallest rate", TARGETS), Target::Between(1.0, 1.15)),
        (head("D10", "content, served / wanted (target 1)", TARGETS), Target::Between(0.98, 1.02)),
        (
            head("D10", quantity("attackers, served / guaranteed", under_attack), TARGETS),
            Target::Between(1.0, 1.45),
        ),
        (
            head("D10", "latency of content / with greedy honest for attackers", ISOLATED),
            Target::about(1.0, 0.1),
        ),
        (
            head("D10", "latency of attackers / that of content", TARGETS),
            Target::Between(1.5, f64::INFINITY),
        ),
    ];
    bench.rows(bench.either(3, 12), heads, |seed| {
        // The same seed is the same graph and the same wants of who has the same mode.
        let run = |setting| access::run(setting, Seed::new(seed));
        let (calm, attack, polite) = (run(&honest)?, run(&attacked)?, run(&greedy)?);
        let effort = of_mode(&honest, Mode::BestEffort, &calm.rates);
        let most = effort.iter().copied().fold(0.0, f64::max);
        let least = effort.iter().copied().fold(f64::INFINITY, f64::min);
        let honest_latency = latency(&attacked, &attack, Mode::Content);
        Some(vec![
            content(&honest, &calm),
            share(&honest, Mode::BestEffort, &calm.rates),
            most / least,
            content(&attacked, &attack),
            share(&attacked, Mode::Malicious, &attack.rates),
            honest_latency / latency(&greedy, &polite, Mode::Content),
            latency(&attacked, &attack, Mode::Malicious) / honest_latency,
        ])
    })
}

/// Of 50 nodes each third best-effort, content, inactive.
fn honest() -> Vec<Mode> {
    [Mode::BestEffort, Mode::Content, Mode::Inactive].into_iter().cycle().take(50).collect()
}

/// The same with each fourth an attacker.
fn attacked() -> Vec<Mode> {
    let modes = [Mode::BestEffort, Mode::Content, Mode::Inactive, Mode::Malicious];
    modes.into_iter().cycle().take(50).collect()
}

/// The same with greedy honest nodes in the attackers' place.
fn greedy() -> Vec<Mode> {
    let modes = [Mode::BestEffort, Mode::Content, Mode::Inactive, Mode::BestEffort];
    modes.into_iter().cycle().take(50).collect()
}

fn demands(setting: &Setting) -> Vec<Demand> {
    let guaranteed = setting.guaranteed();
    let demand = |(mode, rate): (&Mode, f64)| Demand { weight: rate, wanted: mode.wanted() * rate };
    setting.modes.iter().zip(guaranteed).map(demand).collect()
}

/// What those who want more get, in guaranteed shares.
fn level(setting: &Setting) -> f64 {
    let shares = max_min(setting.capacity, &demands(setting));
    total(setting, Mode::BestEffort, &shares)
        / total(setting, Mode::BestEffort, &setting.guaranteed())
}

fn of_mode(setting: &Setting, mode: Mode, list: &[f64]) -> Vec<f64> {
    let pairs = setting.modes.iter().zip(list);
    pairs.filter(|(other, _)| **other == mode).map(|(_, value)| *value).collect()
}

fn total(setting: &Setting, mode: Mode, list: &[f64]) -> f64 {
    of_mode(setting, mode, list).iter().sum()
}

/// The rate of all of a mode together, of rates in guaranteed shares.
fn share(setting: &Setting, mode: Mode, rates: &[f64]) -> f64 {
    let guaranteed = setting.guaranteed();
    let absolute: Vec<f64> = rates.iter().zip(&guaranteed).map(|(rate, by)| rate * by).collect();
    total(setting, mode, &absolute) / total(setting, mode, &guaranteed)
}

/// Mean latency of the transactions of a mode.
fn latency(setting: &Setting, shown: &Shown, mode: Mode) -> f64 {
    let rates = shown.rates.iter().zip(setting.guaranteed());
    let issued: Vec<f64> = rates.map(|(rate, by)| rate * by).collect();
    let pairs = issued.iter().zip(&shown.latency);
    let waited: Vec<f64> = pairs.map(|(issued, latency)| issued * latency).collect();
    total(setting, mode, &waited) / total(setting, mode, &issued)
}

fn content(setting: &Setting, shown: &Shown) -> f64 {
    share(setting, Mode::Content, &shown.rates) / share(setting, Mode::Content, &shown.wanted)
}
