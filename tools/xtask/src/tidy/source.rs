//! A Rust file with its code and its comments told apart.
//!
//! Both keep the layout of the file: what belongs to the other is blank, and so are the contents
//! of strings and characters. So line numbers agree, and a word in a string is never taken for
//! code.

/// A Rust file, told apart.
pub(super) struct Source {
    pub(super) raw: String,
    pub(super) code: String,
    pub(super) comments: String,
    /// Lines before the test module that ends the file; all of them if there is none.
    pub(super) lines_before_tests: usize,
}

impl Source {
    pub(super) fn new(raw: &str) -> Self {
        let mut lexer = Lexer {
            rest: raw.chars().collect(),
            at: 0,
            code: String::new(),
            comments: String::new(),
        };
        lexer.run();
        let lines_before_tests = lines_before_tests(&lexer.code);
        let (code, comments) = (lexer.code, lexer.comments);
        Self { raw: raw.to_owned(), code, comments, lines_before_tests }
    }
}

/// Lines with their numbers, from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// The identifiers and numbers of a line.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !is_word(c)).filter(|word| !word.is_empty())
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the module begins that is compiled for tests only and ends the file.
fn lines_before_tests(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().collect();
    let is_attribute = |line: &&str| line.starts_with("#[cfg(") && words(line).any(|w| w == "test");
    let Some(start) = lines.iter().rposition(is_attribute) else {
        return lines.len();
    };
    let body: String = lines.iter().skip(start).flat_map(|line| [*line, "\n"]).collect();
    let mut items = body.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("#["));
    let is_module =
        items.next().is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'));
    // Formatted code closes a top-level item in the first column: one such line means one item.
    let closings = body.lines().filter(|line| line.starts_with('}')).count();
    let ends_file = items.next_back().is_some_and(|line| line == "}");
    if is_module && closings == 1 && ends_file { start } else { lines.len() }
}

/// Walks through a file once.
struct Lexer {
    rest: Vec<char>,
    at: usize,
    code: String,
    comments: String,
}

impl Lexer {
    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('/')) => self.line_comment(),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.string(),
                ('\'', _) => self.character_or_lifetime(),
                (c, _) if is_word(c) => self.word(),
                _ => self.take(Kind::Code),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    /// Moves on by one character, which is of `kind`.
    fn take(&mut self, kind: Kind) {
        let Some(c) = self.peek(0) else { return };
        let blank = if c == '\n' { '\n' } else { ' ' };
        self.code.push(if kind == Kind::Code { c } else { blank });
        self.comments.push(if kind == Kind::Comment { c } else { blank });
        self.at += 1;
    }

    fn take_many(&mut self, kind: Kind, count: usize) {
        (0..count).for_each(|_| self.take(kind));
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.take(Kind::Comment);
        }
    }

    /// Rust nests them.
    fn block_comment(&mut self) {
        let mut depth = 0;
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    self.take(Kind::Comment);
                    continue;
                }
            }
            self.take_many(Kind::Comment, 2);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.quoted('"');
    }

    /// From one `quote` to the next that no backslash guards.
    fn quoted(&mut self, quote: char) {
        self.take(Kind::Text);
        while let Some(c) = self.peek(0) {
            self.take_many(Kind::Text, if c == '\\' { 2 } else { 1 });
            if c == quote {
                return;
            }
        }
    }

    /// `'a'` is a character, `'a` a lifetime.
    fn character_or_lifetime(&mut self) {
        if self.peek(1) == Some('\\') || self.peek(2) == Some('\'') {
            self.character();
        } else {
            self.take(Kind::Code);
        }
    }

    fn character(&mut self) {
        // `'''` is no Rust, but `'"'` is: the middle one must not open a string.
        if self.peek(1) == Some('\\') {
            self.quoted('\'');
        } else {
            self.take_many(Kind::Text, 3);
        }
    }

    /// A word, and the text it may be the prefix of: `b"..."`, `r#"..."#`, `b'x'`.
    fn word(&mut self) {
        let start = self.at;
        while self.peek(0).is_some_and(is_word) {
            self.take(Kind::Code);
        }
        let word: String = self.rest.iter().take(self.at).skip(start).collect();
        let hashes = self.rest.iter().skip(self.at).take_while(|c| **c == '#').count();
        match word.as_str() {
            "r" | "br" | "cr" if self.peek(hashes) == Some('"') => self.raw_string(hashes),
            "b" if self.peek(0) == Some('\'') => self.character(),
            // Other prefixes need no care: the quote that follows opens a plain string.
            _ => {}
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        self.take_many(Kind::Text, hashes + 1);
        while let Some(c) = self.peek(0) {
            let closed = c == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            self.take_many(Kind::Text, if closed { hashes + 1 } else { 1 });
            if closed {
                return;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    /// The contents of a string or a character, quotes included.
    Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Vec<String> {
        words(&Source::new(text).code).map(str::to_owned).collect()
    }

    #[test]
    fn strings_and_comments_are_no_code() {
        assert_eq!(code("a // b\nc /* d /* e */ f */ g"), ["a", "c", "g"]);
        assert_eq!(code(r#"a "b // \" c" d"#), ["a", "d"]);
        assert_eq!(code("a r#\"b \" c\"# d r\"\\\" e"), ["a", "r", "d", "r", "e"]);
        assert_eq!(code("a br##\"b \"# c\"## d b\"e\" f"), ["a", "br", "d", "b", "f"]);
        assert_eq!(code("r#type a"), ["r", "type", "a"]);
    }

    #[test]
    fn characters_are_no_code_and_lifetimes_are() {
        assert_eq!(code("'\"' a '\\'' b '\\u{1F600}' c b'd' e"), ["a", "b", "c", "b", "e"]);
        assert_eq!(code("fn f<'a, 'b>(x: &'a str)"), ["fn", "f", "a", "b", "x", "a", "str"]);
    }

    #[test]
    fn code_and_comments_keep_the_layout() {
        let source = Source::new("a \"b\nc\" /* d\n */ e // f\n");
        assert_eq!(source.code, "a   \n       \n    e     \n");
        assert_eq!(source.comments, "    \n   /* d\n */   // f\n");
    }

    #[test]
    fn only_a_test_module_at_the_end_is_left_out() {
        let before = |text: &str| Source::new(text).lines_before_tests;
        assert_eq!(before("fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n"), 1);
        assert_eq!(before("fn f() {}\n#[cfg(all(test, unix))]\n#[rustfmt::skip]\nmod t {\n}\n"), 1);
        assert_eq!(before("#[cfg(test)]\nmod tests {\n}\nfn f() {\n}\n"), 5);
        assert_eq!(before("#[cfg(test)]\nmod tests;\nfn f() {\n}\n"), 4);
        assert_eq!(before("// #[cfg(test)]\n// mod tests {\n// }\n"), 3);
    }
}
