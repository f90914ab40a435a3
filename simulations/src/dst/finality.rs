//! Plans with a committee under everything that goes wrong, at most f of its members included.

use weft_core::time::Span;

use super::{
    chaos,
    plan::{self, Options, Plan, Sensor, Story, Trouble},
    sale::Sale,
};
use crate::{
    kernel::random::{Dice, Seed},
    world::{Links, Posting, faults::Fault, vice::Vice},
};

/// Time in which clients and sensors say something new.
const LOAD: Span = Span::from_secs(30);

/// Time under load after the ledger has stalled.
const REST: Span = Span::from_secs(5);

/// Time until the last fault is over.
const CHAOS: Span = Span::from_secs(25);

/// Time after the load in which all must be final.
const PATIENCE: Span = Span::from_secs(120);

/// The plan of a seed. In some something is sold from one honest node to another, and in some of
/// those the ledger stalls in the end.
pub(super) fn draw(seed: u64) -> Plan {
    let mut plan = unsold(seed);
    let mut dice = Seed::new(seed).dice("sale", 0);
    let [sells, stalls] = [40, 50].map(|percent| dice.chance(percent));
    let honest: Vec<usize> = (0..plan.nodes).filter(|node| !plan.cheats(*node)).collect();
    if !sells || honest.is_empty() {
        return plan;
    }
    let sale = Sale::draw(&mut dice, &honest);
    if stalls {
        let validators = usize::try_from(plan.options.validators).unwrap_or(1);
        let stall = sale.stall(CHAOS, validators, faulty(validators));
        plan.load = stall.last().map_or(LOAD, |last| chaos::later(last.after, REST));
        plan.trouble.extend(stall);
        plan.trouble.sort_by_key(|trouble| trouble.after);
    }
    plan.sale = Some(sale);
    plan
}

/// The same with nothing sold in it.
pub(super) fn unsold(seed: u64) -> Plan {
    let mut dice = Seed::new(seed).dice("finality", 0);
    let (options, clients) = options(&mut dice);
    let validators = usize::try_from(options.validators).unwrap_or(1);
    let (mut nodes, mut names) = (validators, plan::mesh(validators));
    for _ in 0..dice.below(3) {
        names.push([nodes, dice.index(nodes)]);
        nodes += 1;
    }
    let ms = Span::from_millis;
    let clients = (0..clients).map(|_| dice.span(ms(200), ms(2_000))).collect();
    let posting = Posting {
        every: dice.span(ms(100), ms(2_000)),
        roams: 5,
        twice: dice.pick(&[0, 30]).copied().unwrap_or(0),
        ..Posting::default()
    };
    let sensors = vec![Sensor { at: dice.index(nodes), posting }];
    let mut trouble = cheats(&mut dice, validators);
    trouble.extend(chaos::draw(Seed::new(seed).dice("chaos", 0), nodes, CHAOS));
    trouble.sort_by_key(|trouble| trouble.after);
    Plan {
        seed,
        story: Story::Finality,
        nodes,
        names,
        clients,
        load: LOAD,
        patience: PATIENCE,
        options,
        sale: None,
        sensors,
        trouble,
    }
}

/// What the world is like, and how many clients it has.
fn options(dice: &mut Dice) -> (Options, u64) {
    let ms = Span::from_millis;
    let validators = dice.pick(&[1, 2, 4, 4, 4, 4, 5, 7]).copied().unwrap_or(4);
    let clients = dice.between(1, 5);
    let mut options = Options {
        validators,
        snapshot_every: dice.pick(&[16, 32, 64, 256]).copied().unwrap_or(64),
        links: Links {
            delay: [ms(1), dice.span(ms(2), ms(120))],
            jitter: dice.span(ms(0), ms(30)),
            bytes_per_ms: dice.chance(20).then(|| dice.between(500, 4_000)),
            ..Links::default()
        },
        group_max: dice.pick(&[1, 8, 64]).copied().unwrap_or(64),
        ..Options::default()
    };
    options.busy = dice.span(ms(0), ms(if options.group_max == 64 { 20 } else { 2 }));
    options.peers_target = dice.index(4);
    options.pace =
        [dice.span(ms(20), ms(120)), dice.span(ms(200), ms(1_500)), dice.span(ms(100), ms(500))];
    if dice.chance(30) {
        options.live_count_max = 100;
        options.at_hand_bytes_max = 100_000;
        options.cone_walk_max = 64;
        options.cone_bytes = 64 << 10;
        options.seen_max = 200;
    }
    (options, clients)
}

/// Up to f of `count` validators break the rules from some time on.
fn cheats(dice: &mut Dice, count: usize) -> Vec<Trouble> {
    let mut cheats: Vec<usize> = (0..count).collect();
    dice.shuffle(&mut cheats);
    cheats.truncate(dice.index(faulty(count) + 1));
    let mut drawn = Vec::new();
    for cheat in cheats {
        let after = dice.span(Span::from_millis(1), CHAOS);
        let late = Vice::Late(dice.span(Span::from_millis(20), Span::from_millis(600)));
        let fault = match dice.below(6) {
            0 => Fault::Corrupt(cheat, Vice::Silent),
            1 => Fault::Corrupt(cheat, Vice::Withholding),
            2 => Fault::Corrupt(cheat, late),
            3 => {
                if dice.chance(50) {
                    let after = dice.span(Span::from_millis(1), after);
                    drawn.push(Trouble { after, fault: Fault::Backup(cheat) });
                }
                Fault::Rollback(cheat)
            }
            _ => {
                let others = (0..count).filter(|other| *other != cheat);
                Fault::Twin(cheat, others.filter(|_| dice.chance(70)).collect())
            }
        };
        drawn.push(Trouble { after, fault });
    }
    drawn
}

/// How many of `count` may be faulty.
const fn faulty(count: usize) -> usize {
    count.saturating_sub(1) / 3
}
