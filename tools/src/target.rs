//! Which node a command talks to.

use weft_client::host::NodeClient;

use crate::failure::Failure;

/// The API of node 0 of `weft dev` and `weft init`, where it is free; the others follow.
pub(crate) const API_PORT: u16 = 14_265;

/// The node to talk to, as arguments.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// Address of a node's API
    #[arg(long, value_name = "URL", env = "WEFT_NODE", default_value = "http://127.0.0.1:14265")]
    node: String,
}

impl Target {
    pub(crate) fn client(&self) -> Result<NodeClient, Failure> {
        Ok(NodeClient::new(&self.node)?)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        target: Target,
    }

    #[test]
    fn the_default_is_node_0_of_a_dev_network() {
        let target = Command::parse_from(["x", "--node", "http://a:1"]).target;
        assert_eq!(target.client().unwrap().url(), "http://a:1");
        assert!(format!("http://127.0.0.1:{API_PORT}").ends_with("14265"));
    }
}
