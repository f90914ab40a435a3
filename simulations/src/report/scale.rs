//! Numbers as text, and where the marks of an axis stand.
//!
//! Invariant: one number has one text, of six significant digits at most and without an exponent,
//! so that a file never differs by the last bit of a float.

/// Digits that are shown.
const DIGITS: i32 = 6;

/// `value` with six significant digits; empty if it is no number.
pub(crate) fn shown(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    if value == 0.0 {
        return "0".into();
    }
    let places = (DIGITS - 1 - magnitude(value)).clamp(0, 12);
    let text = format!("{value:.*}", usize::try_from(places).unwrap_or(0));
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text.as_str(),
    };
    if text == "-0" { "0".into() } else { text.into() }
}

/// The place of its first digit: 0 for 1 up to 10, 3 for 1,000 up to 10,000.
#[expect(clippy::cast_possible_truncation, reason = "a float has 308 places at most")]
fn magnitude(value: f64) -> i32 {
    value.abs().log10().floor() as i32
}

/// An axis: which range it shows, where its marks stand, and what they say.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    log: bool,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) marks: Vec<f64>,
}

/// Marks on a linear axis, about.
const MARKS: f64 = 5.0;

impl Scale {
    /// An axis that shows all `values`. A linear one begins at zero if that costs little room.
    pub(crate) fn of(values: impl Iterator<Item = f64>, log: bool) -> Self {
        let values = values.filter(|value| value.is_finite() && (!log || *value > 0.0));
        let range = values.fold(None, |range: Option<[f64; 2]>, value| match range {
            Some([low, high]) => Some([low.min(value), high.max(value)]),
            None => Some([value, value]),
        });
        let [low, high] = range.unwrap_or(if log { [1.0, 10.0] } else { [0.0, 1.0] });
        if log { Self::decades(low, high) } else { Self::linear(low, high) }
    }

    fn linear(low: f64, high: f64) -> Self {
        let low = if low > 0.0 && low < 0.6 * high { 0.0 } else { low };
        let span = if high > low { high - low } else { high.abs().max(1.0) };
        let step = nice(span / MARKS);
        let first = (low / step).floor();
        let last = ((low + span) / step - 1e-9).ceil();
        let mut marks = Vec::new();
        let mut mark = first;
        while mark <= last {
            marks.push(mark * step);
            mark += 1.0;
        }
        Self { log: false, low: first * step, high: last * step, marks }
    }

    fn decades(low: f64, high: f64) -> Self {
        let (low, high) = (low.log10(), high.log10());
        let (first, last) = ((low + 1e-9).floor(), (high - 1e-9).ceil());
        let last = if last > first { last } else { first + 1.0 };
        let narrow = last - first <= 2.0;
        let every = ((last - first) / 6.0).ceil().max(1.0);
        let mut marks = Vec::new();
        let mut decade = first;
        while decade <= last {
            marks.push(decade);
            if narrow && decade < last {
                marks.extend([2.0_f64, 5.0].map(|digit| decade + digit.log10()));
            }
            decade += every;
        }
        // Half a mark of air above and below, not a whole decade.
        let low = if narrow { marks.iter().rev().find(|mark| **mark <= low) } else { None };
        let above = marks.iter().find(|mark| **mark >= high - 1e-9);
        let high = if narrow { above } else { None };
        let (low, high) = (low.copied().unwrap_or(first), high.copied().unwrap_or(last));
        let (low, high) = if high > low { (low, high) } else { (first, last) };
        marks.retain(|mark| (low..=high).contains(mark));
        Self { log: true, low, high, marks }
    }

    /// Where `value` stands on the axis; none if it can not be shown.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let place = match self.log {
            true if value > 0.0 => value.log10(),
            true => return None,
            false => value,
        };
        place.is_finite().then(|| place.clamp(self.low, self.high))
    }

    /// What stands beside the mark at `place`.
    pub(crate) fn text(&self, place: f64) -> String {
        let value = if self.log { 10_f64.powf(place) } else { place };
        let size = value.abs();
        match size {
            _ if size >= 1e9 => format!("{}G", rounded(value / 1e9)),
            _ if size >= 1e6 => format!("{}M", rounded(value / 1e6)),
            _ if size >= 1e4 => format!("{}k", rounded(value / 1e3)),
            _ => rounded(value),
        }
    }
}

/// Without what a sum of floats leaves behind.
fn rounded(value: f64) -> String {
    let text = format!("{value:.7}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" || text.is_empty() { "0".into() } else { text.into() }
}

/// The next of 1, 2 and 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let decade = 10_f64.powi(magnitude(step));
    let steps = [1.0, 2.0, 5.0].map(|digit| digit * decade);
    steps.into_iter().find(|nice| *nice >= step * 0.999).unwrap_or(10.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_digits_and_no_exponent() {
        let numbers = [0.0, 1.0, -2.5, 1234.5678, 0.000_123_456_789, 1e9, 0.1 + 0.2, 99_999.96];
        let texts = ["0", "1", "-2.5", "1234.57", "0.000123457", "1000000000", "0.3", "100000"];
        assert_eq!(numbers.map(shown), texts);
        assert_eq!([f64::NAN, f64::INFINITY].map(shown), ["", ""]);
    }

    #[test]
    fn marks_are_round() {
        let scale = Scale::of([3.0, 97.0].into_iter(), false);
        assert_eq!(scale.marks, [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        let scale = Scale::of([0.0003, 0.9].into_iter(), true);
        let texts: Vec<String> = scale.marks.iter().map(|mark| scale.text(*mark)).collect();
        assert_eq!(texts, ["0.0001", "0.001", "0.01", "0.1", "1"]);
        let scale = Scale::of([4.0, 20.0].into_iter(), true);
        let texts: Vec<String> = scale.marks.iter().map(|mark| scale.text(*mark)).collect();
        assert_eq!(texts, ["2", "5", "10", "20"]);
    }

    #[test]
    fn one_value_and_none_have_an_axis() {
        for log in [false, true] {
            for values in [vec![], vec![7.0], vec![f64::NAN]] {
                let scale = Scale::of(values.into_iter(), log);
                assert!(scale.low < scale.high && scale.marks.len() > 1, "{scale:?}");
            }
        }
    }
}
