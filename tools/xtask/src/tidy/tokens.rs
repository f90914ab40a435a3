//! Words and signs of a file's code, and the paths they form.

use super::source::is_word;

/// A word, `::`, or any other sign, with its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// A path with its line; groups are taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    pub(super) segments: Vec<&'a str>,
    pub(super) line: usize,
}

/// Splits code, in which texts and comments are blank.
pub(super) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (code, 1);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        let (text, after) = rest.split_at(length);
        if !first.is_whitespace() {
            tokens.push(Token { text, line });
        }
        line += usize::from(first == '\n');
        rest = after;
    }
    tokens
}

/// All imports, and all other paths from `crate`, `self` or `super`.
pub(super) fn paths<'a>(tokens: &[Token<'a>]) -> Vec<Path<'a>> {
    let mut reader = Reader { tokens, at: 0, paths: Vec::new() };
    while let Some(token) = reader.peek() {
        let follows = |text| reader.at.checked_sub(1).is_some_and(|at| reader.is(at, text));
        let is_start = matches!(token, "crate" | "self" | "super") && !follows("::");
        if is_start || follows("use") {
            reader.tree(&[]);
        } else {
            reader.at += 1;
        }
    }
    reader.paths
}

struct Reader<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    paths: Vec<Path<'a>>,
}

impl<'a> Reader<'_, 'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(|token| token.text)
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.text == text)
    }

    /// Reads one path, or several that share `prefix` in a group.
    fn tree(&mut self, prefix: &[&'a str]) {
        let start = self.at;
        let mut segments = prefix.to_vec();
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        loop {
            match self.peek() {
                Some("{") => return self.group(&segments),
                Some(word) if word == "*" || word.starts_with(is_word) => segments.push(word),
                _ => break,
            }
            self.at += 1;
            if !self.is(self.at, "::") {
                break;
            }
            self.at += 1;
        }
        // What is no path must be passed over, else the reader would stand still.
        self.at = self.at.max(start + 1);
        self.paths.push(Path { segments, line });
    }

    fn group(&mut self, prefix: &[&'a str]) {
        self.at += 1;
        while let Some(token) = self.peek() {
            match token {
                "}" => {
                    self.at += 1;
                    return;
                }
                "," => self.at += 1,
                "as" => self.at += 2,
                word if word == "*" || word == "{" || word.starts_with(is_word) => {
                    self.tree(prefix)
                }
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str) -> Vec<String> {
        let tokens = tokens(code);
        paths(&tokens).iter().map(|p| format!("{} {}", p.line, p.segments.join("::"))).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        let code = "use crate::{\n    a::{self, B as C, d::*},\n    e,\n};";
        let parts = ["2 crate::a::self", "2 crate::a::B", "2 crate::a::d::*", "3 crate::e"];
        assert_eq!(shown(code), parts);
    }

    #[test]
    fn imports_count_whatever_they_start_with() {
        let code = "pub use input::{A, b::C};\nfn f() { input::d() }";
        assert_eq!(shown(code), ["1 input::A", "1 input::b::C"]);
    }

    #[test]
    fn paths_in_expressions_end_where_they_end() {
        let code = "match super::super::x { _ => crate::y::<u8>(self.z) }";
        assert_eq!(shown(code), ["1 super::super::x", "1 crate::y", "1 self"]);
    }
}
