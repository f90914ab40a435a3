//! `weft market list`: what is for sale.

use weft_client::host::ListedOffer;

use super::desk::Desk;
use crate::{failure::Failure, output::Output, time::date};

/// Offers asked for at once.
const PAGE: u16 = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only streams with this name
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// Only what this address sells
    #[arg(long, value_name = "ADDRESS")]
    seller: Option<String>,
    #[command(flatten)]
    desk: Desk,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.desk.node()?;
    let (stream, seller) = (args.stream.as_deref(), args.seller.as_deref());
    let (mut after, mut count) = (None, 0_u64);
    loop {
        let page = node.offers(after.as_deref(), PAGE, stream, seller).await?;
        for offer in &page.items {
            output.show(offer, || text(offer))?;
            count += 1;
        }
        if after.as_ref() == Some(&page.next) || (after.is_none() && page.next == "0") {
            break;
        }
        after = Some(page.next);
    }
    if count == 0 {
        output.note("nothing is for sale; `weft market sell` offers a stream");
    }
    Ok(())
}

fn text(listed: &ListedOffer) -> String {
    let ListedOffer { id, seller, offer, .. } = listed;
    let sample = match offer.sample_readings {
        0 => "no sample".to_owned(),
        count => format!("sample: {count} readings"),
    };
    let (title, stream, price) = (&offer.title, &offer.stream, offer.price);
    let (unit, until) = (&offer.unit, date(offer.expiry));
    let stream = if title == stream { String::new() } else { format!("  stream {stream:?}") };
    format!("{id}  {title:?}{stream}\n  {price} per {unit}, {sample}, until {until}\n  by {seller}")
}
