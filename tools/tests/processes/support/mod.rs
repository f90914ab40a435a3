//! Runs `weft`, and takes it down whatever happens.

mod nodes;
mod process;

use std::{
    net::{TcpListener, UdpSocket},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use serde_json::Value;

pub(crate) use nodes::Nodes;
pub(crate) use process::Process;

/// Longest wait for anything. Far above what it takes, for machines with other things to do.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// `weft` in `dir`, with an environment that no earlier shell has touched.
pub(crate) fn weft(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weft"));
    command.current_dir(dir).args(args).env_clear().env("HOME", dir);
    command
}

/// One value, as a command prints it with `--json`.
#[track_caller]
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Fails unless it ended well; gives its output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// Fails unless it ended with `code` and said all of `parts`, without a panic.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is missing: {self:?}");
        }
    }
}

/// Runs `weft` to its end, with nothing on standard input.
pub(crate) fn run(dir: &Path, args: &[&str]) -> Ended {
    ended(weft(dir, args).stdin(Stdio::null()))
}

/// Runs a command to its end.
pub(crate) fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap_or(-1);
    Ended { code, out: text(output.stdout), err: text(output.stderr) }
}

/// The first API port of a network of at most 64 nodes that nobody else in this process gets.
///
/// Below the ports that the system gives to outgoing connections.
pub(crate) fn base_port() -> u16 {
    const FIRST: u16 = 15_000;
    const APART: u16 = 200;
    const RUNS: u16 = 80;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % u32::from(RUNS)).unwrap();
    for _ in 0..RUNS {
        let run = (own + NEXT.fetch_add(1, Ordering::Relaxed)) % RUNS;
        let base = FIRST + run * APART;
        let mut ports = (base..base + 8).map(|port| ("127.0.0.1", port));
        let is_free = |place: (&str, u16)| {
            TcpListener::bind(place).is_ok() && UdpSocket::bind((place.0, place.1 + 100)).is_ok()
        };
        if ports.all(is_free) {
            return base;
        }
    }
    panic!("no free ports");
}
