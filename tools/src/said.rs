//! What a body of the market says, in a line for people.

use weft_client::host::Said;

/// What it says; of any other body, that this version does not know it.
pub(crate) fn of_market(said: &Said) -> String {
    match said {
        Said::Offer(offer) => {
            format!("offered {:?} for {} per {}", offer.stream, offer.price, offer.unit)
        }
        Said::OfferEnd { offer } => format!("ended offer {offer}"),
        Said::ChannelOpen(terms) => {
            format!("opened a channel to {} with {}", terms.payee, terms.deposit)
        }
        Said::ChannelTopUp { channel, amount, .. } => format!("added {amount} to {channel}"),
        Said::ChannelClaim { channel, ticks, .. } => format!("claimed {ticks} ticks of {channel}"),
        Said::ChannelClose { channel, ticks: Some(ticks) } => {
            format!("closed channel {channel} at {ticks} ticks")
        }
        Said::ChannelClose { channel, ticks: None } => format!("closed channel {channel}"),
        Said::ChannelWithdraw { channel } => format!("asked to end channel {channel}"),
        Said::Data(_) | Said::Transfer { .. } | Said::KeyRotate { .. } | Said::Other => {
            "something that this version does not know".to_owned()
        }
    }
}
