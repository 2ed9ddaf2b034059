//! Durations as people write them: `30 s`.

use super::size::{BadQuantity, Units};

/// Of durations.
pub(super) const DURATIONS: Units = Units {
    what: "duration",
    example: "30 s",
    usual: "s",
    all: &[("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000)],
};

/// Milliseconds of a duration such as `30 s`, `500ms` or `2 min`.
///
/// # Errors
/// The text is not a whole number with a unit, or too large for 64 bits.
pub fn parse(text: &str) -> Result<u64, BadQuantity> {
    DURATIONS.parse(text)
}

/// A number of milliseconds for people: exactly where that is short, else to one decimal.
pub fn format(milliseconds: u64) -> String {
    if milliseconds == 0 { "0 s".into() } else { DURATIONS.format(milliseconds, |_| true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, milliseconds) in [("30 s", 30_000), ("500ms", 500), ("2 min", 120_000), ("1 h", 3_600_000)] {
            assert_eq!(parse(text), Ok(milliseconds), "{text}");
        }
        assert_eq!(parse("30").unwrap_err().to_string(), "30 has no unit; write it with one, such as \"30 s\"");
        assert_eq!(
            parse("30 sec").unwrap_err().to_string(),
            "\"30 sec\" is not a duration; write a whole number and a unit (ms, s, min, h), such as \"30 s\""
        );
        for (milliseconds, text) in [(0, "0 s"), (250, "250 ms"), (90_000, "90 s"), (600_000, "10 min")] {
            assert_eq!(format(milliseconds), text);
        }
    }
}
