//! Asks a seller for its terms, and for a free sample: no channel is needed.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use weft_core::{
    codec::Encode as _,
    digest::BodyId,
    market::{
        batch::{Chunk, SealLevel, SealedBatch},
        objects::Listing,
    },
};

use super::{
    dial::{self, Dial, DialError},
    ledger::{Ledger, LedgerError},
    link::{LinkError, Receiver},
    stall::look,
};
use crate::{
    buyer::{Answer, End, Enquiry},
    frame::{Quote, ToBuyer},
};

/// How long the whole answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum EnquireError {
    /// The seller is not reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The connection broke, or what came is no answer.
    #[error("no answer from the seller: {0}")]
    Link(#[from] LinkError),
    /// It took too long.
    #[error("the seller did not answer within {} s; ask again later", ANSWER_TIME.as_secs())]
    Late,
    /// The seller refuses, or lies.
    #[error(transparent)]
    Refused(#[from] End),
    /// The ledger cannot be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What a seller answers.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// Its terms, which are those on the ledger.
    pub quote: Quote,
    /// Chunks to look at, each held against the ledger.
    pub chunks: Vec<SampleChunk>,
}

/// A chunk that was given away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleChunk {
    /// Its place in the stream.
    pub sequence: u64,
    /// The body that has its batch.
    pub batch: BodyId,
    /// Its readings.
    pub chunk: Chunk,
}

/// Asks the seller of `listing`; with `sample` for what it gives away before.
pub async fn enquire(
    ledger: &dyn Ledger,
    dial: &dyn Dial,
    listing: &Listing,
    level: SealLevel,
    sample: bool,
) -> Result<Sampled, EnquireError> {
    let asked = ask(ledger, dial, listing, Enquiry::new(listing.clone(), level), sample);
    timeout(ANSWER_TIME, asked).await.map_err(|_| EnquireError::Late)?
}

async fn ask(
    ledger: &dyn Ledger,
    dial: &dyn Dial,
    listing: &Listing,
    mut enquiry: Enquiry,
    sample: bool,
) -> Result<Sampled, EnquireError> {
    let quic = dial::reach(dial, listing).await?;
    let (mut sender, receiver) = quic.open_bi().await.map_err(LinkError::from)?;
    let question = Bytes::from(enquiry.ask(sample).to_bytes());
    sender.write_chunk(question).await.map_err(LinkError::from)?;
    let mut receiver = Receiver::new(receiver);
    let (mut chunks, mut quote) = (Vec::new(), None);
    while quote.is_none() {
        let frame: ToBuyer = receiver.next().await?.ok_or(LinkError::Ended)?;
        match enquiry.said(frame)? {
            Answer::Quote(terms) => quote = Some(terms),
            Answer::Look(body) => {
                let found: Option<Box<SealedBatch>> = look(ledger, body, listing).await?;
                let found = enquiry.found(body, found.as_deref())?;
                chunks.extend(found.map(|(sequence, chunk)| SampleChunk {
                    sequence,
                    batch: body,
                    chunk,
                }));
            }
        }
    }
    quic.close(0_u32.into(), b"thank you");
    let quote = quote.ok_or(LinkError::Ended)?;
    Ok(Sampled { quote, chunks })
}
