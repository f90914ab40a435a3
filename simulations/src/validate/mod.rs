//! Holds what is simulated against what is published or can be derived, row by row.
//!
//! A row runs an engine over a few seeds and compares the mean with a reference that is computed
//! from a formula of its own (`theory`), never from the engine. It is red if the two differ by
//! more than the tolerance and by more than four standard errors: a tolerance forgives what the
//! model leaves out, standard errors what chance does.
//!
//! Invariant: rows depend on seeds alone, not on how many threads run them.
//!
//! Left out on purpose: what has no reference but itself.

mod access;
mod approval;
mod bench;
mod bounds;
mod committee;
mod faults;
mod growth;
mod inflation;
mod queues;
mod row;
mod statistics;
mod theory;
mod tips;

use rayon::prelude::*;

pub use self::{
    bench::{Bench, Check},
    row::{Row, Target, Verdict, table},
};
use crate::tangle::Model;

/// All checks, in the order of the table.
pub const CHECKS: &[Check] = &[
    tips::constant_delay,
    tips::more_parents,
    tips::small_rates,
    tips::rounds,
    tips::any_delay,
    tips::local_views,
    tips::low_load,
    approval::first_approval,
    growth::late,
    growth::early,
    growth::adaptation,
    growth::mean_curve,
    inflation::spam,
    inflation::threshold,
    inflation::orphans,
    queues::gossip,
    queues::flood,
    queues::stations,
    faults::injectors,
    faults::work,
    faults::catch_up,
    access::fair_shares,
    access::access_control,
    committee::leaders,
    committee::transactions,
    committee::silent_leader,
    bounds::asynchrony,
    bounds::one_cheat,
    committee::crashed,
];

/// Runs all checks on so many threads; `quick` with fewer seeds and shorter runs, within a minute
/// on one core.
///
/// # Errors
/// No threads can be had.
pub fn run(quick: bool, threads: usize) -> Result<Vec<Row>, rayon::ThreadPoolBuildError> {
    run_checks(CHECKS, &Bench::new(quick), threads)
}

/// The same with every abstract Tangle changed by `tamper` before it runs: what a wrong engine
/// would show. Rows that stay green then do not look at what was changed.
///
/// # Errors
/// No threads can be had.
pub fn run_tampered(
    quick: bool,
    threads: usize,
    tamper: fn(&mut Model),
) -> Result<Vec<Row>, rayon::ThreadPoolBuildError> {
    run_checks(CHECKS, &Bench::tampered(quick, tamper), threads)
}

/// Runs `checks` on `bench`, on so many threads.
///
/// # Errors
/// No threads can be had.
pub fn run_checks(
    checks: &[Check],
    bench: &Bench,
    threads: usize,
) -> Result<Vec<Row>, rayon::ThreadPoolBuildError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let rows: Vec<Vec<Row>> =
        pool.install(|| checks.par_iter().map(|check| check(bench)).collect());
    let mut rows: Vec<Row> = rows.into_iter().flatten().collect();
    // By the table: its letter, then its number.
    rows.sort_by_key(|row| (row.id.get(..1), row.id.get(1..).map(str::len), row.id));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(rows: &[Row]) -> Vec<&Row> {
        rows.iter().filter(|row| row.verdict() == Verdict::Failed).collect()
    }

    /// Rows about tips that take little time.
    const SHORT: &[Check] = &[tips::more_parents, tips::rounds];

    #[test]
    fn threads_change_nothing() {
        let run = |threads| run_checks(SHORT, &Bench::brief(), threads).unwrap();
        let (one, two) = (run(1), run(2));
        assert!(one == two && table(&one) == table(&two));
    }

    #[test]
    fn one_more_parent_in_the_engine_turns_rows_red() {
        let tampered = Bench { tamper: Some(|model| model.parents += 1), ..Bench::brief() };
        let right = run_checks(SHORT, &Bench::brief(), 1).unwrap();
        let wrong = run_checks(SHORT, &tampered, 1).unwrap();
        assert!(failed(&right).is_empty(), "{}", table(&right));
        assert_eq!(failed(&wrong).len(), wrong.len(), "{}", table(&wrong));
    }
}
