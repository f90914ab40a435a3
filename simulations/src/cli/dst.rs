//! `dst`: everything goes wrong at once, seed by seed.
//!
//! Invariant: what is printed of a number of seeds is in their order, whatever the threads.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use rayon::prelude::*;

use crate::{
    cli::{
        exit::{Code, Failure, end, say},
        progress::{Bar, stop_on_interrupt},
    },
    dst::{Fallen, Plan, Report, Story},
    scenario::{campaign::Stop, plan::Shard},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which campaign
    #[arg(long, value_enum, default_value_t = Campaign::Finality)]
    pub(super) campaign: Campaign,
    /// How many seeds
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Go on with further seeds until so many minutes are over
    #[arg(long)]
    minutes: Option<u64>,
    /// Run one shard of the seeds, as 0/4 for the first of four
    #[arg(long)]
    shard: Option<Shard>,
    /// End with the first seed that fails, and say how many it took
    #[arg(long)]
    until_broken: bool,
}

/// A campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Campaign {
    /// A committee with cheats among it, clients that spend twice, every fault there is
    Finality,
    /// Gossip and catching up alone, over networks of all shapes
    Spread,
}

impl Campaign {
    /// Its name on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Finality => "finality",
            Self::Spread => "spread",
        }
    }

    /// What `seed` stands for.
    pub(super) fn plan(self, seed: u64) -> Plan {
        let story = match self {
            Self::Finality => Story::Finality,
            Self::Spread => Story::Spread,
        };
        Plan::draw(story, seed)
    }
}

/// Seeds between two looks at the clock.
const BATCH: u64 = 16;

/// Each of so many seeds is run twice, which must give the same.
const TWICE_EVERY: u64 = 16;

/// What came of the seeds so far.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    happened: BTreeMap<&'static str, u64>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let stop = stop_on_interrupt();
    let deadline = args.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let bar = Bar::new(usize::try_from(args.seeds).unwrap_or(0));
    let last = args.first.saturating_add(args.seeds);
    let (mut next, mut tally) = (args.first, Tally::default());
    let goes_on = |next: u64, tally: &Tally| match deadline {
        _ if args.until_broken && tally.failed > 0 => false,
        Some(deadline) => Instant::now() < deadline,
        None => next < last,
    };
    while goes_on(next, &tally) && !stop.is_asked() {
        let batch = if deadline.is_some() { next + BATCH } else { (next + BATCH).min(last) };
        for (seed, ended) in batch_of(args, next..batch, stop, &bar) {
            tally.count(args.campaign, seed, ended);
        }
        next = batch;
    }
    bar.clear();
    let Tally { passed, failed, happened } = tally;
    let name = args.campaign.name();
    say(format!("{name} campaign, seeds from {} up to {next}; in all of them:", args.first));
    let happened: Vec<String> =
        happened.iter().map(|(what, often)| format!("{often} {what}")).collect();
    say(format!("  {}", happened.join(", ")));
    end(passed, failed, Code::Unsafe)
}

type Ended = Option<Result<Report, Fallen>>;

/// Runs some seeds at once; their ends in the order of the seeds.
fn batch_of(args: &Args, seeds: std::ops::Range<u64>, stop: &Stop, bar: &Bar) -> Vec<(u64, Ended)> {
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let is_ours =
        |seed: &u64| shard.takes(usize::try_from(seed - args.first).unwrap_or(usize::MAX));
    let seeds: Vec<u64> = seeds.filter(is_ours).collect();
    let ended = seeds.par_iter().map(|seed| {
        let plan = args.campaign.plan(*seed);
        let ended = (!stop.is_asked())
            .then(|| if seed % TWICE_EVERY == 0 { plan.end_twice() } else { plan.end() });
        bar.advance(1);
        (*seed, ended)
    });
    ended.collect()
}

impl Tally {
    fn count(&mut self, campaign: Campaign, seed: u64, ended: Ended) {
        match ended {
            None => {}
            Some(Ok(report)) => {
                self.passed += 1;
                for (what, often) in report.happened {
                    *self.happened.entry(what).or_default() += often;
                }
            }
            Some(Err(fallen)) => {
                self.failed += 1;
                say(fallen);
                let name = campaign.name();
                say(format!("  again:   replay --campaign {name} --seed {seed}"));
                say(format!("  smaller: shrink --campaign {name} --seed {seed}"));
            }
        }
    }
}
