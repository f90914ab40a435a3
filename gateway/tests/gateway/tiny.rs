//! Devices that seal for themselves, in C and in Python, before a real gateway and a real node.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use weft_client::host::NodeClient;
use weft_core::{codec::Encode as _, tx::choose_parents};

use crate::support::{World, readings, texts};

/// Runs a program at the root of the repository; what it printed.
fn run(program: impl AsRef<Path>, args: &[&str]) -> String {
    let mut command = Command::new(program.as_ref());
    // The package that is tested must not choose the features of the one that is built.
    command.args(args).current_dir(root()).stdin(Stdio::null()).env_remove("CARGO_TARGET_DIR");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

async fn network(client: &NodeClient) -> String {
    client.tips().await.unwrap().network.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_in_c_and_one_in_python_seal_what_a_node_then_has() {
    let world = World::new();
    let (c, python) = (world.device("c"), world.device("python"));
    let (node, client) = world.node().await;
    let gateway = world.gateway(client.url()).await;
    let address = gateway.addresses().http;
    let (port, network) = (address.port().to_string(), network(&client).await);
    let files = tempfile::tempdir().unwrap();
    let at = |name: &str| files.path().join(name).display().to_string();

    let build = ["build", "--release", "--locked", "--manifest-path", "client/c/Cargo.toml"];
    run(env!("CARGO"), &[&build[..], &["--target-dir", "target/tiny"]].concat());
    let strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-Iclient/c/include"];
    for example in ["post", "attach"] {
        let source = format!("client/c/examples/{example}.c");
        let parts = [&source, "target/tiny/release/libweft_client.a", "-o"];
        run("cc", &[&strict[..], &parts, &[&at(example)]].concat());
    }
    let (seed, flash) = (at("seed"), at("flash"));
    for reading in ["21.4", "21.5"] {
        let args = ["127.0.0.1", &port, "c", &c, &network, &seed, &flash, "own/c", reading];
        run(at("post"), &args);
    }
    assert_eq!(texts(&readings(&client, "own/c", 2).await), ["21.4", "21.5"]);

    // The same device without the gateway: with work of its own, straight to the node.
    let tips = client.tips().await.unwrap();
    let parents: String = choose_parents(&tips.tips, [0; 2]).map(|id| id.to_string()).concat();
    let anchor: String = tips.anchor.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let (bits, out) = (tips.work_bits.to_string(), at("transaction"));
    let place = [parents.as_str(), &anchor, &bits];
    run(at("attach"), &[&[&network, &seed, &flash, "own/c", "21.6"], &place[..], &[&out]].concat());
    client.submit_transaction(std::fs::read(out).unwrap()).await.unwrap();
    assert_eq!(texts(&readings(&client, "own/c", 3).await), ["21.4", "21.5", "21.6"]);

    run("python3", &["-m", "venv", &at("venv")]);
    run(at("venv/bin/pip"), &["install", "--quiet", "--no-index", "client/python"]);
    let url = format!("http://{address}");
    let seed = at("python.seed");
    for reading in ["1", "2"] {
        let args = [&url, "python", &python, &network, &seed, "own/python", reading];
        run(at("venv/bin/python"), &[&["client/python/examples/post.py"][..], &args].concat());
    }
    assert_eq!(texts(&readings(&client, "own/python", 2).await), ["1", "2"]);

    let twice = format!(
        "from weft_client import Device\na = ({seed:?}, {url:?}, 'python', 'x', {network:?})\n\
         one = Device(*a)\ntry: Device(*a)\nexcept Exception as refused: print(refused)"
    );
    let said = run(at("venv/bin/python"), &["-c", &twice]);
    assert!(said.contains("another program uses"), "{said}");
    gateway.shutdown().await;
    node.shutdown().await;
}
