//! How fast the engine is on this machine. The only place here that reads a clock.

use std::time::Instant;

use super::{Model, Unfit, run};

/// A measured run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Transactions issued.
    pub transactions: u64,
    /// Wall time, in seconds.
    pub seconds: f64,
}

impl Speed {
    /// Transactions per second of wall time.
    pub fn per_second(self) -> f64 {
        self.transactions as f64 / self.seconds
    }
}

/// Runs `transactions` transactions of the default model (k = 2, λ = 1000) on one core, with all
/// statistics that a run always keeps.
///
/// # Errors
/// Fewer transactions than a run can be measured over.
pub fn speed(transactions: u64) -> Result<Speed, Unfit> {
    let model = Model { transactions, ..Model::default() };
    let start = Instant::now();
    run(&model, 1)?;
    Ok(Speed { transactions, seconds: start.elapsed().as_secs_f64() })
}
