//! A piece of a DAG: as data for the player of the page, and as a still picture.
//!
//! Time goes to the right, each issuer has a lane. What validators said and what was committed is
//! coloured, what nobody will approve is red, tips have a ring.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// What one vertex is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A transaction of anybody.
    Tx,
    /// A transaction, checkpoint or commit of a validator.
    Validator,
    /// A transaction of an attacker.
    Attacker,
}

/// What became of a vertex by the end of the excerpt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Approved, and not committed yet or in a model without commits.
    Approved,
    /// Committed.
    Committed,
    /// Nobody approved it yet.
    Tip,
    /// Nobody ever will.
    Orphan,
}

/// One vertex.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vertex {
    /// When it was issued, in the unit of the excerpt.
    pub at: f64,
    /// In which lane it is, from 0.
    pub lane: usize,
    /// What it approves: places in the list of vertices, each below its own.
    pub parents: Vec<usize>,
    /// What it is.
    pub kind: Kind,
    /// What became of it.
    pub fate: Fate,
    /// When it was committed, if it was.
    pub committed: Option<f64>,
}

/// An excerpt, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dag {
    /// The unit of time: `ms`, or `h` for the delay of the abstract model.
    pub unit: String,
    /// The names of the lanes, from the top.
    pub lanes: Vec<String>,
    /// The vertices.
    pub vertices: Vec<Vertex>,
}

/// Most vertices of an excerpt: as many as a phone plays without a pause.
pub const VERTICES_MAX: usize = 400;

const WIDTH: f64 = 1_120.0;
const LEFT: f64 = 90.0;
const LANE: f64 = 26.0;

impl Dag {
    /// When the first vertex was issued, and the last.
    fn span(&self) -> [f64; 2] {
        let times = || self.vertices.iter().map(|vertex| vertex.at);
        let first = times().fold(f64::INFINITY, f64::min);
        let last = times().fold(f64::NEG_INFINITY, f64::max);
        if first < last { [first, last] } else { [0.0, 1.0] }
    }

    /// The still picture, as the text of an SVG file.
    pub(crate) fn svg(&self) -> String {
        let [first, last] = self.span();
        let height = LANE * self.lanes.len().max(1) as f64 + 40.0;
        let x = |at: f64| LEFT + (WIDTH - LEFT - 20.0) * (at - first) / (last - first);
        let y = |lane: usize| 20.0 + LANE * (lane as f64 + 0.5);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n"
        );
        for (lane, name) in self.lanes.iter().enumerate() {
            let (y, name) = (y(lane), crate::report::page::escaped(name));
            line(&mut svg, [LEFT, y, WIDTH - 10.0, y], "#D9DDE3", 1.0);
            let _ =
                writeln!(svg, "<text x=\"8\" y=\"{:.1}\" fill=\"#1C222B\">{name}</text>", y + 4.0);
        }
        for vertex in &self.vertices {
            for parent in vertex.parents.iter().filter_map(|parent| self.vertices.get(*parent)) {
                let ends = [x(vertex.at), y(vertex.lane), x(parent.at), y(parent.lane)];
                line(&mut svg, ends, "#9AA3AF", 0.7);
            }
        }
        for vertex in &self.vertices {
            let (fill, stroke) = vertex.colours();
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"{fill}\" stroke=\"{stroke}\" \
                 stroke-width=\"2\"/>",
                x(vertex.at),
                y(vertex.lane),
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{:.1}\" fill=\"#1C222B\">{} to {} {}</text>\n</svg>",
            height - 8.0,
            crate::report::scale::shown(first),
            crate::report::scale::shown(last),
            self.unit,
        );
        svg
    }
}

impl Vertex {
    /// Its colour, and that of its ring.
    const fn colours(&self) -> (&'static str, &'static str) {
        let fill = match (self.fate, self.kind) {
            (Fate::Orphan, _) => "#C9252D",
            (_, Kind::Attacker) => "#CC79A7",
            (_, Kind::Validator) => "#D55E00",
            (Fate::Committed, _) => "#0072B2",
            (Fate::Approved, _) => "#56B4E9",
            (Fate::Tip, _) => "#FFFFFF",
        };
        let ring = if matches!(self.fate, Fate::Tip) { "#1C222B" } else { fill };
        (fill, ring)
    }
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str, width: f64) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" \
         stroke-width=\"{width}\"/>"
    );
}
