//! Texts in the visitor's language: `locales/<language>.toml`, chosen by `?lang=`, by cookie, by `Accept-Language`, by
//! default.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use http::header;

use super::{Request, cookie};
use crate::error::Error;
use crate::words::{self, fill};

/// The cookie that remembers a choice.
pub const COOKIE: &str = "lang";
const MOST_BYTES: u64 = 1024 * 1024;

/// All languages of an application.
#[derive(Debug, Default)]
pub struct Locales {
    languages: BTreeMap<String, HashMap<String, String>>,
    default: String,
}

impl Locales {
    /// Reads the directory; one that does not exist has no texts.
    pub fn load(directory: &Path, default: &str) -> Result<Self, Error> {
        let mut locales = Self { languages: BTreeMap::new(), default: default.to_owned() };
        let Ok(entries) = fs::read_dir(directory) else { return Ok(locales) };
        for entry in entries.flatten() {
            let path = entry.path();
            let Some(language) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            if entry.metadata().is_ok_and(|metadata| metadata.len() > MOST_BYTES) {
                return Err(Error::TooMuch { path, problem: format!("larger than {MOST_BYTES} bytes") });
            }
            let text = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
            let table: toml::Table =
                toml::from_str(&text).map_err(|source| Error::Toml { path: path.clone(), source })?;
            let mut texts = HashMap::new();
            flatten("", &table, &mut texts);
            locales.languages.insert(language.to_owned(), texts);
        }
        Ok(locales)
    }

    /// The languages that there are.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    fn known(&self, wanted: &str) -> Option<&str> {
        let wanted = wanted.trim().to_ascii_lowercase();
        let short = wanted.split(['-', '_']).next().unwrap_or("");
        self.languages.keys().find(|language| **language == wanted || *language == short).map(String::as_str)
    }

    /// The language that a `?lang=` asks for.
    pub fn asked<'a>(&'a self, request: &Request) -> Option<&'a str> {
        let query = request.uri.query().filter(|query| query.contains("lang="))?;
        let (_, wanted) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang")?;
        self.known(&wanted)
    }

    /// The language in which a request is answered.
    pub fn choose<'a>(&'a self, request: &Request) -> &'a str {
        let by_cookie = || cookie::get(&request.headers, COOKIE).and_then(|wanted| self.known(wanted));
        let accepted = || accepted(request, |wanted| self.known(wanted));
        self.asked(request).or_else(by_cookie).or_else(accepted).unwrap_or(&self.default)
    }

    /// What is said of a refused field (see [`words::said`]): in the language of the request, else in the default one;
    /// in the words of the application (`refusals.<code>`), else in ours. Without any texts of the application, the
    /// visitor chooses among our own languages.
    pub fn refusal(&self, request: &Request, code: &str, value: impl Fn(&str) -> Option<String>) -> String {
        let ours = |wanted: &str| words::LANGUAGES.into_iter().find(|ours| wanted.trim().starts_with(ours));
        let chosen = match self.languages.is_empty() {
            true => accepted(request, ours).unwrap_or(words::LANGUAGES[0]),
            false => self.choose(request),
        };
        words::said(code, value, |keys| {
            [chosen, &self.default, words::LANGUAGES[0]].into_iter().find_map(|language| {
                let texts = self.languages.get(language);
                let own = texts.and_then(|texts| keys.iter().find_map(|key| texts.get(&format!("refusals.{key}"))));
                own.map(String::as_str).or_else(|| words::ours(language, keys))
            })
        })
    }

    /// The text of a key with `{name}` filled in; a key that no language has is its own text. With a value `n`,
    /// `key.one` and `key.other` go before `key`.
    pub fn text(&self, language: &str, key: &str, value: impl Fn(&str) -> Option<String>) -> String {
        let plural = value("n").map(|n| format!("{key}.{}", if n == "1" { "one" } else { "other" }));
        let keys = [plural.as_deref(), Some(key)];
        let find = |language: &str| {
            let texts = self.languages.get(language)?;
            keys.iter().flatten().find_map(|key| texts.get(*key))
        };
        let Some(text) = find(language).or_else(|| find(&self.default)) else { return key.to_owned() };
        fill(text, value)
    }
}

/// The most wanted one of the languages that are `known`.
fn accepted<'a>(request: &Request, known: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    let list = request.headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut wanted: Vec<(f32, &str)> = list
        .split(',')
        .take(20)
        .filter_map(|item| {
            let (name, rest) = item.split_once(';').unwrap_or((item, ""));
            let quality = rest.trim().strip_prefix("q=").map_or(Some(1.0), |quality| quality.parse().ok())?;
            (quality > 0.0).then_some((quality, known(name)?))
        })
        .collect();
    wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
    wanted.first().map(|(_, name)| *name)
}

fn flatten(prefix: &str, table: &toml::Table, texts: &mut HashMap<String, String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, texts),
            toml::Value::String(text) => {
                texts.insert(key, text.clone());
            }
            // Numbers and lists are no texts.
            _ => {}
        }
    }
}

/// A number with the separators of a language: `1234567.5` is `1.234.567,5` in Spanish.
pub fn number(language: &str, text: &str) -> String {
    let (thousands, point) = if language.starts_with("en") { (',', '.') } else { ('.', ',') };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut grouped = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(thousands);
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push(point);
        grouped.push_str(fraction);
    }
    grouped
}

/// A date (`2026-11-23`, or the date of a timestamp) as people of a language write it.
pub fn date(language: &str, text: &str) -> String {
    let day = text.get(..10).unwrap_or(text);
    let parts: Vec<&str> = day.split('-').collect();
    match parts.as_slice() {
        [year, month, day] if language.starts_with("en") => format!("{month}/{day}/{year}"),
        [year, month, day] => format!("{day}/{month}/{year}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_by_language() {
        assert_eq!(number("es", "-1234567.50"), "-1.234.567,50");
        assert_eq!(number("en", "1234"), "1,234");
        assert_eq!(number("es", "abc"), "abc");
        assert_eq!(date("es", "2026-11-23T10:00:00.000Z"), "23/11/2026");
        assert_eq!(date("en", "2026-11-23"), "11/23/2026");
        assert_eq!(date("es", "ñññññ"), "ñññññ");
    }

    #[test]
    fn texts_are_filled_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("es.toml"), "hola = 'Hola {name}{'\n[tareas]\none='una'\nother='{n} tareas'")
            .unwrap();
        fs::write(dir.path().join("en.toml"), "hola = 'Hello {name}'").unwrap();
        let locales = Locales::load(dir.path(), "es").unwrap();
        let none = |_: &str| None;
        assert_eq!(locales.text("es", "hola", |name| (name == "name").then(|| "Ana".into())), "Hola Ana{");
        assert_eq!(locales.text("en", "hola", none), "Hello {name}");
        assert_eq!(locales.text("en", "tareas", |_| Some("3".into())), "3 tareas");
        assert_eq!(locales.text("es", "tareas", |_| Some("1".into())), "una");
        assert_eq!(locales.text("es", "nada", none), "nada");
    }
}
