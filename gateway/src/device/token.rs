//! Tokens: what a device shows, and the hash by which it is recognised.
//!
//! A token is 20 random bytes, so a plain hash is enough: there is nothing to guess, and a slow one
//! would only let strangers keep the gateway busy.
//!
//! Invariant: how long a comparison takes says nothing of how much was right.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    rand,
};
use serde::{Deserialize, Serialize};

const TOKEN_BYTES: usize = 20;

/// Longest text that is taken for a token, in bytes.
const TOKEN_TEXT_MAX: usize = 256;

/// What a device shows to prove who it is: 40 hexadecimal digits. Shown once, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one. `None` if the system has no randomness.
    pub fn generate() -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        rand::fill(&mut bytes).ok()?;
        Some(Self(hex(&bytes)))
    }

    /// The token, to be shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the registry keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The SHA-256 of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// A hash that no token has, as far as anybody knows: what unknown devices are compared with.
    pub(crate) const OF_NOBODY: Self = Self([0; 32]);

    fn of(token: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token).as_ref());
        Self(hash)
    }

    /// Whether `token` is the one.
    pub(crate) fn is_of(&self, token: &[u8]) -> bool {
        let token = token.get(..TOKEN_TEXT_MAX).unwrap_or(token);
        verify_slices_are_equal(&self.0, &Self::of(token).0).is_ok()
    }
}

impl FromStr for TokenHash {
    type Err = TokenHashError;

    fn from_str(text: &str) -> Result<Self, TokenHashError> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(TokenHashError);
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).ok_or(TokenHashError)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| TokenHashError)?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for TokenHash {
    type Error = TokenHashError;

    fn try_from(text: String) -> Result<Self, TokenHashError> {
        text.parse()
    }
}

impl From<TokenHash> for String {
    fn from(hash: TokenHash) -> Self {
        hex(&hash.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text that is no hash of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hash of a token is 64 hexadecimal digits; `weft device token NAME` makes a new one")]
pub struct TokenHashError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_and_no_other_is() {
        let (token, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_eq!(token.as_str().len(), 2 * TOKEN_BYTES);
        assert!(token.hash().is_of(token.as_str().as_bytes()));
        assert!(!token.hash().is_of(other.as_str().as_bytes()));
        assert!(!token.hash().is_of(b"") && !TokenHash::OF_NOBODY.is_of(b""));
        assert!(!token.hash().is_of(&[b'x'; 10_000]));
    }

    #[test]
    fn a_hash_is_written_as_it_is_read_and_a_token_is_not_shown_in_passing() {
        let token = Token::generate().unwrap();
        let text = String::from(token.hash());
        assert_eq!(text.parse(), Ok(token.hash()));
        assert!(!format!("{token:?}").contains(token.as_str()));
        for wrong in ["", "00", &"g".repeat(64), &"é".repeat(32), &format!("{text}0")] {
            assert_eq!(wrong.parse::<TokenHash>(), Err(TokenHashError), "{wrong:?}");
        }
    }
}
