//! One campaign over many seeds: those that failed once, and as many others as somebody asks for.
//!
//! `WEFT_SEED` names the first of the others, `WEFT_SEEDS` how many; 20 from 0 on unless they say
//! so.

use std::panic::catch_unwind;

use super::{Plan, Report, Story};

/// How a campaign went.
#[derive(Debug)]
pub struct Runs {
    /// Of each run that held.
    pub reports: Vec<Report>,
    /// What broke, a line each.
    pub broken: Vec<String>,
    /// How many others there were beside those that failed once.
    pub others: u64,
}

/// Runs `failed` and the others. What breaks is printed at once.
///
/// # Panics
/// On a variable that is no number.
pub fn run_all(story: Story, failed: &[u64]) -> Runs {
    let (first, others) = (number("WEFT_SEED", 0), number("WEFT_SEEDS", 20));
    let mut runs = Runs { reports: Vec::new(), broken: Vec::new(), others };
    for seed in failed.iter().copied().chain(first..first + others) {
        let broken = match catch_unwind(|| Plan::draw(story, seed).run()) {
            Ok(Ok(report)) => {
                runs.reports.push(report);
                continue;
            }
            Ok(Err(what)) => what.to_string(),
            Err(_) => format!("seed {seed}: panicked, see above"),
        };
        println!("{broken}");
        runs.broken.push(broken);
    }
    runs
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
