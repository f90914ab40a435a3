//! One figure as SVG.
//!
//! Invariant: same figure, same bytes; no font is read, so text is measured by a rule of thumb.
//! The page maps each colour used here to one of the reader's scheme, see `page.css`.

use std::ops::Range;

use plotters::{
    coord::{
        CoordTranslate as _, Shift,
        ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter},
    },
    prelude::{
        ChartBuilder, Circle, Color as _, DashedLineSeries, DrawingArea, DrawingAreaErrorKind,
        IntoDrawingArea as _, IntoFont as _, LineSeries, PathElement, Polygon, RGBColor, Rectangle,
        SVGBackend, Text,
    },
    style::{
        FontTransform,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::report::{
    figures::{Bar, Curve, Figure, Point, Shape, Style},
    scale::Scale,
};

/// Width and height, in pixels: readable on a phone without a lens.
const SIZE: (u32, u32) = (480, 330);

/// Height of one line of the legend.
const LEGEND_LINE: u32 = 20;

const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
const INK: RGBColor = RGBColor(0x1c, 0x22, 0x2b);
const FAINT: RGBColor = RGBColor(0xd9, 0xdd, 0xe3);

/// Told apart by most eyes with a colour deficiency, in this order.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x8a, 0x6d, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

const FONT: &str = "sans-serif";
const TEXT_PX: f64 = 16.0;

/// Lines of fewer points have a mark at each.
const MARKED_MAX: usize = 24;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// The figure, as the text of an SVG file.
pub(crate) fn svg(figure: &Figure) -> Result<String, DrawingAreaErrorKind<std::io::Error>> {
    let mut text = String::new();
    let entries = match &figure.shape {
        Shape::Curves(curves) => legend(curves),
        Shape::Bars(_) => Vec::new(),
    };
    // The legend takes no room from the plot.
    let lines = entries.iter().map(|entry| entry.line + 1).max().unwrap_or(0);
    let above = lines * LEGEND_LINE;
    let (width, height) = SIZE;
    {
        let backend = SVGBackend::with_string(&mut text, (width, height + above));
        let root = backend.into_drawing_area();
        root.fill(&PAPER)?;
        entries.iter().try_for_each(|entry| entry.draw(&root))?;
        let area = root.margin(above, 0, 0, 0);
        match &figure.shape {
            Shape::Curves(curves) => draw_curves(&area, figure, curves)?,
            Shape::Bars(bars) => draw_bars(&area, figure, bars)?,
        }
        root.present()?;
    }
    Ok(text)
}

fn colour(index: usize) -> RGBColor {
    COLOURS.get(index % COLOURS.len()).copied().unwrap_or(INK)
}

/// Formulas are all drawn in ink: over the line that they agree with they would not be seen.
fn colour_of(style: Style, index: usize) -> RGBColor {
    if style == Style::Theory { INK } else { colour(index) }
}

fn scales(figure: &Figure, curves: &[Curve]) -> [Scale; 2] {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    // An interval may be so wide that it hides the line, and reach below zero where nothing is.
    let least = points().map(|point| point.y).fold(f64::INFINITY, f64::min);
    let most = points().map(|point| point.y).fold(f64::NEG_INFINITY, f64::max);
    let bounds = [if least < 0.0 { 2.0 * least } else { 0.5 * least }, 1.5 * most.max(0.0)];
    let heights = |point: &Point| {
        let [low, high] = point.interval.unwrap_or([point.y, point.y]);
        let [least, most] = bounds;
        [low.max(least).min(point.y), point.y, high.min(most).max(point.y)]
    };
    [
        Scale::of(points().map(|point| point.x), figure.x.log),
        Scale::of(points().flat_map(heights), figure.y.log),
    ]
}

fn draw_curves(root: &Area<'_>, figure: &Figure, curves: &[Curve]) -> Drawn {
    let [x, y] = scales(figure, curves);
    let mut chart = builder(root).build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .light_line_style(PAPER.mix(0.0))
        .bold_line_style(FAINT)
        .axis_style(INK)
        .label_style((FONT, TEXT_PX).into_font().color(&INK))
        .x_desc(figure.x.label.as_str())
        .y_desc(figure.y.label.as_str())
        .draw()?;
    let place = |at: f64, up: f64| Some((x.place(at)?, y.place(up)?));
    for (index, curve) in curves.iter().enumerate() {
        let colour = colour_of(curve.style, index);
        let line: Vec<(f64, f64)> =
            curve.points.iter().filter_map(|point| place(point.x, point.y)).collect();
        chart.draw_series(band(curve, &place).map(|band| Polygon::new(band, colour.mix(0.2))))?;
        let marks = match curve.style {
            Style::Theory => {
                let series = DashedLineSeries::new(line, 6, 5, colour.stroke_width(2));
                chart.draw_series(series)?;
                continue;
            }
            Style::Simulated => {
                chart.draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)))?;
                line.len() <= MARKED_MAX
            }
            Style::Measured => true,
        };
        if marks {
            let radius = if curve.style == Style::Measured { 6 } else { 3 };
            chart.draw_series(line.iter().map(|at| Circle::new(*at, radius, colour.filled())))?;
        }
    }
    Ok(())
}

/// The confidence interval as a polygon: there along the upper bounds, and back along the lower.
fn band(
    curve: &Curve,
    place: &dyn Fn(f64, f64) -> Option<(f64, f64)>,
) -> impl Iterator<Item = Vec<(f64, f64)>> {
    let bounds = |pick: fn([f64; 2]) -> f64| {
        let bound = move |point: &Point| place(point.x, pick(point.interval?));
        curve.points.iter().filter_map(bound).collect::<Vec<_>>()
    };
    let mut around = bounds(|[_, high]| high);
    around.extend(bounds(|[low, _]| low).into_iter().rev());
    (around.len() > 3).then_some(around).into_iter()
}

fn draw_bars(root: &Area<'_>, figure: &Figure, bars: &[Bar]) -> Drawn {
    let top = |bar: &Bar| bar.interval.map_or(bar.value, |[_, high]| high);
    let y = Scale::of(bars.iter().map(top).chain([0.0]), figure.y.log);
    let middles: Vec<f64> = (0..bars.len()).map(|index| index as f64).collect();
    let names: Vec<String> = bars.iter().map(|bar| bar.name.clone()).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let upright = longest * bars.len() > NAME_CHARS_MAX;
    let mut builder = builder(root);
    if upright {
        builder.x_label_area_size(14 + 8 * u32::try_from(longest).unwrap_or(0));
    }
    let shown = if upright { vec![String::new(); names.len()] } else { names.clone() };
    let mut chart = builder.build_cartesian_2d(Names(shown), y.clone())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(PAPER.mix(0.0))
        .bold_line_style(FAINT)
        .axis_style(INK)
        .label_style((FONT, TEXT_PX).into_font().color(&INK))
        .x_desc(figure.x.label.as_str())
        .y_desc(figure.y.label.as_str())
        .draw()?;
    let floor = y.low;
    let fill = colour(0).filled();
    chart.draw_series(bars.iter().zip(&middles).filter_map(|(bar, middle)| {
        let up = y.place(bar.value)?;
        Some(Rectangle::new([(middle - 0.35, floor), (middle + 0.35, up)], fill))
    }))?;
    chart.draw_series(bars.iter().zip(&middles).filter_map(|(bar, middle)| {
        let [low, high] = bar.interval?;
        let line = vec![(*middle, y.place(low)?), (*middle, y.place(high)?)];
        Some(PathElement::new(line, INK.stroke_width(2)))
    }))?;
    let spec = chart.as_coord_spec();
    for (name, middle) in names.iter().zip(&middles).filter(|_| upright) {
        let (x, bottom) = spec.translate(&(*middle, floor));
        let font = (FONT, TEXT_PX).into_font().transform(FontTransform::Rotate270).color(&INK);
        let font = font.pos(Pos::new(HPos::Right, VPos::Center));
        root.draw(&Text::new(name.as_str(), (x, bottom + 8), font))?;
    }
    Ok(())
}

/// Characters of all names that fit side by side.
const NAME_CHARS_MAX: usize = 44;

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        pixel((value - self.low) / (self.high - self.low), from, to)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Scale {
    fn format(place: &f64) -> String {
        place.to_string()
    }

    fn format_ext(&self, place: &f64) -> String {
        self.text(*place)
    }
}

/// An axis of names, one at each whole number.
struct Names(Vec<String>);

/// Names of an axis that are written; of more each second, third and so on.
const NAMES_MAX: usize = 10;

impl Ranged for Names {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let Self(names) = self;
        pixel((value + 0.5) / names.len().max(1) as f64, from, to)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        let Self(names) = self;
        let every = names.len().div_ceil(NAMES_MAX).max(1);
        (0..names.len()).step_by(every).map(|place| place as f64).collect()
    }

    fn range(&self) -> Range<f64> {
        let Self(names) = self;
        -0.5..names.len().max(1) as f64 - 0.5
    }
}

impl ValueFormatter<f64> for Names {
    fn format(place: &f64) -> String {
        place.to_string()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number")]
    fn format_ext(&self, place: &f64) -> String {
        let Self(names) = self;
        names.get(place.round() as usize).cloned().unwrap_or_default()
    }
}

/// The pixel at `share` of the way between two.
#[expect(clippy::cast_possible_truncation, reason = "a place in a picture")]
fn pixel(share: f64, from: i32, to: i32) -> i32 {
    from + (f64::from(to - from) * share).round() as i32
}

fn builder<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.margin(8).margin_right(18).x_label_area_size(46).y_label_area_size(70);
    builder
}

/// The label of a line, and where it stands above the plot.
struct Entry<'a> {
    label: &'a str,
    style: Style,
    colour: RGBColor,
    x: i32,
    line: u32,
}

/// The labels of all lines, each once.
fn legend(curves: &[Curve]) -> Vec<Entry<'_>> {
    let (left, right) = (60, i32::try_from(SIZE.0).unwrap_or(i32::MAX));
    let (mut x, mut line) = (left, 0);
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for (index, curve) in curves.iter().enumerate() {
        let Curve { label, style, .. } = curve;
        if entries.iter().any(|entry| entry.label == label && entry.style == *style) {
            continue;
        }
        let wide = 44 + 7 * i32::try_from(label.chars().count()).unwrap_or(0);
        if x + wide > right && x > left {
            (x, line) = (left, line + 1);
        }
        let colour = colour_of(*style, index);
        entries.push(Entry { label, style: *style, colour, x, line });
        x += wide;
    }
    entries
}

impl Entry<'_> {
    fn draw(&self, root: &Area<'_>) -> Drawn {
        let height = i32::try_from(LEGEND_LINE).unwrap_or(0);
        let line = i32::try_from(self.line).unwrap_or(0);
        let (x, y) = (self.x, 4 + line * height + height / 2);
        let dash = |from: i32, to: i32| {
            PathElement::new(vec![(x + from, y), (x + to, y)], self.colour.stroke_width(2))
        };
        match self.style {
            Style::Simulated => root.draw(&dash(0, 20))?,
            Style::Theory => {
                root.draw(&dash(0, 8))?;
                root.draw(&dash(12, 20))?;
            }
            Style::Measured => root.draw(&Circle::new((x + 10, y), 6, self.colour.filled()))?,
        }
        let font = (FONT, TEXT_PX).into_font().color(&INK);
        root.draw(&Text::new(self.label.to_owned(), (x + 26, y - 8), font))
    }
}
