//! A process of this very program that is measured, and a folder for its files.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, Signal, System};
use tokio::task::spawn_blocking;

use crate::{
    failure::Failure,
    ports::{Ports, free_run},
    time::now_ms,
};

/// Where a bench puts its files.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Where the files are put [default: a folder that is removed if all went well]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Place {
    /// The folder of one run of `bench`.
    pub(super) fn folder(&self, bench: &str) -> Result<Folder, Failure> {
        Folder::make(self.dir.as_deref(), &format!("weft-bench-{bench}-{}", now_ms()))
    }
}

/// Where the files of what is measured lie.
pub(super) struct Folder {
    dir: PathBuf,
    /// Made by this command, to be removed by it.
    is_ours: bool,
}

impl Folder {
    /// Takes `dir`, or makes the folder `name` among those of the system for passing things.
    pub(super) fn make(dir: Option<&Path>, name: &str) -> Result<Self, Failure> {
        let is_ours = dir.is_none();
        let dir = dir.map_or_else(|| std::env::temp_dir().join(name), Path::to_owned);
        let failed = |error| Failure::failed(format!("cannot make {}: {error}", dir.display()));
        fs::create_dir_all(&dir).map_err(failed)?;
        let mut found = fs::read_dir(&dir).map_err(failed)?;
        if found.next().is_some() {
            let cause = format!("{} is not empty", dir.display());
            return Err(Failure::usage(cause).next("name a new folder with --dir DIR"));
        }
        Ok(Self { dir, is_ours })
    }

    pub(super) fn path(&self) -> &Path {
        &self.dir
    }

    /// Removes what nobody asked to keep. Best effort: it lies where the system cleans up.
    pub(super) fn remove_if_ours(&self) {
        if self.is_ours {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Where places for nodes are looked for: below the ports that the system gives to outgoing
/// connections, each process of this program in a run of its own, so that two seldom meet.
const PORT: u16 = 26_000;
const RUNS: u32 = 30;
const APART: u32 = 200;

/// Free places for `count` nodes.
pub(super) fn places(count: u16) -> Result<Vec<Ports>, Failure> {
    let own = std::process::id() % RUNS * APART;
    let first = PORT + u16::try_from(own).unwrap_or(0);
    let none = || Failure::failed(format!("no {count} free ports above {first}"));
    free_run(first, count).ok_or_else(none)
}

/// A process of this program; ended as a crash does when dropped.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as a crash does, if it has not ended by itself.
    pub(super) fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Asks it to end, as a service manager does.
    pub(super) fn terminate(&self) -> Result<(), Failure> {
        let pid = Pid::from_u32(self.id());
        let mut system = System::new().map_err(Failure::failed)?;
        let nothing = ProcessRefreshKind::nothing();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, nothing);
        let asked = system.process(pid).and_then(|process| process.kill_with(Signal::Term));
        match asked {
            Some(true) => Ok(()),
            _ => Err(Failure::failed("cannot ask a process to end: it has ended already")),
        }
    }

    /// How it ended, if it has ended.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts `weft` with `args` as the process `what`, its errors to `log`, and waits for the line
/// that says that its doors are open.
pub(super) async fn spawn(what: &str, args: &[String], log: &Path) -> Result<Running, Failure> {
    let failed = |action: &str, error: &dyn std::fmt::Display| {
        Failure::failed(format!("cannot {action} the {what}: {error}"))
    };
    let program = std::env::current_exe().map_err(|error| failed("find a program for", &error))?;
    let file = File::options().create(true).append(true).open(log);
    let file = file.map_err(|error| failed("write a log of", &error))?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
    let mut child = command.spawn().map_err(|error| failed("start", &error))?;
    let output = child.stdout.take();
    let child = Running(child);
    let line = spawn_blocking(move || {
        let mut line = String::new();
        let read = output.map(|output| BufReader::new(output).read_line(&mut line));
        matches!(read, Some(Ok(1..)))
    });
    if line.await.unwrap_or(false) {
        return Ok(child);
    }
    let said = fs::read_to_string(log).unwrap_or_default();
    let last = said.lines().last().unwrap_or("nothing").to_owned();
    Err(Failure::failed(format!("the {what} did not start; it said: {last}"))
        .next(format!("see {}", log.display())))
}
