//! Words and signs of C and of Rust, which agree in all that is needed here.
//!
//! Invariant: neither comments nor what stands in a string is seen.

use anyhow::{Result, bail};

/// Words and signs, and how far they are read.
pub(super) struct Tokens {
    all: Vec<String>,
    at: usize,
}

impl Tokens {
    pub(super) fn new(text: &str) -> Self {
        let mut all = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let bytes = if rest.starts_with("//") {
                end(rest, 2, "\n")
            } else if rest.starts_with("/*") {
                end(rest, 2, "*/")
            } else if first == '"' {
                string(rest)
            } else if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let (token, behind) = rest.split_at(bytes);
            let is_seen = bytes == first.len_utf8() || is_word(first);
            if is_seen && !first.is_whitespace() && first != '"' {
                all.push(token.to_owned());
            }
            rest = behind;
        }
        Self { all, at: 0 }
    }

    /// The word or sign that is `ahead` of the next one; empty behind the end.
    pub(super) fn peek(&self, ahead: usize) -> &str {
        self.all.get(self.at + ahead).map_or("", String::as_str)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.all.len()
    }

    pub(super) fn next(&mut self) -> String {
        let token = self.peek(0).to_owned();
        self.at += 1;
        token
    }

    /// Takes `words` if they are next.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let are_next = words.iter().enumerate().all(|(ahead, word)| self.peek(ahead) == *word);
        if are_next {
            self.at += words.len();
        }
        are_next
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<()> {
        if self.take(&[word]) {
            return Ok(());
        }
        let near = self.all.get(self.at.saturating_sub(6)..).unwrap_or_default();
        bail!(
            "expected {word:?} in: {}",
            near.iter().take(12).cloned().collect::<Vec<_>>().join(" ")
        )
    }

    /// Reads one after the other, with commas between, until `close`.
    pub(super) fn list<T>(
        &mut self,
        close: &str,
        mut one: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while !self.take(&[close]) {
            all.push(one(self)?);
            if !self.take(&[","]) && self.peek(0) != close {
                self.expect(close)?;
            }
        }
        Ok(all)
    }
}

/// Where `mark` ends, looked for from `from` on.
fn end(text: &str, from: usize, mark: &str) -> usize {
    let found = text.get(from..).and_then(|rest| rest.find(mark));
    found.map_or(text.len(), |at| from + at + mark.len())
}

/// Where the string ends with which `text` begins.
fn string(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}
