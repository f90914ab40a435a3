//! The gateway that is killed: a process of this very program, and its files.
//!
//! Invariant: it listens at the same place after each start, so that devices find it again. The
//! place lies below the ports that the system gives to outgoing connections: a device that calls a
//! port nobody listens at could else be given that very port, and talk to itself.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::super::child::{Folder, Running, spawn};
use crate::{
    failure::Failure,
    ports::{is_tcp_free, is_udp_free, loopback},
};

/// Where a free place is looked for.
const PORTS: std::ops::Range<u16> = 21_000..25_000;

/// The files of the gateway.
pub(super) struct Files(Folder);

impl Files {
    /// Takes `dir`, or a folder that is removed afterwards.
    pub(super) fn make(dir: Option<&Path>, stamp: u64) -> Result<Self, Failure> {
        Folder::make(dir, &format!("weft-bench-gateway-{stamp}")).map(Self)
    }

    pub(super) fn dir(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn devices(&self) -> PathBuf {
        self.dir().join("devices.toml")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.dir().join("gateway.key")
    }

    /// What the gateway said.
    pub(super) fn log(&self) -> PathBuf {
        self.dir().join("gateway.log")
    }

    pub(super) fn remove_if_ours(&self) {
        self.0.remove_if_ours();
    }
}

/// A running gateway; killed when dropped.
pub(super) struct Process {
    child: Running,
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
        let child = spawn("gateway", &args, &log).await?;
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
        self.child.end();
        self.child = spawn("gateway", &self.args, &self.log).await?;
        Ok(began.elapsed())
    }

    /// Fails if it has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        match self.child.ended() {
            Ok(None) => Ok(()),
            ended => Err(Failure::failed(format!("the gateway ended by itself: {ended:?}"))
                .next(format!("see {}", self.log.display()))),
        }
    }
}
