//! C17: what a trade may cost either side, whatever crashed (docs/MARKET.md section 6).
//!
//! Left out on purpose: a seller that cheats. What its buyer risks then is the same exposure, and
//! `weft-market`'s own tests hold that.

use super::{Broken, Rule, expect};

/// What either side has at stake at one time, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stakes {
    /// The highest payment that ever left the buyer.
    pub said: u32,
    /// The highest payment on the buyer's disk.
    pub paid: u32,
    /// The highest payment on the seller's disk.
    pub written: u32,
    /// What the chunks cost whose readings the user has.
    pub opened: u32,
    /// The buyer's exposure: the price of one chunk.
    pub risk: u32,
}

/// C17, at any time before the channel is settled.
pub fn inside_the_table(stakes: &Stakes) -> Result<(), Broken> {
    let Stakes { said, paid, written, opened, risk } = *stakes;
    let at_most = |lost: u32, most: u32, what: &str| {
        expect(Rule::C17Losses, lost <= most, || format!("{what}: {lost} ticks of {stakes:?}"))
    };
    at_most(said.saturating_sub(opened), risk, "the buyer paid and has no readings")?;
    at_most(said.saturating_sub(written), risk, "the seller was paid and does not know it")?;
    at_most(opened.saturating_sub(written), 0, "the seller gave keys for what it cannot claim")?;
    at_most(said.saturating_sub(paid), 0, "the buyer forgot what it paid, and may pay it again")
}

/// C17, of a channel that ended with `claimed` ticks: all that brought readings was claimed, and
/// nothing that was not paid.
pub fn ends_as_paid(stakes: &Stakes, claimed: u32) -> Result<(), Broken> {
    let holds = (stakes.opened..=stakes.said).contains(&claimed);
    expect(Rule::C17Losses, holds, || format!("{claimed} ticks claimed in the end of {stakes:?}"))
}
