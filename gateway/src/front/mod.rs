//! The doors: MQTT, HTTP (with MQTT over WebSocket) and CoAP.
//!
//! A door knows its protocol and the [`Intake`](crate::intake::Intake), and nothing of what becomes
//! of a message. Invariant: each says "taken" in its own words (PUBACK, 201, 2.04) only after the
//! intake did, and refuses with a code of its own for each refusal.

pub(crate) mod coap;
pub(crate) mod http;
pub(crate) mod listen;
pub(crate) mod mqtt;
pub(crate) mod tls;
