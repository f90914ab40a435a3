//! The demo sensor: this machine's own telemetry, once a second, as JSON.
//!
//! It is a client like any other: its own key, its own work, HTTP to node 0. A reading that cannot
//! be posted is told and left out; the next one is due a second later.

use std::{path::Path, sync::Arc, time::Duration};

use serde::Serialize;
use sysinfo::{Components, System};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};
use weft_client::host::{Attach, NewReading, NodeClient, Poster};
use weft_core::{digest::BodyId, keys::Scheme, tx::ContentType};
use weft_node::key_file::Seed;

use crate::{account::is_taken, failure::Failure, network::SENSOR_KEY};

/// The stream it posts to.
pub(super) const STREAM: &str = "telemetry";

const PERIOD: Duration = Duration::from_secs(1);

/// What became of a reading.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is on node 0's disk.
    Posted,
    /// It is not, and why.
    Failed(String),
    /// Its readings are for sale too.
    Offered(BodyId),
}

pub(super) struct Sensor {
    poster: Arc<Poster>,
    gauges: Gauges,
}

impl Sensor {
    /// The sensor whose key lies in `dir`, posting through `node`.
    pub(super) async fn open(dir: &Path, node: NodeClient) -> Result<Self, Failure> {
        let file = dir.join(SENSOR_KEY);
        if !is_taken(&file) {
            Seed::generate(Scheme::MlDsa44)?.store(&file)?;
        }
        let key = Arc::new(Seed::load(&file)?.key()?);
        let poster = Arc::new(Poster::open(node, key, Attach::Here).await?);
        Ok(Self { poster, gauges: Gauges::new() })
    }

    /// Its poster, for what else it does with its account.
    pub(super) fn poster(&self) -> Arc<Poster> {
        self.poster.clone()
    }

    pub(super) fn address(&self) -> String {
        self.poster.address()
    }

    /// Posts until it is to stop.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>, told: mpsc::Sender<Sent>) {
        let mut beat = interval(PERIOD);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                _ = beat.tick() => {}
            }
            let Ok(text) = serde_json::to_vec(&self.gauges.read()) else { return };
            let reading = NewReading::now(STREAM, ContentType::JSON, text);
            let sent = match self.poster.post(reading).await {
                Ok(_) => Sent::Posted,
                Err(error) => Sent::Failed(error.to_string()),
            };
            if told.send(sent).await.is_err() {
                return;
            }
        }
    }
}

/// What is measured. What this machine cannot tell is left out.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct Telemetry {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_used_mib: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_total_mib: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_1min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature_c: Option<f64>,
}

/// Where the measures come from.
pub(in crate::commands) struct Gauges {
    system: Option<System>,
    components: Option<Components>,
}

impl Gauges {
    pub(in crate::commands) fn new() -> Self {
        let mut system = System::new().ok();
        // Usage is a difference: the first reading has one to compare with.
        if let Some(system) = &mut system {
            system.refresh_cpu_usage();
        }
        Self { system, components: Components::new_with_refreshed_list().ok() }
    }

    pub(in crate::commands) fn read(&mut self) -> Telemetry {
        if let Some(system) = &mut self.system {
            system.refresh_cpu_usage();
            system.refresh_memory();
        }
        if let Some(components) = &mut self.components {
            components.refresh(false);
        }
        let system = self.system.as_ref();
        let mib = |bytes: u64| bytes >> 20;
        let warmest = self.components.iter().flat_map(|components| components.iter());
        let warmest = warmest.filter_map(sysinfo::Component::temperature).max_by(f32::total_cmp);
        Telemetry {
            cpu_percent: system.map(|system| tenths(system.global_cpu_usage().into())),
            memory_used_mib: system.map(|system| mib(system.used_memory())),
            memory_total_mib: system.map(|system| mib(system.total_memory())),
            load_1min: System::load_average().ok().map(|load| tenths(load.one)),
            temperature_c: warmest.map(|degrees| tenths(degrees.into())),
        }
    }
}

/// To one digit behind the point.
fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_is_a_json_object_with_what_this_machine_tells() {
        let value = serde_json::to_value(Gauges::new().read()).unwrap();
        let fields = value.as_object().unwrap();
        assert!(fields.values().all(serde_json::Value::is_number), "{value}");
        assert!(serde_json::to_vec(&value).unwrap().len() < 512);
        assert_eq!(tenths(3.149), 3.1);
    }
}
