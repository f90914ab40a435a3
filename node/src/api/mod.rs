//! The HTTP API, version 1.
//!
//! Reads come from snapshots of the store and from the published status; the machine is never
//! asked. Every refusal is a problem (RFC 9457) with a cause and a next step; nothing that a client
//! sends can do more harm than that.
//!
//! Left out on purpose: TLS, logins and CORS. A proxy in front does these better; the default
//! address is this machine's own.

mod dag;
pub(crate) mod events;
mod evidence;
mod fate;
mod genesis;
mod history;
mod keys;
mod ledger;
mod live;
mod market;
pub(crate) mod params;
pub(crate) mod problem;
mod query;
pub(crate) mod reattach;
mod resume;
pub(crate) mod serve;
mod settle;
mod shapes;
mod state;
mod submit;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
    time::timeout,
};
use utoipa::openapi::{InfoBuilder, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use weft_core::{
    address::Address,
    digest::{NodeId, TxId},
    genesis::Genesis,
    machine::{Input, Status},
};
use weft_net::Net;
use weft_storage::Store;

use self::problem::{Answer, Problem};
use crate::{
    checks::Checks, clock::Clock, config::ApiConfig, explorer, feed::Feed, health::StopCause,
    live::Live, metrics::Metrics, queue::Queue, quota::Quota, recent::Recent, run::Pulse,
    stop::Stop, submit::Submitter, turns::Turns, work::Workers,
};

/// What the handlers see of the node.
pub(crate) struct Api {
    pub(crate) own: NodeId,
    pub(crate) genesis: Genesis,
    pub(crate) config: ApiConfig,
    pub(crate) checks: Arc<Checks>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) net: Arc<Net>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) status: watch::Receiver<Arc<Status>>,
    pub(crate) submitter: Submitter,
    pub(crate) queue: Arc<Queue<Input>>,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) clock: Clock,
    pub(crate) started: Instant,
    /// Transactions that the disk had forgotten when the store was opened.
    pub(crate) lost: u64,
    pub(crate) quota: Quota,
    pub(crate) workers: Workers,
    pub(crate) turns: Turns,
    /// Transactions that registered accounts, as far as they came through this API.
    pub(crate) registrations: Recent<Address, TxId>,
    pub(crate) subscribers: Arc<Semaphore>,
    /// Streams that are bought for local applications.
    pub(crate) live: Arc<Live>,
    /// No request is to be taken any more.
    pub(crate) stopping: Stop,
    /// Why the node runs no more.
    pub(crate) cause: watch::Receiver<Option<StopCause>>,
}

/// The state of all handlers.
pub(crate) type SharedApi = Arc<Api>;

impl Api {
    /// Reads the store on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> T + Send + 'static,
    ) -> Answer<T> {
        let store = self.checks.store.clone();
        let done = spawn_blocking(move || {
            let answer = read(&*store);
            // A store that failed answers "nothing there", which would be a lie.
            store.health().map(|()| answer)
        });
        let answer = done.await.map_err(|_| Problem::stopping())?;
        answer.map_err(|error| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store", error.to_string())
        })
    }
}

/// All routes over `api`.
pub(crate) fn router(api: SharedApi) -> Router {
    let info = InfoBuilder::new()
        .title("Weft node")
        .version(crate::VERSION)
        .description(Some("Positions and cursors are those of the answering node alone."));
    let (router, openapi) = OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build())
        .merge(submit::routes())
        .merge(query::routes())
        .merge(ledger::routes())
        .merge(history::routes())
        .merge(keys::routes())
        .merge(market::routes())
        .merge(live::routes())
        .merge(evidence::routes())
        .merge(events::routes())
        .merge(dag::routes())
        .merge(genesis::routes())
        .merge(state::routes())
        .split_for_parts();
    let openapi = openapi.to_json().expect("what the macros make is JSON");
    let openapi = ([(CONTENT_TYPE, "application/json")], Bytes::from(openapi));
    router
        .route("/openapi.json", get(async move || openapi.clone()))
        .merge(explorer::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(api.clone(), guard))
        .with_state(api)
}

/// Counts every answer, and ends every request in time. Event streams have answered long before.
async fn guard(State(api): State<SharedApi>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("unknown", MatchedPath::as_str).to_owned();
    let limit = Duration::from_millis(api.config.request_timeout_ms);
    let response = timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let detail = "the request took too long; what it asked for may still be done";
        Problem::timeout(detail).into_response()
    });
    api.metrics.request(&route, response.status().as_u16());
    response
}

async fn unknown_path() -> Problem {
    Problem::not_found("there is no such path; / is for people, GET /openapi.json lists the others")
}

async fn wrong_method() -> Problem {
    let detail = "this path takes another method; GET /openapi.json lists them";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}
