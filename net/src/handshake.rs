//! Both say Hello, on the one stream that the dialler opens: the control stream.
//!
//! The dialler speaks first. The listener answers only once it has taken the connection in, so that
//! a dialler who hears Hello knows: at the other end this connection is registered.
//!
//! Invariant: nothing else is said on a connection whose ends differ in version, genesis or
//! parameters.

use std::{net::SocketAddr, time::Duration};

use quinn::{Connection, ConnectionError, SendStream};
use weft_core::{
    codec::{Decode as _, DecodeError},
    digest::{GenesisId, NodeId},
    machine::Fault,
    message::{Hello, Message},
    params::PROTOCOL_VERSION,
};

use crate::{
    close::{CloseCode, Farewell},
    frame::encode_frame,
    stream::{FrameReader, StreamError},
};

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The address cannot be dialled from here.
    #[error("cannot dial {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What is wrong with it.
        source: quinn::ConnectError,
    },
    /// It took too long.
    #[error("no answer within {limit:?}; is the node up, and is its UDP port open?")]
    Late {
        /// The time limit.
        limit: Duration,
    },
    /// The connection broke, or one end refused the other's key.
    #[error("connection failed: {0}")]
    Lost(#[from] ConnectionError),
    /// Somebody else answers there.
    #[error("expected node {expected}, but {actual} answers there; check the peer's id")]
    WrongNode {
        /// Who was dialled.
        expected: NodeId,
        /// Who was there.
        actual: NodeId,
    },
    /// We reached ourselves.
    #[error("this is the node's own address")]
    OwnAddress,
    /// Another version of the protocol.
    #[error(
        "expected protocol version {PROTOCOL_VERSION}, the peer speaks {actual}; \
         update the older node"
    )]
    WrongVersion {
        /// The peer's.
        actual: u64,
    },
    /// Another network.
    #[error(
        "expected genesis {expected}, the peer has {actual}; \
         one of the two has another network's genesis file"
    )]
    WrongGenesis {
        /// Ours.
        expected: GenesisId,
        /// The peer's.
        actual: GenesisId,
    },
    /// The same genesis with other parameters.
    #[error(
        "the peer has the same genesis but other parameters (expected {}, actual {}); \
         one of the two runs another build",
        Short(expected),
        Short(actual)
    )]
    WrongParameters {
        /// Ours.
        expected: [u8; 32],
        /// The peer's.
        actual: [u8; 32],
    },
    /// Something else in the place of Hello.
    #[error("expected hello: {0}")]
    NoHello(#[from] Fault),
    /// Another connection between the same two nodes stays.
    #[error("another connection between the two nodes stays")]
    Duplicate,
    /// There are enough peers.
    #[error("at most {limit} peers")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// The other end closed it on purpose.
    #[error("refused by the peer: {0}")]
    Refused(Farewell),
    /// No TLS could be set up at our end.
    #[error("own TLS: {0}")]
    Tls(#[from] rustls::Error),
}

struct Short<'a>(&'a [u8; 32]);

impl std::fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl HandshakeError {
    /// From what `error` says about a connection that we did not close ourselves.
    pub(crate) fn of_loss(error: ConnectionError) -> Self {
        match Farewell::of_peer(&error) {
            Some(farewell) if farewell.code == CloseCode::Duplicate => Self::Duplicate,
            Some(farewell) => Self::Refused(farewell),
            None => Self::Lost(error),
        }
    }

    /// What to tell the other end.
    pub(crate) fn farewell(&self) -> Farewell {
        let code = match self {
            Self::WrongVersion { .. } => CloseCode::WrongVersion,
            Self::WrongGenesis { .. } => CloseCode::WrongNetwork,
            Self::WrongParameters { .. } => CloseCode::WrongParameters,
            Self::Duplicate => CloseCode::Duplicate,
            Self::Full { .. } => CloseCode::Full,
            _ => CloseCode::NoHello,
        };
        Farewell::new(code, self.to_string())
    }
}

/// The control stream after the other end's Hello.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) sender: SendStream,
    pub(crate) reader: FrameReader,
    pub(crate) theirs: Hello,
}

/// The dialler's half: speak, then listen.
pub(crate) async fn dial(connection: &Connection, ours: &Hello) -> Result<Control, HandshakeError> {
    let (mut sender, receiver) = connection.open_bi().await.map_err(HandshakeError::of_loss)?;
    say(&mut sender, connection, ours).await?;
    let mut reader = FrameReader::new(receiver);
    let theirs = listen(&mut reader, connection, ours).await?;
    Ok(Control { sender, reader, theirs })
}

/// The listener's first half: listen. [`say`] is the second.
pub(crate) async fn accept(
    connection: &Connection,
    ours: &Hello,
) -> Result<Control, HandshakeError> {
    let (sender, receiver) = connection.accept_bi().await.map_err(HandshakeError::of_loss)?;
    let mut reader = FrameReader::new(receiver);
    let theirs = listen(&mut reader, connection, ours).await?;
    Ok(Control { sender, reader, theirs })
}

/// Says Hello.
pub(crate) async fn say(
    sender: &mut SendStream,
    connection: &Connection,
    ours: &Hello,
) -> Result<(), HandshakeError> {
    let frame = encode_frame(&Message::Hello(ours.clone())).expect("hello fits a frame");
    match sender.write_chunk(frame).await {
        Ok(()) => Ok(()),
        Err(quinn::WriteError::ConnectionLost(error)) => Err(HandshakeError::of_loss(error)),
        Err(_) => Err(last_words(connection).await),
    }
}

/// Why the other end let the control stream go. Whoever refuses does that first and says why a
/// moment later, as it closes the connection; the two may travel in packets of their own.
async fn last_words(connection: &Connection) -> HandshakeError {
    HandshakeError::of_loss(connection.closed().await)
}

async fn listen(
    reader: &mut FrameReader,
    connection: &Connection,
    ours: &Hello,
) -> Result<Hello, HandshakeError> {
    let frame = match reader.frame().await {
        Ok(Some(frame)) => frame,
        Ok(None) | Err(StreamError::Ended | StreamError::Unheard) => {
            return Err(last_words(connection).await);
        }
        Err(StreamError::Lost(error)) => return Err(HandshakeError::of_loss(error)),
        Err(StreamError::Fault(fault)) => return Err(fault.into()),
    };
    let theirs = match Message::from_bytes(&frame) {
        Ok(Message::Hello(theirs)) => theirs,
        Ok(other) => return Err(Fault::Misplaced { name: other.name() }.into()),
        Err(DecodeError::UnknownTag { field: "protocol version", actual }) => {
            return Err(HandshakeError::WrongVersion { actual });
        }
        Err(error) => return Err(Fault::from(error).into()),
    };
    agree(ours, &theirs)?;
    Ok(theirs)
}

/// Whether the two may talk.
fn agree(ours: &Hello, theirs: &Hello) -> Result<(), HandshakeError> {
    if ours.genesis != theirs.genesis {
        let (expected, actual) = (ours.genesis, theirs.genesis);
        return Err(HandshakeError::WrongGenesis { expected, actual });
    }
    if ours.parameters != theirs.parameters {
        let (expected, actual) = (ours.parameters, theirs.parameters);
        return Err(HandshakeError::WrongParameters { expected, actual });
    }
    Ok(())
}

/// Where a peer accepts connections: as it says, with the address it comes from in the place of an
/// unspecified one.
pub(crate) fn listening(hello: &Hello, remote: SocketAddr) -> Option<SocketAddr> {
    let said = hello.listening.filter(|said| said.port() != 0)?;
    let ip = if said.ip().is_unspecified() { remote.ip() } else { said.ip() };
    Some(SocketAddr::new(ip.to_canonical(), said.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(listening: Option<&str>) -> Hello {
        Hello {
            genesis: GenesisId([1; 32]),
            parameters: [2; 32],
            listening: listening.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn progress_may_differ_but_network_and_parameters_may_not() {
        let ours = hello(None);
        let elsewhere = hello(Some("1.2.3.4:5"));
        assert!(agree(&ours, &elsewhere).is_ok());

        let genesis = Hello { genesis: GenesisId([9; 32]), ..hello(None) };
        let error = agree(&ours, &genesis).unwrap_err();
        assert!(matches!(error, HandshakeError::WrongGenesis { .. }));
        assert_eq!(error.farewell().code, CloseCode::WrongNetwork);

        let parameters = Hello { parameters: [9; 32], ..hello(None) };
        let error = agree(&ours, &parameters).unwrap_err();
        assert!(matches!(error, HandshakeError::WrongParameters { .. }));
        assert!(error.to_string().contains("expected 02020202, actual 09090909"));
    }

    #[test]
    fn an_unspecified_address_is_the_one_it_comes_from() {
        let remote = "[::ffff:9.8.7.6]:50000".parse().unwrap();
        let at = |text| listening(&hello(text), remote).map(|address| address.to_string());
        assert_eq!(at(Some("0.0.0.0:4810")).as_deref(), Some("9.8.7.6:4810"));
        assert_eq!(at(Some("1.2.3.4:4810")).as_deref(), Some("1.2.3.4:4810"));
        assert_eq!(at(Some("1.2.3.4:0")), None);
        assert_eq!(at(None), None);
    }
}
