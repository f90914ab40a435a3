//! A paid stream for applications: readings through the node's own purchase, or 402 with what is
//! needed to pay.
//!
//! The 402 has the shape of x402 version 2 with scheme `batch-settlement`: one entry of `accepts`
//! names the price, the payee and, in `extra`, all that opens a channel. It comes in the body, as
//! members of a problem (RFC 9457 section 3.2), and in the header `PAYMENT-REQUIRED` in base64.
//!
//! Left out on purpose: paying over HTTP. A channel is opened on the ledger, and its payments go to
//! the seller over QUIC.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_client::host::market::Bought;
use weft_core::{
    digest::BodyId,
    machine::Archive,
    market::{objects::Listing, terms::GRACE_MIN},
};

use super::{
    SharedApi,
    params::Segment,
    problem::{Answer, Problem},
    shapes::hex,
};
use crate::{
    live::{Heard, LiveError},
    quota::Client,
};

/// Silence after which a comment shows that the connection stands.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Where x402 has the requirements, in base64.
const PAYMENT_REQUIRED: HeaderName = HeaderName::from_static("payment-required");

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(live))
}

/// What is needed to pay: a problem with the members of x402, version 2.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PaymentRequired {
    /// `/problems/payment_required`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The code in words.
    title: &'static str,
    /// 402.
    status: u16,
    /// Cause and next step.
    detail: String,
    /// `payment_required`.
    code: &'static str,
    /// 2.
    #[serde(rename = "x402Version")]
    version: u8,
    /// The cause, where x402 looks for it.
    error: String,
    /// What is asked for.
    resource: Resource,
    /// The ways to pay: one.
    accepts: [Requirement; 1],
}

/// What is asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Resource {
    /// Its path.
    url: String,
    /// What people see.
    description: String,
    /// `text/event-stream`.
    mime_type: &'static str,
}

/// A way to pay.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Requirement {
    /// `batch-settlement`: a deposit that is paid out for what was shown to be paid.
    scheme: &'static str,
    /// `weft:` and the network's number.
    network: String,
    /// Base units for each tick.
    amount: String,
    /// Base units of the network.
    asset: &'static str,
    /// The address of who is paid.
    pay_to: String,
    /// How long the offer stays listed at most, in seconds.
    max_timeout_seconds: u64,
    /// All that opens a channel and finds the seller.
    extra: Extra,
}

/// All that opens a channel and finds the seller.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Extra {
    /// The offer.
    offer: String,
    /// What a tick pays for.
    unit: &'static str,
    /// The least deposit: what an account must begin with, and at least one tick.
    min_deposit: String,
    /// The least grace of a channel, in milliseconds.
    min_grace_ms: u64,
    /// The protocol of the session: its ALPN over QUIC.
    protocol: &'static str,
    /// Who will prove to be at the addresses.
    endpoint: String,
    /// Where the seller is, the best first.
    addresses: Vec<String>,
    /// The command that does it all.
    command: String,
}

/// A reading that the node has paid for.
#[derive(Serialize, ToSchema)]
struct LiveReading {
    /// The chunk that it came in.
    chunk: u64,
    /// Its place in the chunk.
    place: usize,
    /// When it was taken, ms since the Unix epoch.
    time: u64,
    /// How to read the bytes.
    content_type: u16,
    /// The reading, if it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Its bytes in hexadecimal, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    /// The body that has the chunk's batch: `/v1/proofs/{id}` proves it.
    batch: String,
    /// Ticks that the node's channel has paid up to its chunk.
    ticks: u32,
}

impl LiveReading {
    fn of(bought: &Bought) -> Self {
        let Bought { chunk, place, batch, ticks, reading, is_proved: _ } = bought;
        let text = std::str::from_utf8(&reading.bytes).ok().map(str::to_owned);
        Self {
            chunk: *chunk,
            place: *place,
            time: reading.time.as_millis(),
            content_type: reading.content_type.0,
            data: text.is_none().then(|| hex(&reading.bytes)),
            text,
            batch: batch.to_string(),
            ticks: *ticks,
        }
    }
}

/// The readings of an offer as they come, as server-sent events of kind `reading`, paid for by the
/// account that the operator has named (`market.key_file`), for applications on this machine. One
/// purchase serves all of them. Kind `note`: the seller is away, or chunks are missing; kind
/// `ended`, with the cause, before the end; kind `lagged` before a slow reader is cut. Where the
/// node buys nothing, or for strangers: 402 with what is needed to open a channel.
#[utoipa::path(
    get, path = "/v1/market/streams/{id}/live", tag = "market", params(("id" = String,)),
    responses(
        (status = 200, body = LiveReading, content_type = "text/event-stream"),
        (status = 400, body = Problem),
        (status = 402, body = PaymentRequired),
        (status = 404, body = Problem),
        (status = 503, body = Problem),
    )
)]
async fn live(
    State(api): State<SharedApi>,
    Extension(client): Extension<Client>,
    Segment(id): Segment<BodyId>,
) -> Answer<Response> {
    let listing = api.read(move |store| Archive::new(store).listing(&id)).await?;
    let listing = listing.ok_or_else(|| {
        Problem::not_found(format!(
            "no offer {id} is listed; GET /v1/market/offers lists what is for sale"
        ))
    })?;
    if !api.live.buys() {
        let cause = "this node buys nothing: set market.key_file, or open a channel yourself";
        return Ok(required(&api, &listing, cause));
    }
    if !client.is_this_machine() && !api.live.is_exposed() {
        let cause = "this node buys for its own machine alone: open a channel yourself";
        return Ok(required(&api, &listing, cause));
    }
    let place = api.subscribers.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("too many event streams are open"))?;
    match api.live.read(id).await {
        Ok(heard) => Ok(events(heard, place).into_response()),
        Err(LiveError::Market(error)) => {
            Ok(required(&api, &listing, &format!("this node opened no channel: {error}")))
        }
        Err(error @ LiveError::Busy { .. }) => Err(Problem::busy(&error.to_string())),
        Err(error) => {
            let detail = format!("{error}; the operator of this node can mend that");
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "buyer", detail))
        }
    }
}

fn events(
    heard: broadcast::Receiver<Heard>,
    place: OwnedSemaphorePermit,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + Send> {
    let state = Some((heard, Arc::new(place)));
    let events = stream::unfold(state, |state| async move {
        let (mut heard, place) = state?;
        let (event, goes_on) = match heard.recv().await {
            Ok(Heard::Reading(bought)) => (reading(&bought), true),
            Ok(Heard::Note(note)) => (Event::default().event("note").data(&*note), true),
            Ok(Heard::Ended(cause)) => (Event::default().event("ended").data(&*cause), false),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                let missed = format!("{missed} readings were not taken in time; connect again");
                (Event::default().event("lagged").data(missed), false)
            }
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some((Ok(event), goes_on.then_some((heard, place))))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("alive"))
}

fn reading(bought: &Bought) -> Event {
    let shown = LiveReading::of(bought);
    let id = format!("{}.{}", shown.chunk, shown.place);
    let data = serde_json::to_string(&shown).expect("texts and numbers are JSON");
    Event::default().event("reading").id(id).data(data)
}

fn required(api: &SharedApi, listing: &Listing, cause: &str) -> Response {
    let offer = &listing.offer;
    let (id, price) = (listing.id, offer.price);
    let command = format!("weft market buy {id} --max 1000");
    let now = api.status.borrow().committed.1;
    let requirement = Requirement {
        scheme: "batch-settlement",
        network: format!("weft:{}", api.genesis.network()),
        amount: price.to_string(),
        asset: "base",
        pay_to: listing.seller.text(api.genesis.kind),
        max_timeout_seconds: offer.expiry.since(now).as_millis() / 1_000,
        extra: Extra {
            offer: id.to_string(),
            unit: offer.unit.name(),
            min_deposit: price.max(api.genesis.params.dust).to_string(),
            min_grace_ms: GRACE_MIN.as_millis(),
            protocol: "weft-market/1",
            endpoint: offer.endpoint.to_string(),
            addresses: offer.addresses.iter().map(ToString::to_string).collect(),
            command: command.clone(),
        },
    };
    let body = PaymentRequired {
        kind: "/problems/payment_required",
        title: "payment required",
        status: StatusCode::PAYMENT_REQUIRED.as_u16(),
        detail: format!("{cause}; `{command}` does"),
        code: "payment_required",
        version: 2,
        error: cause.to_owned(),
        resource: Resource {
            url: format!("/v1/market/streams/{id}/live"),
            description: offer.title.as_str().to_owned(),
            mime_type: "text/event-stream",
        },
        accepts: [requirement],
    };
    let json = serde_json::to_vec(&body).expect("texts and numbers are JSON");
    let mut response = (StatusCode::PAYMENT_REQUIRED, json.clone()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Ok(value) = HeaderValue::from_str(&base64(&json)) {
        headers.insert(PAYMENT_REQUIRED, value);
    }
    response
}

/// Base64 with padding (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4_usize {
            let digit = (bits >> (18 - 6 * at)) & 63;
            let digit = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
            text.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, text) in pairs {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }
}
