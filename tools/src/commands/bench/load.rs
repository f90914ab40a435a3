//! `weft bench load`: an open loop.
//!
//! Each body has a moment at which it is meant to be sent, whatever became of those before, and all
//! its latencies count from that moment: a system that stalls is charged for everything that it
//! kept waiting. Bodies are signed before the clock starts; parents and work are chosen on the way,
//! by this machine, and belong to what is measured.

use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    time::Duration,
};

use clap::value_parser;
use futures_util::{StreamExt as _, future::try_join_all};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};
use weft_client::host::{ClientError, Filter, Followed, Kinds, NodeClient};
use weft_core::{digest::BodyId, params::PAYLOAD_BYTES_MAX, tx::SealedBody};

use super::{
    report::{Report, Stage},
    senders::Sender,
};
use crate::{failure::Failure, output::Output, target::Target};

/// How long to wait for finality after the last body.
const FAREWELL: Duration = Duration::from_secs(20);

/// Bodies on their way at once, beyond which further ones count as errors: a bound for this
/// machine's memory.
const ON_THEIR_WAY_MAX: usize = 20_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Bodies per second
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// For how long
    #[arg(long, value_name = "S", value_parser = value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Nodes to post to in turn; the last one is watched [default: the one of --node]
    #[arg(long, value_name = "URL,URL..", value_delimiter = ',')]
    nodes: Vec<String>,
    /// Bytes of each reading
    #[arg(
        long,
        value_name = "B",
        default_value_t = 64,
        value_parser = value_parser!(u16).range(0..PAYLOAD_BYTES_MAX as i64 - 64),
    )]
    bytes: u16,
    /// Accounts that sign in turn
    #[arg(
        long,
        value_name = "K",
        default_value_t = 8,
        value_parser = value_parser!(u16).range(1..=1_000),
    )]
    senders: u16,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let nodes = match args.nodes.as_slice() {
        [] => vec![args.target.client()?],
        urls => urls.iter().map(|url| NodeClient::new(url)).collect::<Result<_, ClientError>>()?,
    };
    // With several, nothing is posted to the one that is watched.
    let (watched, entries) = match nodes.split_last() {
        Some((last, [])) => (last, std::slice::from_ref(last)),
        Some((last, others)) => (last, others),
        None => return Err(Failure::usage("no node is named")),
    };
    let total = args.rate as usize * args.seconds as usize;
    let count = usize::from(args.senders).min(total);
    output.note(&format!("registers {count} accounts and signs {total} bodies"));
    let node = |at: usize| entries.iter().cycle().nth(at).unwrap_or(watched).clone();
    let senders = try_join_all((0..count).map(|at| Sender::register(node(at)))).await?;
    let each = total.div_ceil(count);
    let bytes = usize::from(args.bytes);
    let signed = try_join_all(senders.iter().map(|sender| sender.sign(each, bytes))).await?;
    let plan = interleave(signed, total);
    output.note(&format!("posts {} a second for {} s", args.rate, args.seconds));
    let measured = measure(&args, &senders, plan, watched).await?;
    output.show(&measured, || Report::text(&measured))
}

/// The bodies in the order in which they are sent: one of each sender in turn.
fn interleave(signed: Vec<Vec<SealedBody>>, total: usize) -> Vec<(usize, SealedBody)> {
    let mut queues: Vec<_> = signed.into_iter().map(Vec::into_iter).collect();
    let senders = queues.len();
    let turns = (0..total).map(|turn| turn % senders);
    turns.filter_map(|at| Some((at, queues.get_mut(at)?.next()?))).collect()
}

/// What a body came to, as it is told by those who post.
type Told = (Instant, Result<Instant, String>);

async fn measure(
    args: &Args,
    senders: &[Sender],
    plan: Vec<(usize, SealedBody)>,
    watched: &NodeClient,
) -> Result<serde_json::Value, Failure> {
    let total = plan.len();
    let filter = Filter { kinds: Kinds::ALL, ..Filter::default() };
    let mut events = pin!(watched.events(filter));
    // The events are polled from here on: a moment to connect, before the first is sent.
    let start = Instant::now() + Duration::from_millis(500);
    let gap = Duration::from_secs(1) / args.rate;
    let due = |turn: usize| start + gap * u32::try_from(turn).unwrap_or(u32::MAX);
    let mut watch = Watch::new(
        plan.iter().enumerate().map(|(turn, (_, sealed))| (sealed.body.id(), due(turn))),
    );
    let (told, mut answers) = mpsc::channel(1_024);
    let posters: Vec<_> = senders.iter().map(|sender| sender.poster.clone()).collect();
    let post = tokio::spawn(async move {
        let mut posts = JoinSet::new();
        for (turn, (at, sealed)) in plan.into_iter().enumerate() {
            let due = start + gap * u32::try_from(turn).unwrap_or(u32::MAX);
            sleep_until(due).await;
            while posts.try_join_next().is_some() {}
            let Some(poster) = posters.get(at).cloned() else { continue };
            let told = told.clone();
            if posts.len() >= ON_THEIR_WAY_MAX {
                let _ = told.send((due, Err("not_sent".to_owned()))).await;
                continue;
            }
            posts.spawn(async move {
                let sent = poster.send(&sealed).await;
                let answer = sent.map(|_| Instant::now()).map_err(|error| kind(&error));
                // Nobody may be interested any more.
                let _ = told.send((due, answer)).await;
            });
        }
        posts.join_all().await;
    });
    let end = due(total) + FAREWELL;
    let mut answered = 0;
    while answered < total || !watch.is_complete() {
        let next = timeout_at(end, async {
            tokio::select! {
                Some(told) = answers.recv() => Ok(Some(told)),
                followed = events.next() => match followed {
                    Some(followed) => followed.map(|followed| { watch.follow(&followed); None }),
                    None => std::future::pending().await,
                },
            }
        });
        match next.await {
            Ok(Ok(Some(told))) => {
                answered += 1;
                watch.answered(told);
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => break,
        }
    }
    post.abort();
    let seconds = f64::from(args.seconds);
    Ok(watch.report.value(total, seconds, watch.committed_after(start)))
}

/// What programs go by of an error.
fn kind(error: &ClientError) -> String {
    match error {
        ClientError::Refused(problem) => problem.code.clone(),
        ClientError::Unreachable { .. } => "unreachable".to_owned(),
        _ => "other".to_owned(),
    }
}

/// What became of the bodies of this run.
struct Watch {
    due: HashMap<BodyId, Instant>,
    /// By commit: when the bodies that it ordered were due.
    uncertified: BTreeMap<u64, Vec<Instant>>,
    report: Report,
    /// How many can still be certified.
    open: usize,
    last_committed: Option<Instant>,
}

impl Watch {
    fn new(due: impl Iterator<Item = (BodyId, Instant)>) -> Self {
        let due: HashMap<_, _> = due.collect();
        let (open, report) = (due.len(), Report::default());
        Self { due, uncertified: BTreeMap::new(), report, open, last_committed: None }
    }

    const fn is_complete(&self) -> bool {
        self.open == 0
    }

    fn answered(&mut self, (due, answer): Told) {
        match answer {
            Ok(at) => self.report.reached(Stage::Accepted, at.saturating_duration_since(due)),
            Err(kind) => {
                self.open = self.open.saturating_sub(1);
                self.report.failed(kind);
            }
        }
    }

    fn follow(&mut self, followed: &Followed) {
        let now = Instant::now();
        match followed {
            Followed::Reading(reading) => {
                if let Some(due) = self.due.get(&reading.body) {
                    self.report.reached(Stage::Attached, now.saturating_duration_since(*due));
                }
            }
            // A further attachment of a body comes later, and changes nothing.
            Followed::Committed(committed) => {
                if let Some(due) = self.due.remove(&committed.body) {
                    self.report.outcome(&committed.outcome.code);
                    self.report.reached(Stage::Committed, now.saturating_duration_since(due));
                    self.uncertified.entry(committed.commit).or_default().push(due);
                    self.last_committed = Some(now);
                }
            }
            Followed::Certified(commit) => {
                let later = self.uncertified.split_off(&commit.saturating_add(1));
                for due in std::mem::replace(&mut self.uncertified, later).into_values().flatten() {
                    self.report.reached(Stage::Certified, now.saturating_duration_since(due));
                    self.open = self.open.saturating_sub(1);
                }
            }
            Followed::Cut { reason, .. } => self.report.failed(format!("watching: {reason}")),
        }
    }

    fn committed_after(&self, start: Instant) -> f64 {
        self.last_committed.map_or(0.0, |last| last.duration_since(start).as_secs_f64())
    }
}
