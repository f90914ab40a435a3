//! HTTP: `POST /up/{device}/{stream}`, receipts, MQTT over WebSocket at `/mqtt`, metrics.
//!
//! The token comes as `Authorization: Bearer TOKEN`. A request with an `Idempotency-Key` is taken
//! once, however often it comes. Refusals are problems (RFC 9457) with the cause and the next step.
//!
//! Invariant: 201 comes after the message is on disk.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, WebSocketUpgrade, ws::Message},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{SinkExt as _, StreamExt as _, future::ready};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::{
    listen::{Speak, told},
    mqtt::Mqtt,
};
use crate::{
    clock::Clock,
    decode::{Declared, FormatError, PAYLOAD_BYTES_MAX},
    device::DeviceName,
    intake::Intake,
    metrics::Metrics,
    queue::{Backlog, Store},
    receipt::{Receipt, Stage},
    upload::{Delivery, MessageId, Refusal, Upload, delivery_name},
};

/// Longest wait for the head of a request; an idle connection is closed after it.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// Longest wait for the body of a request.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Longest head of a request, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// What the routes work with.
pub(crate) struct Http {
    pub(crate) intake: Arc<Intake>,
    pub(crate) store: Arc<Store>,
    pub(crate) backlog: Arc<Mutex<Backlog>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) mqtt: Arc<Mqtt>,
    pub(crate) clock: Clock,
    pub(crate) stop: watch::Receiver<bool>,
}

/// Speaks HTTP.
pub(crate) struct HttpSpeaker(Router);

impl HttpSpeaker {
    pub(crate) fn new(http: Http) -> Self {
        let router = Router::new()
            .route("/up/{device}/{*stream}", post(up))
            .route("/receipts/{device}/{id}", get(receipt))
            .route("/mqtt", get(websocket))
            .route("/metrics", get(metrics))
            .route("/healthz", get(async || "ok\n"))
            // Longer ones get the decoder's own words, up to here.
            .layer(DefaultBodyLimit::max(4 * PAYLOAD_BYTES_MAX))
            .with_state(Arc::new(http));
        Self(router)
    }
}

impl Speak for HttpSpeaker {
    async fn speak<Io>(&self, io: Io, mut stop: watch::Receiver<bool>)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(self.0.clone());
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_BYTES);
        let connection = http.serve_connection(TokioIo::new(io), service).with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = told(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke");
        }
    }
}

/// Who asks: the device of the path, with the token of the header.
fn device(http: &Http, name: &str, headers: &HeaderMap) -> Result<DeviceName, Refusal> {
    let header = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let token = header.and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    http.intake.authenticate(name, token.unwrap_or_default().as_bytes())
}

async fn up(
    State(http): State<Arc<Http>>,
    Path((name, stream)): Path<(String, String)>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Response {
    // Before the body is read: a stranger's is not.
    let device = match device(&http, &name, &headers) {
        Ok(device) => device,
        Err(refusal) => return problem(&refusal),
    };
    let limit = PAYLOAD_BYTES_MAX + 1;
    let read = tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, limit)).await;
    let Ok(Ok(payload)) = read else {
        return problem(&FormatError::TooLong { actual: limit }.into());
    };
    match take(&http, device, stream, &headers, payload).await {
        Ok(taken) => taken,
        Err(refusal) => problem(&refusal),
    }
}

async fn take(
    http: &Http,
    device: DeviceName,
    stream: String,
    headers: &HeaderMap,
    payload: Bytes,
) -> Result<Response, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = text(CONTENT_TYPE.as_str()).unwrap_or_default();
    let declared = Declared::media_type(content_type)
        .ok_or_else(|| FormatError::UnknownType { actual: content_type.to_owned() })?;
    let delivery = text("idempotency-key").map_or(Delivery::Unnamed, |key| {
        let device = device.as_str().as_bytes();
        Delivery::Once(delivery_name(&[b"http", device, stream.as_bytes(), key.as_bytes()]))
    });
    let of = device.clone();
    let upload = Upload { device, stream, payload: payload.to_vec(), declared, delivery };
    let pending = http.intake.submit(upload).await?;
    let accepted = http.intake.accepted(pending).await?;
    let receipt =
        Receipt { device: of.clone(), messages: vec![accepted.id], stage: Stage::Accepted };
    let location = format!("/receipts/{of}/{}", accepted.id);
    let status = if accepted.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, [(LOCATION, location)], json_answer(receipt.to_json())).into_response())
}

async fn receipt(
    State(http): State<Arc<Http>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let device = match device(&http, &name, &headers) {
        Ok(device) => device,
        Err(refusal) => return problem(&refusal),
    };
    let id = u64::from_str_radix(&id, 16).ok().filter(|_| id.len() == 16).map(MessageId);
    let found = id.map(|id| http.store.receipt(&device, id));
    match found {
        Some(Ok(Some(json))) => json_answer(json),
        Some(Err(error)) => {
            tracing::error!(%error, "a receipt cannot be read");
            problem(&Refusal::Storage)
        }
        Some(Ok(None)) | None => {
            let detail = "no such message of this device is waiting, on its way, or among the \
                last that were final";
            said(StatusCode::NOT_FOUND, "not_found", detail, None)
        }
    }
}

async fn metrics(State(http): State<Arc<Http>>) -> Response {
    let levels = http.backlog.lock().unwrap_or_else(PoisonError::into_inner).levels();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], http.metrics.text(levels, http.clock.now())).into_response()
}

/// MQTT over WebSocket (MQTT 5.0 section 6): binary frames, however the packets lie in them.
async fn websocket(State(http): State<Arc<Http>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["mqtt"]).max_message_size(64 * 1024).on_upgrade(async move |socket| {
        let (sink, stream) = socket.split();
        let aborted = || io::Error::from(io::ErrorKind::ConnectionAborted);
        let stream = stream.filter_map(move |message| {
            ready(match message {
                Ok(Message::Binary(bytes)) => Some(Ok::<_, io::Error>(bytes)),
                Ok(Message::Close(_)) | Err(_) => Some(Err(aborted())),
                // Pings are answered by the library; text is no MQTT.
                Ok(_) => None,
            })
        });
        let sink = sink
            .sink_map_err(|error: axum::Error| io::Error::other(error))
            .with::<Bytes, _, _, io::Error>(|bytes| ready(Ok(Message::Binary(bytes))));
        let reader = StreamReader::new(Box::pin(stream));
        let writer = SinkWriter::new(CopyToBytes::new(Box::pin(sink)));
        http.mqtt.speak(tokio::io::join(reader, writer), http.stop.clone()).await;
    })
}

fn json_answer(json: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}

fn problem(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::Login => StatusCode::UNAUTHORIZED,
        Refusal::NotAllowed { .. } => StatusCode::FORBIDDEN,
        Refusal::Format(FormatError::TooLong { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Format(FormatError::UnknownType { .. }) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::Format(_) => StatusCode::BAD_REQUEST,
        Refusal::Quota { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Full { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Storage => StatusCode::INTERNAL_SERVER_ERROR,
    };
    said(status, refusal.code(), &refusal.to_string(), refusal.retry_after())
}

fn said(status: StatusCode, code: &str, detail: &str, retry_after: Option<Duration>) -> Response {
    let problem = json!({
        "type": format!("/problems/{code}"), "title": code.replace('_', " "),
        "status": status.as_u16(), "detail": detail, "code": code,
    });
    let mut response = (status, json_answer(problem.to_string().into_bytes())).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(wait) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}
