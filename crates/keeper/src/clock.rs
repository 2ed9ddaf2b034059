//! Wall-clock time as the logs write it: RFC 3339 in UTC with milliseconds, without a calendar library.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes of a formatted time: `2026-11-22T21:33:00.123Z`.
pub(crate) const LENGTH: usize = 24;

const DAY_MS: u64 = 86_400_000;
/// The last millisecond of the year 9999, the last that has four digits.
const LAST_MS: u64 = 253_402_300_799_999;

/// Milliseconds since 1970.
pub(crate) fn wall_ms() -> u64 {
    to_ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO))
}

/// A duration in whole milliseconds.
pub(crate) fn to_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds for people: `10 s` rather than `10000 ms`.
pub(crate) fn spoken(ms: u64) -> String {
    if ms > 0 && ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}

/// Appends `ms` (milliseconds since 1970) as 24 characters.
pub(crate) fn format(ms: u64, out: &mut Vec<u8>) {
    let ms = ms.min(LAST_MS);
    let (year, month, day) = civil_from_days(ms / DAY_MS);
    let rest = ms % DAY_MS;
    digits(out, year, 4);
    out.push(b'-');
    digits(out, month, 2);
    out.push(b'-');
    digits(out, day, 2);
    out.push(b'T');
    digits(out, rest / 3_600_000, 2);
    out.push(b':');
    digits(out, rest / 60_000 % 60, 2);
    out.push(b':');
    digits(out, rest / 1000 % 60, 2);
    out.push(b'.');
    digits(out, rest % 1000, 3);
    out.push(b'Z');
}

/// The milliseconds since 1970 that [`format`] wrote as `text`.
pub(crate) fn parse(text: &[u8]) -> Option<u64> {
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if text.len() != LENGTH || marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0u64, |n, c| c.is_ascii_digit().then(|| n * 10 + u64::from(c - b'0')))
    };
    let (month, day) = (number(5, 7)?, number(8, 10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from_civil(number(0, 4)?, month, day)?;
    let seconds = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    Some(days * DAY_MS + seconds * 1000 + number(20, 23)?)
}

fn digits(out: &mut Vec<u8>, number: u64, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + (number / 10u64.pow(place) % 10) as u8);
    }
}

/// Year, month and day of the `days`th day after 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms": years begin in March, so that the day added by a leap year is the last one.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The inverse; `None` before 1970.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ms: u64) -> String {
        let mut out = Vec::new();
        format(ms, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_times_are_written_as_everybody_writes_them() {
        // Expected values from `date -u -d @SECONDS +%FT%T`.
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_795_383_180_123, "2026-11-22T21:33:00.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(text(ms), expected);
        }
    }

    #[test]
    fn what_was_written_reads_back() {
        for day in (0..60_000).step_by(1) {
            let ms = day * DAY_MS + day * 977 % DAY_MS;
            assert_eq!(parse(text(ms).as_bytes()), Some(ms), "{}", text(ms));
        }
    }

    #[test]
    fn whole_seconds_are_said_as_such() {
        assert_eq!([0, 300, 1000, 1500, 60_000].map(spoken), ["0 ms", "300 ms", "1 s", "1500 ms", "60 s"]);
    }

    #[test]
    fn other_texts_are_not_times() {
        for bad in ["", "2026-11-22T21:33:00.123", "2026-11-22 21:33:00.123Z", "2026-13-22T21:33:00.123Z", "x"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
