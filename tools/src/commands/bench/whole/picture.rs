//! Where CPU time goes: one bar for each thing measured, cut by stage.
//!
//! Invariant: same rows, same bytes; no font is read, so text is measured by a rule of thumb.

use plotters::{
    prelude::{
        Color as _, DrawingAreaErrorKind, IntoDrawingArea as _, IntoFont as _, RGBColor, Rectangle,
        SVGBackend, Text,
    },
    style::text_anchor::{HPos, Pos, VPos},
};
use serde_json::Value;

use super::super::{bound::STAGES, usage::GROUPS};

/// Width of the whole, of the names before the bars, of the figures behind them, in pixels.
const WIDTH: i32 = 760;
const NAMES: i32 = 210;
const FIGURES: i32 = 70;

const ROW: i32 = 30;
const BAR: i32 = 20;
const TEXT_PX: f64 = 14.0;

/// Width of one letter, about.
const LETTER: i32 = 8;

const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
const INK: RGBColor = RGBColor(0x1c, 0x22, 0x2b);

/// Told apart by most eyes with a colour deficiency, in this order.
const COLOURS: [RGBColor; 9] = [
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x8a, 0x6d, 0x00),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xf0, 0xe4, 0x42),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x7f, 0x7f, 0x7f),
];

/// One bar.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    name: String,
    /// Microseconds of CPU per transaction, by stage.
    parts: Vec<(&'static str, f64)>,
}

impl Row {
    /// `split` says how long each of `stages` took.
    fn of(name: String, stages: &[&'static str], split: &Value) -> Option<Self> {
        let parts = stages.iter().filter_map(|stage| Some((*stage, split[*stage].as_f64()?)));
        let parts: Vec<_> = parts.collect();
        (!parts.is_empty()).then_some(Self { name, parts })
    }

    fn sum(&self) -> f64 {
        self.parts.iter().map(|(_, us)| us).sum()
    }
}

/// The bars of what benches told: each with the bound of its own run above it.
pub(super) fn rows(values: &[&Value]) -> Vec<Row> {
    let mut rows = Vec::new();
    for value in values {
        let (bytes, bound) = (&value["bytes"], &value["bound_split_us"]);
        match value["event"].as_str() {
            Some("pipeline") => {
                rows.extend(Row::of(format!("bound, {bytes} B"), &STAGES, bound));
                let node = &value["node_split_us"];
                rows.extend(Row::of(format!("one node, {bytes} B"), &GROUPS, node));
            }
            Some("network") => {
                rows.extend(Row::of(format!("bound, {bytes} B"), &STAGES, bound));
                let nodes = &value["nodes"];
                for step in value["steps"].as_array().into_iter().flatten() {
                    let name = format!("{nodes} nodes, {} a second", step["final_per_second"]);
                    rows.extend(Row::of(name, &GROUPS, &step["cpu_split_us"]));
                }
            }
            _ => {}
        }
    }
    rows
}

/// The picture, as the text of an SVG file.
pub(super) fn svg(rows: &[Row]) -> Result<String, DrawingAreaErrorKind<std::io::Error>> {
    let stages = stages(rows);
    let height = ROW * (i32::try_from(rows.len()).unwrap_or(0) + 3);
    let size = (u32::try_from(WIDTH).unwrap_or(0), u32::try_from(height).unwrap_or(0));
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&PAPER)?;
        let font = |x| ("sans-serif", TEXT_PX).into_font().color(&INK).pos(x);
        let (left, right) =
            (Pos::new(HPos::Left, VPos::Center), Pos::new(HPos::Right, VPos::Center));
        let title = "microseconds of CPU per transaction and node, by stage".to_owned();
        root.draw(&Text::new(title, (NAMES, ROW / 2), font(left)))?;
        let most = rows.iter().map(Row::sum).fold(f64::MIN_POSITIVE, f64::max);
        let pixels = f64::from(WIDTH - NAMES - FIGURES) / most;
        for (row, top) in rows.iter().zip((1..).map(|line| line * ROW)) {
            let middle = top + ROW / 2;
            root.draw(&Text::new(row.name.clone(), (NAMES - 10, middle), font(right)))?;
            let (mut from, ends) = (0.0, [middle - BAR / 2, middle + BAR / 2]);
            for (stage, us) in &row.parts {
                let corners = [from, from + us].map(|at| NAMES + whole(at * pixels));
                let ([start, end], [above, below]) = (corners, ends);
                let colour = colour(&stages, stage).filled();
                root.draw(&Rectangle::new([(start, above), (end, below)], colour))?;
                from += us;
            }
            let end = NAMES + whole(from * pixels);
            root.draw(&Text::new(format!("{from:.1}"), (end + 8, middle), font(left)))?;
        }
        let (mut x, y) = (NAMES - 180, height - ROW);
        for stage in &stages {
            let colour = colour(&stages, stage).filled();
            root.draw(&Rectangle::new([(x, y - 6), (x + 12, y + 6)], colour))?;
            root.draw(&Text::new(*stage, (x + 18, y), font(left)))?;
            x += 34 + LETTER * i32::try_from(stage.len()).unwrap_or(0);
        }
        root.present()?;
    }
    Ok(text)
}

/// Pixels are whole.
#[expect(clippy::cast_possible_truncation, reason = "no bar is longer than the picture is wide")]
fn whole(pixels: f64) -> i32 {
    pixels.round() as i32
}

/// All stages, in the order in which bars have them.
fn stages(rows: &[Row]) -> Vec<&'static str> {
    let mut stages = Vec::new();
    for (stage, _) in rows.iter().flat_map(|row| &row.parts) {
        if !stages.contains(stage) {
            stages.push(*stage);
        }
    }
    stages
}

fn colour(stages: &[&str], stage: &str) -> RGBColor {
    let place = stages.iter().position(|other| *other == stage);
    place.and_then(|place| COLOURS.get(place % COLOURS.len())).copied().unwrap_or(INK)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        let pipeline = json!({
            "event": "pipeline", "bytes": 32,
            "bound_split_us": { "verify": 20.0, "store": 12.0 },
            "node_split_us": { "check": 24.0, "store": 40.0 },
        });
        let rows = rows(&[&pipeline]);
        assert_eq!(rows.iter().map(Row::sum).collect::<Vec<_>>(), [32.0, 64.0]);
        let svg = svg(&rows).unwrap();
        // The longest bar ends where the figures begin; half of it, half way.
        let (end, half) = (WIDTH - FIGURES, NAMES + (WIDTH - FIGURES - NAMES) / 2);
        let at =
            |x: i32, text: &str| svg.contains(&format!("x=\"{}\"", x + 8)) && svg.contains(text);
        assert!(at(end, "64.0") && at(half, "32.0"), "{svg}");
        assert_eq!(svg, super::svg(&rows).unwrap());
    }
}
