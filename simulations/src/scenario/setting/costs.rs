//! What things cost in a network of nodes: as a file says that measured it, or the scenario.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::scenario::{read, shipped};

/// What things cost, in microseconds. -1 in a file: as `source` says, and 0 without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Costs {
    /// A file with measured costs, or one that is shipped; empty: everything is free.
    pub source: String,
    /// The check of one signature.
    pub verify_us: i64,
    /// Decoding and hashing one transaction.
    pub hash_us: i64,
    /// The work of a client for one attachment.
    pub work_us: i64,
    /// One input in the machine.
    pub handle_us: i64,
    /// Writing one transaction.
    pub store_us: i64,
    /// Writing a batch, however large.
    pub batch_us: i64,
    /// Waiting until the disk has it.
    pub sync_us: i64,
    /// Cores that check signatures.
    pub cores: i64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            source: String::new(),
            verify_us: -1,
            hash_us: -1,
            work_us: -1,
            handle_us: -1,
            store_us: -1,
            batch_us: -1,
            sync_us: -1,
            cores: -1,
        }
    }
}

/// A bench result file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Measured {
    /// Where the numbers are from.
    origin: String,
    /// Bytes of a transaction with a reading of 64 bytes.
    bytes: u64,
    costs: Costs,
}

impl Costs {
    const FIELDS: usize = 8;

    const fn fields(&mut self) -> [&mut i64; Self::FIELDS] {
        [
            &mut self.verify_us,
            &mut self.hash_us,
            &mut self.work_us,
            &mut self.handle_us,
            &mut self.store_us,
            &mut self.batch_us,
            &mut self.sync_us,
            &mut self.cores,
        ]
    }

    /// Fills in what `source` says. `folder` is that of the scenario.
    pub(crate) fn fill(&mut self, folder: &Path) -> Result<(), String> {
        let mut known = Self::default();
        if !self.source.is_empty() {
            let text = shipped::file(folder, &self.source)?;
            let read: Result<Measured, _> = toml::from_str(&text);
            let read =
                read.map_err(|error| format!("{}: {}", self.source, read::meant(error.message())))?;
            if read.origin.is_empty() || read.bytes == 0 {
                return Err(format!("{} does not say its `origin` and `bytes`", self.source));
            }
            known = read.costs;
        }
        for (own, known) in self.fields().into_iter().zip(known.fields()) {
            *own = if *own < 0 { (*known).max(0) } else { *own };
        }
        Ok(())
    }

    /// One line for captions.
    pub(crate) fn line(&self) -> String {
        if self.source.is_empty() {
            return "nothing costs time but the network: rates are no prediction".into();
        }
        format!(
            "costs of {}: verify {} us on {} cores, hash {}, work {}, handle {}, store {}, batch \
             {}, sync {} us; modelled, not measured here",
            self.source,
            self.verify_us,
            self.cores.max(1),
            self.hash_us,
            self.work_us,
            self.handle_us,
            self.store_us,
            self.batch_us,
            self.sync_us,
        )
    }
}
