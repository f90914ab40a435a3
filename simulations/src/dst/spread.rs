//! Plans without a committee: swarms of faults over networks of all shapes, links and bounds.

use weft_core::time::Span;

use super::{
    chaos,
    plan::{self, Options, Plan, Sensor, Story},
};
use crate::{
    kernel::random::{Dice, Seed},
    world::{Links, Posting},
};

/// Time under load.
const LOAD: Span = Span::from_secs(40);

/// Time until the last fault is over.
const CHAOS: Span = Span::from_secs(35);

/// Time after the load in which all must agree.
const PATIENCE: Span = Span::from_secs(240);

/// The plan of a seed.
pub(super) fn draw(seed: u64) -> Plan {
    let mut dice = Seed::new(seed).dice("campaign", 0);
    let tiny = dice.chance(50);
    let options = options(tiny, &mut dice);
    let nodes = 3 + dice.index(6);
    let names = if dice.chance(50) { plan::mesh(nodes) } else { plan::line(nodes) };
    let sensors = (0..nodes).map(|at| {
        let posting = Posting {
            every: dice.span(Span::from_millis(50), Span::from_millis(1_500)),
            bytes_max: dice.pick(&[32, 200, 4_000]).copied().unwrap_or(32),
            roams: dice.pick(&[0, 10]).copied().unwrap_or(0),
            twice: dice.pick(&[0, 5]).copied().unwrap_or(0),
        };
        Sensor { at, posting }
    });
    let sensors = sensors.collect();
    let trouble = chaos::draw(Seed::new(seed).dice("chaos", 0), nodes, CHAOS);
    Plan {
        seed,
        story: Story::Spread,
        nodes,
        names,
        clients: Vec::new(),
        load: LOAD,
        patience: PATIENCE,
        options,
        sale: None,
        sensors,
        trouble,
    }
}

fn options(tiny: bool, dice: &mut Dice) -> Options {
    let ms = Span::from_millis;
    let mut options = Options {
        links: Links {
            delay: [ms(1), dice.span(ms(2), ms(150))],
            jitter: dice.span(ms(0), ms(40)),
            bytes_per_ms: dice.chance(30).then(|| dice.between(200, 2_000)),
            ..Links::default()
        },
        group_max: dice.pick(&[1, 8, 64]).copied().unwrap_or(64),
        ..Options::default()
    };
    // Whoever takes inputs one by one must be quick.
    let busy = if options.group_max == 64 { 30 } else { 3 };
    options.busy = dice.span(ms(0), ms(busy));
    options.peers_target = dice.index(5);
    if tiny {
        options.live_count_max = 200;
        options.cone_walk_max = 64;
        options.cone_bytes = 64 << 10;
        options.tips_max = 32;
        options.seen_max = 300;
        if dice.chance(50) {
            options.waiting_bytes = [64 << 10, 128 << 10];
        }
    }
    options
}
