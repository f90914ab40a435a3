//! One module per command: its arguments, and what it does with them.

pub(crate) mod address;
pub(crate) mod balance;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod dev;
pub(crate) mod device;
pub(crate) mod doctor;
pub(crate) mod faucet;
pub(crate) mod gateway;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod market;
pub(crate) mod node;
pub(crate) mod post;
pub(crate) mod proof;
pub(crate) mod rotate;
pub(crate) mod send;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod verify;
