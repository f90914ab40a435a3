//! Limits on what a reader has to hold in the head at once.

use super::source::numbered;
use super::tokens::{Token, tokens};
use super::{Finding, Repo};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 100;

/// Files of more lines than fit, the test module at the end not counted.
pub(super) fn files(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in &repo.sources {
        let lines = source.lines_before_tests;
        if lines > FILE_LINES_MAX {
            let text = format!("{lines} lines, allowed are {FILE_LINES_MAX}");
            findings.push(Finding { path: path.clone(), line: lines, text });
        }
    }
    findings
}

/// Functions of more lines than fit on a screen, from `fn` to the closing brace.
pub(super) fn functions(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in &repo.sources {
        let tokens = tokens(&source.code);
        for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.text == "fn") {
            let function = tokens.get(at..).unwrap_or_default();
            let Some((name, line, lines)) = measure(function) else {
                continue;
            };
            if lines > FUNCTION_LINES_MAX {
                let text = format!("fn {name}: {lines} lines, allowed are {FUNCTION_LINES_MAX}");
                findings.push(Finding { path: path.clone(), line, text });
            }
        }
    }
    findings
}

/// Name, first line and number of lines of the function that begins `tokens`; `None` for a
/// function without a body, or the type of one.
fn measure<'a>(tokens: &[Token<'a>]) -> Option<(&'a str, usize, usize)> {
    let name = tokens.get(1).filter(|token| token.text != "(")?;
    let start = tokens.first()?.line;
    let (mut nested, mut braces) = (0_i32, 0_i32);
    for token in tokens {
        match token.text {
            "(" | "[" if braces == 0 => nested += 1,
            ")" | "]" if braces == 0 => nested -= 1,
            ";" if braces == 0 && nested == 0 => return None,
            "{" if nested == 0 => braces += 1,
            "}" if braces > 0 => {
                braces -= 1;
                if braces == 0 {
                    return Some((name.text, start, token.line - start + 1));
                }
            }
            _ => {}
        }
    }
    None
}

/// Lines that do not fit two files side by side. An address may: it cannot be broken.
pub(super) fn lines(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in &repo.sources {
        for (line, text) in numbered(&source.raw) {
            let length = text.chars().count();
            if length > LINE_CHARS_MAX && !text.contains("://") {
                let text = format!("{length} characters, allowed are {LINE_CHARS_MAX}");
                findings.push(Finding { path: path.clone(), line, text });
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found_and_its_tests_are_not_counted() {
        let long = "//! Doc.\n".repeat(401);
        let just = format!("{}#[cfg(test)]\nmod tests {{\n}}\n", "//! Doc.\n".repeat(400));
        let repo = Repo::of(&[("a.rs", &long), ("b.rs", &just)]);
        assert_eq!(repo.shown(files), ["a.rs:401: 401 lines, allowed are 400"]);
    }

    #[test]
    fn a_long_function_is_found() {
        let function = |name: &str, lines: usize| {
            format!(
                "fn {name}(x: [u8; 2]) -> u8\nwhere\n{{\n{}}}\n",
                "let a = '}';\n".repeat(lines)
            )
        };
        let text = format!("{}{}", function("short", 66), function("long", 67));
        let repo = Repo::of(&[("a.rs", &text)]);
        assert_eq!(repo.shown(functions), ["a.rs:71: fn long: 71 lines, allowed are 70"]);
    }

    #[test]
    fn types_and_declarations_are_no_functions() {
        let body = "x();\n".repeat(100);
        let text =
            format!("trait T {{ fn f(&self); }}\ntype F = fn(u8) -> u8;\nmod m {{\n{body}}}");
        assert_eq!(Repo::of(&[("a.rs", &text)]).shown(functions), [""; 0]);
    }

    #[test]
    fn a_long_line_is_found_unless_it_is_an_address() {
        let long = "é".repeat(101);
        let address = format!("// https://{long}");
        let repo = Repo::of(&[("a.rs", &format!("{}\n{long}\n{address}", "é".repeat(100)))]);
        assert_eq!(repo.shown(lines), ["a.rs:2: 101 characters, allowed are 100"]);
    }
}
