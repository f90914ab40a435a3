//! One buyer's connection, as the shop serves it: a task that reads, a task that writes.
//!
//! Invariant: `Up` is the first and `Down` the last that the shop hears of a connection, and each
//! comes once. A chunk is read from the shelf only when its turn to be written comes, so what waits
//! for a slow buyer are a few words for each chunk, and not its bytes.

use std::{any::Any, sync::Arc, time::Duration};

use bytes::Bytes;
use quinn::{SendStream, VarInt};
use tokio::{sync::mpsc, time::timeout};
use weft_core::{codec::Encode as _, digest::BodyId};

use super::{ciphertexts::Ciphertexts, heard::Heard};
use crate::{
    drive::link::{LinkError, Receiver},
    frame::{Refusal, Sample, SealedChunk, ToBuyer, ToSeller},
    hello::{EXPORTER_LABEL, Exporter},
    seller::{self, Connection},
};

/// How long a buyer may take to open its stream.
const OPEN_TIME: Duration = Duration::from_secs(10);

/// How long the last words may take to arrive.
const FAREWELL: Duration = Duration::from_secs(2);

/// What waits to be said to one buyer; when full, it does not read, and is cut.
const WAITING_MAX: usize = 256;

/// What QUIC holds of one buyer's words, in bytes: a hello with all its leaves fits.
const RECEIVE_BYTES: u32 = 32 * 1024;

/// Chunks on their way to one buyer, in bytes; beyond, they wait to be read from the shelf.
const SEND_BYTES: u64 = 512 * 1024;

/// The code with which a session is closed in good order.
const CLOSED: VarInt = VarInt::from_u32(0);

/// Something to say to one buyer.
#[derive(Debug)]
pub(super) enum Say {
    Frame(ToBuyer),
    Chunk {
        sequence: u64,
        ticks: u32,
        end: u32,
        batch: BodyId,
    },
    Sample {
        sequence: u64,
        batch: BodyId,
        key: [u8; 32],
    },
    /// Nothing more: close once all is said.
    End(Refusal),
}

/// A connection that is served, as the shop keeps it.
#[derive(Debug)]
pub(super) struct Session {
    say: mpsc::Sender<Say>,
    quic: quinn::Connection,
}

impl Session {
    /// Says something without waiting. Who does not read is cut.
    pub(super) fn say(&self, what: Say) {
        if self.say.try_send(what).is_err() {
            self.quic.close(CLOSED, b"too slow: connect again and resume");
        }
    }
}

/// Serves a connection to its end. `guard` is dropped with it.
pub(super) async fn serve(
    number: Connection,
    quic: quinn::Connection,
    guard: Box<dyn Any + Send>,
    heard: mpsc::Sender<Heard>,
    chunks: Arc<Ciphertexts>,
) {
    quic.set_receive_window(VarInt::from_u32(RECEIVE_BYTES));
    quic.set_send_window(SEND_BYTES);
    quic.set_max_concurrent_bi_streams(VarInt::from_u32(1));
    let mut exporter = Exporter::default();
    let exported = quic.export_keying_material(&mut exporter, EXPORTER_LABEL, &[]);
    let opened = timeout(OPEN_TIME, quic.accept_bi()).await;
    let (Ok(()), Ok(Ok((sender, receiver)))) = (exported, opened) else {
        return quic.close(CLOSED, b"no session was begun");
    };
    let (say, waiting) = mpsc::channel(WAITING_MAX);
    let session = Session { say, quic: quic.clone() };
    if heard.send(Heard::Up { number, exporter, session }).await.is_err() {
        return quic.close(CLOSED, b"the seller stops");
    }
    let writer = tokio::spawn(write(quic.clone(), sender, waiting, chunks));
    read(number, Receiver::new(receiver), &heard).await;
    // A half that ended may still be told why; then the writer ends the whole.
    quic.closed().await;
    let _ = heard.send(Heard::Input(seller::Input::Down { connection: number })).await;
    // The shop has dropped its end by now, or is gone itself.
    writer.abort();
    drop(guard);
}

async fn read(connection: Connection, mut receiver: Receiver, heard: &mpsc::Sender<Heard>) {
    loop {
        let input = match receiver.next::<ToSeller>().await {
            Ok(Some(frame)) => seller::Input::Frame { connection, frame },
            Err(LinkError::Frame(_) | LinkError::Malformed(_)) => {
                let _ = heard.send(Heard::Input(seller::Input::Malformed { connection })).await;
                return;
            }
            Ok(None) | Err(LinkError::Lost(_) | LinkError::Ended) => return,
        };
        if heard.send(Heard::Input(input)).await.is_err() {
            return;
        }
    }
}

async fn write(
    quic: quinn::Connection,
    mut stream: SendStream,
    mut waiting: mpsc::Receiver<Say>,
    chunks: Arc<Ciphertexts>,
) {
    while let Some(what) = waiting.recv().await {
        let Some(mut pieces) = pieces(what, &chunks).await else { break };
        if stream.write_all_chunks(&mut pieces).await.is_err() {
            break;
        }
    }
    let _ = stream.finish();
    let _ = timeout(FAREWELL, stream.stopped()).await;
    quic.close(CLOSED, b"done");
}

/// A frame in as many pieces as it has owners; `None` at the end, or where a chunk is gone.
async fn pieces(what: Say, chunks: &Ciphertexts) -> Option<Vec<Bytes>> {
    match what {
        Say::Frame(frame) => Some(vec![frame.to_bytes().into()]),
        Say::Chunk { sequence, ticks, end, batch } => {
            let ciphertext = chunks.find(sequence).await?;
            let chunk = SealedChunk { sequence, ticks, end, batch, ciphertext };
            Some(vec![chunk.frame_head().into(), chunk.ciphertext])
        }
        Say::Sample { sequence, batch, key } => {
            let ciphertext = chunks.find(sequence).await?;
            let sample = Sample { sequence, batch, key, ciphertext };
            Some(vec![sample.frame_head().into(), sample.ciphertext])
        }
        Say::End(refusal) => {
            tracing::debug!(%refusal, "a session ends");
            None
        }
    }
}
