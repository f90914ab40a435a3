//! `weft faucet`: value for trying things out, from an account that the genesis of a development
//! network funds.
//!
//! Invariant: one gift per address and minute, by a file beside the key. It bounds slips, not
//! thieves: whoever has the key has the value.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::send::Payment;
use crate::{
    account::{Account, Whose},
    failure::{Exit, Failure},
    output::Output,
    target::Target,
    time::now_ms,
};

/// How long an address waits for its next gift, in ms.
const PAUSE_MS: u64 = 60_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,
    /// How much, in base units
    #[arg(long, value_name = "AMOUNT", default_value_t = 1_000_000)]
    amount: u64,
    /// Key file of the faucet: `faucet.key` in the folder of `weft dev` or `weft init`
    #[arg(long, value_name = "FILE", env = "WEFT_FAUCET_KEY")]
    faucet_key: PathBuf,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let address = args.whose.address(&node).await?;
    // The lock of the account is that of the file too.
    let mut account = Account::open(Some(&args.faucet_key), output)?;
    let mut given = Given::open(&args.faucet_key);
    let now = now_ms();
    given.may_have(&address, now)?;
    let payment = Payment { to: &address, amount: args.amount, reference: "faucet" };
    let (value, text) = payment.pay(&mut account, node, true).await?;
    given.remember(&address, now)?;
    output.show(&value, || text)
}

/// Who got something in the last minute, and when.
struct Given {
    file: PathBuf,
    times: BTreeMap<String, u64>,
}

impl Given {
    fn open(key: &Path) -> Self {
        let mut file = key.as_os_str().to_owned();
        file.push(".given");
        let file = PathBuf::from(file);
        let text = fs::read_to_string(&file).unwrap_or_default();
        Self { file, times: serde_json::from_str(&text).unwrap_or_default() }
    }

    fn may_have(&self, address: &str, now: u64) -> Result<(), Failure> {
        let since = self.times.get(address).map(|then| now.saturating_sub(*then));
        match since.filter(|since| *since < PAUSE_MS) {
            None => Ok(()),
            Some(since) => {
                let seconds = (PAUSE_MS - since).div_ceil(1_000);
                let cause = format!("{address} got something less than a minute ago");
                Err(Failure::new(Exit::Refused, cause)
                    .next(format!("ask again in {seconds} s, or `weft send` from another account")))
            }
        }
    }

    fn remember(&mut self, address: &str, now: u64) -> Result<(), Failure> {
        self.times.retain(|_, then| now.saturating_sub(*then) < PAUSE_MS);
        self.times.insert(address.to_owned(), now);
        let text = serde_json::to_string_pretty(&self.times).map_err(Failure::failed)?;
        let file = self.file.display();
        fs::write(&self.file, text)
            .map_err(|error| Failure::failed(format!("cannot write {file}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_something_once_a_minute() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("faucet.key");
        let mut given = Given::open(&key);
        given.may_have("a", 1_000).unwrap();
        given.remember("a", 1_000).unwrap();
        let given = Given::open(&key);
        assert_eq!(given.may_have("a", 60_999).unwrap_err().exit(), Exit::Refused);
        given.may_have("a", 61_000).unwrap();
        given.may_have("b", 1_000).unwrap();
    }
}
