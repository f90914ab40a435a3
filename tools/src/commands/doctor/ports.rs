//! Looks at the ports of a node that does not run, and says why one cannot be had.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener, UdpSocket},
};

use weft_node::Config;

use super::Finding;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let (api, p2p) = (config.api.listen, config.p2p.listen);
    vec![
        port("API port", api, "api.listen", TcpListener::bind(api).map(drop)),
        exposure(api),
        port("UDP port", p2p, "p2p.listen", UdpSocket::bind(p2p).map(drop)),
        reach(config),
    ]
}

/// Each reason has a remedy of its own.
fn port(name: &'static str, at: SocketAddr, setting: &str, bound: io::Result<()>) -> Finding {
    let Err(error) = bound else { return Finding::fine(name, format!("{at} is free")) };
    let number = at.port();
    let (cause, next) = match error.kind() {
        ErrorKind::AddrInUse => {
            let how = if setting == "p2p.listen" { "ulpn" } else { "tlpn" };
            let next = format!(
                "`ss -{how} sport = :{number}` names the program; end it, or choose another with \
                 {setting}"
            );
            ("is in use by another program".to_owned(), next)
        }
        ErrorKind::PermissionDenied => {
            let next = format!(
                "choose one above 1023 with {setting}, or let systemd give the right: \
                 AmbientCapabilities=CAP_NET_BIND_SERVICE"
            );
            ("needs rights that this user has not".to_owned(), next)
        }
        ErrorKind::AddrNotAvailable => {
            let next = format!(
                "`ip address` lists this machine's; name one of them or 0.0.0.0 with {setting}, \
                 and what others are to dial with p2p.advertise"
            );
            ("is no address of this machine".to_owned(), next)
        }
        _ => (format!("cannot be listened on: {error}"), format!("choose another with {setting}")),
    };
    Finding::wrong(name, format!("{at} {cause}"), next)
}

/// The API has no login: it is no trouble to open it on purpose, but one should know.
fn exposure(api: SocketAddr) -> Finding {
    if api.ip().is_loopback() {
        return Finding::fine("API reach", "this machine only");
    }
    let detail = format!("{api}: whoever reaches it may use it, there is no login; see a proxy");
    Finding::fine("API reach", detail)
}

/// A node that listens on loopback only is found by nobody else.
fn reach(config: &Config) -> Finding {
    let listen = config.p2p.listen;
    let is_far = |host: &str| host != "localhost" && host.parse().is_ok_and(|ip| !is_here(ip));
    let far = config.p2p.peers.iter().find(|peer| is_far(&peer.host));
    if let (true, Some(peer)) = (listen.ip().is_loopback(), far) {
        let detail = format!("{listen} hears this machine only, but {} is another", peer.host);
        return Finding::wrong("UDP reach", detail, "set p2p.listen to 0.0.0.0 and the port");
    }
    if listen.ip().is_loopback() {
        return Finding::fine("UDP reach", "this machine only");
    }
    let told = config.p2p.advertise.map_or(listen.port(), |address| address.port());
    Finding::fine("UDP reach", format!("others need UDP port {told}: open it in the firewall"))
}

fn is_here(ip: std::net::IpAddr) -> bool {
    ip.is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_remedy() {
        let at = SocketAddr::from(([127, 0, 0, 1], 80));
        let of = |kind| port("API port", at, "api.listen", Err(io::Error::from(kind)));
        let next = |kind| of(kind).next.unwrap();
        assert!(port("API port", at, "api.listen", Ok(())).ok);
        assert!(next(ErrorKind::AddrInUse).starts_with("`ss -tlpn sport = :80`"));
        assert!(next(ErrorKind::PermissionDenied).contains("above 1023 with api.listen"));
        assert!(next(ErrorKind::AddrNotAvailable).contains("`ip address`"));
        assert!(!of(ErrorKind::Other).ok);
    }

    #[test]
    fn a_taken_port_is_found() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = Config::default();
        config.api.listen = taken.local_addr().unwrap();
        config.p2p.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let wrong = |config: &Config| -> Vec<&'static str> {
            look(config).iter().filter(|finding| !finding.ok).map(|found| found.name).collect()
        };
        assert_eq!(wrong(&config), ["API port"]);
        drop(taken);
        assert_eq!(wrong(&config), [""; 0]);
    }

    #[test]
    fn a_node_that_nobody_can_reach_is_told() {
        let mut config = Config::default();
        let id = "ab".repeat(32);
        config.p2p.peers = vec![format!("{id}@10.1.2.3:4810").parse().unwrap()];
        assert!(reach(&config).ok);
        config.p2p.listen = SocketAddr::from(([127, 0, 0, 1], 4810));
        assert!(!reach(&config).ok);
        config.p2p.peers = vec![format!("{id}@127.0.0.1:4810").parse().unwrap()];
        assert!(reach(&config).ok);
    }
}
