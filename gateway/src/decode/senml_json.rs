//! SenML written in JSON (RFC 8428 section 5).

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use weft_core::time::Time;

use super::{
    Decoded, FormatError,
    decimal::Decimal,
    senml::{self, DATA, Given, Record, broken},
};

pub(super) fn decode(payload: &[u8], now: Time) -> Result<Decoded, FormatError> {
    let objects: Vec<Fields<'_>> = serde_json::from_slice(payload)
        .map_err(|error| FormatError::Json { cause: error.to_string() })?;
    let records = objects.into_iter().map(record).collect::<Result<_, _>>()?;
    senml::decoded(records, now)
}

fn record(fields: Fields<'_>) -> Result<Record, FormatError> {
    let mut record = Record::default();
    for (name, value) in fields.0 {
        if let Some(label) = senml::label(&name)? {
            record.set(label, given(label, value)?)?;
        }
    }
    Ok(record)
}

fn given(label: i64, value: &RawValue) -> Result<Given, FormatError> {
    let json = value.get();
    let text = || {
        serde_json::from_str::<String>(json)
            .map_err(|error| FormatError::Json { cause: error.to_string() })
    };
    match json.as_bytes().first() {
        Some(b'"') if label == DATA => Ok(Given::Data(base64url(&text()?)?)),
        Some(b'"') => Ok(Given::Text(text()?)),
        Some(b't') => Ok(Given::Bool(true)),
        Some(b'f') => Ok(Given::Bool(false)),
        Some(b'-' | b'0'..=b'9') => {
            let number = Decimal::parse(json);
            Ok(Given::Number(number.ok_or_else(|| broken("a number needs more than 64 bits"))?))
        }
        _ => Err(broken("a field holds a number, a text or a truth value")),
    }
}

/// Base64 with the alphabet for URLs and without padding (RFC 4648 section 5), in its one form.
fn base64url(text: &str) -> Result<Vec<u8>, FormatError> {
    let wrong = || broken("vd is base64url without padding");
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return Err(wrong()),
        };
        (bits, held) = (bits << 6 | u32::from(digit), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.extend(u8::try_from(bits >> held));
            bits &= (1 << held) - 1;
        }
    }
    if held >= 6 || bits != 0 {
        return Err(wrong());
    }
    Ok(bytes)
}

/// The members of an object in their order, doubles included.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_760_000_000_500);

    fn hex(json: &str) -> String {
        let Decoded::Reading { bytes, .. } = decode(json.as_bytes(), NOW).unwrap() else {
            panic!()
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_pack_of_the_rfc_with_base_fields_is_resolved() {
        // RFC 8428 section 5.1.3, cut to two records, which resolves to 5.1.4 of the same.
        let pack = r#"[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A",
            "bver":5,"n":"voltage","u":"V","v":120.1},{"n":"current","t":-5,"v":1.2}]"#;
        let resolved = r#"[{"n":"urn:dev:ow:10e2073a0108006:voltage","u":"V","t":1276020076.001,
            "v":120.1,"bver":5},{"n":"urn:dev:ow:10e2073a0108006:current","u":"A",
            "t":1276020071.001,"v":1.2,"bver":5}]"#;
        assert_eq!(hex(pack), hex(resolved));
        let Decoded::Reading { time, .. } = decode(pack.as_bytes(), NOW).unwrap() else { panic!() };
        assert_eq!(time, Some(Time::from_millis(1_276_020_076_001)));
    }

    #[test]
    fn the_stored_form_is_this_one_byte_for_byte() {
        // [{0: "a", 2: 4([-1, 214]), 6: 4([-1, 17600000005])}], by hand from RFC 8949.
        let expected = "81a300616102c4822018d606c482201b00000004190ab005";
        assert_eq!(17_600_000_005_u64, 0x4_190a_b005, "the time above");
        assert_eq!(hex(r#"[{"n":"a","v":21.40}]"#), expected);
    }

    #[test]
    fn relative_times_count_from_now_and_bases_are_added() {
        assert_eq!(
            hex(r#"[{"n":"a","v":1,"t":-0.5}]"#),
            hex(r#"[{"n":"a","v":1,"t":1760000000}]"#)
        );
        assert_eq!(
            hex(r#"[{"bn":"x","bv":20,"bs":1},{"n":"a","v":1.4,"s":2,"t":1e9}]"#),
            hex(r#"[{"n":"xa","v":21.4,"s":3,"t":1000000000}]"#)
        );
        assert_eq!(
            hex(r#"[{"n":"a","vd":"AP8","t":1e9}]"#),
            hex(r#"[{"n":"a","t":1e9,"vd":"AP8"}]"#)
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        for pack in [
            "[]",
            "{}",
            "[{}]",
            r#"[{"n":"a"}]"#,
            r#"[{"v":1}]"#,
            r#"[{"n":" a","v":1}]"#,
            r#"[{"n":"a","v":1,"vs":"b"}]"#,
            r#"[{"n":"a","v":1,"v":1}]"#,
            r#"[{"n":"a","v":"1"}]"#,
            r#"[{"n":"a","v":1,"new_":2}]"#,
            r#"[{"n":"a","v":null}]"#,
            r#"[{"n":"a","v":1e999}]"#,
            r#"[{"n":"a","vd":"A"}]"#,
            r#"[{"n":"a","vd":"AB"}]"#,
            r#"[{"n":"a","vd":"A+=="}]"#,
            r#"[{"n":"a","v":1,"t":-1760000000}]"#,
            r#"[{"n":"a","v":1,"bver":5},{"n":"b","v":1,"bver":6}]"#,
        ] {
            assert!(decode(pack.as_bytes(), NOW).is_err(), "{pack}");
        }
        assert!(decode(br#"[{"n":"a","v":1,"new":{"x":[2]}}]"#, NOW).is_ok(), "unknown: ignored");
    }
}
