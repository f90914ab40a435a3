//! CoAP (RFC 7252) over UDP: `POST /up/{device}/{stream}?token=TOKEN`.
//!
//! The token is a Uri-Query, since CoAP has no header for one; there is no DTLS here, so the door
//! listens on this machine unless told otherwise. The answer is 2.04 with the eight bytes of the
//! message's number, piggybacked on the acknowledgement.
//!
//! Invariant: 2.04 comes after the message is on disk. A request that comes again within
//! EXCHANGE_LIFETIME, as lost acknowledgements make it, is answered again and taken once.
//!
//! Left out on purpose: block transfer, Observe, OSCORE.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use coap_lite::{CoapOption, MessageClass, MessageType, Packet, RequestType, ResponseType};
use tokio::{
    net::UdpSocket,
    sync::{Semaphore, watch},
};

use super::listen::told;
use crate::{
    decode::{Declared, FormatError},
    intake::Intake,
    upload::{Accepted, Delivery, Refusal, Upload, delivery_name},
};

/// For how long a message identifier stands for one message (RFC 7252 section 4.8.2).
const EXCHANGE_LIFETIME: Duration = Duration::from_secs(247);

/// Longest datagram that is read: what follows is cut, and so is no message.
const DATAGRAM_BYTES_MAX: usize = 20 * 1024;

/// Options that a request may have and that change nothing here.
const HARMLESS: [CoapOption; 3] = [CoapOption::UriHost, CoapOption::UriPort, CoapOption::Accept];

/// Serves `socket` until told to stop.
pub(crate) async fn serve(
    socket: UdpSocket,
    intake: Arc<Intake>,
    requests_max: usize,
    mut stop: watch::Receiver<bool>,
) {
    let socket = Arc::new(socket);
    let places = Arc::new(Semaphore::new(requests_max));
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let received = tokio::select! {
            () = told(&mut stop) => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        let (length, from) = match received {
            Ok(received) => received,
            Err(error) => {
                // On some systems, an earlier answer that found nobody.
                tracing::debug!(%error, "no datagram");
                continue;
            }
        };
        let request = buffer.get(..length).and_then(|bytes| Packet::from_bytes(bytes).ok());
        // Who gets no answer sends again.
        let Some((request, place)) = request.zip(places.clone().try_acquire_owned().ok()) else {
            continue;
        };
        let (socket, intake) = (socket.clone(), intake.clone());
        tokio::spawn(async move {
            if let Some(answer) = answer(&intake, request, from).await
                && let Ok(bytes) = answer.to_bytes_unlimited()
            {
                let _ = socket.send_to(&bytes, from).await;
            }
            drop(place);
        });
    }
}

/// The answer to a message, if it needs one.
async fn answer(intake: &Intake, request: Packet, from: SocketAddr) -> Option<Packet> {
    let kind = request.header.get_type();
    let is_confirmable = kind == MessageType::Confirmable;
    let mut answer = Packet::new();
    answer.header.set_version(1);
    answer.header.message_id = request.header.message_id;
    match request.header.code {
        MessageClass::Request(_) if is_confirmable || kind == MessageType::NonConfirmable => {}
        // A ping (section 4.3).
        MessageClass::Empty if is_confirmable => {
            answer.header.set_type(MessageType::Reset);
            answer.header.code = MessageClass::Empty;
            return Some(answer);
        }
        _ => return None,
    }
    answer.header.set_type(match is_confirmable {
        true => MessageType::Acknowledgement,
        false => MessageType::NonConfirmable,
    });
    answer.set_token(request.get_token().to_vec());
    let (code, payload) = match take(intake, &request, from).await {
        Ok(accepted) => (ResponseType::Changed, accepted.id.0.to_be_bytes().to_vec()),
        Err(refused) => {
            let (code, text, wait) = refused.said();
            if let Some(wait) = wait {
                // How long to wait before trying again (RFC 8516, RFC 7252 section 5.9.3.4).
                let seconds = u32::try_from(wait.as_secs().max(1)).unwrap_or(u32::MAX);
                let bytes = seconds.to_be_bytes();
                let begin = bytes.iter().take_while(|byte| **byte == 0).count();
                answer.add_option(CoapOption::MaxAge, bytes.iter().skip(begin).copied().collect());
            }
            (code, text.into_bytes())
        }
    };
    answer.header.code = MessageClass::Response(code);
    answer.payload = payload;
    Some(answer)
}

/// Why a request was not done.
enum Refused {
    /// It is none that there is.
    Request(ResponseType, &'static str),
    Message(Refusal),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Message(refusal)
    }
}

impl Refused {
    fn said(&self) -> (ResponseType, String, Option<Duration>) {
        let refusal = match self {
            Self::Request(code, text) => return (*code, (*text).to_owned(), None),
            Self::Message(refusal) => refusal,
        };
        let code = match refusal {
            Refusal::Login => ResponseType::Unauthorized,
            Refusal::NotAllowed { .. } => ResponseType::Forbidden,
            Refusal::Format(FormatError::TooLong { .. }) => ResponseType::RequestEntityTooLarge,
            Refusal::Format(FormatError::UnknownType { .. }) => {
                ResponseType::UnsupportedContentFormat
            }
            Refusal::Format(_) => ResponseType::BadRequest,
            Refusal::Quota { .. } => ResponseType::TooManyRequests,
            Refusal::Full { .. } => ResponseType::ServiceUnavailable,
            Refusal::Storage => ResponseType::InternalServerError,
        };
        (code, refusal.to_string(), refusal.retry_after())
    }
}

async fn take(intake: &Intake, request: &Packet, from: SocketAddr) -> Result<Accepted, Refused> {
    let refuse = |code, text| Err(Refused::Request(code, text));
    if let Some(refused) = unknown_option(request) {
        return Err(refused);
    }
    let path = texts(request, CoapOption::UriPath);
    let Some((name, stream)) = path.as_deref().and_then(up) else {
        return refuse(ResponseType::NotFound, "POST to /up/DEVICE/STREAM?token=TOKEN");
    };
    if request.header.code != MessageClass::Request(RequestType::Post) {
        return refuse(ResponseType::MethodNotAllowed, "readings are sent with POST");
    }
    let queries = texts(request, CoapOption::UriQuery).unwrap_or_default();
    let token = queries.iter().find_map(|query| query.strip_prefix("token="));
    let device = intake.authenticate(name, token.unwrap_or_default().as_bytes())?;
    let declared = declared(request)?;
    let message_id = request.header.message_id.to_be_bytes();
    let from = from.to_string();
    let delivery = delivery_name(&[
        b"coap",
        from.as_bytes(),
        &message_id,
        request.get_token(),
        &request.payload,
    ]);
    let delivery = Delivery::Within(delivery, EXCHANGE_LIFETIME);
    let payload = request.payload.clone();
    let upload = Upload { device, stream, payload, declared, delivery };
    let pending = intake.submit(upload).await?;
    Ok(intake.accepted(pending).await?)
}

/// The refusal of an option that must be understood and is not (section 5.4.1): the odd ones.
fn unknown_option(request: &Packet) -> Option<Refused> {
    let known = [CoapOption::UriPath, CoapOption::UriQuery, CoapOption::ContentFormat];
    let mut critical = request.options().filter(|(number, _)| *number % 2 == 1);
    let unknown = critical.find(|(number, _)| {
        let option = CoapOption::from(**number);
        !known.contains(&option) && !HARMLESS.contains(&option)
    });
    unknown.map(|_| {
        let text = "an option is not understood; block transfer is not spoken here";
        Refused::Request(ResponseType::BadOption, text)
    })
}

fn texts(request: &Packet, option: CoapOption) -> Option<Vec<String>> {
    let parts = request.get_option(option)?;
    parts.iter().map(|part| String::from_utf8(part.clone()).ok()).collect()
}

/// Device and stream of `up/{device}/{stream..}`.
fn up(path: &[String]) -> Option<(&str, String)> {
    let [up, device, stream @ ..] = path else { return None };
    (up == "up" && !stream.is_empty()).then(|| (device.as_str(), stream.join("/")))
}

fn declared(request: &Packet) -> Result<Declared, Refusal> {
    let Some(format) = request.get_first_option(CoapOption::ContentFormat) else {
        return Ok(Declared::Nothing);
    };
    let number = format
        .iter()
        .try_fold(0_u16, |number, byte| number.checked_mul(256)?.checked_add(u16::from(*byte)));
    let declared = number.and_then(Declared::content_format);
    declared.ok_or_else(|| {
        let actual = format!("content format {}", number.unwrap_or(u16::MAX));
        FormatError::UnknownType { actual }.into()
    })
}
