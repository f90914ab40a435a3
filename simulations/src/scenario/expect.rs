//! What a scenario expects: a value, or an outcome, and whether it holds.
//!
//! `finality_p99_ms = "<2500"` must hold at every point of a sweep; `"final_tps@load.tps=50"` at
//! those alone. Left out on purpose: tolerances, which are a second bound: `"1.9..2.1"`.

use crate::scenario::{config::Engine, metrics, read::nearest, sample::Outcome};

/// What a value is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    Below(f64),
    Above(f64),
    Within(f64, f64),
}

/// One expectation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expected {
    /// All runs end so.
    Outcome(Outcome),
    /// The mean of a value keeps to a bound, where the point has this part.
    Value { name: String, at: String, bound: Bound },
}

/// Reads one line of `[expect]`.
pub(crate) fn parse(key: &str, text: &str, engine: Engine) -> Result<Expected, String> {
    if key == "outcome" {
        let known = Outcome::NAMES.iter().find(|(name, _)| *name == text);
        return known.map(|(_, outcome)| Expected::Outcome(*outcome)).ok_or_else(|| {
            let near = nearest(text, Outcome::NAMES.iter().map(|(name, _)| *name));
            format!("unknown outcome `{text}`; did you mean `{}`?", near.unwrap_or_default())
        });
    }
    let (name, at) = key.split_once('@').unwrap_or((key, ""));
    metrics::find(name, engine)?;
    let bound = bound(text)
        .ok_or_else(|| format!("{key} = \"{text}\": write \"<2500\", \">0.95\" or \"1.9..2.1\""))?;
    Ok(Expected::Value { name: name.to_owned(), at: at.to_owned(), bound })
}

fn bound(text: &str) -> Option<Bound> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    if let Some((low, high)) = text.split_once("..") {
        return Some(Bound::Within(number(low)?, number(high)?));
    }
    match text.split_at_checked(1)? {
        ("<", limit) => Some(Bound::Below(number(limit)?)),
        (">", limit) => Some(Bound::Above(number(limit)?)),
        _ => None,
    }
}

impl Bound {
    /// Whether `value` keeps to it.
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Self::Below(limit) => value < limit,
            Self::Above(limit) => value > limit,
            Self::Within(low, high) => (low..=high).contains(&value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_and_miss() {
        let holds = |text: &str, value: f64| bound(text).unwrap().holds(value);
        assert!(holds("<2500", 2_499.0) && !holds("<2500", 2_500.0));
        assert!(holds("> 0.95", 0.96) && !holds(">0.95", 0.95));
        assert!(holds("1.9..2.1", 2.0) && !holds("1.9..2.1", 2.2));
        for wrong in ["", "5", "=5", "<five", "<inf", "é5"] {
            assert_eq!(bound(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_expected_is_known() {
        let error = |key: &str, text: &str| parse(key, text, Engine::Node).unwrap_err();
        assert_eq!(
            error("finalty_p99_ms", "<1"),
            "no value `finalty_p99_ms` of nodes; did you mean `finality_p99_ms`?"
        );
        assert_eq!(error("outcome", "pas"), "unknown outcome `pas`; did you mean `pass`?");
        assert!(error("jain", "0.9").contains("write \"<2500\""));
        assert!(parse("jain@load.tps=5", ">0.9", Engine::Node).is_ok());
    }
}
