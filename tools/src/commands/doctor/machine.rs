//! Looks at what a node needs on this machine: settings, files, ports, disk, clock.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sysinfo::Disks;
use tokio::time::timeout;
use weft_client::host::NodeClient;
use weft_core::genesis::Genesis;
use weft_node::{Config, Seed, genesis_file};

use super::{Finding, peers, ports, running};
use crate::{commands::node::environment, failure::Failure};

/// Free space below which a node will not run for long, in bytes.
const DISK_BYTES_MIN: u64 = 1 << 30;

/// How long a node on this machine may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(3);

pub(super) async fn look(file: &Path) -> Vec<Finding> {
    let config = match Config::load(Some(file), environment(), &[]) {
        Ok(config) => config,
        Err(error) => return vec![Finding::failure("settings", &Failure::from(error))],
    };
    let detail = format!("{} and the environment", file.display());
    let mut findings = vec![Finding::fine("settings", detail)];
    let own = key(&config.node.key_file, &mut findings);
    genesis(&config.node.genesis_file, &mut findings);
    findings.push(directory(&config.node.data_dir));
    findings.push(space(&config.node.data_dir));
    match running_node(&config, own.as_deref()).await {
        Some(node) => {
            let detail =
                format!("{} and {}, in use by this node", config.api.listen, config.p2p.listen);
            findings.push(Finding::fine("ports", detail));
            findings.extend(running::look(&node).await);
            findings.extend(peers::missing(&node, &config.p2p.peers).await);
        }
        None => {
            findings.extend(ports::look(&config));
            findings.extend(peers::named(&config.p2p.peers, own.as_deref()).await);
        }
    }
    findings
}

/// Gives the node's id if there is a key.
fn key(file: &Path, findings: &mut Vec<Finding>) -> Option<String> {
    let name = file.display();
    match Seed::load(file).and_then(|seed| seed.node_id()) {
        Ok(id) => {
            let id = id.to_string();
            let detail = format!("{name}, node {}", running::short(&id));
            findings.push(Finding::fine("key", detail));
            Some(id)
        }
        Err(error) => {
            findings.push(Finding::failure("key", &Failure::from(error)));
            None
        }
    }
}

fn genesis(file: &Path, findings: &mut Vec<Finding>) {
    match genesis_file::load(file) {
        Ok(genesis) => {
            let (network, label) = (genesis.network(), &genesis.label);
            let detail = format!("{}, network {network} ({label:?})", file.display());
            findings.push(Finding::fine("genesis", detail));
            findings.push(clock(&genesis));
        }
        Err(error) => {
            let failure = Failure::from(error).next("copy it from another node of the network");
            findings.push(Finding::failure("genesis", &failure));
        }
    }
}

/// A clock that stands before the genesis is surely wrong.
fn clock(genesis: &Genesis) -> Finding {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if now.as_millis() >= u128::from(genesis.created.as_millis()) {
        return Finding::fine("clock", "behind the genesis; compare with others by --node");
    }
    let detail = "this machine's stands before the day the network was made";
    Finding::wrong("clock", detail, "set it by NTP")
}

/// Whether the store's directory can be made or written, without making anything.
fn directory(dir: &Path) -> Finding {
    let there = nearest(dir);
    let shown = dir.display();
    let next = "make it, or give it to the user who runs the node";
    match fs::metadata(&there) {
        Ok(found) if !found.is_dir() => {
            let detail = format!("{} is no directory", there.display());
            Finding::wrong("data", detail, "name another with node.data_dir")
        }
        Ok(found) if found.permissions().readonly() => {
            Finding::wrong("data", format!("{} is read-only", there.display()), next)
        }
        Ok(_) if there == dir => Finding::fine("data", shown.to_string()),
        Ok(_) => Finding::fine("data", format!("{shown} will be made at the first start")),
        Err(error) => Finding::wrong("data", format!("{shown}: {error}"), next),
    }
}

/// The directory itself, or the nearest above it that exists.
fn nearest(dir: &Path) -> PathBuf {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let existing = absolute.ancestors().find(|above| above.exists());
    existing.unwrap_or(Path::new("/")).to_owned()
}

fn space(dir: &Path) -> Finding {
    let there = nearest(dir);
    let there = fs::canonicalize(&there).unwrap_or(there);
    let disks = Disks::new_with_refreshed_list();
    let disks = disks.iter().flat_map(|disks| disks.iter());
    let holds = |disk: &&sysinfo::Disk| there.starts_with(disk.mount_point());
    let disk = disks.filter(holds).max_by_key(|disk| disk.mount_point().as_os_str().len());
    let Some(disk) = disk else {
        return Finding::fine("space", "this system does not tell how much is left");
    };
    let (free, mount) = (disk.available_space(), disk.mount_point().display());
    let detail = format!("{} MiB free on {mount}", free >> 20);
    if free >= DISK_BYTES_MIN {
        return Finding::fine("space", detail);
    }
    Finding::wrong("space", detail, "make room, or move node.data_dir to another disk")
}

/// The node of this configuration, if it runs here.
async fn running_node(config: &Config, own: Option<&str>) -> Option<NodeClient> {
    let mut address = config.api.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let node = NodeClient::new(&format!("http://{address}")).ok()?;
    // Whatever else listens there may never answer.
    let status = timeout(ANSWER_TIME, node.status()).await.ok()?.ok()?;
    (Some(status.node.as_str()) == own).then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_directory_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        assert_eq!(nearest(&deep), dir.path());
        assert!(directory(&deep).ok && !deep.exists(), "looking makes nothing");
        fs::write(dir.path().join("a"), "").unwrap();
        assert!(!directory(&deep).ok);
    }
}
