//! Makes few words of long outputs.

/// Lines of a failed step's output that are shown; the rest stays in its log.
const TAIL_LINES: usize = 200;

/// The end of an output, where compilers and tests say what is wrong.
pub(crate) fn tail(text: &str) -> String {
    let count = text.lines().count();
    text.lines().skip(count.saturating_sub(TAIL_LINES)).map(|line| format!("{line}\n")).collect()
}

/// How many tests ran, from the output of `cargo test`; empty if there is none.
pub(crate) fn tests_summary(text: &str) -> String {
    let results = || text.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    if results().next().is_none() {
        return String::new();
    }
    let total = |kind: &str| results().filter_map(|line| count(line, kind)).sum::<u32>();
    match total("ignored") {
        0 => format!("{} tests", total("passed")),
        // A test that is left out is not a passed one: say so.
        ignored => format!("{} tests, {ignored} IGNORED", total("passed")),
    }
}

/// The number before `kind` in `12 passed; 0 failed; 1 ignored; ..`.
fn count(line: &str, kind: &str) -> Option<u32> {
    let part = line.split(';').map(str::trim).find(|part| part.ends_with(kind))?;
    part.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_last_lines() {
        let text: String = (0..300).map(|line| format!("{line}\n")).collect();
        assert!(tail(&text).starts_with("100\n"));
        assert!(tail(&text).ends_with("299\n"));
        assert_eq!(tail("short"), "short\n");
    }

    #[test]
    fn tests_are_summed_over_all_crates() {
        let text = "\
running 3 tests
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s
test result: ok. 40 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.1s
";
        assert_eq!(tests_summary(text), "43 tests, 2 IGNORED");
        assert_eq!(tests_summary(text.lines().nth(1).unwrap_or_default()), "3 tests");
        assert_eq!(tests_summary(""), "");
    }
}
