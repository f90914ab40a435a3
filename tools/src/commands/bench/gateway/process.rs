//! The gateway that is killed: a process of this very program, and its files.
//!
//! Invariant: it listens at the same place after each start, so that devices find it again. The
//! place lies below the ports that the system gives to outgoing connections: a device that calls a
//! port nobody listens at could else be given that very port, and talk to itself.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::task::spawn_blocking;

use crate::{
    failure::Failure,
    ports::{is_tcp_free, is_udp_free, loopback},
};

/// Where a free place is looked for.
const PORTS: std::ops::Range<u16> = 21_000..25_000;

/// Where the files of the gateway lie.
pub(super) struct Files {
    dir: PathBuf,
    /// Made by this command, to be removed by it.
    is_ours: bool,
}

impl Files {
    /// Takes `dir`, or a new folder among those of the system for passing things.
    pub(super) fn make(dir: Option<&Path>, stamp: u64) -> Result<Self, Failure> {
        let is_ours = dir.is_none();
        let ours = || std::env::temp_dir().join(format!("weft-bench-gateway-{stamp}"));
        let dir = dir.map_or_else(ours, Path::to_owned);
        let failed = |error| Failure::failed(format!("cannot make {}: {error}", dir.display()));
        fs::create_dir_all(&dir).map_err(failed)?;
        let mut found = fs::read_dir(&dir).map_err(failed)?;
        if found.next().is_some() {
            let cause = format!("{} is not empty", dir.display());
            return Err(Failure::usage(cause).next("name a new folder with --dir DIR"));
        }
        Ok(Self { dir, is_ours })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn devices(&self) -> PathBuf {
        self.dir.join("devices.toml")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.dir.join("gateway.key")
    }

    /// What the gateway said.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("gateway.log")
    }

    /// Removes what nobody asked to keep. Best effort: it lies where the system cleans up.
    pub(super) fn remove_if_ours(&self) {
        if self.is_ours {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// A running gateway; killed when dropped.
pub(super) struct Process {
    child: Child,
    args: Vec<String>,
    log: PathBuf,
    mqtt_port: u16,
}

impl Process {
    /// Starts it and waits until its doors are open.
    pub(super) async fn start(files: &Files, node: &str, more: &[String]) -> Result<Self, Failure> {
        let mut free =
            PORTS.filter(|port| is_tcp_free(loopback(*port)) && is_udp_free(loopback(*port)));
        let mut place = || {
            let none = || Failure::failed("no free port between 21000 and 25000");
            free.next().ok_or_else(none)
        };
        let (mqtt_port, http, coap) = (place()?, place()?, place()?);
        let text = |path: &Path| path.display().to_string();
        let args = ["gateway", "--json", "--log", "warn", "--node", node].map(str::to_owned);
        let mut args = Vec::from(args);
        for (flag, value) in [
            ("--devices", text(&files.devices())),
            ("--key", text(&files.key())),
            ("--data-dir", text(&files.dir().join("queue"))),
            ("--set", format!("mqtt.listen=127.0.0.1:{mqtt_port}")),
            ("--set", format!("http.listen=127.0.0.1:{http}")),
            ("--set", format!("coap.listen=127.0.0.1:{coap}")),
        ] {
            args.extend([flag.to_owned(), value]);
        }
        args.extend(more.iter().flat_map(|set| ["--set".to_owned(), set.clone()]));
        let log = files.log();
        let child = spawn(&args, &log).await?;
        Ok(Self { child, args, log, mqtt_port })
    }

    /// Where devices find it.
    pub(super) const fn mqtt_port(&self) -> u16 {
        self.mqtt_port
    }

    /// Ends it as a crash does, and starts it anew; how long its doors were closed.
    pub(super) async fn kill_and_start(&mut self) -> Result<Duration, Failure> {
        self.check()?;
        let began = Instant::now();
        self.kill();
        self.child = spawn(&self.args, &self.log).await?;
        Ok(began.elapsed())
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Fails if it has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            ended => Err(Failure::failed(format!("the gateway ended by itself: {ended:?}"))
                .next(format!("see {}", self.log.display()))),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the process and waits for the line that says that its doors are open.
async fn spawn(args: &[String], log: &Path) -> Result<Child, Failure> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Failure::failed(format!("cannot {what}: {error}"))
    };
    let program = std::env::current_exe().map_err(|error| failed("find this program", &error))?;
    let file = File::options().create(true).append(true).open(log);
    let file = file.map_err(|error| failed("write the gateway's log", &error))?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
    let mut child = command.spawn().map_err(|error| failed("start the gateway", &error))?;
    let output = child.stdout.take();
    let line = spawn_blocking(move || {
        let mut line = String::new();
        let read = output.map(|output| BufReader::new(output).read_line(&mut line));
        matches!(read, Some(Ok(1..)))
    });
    if line.await.unwrap_or(false) {
        return Ok(child);
    }
    let _ = child.kill();
    let _ = child.wait();
    let said = fs::read_to_string(log).unwrap_or_default();
    let last = said.lines().last().unwrap_or("nothing").to_owned();
    Err(Failure::failed(format!("the gateway did not start; it said: {last}"))
        .next(format!("see {}", log.display())))
}
