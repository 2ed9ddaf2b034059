//! Sizes as people write them: `128 MiB`.

/// A text that is no size or duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadQuantity(pub(super) String);

/// The units of something, smallest first, each with how many of the smallest it is.
pub(super) struct Units {
    /// What is measured.
    pub what: &'static str,
    /// An example.
    pub example: &'static str,
    /// The unit to suggest to somebody who wrote none.
    pub usual: &'static str,
    /// Name and factor.
    pub all: &'static [(&'static str, u64)],
}

/// Of sizes.
pub(super) const SIZES: Units = Units {
    what: "size",
    example: "128 MiB",
    usual: "MiB",
    all: &[
        ("B", 1),
        ("KB", 1_000),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
        ("TB", 1_000_000_000_000),
        ("TiB", 1 << 40),
    ],
};

/// Bytes of a size such as `128 MiB`, `64KB` or `1 GiB`.
///
/// # Errors
/// The text is not a whole number with a unit, or too large for 64 bits.
pub fn parse(text: &str) -> Result<u64, BadQuantity> {
    SIZES.parse(text)
}

/// A number of bytes for people, in binary units: exactly where that is short, else to one decimal.
pub fn format(bytes: u64) -> String {
    SIZES.format(bytes, |unit| unit == "B" || unit.ends_with("iB"))
}

impl Units {
    /// How many of the smallest unit a text says.
    pub(super) fn parse(&self, text: &str) -> Result<u64, BadQuantity> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = (&text[..digits], text[digits..].trim_start());
        let Ok(count) = number.parse::<u64>() else {
            return Err(self.wrong(text));
        };
        if unit.is_empty() {
            return Err(BadQuantity(self.bare(number)));
        }
        let Some((_, factor)) = self.all.iter().find(|(name, _)| *name == unit) else {
            return Err(self.wrong(text));
        };
        count
            .checked_mul(*factor)
            .ok_or_else(|| BadQuantity(format!("\"{text}\" is too large; write a smaller {}", self.what)))
    }

    /// What is wrong with a number alone.
    pub(super) fn bare(&self, number: &str) -> String {
        format!("{number} has no unit; write it with one, such as \"{number} {}\"", self.usual)
    }

    /// What is wrong with a text that is none.
    pub(super) fn wrong(&self, text: &str) -> BadQuantity {
        let units: Vec<&str> = self.all.iter().map(|(name, _)| *name).collect();
        let text: String = text.chars().take(40).collect();
        BadQuantity(format!(
            "{text:?} is not a {}; write a whole number and a unit ({}), such as \"{}\"",
            self.what,
            units.join(", "),
            self.example
        ))
    }

    /// A quantity for people, in those units that `used` picks.
    pub(super) fn format(&self, count: u64, used: impl Fn(&str) -> bool) -> String {
        let fitting = || self.all.iter().rev().filter(|(unit, factor)| used(unit) && count >= *factor);
        if let Some((unit, factor)) =
            fitting().find(|(_, factor)| count.is_multiple_of(*factor) && count / factor < 10_000)
        {
            return format!("{} {unit}", count / factor);
        }
        match fitting().next() {
            Some((unit, factor)) => format!("{:.1} {unit}", count as f64 / *factor as f64),
            None => format!("{count} {}", self.all[0].0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_numbers_with_a_unit() {
        for (text, bytes) in [
            ("128 MiB", 128 << 20),
            ("128MiB", 128 << 20),
            ("64KB", 64_000),
            (" 1  GiB ", 1 << 30),
            ("0 B", 0),
            ("2 TB", 2_000_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        let units = "write a whole number and a unit (B, KB, KiB, MB, MiB, GB, GiB, TB, TiB), such as \"128 MiB\"";
        for (text, message) in [
            ("128", "128 has no unit; write it with one, such as \"128 MiB\"".to_owned()),
            ("128 M", format!("\"128 M\" is not a size; {units}")),
            ("1.5 GiB", format!("\"1.5 GiB\" is not a size; {units}")),
            ("-1 MiB", format!("\"-1 MiB\" is not a size; {units}")),
            ("", format!("\"\" is not a size; {units}")),
            ("much", format!("\"much\" is not a size; {units}")),
            ("99999999 TiB", "\"99999999 TiB\" is too large; write a smaller size".to_owned()),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn bytes_are_shown_exactly_where_that_is_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (512, "512 B"),
            (128 << 20, "128 MiB"),
            (1536 << 20, "1536 MiB"),
            (64 << 30, "64 GiB"),
            (123_456_789, "117.7 MiB"),
            (1500, "1500 B"),
        ] {
            assert_eq!(format(bytes), text);
        }
    }
}
