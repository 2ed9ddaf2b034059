//! Sizes, times and texts as people read them.

use chrono::{DateTime, Local, TimeZone};

/// A time in milliseconds since 1970-01-01 UTC.
pub type Millis = u64;

/// Now.
pub fn now() -> Millis {
    chrono::Utc::now().timestamp_millis().max(0) as Millis
}

/// `812 B`, `4.0 KiB`, `1.5 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value >= 99.95 { format!("{value:.0} {}", UNITS[unit]) } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 20 min`.
pub fn duration(millis: Millis) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", millis as f64 / 1000.0),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
        _ => format!("{} h {} min", millis / 3_600_000, millis / 60_000 % 60),
    }
}

/// `just now`, `3 min ago`, `in 47 h`, `2 days ago`.
pub fn relative(at: Millis, now: Millis) -> String {
    let text = match at.abs_diff(now) / 1000 {
        0..5 => return "just now".into(),
        seconds @ 5..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    };
    if at > now { format!("in {text}") } else { format!("{text} ago") }
}

/// `12:03:01` in this machine's time zone.
pub fn clock(at: Millis) -> String {
    local(at).map_or_else(|| at.to_string(), |time| time.format("%H:%M:%S").to_string())
}

/// `12:03:01.042` in this machine's time zone.
pub fn moment(at: Millis) -> String {
    local(at).map_or_else(|| at.to_string(), |time| time.format("%H:%M:%S%.3f").to_string())
}

/// `2026-03-01 12:03:01` in this machine's time zone.
pub fn date(at: Millis) -> String {
    local(at).map_or_else(|| at.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

fn local(at: Millis) -> Option<DateTime<Local>> {
    Local.timestamp_millis_opt(i64::try_from(at).ok()?).single()
}

/// `1 installation`, `2 installations`.
pub fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// `1.5 CPUs` for thousandths of a processor.
pub fn cpus(milli: u64) -> String {
    let text = format!("{:.3}", milli as f64 / 1000.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A text from elsewhere made safe for a terminal: control characters become visible, except tabs, ends of lines and
/// the sequences that only set a colour.
pub fn printable(text: &str) -> String {
    if !text.chars().any(|c| c.is_control() && c != '\t' && c != '\n') {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(colour) = colour_sequence(rest) {
            safe.push_str(colour);
            rest = &rest[colour.len()..];
            continue;
        }
        if c.is_control() && c != '\t' && c != '\n' {
            safe.push('\u{fffd}')
        } else {
            safe.push(c)
        }
        rest = &rest[c.len_utf8()..];
    }
    safe
}

/// `ESC [ digits and semicolons m` at the beginning of `text`.
fn colour_sequence(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("\x1b[")?;
    let end = inner.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    inner[end..].starts_with('m').then(|| &text[..end + 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_or_three_digits() {
        let cases = [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (256 << 20, "256 MiB")];
        for (count, text) in cases {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(bytes((1 << 30) - 1), "1.0 GiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
    }

    #[test]
    fn times_are_told_from_now() {
        let now = 1_000_000_000_000;
        assert_eq!(relative(now, now), "just now");
        assert_eq!(relative(now - 180_000, now), "3 min ago");
        assert_eq!(relative(now + 47 * 3_600_000, now), "in 47 h");
        assert_eq!(relative(now - 5 * 86_400_000, now), "5 days ago");
        assert_eq!(duration(12), "12 ms");
        assert_eq!(duration(125_000), "2 min 5 s");
        assert_eq!(cpus(1500), "1.5");
        assert_eq!(cpus(2000), "2");
    }

    #[test]
    fn a_text_from_elsewhere_cannot_drive_the_terminal() {
        assert_eq!(printable("a\tb\n"), "a\tb\n");
        assert_eq!(printable("\x1b[31mred\x1b[0m"), "\x1b[31mred\x1b[0m");
        assert_eq!(printable("\x1b]0;title\x07"), "\u{fffd}]0;title\u{fffd}");
        assert_eq!(printable("\x1b[2J"), "\u{fffd}[2J");
    }
}
