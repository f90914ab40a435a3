//! `weft post`: posts one reading, the lines of standard input, or the rows of a table.
//!
//! Invariant: the ids come out in the order of the readings, each once its reading is on the disk
//! of the node; the first that fails ends the command.

pub(in crate::commands) mod source;

use std::path::PathBuf;

use clap::ArgGroup;
use futures_util::{Stream, StreamExt as _};
use serde_json::json;
use weft_client::host::{Attach, NewReading, Posted, Poster};
use weft_core::tx::{ContentType, StreamName};

use crate::{account::Account, failure::Failure, output::Output, target::Target};
use source::Item;

/// Readings on their way at once: one sync of the node's disk then serves many.
const ON_THEIR_WAY_MAX: usize = 64;

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").required(true).args(["data", "file", "csv", "stdin"]))]
pub(crate) struct Args {
    /// The stream to post to: 1 to 64 bytes of UTF-8
    stream: String,
    /// Post this text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    data: Option<String>,
    /// Post the bytes of a file as one reading
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Post each row of a CSV file as a JSON object, named by the first row; `-` = standard input
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// `-`: post each line of standard input
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
    /// How to read the bytes: text, raw, json, cbor, senml-json, senml-cbor or a number [default:
    /// json for a JSON object or array, text for other UTF-8, raw for the rest]
    #[arg(long, value_name = "TYPE", value_parser = parse_content_type)]
    content_type: Option<ContentType>,
    /// Key file of the account [default: ~/.config/weft/key, made when it is first needed]
    #[arg(long, value_name = "FILE", env = "WEFT_KEY")]
    key: Option<PathBuf>,
    /// Who chooses the parents and does the work: this machine or the node
    #[arg(long, value_enum, default_value_t = AttachAt::Here)]
    attach: AttachAt,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum AttachAt {
    #[value(name = "self")]
    Here,
    #[value(name = "node")]
    Node,
}

pub(in crate::commands) fn parse_content_type(text: &str) -> Result<ContentType, String> {
    let named = ContentType::from_name(text).or_else(|| text.parse().ok().map(ContentType));
    named.ok_or_else(|| {
        "types are text, raw, json, cbor, senml-json, senml-cbor or a number below 65536".to_owned()
    })
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    StreamName::parse(&args.stream).map_err(Failure::usage)?;
    let node = args.target.client()?;
    let items = source::open(&args)?;
    let mut account = Account::open(args.key.as_deref(), output)?;
    let attach = match args.attach {
        AttachAt::Here => Attach::Here,
        AttachAt::Node => Attach::AtNode,
    };
    let poster = account.poster(node, attach).await?;
    let posted = post_all(&args, &poster, items, output).await;
    account.remember(&poster).await?;
    posted
}

async fn post_all(
    args: &Args,
    poster: &Poster,
    items: impl Stream<Item = Result<Item, Failure>>,
    output: Output,
) -> Result<(), Failure> {
    // Nothing is taken behind the first that cannot be read.
    let items = items.scan(false, |failed, item| {
        let item = (!*failed).then_some(item);
        *failed = matches!(item, Some(Err(_)));
        async { item }
    });
    let posts = items.map(async |item| {
        let item = item?;
        let reading = reading(args, item.bytes);
        let posted = poster.post(reading).await;
        posted.map_err(|error| Failure::from(error).during(item.place))
    });
    let mut results = std::pin::pin!(posts.buffered(ON_THEIR_WAY_MAX));
    let mut count = 0_u64;
    while let Some(result) = results.next().await {
        match result {
            Ok(posted) => show(&posted, &args.stream, output)?,
            Err(failure) if count == 0 => return Err(failure),
            Err(failure) => return Err(failure.during(format!("after {count} readings"))),
        }
        count += 1;
    }
    Ok(())
}

fn reading(args: &Args, bytes: Vec<u8>) -> NewReading {
    let content_type = args.content_type.unwrap_or_else(|| guess(&bytes));
    NewReading::now(&args.stream, content_type, bytes)
}

/// What bytes are if nobody says.
pub(in crate::commands) fn guess(bytes: &[u8]) -> ContentType {
    let begins_json =
        bytes.trim_ascii_start().starts_with(b"{") || bytes.trim_ascii_start().starts_with(b"[");
    if begins_json && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
        return ContentType::JSON;
    }
    if std::str::from_utf8(bytes).is_ok() { ContentType::TEXT } else { ContentType::RAW }
}

fn show(posted: &Posted, stream: &str, output: Output) -> Result<(), Failure> {
    let Posted { id, body, position, sequence } = posted;
    let value = json!({
        "id": id.to_string(), "body": body.to_string(), "position": position,
        "sequence": sequence.0, "stream": stream,
    });
    output.show(&value, || id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_bytes_is_guessed_as_documented() {
        for (bytes, expected) in [
            (&b"{\"v\":1}"[..], ContentType::JSON),
            (b" [1, 2]\n", ContentType::JSON),
            (b"{\"v\":", ContentType::TEXT),
            (b"21.4", ContentType::TEXT),
            (b"", ContentType::TEXT),
            (b"\xff\xfe", ContentType::RAW),
        ] {
            assert_eq!(guess(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn content_types_have_names_and_numbers() {
        assert_eq!(parse_content_type("senml-cbor"), Ok(ContentType::SENML_CBOR));
        assert_eq!(parse_content_type("40000"), Ok(ContentType(40_000)));
        assert!(parse_content_type("xml").is_err() && parse_content_type("70000").is_err());
    }
}
