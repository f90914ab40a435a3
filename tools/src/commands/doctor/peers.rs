//! Looks at the peers that the settings name: whether their names lead anywhere, and whether a
//! running node is connected to them.

use std::net::ToSocketAddrs as _;

use tokio::task::spawn_blocking;
use weft_client::host::NodeClient;
use weft_node::config::FixedPeer;

use super::{Finding, running::short};
use crate::failure::Failure;

/// What can be said before the node runs.
pub(super) async fn named(peers: &[FixedPeer], own: Option<&str>) -> Vec<Finding> {
    if peers.is_empty() {
        return vec![Finding::fine("peers", "none named: the node waits for others to come")];
    }
    let mut findings = Vec::new();
    for peer in peers {
        let id = peer.id.to_string();
        if Some(id.as_str()) == own {
            let next = "take it out of p2p.peers, or give this node a key of its own";
            findings.push(Finding::wrong("peers", format!("{peer} is this node itself"), next));
        } else if let Err(error) = resolved(peer).await {
            let detail = format!("{}: the name leads nowhere: {error}", peer.host);
            let next = "correct the name in p2p.peers, or look at this machine's DNS";
            findings.push(Finding::wrong("peers", detail, next));
        }
    }
    if findings.is_empty() {
        let detail = format!("{} named; start the node to see them", peers.len());
        findings.push(Finding::fine("peers", detail));
    }
    findings
}

async fn resolved(peer: &FixedPeer) -> std::io::Result<()> {
    let host = peer.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = peer.port;
    // The system's own resolver, as the node asks it.
    let found = spawn_blocking(move || (host.as_str(), port).to_socket_addrs().map(drop)).await;
    found.map_err(std::io::Error::other)?
}

/// Those of the named that a running node is not connected to.
pub(super) async fn missing(node: &NodeClient, peers: &[FixedPeer]) -> Vec<Finding> {
    if peers.is_empty() {
        return Vec::new();
    }
    let connected = match node.peers().await {
        Ok(connected) => connected,
        Err(error) => return vec![Finding::failure("named", &Failure::from(error))],
    };
    let is_here = |peer: &&FixedPeer| connected.iter().any(|one| one.id == peer.id.to_string());
    let missing: Vec<_> = peers.iter().filter(|peer| !is_here(peer)).collect();
    if missing.is_empty() {
        let detail = format!("connected to all {} that the settings name", peers.len());
        return vec![Finding::fine("named", detail)];
    }
    missing.into_iter().map(apart).collect()
}

fn apart(peer: &FixedPeer) -> Finding {
    let FixedPeer { id, host, port } = peer;
    let id = id.to_string();
    let detail = format!("{} at {host}:{port} is not connected", short(&id));
    let next = format!(
        "see that it runs (`weft doctor` there), has the same genesis and still the id {}, and \
         that UDP port {port} is open on both sides; the node itself tries on",
        short(&id)
    );
    Finding::wrong("named", detail, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_that_lead_nowhere_and_the_node_itself_are_found() {
        let own = "ab".repeat(32);
        let peer = |id: &str, host: &str| format!("{id}@{host}:4810").parse::<FixedPeer>().unwrap();
        let other = peer(&"cd".repeat(32), "127.0.0.1");
        let fine = named(std::slice::from_ref(&other), Some(&own)).await;
        assert!(fine.iter().all(|finding| finding.ok));
        let wrong = [other, peer(&own, "127.0.0.1"), peer(&"cd".repeat(32), "no..such.host")];
        let found = named(&wrong, Some(&own)).await;
        assert_eq!(found.iter().filter(|finding| !finding.ok).count(), 2, "{found:?}");
        assert!(named(&[], None).await.iter().all(|finding| finding.ok));
    }
}
