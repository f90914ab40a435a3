//! A run of real machines: the world that a scenario describes, its faults, and its judges.
//!
//! Invariant: nothing is looked at but what nodes told and stored, so looking changes nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use weft_core::{machine::Limits, time::Span, units::Amount};

use crate::{
    judges::{Broken, Verdict},
    scenario::{
        campaign::{Extras, Stop, hex},
        config::Scenario,
        journal,
        observe::{Crowd, Observer},
        sample::{Outcome, Sample},
        setting::{self, Costs, FaultKind, FaultPlan, Home, Load, Net, Nodes, Times, Topology},
    },
    world::{
        Links, Posting, Settings, World, costs,
        disk::Disks,
        faults::Fault,
        load::Issuing,
        measure::Issuer,
        rogue::{Answers, Rogue, Trick},
        vice::Vice,
    },
};

/// How often a run is looked at, in virtual time.
const GLANCE: Span = Span::from_millis(250);

/// What a scenario has once it was checked.
pub(super) struct Parts<'a> {
    pub(super) time: &'a Times,
    pub(super) nodes: &'a Nodes,
    pub(super) net: &'a Net,
    pub(super) load: &'a Load,
    costs: &'a Costs,
    faults: &'a [FaultPlan],
}

/// One run. `moved` hears how far it is, of 1,000.
pub(super) fn run(
    scenario: &Scenario,
    seed: u64,
    extras: Extras,
    stop: &Stop,
    moved: &dyn Fn(u64),
) -> Sample {
    let (Some(time), Some(nodes), Some(net), Some(load), Some(costs)) =
        (&scenario.time, &scenario.nodes, &scenario.net, &scenario.load, &scenario.costs)
    else {
        return refused("the scenario was not filled in".into());
    };
    let parts = Parts { time, nodes, net, load, costs, faults: &scenario.faults };
    let settings = match settings(&parts, seed) {
        Ok(settings) => settings,
        Err(what) => return refused(what),
    };
    let (mut world, crowd) = populate(&parts, settings);
    let begin = world.now();
    let mut observer = Observer::new(&world, &parts, crowd);
    // An assertion of the world is a judge too.
    let ended =
        catch_unwind(AssertUnwindSafe(|| proceed(&mut world, &parts, &mut observer, stop, moved)));
    let (outcome, detail) = match ended {
        Ok(ended) => ended,
        Err(panic) => (Outcome::CheckerFailed, said(panic.as_ref())),
    };
    let mut sample = observer.sample(&world, &parts, extras.pictured);
    if extras.journal {
        sample.journal = journal::of(&world, begin);
    }
    (sample.outcome, sample.detail) = (outcome, detail);
    let (digest, deliveries) = world.trace();
    (sample.trace, sample.events) = (hex(&digest), deliveries);
    sample
}

fn refused(detail: String) -> Sample {
    Sample { outcome: Outcome::CheckerFailed, detail, ..Sample::default() }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("an assertion failed").to_owned()
}

fn settings(parts: &Parts<'_>, seed: u64) -> Result<Settings, String> {
    let Parts { nodes, net, load, costs, .. } = parts;
    let ms = Span::from_millis;
    let us = |cost: i64| u64::try_from(cost).unwrap_or(0);
    let mut settings = Settings::new(seed);
    settings.validators = nodes.validators;
    settings.clients = load.clients;
    settings.copies = parts.faults.iter().any(|fault| fault.kind == FaultKind::Equivocate);
    settings.links = Links {
        delay: net.delay_ms.map(ms),
        jitter: ms(net.jitter_ms),
        loss_ppm: per_million(net.loss),
        uplink_bytes_per_ms: (net.uplink_bytes_per_ms > 0).then_some(net.uplink_bytes_per_ms),
        regions: setting::regions(net)?,
        ..Links::default()
    };
    settings.costs = costs::Costs {
        verify_us: us(costs.verify_us),
        hash_us: us(costs.hash_us),
        work_us: us(costs.work_us),
        handle_us: us(costs.handle_us),
        store_us: us(costs.store_us),
        cores: us(costs.cores).max(1),
        ..costs::Costs::default()
    };
    settings.disks = Disks { batch_us: us(costs.batch_us), sync_us: us(costs.sync_us) };
    settings.limits.peers_target = usize::try_from(nodes.seeks).unwrap_or(0);
    settings.limits.pace.min = nodes.round_min.span();
    settings.limits.pace.leader_timeout = nodes.leader_timeout.span();
    settings.stream_funds = funds(load);
    if nodes.take_bytes_per_s > 0 {
        let take_bytes_per_s = nodes.take_bytes_per_s;
        settings.limits = Limits {
            take_bytes_per_s,
            take_bytes_burst: take_bytes_per_s / 20,
            line_bytes_max: take_bytes_per_s,
            ..settings.limits
        };
    }
    Ok(settings)
}

/// What streams own, in the order in which [`crowd`] begins them.
fn funds(load: &Load) -> Vec<Amount> {
    if load.waits {
        return Vec::new();
    }
    let honest = std::iter::repeat_n(Amount(load.owns), count(load.posters));
    honest.chain(std::iter::repeat_n(Amount(load.spam_owns), count(load.spammers))).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share up to 0.5")]
fn per_million(share: f64) -> u64 {
    (share * 1e6).round() as u64
}

/// The world with everybody in it, and who posts.
fn populate(parts: &Parts<'_>, settings: Settings) -> (World, Crowd) {
    let Parts { nodes, load, .. } = parts;
    let mut world = World::new(settings);
    let validators = match nodes.topology {
        Topology::Mesh => world.mesh(count(nodes.validators)),
        Topology::Line => world.line(count(nodes.validators)),
    };
    let mut followers = Vec::new();
    for follower in 0..count(nodes.followers) {
        let node = world.add_node();
        let nearby = validators.iter().cycle().skip(follower % validators.len().max(1));
        for to in nearby.take(count(nodes.links).min(validators.len())) {
            world.connect(node, *to);
        }
        followers.push(node);
    }
    let victims = if followers.is_empty() { &validators } else { &followers };
    for _ in 0..nodes.rogues {
        let tricks = [Trick::FalseFrontier, Trick::FalseHave];
        let every = Span::from_millis(500);
        let rogue = world
            .add_rogue(|number, world| Rogue::new(number, world, &tricks, Answers::Empty, every));
        victims.iter().for_each(|victim| world.connect(*victim, rogue));
    }
    let homes = match load.home {
        Home::All => [validators, followers].concat(),
        Home::Validators => validators,
        Home::Followers => followers,
    };
    let crowd = crowd(&mut world, parts, &homes);
    for _ in 0..load.clients {
        world.add_client(load.client_every.span(), parts.time.duration.span());
    }
    (world, crowd)
}

/// Those who post: honest ones at all homes in turn, spammers at the first.
fn crowd(world: &mut World, parts: &Parts<'_>, homes: &[usize]) -> Crowd {
    let (load, span) = (parts.load, parts.time.duration.span());
    let rate = load.tps / load.posters.max(1) as f64;
    let mut crowd = Crowd { honest: Vec::new(), spammers: Vec::new() };
    let stream = |world: &mut World, home: Option<usize>, rate: f64| {
        let issuing = Issuing { every: between(rate), bytes: count(load.bytes), home };
        world.add_streams(1, issuing, span)
    };
    for (number, home) in homes.iter().cycle().take(count(load.posters)).enumerate() {
        if load.waits {
            let plan =
                Posting { every: between(rate), bytes_max: load.bytes, ..Posting::default() };
            world.add_poster(*home, plan, span);
            crowd.honest.push(Issuer::Poster(number));
        } else {
            crowd.honest.extend(stream(world, Some(*home), rate));
        }
    }
    for _ in 0..load.spammers {
        let spammer = stream(world, homes.first().copied(), load.spam_rate());
        crowd.spammers.extend(spammer);
    }
    crowd
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// Time from one body to the next.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate above 0")]
fn between(rate: f64) -> Span {
    Span::from_millis((1_000.0 / rate).round().clamp(1.0, 1e9) as u64)
}

/// Lets everything happen, and judges it.
fn proceed(
    world: &mut World,
    parts: &Parts<'_>,
    observer: &mut Observer,
    stop: &Stop,
    moved: &dyn Fn(u64),
) -> (Outcome, String) {
    for fault in parts.faults {
        if let Err(what) = plan(world, parts, fault) {
            return (Outcome::CheckerFailed, what);
        }
    }
    let broken = |broken: Broken| (Outcome::CheckerFailed, broken.to_string());
    let begin = world.now();
    let end = begin + parts.time.duration.span();
    let whole = parts.time.duration.span().as_millis().max(1);
    while world.now() < end {
        if let Err(what) = world.run(GLANCE) {
            return broken(what);
        }
        observer.look(world);
        moved(world.now().since(begin).as_millis() * 1_000 / whole);
        if stop.is_asked() {
            return (Outcome::Interrupted, "stopped under load".into());
        }
    }
    if let Err(what) = world.judge_finality() {
        return broken(what);
    }
    if let Err(what) = world.finish(parts.time.patience.span()) {
        // Whatever else is wrong is worse than being late.
        let is_late = what.rule.verdict() == Verdict::NoProgress;
        let outcome = if is_late { Outcome::NoProgress } else { Outcome::CheckerFailed };
        return (outcome, what.to_string());
    }
    let judged = world
        .run(Span::from_secs(2))
        .and_then(|()| world.judge())
        .and_then(|()| world.judge_final());
    match judged {
        Ok(()) => (Outcome::Pass, String::new()),
        Err(what) => broken(what),
    }
}

/// Plans one thing that goes wrong, and that it is right again at its end.
fn plan(world: &mut World, parts: &Parts<'_>, fault: &FaultPlan) -> Result<(), String> {
    let hit = setting::numbers(parts.nodes, &fault.nodes)?;
    let (at, duration) = (fault.at.span(), parts.time.duration.span());
    let until = if fault.until > fault.at { fault.until.span().min(duration) } else { duration };
    let honest = usize::try_from(parts.nodes.validators + parts.nodes.followers).unwrap_or(0);
    let rogues = usize::try_from(parts.nodes.rogues).unwrap_or(0);
    for node in hit.iter().copied() {
        let strangers = |count: usize| (0..count).filter(|other| !hit.contains(other));
        let mut block = |from: usize, to: usize| {
            world.plan_fault(at, Fault::Block(from, to));
            world.plan_fault(until, Fault::Unblock(from, to));
        };
        match fault.kind {
            FaultKind::Partition => {
                strangers(honest + rogues).for_each(|other| {
                    block(node, other);
                    block(other, node);
                });
            }
            FaultKind::Eclipse => strangers(honest).for_each(|other| {
                block(node, other);
                block(other, node);
            }),
            FaultKind::Deaf => strangers(honest + rogues).for_each(|other| block(other, node)),
            FaultKind::Crash => {
                world.plan_fault(at, Fault::Crash(node));
                world.plan_fault(until, Fault::Restart(node));
            }
            FaultKind::Churn => churn(world, node, [at, until], fault.every.span()),
            FaultKind::Silent => world.plan_fault(at, Fault::Corrupt(node, Vice::Silent)),
            FaultKind::Withhold => world.plan_fault(at, Fault::Corrupt(node, Vice::Withholding)),
            FaultKind::Late => {
                let late = Vice::Late(Span::from_millis(300));
                world.plan_fault(at, Fault::Corrupt(node, late));
            }
            FaultKind::Equivocate => {
                let side = (0..honest).filter(|other| other % 2 == 0 && *other != node);
                world.plan_fault(at, Fault::Twin(node, side.collect()));
            }
        }
    }
    Ok(())
}

/// Off for half of every turn; nodes take their turns one after the other.
fn churn(world: &mut World, node: usize, [at, until]: [Span; 2], every: Span) {
    let every = every.as_millis().max(2);
    let shift = node as u64 * every / 7 % every;
    let mut off = at.as_millis() + shift;
    while off + every / 2 < until.as_millis() {
        world.plan_fault(Span::from_millis(off), Fault::Crash(node));
        world.plan_fault(Span::from_millis(off + every / 2), Fault::Restart(node));
        off += every;
    }
}
