//! `kill -9` of a process that writes: nothing that it acknowledged is missing.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command},
};

use weft_core::{digest::TxId, machine::Reads as _, units::Position};
use weft_storage::{Opened, Store as _};

use super::{
    opening::{self, open},
    support::{Model, STREAMS, attach, reading},
};

const DIR: &str = "WEFT_STORE_TEST_DIR";
const ACKNOWLEDGED: &str = "acknowledged ";
const ROUNDS: u64 = 20;
const KEPT: u64 = 40;

/// The `n`th transaction that the child writes, the same in every process.
fn nth(n: u64) -> std::sync::Arc<weft_core::admit::Verified> {
    let content = vec![n as u8; 100 + (n as usize * 37) % 3_000];
    attach(reading(0, n + 1, STREAMS[0], content), [TxId::ZERO; 2], 0)
}

/// Not a test: the process that is killed. Commits ever larger batches, every third synced, and
/// says so. All but the newest of what was there before leaves with each.
#[test]
fn child() {
    let Some(dir) = env::var_os(DIR) else { return };
    let store = open(Path::new(&dir)).unwrap().store;
    for round in 0.. {
        let next = store.next_position().0;
        let txs: Vec<_> = (next..=next + round % 5).map(nth).collect();
        let mut batch = Model::default().batch(&txs);
        for attached in &mut batch.attached {
            attached.position = Position(attached.position.0 + next);
        }
        batch.drop_below = next.checked_sub(KEPT).map(Position);
        let durable = round % 3 == 2;
        store.commit(&batch, durable).unwrap();
        if durable {
            println!("\n{ACKNOWLEDGED}{}", store.next_position().0);
            std::io::stdout().flush().unwrap();
        }
    }
}

fn spawn(dir: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "kill::child", "--nocapture"]).env(DIR, dir);
    opening::spawn(&mut command)
}

#[test]
fn nothing_acknowledged_is_missing_after_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected: Vec<_> = Vec::new();
    for round in 0..ROUNDS {
        let (mut child, said) = spawn(dir.path());
        let lines = said.lines().map(Result::unwrap);
        let acknowledged = lines.filter_map(|line| line.strip_prefix(ACKNOWLEDGED)?.parse().ok());
        // Killed at once: it is then in the middle of its next batches.
        let last: u64 = acknowledged.take(1 + round as usize * 5 % 17).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();

        let Opened { store, lost } = open(dir.path()).unwrap();
        assert_eq!(lost, None);
        let next = store.next_position().0;
        assert!(next >= last, "{next} positions are left of {last} acknowledged");
        expected.extend((expected.len() as u64..next).map(nth));
        let log = store.log(Position::ZERO, usize::MAX);
        assert!(log.len() as u64 >= next.min(KEPT), "{} of {next} are left", log.len());
        assert!(log.len() as u64 <= KEPT + 5, "{} are left", log.len());
        for (entry, tx) in log.iter().rev().zip(expected.iter().rev()) {
            assert_eq!(entry.id, tx.id());
            assert_eq!(store.transaction(&entry.id).as_ref(), Some(tx.bytes()));
        }
        assert_eq!(store.readings(&super::stream(STREAMS[0]), None, usize::MAX), log);
    }
}
