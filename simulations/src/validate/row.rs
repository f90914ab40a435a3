//! A row of the table: what was expected, what was simulated, and whether that is the same.

use std::fmt::Write as _;

use serde::Serialize;

/// Standard errors that chance may take a mean away from the truth.
const ERRORS_MAX: f64 = 4.0;

/// What a quantity should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// This, up to a tolerance of the same unit.
    Near {
        /// The reference.
        reference: f64,
        /// How far the model may be from it.
        tolerance: f64,
    },
    /// From the first up to the second, whatever the standard error.
    Between(f64, f64),
}

impl Target {
    /// `reference`, up to a share of it.
    pub fn about(reference: f64, share: f64) -> Self {
        Self::Near { reference, tolerance: reference.abs() * share }
    }
}

/// Whether a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The simulated value is what it should be.
    Passed,
    /// It is not.
    Failed,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its place in the table: a letter and a number.
    pub id: &'static str,
    /// What is measured, with the conditions.
    pub quantity: String,
    /// Where the reference comes from.
    pub source: &'static str,
    /// What it should be.
    pub target: Target,
    /// The mean over the seeds.
    pub simulated: f64,
    /// The standard error of the mean; 0 for what is exact.
    pub error: f64,
    /// Runs.
    pub seeds: u32,
}

impl Row {
    /// Failed if the mean is off by more than the tolerance and by more than four standard
    /// errors, or is no number.
    pub fn verdict(&self) -> Verdict {
        let holds = match self.target {
            Target::Near { reference, tolerance } => {
                let slack = tolerance.max(ERRORS_MAX * self.error);
                (self.simulated - reference).abs() <= slack
            }
            Target::Between(low, high) => (low..=high).contains(&self.simulated),
        };
        if holds { Verdict::Passed } else { Verdict::Failed }
    }
}

/// The rows as aligned text, with the count of both verdicts as the last line.
pub fn table(rows: &[Row]) -> String {
    let heads =
        ["row", "quantity", "reference", "simulated", "95% CI", "tolerance", "R", "verdict"]
            .map(str::to_owned);
    let lines: Vec<[String; 8]> = std::iter::once(heads).chain(rows.iter().map(cells)).collect();
    let mut widths = [0; 8];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for (line, row) in lines.iter().zip(std::iter::once(None).chain(rows.iter().map(Some))) {
        for (place, (cell, width)) in line.iter().zip(widths).enumerate() {
            // Words to the left, numbers to the right.
            let is_number = (2..7).contains(&place);
            let gap = " ".repeat(width - cell.chars().count());
            let (before, after) = if is_number { (gap.as_str(), "") } else { ("", gap.as_str()) };
            text.push_str(&format!("{before}{cell}{after}  "));
        }
        text.push_str(row.map_or("source", |row| row.source));
        text.push('\n');
    }
    let failed = rows.iter().filter(|row| row.verdict() == Verdict::Failed).count();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} passed, {failed} failed", rows.len() - failed);
    text
}

fn cells(row: &Row) -> [String; 8] {
    let (reference, tolerance) = match row.target {
        Target::Near { reference, tolerance } => {
            (short(reference), format!("±{}", short(tolerance)))
        }
        Target::Between(low, high) if high == f64::INFINITY => {
            (format!(">= {}", short(low)), "-".into())
        }
        Target::Between(low, high) => (format!("{}..{}", short(low), short(high)), "-".into()),
    };
    let verdict = match row.verdict() {
        Verdict::Passed => "pass",
        Verdict::Failed => "FAIL",
    };
    [
        row.id.to_owned(),
        row.quantity.clone(),
        reference,
        short(row.simulated),
        format!("±{}", short(1.96 * row.error)),
        tolerance,
        row.seeds.to_string(),
        verdict.to_owned(),
    ]
}

/// Four digits that matter.
fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if size < 0.001 {
        format!("{value:.3e}")
    } else if size < 10.0 {
        format!("{value:.4}")
    } else if size < 1_000.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: Target, simulated: f64, error: f64) -> Row {
        let quantity = "k=2".to_owned();
        Row { id: "A1", quantity, source: "[D]", target, simulated, error, seeds: 4 }
    }

    #[test]
    fn a_row_fails_beyond_both_tolerance_and_chance() {
        let near = Target::Near { reference: 2.0, tolerance: 0.1 };
        assert_eq!(row(near, 2.09, 0.0).verdict(), Verdict::Passed);
        assert_eq!(row(near, 2.11, 0.0).verdict(), Verdict::Failed);
        assert_eq!(row(near, 2.11, 0.03).verdict(), Verdict::Passed);
        assert_eq!(row(near, f64::NAN, 1.0).verdict(), Verdict::Failed);
        assert_eq!(row(Target::Between(1.0, 2.0), 2.01, 1.0).verdict(), Verdict::Failed);
    }

    #[test]
    fn the_table_is_aligned_and_ends_with_the_count() {
        let rows = [
            row(Target::about(2.0, 0.01), 2.0, 0.001),
            row(Target::Between(0.5, f64::INFINITY), 0.1, 0.0),
        ];
        let text = table(&rows);
        assert_eq!(
            text,
            "row  quantity  reference  simulated   95% CI  tolerance  R  verdict  source\n\
             A1   k=2          2.0000     2.0000  ±0.0020    ±0.0200  4  pass     [D]\n\
             A1   k=2       >= 0.5000     0.1000       ±0          -  4  FAIL     [D]\n\
             1 passed, 1 failed\n"
        );
    }
}
