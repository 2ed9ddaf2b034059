//! What templates can call: texts, icons, and values in the person's language and time zone.

use std::sync::Arc;

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::assets::Assets;
use super::format::{self, Shape};
use super::{Language, Texts, View, charts, texts};

/// Adds all of them.
pub fn add(environment: &mut Environment<'static>, words: &Arc<Texts>, assets: &Arc<Assets>) {
    let (all, rich) = (words.clone(), words.clone());
    environment.add_function("t", move |state: &State, key: String, args: Kwargs| text(state, &all, &key, &args));
    environment.add_function("th", move |state: &State, key: String, args: Kwargs| {
        markup(state, &rich, &key, &args).map(Value::from_safe_string)
    });
    let files = assets.clone();
    environment.add_function("asset", move |name: String| {
        files.path(&name).ok_or_else(|| wrong(format!("there is no asset \"{name}\"")))
    });
    let files = assets.clone();
    environment.add_function("glyph", move |name: String| icon(&files, &name).map(Value::from_safe_string));
    environment.add_function("query", |state: &State, key: String, value: String| {
        Ok::<_, Error>(view(state)?.with_query(&key, &value))
    });
    environment.add_function("csrf", |state: &State| view(state).map(|view| Value::from_safe_string(hidden(&view))));
    environment.add_function("languages", || {
        Value::from_iter(Language::ALL.iter().map(|one| Value::from(vec![one.code(), one.name()])))
    });
    let all = words.clone();
    environment.add_filter("left", move |state: &State, until: u64| {
        Ok::<_, Error>(Value::from_safe_string(format::left_element(&all, view(state)?.as_ref(), until)))
    });
    environment.add_filter("running", |state: &State, since: u64| {
        Ok::<_, Error>(Value::from_safe_string(format::running_element(view(state)?.as_ref(), since)))
    });
    let words = words.clone();
    environment.add_filter("ago", move |state: &State, at: u64| {
        let element = format::time_element(&words, view(state)?.as_ref(), at);
        Ok::<_, Error>(Value::from_safe_string(element))
    });
    for (name, shape) in [("date", Shape::Date), ("exact", Shape::Exact), ("minute", Shape::Minute)] {
        environment.add_filter(name, move |state: &State, at: u64| {
            let view = view(state)?;
            Ok::<_, Error>(format::moment(view.language, &view.zone, at, shape))
        });
    }
    environment.add_filter("number", |state: &State, value: f64| spoken(state, value, format::number));
    environment.add_filter("bytes", |state: &State, value: f64| spoken(state, value, format::bytes));
    environment.add_filter("percent", |state: &State, value: f64| spoken(state, value, format::percent));
    environment.add_filter("duration", |state: &State, millis: u64| spoken(state, millis, format::duration));
    environment.add_filter("month", |state: &State, text: String| spoken(state, text, format::month));
    environment.add_filter("money", |state: &State, cents: i64, currency: String| {
        spoken(state, cents, |language, cents| format::money(language, cents, &currency))
    });
    environment.add_filter("initials", |name: String| initials(&name));
    environment
        .add_filter("hue", |name: String| name.bytes().fold(7_u32, |sum, byte| sum * 31 % 9973 + u32::from(byte)) % 8);
    environment.add_filter("pattern", |text: String| literal(&text));
    environment.add_filter("sparkline", |values: Vec<f64>| Value::from_safe_string(charts::sparkline(&values)));
}

fn wrong(why: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

/// The view of the page that is rendered.
fn view(state: &State) -> Result<Arc<View>, Error> {
    let found = state.lookup("view").and_then(|value| value.downcast_object::<View>());
    found.ok_or_else(|| wrong("this template is not rendered by Pages: it has no view".into()))
}

fn spoken<T>(state: &State, value: T, write: impl Fn(Language, T) -> String) -> Result<String, Error> {
    Ok(write(view(state)?.language, value))
}

/// The arguments of a text; `escape` makes words of people harmless in markup.
fn arguments(args: &Kwargs, escape: bool) -> Result<FluentArgs<'static>, Error> {
    let mut all = FluentArgs::new();
    for name in args.args() {
        let value: Value = args.get(name)?;
        let value = match (value.is_number(), f64::try_from(value.clone())) {
            (true, Ok(number)) => FluentValue::from(number),
            _ if escape && !value.is_safe() => FluentValue::from(escaped(&value.to_string())),
            _ => FluentValue::from(value.to_string()),
        };
        all.set(name.to_owned(), value);
    }
    args.assert_all_used()?;
    Ok(all)
}

fn text(state: &State, texts: &Texts, key: &str, args: &Kwargs) -> Result<String, Error> {
    said(texts.get(view(state)?.language, key, &arguments(args, false)?), key)
}

/// A text that holds markup of its own, such as a link; its arguments are escaped.
fn markup(state: &State, texts: &Texts, key: &str, args: &Kwargs) -> Result<String, Error> {
    said(texts.get(view(state)?.language, key, &arguments(args, true)?), key)
}

/// While developing, a text that is missing is an error; people get its name rather than no page.
fn said(text: Result<String, String>, key: &str) -> Result<String, Error> {
    match text {
        Err(why) if cfg!(debug_assertions) => Err(wrong(why)),
        Err(why) => Ok(texts::missing(key, &why)),
        Ok(text) => Ok(text),
    }
}

/// What markup takes as text.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn icon(assets: &Assets, name: &str) -> Result<String, Error> {
    if !assets.has_icon(name) {
        return Err(wrong(format!("there is no icon \"{name}\"")));
    }
    let sprite = assets.path("icons.svg").unwrap_or_default();
    Ok(format!("<svg class=\"icon\" aria-hidden=\"true\"><use href=\"{sprite}#{name}\"/></svg>"))
}

/// The field of a form that keeps other sites from sending it in this person's name.
fn hidden(view: &View) -> String {
    let token = view.csrf.as_deref().unwrap_or("");
    format!("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", escaped(token))
}

/// One or two letters for a face that has no picture.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let (first, last) = (words.next(), words.next_back());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// The pattern that only this text matches, for a field in which it must be typed. Nothing else may be escaped: browsers
/// ignore a pattern that has an escape they do not know.
fn literal(text: &str) -> String {
    text.chars().flat_map(|c| r"^$\.*+?()[]{}|/".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_have_the_letters_of_their_names() {
        assert_eq!(initials("Ana María Núñez"), "AN");
        assert_eq!(initials("  ñandú "), "Ñ");
        assert_eq!(initials("(x) 9"), "X9");
        assert_eq!(initials(""), "");
    }

    #[test]
    fn a_pattern_matches_its_text_alone() {
        assert_eq!(literal("acme-1.2 (ñ)"), "acme-1\\.2 \\(ñ\\)");
        assert_eq!(escaped("<a href=\"'&\">"), "&lt;a href=&quot;&#39;&amp;&quot;&gt;");
    }
}
