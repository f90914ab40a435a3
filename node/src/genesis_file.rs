//! The genesis as a file that people read and pass on.
//!
//! ```text
//! label = "harbour-dev"
//! kind = "test"
//! created_ms = 1700000000000
//! id = "the id of all this"
//!
//! [params]
//! work_bits = 12
//! schemes = ["ml-dsa-44", "ml-dsa-65"]
//! dust = 1000
//! snapshot_every = 256
//!
//! [[validators]]
//! scheme = "ml-dsa-44"
//! key = "all its bytes in hexadecimal digits"
//! weight = 1
//!
//! [[accounts]]
//! address = "tweft1.."
//! amount = 1000000
//! ```
//! Invariant: a file that loads makes the network its `id` names. So a copy that someone edited is
//! noticed at the first start, not when no peer will talk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use weft_core::{
    address::{Address, NetworkKind},
    committee::{Committee, Validator},
    digest::GenesisId,
    genesis::{Genesis, LABEL_BYTES_MAX},
    keys::{PublicKey, Scheme},
    params::Params,
    time::Time,
    units::Amount,
};

use crate::key_file::create_new;

/// Longest genesis file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why a genesis file cannot be used. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum GenesisFileError {
    /// The file cannot be read.
    #[error("cannot read the genesis {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file cannot be made.
    #[error("cannot make the genesis {path}: {cause}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Not a genesis.
    #[error("{path} is no genesis: {cause}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The file was changed after it was made.
    #[error("{path} makes network {actual}, but names {expected}; take an unchanged copy")]
    Changed {
        /// The file.
        path: PathBuf,
        /// The id in the file.
        expected: GenesisId,
        /// The id of what the file says.
        actual: GenesisId,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    label: String,
    kind: NetworkKind,
    created_ms: u64,
    id: String,
    params: ParamFields,
    validators: Vec<ValidatorFields>,
    #[serde(default)]
    accounts: Vec<AccountFields>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamFields {
    work_bits: u8,
    schemes: Vec<String>,
    dust: u64,
    snapshot_every: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidatorFields {
    scheme: String,
    key: String,
    weight: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountFields {
    address: String,
    amount: u64,
}

/// Reads a genesis file.
pub fn load(path: &Path) -> Result<Genesis, GenesisFileError> {
    let unreadable = |cause| GenesisFileError::Unreadable { path: path.into(), cause };
    let malformed = |cause: String| GenesisFileError::Malformed { path: path.into(), cause };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(malformed(format!("at most {FILE_BYTES_MAX} bytes, actual {length}")));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let fields: Fields = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
    let expected: GenesisId =
        fields.id.parse().map_err(|error| malformed(format!("id: {error}")))?;
    let genesis = fields.into_genesis().map_err(malformed)?;
    let actual = genesis.id();
    if actual == expected {
        return Ok(genesis);
    }
    Err(GenesisFileError::Changed { path: path.into(), expected, actual })
}

/// Makes a genesis file. Refuses to overwrite.
pub fn store(genesis: &Genesis, path: &Path) -> Result<(), GenesisFileError> {
    create_new(path, to_toml(genesis).as_bytes(), 0o644)
        .map_err(|cause| GenesisFileError::Unwritable { path: path.into(), cause })
}

/// A genesis as the text of its file.
pub fn to_toml(genesis: &Genesis) -> String {
    let schemes = genesis.params.schemes.iter().map(|scheme| scheme.name().to_owned()).collect();
    let accounts = genesis.accounts.iter().map(|(address, amount)| AccountFields {
        address: address.text(genesis.kind),
        amount: amount.0,
    });
    let fields = Fields {
        label: genesis.label.clone(),
        kind: genesis.kind,
        created_ms: genesis.created.as_millis(),
        id: genesis.id().to_string(),
        params: ParamFields {
            work_bits: genesis.params.work_bits,
            schemes,
            dust: genesis.params.dust.0,
            snapshot_every: genesis.params.snapshot_every,
        },
        validators: genesis.committee.validators().iter().map(validator_fields).collect(),
        accounts: accounts.collect(),
    };
    toml::to_string(&fields).expect("texts and numbers below 2^63 are TOML")
}

fn validator_fields(validator: &Validator) -> ValidatorFields {
    let bytes = validator.key.as_bytes().iter();
    ValidatorFields {
        scheme: validator.key.scheme().name().to_owned(),
        key: bytes.map(|byte| format!("{byte:02x}")).collect(),
        weight: validator.weight,
    }
}

impl ValidatorFields {
    fn into_validator(self) -> Result<Validator, String> {
        let scheme: Scheme = self.scheme.parse().map_err(|error| format!("validator: {error}"))?;
        let digits = self.key.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2);
            pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())
        });
        let bytes: Option<Vec<u8>> = digits.collect();
        let bytes = bytes.ok_or("validator: a key is hexadecimal digits")?;
        let key = PublicKey::new(scheme, bytes.into()).map_err(|error| error.to_string())?;
        Ok(Validator { key, weight: self.weight })
    }
}

impl Fields {
    fn into_genesis(self) -> Result<Genesis, String> {
        if self.label.len() > LABEL_BYTES_MAX {
            let actual = self.label.len();
            return Err(format!("label: at most {LABEL_BYTES_MAX} bytes, actual {actual}"));
        }
        let schemes = self.params.schemes.iter().map(|name| name.parse::<Scheme>());
        let schemes = schemes.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        let dust = Amount(self.params.dust);
        let ParamFields { work_bits, snapshot_every, .. } = self.params;
        let params = Params { work_bits, schemes, dust, snapshot_every };
        let validators = self.validators.into_iter().map(ValidatorFields::into_validator);
        let committee = Committee::new(validators.collect::<Result<_, _>>()?)
            .map_err(|error| error.to_string())?;
        let account = |fields: AccountFields| {
            let address = Address::parse(&fields.address, self.kind);
            let address = address.map_err(|error| format!("{}: {error}", fields.address))?;
            Ok::<_, String>((address, Amount(fields.amount)))
        };
        let accounts = self.accounts.into_iter().map(account).collect::<Result<_, _>>()?;
        let created = Time::from_millis(self.created_ms);
        let genesis =
            Genesis { label: self.label, kind: self.kind, created, params, committee, accounts };
        genesis.check().map_err(|error| error.to_string())?;
        Ok(genesis)
    }
}

#[cfg(test)]
mod tests {
    use weft_core::digest::KeyId;

    use super::*;

    fn genesis() -> Genesis {
        Genesis {
            created: Time::from_millis(1_700_000_000_000),
            accounts: vec![(Address::of(KeyId([6; 32])), Amount(7))],
            ..Genesis::without_finality("harbour", Params::dev())
        }
    }

    #[test]
    fn reads_what_it_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("genesis.toml");
        store(&genesis(), &path).unwrap();
        assert_eq!(load(&path).unwrap(), genesis());
        assert!(store(&genesis(), &path).is_err(), "never overwrites");
    }

    #[test]
    fn refuses_a_changed_or_impossible_file() {
        let dir = tempfile::tempdir().unwrap();
        let text = to_toml(&genesis());
        for (name, from, to, part) in [
            ("bits", "work_bits = 12", "work_bits = 13", "makes network"),
            ("label", "harbour", "Harbour", "makes network"),
            ("limit", "work_bits = 12", "work_bits = 17", "at most 16"),
            ("scheme", "ml-dsa-65", "rsa", "schemes are"),
            ("order", "[\"ml-dsa-44\", \"ml-dsa-65\"]", "[]", "at least one"),
            ("key", "work_bits", "bits", "unknown field"),
            ("weight", "weight = 1", "weight = 0", "above zero"),
            ("digits", "key = \"00", "key = \"0x", "hexadecimal"),
            ("amount", "amount = 7", "amount = 8", "makes network"),
        ] {
            assert!(text.contains(from), "{text}");
            let path = dir.path().join(name);
            fs::write(&path, text.replace(from, to)).unwrap();
            let error = load(&path).unwrap_err().to_string();
            assert!(error.contains(part), "{name}: {error}");
        }
    }
}
