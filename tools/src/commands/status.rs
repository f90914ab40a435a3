//! `weft status`: how one node is, and whom it knows.

use serde_json::json;
use weft_client::host::{Peer, Status};

use crate::{failure::Failure, output::Output, target::Target, time::now_ms};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let status = node.status().await?;
    let peers = node.peers().await?;
    output.show(&json!({ "status": status, "peers": peers }), || text(&status, &peers))
}

fn text(status: &Status, peers: &[Peer]) -> String {
    let Status { node, version, network, label, position, tips, .. } = status;
    let seconds = status.uptime_ms / 1_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let syncing = if status.syncing { "fetching a past it missed" } else { "up to date" };
    let mut text = format!(
        "node       {node}\nversion    {version}\nnetwork    {network} ({label:?})\n\
         running    {hours} h {minutes} min {} s, {syncing}\n\
         tangle     newest at {position}, {tips} tips\n",
        seconds % 60,
    );
    text.push_str(&finality(status));
    for (name, value) in &status.more {
        text.push_str(&format!("{name:<10} {}\n", plain(value)));
    }
    text.push_str(&format!("peers      {}\n", peers.len()));
    for peer in peers {
        let address = peer.address.as_deref().unwrap_or("address unknown");
        let fixed = if peer.fixed { ", fixed" } else { "" };
        text.push_str(&format!("  {}  {address}{fixed}\n", peer.id));
    }
    text
}

fn finality(status: &Status) -> String {
    let finality = &status.finality;
    let ago = now_ms().saturating_sub(finality.made_at) / 1_000;
    let when = if finality.committed == 0 { "none yet".to_owned() } else { format!("{ago} s ago") };
    format!(
        "finality   commit {} ({when}), certified {}, round {}, {} transactions wait\n\
         validator  {}\n",
        finality.committed,
        finality.certified,
        finality.round,
        finality.unordered,
        finality.signing,
    )
}

/// `{"count":1,"bytes":2}` as `count 1, bytes 2`.
fn plain(value: &serde_json::Value) -> String {
    match value.as_object() {
        None => value.to_string(),
        Some(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name} {}", plain(value)));
            fields.collect::<Vec<_>>().join(", ")
        }
    }
}
