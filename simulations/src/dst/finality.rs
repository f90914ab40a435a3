//! A committee under everything that goes wrong, another way with each seed: first chaos, then
//! nothing goes wrong any more but for at most f validators, and all that was said must become
//! final, everywhere.

use weft_core::time::Span;

use crate::{
    judges::Broken,
    kernel::random::{Dice, Seed},
    world::{
        Links, Posting,
        faults::Fault,
        vice::Vice,
        {Settings, World},
    },
};

/// How one run went.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What it was like, for people.
    pub options: String,
    /// Commits, transactions they ordered, and those among them that did not take effect.
    pub ordered: [u64; 3],
    /// Attachments that became too old to be ordered.
    pub stale: u64,
    /// Commits that somebody saw certified.
    pub certified: u64,
    /// Validators that somebody convicted.
    pub convicted: u64,
    /// Time from the end of chaos until all was final.
    pub finished_after: Span,
    /// A digest over all deliveries.
    pub trace: [u8; 32],
}

/// Time in which clients and sensors say something new.
const LOAD: Span = Span::from_secs(30);

/// Time until the last fault is over.
const CHAOS: Span = Span::from_secs(25);

/// Time after the load in which all must be final.
const PATIENCE: Span = Span::from_secs(120);

/// One run.
pub fn run(number: u64) -> Result<Report, Broken> {
    let mut dice = Seed::new(number).dice("finality", 0);
    let settings = settings(number, &mut dice);
    let (validators, clients) = (settings.validators, settings.clients);
    let mut world = World::new(settings);
    let count = usize::try_from(validators).unwrap_or(1);
    let mut nodes = world.mesh(count);
    for _ in 0..dice.below(3) {
        let at = dice.pick(&nodes).copied().unwrap_or(0);
        let follower = world.add_node();
        world.connect(follower, at);
        nodes.push(follower);
    }
    let ms = Span::from_millis;
    for _ in 0..clients {
        world.add_client(dice.span(ms(200), ms(2_000)), LOAD);
    }
    let sensor = Posting {
        every: dice.span(ms(100), ms(2_000)),
        roams: 5,
        twice: dice.pick(&[0, 30]).copied().unwrap_or(0),
        ..Posting::default()
    };
    let at = dice.pick(&nodes).copied().unwrap_or(0);
    world.add_poster(at, sensor, LOAD);
    let cheats = corrupt(&mut world, &mut dice, count);
    world.chaos(CHAOS);
    world.run(LOAD)?;
    let loaded = world.now();
    world.judge_finality()?;
    heal(&mut world);
    world.finish(PATIENCE)?;
    let finished_after = world.now().since(loaded);
    world.run(Span::from_secs(5))?;
    world.judge()?;
    world.judge_final()?;
    let options = format!("{} nodes, {cheats}, {:?}", nodes.len(), world.settings());
    Ok(report(&world, options, finished_after))
}

/// Whoever met none but cheats would never hear anything: operators name somebody honest.
fn heal(world: &mut World) {
    let honest = world.honest_numbers();
    for (by, to) in honest.iter().skip(1).zip(honest.iter().cycle().take(honest.len() - 1)) {
        world.connect(*by, *to);
    }
}

fn settings(number: u64, dice: &mut Dice) -> Settings {
    let ms = Span::from_millis;
    let mut settings = Settings::new(number);
    settings.validators = dice.pick(&[1, 2, 4, 4, 4, 4, 5, 7]).copied().unwrap_or(4);
    settings.clients = dice.between(1, 5);
    settings.copies = true;
    settings.snapshot_every = dice.pick(&[16, 32, 64, 256]).copied().unwrap_or(64);
    settings.links = Links {
        delay: [ms(1), dice.span(ms(2), ms(120))],
        jitter: dice.span(ms(0), ms(30)),
        bytes_per_ms: dice.chance(20).then(|| dice.between(500, 4_000)),
        ..Links::default()
    };
    settings.group_max = dice.pick(&[1, 8, 64]).copied().unwrap_or(64);
    settings.busy = dice.span(ms(0), ms(if settings.group_max == 64 { 20 } else { 2 }));
    let limits = &mut settings.limits;
    limits.peers_target = dice.index(4);
    limits.pace.min = dice.span(ms(20), ms(120));
    limits.pace.idle = dice.span(ms(200), ms(1_500));
    limits.pace.leader_timeout = dice.span(ms(100), ms(500));
    if dice.chance(30) {
        limits.live_count_max = 100;
        limits.at_hand_bytes_max = 100_000;
        limits.cone_walk_max = 64;
        limits.cone_bytes = 64 << 10;
        settings.seen_max = 200;
    }
    settings
}

/// Lets up to f validators break the rules from some time on.
fn corrupt(world: &mut World, dice: &mut Dice, count: usize) -> String {
    let faulty = faulty(count);
    let mut cheats: Vec<usize> = (0..count).collect();
    dice.shuffle(&mut cheats);
    cheats.truncate(dice.index(faulty + 1));
    let mut done = Vec::new();
    for cheat in cheats {
        let wait = dice.span(Span::from_millis(1), CHAOS);
        let late = Vice::Late(dice.span(Span::from_millis(20), Span::from_millis(600)));
        let fault = match dice.below(6) {
            0 => Fault::Corrupt(cheat, Vice::Silent),
            1 => Fault::Corrupt(cheat, Vice::Withholding),
            2 => Fault::Corrupt(cheat, late),
            3 => {
                if dice.chance(50) {
                    world.plan_fault(dice.span(Span::from_millis(1), wait), Fault::Backup(cheat));
                }
                Fault::Rollback(cheat)
            }
            _ => {
                let others = (0..count).filter(|other| *other != cheat);
                Fault::Twin(cheat, others.filter(|_| dice.chance(70)).collect())
            }
        };
        done.push(format!("{fault:?} after {wait:?}"));
        world.plan_fault(wait, fault);
    }
    done.join(", ")
}

/// How many of `count` may be faulty.
const fn faulty(count: usize) -> usize {
    count.saturating_sub(1) / 3
}

fn report(world: &World, options: String, finished_after: Span) -> Report {
    let longest = crate::judges::finality::longest(world.nodes());
    let leaves = || longest.iter().flat_map(|commit| commit.leaves.iter());
    let failed = leaves().filter(|leaf| leaf.outcome != weft_core::outcome::Outcome::Applied);
    let most = |of: fn(&crate::Node) -> u64| world.nodes().map(of).max().unwrap_or_default();
    Report {
        seed: world.settings().seed,
        options,
        ordered: [longest.len() as u64, leaves().count() as u64, failed.count() as u64],
        stale: most(|node| node.told().stale.len() as u64),
        certified: most(|node| node.told().certified),
        convicted: most(|node| node.told().convicted.len() as u64),
        finished_after,
        trace: world.trace().0,
    }
}
