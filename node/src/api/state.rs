//! How the node is: status, peers, health, metrics.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{
    machine::{By, Status, SyncStatus, WaitsFor},
    time::Time,
};
use weft_net::PeerInfo;

use super::{Api, SharedApi, params::Cursor, problem::Answer};
use crate::{
    health::{Readiness, Vitals},
    metrics::{Levels, signing_kind},
    pace::PaceShown,
};

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(peers))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// A number of things and their bytes.
#[derive(Serialize, ToSchema)]
struct Amount {
    /// How many.
    count: usize,
    /// Their bytes.
    bytes: u64,
}

/// What the store says of itself.
#[derive(Serialize, ToSchema)]
struct StoreStatus {
    /// Transactions that the disk had forgotten at the last start.
    lost: u64,
    /// Bytes on disk.
    disk_bytes: u64,
    /// Journals that wait to be merged.
    journals: u64,
}

/// How this node is.
#[derive(Serialize, ToSchema)]
struct StatusAnswer {
    /// Its id.
    node: String,
    /// The version it runs.
    version: &'static str,
    /// The number of its network: 4 bytes in hexadecimal.
    network: String,
    /// The genesis of its network.
    genesis: String,
    /// The name of its network.
    label: String,
    /// How long it has run, in ms.
    uptime_ms: u64,
    /// The cursor of the newest transaction: how many there are.
    #[schema(value_type = String)]
    position: Cursor,
    /// Tips.
    tips: usize,
    /// The live DAG.
    live: Amount,
    /// Transactions that wait for a parent.
    waiting: Amount,
    /// Transactions that wait for their key.
    held: Amount,
    /// Missing things that are being asked for.
    wanted: usize,
    /// Connected peers.
    peers: usize,
    /// Addresses of other nodes that it remembers.
    known_addresses: usize,
    /// Whether it is fetching a past that it missed.
    syncing: bool,
    /// How it gets to where the others are, if it missed much.
    #[serde(skip_serializing_if = "Option::is_none")]
    sync: Option<SyncShown>,
    /// How far finality has come.
    finality: FinalityStatus,
    /// How much passes, and how fast it becomes final.
    pace: PaceShown,
    /// Its store.
    store: StoreStatus,
}

/// How far finality has come at this node.
#[derive(Serialize, ToSchema)]
struct FinalityStatus {
    /// The last commit; 0 is the genesis.
    committed: u64,
    /// Its id; of the genesis, that of the network.
    commit: String,
    /// The committee's time of it: the ledger's clock, ms since the Unix epoch.
    time: u64,
    /// When this node made it, ms since the Unix epoch; or when it started.
    made_at: u64,
    /// The last commit that a quorum vouches for.
    certified: u64,
    /// The highest round of which a quorum of checkpoints is here.
    round: u64,
    /// The round that the committee has reached for sure, as far as was heard since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<u64>,
    /// Transactions that wait for their place in the order.
    unordered: usize,
    /// The lowest commit that is kept; 1 if none was pruned.
    lowest: u64,
    /// Whether this node signs checkpoints: `follower` (it is no validator), `asking` (it asks the
    /// others what it signed before), `active`, `observer` (it forgot) or `alarmed`.
    signing: &'static str,
}

/// How a node gets to where the others are.
#[derive(Serialize, ToSchema)]
struct SyncShown {
    /// `commits`: it executes each; `snapshot`: it fetches the ledger as it was.
    by: &'static str,
    /// The last commit here.
    at: u64,
    /// The commit it leads to.
    to: u64,
    /// Parts of the ledger to come, of 256.
    parts: usize,
    /// Commits a second, since it began.
    commits_per_second: u64,
    /// What it waits for: `offer`, `commits` (no peer has the next any more), `snapshot` (no peer
    /// has that one any more), `answers` or `disk`.
    waits_for: &'static str,
}

impl SyncShown {
    fn of(sync: &SyncStatus, now: Time) -> Self {
        Self {
            by: match sync.by {
                By::Commits => "commits",
                By::Snapshot => "snapshot",
            },
            at: sync.at.0,
            to: sync.to.0,
            parts: sync.parts,
            commits_per_second: sync.commits_per_second(now),
            waits_for: match sync.waits_for {
                WaitsFor::Offer => "offer",
                WaitsFor::Commits(_) => "commits",
                WaitsFor::Snapshot(_) => "snapshot",
                WaitsFor::Answers => "answers",
                WaitsFor::Disk => "disk",
            },
        }
    }
}

/// How this node is.
#[utoipa::path(
    get, path = "/v1/status", tag = "node", responses((status = 200, body = StatusAnswer))
)]
async fn status(State(api): State<SharedApi>) -> Json<StatusAnswer> {
    let status = api.status.borrow().clone();
    let stats = api.checks.store.stats();
    let (count, bytes) = api.checks.held_size();
    Json(StatusAnswer {
        node: api.own.to_string(),
        version: crate::VERSION,
        network: api.genesis.network().to_string(),
        genesis: api.genesis.id().to_string(),
        label: api.genesis.label.clone(),
        uptime_ms: millis(api.started.elapsed()),
        position: Cursor::newest(status.next),
        tips: status.tip_count,
        live: Amount { count: status.live_count, bytes: status.live_bytes },
        waiting: Amount { count: status.waiting_count, bytes: status.waiting_bytes },
        held: Amount { count, bytes },
        wanted: status.wanted,
        peers: status.peers.len(),
        known_addresses: status.known_addresses,
        syncing: status.fetching || status.sync.is_some(),
        sync: status.sync.map(|sync| SyncShown::of(&sync, api.clock.now())),
        finality: FinalityStatus {
            committed: status.anchor.index.0,
            commit: status.committed.0.to_string(),
            time: status.committed.1.as_millis(),
            made_at: api.pulse.committed_at().as_millis(),
            certified: status.certified.0,
            round: status.round.0,
            heard: status.heard.map(|round| round.0),
            unordered: status.unordered,
            lowest: status.lowest.0,
            signing: signing_kind(status.signing),
        },
        pace: api.metrics.pace(),
        store: StoreStatus {
            lost: api.lost,
            disk_bytes: stats.disk_bytes,
            journals: stats.journals,
        },
    })
}

/// One connected peer.
#[derive(Serialize, ToSchema)]
struct Peer {
    /// Its id.
    id: String,
    /// Where it accepts connections, if it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Where the connection comes from or leads to.
    remote: String,
    /// `in` if the peer dialled, `out` if this node did.
    direction: &'static str,
    /// Whether the operator named it.
    fixed: bool,
    /// Points left of 1,000; at 0 it is dropped. Time gives back what faults took.
    score: u64,
    /// Whether it gets bytes rather than announcements.
    eager: bool,
    /// Bytes in frames to it.
    sent_bytes: u64,
    /// Bytes in frames from it.
    received_bytes: u64,
    /// Bytes in UDP datagrams to it: frames, acknowledgements, and all that was sent again.
    udp_sent_bytes: u64,
    /// Bytes in UDP datagrams from it.
    udp_received_bytes: u64,
    /// Bytes that wait to be sent to it.
    waiting_bytes: u64,
    /// Round trip time, smoothed, in ms.
    rtt_ms: f64,
}

/// The connected peers.
#[derive(Serialize, ToSchema)]
struct Peers {
    /// By id.
    peers: Vec<Peer>,
}

/// The connected peers.
#[utoipa::path(get, path = "/v1/peers", tag = "node", responses((status = 200, body = Peers)))]
async fn peers(State(api): State<SharedApi>) -> Json<Peers> {
    let status = api.status.borrow().clone();
    let mut infos = api.net.peers();
    infos.sort_by_key(|info| info.id);
    Json(Peers { peers: infos.iter().map(|info| Peer::of(info, &status)).collect() })
}

impl Peer {
    /// What the network and the machine know of one peer; the machine may not know it yet.
    fn of(info: &PeerInfo, status: &Status) -> Self {
        /// Points of a peer that did nothing wrong.
        const FULL: u64 = 1_000;
        let known = status.peers.iter().find(|peer| peer.id == info.id);
        Self {
            id: info.id.to_string(),
            address: known.and_then(|peer| peer.address).map(|address| address.to_string()),
            remote: info.remote.to_string(),
            direction: if info.inbound { "in" } else { "out" },
            fixed: info.fixed,
            score: FULL.saturating_sub(known.map_or(0, |peer| peer.blame)),
            eager: known.is_some_and(|peer| peer.eager),
            sent_bytes: info.frames_sent,
            received_bytes: info.frames_received,
            udp_sent_bytes: info.udp_sent,
            udp_received_bytes: info.udp_received,
            waiting_bytes: info.waiting as u64,
            rtt_ms: info.rtt.as_secs_f64() * 1_000.0,
        }
    }
}

/// That the process answers.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the process answers at all.
#[utoipa::path(get, path = "/healthz", tag = "node", responses((status = 200, body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether the node is fit to be used, and if not, why and what to do.
#[utoipa::path(
    get, path = "/readyz", tag = "node",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
async fn readyz(State(api): State<SharedApi>) -> (StatusCode, Json<Readiness>) {
    let readiness = api.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

/// Counters for Prometheus, as OpenMetrics text.
#[utoipa::path(
    get, path = "/metrics", tag = "node",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
async fn metrics(State(api): State<SharedApi>) -> Answer<Response> {
    let text = api.metrics.encode(&api.levels());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response())
}

impl Api {
    fn readiness(&self) -> Readiness {
        let store = &self.checks.store;
        let health = store.health().map_err(|error| error.to_string());
        Vitals {
            stopped: self.cause.borrow().clone(),
            store: health.map(|()| store.stats()),
            busy_since: self.pulse.busy_since(),
            now: self.clock.now(),
            status: &self.status.borrow(),
            fixed_peers: self.net.fixed().len(),
            own: self.own,
            committee: &self.genesis.committee,
            committed_at: self.pulse.committed_at(),
        }
        .readiness()
    }

    fn levels(&self) -> Levels {
        let status = self.status.borrow().clone();
        let stats = self.checks.store.stats();
        let (held_count, held_bytes) = self.checks.held_size();
        Levels {
            peers: status.peers.len(),
            known_addresses: status.known_addresses,
            tips: status.tip_count,
            position: status.next.0,
            live_count: status.live_count,
            live_bytes: status.live_bytes,
            waiting_count: status.waiting_count,
            waiting_bytes: status.waiting_bytes,
            in_line_count: status.in_line_count,
            in_line_bytes: status.in_line_bytes,
            turned_away: status.turned_away,
            held_count,
            held_bytes,
            wanted: status.wanted,
            seen_entries: self.checks.seen.len(),
            keys_cached: self.checks.keys.len(),
            submissions: self.submitter.waiting(),
            machine_queue: self.queue.len(),
            subscribers: self.feed.subscribers(),
            disk_bytes: stats.disk_bytes,
            journals: stats.journals,
            committed: status.anchor.index.0,
            certified: status.certified.0,
            round: status.round.0,
            unordered: status.unordered,
            lowest: status.lowest.0,
            sync_target: status.sync.map_or(0, |sync| sync.to.0),
            signing: signing_kind(status.signing),
            ready: self.readiness().ready,
        }
    }
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
