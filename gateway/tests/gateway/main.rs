//! A gateway in this process, with real devices' protocols in front and a real node behind.

mod crash;
mod doors;
mod links;
mod mqtt;
mod support;
