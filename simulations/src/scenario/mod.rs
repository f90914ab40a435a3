//! Scenarios: TOML in, runs on one of the engines, figures out.
//!
//! ```text
//! file -> Scenario -> Plan (points of a sweep x seeds) -> Samples -> Figures -> report
//! ```
//!
//! Invariant: same scenario, same samples, on any number of threads and however the runs were
//! spread over machines. Left out on purpose: what is typed and printed (`cli`), and how figures
//! look (`report`).

pub mod campaign;
pub mod chart;
pub mod config;
mod expect;
mod journal;
pub mod metrics;
mod observe;
mod on_node;
mod on_tangle;
pub mod overrides;
mod picture;
pub mod plan;
pub mod read;
pub mod sample;
pub mod setting;
pub mod shipped;
pub mod span;
mod statistics;
#[cfg(test)]
mod tests;
mod theory;
mod verdicts;
