//! Dates, times and instants as text in their one canonical form. Our own, because all that is needed is to read, check
//! and write them: `YYYY-MM-DD`, `HH:MM:SS`, `YYYY-MM-DDTHH:MM:SS.mmmZ`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A date of the Gregorian calendar, years 0001 to 9999; canonical already, or it is refused.
pub fn date(text: &str) -> Option<String> {
    let (year, month, day) = split_date(text)?;
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// A time of day: `HH:MM` or `HH:MM:SS`.
pub fn time(text: &str) -> Option<String> {
    let (hours, minutes, seconds, millis) = split_time(text)?;
    (millis == 0).then(|| format!("{hours:02}:{minutes:02}:{seconds:02}"))
}

/// An instant in RFC 3339 with any offset (or a date and `HH:MM` as HTML's `datetime-local` sends it, taken as UTC),
/// brought to UTC with milliseconds.
pub fn timestamp(text: &str) -> Option<String> {
    let date = text.get(..10)?;
    let (year, month, day) = split_date(date)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(format!("{date}T00:00:00.000Z"));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (&rest[..at], minutes_of_offset(&rest[at..])?),
        None => (rest, 0),
    };
    let (hours, minutes, seconds, millis) = split_time(clock)?;
    let day_seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
    let total = days_from_civil(year, month, day) * 86_400 + day_seconds - offset * 60;
    write_instant(total, millis)
}

/// An instant of the clock in canonical form.
pub fn instant(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX / 2);
    write_instant(seconds, since.subsec_millis()).unwrap_or_else(|| "9999-12-31T23:59:59.999Z".to_owned())
}

fn write_instant(seconds: i64, millis: u32) -> Option<String> {
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let rest = seconds.rem_euclid(86_400);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    (1..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z"))
}

fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn split_date(text: &str) -> Option<(i64, u32, u32)> {
    let mut parts = text.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (parts.next().is_none() && year >= 1 && (1..=length).contains(&day)).then_some((i64::from(year), month, day))
}

fn split_time(text: &str) -> Option<(u32, u32, u32, u32)> {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, fraction)| (clock, Some(fraction)));
    let mut parts = clock.split(':');
    let (hours, minutes) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let seconds = parts.next().map_or(Some(0), |seconds| digits(seconds, 2))?;
    let millis = match fraction {
        None => 0,
        Some(fraction) if (1..=9).contains(&fraction.len()) => {
            let all = digits(fraction, fraction.len())?;
            let length = fraction.len() as u32;
            if length >= 3 { all / 10u32.pow(length - 3) } else { all * 10u32.pow(3 - length) }
        }
        Some(_) => return None,
    };
    let sane = hours < 24 && minutes < 60 && seconds < 60 && parts.next().is_none();
    sane.then_some((hours, minutes, seconds, millis))
}

fn minutes_of_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2))?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 60 + minutes))
}

/// Days since 1970-01-01 (Howard Hinnant's algorithm, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_calendar_agree_over_four_centuries() {
        for days in -200_000..200_000 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn instants_come_to_utc() {
        for (given, canonical) in [
            ("2026-11-23T01:02:03Z", "2026-11-23T01:02:03.000Z"),
            ("2026-01-01T00:30:00.1239+02:00", "2025-12-31T22:30:00.123Z"),
            ("2026-02-28 23:59-05:00", "2026-03-01T04:59:00.000Z"),
            ("2024-02-29T10:00", "2024-02-29T10:00:00.000Z"),
            ("2024-02-29", "2024-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(given).as_deref(), Some(canonical), "{given}");
        }
        assert_eq!(instant(UNIX_EPOCH + Duration::from_millis(1_500)), "1970-01-01T00:00:01.500Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for bad in ["2025-02-29", "2026-13-01", "2026-00-01", "26-01-01", "2026-1-1", "0000-01-01", "ñ", "2026-01-01-"]
        {
            assert_eq!(date(bad), None, "{bad}");
        }
        for bad in ["24:00", "10:60", "1:00", "10:00:00:00", "10:00:00.5", ""] {
            assert_eq!(time(bad), None, "{bad}");
        }
        for bad in ["2026-01-01T", "2026-01-01Tñ:00", "2026-01-01T10:00+25:00", "0001-01-01T00:00+01:00"] {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
        assert_eq!(time("09:30").as_deref(), Some("09:30:00"));
    }
}
