//! Public keys by their ids.

use weft_core::{
    digest::KeyId,
    keys::{PublicKey, Scheme},
};

use super::NodeClient;
use crate::host::{ClientError, text};

impl NodeClient {
    /// The public key with this id, held against it. Refused with status 404 where it is not known.
    pub async fn key(&self, id: KeyId) -> Result<PublicKey, ClientError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            #[serde(with = "text")]
            scheme: Scheme,
            key: String,
        }
        let answer: Answer = self.json(&["v1", "keys", &id.to_string()], &[]).await?;
        let key =
            bytes(&answer.key).and_then(|bytes| PublicKey::new(answer.scheme, bytes.into()).ok());
        key.filter(|key| key.id() == id).ok_or_else(|| ClientError::NotANode {
            url: self.url().to_owned(),
            reason: "its key is not the one with this id".to_owned(),
        })
    }
}

/// What hexadecimal digits stand for.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    let bytes = pairs.iter().map(byte).collect::<Option<_>>();
    bytes.filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_make_bytes_and_nothing_else_does() {
        assert_eq!(bytes("00ff1A"), Some(vec![0, 255, 26]));
        assert_eq!(bytes(""), Some(Vec::new()));
        for text in ["0", "0g", "é0", "+1"] {
            assert_eq!(bytes(text), None, "{text:?}");
        }
    }
}
