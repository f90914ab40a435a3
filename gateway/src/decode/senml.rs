//! SenML (RFC 8428), whatever it is written in: the rules of its fields, the resolved form
//! (section 4.6), and that form as deterministic CBOR (RFC 8949 section 4.2).
//!
//! Invariant: what is written is resolved: no base fields, all times absolute, each value exact.
//!
//! Fields that are not known are ignored, as section 4.4 asks; those that end in `_` must be
//! understood, so a pack with one is refused.

use minicbor::Encoder;
use weft_core::{time::Time, tx::ContentType};

use super::{Decoded, FormatError, decimal::Decimal};

/// Most records of one pack.
const RECORDS_MAX: usize = 1_024;

/// Longest resolved pack, in bytes: with the name of its stream it fits into a body.
const RESOLVED_BYTES_MAX: usize = 20 * 1024;

/// Times below, in seconds, are relative to now (section 4.5.3).
const RELATIVE_BELOW: i128 = 1 << 28;

/// Fields by their CBOR labels (section 6, table 4).
pub(super) const BASE_VERSION: i64 = -1;
const BASE_NAME: i64 = -2;
const BASE_TIME: i64 = -3;
const BASE_UNIT: i64 = -4;
const BASE_VALUE: i64 = -5;
const BASE_SUM: i64 = -6;
const NAME: i64 = 0;
const UNIT: i64 = 1;
const VALUE: i64 = 2;
const TEXT: i64 = 3;
const BOOL: i64 = 4;
const SUM: i64 = 5;
const TIME: i64 = 6;
const UPDATE: i64 = 7;
pub(super) const DATA: i64 = 8;

/// The label of a field that JSON, or CBOR by name, calls `name`. `Err` if it must be understood.
pub(super) fn label(name: &str) -> Result<Option<i64>, FormatError> {
    let known = [
        ("bver", BASE_VERSION),
        ("bn", BASE_NAME),
        ("bt", BASE_TIME),
        ("bu", BASE_UNIT),
        ("bv", BASE_VALUE),
        ("bs", BASE_SUM),
        ("n", NAME),
        ("u", UNIT),
        ("v", VALUE),
        ("vs", TEXT),
        ("vb", BOOL),
        ("s", SUM),
        ("t", TIME),
        ("ut", UPDATE),
        ("vd", DATA),
    ];
    let found = known.iter().find(|(text, _)| *text == name).map(|(_, label)| *label);
    if found.is_none() && name.ends_with('_') {
        return Err(broken("a field that must be understood is not known here"));
    }
    Ok(found)
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Number(Decimal),
    Text(String),
    Bool(bool),
    Data(Vec<u8>),
}

/// A record as it was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    base_name: Option<String>,
    base_time: Option<Decimal>,
    base_unit: Option<String>,
    base_value: Option<Decimal>,
    base_sum: Option<Decimal>,
    version: Option<Decimal>,
    name: Option<String>,
    unit: Option<String>,
    value: Option<Given>,
    sum: Option<Decimal>,
    time: Option<Decimal>,
    update: Option<Decimal>,
}

impl Record {
    /// Sets the field `label`; each once, and to what it can hold.
    pub(super) fn set(&mut self, label: i64, given: Given) -> Result<(), FormatError> {
        match (label, given) {
            (BASE_VERSION, Given::Number(number)) => once(&mut self.version, number),
            (BASE_NAME, Given::Text(text)) => once(&mut self.base_name, text),
            (BASE_TIME, Given::Number(number)) => once(&mut self.base_time, number),
            (BASE_UNIT, Given::Text(text)) => once(&mut self.base_unit, text),
            (BASE_VALUE, Given::Number(number)) => once(&mut self.base_value, number),
            (BASE_SUM, Given::Number(number)) => once(&mut self.base_sum, number),
            (NAME, Given::Text(text)) => once(&mut self.name, text),
            (UNIT, Given::Text(text)) => once(&mut self.unit, text),
            (VALUE, given @ Given::Number(_))
            | (TEXT, given @ Given::Text(_))
            | (BOOL, given @ Given::Bool(_))
            | (DATA, given @ Given::Data(_)) => once(&mut self.value, given),
            (SUM, Given::Number(number)) => once(&mut self.sum, number),
            (TIME, Given::Number(number)) => once(&mut self.time, number),
            (UPDATE, Given::Number(number)) => once(&mut self.update, number),
            (BASE_SUM..=DATA, _) => Err(broken("a field holds what it cannot hold")),
            // Not known, so not ours to judge.
            _ => Ok(()),
        }
    }
}

fn once<T>(field: &mut Option<T>, value: T) -> Result<(), FormatError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(broken("a record has a field once, and one value")),
    }
}

/// A record that stands for itself.
#[derive(Debug)]
struct Resolved {
    name: String,
    unit: Option<String>,
    value: Option<Given>,
    sum: Option<Decimal>,
    time: Decimal,
    update: Option<Decimal>,
    version: Option<Decimal>,
}

/// Resolves a pack that came at `now` and writes it.
pub(super) fn decoded(records: Vec<Record>, now: Time) -> Result<Decoded, FormatError> {
    let now = Decimal::new(i128::from(now.as_millis()), -3).unwrap_or(Decimal::ZERO);
    let (resolved, is_absolute) = resolve(records, now)?;
    let newest = resolved.iter().filter_map(|record| record.time.thousandths()).max();
    let time = newest.filter(|_| is_absolute).map(Time::from_millis);
    let bytes = written(&resolved);
    if bytes.len() > RESOLVED_BYTES_MAX {
        return Err(broken("resolved, the pack is longer than 20 KiB; send fewer records"));
    }
    Ok(Decoded::Reading { content_type: ContentType::SENML_CBOR, bytes, time })
}

/// The records, and whether all told their times without a now.
fn resolve(records: Vec<Record>, now: Decimal) -> Result<(Vec<Resolved>, bool), FormatError> {
    if records.len() > RECORDS_MAX {
        return Err(broken("a pack holds at most 1,024 records"));
    }
    let (mut base, mut resolved, mut is_absolute) = (Record::default(), Vec::new(), true);
    for record in records {
        if record.version.is_some() && base.version.is_some() && record.version != base.version {
            return Err(broken("all records have one version"));
        }
        base = Record {
            base_name: record.base_name.or(base.base_name),
            base_time: record.base_time.or(base.base_time),
            base_unit: record.base_unit.or(base.base_unit),
            base_value: record.base_value.or(base.base_value),
            base_sum: record.base_sum.or(base.base_sum),
            version: record.version.or(base.version),
            ..Record::default()
        };
        let value = match record.value {
            Some(Given::Number(value)) => Some(Given::Number(sum(base.base_value, value)?)),
            other => other,
        };
        let total = record.sum.map(|total| sum(base.base_sum, total)).transpose()?;
        if value.is_none() && total.is_none() {
            if record.name.is_some() || record.time.is_some() {
                return Err(broken("a record has a value or a sum, or base fields alone"));
            }
            continue;
        }
        let time = sum(base.base_time, record.time.unwrap_or(Decimal::ZERO))?;
        let (time, absolute) = absolute(time, now)?;
        is_absolute &= absolute;
        resolved.push(Resolved {
            name: name(base.base_name.as_deref(), record.name.as_deref())?,
            unit: record.unit.or_else(|| base.base_unit.clone()),
            value,
            sum: total,
            time,
            update: record.update,
            version: base.version,
        });
    }
    if resolved.is_empty() {
        return Err(broken("a pack holds at least one value"));
    }
    Ok((resolved, is_absolute))
}

fn sum(base: Option<Decimal>, value: Decimal) -> Result<Decimal, FormatError> {
    let sum = base.map_or(Some(value), |base| base.plus(value));
    sum.ok_or_else(|| broken("a number needs more than 64 bits"))
}

/// A time as seconds since 1970, and whether it was that already.
fn absolute(time: Decimal, now: Decimal) -> Result<(Decimal, bool), FormatError> {
    let limit = i128::from(1_000_u16) * RELATIVE_BELOW;
    let is_absolute = |time: Decimal| time.thousandths().is_some_and(|ms| i128::from(ms) >= limit);
    if is_absolute(time) {
        return Ok((time, true));
    }
    let resolved = now.plus(time).filter(|time| is_absolute(*time));
    let rule = "a time is since 1970, or relative to now and after mid-1978";
    Ok((resolved.ok_or_else(|| broken(rule))?, false))
}

/// The name of a resolved record (section 4.5.1).
fn name(base: Option<&str>, own: Option<&str>) -> Result<String, FormatError> {
    let name = [base.unwrap_or_default(), own.unwrap_or_default()].concat();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-:./_".contains(&byte);
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins_well && name.bytes().all(is_plain) {
        return Ok(name);
    }
    Err(broken("a name begins with a letter or digit and goes on with those or - : . / _"))
}

fn written(records: &[Resolved]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(records, &mut encoder).expect("a vector takes whatever is written to it");
    encoder.into_writer()
}

type Written = Result<(), minicbor::encode::Error<core::convert::Infallible>>;

/// Keys ascend as deterministic CBOR wants them: 0 to 8, then -1.
fn write(records: &[Resolved], encoder: &mut Encoder<Vec<u8>>) -> Written {
    encoder.array(records.len() as u64)?;
    for record in records {
        let optional = [
            record.unit.is_some(),
            record.value.is_some(),
            record.sum.is_some(),
            record.update.is_some(),
            record.version.is_some(),
        ];
        encoder.map(2 + optional.iter().filter(|is_there| **is_there).count() as u64)?;
        encoder.i64(NAME)?.str(&record.name)?;
        if let Some(unit) = &record.unit {
            encoder.i64(UNIT)?.str(unit)?;
        }
        match &record.value {
            Some(Given::Number(value)) => number(VALUE, *value, encoder)?,
            Some(Given::Text(text)) => drop(encoder.i64(TEXT)?.str(text)?),
            Some(Given::Bool(value)) => drop(encoder.i64(BOOL)?.bool(*value)?),
            Some(Given::Data(_)) | None => {}
        }
        if let Some(sum) = record.sum {
            number(SUM, sum, encoder)?;
        }
        number(TIME, record.time, encoder)?;
        if let Some(update) = record.update {
            number(UPDATE, update, encoder)?;
        }
        if let Some(Given::Data(data)) = &record.value {
            encoder.i64(DATA)?.bytes(data)?;
        }
        if let Some(version) = record.version {
            number(BASE_VERSION, version, encoder)?;
        }
    }
    Ok(())
}

/// An integer where it is one, else a decimal fraction (RFC 8949 section 3.4.4).
fn number(label: i64, value: Decimal, encoder: &mut Encoder<Vec<u8>>) -> Written {
    encoder.i64(label)?;
    if let Some(integer) = value.as_integer() {
        return integer_item(integer, encoder);
    }
    encoder.tag(minicbor::data::Tag::new(4))?.array(2)?.i32(value.exponent())?;
    integer_item(value.mantissa(), encoder)
}

fn integer_item(value: i128, encoder: &mut Encoder<Vec<u8>>) -> Written {
    // A mantissa is always one.
    let integer = minicbor::data::Int::try_from(value).unwrap_or_else(|_| 0_u8.into());
    encoder.int(integer)?;
    Ok(())
}

pub(super) const fn broken(rule: &'static str) -> FormatError {
    FormatError::Senml { rule }
}
