//! Where readings come from: an argument, a file, the lines of standard input, the rows of a table.
//!
//! Invariant: what is read ahead is bounded by [`AHEAD_MAX`] readings; a line is posted when it
//! comes, not when the input ends.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    thread,
};

use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;
use weft_core::params::PAYLOAD_BYTES_MAX;

use super::Args;
use crate::failure::Failure;

/// Readings read before they are posted.
const AHEAD_MAX: usize = 64;

/// One reading and where it came from, for errors.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) struct Item {
    pub(in crate::commands) place: String,
    pub(in crate::commands) bytes: Vec<u8>,
}

/// Readings, one after the other.
pub(in crate::commands) type Items = BoxStream<'static, Result<Item, Failure>>;

/// What the arguments name.
pub(super) fn open(args: &Args) -> Result<Items, Failure> {
    if let Some(text) = &args.data {
        return Ok(one("--data", text.clone().into_bytes()));
    }
    if let Some(path) = &args.file {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        // One more than fits tells that it does not, without reading a whole disk.
        let limit = PAYLOAD_BYTES_MAX as u64 + 1;
        let read = open_file(path)?.take(limit).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(path, &error))?;
        return Ok(one(&name, bytes));
    }
    match &args.csv {
        Some(path) => table(path),
        None => Ok(standard_input()),
    }
}

/// The rows of the table at `path`; `-` is standard input.
pub(in crate::commands) fn table(path: &Path) -> Result<Items, Failure> {
    let table: Box<dyn Read + Send> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(open_file(path)?),
    };
    Ok(read_ahead(rows(table)?).boxed())
}

/// The lines of standard input.
pub(in crate::commands) fn standard_input() -> Items {
    read_ahead(lines(BufReader::new(io::stdin()))).boxed()
}

fn one(place: &str, bytes: Vec<u8>) -> Items {
    stream::iter([Ok(Item { place: place.to_owned(), bytes })]).boxed()
}

fn open_file(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}

/// Reads on a thread of its own: reading may wait for a person.
fn read_ahead(
    items: impl Iterator<Item = Result<Item, Failure>> + Send + 'static,
) -> impl Stream<Item = Result<Item, Failure>> + Send {
    let (sender, receiver) = mpsc::channel(AHEAD_MAX);
    thread::spawn(move || {
        for item in items {
            if sender.blocking_send(item).is_err() {
                return;
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async move {
        let item = receiver.recv().await?;
        Some((item, receiver))
    })
}

/// Each line that is not empty, without its end. A longer one than fits is cut where it no longer
/// does, and refused later.
fn lines(mut input: impl BufRead) -> impl Iterator<Item = Result<Item, Failure>> {
    let mut number = 0_u64;
    std::iter::from_fn(move || {
        loop {
            let mut bytes = Vec::new();
            let limit = PAYLOAD_BYTES_MAX as u64 + 2;
            let read = (&mut input).take(limit).read_until(b'\n', &mut bytes);
            number += 1;
            let place = format!("line {number}");
            match read {
                Err(error) => {
                    return Some(Err(Failure::failed(format!("standard input: {error}"))));
                }
                Ok(0) => return None,
                Ok(_) => {}
            }
            while bytes.ends_with(b"\n") || bytes.ends_with(b"\r") {
                bytes.pop();
            }
            if !bytes.is_empty() {
                return Some(Ok(Item { place, bytes }));
            }
        }
    })
}

/// Each row as a JSON object, its fields in the order and by the names of the first row.
fn rows(table: impl Read) -> Result<impl Iterator<Item = Result<Item, Failure>>, Failure> {
    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(table);
    let wrong = |error: csv::Error| Failure::usage(format!("the table cannot be read: {error}"));
    let names = table.headers().map_err(wrong)?.clone();
    if names.iter().all(str::is_empty) {
        let cause = "the table has no first row with names";
        return Err(Failure::usage(cause).next("put the names of the columns into the first row"));
    }
    if let Some(twice) = names
        .iter()
        .enumerate()
        .find(|(at, name)| names.iter().take(*at).any(|earlier| earlier == *name))
    {
        return Err(Failure::usage(format!("two columns of the table are called {:?}", twice.1)));
    }
    let mut records = table.into_records();
    Ok(std::iter::from_fn(move || {
        let record = match records.next()? {
            Ok(record) => record,
            Err(error) => return Some(Err(wrong(error))),
        };
        let line = record.position().map_or(0, csv::Position::line);
        let bytes = object(&names, &record).into_bytes();
        Some(Ok(Item { place: format!("line {line}"), bytes }))
    }))
}

/// A row as a JSON object. Numbers and `true`, `false`, `null` stay what they are, nothing is null,
/// all else is text: `007` and `1,5` are no numbers of JSON.
fn object(names: &csv::StringRecord, record: &csv::StringRecord) -> String {
    let field = |(name, value): (&str, &str)| {
        let value = match value {
            "" => "null".to_owned(),
            value if is_scalar(value) => value.to_owned(),
            value => serde_json::Value::from(value).to_string(),
        };
        format!("{}:{value}", serde_json::Value::from(name))
    };
    let fields: Vec<_> = names.iter().zip(record).map(field).collect();
    format!("{{{}}}", fields.join(","))
}

fn is_scalar(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || "-tfn".contains(c));
    begins && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: impl Iterator<Item = Result<Item, Failure>>) -> Vec<String> {
        items.map(|item| String::from_utf8(item.unwrap().bytes).unwrap()).collect()
    }

    #[test]
    fn rows_become_objects_in_the_order_of_the_table() {
        let table = "time,room,ok,note\n1,hall,true,\"a \"\"b\"\"\"\n-2.5e3,007,nul,\n";
        let rows: Vec<_> = texts(rows(table.as_bytes()).unwrap());
        assert_eq!(
            rows,
            [
                r#"{"time":1,"room":"hall","ok":true,"note":"a \"b\""}"#,
                r#"{"time":-2.5e3,"room":"007","ok":"nul","note":null}"#,
            ]
        );
        assert!(rows.iter().all(|row| serde_json::from_str::<serde_json::Value>(row).is_ok()));
    }

    #[test]
    fn a_table_that_makes_no_objects_is_refused() {
        for table in ["", "\n", "a,b,a\n1,2,3\n"] {
            assert!(rows(table.as_bytes()).is_err(), "{table:?}");
        }
        let ragged = rows("a,b\n1,2\n3\n".as_bytes()).unwrap();
        let results: Vec<_> = ragged.collect();
        assert!(results[0].is_ok() && results[1].is_err());
    }

    #[test]
    fn lines_end_where_they_end_and_empty_ones_are_none() {
        let input = b"one\r\n\n\ntwo\nlast without end".as_slice();
        let items: Vec<_> = lines(input).map(Result::unwrap).collect();
        let places: Vec<_> = items.iter().map(|item| item.place.as_str()).collect();
        assert_eq!(places, ["line 1", "line 4", "line 5"]);
        assert_eq!(texts(items.into_iter().map(Ok)), ["one", "two", "last without end"]);
    }

    #[test]
    fn an_endless_line_is_not_read_to_its_end() {
        let mut lines = lines(BufReader::new(io::repeat(b'x')));
        let length = lines.next().unwrap().unwrap().bytes.len();
        assert!(length > PAYLOAD_BYTES_MAX && length < 2 * PAYLOAD_BYTES_MAX);
    }
}
