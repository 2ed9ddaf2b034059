//! Exact decimals: an `i64` that counts units of 10^-scale. Text in, text out, no binary fractions on the way.

/// The largest scale a field may have: with it, whole numbers of nine digits still fit.
pub const MAX_SCALE: u8 = 9;

/// Why a text is not a decimal of the wanted scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not a number as people write it: digits, an optional sign and one point.
    Malformed,
    /// More decimals than the field keeps, and they are not zeros.
    TooPrecise,
    /// It does not fit in 64 bits.
    TooLarge,
}

/// 10 to the power of `scale` (at most 18, the largest that fits in an `i64`).
pub const fn power(scale: u8) -> i64 {
    10i64.pow(if scale > 18 { 18 } else { scale as u32 })
}

/// Units of 10^-`scale` for a text such as `-12.50`. Exact: what does not fit the scale is refused, never rounded.
pub fn parse(text: &str, scale: u8) -> Result<i64, Fault> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &digits[..0]),
    };
    let point_without_digits = fraction.is_empty() && whole.len() != digits.len();
    if whole.is_empty() || point_without_digits || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(Fault::Malformed);
    }
    let kept = fraction.len().min(scale as usize);
    if fraction[kept..].iter().any(|digit| *digit != b'0') {
        return Err(Fault::TooPrecise);
    }
    let mut units: i64 = 0;
    let padding = std::iter::repeat_n(&b'0', scale as usize - kept);
    for digit in whole.iter().chain(&fraction[..kept]).chain(padding) {
        // Counted downwards, so that the smallest i64 can be written too.
        units = units
            .checked_mul(10)
            .and_then(|units| units.checked_sub(i64::from(digit - b'0')))
            .ok_or(Fault::TooLarge)?;
    }
    if negative { Ok(units) } else { units.checked_neg().ok_or(Fault::TooLarge) }
}

/// Appends `units` of 10^-`scale` as text: `1250` at scale 2 is `12.50`.
pub fn write(units: i64, scale: u8, out: &mut Vec<u8>) {
    use std::io::Write as _;
    let scale = usize::from(scale);
    let mut digits = [0u8; 20];
    let mut cursor = &mut digits[..];
    write!(cursor, "{}", units.unsigned_abs()).expect("twenty digits hold every u64");
    let length = 20 - cursor.len();
    if units < 0 {
        out.push(b'-');
    }
    if scale == 0 {
        out.extend_from_slice(&digits[..length]);
    } else if length > scale {
        out.extend_from_slice(&digits[..length - scale]);
        out.push(b'.');
        out.extend_from_slice(&digits[length - scale..length]);
    } else {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', scale - length));
        out.extend_from_slice(&digits[..length]);
    }
}

/// The same as [`write`], as a string.
pub fn text(units: i64, scale: u8) -> String {
    let mut out = Vec::with_capacity(24);
    write(units, scale, &mut out);
    String::from_utf8(out).expect("digits are ASCII")
}

/// The same number at another scale: exact, or `None` when digits would be lost or it does not fit.
pub fn rescale(units: i64, from: u8, to: u8) -> Option<i64> {
    if to >= from {
        units.checked_mul(power(to - from))
    } else {
        let divisor = power(from - to);
        (units % divisor == 0).then(|| units / divisor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_units_agree_at_the_edges() {
        for (written, scale, units) in [
            ("0", 2, 0),
            ("12.5", 2, 1250),
            ("-0.01", 2, -1),
            ("+7", 0, 7),
            ("1.000", 2, 100),
            ("92233720368547758.07", 2, i64::MAX),
            ("-92233720368547758.08", 2, i64::MIN),
        ] {
            assert_eq!(parse(written, scale), Ok(units), "{written}");
            assert_eq!(parse(&text(units, scale), scale), Ok(units), "{written}");
        }
        assert_eq!(text(-1, 2), "-0.01");
        assert_eq!(text(i64::MIN, 0), "-9223372036854775808");
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        for bad in ["", "-", ".5", "5.", "1e3", "1,5", " 1", "1.2.3", "0x1", "١"] {
            assert_eq!(parse(bad, 2), Err(Fault::Malformed), "{bad}");
        }
        assert_eq!(parse("0.001", 2), Err(Fault::TooPrecise));
        assert_eq!(parse("92233720368547758.08", 2), Err(Fault::TooLarge));
        assert_eq!(rescale(105, 2, 1), None);
        assert_eq!(rescale(-110, 2, 1), Some(-11));
    }
}
