//! Bodies signed beforehand, in a file, and their replay at a rate, whatever becomes of them.
//!
//! The file is a list of sealed bodies, each behind its length as `u32`, little-endian. Parents,
//! anchor and work are chosen on the way: an anchor is good for 600 rounds, so a flood that is
//! longer cannot be attached beforehand.
//!
//! Bounded: the file is read as it is sent, and what a node is not ready to take is not sent.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use weft_core::{
    codec::{Decode as _, Encode as _},
    params::TRANSACTION_BYTES_MAX,
    tx::SealedBody,
};

use super::super::{drive::Lane, issuers::Issuers};
use crate::failure::Failure;

/// Bodies signed before they are written.
const CHUNK: usize = 4_096;

/// Bytes that may wait for one node before what is due is left out.
const WAITING_MAX: usize = 1 << 20;

/// A file of bodies.
pub(super) struct Flood(PathBuf);

/// What was replayed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Replayed {
    pub(super) sent: u64,
    /// What its node was not ready to take when it was due.
    pub(super) left_out: u64,
}

impl Flood {
    /// Signs `count` readings of `bytes` bytes into `path`.
    pub(super) fn sign(
        path: PathBuf,
        issuers: &mut Issuers,
        count: usize,
        bytes: usize,
    ) -> Result<Self, Failure> {
        let failed = |error| cannot("write", &path, &error);
        let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
        let mut left = count;
        while left > 0 {
            let signed = issuers.sign(left.min(CHUNK), bytes)?;
            left -= signed.len();
            for sealed in signed {
                let bytes = sealed.to_bytes();
                let length = u32::try_from(bytes.len()).map_err(Failure::failed)?;
                let written = file.write_all(&length.to_le_bytes());
                written.and_then(|()| file.write_all(&bytes)).map_err(failed)?;
            }
        }
        // The disk is done with it before anything is measured.
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        Ok(Self(path))
    }

    /// Sends `per_second` of it through `lanes` in turn, for `time` at most. Blocks.
    pub(super) fn replay(
        &self,
        lanes: &mut [Lane],
        per_second: f64,
        time: Duration,
    ) -> Result<Replayed, Failure> {
        let failed = |error| cannot("read", &self.0, &error);
        let mut file = BufReader::new(File::open(&self.0).map_err(failed)?);
        let (start, mut replayed, turns) = (Instant::now(), Replayed::default(), lanes.len());
        let mut turn = 0_usize;
        while let Some(bytes) = next(&mut file).map_err(failed)? {
            let due = start + Duration::from_secs_f64(turn as f64 / per_second);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if start.elapsed() >= time {
                break;
            }
            let sealed = SealedBody::from_bytes(&bytes).map_err(Failure::failed)?;
            let lane = lanes.get_mut(turn % turns.max(1));
            match lane.filter(|lane| lane.feed.waiting() < WAITING_MAX) {
                Some(lane) => {
                    lane.send(sealed);
                    replayed.sent += 1;
                }
                None => replayed.left_out += 1,
            }
            turn += 1;
        }
        Ok(replayed)
    }
}

/// The next body, as bytes; `None` at the end.
fn next(file: &mut impl io::Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if file.by_ref().take(4).read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    file.read_exact(&mut length[1..])?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > TRANSACTION_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a length that no body has"));
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

fn cannot(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("cannot {action} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use weft_core::{genesis::Genesis, params::Params};

    use super::*;

    #[test]
    fn what_was_signed_is_read_back_one_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let genesis = Genesis::without_finality("flood", Params::dev());
        let mut issuers = Issuers::generate(&genesis, 2).unwrap();
        let flood = Flood::sign(dir.path().join("flood.bin"), &mut issuers, 5, 32).unwrap();
        let mut file = File::open(&flood.0).unwrap();
        let mut sequences = Vec::new();
        while let Some(bytes) = next(&mut file).unwrap() {
            sequences.push(SealedBody::from_bytes(&bytes).unwrap().body.sequence.0);
        }
        assert_eq!(sequences, [0, 0, 1, 1, 2]);
    }

    #[test]
    fn a_cut_file_is_an_error_and_no_end() {
        assert!(next(&mut &[][..]).unwrap().is_none());
        assert!(next(&mut &[4, 0][..]).is_err());
        assert!(next(&mut &[4, 0, 0, 0, 9][..]).is_err());
        assert!(next(&mut &[0xff; 8][..]).is_err());
    }
}
