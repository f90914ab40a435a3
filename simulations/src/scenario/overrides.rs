//! Parameters by path: `--set net.loss=0.02`, `--grid load.tps=50,100`, `[sweep]`.
//!
//! Invariant: a path names a parameter that the scenario has. A last part that only one parameter
//! has is enough, and so is a table with a parameter that everybody means.

use std::path::Path;

use toml::{Table, Value};

use crate::scenario::{
    config::Scenario,
    read::{BadScenario, check, meant, nearest},
    setting::Costs,
};

/// What is meant by a table alone.
const MEANT: [(&str, &str); 4] = [
    ("nodes", "nodes.validators"),
    ("load", "load.tps"),
    ("net", "net.delay_ms"),
    ("tangle", "tangle.rate"),
];

/// Parts that a scenario is not made of, but about.
const ABOUT: [&str; 5] = ["scenario", "sweep", "expect", "figure", "measured"];

/// `scenario` with `path` set to `value`.
///
/// # Errors
/// If there is no such parameter, or it cannot be that.
pub fn set(scenario: &Scenario, path: &str, value: &Value) -> Result<Scenario, BadScenario> {
    let place = format!("{path}={value}");
    let bad = |what: String| BadScenario::new(place.clone(), what);
    let path = resolve(scenario, path).map_err(bad)?;
    let mut table = Table::try_from(scenario).map_err(|error| bad(error.to_string()))?;
    let slot = slot(&mut table, &path).ok_or_else(|| bad(format!("no parameter `{path}`")))?;
    // Whole numbers may stand where others are meant.
    *slot = match (&*slot, value) {
        (Value::Float(_), Value::Integer(whole)) => Value::Float(*whole as f64),
        _ => value.clone(),
    };
    let changed: Result<Scenario, _> = table.try_into();
    let mut changed = changed.map_err(|error| bad(meant(error.message())))?;
    if let (Some(costs), "costs.source") = (&mut changed.costs, path.as_str()) {
        *costs = Costs { source: costs.source.clone(), ..Costs::default() };
    }
    changed.fill(Path::new("")).map_err(bad)?;
    check(&place, &changed)?;
    Ok(changed)
}

/// The whole path of the parameter that `path` means.
///
/// # Errors
/// If none is meant, with the nearest one, or more than one.
pub(crate) fn resolve(scenario: &Scenario, path: &str) -> Result<String, String> {
    let table = Table::try_from(scenario).map_err(|error| error.to_string())?;
    let mut paths = Vec::new();
    for (name, value) in table.iter().filter(|(name, _)| !ABOUT.contains(&name.as_str())) {
        leaves(name, value, &mut paths);
    }
    let meant = MEANT.iter().find(|(table, _)| *table == path).map_or(path, |(_, path)| *path);
    if let Some(found) = paths.iter().find(|found| *found == meant) {
        return Ok(found.clone());
    }
    let ends = |found: &&String| found.rsplit('.').next() == Some(path);
    let mut found = paths.iter().filter(ends);
    match (found.next(), found.next()) {
        (Some(only), None) => return Ok(only.clone()),
        (Some(one), Some(other)) => {
            return Err(format!("`{path}` may be `{one}` or `{other}`: write the whole path"));
        }
        (None, _) => {}
    }
    let near = nearest(path, paths.iter().map(String::as_str)).unwrap_or_default();
    Err(format!("no parameter `{path}`; did you mean `{near}`?"))
}

/// A text of the command line as a value: a number, a truth, a list, or the text itself.
pub fn value(text: &str) -> Value {
    let parsed: Result<Table, _> = toml::from_str(&format!("value = {text}"));
    let parsed = parsed.ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The paths of everything below that is no table.
fn leaves(path: &str, value: &Value, paths: &mut Vec<String>) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                leaves(&format!("{path}.{name}"), value, paths);
            }
        }
        // A list of tables, as of faults, by number.
        Value::Array(items) if items.iter().any(Value::is_table) => {
            for (number, item) in items.iter().enumerate() {
                leaves(&format!("{path}.{number}"), item, paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}

fn slot<'a>(table: &'a mut Table, path: &str) -> Option<&'a mut Value> {
    let mut parts = path.split('.');
    let mut slot = table.get_mut(parts.next()?)?;
    for part in parts {
        slot = match slot {
            Value::Table(table) => table.get_mut(part)?,
            Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(slot)
}
