//! Reading a scenario, and errors that say where, what, and what was meant.
//!
//! Invariant: a key that nobody reads is an error, in a file as in an override.

use std::path::Path;

use crate::scenario::{
    config::{Engine, Scenario, is_name},
    expect, metrics, overrides, shipped,
};

/// Why a scenario cannot be run: the fault of who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct BadScenario {
    /// The file and the line, or the override.
    pub place: String,
    /// What is wrong, and the nearest that would be right.
    pub what: String,
}

impl BadScenario {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

/// The scenario in a file, or the shipped one of that name.
///
/// # Errors
/// If there is none, or it is none.
pub fn open(name: &str) -> Result<Scenario, BadScenario> {
    let path = Path::new(name);
    if let Ok(text) = std::fs::read_to_string(path) {
        return parse(name, &text);
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(name);
    if let Some(text) = shipped::text(stem) {
        return parse(&format!("scenarios/{stem}.toml"), text);
    }
    let what = match nearest(stem, shipped::SHIPPED.iter().map(|(name, _)| *name)) {
        Some(near) => format!("no such file, and no shipped scenario; did you mean `{near}`?"),
        None => "no such file, and no shipped scenario; see `list`".to_owned(),
    };
    Err(BadScenario::new(name, what))
}

/// The scenario that `text` is; `file` is for errors.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn parse(file: &str, text: &str) -> Result<Scenario, BadScenario> {
    let parsed: Result<Scenario, _> = toml::from_str(text);
    let mut scenario = parsed.map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        let place = line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
        BadScenario::new(place, meant(error.message()))
    })?;
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let filled = scenario.fill(folder);
    filled.map_err(|what| BadScenario::new(file, what))?;
    check(file, &scenario)?;
    Ok(scenario)
}

/// What no type says.
pub(crate) fn check(file: &str, scenario: &Scenario) -> Result<(), BadScenario> {
    let bad = |what: String| Err(BadScenario::new(file, what));
    let name = &scenario.scenario.name;
    if !is_name(name) {
        return bad(format!("scenario.name is `{name}`: letters, digits and dashes, 64 at most"));
    }
    if scenario.run.seeds == 0 {
        return bad("run.seeds is 0: at least one run is needed".into());
    }
    for (key, text) in &scenario.expect {
        if let Err(what) = expect::parse(key, text, scenario.scenario.engine) {
            return bad(format!("expect: {what}"));
        }
    }
    for sketch in &scenario.figures {
        if !is_name(&sketch.id) {
            return bad(format!("figure.id is `{}`: letters, digits and dashes", sketch.id));
        }
        for name in sketch.y.iter().chain(&sketch.theory) {
            metrics::find(name, scenario.scenario.engine)
                .map_err(|what| BadScenario::new(file, format!("figure {}: {what}", sketch.id)))?;
        }
    }
    for path in scenario.sweep.keys() {
        overrides::resolve(scenario, path)
            .map_err(|what| BadScenario::new(file, format!("sweep: {what}")))?;
    }
    match (scenario.scenario.engine, &scenario.tangle) {
        (Engine::Tangle, Some(model)) => {
            model.check().map_err(|unfit| BadScenario::new(file, format!("tangle.{unfit}")))
        }
        _ => crate::scenario::setting::check(scenario).map_err(|what| BadScenario::new(file, what)),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// A message of the parser, with the nearest key if it names one that is unknown.
pub(crate) fn meant(message: &str) -> String {
    let message = message.lines().next().unwrap_or(message);
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (Some(key), true) = (quoted.next(), message.starts_with("unknown")) else {
        return message.to_owned();
    };
    let kind = if message.starts_with("unknown variant") { "value" } else { "key" };
    match nearest(key, quoted) {
        Some(near) => format!("unknown {kind} `{key}`; did you mean `{near}`?"),
        None => message.to_owned(),
    }
}

/// The one of `names` that is written most like `name`.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|near| (strsim::jaro_winkler(name, near), near));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.map(|(_, near)| near)
}
