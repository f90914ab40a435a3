//! `metrics.csv`: every number that a report shows, one per line.

use crate::report::{
    figures::{Bar, Curve, Figures, Shape, Style},
    scale::shown,
};

/// The columns. `kind` is `value`, `simulated`, `theory`, `measured` or `bar`; `figure` is empty
/// for values; `low` and `high` bound the 95 % confidence interval of the mean, if there is one.
pub const COLUMNS: [&str; 8] = ["kind", "figure", "series", "x", "y", "low", "high", "unit"];

/// The whole table, as text.
pub(crate) fn table(figures: &Figures) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for value in &figures.values {
        let [low, high] = bounds(value.interval);
        let y = shown(value.mean);
        writer.write_record([
            "value",
            "",
            &value.name,
            &value.point,
            &y,
            &low,
            &high,
            &value.unit,
        ])?;
    }
    for figure in &figures.figures {
        match &figure.shape {
            Shape::Curves(curves) => {
                for curve in curves {
                    points(&mut writer, &figure.id, curve)?;
                }
            }
            Shape::Bars(bars) => {
                for bar in bars {
                    self::bar(&mut writer, &figure.id, bar)?;
                }
            }
        }
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn points(writer: &mut csv::Writer<Vec<u8>>, id: &str, curve: &Curve) -> Result<(), csv::Error> {
    let kind = match curve.style {
        Style::Simulated => "simulated",
        Style::Theory => "theory",
        Style::Measured => "measured",
    };
    for point in &curve.points {
        let [low, high] = bounds(point.interval);
        let (x, y) = (shown(point.x), shown(point.y));
        writer.write_record([kind, id, &curve.name, &x, &y, &low, &high, ""])?;
    }
    Ok(())
}

fn bar(writer: &mut csv::Writer<Vec<u8>>, id: &str, bar: &Bar) -> Result<(), csv::Error> {
    let [low, high] = bounds(bar.interval);
    writer.write_record(["bar", id, &bar.name, "", &shown(bar.value), &low, &high, ""])
}

fn bounds(interval: Option<[f64; 2]>) -> [String; 2] {
    interval.map_or_else(Default::default, |bounds| bounds.map(shown))
}
