//! The bytes on disk, frozen: a change of any of them is a new format.

use weft_core::{
    codec::Encode as _,
    tx::CommitRef,
    units::{CommitIndex, Round},
};

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn id(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

const POSITION: Position = Position(0x0102_0304_0506_0708);

#[test]
fn keys_are_frozen() {
    let (tx, body_id, stream) = (TxId([1; 32]), BodyId([2; 32]), StreamId([3; 32]));
    let address = Address::of(KeyId([4; 32]));
    let sequence = Sequence(0x1112_1314_1516_1718);
    let keys = [
        (ADDRESSES.to_vec(), "61".to_owned()),
        (EXTENT.to_vec(), "66".to_owned()),
        (log(POSITION), "6c0102030405060708".to_owned()),
        (transaction(&tx), format!("74{}", id(1))),
        (body(&body_id), format!("62{}", id(2))),
        (hanging(&body_id, POSITION), format!("68{}0102030405060708", id(2))),
        (reading(&stream, POSITION), format!("73{}0102030405060708", id(3))),
        (
            issued(&address, sequence, POSITION),
            format!("69{}11121314151617180102030405060708", id(4)),
        ),
        (public_key(&KeyId([5; 32])), format!("6b{}", id(5))),
    ];
    for (key, expected) in keys {
        assert_eq!(hex(&key), expected);
    }
}

#[test]
fn a_log_record_is_frozen() {
    let anchor = CommitRef { index: CommitIndex(1), round: Round(2), tag: [9; 16] };
    let sum: Vec<u8> = (0..32).collect();
    let record = LogRecord {
        entry: LogEntry {
            position: POSITION,
            id: TxId([1; 32]),
            attachment: Attachment {
                parents: [TxId([5; 32]), TxId([6; 32])],
                anchor,
                nonce: 0x0a0b,
            },
            body: BodyId([2; 32]),
            bytes: 0x0c0d,
            is_own: true,
        },
        first_of_body: true,
        totals: Totals::decode_sum(POSITION.0 + 1, &mut Reader::new(&sum)).unwrap(),
    };
    let expected = [
        id(1),
        id(5) + &id(6),
        format!("01000000000000000200000000000000{}", "09".repeat(16)),
        "0b0a000000000000".to_owned(),
        id(2),
        "0d0c0000".to_owned(),
        "03".to_owned(),
        hex(&sum),
    ];
    let value = record.value();
    assert_eq!(hex(&value), expected.concat());
    assert_eq!(value.len(), 205);
    assert_eq!(LogRecord::parse(&log(POSITION), &value).unwrap(), record);

    let mut wrong = value.clone();
    wrong[172] = 4;
    assert!(LogRecord::parse(&log(POSITION), &wrong).is_err(), "there are two flags");
    assert!(LogRecord::parse(&log(POSITION), &value[..204]).is_err());
    assert!(LogRecord::parse(&log(POSITION), &[value.as_slice(), &[0]].concat()).is_err());
    assert!(LogRecord::parse(b"l", &value).is_err());
}

#[test]
fn positions_and_sequences_are_read_back() {
    let key = issued(&Address::of(KeyId([4; 32])), Sequence(77), POSITION);
    assert_eq!(issued_sequence(&key), Ok(Sequence(77)));
    assert_eq!(last_position(&key), Ok(POSITION));
    assert!(issued_sequence(&key[..40]).is_err());
    assert!(last_position(&key[..7]).is_err());
    assert_eq!(POSITION.to_bytes(), [8, 7, 6, 5, 4, 3, 2, 1], "the value of a transaction");
}
