//! Torn, damaged and missing witnesses: an older one is believed, a wrong one never.

use std::fs;

use super::*;

fn totals(n: u64) -> Totals {
    let sum: Vec<u8> = n.to_le_bytes().repeat(4);
    Totals::decode_sum(n, &mut Reader::new(&sum)).unwrap()
}

fn reopened(path: &Path) -> Totals {
    Witness::open(path.to_path_buf()).unwrap().last()
}

#[test]
fn what_was_written_last_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("witness");
    assert_eq!(reopened(&path), Totals::ZERO);
    let mut witness = Witness::open(path.clone()).unwrap();
    // Down too: after a loss the store goes on from less.
    for n in [1, 2, 3, 300, 7, 8] {
        witness.write(totals(n)).unwrap();
        assert_eq!(witness.last(), totals(n));
        assert_eq!(reopened(&path), totals(n));
    }
}

#[test]
fn a_torn_write_leaves_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("witness");
    for count in 2..5 {
        let mut witness = Witness::open(path.clone()).unwrap();
        for n in 1..=count {
            witness.write(totals(n)).unwrap();
        }
        let before = fs::read(&path).unwrap();
        witness.write(totals(count + 1)).unwrap();
        let after = fs::read(&path).unwrap();
        let start = before.iter().zip(&after).position(|(a, b)| a != b).unwrap();
        let end = start / SLOT_BYTES * SLOT_BYTES + RECORD_BYTES;
        for torn in start..end {
            let mut bytes = after.clone();
            bytes[torn..end].copy_from_slice(&before[torn..end]);
            fs::write(&path, &bytes).unwrap();
            let found = reopened(&path);
            assert!(found == totals(count) || bytes == after, "torn at {torn}: {found}");
        }
        fs::write(&path, &after).unwrap();
    }
}

#[test]
fn damage_is_never_believed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("witness");
    let mut witness = Witness::open(path.clone()).unwrap();
    witness.write(totals(5)).unwrap();
    let good = fs::read(&path).unwrap();
    for at in SLOT_BYTES..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 4;
        fs::write(&path, bytes).unwrap();
        assert_eq!(reopened(&path), Totals::ZERO, "byte {at}");
    }
    for garbage in [vec![0xff; 3], vec![7; 88], vec![0; 2_000]] {
        fs::write(&path, garbage).unwrap();
        assert_eq!(reopened(&path), Totals::ZERO);
    }
}

#[test]
fn a_record_is_frozen() {
    let bytes = record(0x0102, totals(3));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lane = "0300000000000000";
    let expected = format!("776566742e7769740201000000000000{lane}{}", lane.repeat(4));
    assert_eq!(hex.get(..112), Some(expected.as_str()));
    assert_eq!(bytes.len(), RECORD_BYTES);
    assert_eq!(parse(&bytes), Some((0x0102, totals(3))));
}
