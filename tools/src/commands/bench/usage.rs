//! What a process uses of the machine: CPU time, by what its threads are for, and memory.
//!
//! Left out on purpose: the groups on systems that do not show threads; there all of the time is
//! `other`.

use std::time::Duration;

use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::failure::Failure;

/// What the threads of a node are for.
pub(super) const GROUPS: [&str; 5] = ["check", "machine", "store", "net_api", "other"];

/// Which threads those are, by how their names begin; the rest is the last group.
const THREADS: [(&str, usize); 5] =
    [("weft-check", 0), ("weft-ingest", 0), ("weft-machine", 1), ("fjall", 2), ("tokio", 3)];

/// What a process used so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// User and system.
    pub(super) cpu: Duration,
    pub(super) by_group: [Duration; GROUPS.len()],
    /// Resident now.
    pub(super) memory_bytes: u64,
    /// Sent to the disk.
    pub(super) written_bytes: u64,
}

impl Usage {
    /// That of the process `id`.
    pub(super) fn of(id: u32) -> Result<Self, Failure> {
        let pid = Pid::from_u32(id);
        let mut system = System::new().map_err(Failure::failed)?;
        let kind =
            ProcessRefreshKind::nothing().with_cpu().with_memory().with_disk_usage().with_tasks();
        // Where single processes are asked for, their threads are listed and not read.
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let process = system.process(pid).ok_or_else(ended)?;
        let cpu = time(process);
        let mut by_group = [Duration::ZERO; GROUPS.len()];
        let tasks = process.tasks().into_iter().flatten().filter_map(|task| system.process(*task));
        for task in tasks {
            let name = task.name().to_string_lossy();
            let group = THREADS.iter().find(|(begins, _)| name.starts_with(begins));
            if let Some(of_group) = group.and_then(|(_, group)| by_group.get_mut(*group)) {
                *of_group += time(task);
            }
        }
        // The main thread, and those that ended.
        let known = by_group.iter().sum();
        let [.., other] = &mut by_group;
        *other = cpu.saturating_sub(known);
        let written_bytes = process.disk_usage().total_written_bytes;
        Ok(Self { cpu, by_group, memory_bytes: process.memory(), written_bytes })
    }

    /// The microseconds of CPU since `earlier` that each of `count` took.
    pub(super) fn cpu_us(&self, earlier: &Self, count: usize) -> f64 {
        each_us(self.cpu.saturating_sub(earlier.cpu), count)
    }

    /// The same of one of [`GROUPS`].
    pub(super) fn group_us(&self, earlier: &Self, group: usize, count: usize) -> f64 {
        let of = |usage: &Self| usage.by_group.get(group).copied().unwrap_or_default();
        each_us(of(self).saturating_sub(of(earlier)), count)
    }
}

fn each_us(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}

/// How many threads run at once here.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What is resident of the process `id`, in bytes: cheaper to ask for than all of it.
pub(super) fn memory_bytes(id: u32) -> Result<u64, Failure> {
    let pid = Pid::from_u32(id);
    let mut system = System::new().map_err(Failure::failed)?;
    let kind = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
    system.process(pid).map(Process::memory).ok_or_else(ended)
}

fn ended() -> Failure {
    Failure::failed("the process has ended").next("look into its log")
}

fn time(process: &Process) -> Duration {
    Duration::from_millis(process.accumulated_cpu_time())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_are_all_of_the_time() {
        let id = std::process::id();
        let usage = Usage::of(id).unwrap();
        assert!(usage.memory_bytes > 0 && memory_bytes(id).unwrap() > 0);
        // The threads are read after the process, and may have gone on.
        assert!(usage.by_group.iter().sum::<Duration>() >= usage.cpu);
    }

    #[test]
    fn every_group_but_the_last_has_threads() {
        let (last, groups) = GROUPS.split_last().unwrap();
        assert_eq!(*last, "other");
        let named = |group| THREADS.iter().any(|(_, of)| *of == group);
        assert!((0..groups.len()).all(named));
    }
}
