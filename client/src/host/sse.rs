//! Server-sent events, from bytes: the part of the HTML standard that a node uses.
//!
//! In: bytes in pieces of any size. Out: whole events. Invariant: what is held is bounded by
//! [`EVENT_BYTES_MAX`]; a stream that sends more without ending an event is refused.

/// Longest event, in bytes: the longest reading in hexadecimal, with room for its fields.
pub(super) const EVENT_BYTES_MAX: usize = 256 * 1024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerEvent {
    /// Its kind; empty means `message`.
    pub(super) kind: String,
    /// Its id: the cursor to resume after.
    pub(super) id: Option<String>,
    /// What it carries.
    pub(super) data: String,
}

/// An event grew beyond [`EVENT_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event longer than {EVENT_BYTES_MAX} bytes")]
pub(super) struct TooLong;

/// Splits a stream into events.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// Bytes of a line that has not ended.
    line: Vec<u8>,
    /// The event that has not ended.
    open: ServerEvent,
    has_data: bool,
}

impl Parser {
    /// Takes the next bytes and appends the events that end in them to `events`.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        events: &mut impl Extend<ServerEvent>,
    ) -> Result<(), TooLong> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.open.data.len() > EVENT_BYTES_MAX {
                return Err(TooLong);
            }
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line);
                events.extend(self.end_line(line.trim_end_matches(['\r', '\n'])));
            }
        }
        Ok(())
    }

    fn end_line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.open);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.open.kind),
            "id" => self.open.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.open.data.push('\n');
                }
                self.open.data.push_str(value);
                self.has_data = true;
            }
            // Comments are heartbeats; `retry` is ignored, since our own back-off is bounded.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = ": hello\n\nevent: attached\nid: 7\ndata: {\"a\":1}\n\n\
        id:8\r\ndata:x\r\ndata: y\r\n\r\nevent: empty\nid: 9\n\n: beat\n\ndata\n\n";

    fn event(kind: &str, id: Option<&str>, data: &str) -> ServerEvent {
        ServerEvent { kind: kind.into(), id: id.map(Into::into), data: data.into() }
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let expected = [
            event("attached", Some("7"), "{\"a\":1}"),
            event("", Some("8"), "x\ny"),
            event("", None, ""),
        ];
        for size in 1..=TEXT.len() {
            let (mut parser, mut events) = (Parser::default(), Vec::new());
            for piece in TEXT.as_bytes().chunks(size) {
                parser.feed(piece, &mut events).unwrap();
            }
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut events = Vec::new();
        let endless_line = vec![b'x'; EVENT_BYTES_MAX + 1];
        assert_eq!(Parser::default().feed(&endless_line, &mut events), Err(TooLong));
        let mut parser = Parser::default();
        let line = [b"data: ".as_slice(), &[b'x'; 1_000], b"\n"].concat();
        let fed = (0..1_000).try_for_each(|_| parser.feed(&line, &mut events));
        assert_eq!((fed, events), (Err(TooLong), Vec::new()));
    }
}
