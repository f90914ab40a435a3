//! What goes wrong in the market, as a command fails: code, cause, next step.

use weft_client::host::market::MarketError;
use weft_market::{
    buyer::End,
    drive::{EnquireError, LedgerError, OpenError, ShopError, StallError},
    shelf::ShelfError,
};

use crate::failure::{Exit, Failure};

impl From<MarketError> for Failure {
    fn from(error: MarketError) -> Self {
        let cause = error.to_string();
        match error {
            MarketError::Client(error) => error.into(),
            MarketError::Post(error) => error.into(),
            MarketError::Ledger(error)
            | MarketError::Open(OpenError::Ledger(error))
            | MarketError::Stall(StallError::Ledger(error))
            | MarketError::Enquire(EnquireError::Ledger(error)) => of_ledger(&error),
            MarketError::Shelf(error)
            | MarketError::Shop(ShopError::Shelf(error))
            | MarketError::Open(OpenError::Shelf(error))
            | MarketError::Stall(StallError::Shelf(error)) => of_shelf(&error),
            MarketError::Ended(end) | MarketError::Enquire(EnquireError::Refused(end)) => {
                of_end(&end)
            }
            MarketError::Open(OpenError::TooSmall { .. }) => Self::usage(cause).next("raise --max"),
            MarketError::NoOffer => Self::new(Exit::NotFound, cause)
                .next("see what is for sale with `weft market list`"),
            MarketError::Enquire(_) => Self::new(Exit::Unreachable, cause)
                .next("the seller may be away: try again later, or choose another offer"),
            MarketError::Net(_) => {
                Self::failed(cause).next("choose another address with --listen HOST:PORT")
            }
            MarketError::Terms { .. } => Self::usage(cause),
            MarketError::Open(_)
            | MarketError::Shop(_)
            | MarketError::Identity(_)
            | MarketError::NoRandomness => Self::failed(cause),
        }
    }
}

fn of_ledger(error: &LedgerError) -> Failure {
    let LedgerError::Refused { code, .. } = error else {
        return Failure::new(Exit::Unreachable, error)
            .next("check that the node runs; what was begun goes on when you repeat the command");
    };
    if code == "not_proven" {
        return Failure::new(Exit::NotProven, error)
            .next("nothing was paid for it; ask another node of the network: --node URL");
    }
    let failure = Failure::new(Exit::Refused, error);
    match code.as_str() {
        "insufficient" => failure.next("see `weft balance`; on a dev network `weft faucet` helps"),
        "small_deposit" => failure.next("raise --max: a deposit is at least what an account is"),
        "no_offer" | "offer_differs" => failure.next("list the offers again: `weft market list`"),
        "no_channel" => failure.next("see `weft market channels`"),
        "not_yours" => failure.next("name the key of the account that may: --key FILE"),
        _ => failure,
    }
}

fn of_shelf(error: &ShelfError) -> Failure {
    match error {
        ShelfError::Locked { .. } => Failure::failed(error).next(
            "end the command that runs there (a running `sell` claims by itself), or name another \
             folder with --dir DIR",
        ),
        ShelfError::Foreign { .. } | ShelfError::Format { .. } => {
            Failure::usage(error).next("name another folder with --dir DIR")
        }
        _ => Failure::failed(error),
    }
}

/// How a purchase ended that did not end well.
pub(super) fn of_end(end: &End) -> Failure {
    let failure = Failure::new(Exit::Refused, end);
    match end {
        End::SpendCap { .. } => failure.next("raise --max"),
        End::DepositUsed | End::ChainUsed | End::Settled => {
            failure.next("repeat the command with a higher --max: it opens another channel")
        }
        End::TooDear { .. } => failure.next("raise --exposure"),
        End::NotAsSealed { .. } | End::Broken(_) => {
            failure.next("nothing was paid for it; choose another offer")
        }
        End::Cheated { .. } | End::Silent { .. } => failure
            .next("`weft market withdraw CHANNEL` brings the rest of the deposit back in a day"),
        End::Refused(_) | End::Stopped | End::Unsigned(_) => failure,
    }
}
