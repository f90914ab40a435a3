//! A market on a simulated ledger: who pays, who serves, and what the ledger makes of it.
//!
//! Buyer and seller are the machines of `weft-market`, the ledger is a committee of the unmodified
//! machine in a [`World`](crate::World), whose judges hold every commit against a naive ledger.
//! Between buyer and seller lies a wire with a delay, and each has a disk that forgets what was not
//! synced. Each lives beside a node of that world: it goes down with it, sees what it sees, and the
//! wire is cut where the way between the two nodes is. So value is created or lost here if it is
//! anywhere.
//!
//! Invariant: after each step the losses of both sides are inside the table (`judges::losses`).
//!
//! Left out on purpose: frames that are lost or bent (the tests of `weft-market` do nothing else).

mod exchange;
mod home;
mod pump;
mod trade;

pub use self::{exchange::Exchange, trade::Trade};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use weft_core::{time::Span, units::Amount};
    use weft_market::seller::Limits;

    use super::*;
    use crate::judges::Rule;

    /// A judge that never spoke proves nothing.
    #[test]
    fn a_disk_that_forgets_what_it_synced_is_noticed() {
        let exchange = Exchange::new(3, 1, 2).unwrap();
        let secs = Span::from_secs;
        let limits = Limits { margin: secs(20), lasting: secs(30), ..Limits::default() };
        let mut trade = Trade::new(exchange, limits, Amount(2_000), secs(7_200)).unwrap();
        trade.start_seller();
        trade.start_buyer();
        trade.publish(3);
        trade.run(secs(3)).unwrap();
        assert_eq!((trade.written(), trade.delivered().len()), (3, 1));
        trade.counters.clear();
        assert_eq!(trade.run(secs(1)).unwrap_err().rule, Rule::C17Losses);
    }
}
