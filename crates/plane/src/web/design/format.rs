//! Numbers, sizes, durations and times as each language writes them.
//!
//! Times are shown relative, with the exact one at hand in the person's own time zone. The rules of time zones come from
//! `jiff` with its own copy of the database: a server need not have one, and it is lighter than chrono's.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nimbus_api::Millis;

use super::{Language, Texts, View};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What stands between a number and its unit, so that no line breaks there.
const SPACE: char = '\u{a0}';

/// A number with at most two decimals: `12,345.6`, in Spanish `12.345,6`; there four digits are not grouped.
pub fn number(language: Language, value: f64) -> String {
    decimal(language, value, 2)
}

/// A number with at most that many decimals; zeros at the end are left out.
pub fn decimal(language: Language, value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0.0 && text.contains(|c| matches!(c, '1'..='9')) { "-" } else { "" };
    let point = match language {
        Language::En => '.',
        Language::Es => ',',
    };
    let point = if fraction.is_empty() { String::new() } else { format!("{point}{fraction}") };
    format!("{sign}{}{point}", grouped(language, whole))
}

fn grouped(language: Language, digits: &str) -> String {
    let (separator, least) = match language {
        Language::En => (',', 4),
        Language::Es => ('.', 5),
    };
    if digits.len() < least {
        return digits.to_owned();
    }
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

/// A size in the units that operating systems show: `1.5 GB` is 1.5 * 2^30 bytes.
pub fn bytes(language: Language, bytes: f64) -> String {
    let mut value = bytes;
    let mut unit = "B";
    for next in ["KB", "MB", "GB", "TB", "PB"] {
        if value.abs() < 1000.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    let decimals = usize::from(unit != "B" && value.abs() < 100.0);
    format!("{}{SPACE}{unit}", decimal(language, value, decimals))
}

/// A part of one: `0.125` is `12.5 %`; English writes no space.
pub fn percent(language: Language, part: f64) -> String {
    let value = decimal(language, part * 100.0, usize::from(part.abs() < 0.1));
    match language {
        Language::En => format!("{value}%"),
        Language::Es => format!("{value}{SPACE}%"),
    }
}

/// An amount of money given in hundredths.
pub fn money(language: Language, cents: i64, currency: &str) -> String {
    let (units, cents, sign) =
        (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100, if cents < 0 { "-" } else { "" });
    let symbol = match currency {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        other => other,
    };
    let whole = grouped(language, &units.to_string());
    match language {
        Language::En if symbol.len() < 3 || symbol == "€" => format!("{sign}{symbol}{whole}.{cents:02}"),
        Language::En => format!("{sign}{symbol}{SPACE}{whole}.{cents:02}"),
        Language::Es => format!("{sign}{whole},{cents:02}{SPACE}{symbol}"),
    }
}

/// How long something took, in at most two units: `340 ms`, `4.2 s`, `3 min 5 s`, `2 d 4 h`.
pub fn duration(language: Language, millis: u64) -> String {
    let two = |large: u64, first: &str, small: u64, second: &str| {
        let first = format!("{}{SPACE}{first}", grouped(language, &large.to_string()));
        if small == 0 { first } else { format!("{first} {small}{SPACE}{second}") }
    };
    match millis {
        0..SECOND => format!("{millis}{SPACE}ms"),
        SECOND..MINUTE => {
            #[expect(clippy::cast_precision_loss, reason = "less than a minute")]
            let seconds = millis as f64 / 1000.0;
            format!("{}{SPACE}s", decimal(language, seconds, usize::from(millis < 10 * SECOND)))
        }
        MINUTE..HOUR => two(millis / MINUTE, "min", millis % MINUTE / SECOND, "s"),
        HOUR..DAY => two(millis / HOUR, "h", millis % HOUR / MINUTE, "min"),
        _ => two(millis / DAY, "d", millis % DAY / HOUR, "h"),
    }
}

/// Time that runs, in hours at most and whole seconds: `47 h 12 min`, `3 min 5 s`, `8 s`. The script counts on in the
/// same form.
pub fn clock(language: Language, millis: u64) -> String {
    let hours = grouped(language, &(millis / HOUR).to_string());
    match millis {
        0..MINUTE => format!("{}{SPACE}s", millis / SECOND),
        MINUTE..HOUR => format!("{}{SPACE}min {}{SPACE}s", millis / MINUTE, millis % MINUTE / SECOND),
        _ => format!("{hours}{SPACE}h {}{SPACE}min", millis % HOUR / MINUTE),
    }
}

/// How long something has been going on, as an element that the script counts on.
pub fn running_element(view: &View, since: Millis) -> String {
    let said = clock(view.language, view.now.saturating_sub(since));
    format!("<time datetime=\"{}\" data-since=\"{since}\">{said}</time>", machine(since))
}

/// How long there still is, as an element that the script counts down: `47 h 12 min left`.
pub fn left_element(texts: &Texts, view: &View, until: Millis) -> String {
    let said = match until.saturating_sub(view.now) {
        0 => texts.plain(view.language, "time-over"),
        left => texts.with(view.language, "time-left", "time", clock(view.language, left)),
    };
    let exact = moment(view.language, &view.zone, until, Shape::Exact);
    format!("<time datetime=\"{}\" title=\"{exact}\" data-left=\"{until}\">{said}</time>", machine(until))
}

/// A moment as people say it: `5 minutes ago`, `in 2 days`, `just now`. The script says the same in the same words.
pub fn relative(texts: &Texts, language: Language, at: Millis, now: Millis) -> String {
    let distance = at.abs_diff(now);
    let (unit, size) = match distance {
        0..45_000 => return texts.plain(language, "just-now"),
        45_000..2_700_000 => ("minutes", MINUTE),
        2_700_000..79_200_000 => ("hours", HOUR),
        79_200_000..2_246_400_000 => ("days", DAY),
        2_246_400_000..27_648_000_000 => ("months", 2_629_800_000),
        _ => ("years", 31_557_600_000),
    };
    let n = ((distance + size / 2) / size).max(1);
    let way = if at > now { "in" } else { "ago" };
    texts.with(language, &format!("{way}-{unit}"), "n", n)
}

const MONTHS: [[&str; 12]; 2] = [
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
];

const LONG_MONTHS: [[&str; 12]; 2] = [
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
];

/// `2026-11` as `November 2026`; what is no month stays as it is.
pub fn month(language: Language, text: String) -> String {
    let parts =
        text.split_once('-').and_then(|(year, month)| Some((year, month.parse::<usize>().ok()?.checked_sub(1)?)));
    match parts.and_then(|(year, month)| Some((year, LONG_MONTHS[language as usize].get(month)?))) {
        Some((year, name)) if language == Language::Es => format!("{name} de {year}"),
        Some((year, name)) => format!("{name} {year}"),
        None => text,
    }
}

/// Which parts of a moment are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `08:05`
    Clock,
    /// `08:05:09`
    Second,
    /// `23 Nov`
    Day,
    /// `23 Nov 2026`
    Date,
    /// `23 Nov 2026, 08:05`
    Minute,
    /// `23 Nov 2026, 08:05:09 (Europe/Madrid)`
    Exact,
}

/// A moment by the clock and calendar of a time zone. What no calendar can show is shown as the day zero of computers.
pub fn moment(language: Language, zone: &TimeZone, at: Millis, shape: Shape) -> String {
    let local = timestamp(at).to_zoned(zone.clone());
    let month = MONTHS[language as usize][usize::from(local.month().unsigned_abs()) - 1];
    let (day, year) = (local.day(), local.year());
    let clock = format!("{:02}:{:02}", local.hour(), local.minute());
    match shape {
        Shape::Clock => clock,
        Shape::Second => format!("{clock}:{:02}", local.second()),
        Shape::Day => format!("{day} {month}"),
        Shape::Date => format!("{day} {month} {year}"),
        Shape::Minute => format!("{day} {month} {year}, {clock}"),
        Shape::Exact => {
            let zone = zone.iana_name().unwrap_or("UTC");
            format!("{day} {month} {year}, {clock}:{:02} ({zone})", local.second())
        }
    }
}

/// The moment that somebody means who writes `2026-11-23T18:30` by the clock of their zone.
pub fn of_local(zone: &TimeZone, text: &str) -> Option<Millis> {
    let local: jiff::civil::DateTime = text.parse().ok()?;
    let at = local.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond();
    Millis::try_from(at).ok()
}

/// A moment for machines, such as `2026-11-23T07:05:09Z`.
pub fn machine(at: Millis) -> String {
    format!("{:.0}", timestamp(at))
}

fn timestamp(at: Millis) -> Timestamp {
    i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default()
}

/// A relative time with the exact one in its title, as an element that the script keeps fresh.
pub fn time_element(texts: &Texts, view: &View, at: Millis) -> String {
    let said = relative(texts, view.language, at, view.now);
    let exact = moment(view.language, &view.zone, at, Shape::Exact);
    format!("<time datetime=\"{}\" title=\"{exact}\" data-time=\"{at}\">{said}</time>", machine(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Millis = 1_795_417_509_000; // 2026-11-23T07:05:09Z

    #[test]
    fn numbers_are_grouped_as_each_language_does() {
        let both = |value| (number(Language::En, value), number(Language::Es, value));
        let pair = |en: &str, es: &str| (en.to_owned(), es.to_owned());
        assert_eq!(both(0.0), pair("0", "0"));
        assert_eq!(both(1234.5), pair("1,234.5", "1234,5"));
        assert_eq!(both(-1_234_567.891), pair("-1,234,567.89", "-1.234.567,89"));
        assert_eq!(both(999.999), pair("1,000", "1000"));
        assert_eq!(both(-0.001), pair("0", "0"));
    }

    #[test]
    fn sizes_parts_and_money() {
        assert_eq!(bytes(Language::En, 0.0), "0\u{a0}B");
        assert_eq!(bytes(Language::En, 1536.0), "1.5\u{a0}KB");
        assert_eq!(bytes(Language::Es, 1.5 * 1_073_741_824.0), "1,5\u{a0}GB");
        assert_eq!(bytes(Language::En, 1023.0), "1\u{a0}KB");
        assert_eq!(bytes(Language::En, 734_003_200.0), "700\u{a0}MB");
        assert_eq!(percent(Language::En, 0.375), "38%");
        assert_eq!(percent(Language::Es, 0.0213), "2,1\u{a0}%");
        assert_eq!(money(Language::En, 123_456, "EUR"), "€1,234.56");
        assert_eq!(money(Language::Es, 123_456, "EUR"), "1234,56\u{a0}€");
        assert_eq!(money(Language::En, -5, "USD"), "-$0.05");
        assert_eq!(money(Language::En, 100, "CHF"), "CHF\u{a0}1.00");
    }

    #[test]
    fn durations_have_at_most_two_units() {
        let said = |millis| duration(Language::Es, millis).replace('\u{a0}', " ");
        assert_eq!(said(340), "340 ms");
        assert_eq!(said(4_250), "4,2 s");
        assert_eq!(said(59_400), "59 s");
        assert_eq!(said(185_000), "3 min 5 s");
        assert_eq!(said(2 * HOUR), "2 h");
        assert_eq!(said(2 * DAY + 4 * HOUR + 59 * MINUTE), "2 d 4 h");
    }

    #[test]
    fn a_countdown_is_in_hours_and_minutes() {
        let said = |millis| clock(Language::En, millis).replace('\u{a0}', " ");
        assert_eq!(said(47 * HOUR + 12 * MINUTE + 59 * SECOND), "47 h 12 min");
        assert_eq!(said(720 * HOUR), "720 h 0 min");
        assert_eq!(said(185_999), "3 min 5 s");
        assert_eq!(said(999), "0 s");
    }

    #[test]
    fn a_moment_is_told_from_now() {
        let texts = Texts::load().unwrap();
        let en = |distance: i64| relative(&texts, Language::En, AT.saturating_add_signed(distance), AT);
        let es = |distance: i64| relative(&texts, Language::Es, AT.saturating_add_signed(distance), AT);
        let (minute, hour, day) = (60_000, 3_600_000, 86_400_000);
        assert_eq!((en(-3000), es(3000)), ("just now".into(), "ahora mismo".into()));
        assert_eq!((en(-50_000), es(-50_000)), ("1 minute ago".into(), "hace 1 minuto".into()));
        assert_eq!((en(-5 * minute), es(-5 * minute)), ("5 minutes ago".into(), "hace 5 minutos".into()));
        assert_eq!((en(2 * hour), es(2 * hour)), ("in 2 hours".into(), "dentro de 2 horas".into()));
        assert_eq!((en(-23 * hour), es(-23 * hour)), ("1 day ago".into(), "hace 1 día".into()));
        assert_eq!((en(-40 * day), es(-40 * day)), ("1 month ago".into(), "hace 1 mes".into()));
        assert_eq!((en(-800 * day), es(800 * day)), ("2 years ago".into(), "dentro de 2 años".into()));
    }

    #[test]
    fn the_exact_time_is_the_persons_own_also_when_clocks_are_changed() {
        let madrid = TimeZone::get("Europe/Madrid").unwrap();
        let at = |at, shape| moment(Language::Es, &madrid, at, shape);
        assert_eq!(at(AT, Shape::Exact), "23 nov 2026, 08:05:09 (Europe/Madrid)");
        assert_eq!(at(AT, Shape::Clock), "08:05");
        // 25 October 2026, 3:00 becomes 2:00.
        assert_eq!(at(1_792_890_000_000 - 1, Shape::Minute), "25 oct 2026, 02:59");
        assert_eq!(at(1_792_890_000_000, Shape::Minute), "25 oct 2026, 02:00");
        assert_eq!(moment(Language::En, &TimeZone::UTC, AT, Shape::Date), "23 Nov 2026");
        assert_eq!(month(Language::En, "2026-11".into()), "November 2026");
        assert_eq!(month(Language::Es, "2027-01".into()), "enero de 2027");
        assert_eq!(month(Language::Es, "2027-00".into()), "2027-00");
        assert_eq!(machine(AT), "2026-11-23T07:05:09Z");
        assert_eq!(machine(u64::MAX), "1970-01-01T00:00:00Z");
    }
}
