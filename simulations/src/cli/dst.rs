//! `dst`: everything goes wrong at once, seed by seed.
//!
//! Invariant: what is printed of a number of seeds is in their order, whatever the threads.

use std::{
    panic::catch_unwind,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use rayon::prelude::*;

use crate::{
    cli::{
        exit::{Code, Failure, end, say},
        progress::{Bar, stop_on_interrupt},
    },
    dst::{finality, plain},
    scenario::{campaign::hex, plan::Shard},
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
}

/// A campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Campaign {
    /// A committee with cheats among it, clients that spend twice, every fault there is
    Finality,
    /// Gossip and catching up alone, over networks of all shapes
    Plain,
}

/// How one seed went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Went {
    /// A digest over all that was delivered.
    pub(super) trace: String,
    /// What it was like, for people.
    pub(super) report: String,
}

impl Campaign {
    /// Its name on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Finality => "finality",
            Self::Plain => "plain",
        }
    }

    /// One seed; what broke, if something did.
    pub(super) fn run(self, seed: u64) -> Result<Went, String> {
        let ended = catch_unwind(|| match self {
            Self::Finality => finality::run(seed)
                .map(|report| Went { trace: hex(&report.trace), report: format!("{report:?}") }),
            Self::Plain => plain::run(seed)
                .map(|report| Went { trace: hex(&report.trace), report: format!("{report:?}") }),
        });
        match ended {
            Ok(Ok(went)) => Ok(went),
            Ok(Err(broken)) => Err(broken.to_string()),
            Err(_) => Err(format!("seed {seed}: panicked, see above")),
        }
    }
}

/// Seeds between two looks at the clock.
const BATCH: u64 = 64;

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let stop = stop_on_interrupt();
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let deadline = args.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let bar = Bar::new(usize::try_from(args.seeds).unwrap_or(0));
    let last = args.first.saturating_add(args.seeds);
    let (mut next, mut passed, mut failed) = (args.first, 0, 0);
    let goes_on = |next: u64| match deadline {
        Some(deadline) => Instant::now() < deadline,
        None => next < last,
    };
    while goes_on(next) && !stop.is_asked() {
        let end = match deadline {
            Some(_) => next + BATCH,
            None => (next + BATCH).min(last),
        };
        let is_ours =
            |seed: &u64| shard.takes(usize::try_from(seed - args.first).unwrap_or(usize::MAX));
        let seeds: Vec<u64> = (next..end).filter(is_ours).collect();
        let ended: Vec<(u64, Option<Result<Went, String>>)> = seeds
            .par_iter()
            .map(|seed| {
                let ended = (!stop.is_asked()).then(|| args.campaign.run(*seed));
                bar.advance(1);
                (*seed, ended)
            })
            .collect();
        for (seed, ended) in ended {
            match ended {
                None => {}
                Some(Ok(_)) => passed += 1,
                Some(Err(broken)) => {
                    failed += 1;
                    say(broken);
                    let name = args.campaign.name();
                    say(format!("  again: replay --campaign {name} --seed {seed}"));
                }
            }
        }
        next = end;
    }
    bar.clear();
    say(format!("{} campaign, seeds from {} up to {next}", args.campaign.name(), args.first));
    end(passed, failed, Code::Unsafe)
}
