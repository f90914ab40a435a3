//! One connection, from CONNECT to its end.
//!
//! Invariant: what a device publishes is handed to the intake in the order in which it comes, and
//! acknowledged in that order; at most [`UNACKNOWLEDGED_MAX`] messages are on their way.

use std::{num::NonZeroU16, pin::pin, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _, stream::FuturesOrdered};
use rmqtt_codec::{
    MqttCodec, MqttPacket, types::QoS, v3::Codec as CodecV3, v3::Packet as PacketV3,
    v5::Codec as CodecV5, v5::Packet as PacketV5, version::ProtocolVersion, version::VersionCodec,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::codec::Framed;

use super::{
    Mqtt, PACKET_BYTES_MAX, Place, UNACKNOWLEDGED_MAX,
    packets::{Connect, Farewell, Publish, Received, Sent},
    topics, v3, v5,
};
use crate::{
    decode::FormatError,
    device::{DeviceName, TokenHash},
    front::listen::told,
    intake::{Intake, Pending},
    upload::{Accepted, Delivery, Refusal, Upload, delivery_name},
};

/// How long CONNECT may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long a packet may take to be written: a device that does not read is let go.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// Filters of one connection.
const FILTERS_MAX: usize = 16;

/// Why a connection ended; for the log.
type Ended = &'static str;

/// The packets of a connection, of either version.
struct Link<Io> {
    io: Framed<Io, MqttCodec>,
    is_v5: bool,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Link<Io> {
    /// Reads which version it is and the first packet.
    async fn open(io: Io) -> Result<(Self, Connect), Ended> {
        let mut io = Framed::new(io, MqttCodec::Version(VersionCodec));
        let is_v5 = match io.next().await {
            Some(Ok((MqttPacket::Version(version), _))) => version == ProtocolVersion::MQTT5,
            _ => return Err("no MQTT of a version that is spoken here"),
        };
        *io.codec_mut() = match is_v5 {
            true => MqttCodec::V5(CodecV5::new(PACKET_BYTES_MAX, 0)),
            false => MqttCodec::V3(CodecV3::new(PACKET_BYTES_MAX)),
        };
        let connect = match io.next().await {
            Some(Ok((MqttPacket::V3(PacketV3::Connect(first)), _))) => v3::connect(*first),
            Some(Ok((MqttPacket::V5(PacketV5::Connect(first)), _))) => v5::connect(*first),
            _ => return Err("no CONNECT"),
        };
        Ok((Self { io, is_v5 }, connect))
    }

    async fn next(&mut self) -> Result<Received, Ended> {
        match self.io.next().await {
            None => Err("the device closed it"),
            Some(Err(_)) => Err("a malformed packet"),
            Some(Ok((MqttPacket::V3(packet), _))) => Ok(v3::received(packet)),
            Some(Ok((MqttPacket::V5(packet), _))) => Ok(v5::received(packet)),
            Some(Ok((MqttPacket::Version(_), _))) => Ok(Received::Other),
        }
    }

    async fn send(&mut self, sent: Sent) -> Result<(), Ended> {
        let packet = if self.is_v5 { Some(v5::sent(sent)) } else { v3::sent(sent) };
        let packet = packet.ok_or("refused, and MQTT 3.1.1 has no word for it")?;
        match timeout(WRITE_TIME, self.io.send(packet)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("it broke"),
            Err(_) => Err("the device does not read"),
        }
    }
}

/// What the session of a connection knows.
struct Session<'a> {
    intake: &'a Intake,
    device: DeviceName,
    /// The token that it showed: with another one in force, it has to log in anew.
    token: TokenHash,
    client: String,
    filters: Vec<String>,
}

/// What a message on its way is answered with.
struct Answer {
    id: Option<NonZeroU16>,
    is_exact: bool,
    said: Result<Accepted, Refusal>,
}

/// Waits until a moment; for ever where there is none.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Speaks MQTT over `io` until it ends.
pub(super) async fn run<Io>(
    mqtt: &Mqtt,
    io: Io,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Ended>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let opened = timeout(CONNECT_TIME, Link::open(io)).await;
    let (mut link, connect) = opened.map_err(|_| "no CONNECT in time")??;
    let changes = mqtt.intake.changes();
    let device = match mqtt.intake.authenticate(&connect.user, &connect.password) {
        Ok(device) => device,
        Err(refusal) => {
            link.send(Sent::NotAccepted(refusal)).await?;
            return Err("not who it says, or switched off");
        }
    };
    let Some(settings) = mqtt.intake.device(&device) else { return Err("switched off") };
    let Connect { client, keep_alive, will, .. } = connect;
    // MQTT-3.1.3-6: who has no name gets one that nobody else has.
    let assigned = client.is_empty().then(|| mqtt.connections.name());
    let client = assigned.clone().unwrap_or(client);
    let mut place = mqtt.connections.enter(device.clone(), client.clone());
    link.send(Sent::Accepted { assigned }).await?;
    let mut session = Session {
        intake: &mqtt.intake,
        device,
        token: settings.token,
        client,
        filters: Vec::new(),
    };
    let ended = session.serve(&mut link, &mut place, keep_alive, changes, &mut stop).await;
    // MQTT-3.1.2-8: a will is due unless the device said goodbye.
    if !matches!(ended, Ok(false))
        && let Some(will) = will
        && let Ok(pending) = session.publish(will).await
    {
        let _ = mqtt.intake.accepted(pending).await;
    }
    ended.map(drop)
}

impl<'a> Session<'a> {
    /// `Ok`: the device said goodbye, and whether its will is due.
    async fn serve<Io: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        link: &mut Link<Io>,
        place: &mut Place<'_>,
        keep_alive: u16,
        mut changes: watch::Receiver<u64>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, Ended> {
        let mut answers = FuturesOrdered::new();
        let patience =
            (keep_alive > 0).then(|| Duration::from_millis(u64::from(keep_alive) * 1_500));
        let mut heard = Instant::now();
        loop {
            let until = patience.map(|patience| heard + patience);
            let mut silence = pin!(reached(until));
            let farewell = tokio::select! {
                Some(answer) = answers.next(), if !answers.is_empty() => {
                    self.answer(link, answer).await?;
                    continue;
                }
                received = link.next() => {
                    heard = Instant::now();
                    match received? {
                        Received::Publish(message) if answers.len() < UNACKNOWLEDGED_MAX.into() => {
                            answers.push_back(self.answering(message).await);
                            continue;
                        }
                        Received::Disconnect(with_will) => {
                            // What was published before is answered before.
                            while let Some(answer) = answers.next().await {
                                self.answer(link, answer).await?;
                            }
                            return Ok(with_will);
                        }
                        Received::Publish(_) | Received::Other => Farewell::Protocol,
                        other => {
                            self.control(link, other).await?;
                            continue;
                        }
                    }
                }
                Some(down) = place.down.recv() => {
                    self.down(link, down.topic, down.payload).await?;
                    continue;
                }
                changed = changes.changed() => {
                    if changed.is_ok() && self.is_in_force() {
                        continue;
                    }
                    Farewell::SwitchedOff
                }
                () = told(&mut place.taken_over) => Farewell::TakenOver,
                () = told(stop) => Farewell::Stopping,
                () = &mut silence => Farewell::Silent,
            };
            link.send(Sent::Farewell(farewell)).await?;
            return Err("the gateway closed it");
        }
    }

    fn is_in_force(&self) -> bool {
        let device = self.intake.device(&self.device);
        device.is_some_and(|device| device.enabled && device.token == self.token)
    }

    /// Hands a message to the intake; the answer comes later.
    async fn answering(&self, message: Publish) -> impl Future<Output = Answer> + use<'a> {
        let (id, is_exact) = (message.id, message.qos == QoS::ExactlyOnce);
        let intake = self.intake;
        let handed = self.publish(message).await;
        async move {
            let said = match handed {
                Ok(pending) => intake.accepted(pending).await,
                Err(refusal) => Err(refusal),
            };
            Answer { id, is_exact, said }
        }
    }

    async fn publish(&self, message: Publish) -> Result<Pending, Refusal> {
        let upload = self.upload(message).inspect_err(|refusal| self.intake.refused(refusal))?;
        self.intake.submit(upload).await
    }

    fn upload(&self, message: Publish) -> Result<Upload, Refusal> {
        let Publish { topic, payload, id, is_resent, declared, .. } = message;
        let Some(stream) = topics::stream(&self.device, &topic) else {
            return Err(Refusal::NotAllowed { device: self.device.clone(), topic });
        };
        let declared = declared.map_err(|actual| FormatError::UnknownType { actual })?;
        let name = id.map(|id| {
            let (device, client) = (self.device.as_str().as_bytes(), self.client.as_bytes());
            let id = id.get().to_le_bytes();
            delivery_name(&[b"mqtt", device, client, &id, topic.as_bytes(), &payload])
        });
        let delivery = name.map_or(Delivery::Unnamed, |name| Delivery::Marked { name, is_resent });
        Ok(Upload {
            device: self.device.clone(),
            stream: stream.to_owned(),
            payload: payload.to_vec(),
            declared,
            delivery,
        })
    }

    async fn answer<Io: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        link: &mut Link<Io>,
        answer: Answer,
    ) -> Result<(), Ended> {
        let Answer { id, is_exact, said } = answer;
        let accepted = match (said, id) {
            (Ok(accepted), _) => accepted,
            (Err(refusal), Some(id)) => {
                return link.send(Sent::Refused { id, is_exact, refusal }).await;
            }
            // QoS 0: nobody waits for an answer. In 3.1.1 the link is all there is to drop.
            (Err(_), None) if link.is_v5 => return Ok(()),
            (Err(_), None) => return Err("refused, and MQTT 3.1.1 has no word for it"),
        };
        if let Some(id) = id {
            let receipt = accepted.id.to_string();
            link.send(Sent::Acknowledged { id, is_exact, receipt }).await?;
        }
        Ok(())
    }

    /// What is no message: subscriptions, pings and the rest of QoS 2.
    async fn control<Io: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        link: &mut Link<Io>,
        received: Received,
    ) -> Result<(), Ended> {
        match received {
            // A second PUBLISH before it would have said that it is one.
            Received::Release(id) => link.send(Sent::Completed(id)).await,
            Received::Subscribe { id, filters } => {
                let granted = filters.into_iter().map(|filter| self.subscribe(filter)).collect();
                link.send(Sent::Subscribed(id, granted)).await
            }
            Received::Unsubscribe { id, filters } => {
                self.filters.retain(|filter| !filters.contains(filter));
                link.send(Sent::Unsubscribed(id, filters.len())).await
            }
            Received::Ping => link.send(Sent::Pong).await,
            Received::Publish(_) | Received::Disconnect(_) | Received::Other => Ok(()),
        }
    }

    fn subscribe(&mut self, filter: String) -> bool {
        let is_known = self.filters.contains(&filter);
        let has_room = is_known || self.filters.len() < FILTERS_MAX;
        let is_granted = topics::may_subscribe(&self.device, &filter) && has_room;
        if is_granted && !is_known {
            self.filters.push(filter);
        }
        is_granted
    }

    async fn down<Io: AsyncRead + AsyncWrite + Unpin>(
        &self,
        link: &mut Link<Io>,
        topic: String,
        payload: bytes::Bytes,
    ) -> Result<(), Ended> {
        if self.filters.iter().any(|filter| topics::takes(filter, &topic)) {
            return link.send(Sent::Down { topic, payload }).await;
        }
        Ok(())
    }
}
