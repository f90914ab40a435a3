//! Decimal fractions: the numbers of SenML, exact, so that 21.4 stays 21.4.
//!
//! Invariant: a value has one form (no trailing zeros in the mantissa; zero has exponent 0), and
//! a mantissa that is an integer of CBOR.

/// Powers of ten beyond which no number of a device is taken: the range of a binary64.
const EXPONENT_MAX: i32 = 400;

/// What the mantissa stays below: the integers of CBOR.
const MANTISSA_LIMIT: i128 = 1 << 64;

/// `mantissa * 10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Decimal {
    pub(super) const ZERO: Self = Self { mantissa: 0, exponent: 0 };

    /// `None` if it is out of range.
    pub(super) fn new(mantissa: i128, exponent: i32) -> Option<Self> {
        let (mut mantissa, mut exponent) = (mantissa, exponent);
        if mantissa == 0 {
            return Some(Self::ZERO);
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent = exponent.checked_add(1)?;
        }
        let is_fit = mantissa.abs() < MANTISSA_LIMIT && exponent.abs() <= EXPONENT_MAX;
        is_fit.then_some(Self { mantissa, exponent })
    }

    pub(super) fn integer(value: i128) -> Option<Self> {
        Self::new(value, 0)
    }

    /// The shortest decimal that reads back as `text` does, where `text` is how Rust writes a
    /// float or how JSON writes a number. `None` if it is neither or out of range.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let (negative, whole) = match whole.strip_prefix('-') {
            Some(whole) => (true, whole),
            None => (false, whole),
        };
        let is_number = !whole.is_empty()
            && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !is_number {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = whole.bytes().chain(fraction.bytes()).map(|byte| i128::from(byte - b'0'));
        let mut mantissa = 0_i128;
        for digit in digits {
            mantissa = mantissa.checked_mul(10)?.checked_add(digit)?;
        }
        let places = i32::try_from(fraction.len()).ok()?;
        Self::new(if negative { -mantissa } else { mantissa }, exponent.checked_sub(places)?)
    }

    /// `None` if the sum is out of range.
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        if self.mantissa == 0 {
            return Some(other);
        }
        if other.mantissa == 0 {
            return Some(self);
        }
        let exponent = self.exponent.min(other.exponent);
        let scaled = |value: Self| {
            let power = u32::try_from(value.exponent.checked_sub(exponent)?).ok()?;
            value.mantissa.checked_mul(10_i128.checked_pow(power)?)
        };
        Self::new(scaled(self)?.checked_add(scaled(other)?)?, exponent)
    }

    /// The same as an integer, if it is one below 2^64.
    pub(super) fn as_integer(self) -> Option<i128> {
        let power = u32::try_from(self.exponent).ok()?;
        let value = self.mantissa.checked_mul(10_i128.checked_pow(power)?)?;
        (value.abs() < MANTISSA_LIMIT).then_some(value)
    }

    pub(super) const fn mantissa(self) -> i128 {
        self.mantissa
    }

    pub(super) const fn exponent(self) -> i32 {
        self.exponent
    }

    /// Whole thousandths, rounded down: seconds as milliseconds. `None` if that is no `u64`.
    pub(super) fn thousandths(self) -> Option<u64> {
        let exponent = self.exponent.checked_add(3)?;
        let power = 10_i128.checked_pow(exponent.unsigned_abs());
        let value = match (exponent >= 0, power) {
            (true, power) => self.mantissa.checked_mul(power?)?,
            (false, Some(power)) => self.mantissa.div_euclid(power),
            // So small that nothing is left.
            (false, None) => 0,
        };
        u64::try_from(value).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_value_has_one_form() {
        let same = ["21.4", "21.40", "214e-1", "0.214E2", "2.14e+1", "00021.4"];
        for text in same {
            assert_eq!(Decimal::parse(text), Decimal::new(214, -1), "{text}");
        }
        for zero in ["0", "-0", "0.000", "0e9"] {
            assert_eq!(Decimal::parse(zero), Some(Decimal::ZERO), "{zero}");
        }
        let wrong = [
            "",
            "-",
            ".5",
            "1e",
            "1e999",
            "inf",
            "NaN",
            "0x1",
            "1_0",
            "--1",
            "1.2.3",
            "340282366920938463463374607431768211456",
        ];
        for text in wrong {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sums_are_exact() {
        let of = |text| Decimal::parse(text).unwrap();
        assert_eq!(of("0.1").plus(of("0.2")), Some(of("0.3")));
        assert_eq!(of("1e19").plus(of("0.5")), None, "it needs more digits than there are");
        assert_eq!(of("5").plus(of("-5")), Some(Decimal::ZERO));
        assert_eq!(of("1760000000.5").thousandths(), Some(1_760_000_000_500));
        assert_eq!(of("0.0009").thousandths(), Some(0));
        assert_eq!(of("1e-300").thousandths(), Some(0));
        assert_eq!(of("-1").thousandths(), None);
        assert_eq!(of("1e30").thousandths(), None);
    }

    proptest! {
        #[test]
        fn a_float_comes_back_as_itself(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let decimal = Decimal::parse(&format!("{value:e}")).unwrap();
            let text = format!("{}e{}", decimal.mantissa(), decimal.exponent());
            prop_assert_eq!(text.parse::<f64>().unwrap(), value);
        }

        #[test]
        fn sums_of_integers_are_those_of_integers(
            a in -1_i64 << 60..1 << 60,
            b in -1_i64 << 60..1 << 60,
        ) {
            let sum = Decimal::integer(a.into()).unwrap().plus(Decimal::integer(b.into()).unwrap());
            prop_assert_eq!(sum.unwrap().as_integer(), Some(i128::from(a) + i128::from(b)));
        }
    }
}
