//! SenML written in CBOR (RFC 8428 section 6).
//!
//! Floats become the shortest decimals that read back as them at their own width: a single that a
//! sensor calls 21.4 is 21.4 and not 21.399999618530273. (A half is taken as the single it equals.)

use minicbor::{
    Decoder,
    data::{Tag, Type},
    decode::Error,
};
use weft_core::time::Time;

use super::{
    Decoded, FormatError,
    decimal::Decimal,
    senml::{self, Given, Record, broken},
};

pub(super) fn decode(payload: &[u8], now: Time) -> Result<Decoded, FormatError> {
    let mut decoder = Decoder::new(payload);
    let count = decoder.array().map_err(cause)?;
    let mut records = Vec::new();
    while more(&mut decoder, count, records.len())? {
        records.push(record(&mut decoder)?);
    }
    if decoder.position() != payload.len() {
        return Err(broken("bytes are left over behind the pack"));
    }
    senml::decoded(records, now)
}

/// Whether another element follows, of an array or a map of `count` or of no told length.
fn more(decoder: &mut Decoder<'_>, count: Option<u64>, read: usize) -> Result<bool, FormatError> {
    match count {
        Some(count) => Ok((read as u64) < count),
        None if decoder.datatype().map_err(cause)? == Type::Break => {
            decoder.set_position(decoder.position() + 1);
            Ok(false)
        }
        None => Ok(true),
    }
}

fn record(decoder: &mut Decoder<'_>) -> Result<Record, FormatError> {
    let count = decoder.map().map_err(cause)?;
    let (mut record, mut read) = (Record::default(), 0);
    while more(decoder, count, read)? {
        read += 1;
        let label = match decoder.datatype().map_err(cause)? {
            Type::String => senml::label(decoder.str().map_err(cause)?)?,
            _ => Some(i64::from(decoder.i32().map_err(cause)?)),
        };
        match label.filter(|label| (-6..=8).contains(label)) {
            Some(label) => record.set(label, given(decoder)?)?,
            None => decoder.skip().map_err(cause)?,
        }
    }
    Ok(record)
}

fn given(decoder: &mut Decoder<'_>) -> Result<Given, FormatError> {
    let number = match decoder.datatype().map_err(cause)? {
        Type::String => return Ok(Given::Text(decoder.str().map_err(cause)?.to_owned())),
        Type::Bytes => return Ok(Given::Data(decoder.bytes().map_err(cause)?.to_vec())),
        Type::Bool => return Ok(Given::Bool(decoder.bool().map_err(cause)?)),
        Type::F16 => Decimal::parse(&format!("{:e}", decoder.f16().map_err(cause)?)),
        Type::F32 => Decimal::parse(&format!("{:e}", decoder.f32().map_err(cause)?)),
        Type::F64 => Decimal::parse(&format!("{:e}", decoder.f64().map_err(cause)?)),
        Type::Tag => fraction(decoder)?,
        _ => Decimal::integer(decoder.int().map_err(cause)?.into()),
    };
    number.map(Given::Number).ok_or_else(|| broken("a number needs more than 64 bits"))
}

/// A decimal fraction (RFC 8949 section 3.4.4).
fn fraction(decoder: &mut Decoder<'_>) -> Result<Option<Decimal>, FormatError> {
    if decoder.tag().map_err(cause)? != Tag::new(4) || decoder.array().map_err(cause)? != Some(2) {
        return Err(broken("a number is an integer, a float or a decimal fraction"));
    }
    let exponent = decoder.i32().map_err(cause)?;
    Ok(Decimal::new(decoder.int().map_err(cause)?.into(), exponent))
}

fn cause(error: Error) -> FormatError {
    FormatError::Cbor { cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use minicbor::Encoder;

    use super::*;
    use crate::decode::senml_json;

    const NOW: Time = Time::from_millis(1_760_000_000_500);

    fn same(cbor: &[u8], json: &str) {
        let json = senml_json::decode(json.as_bytes(), NOW);
        assert_eq!(decode(cbor, NOW), json);
        assert!(json.is_ok());
    }

    #[test]
    fn it_is_stored_as_the_same_in_json() {
        let mut encoder = Encoder::new(Vec::new());
        encoder.begin_array().unwrap().begin_map().unwrap();
        encoder.i8(-2).unwrap().str("x").unwrap().i8(-3).unwrap().f64(1.0e9).unwrap();
        encoder.str("n").unwrap().str("a").unwrap().i8(2).unwrap().f32(21.4).unwrap();
        encoder.i8(100).unwrap().array(1).unwrap().null().unwrap().end().unwrap();
        encoder.map(2).unwrap().i8(0).unwrap().str("b").unwrap();
        encoder.i8(4).unwrap().bool(true).unwrap().end().unwrap();
        let cbor = encoder.into_writer();
        same(&cbor, r#"[{"bn":"x","bt":1e9,"n":"a","v":21.4},{"n":"b","vb":true}]"#);
        for length in 0..cbor.len() {
            assert!(decode(&cbor[..length], NOW).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn halves_and_fractions_and_negative_integers_are_numbers() {
        // [{0: "a", 2: half 21.40625}], [{0: "a", 2: 4([-1, 214])}], [{0: "a", 2: -1}]
        same(b"\x81\xa2\x00\x61a\x02\xf9\x4d\x5a", r#"[{"n":"a","v":21.40625}]"#);
        same(b"\x81\xa2\x00\x61a\x02\xc4\x82\x20\x18\xd6", r#"[{"n":"a","v":21.4}]"#);
        same(b"\x81\xa2\x00\x61a\x02\x20", r#"[{"n":"a","v":-1}]"#);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let packs: [&[u8]; 8] = [
            b"",
            b"\x80",
            b"\xa0",
            b"\x81\xa2\x00\x61a\x02\xf9\x7c\x00",
            b"\x81\xa2\x00\x61a\x02\xc2\x41\x01",
            b"\x81\xa2\x00\x61a\x02\x61b",
            b"\x81\xa3\x00\x61a\x02\x01\x02\x01",
            b"\x81\xa2\x00\x61a\x02\x01\x00",
        ];
        for pack in packs {
            assert!(decode(pack, NOW).is_err(), "{pack:02x?}");
        }
    }
}
