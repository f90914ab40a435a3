//! What the figures of a report were measured on.

use std::fmt;

use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, System};

use super::super::usage;
use crate::failure::Failure;

/// One computer.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    processor: String,
    cores: usize,
    memory_mib: u64,
    system: String,
}

impl Machine {
    /// This one.
    pub(super) fn look() -> Result<Self, Failure> {
        let mut system = System::new().map_err(Failure::failed)?;
        system.refresh_cpu_list(CpuRefreshKind::nothing());
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned());
        Ok(Self {
            processor: brand.filter(|brand| !brand.is_empty()).unwrap_or_else(|| "unknown".into()),
            cores: usage::cores(),
            memory_mib: system.total_memory() >> 20,
            system: System::long_os_version().unwrap_or_else(|_| "unknown".into()),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_mib, system } = self;
        write!(f, "{processor}, {cores} cores, {memory_mib} MiB, {system}")
    }
}
