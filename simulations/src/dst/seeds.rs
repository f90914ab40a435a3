//! One campaign over many plans: those that are kept, and those of as many other seeds as somebody
//! asks for.
//!
//! `WEFT_SEED` names the first of the others, `WEFT_SEEDS` how many; 20 from 0 on unless they say
//! so.

use super::{Plan, Report, Story};

/// How a campaign went.
#[derive(Debug)]
pub struct Runs {
    /// Of each run that held.
    pub reports: Vec<Report>,
    /// What broke, a line each.
    pub broken: Vec<String>,
    /// How many others there were beside those that are kept.
    pub others: u64,
}

/// Runs `kept` and the others. What breaks is printed at once.
///
/// # Panics
/// On a variable that is no number.
pub fn run_all(story: Story, kept: Vec<Plan>) -> Runs {
    let (first, others) = (number("WEFT_SEED", 0), number("WEFT_SEEDS", 20));
    let mut runs = Runs { reports: Vec::new(), broken: Vec::new(), others };
    let drawn = (first..first + others).map(|seed| Plan::draw(story, seed));
    for plan in kept.into_iter().chain(drawn) {
        match plan.end() {
            Ok(report) => runs.reports.push(report),
            Err(fallen) => {
                println!("{fallen}");
                runs.broken.push(fallen.to_string());
            }
        }
    }
    runs
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
