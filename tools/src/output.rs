//! Standard output: lines for people, or one JSON value per line for programs.
//!
//! Invariant: results go to standard output, all else to standard error, so that a pipe carries
//! results only. A reader that goes away ends the command quietly.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::failure::Failure;

/// Where results go, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// One result: as JSON, or as the text for people.
    pub(crate) fn show(
        self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json { self.value(value) } else { self.line(&text()) }
    }

    /// One line of JSON, whatever was asked for.
    pub(crate) fn value(self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(&serde_json::to_string(value).map_err(Failure::failed)?)
    }

    /// Text as it is, and the end of a line.
    pub(crate) fn line(self, text: &str) -> Result<(), Failure> {
        self.bytes(format!("{}\n", text.trim_end_matches('\n')).as_bytes())
    }

    /// Bytes as they are.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::closed(),
            _ => Failure::failed(format!("cannot write to standard output: {error}")),
        })
    }

    /// Something worth knowing that is no result. Best effort: a closed standard error is no reason
    /// to stop.
    pub(crate) fn note(self, text: &str) {
        let _ = if self.json {
            writeln!(io::stderr(), "{}", serde_json::json!({ "note": text }))
        } else {
            writeln!(io::stderr(), "{text}")
        };
    }
}

/// The bytes of a reading as the members `text` and `data` have them: as text if they are UTF-8,
/// else as hexadecimal digits.
pub(crate) fn text_or_hex(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(hex(bytes))),
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
