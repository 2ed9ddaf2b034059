//! Views: minijinja templates in `views/`, all parsed when the application is loaded, escaped by default, bounded in
//! work. In every view: `t(key, n=..)`, `csrf()`, `csrf_field()`, `number(x)`, `date(x)`, `url(path, name=..)`, `lang`,
//! `languages`, `path`.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use minijinja::{
    Environment, Error as TemplateError, ErrorKind, State, Value, context,
    value::{Enumerator, Kwargs, Object, ObjectExt as _},
};
use serde_json::Value as Json;

use super::{Request, collect, csrf, i18n, i18n::Locales, seal::Seals};
use crate::error::Error;

const MOST_TEMPLATES: usize = 2000;
const MOST_BYTES: u64 = 1024 * 1024;
/// Steps of one view: enough for a table of thousands of rows, not for a loop without end.
const FUEL: u64 = 5_000_000;
const HERE: &str = "__cirrus";

/// All views of an application.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

/// What the functions of a view know of the request they answer.
#[derive(Debug)]
struct Here {
    language: String,
    request: Request,
    shared: Arc<Shared>,
}

impl Object for Here {}

/// An object of JavaScript. As there, `names[7]` finds what is called `"7"`.
#[derive(Debug)]
struct Fields(BTreeMap<String, Value>);

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(name) => self.get_value_by_str(name),
            None if key.is_number() => self.get_value_by_str(&key.to_string()),
            None => None,
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|fields| Box::new(fields.0.keys().map(Value::from)))
    }
}

/// What a handler gives to a view.
fn value(json: &Json) -> Value {
    match json {
        Json::Array(items) => items.iter().map(value).collect::<Vec<_>>().into(),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(name, json)| (name.clone(), value(json))).collect();
            Value::from_object(Fields(fields))
        }
        Json::String(text) => text.as_str().into(),
        simple => Value::from(minijinja::value::Serde(simple.clone())),
    }
}

/// What the functions of all views share.
#[derive(Debug)]
pub struct Shared {
    /// For tokens of forms.
    pub seals: Seals,
    /// For texts.
    pub locales: Locales,
}

impl Templates {
    /// Parses every `.html`, `.txt` and `.xml` below the directory; names are paths without it.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(100);
        // No value is nothing to see, in a text and in a field of a form.
        environment.set_formatter(|out, state, value| {
            if value.is_none() { Ok(()) } else { minijinja::escape_formatter(out, state, value) }
        });
        environment.set_auto_escape_callback(|name| {
            if name.ends_with(".txt") { minijinja::AutoEscape::None } else { minijinja::AutoEscape::Html }
        });
        environment.add_function("t", text);
        environment.add_function("csrf", token);
        environment.add_function("csrf_field", field);
        environment.add_function("url", url);
        environment.add_function("collect_version", |value: Value| {
            serde_json::to_value(&value).map_or_else(|_| String::new(), |value| collect::version(&value))
        });
        environment.add_function("number", |state: &State, value: Value| Ok::<_, TemplateError>(number(state, &value)));
        environment.add_filter("number", |state: &State, value: Value| Ok::<_, TemplateError>(number(state, &value)));
        environment.add_function("date", |state: &State, value: Value| Ok::<_, TemplateError>(date(state, &value)));
        environment.add_filter("date", |state: &State, value: Value| Ok::<_, TemplateError>(date(state, &value)));
        let mut count = 0;
        add(&mut environment, directory, directory, &mut count, 0)?;
        Ok(Self { environment })
    }

    /// Whether there is a view of this name, with or without `.html`.
    pub fn has(&self, name: &str) -> bool {
        self.environment.get_template(&full(name)).is_ok()
    }

    /// Renders a view. The error is for the author: file, line, problem.
    pub fn render(
        &self,
        name: &str,
        values: &serde_json::Value,
        request: &Request,
        shared: &Arc<Shared>,
    ) -> Result<String, String> {
        let template = self.environment.get_template(&full(name)).map_err(|error| explain(&error))?;
        let language = shared.locales.choose(request).to_owned();
        let languages: Vec<String> = shared.locales.languages().map(str::to_owned).collect();
        let (path, lang) = (request.uri.path().to_owned(), language.clone());
        let here = Here { language, request: request.clone(), shared: shared.clone() };
        let basics = context! { lang, languages, path, __cirrus => Value::from_object(here) };
        template.render(context! { ..value(values), ..basics }).map_err(|error| explain(&error))
    }
}

fn full(name: &str) -> String {
    let has_extension = name.rsplit('/').next().unwrap_or("").contains('.');
    if has_extension { name.to_owned() } else { format!("{name}.html") }
}

fn add(
    environment: &mut Environment<'static>,
    root: &Path,
    directory: &Path,
    count: &mut usize,
    depth: usize,
) -> Result<(), Error> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && depth < 8 {
            add(environment, root, &path, count, depth + 1)?;
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        if !matches!(extension, "html" | "txt" | "xml") {
            continue;
        }
        let Some(name) = path.strip_prefix(root).ok().and_then(|name| name.to_str()).map(str::to_owned) else {
            continue;
        };
        *count += 1;
        if *count > MOST_TEMPLATES || entry.metadata().is_ok_and(|metadata| metadata.len() > MOST_BYTES) {
            let problem = format!("an application may have {MOST_TEMPLATES} views of {MOST_BYTES} bytes");
            return Err(Error::TooMuch { path, problem });
        }
        let source = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let added = environment.add_template_owned(name, source);
        added.map_err(|error| Error::Template { problem: explain(&error) })?;
    }
    Ok(())
}

/// File, line and problem, with the causes.
fn explain(error: &TemplateError) -> String {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("views/{name}:{line}: "),
        (Some(name), None) => format!("views/{name}: "),
        _ => String::new(),
    };
    let mut text = format!("{place}{}", error.kind());
    if let Some(detail) = error.detail() {
        text.push_str(&format!(": {detail}"));
    }
    if let Some(cause) = std::error::Error::source(error) {
        match cause.downcast_ref::<TemplateError>() {
            Some(cause) => text.push_str(&format!("\n  {}", explain(cause))),
            None => text.push_str(&format!(": {cause}")),
        }
    }
    text
}

fn here<T>(state: &State, use_it: impl FnOnce(&Here) -> T) -> Option<T> {
    let value = state.lookup(HERE)?;
    value.downcast_object_ref::<Here>().map(use_it)
}

fn text(state: &State, key: &str, named: Kwargs) -> Result<String, TemplateError> {
    let mut values = Vec::new();
    for name in named.args() {
        values.push((name.to_owned(), named.get::<Value>(name)?.to_string()));
    }
    let value = |wanted: &str| values.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    Ok(here(state, |here| here.shared.locales.text(&here.language, key, value)).unwrap_or_else(|| key.to_owned()))
}

fn token(state: &State) -> Result<String, TemplateError> {
    let made = here(state, |here| csrf::token(&here.shared.seals, &here.request));
    made.unwrap_or(Ok(String::new())).map_err(|problem| TemplateError::new(ErrorKind::InvalidOperation, problem))
}

fn field(state: &State) -> Result<Value, TemplateError> {
    let token = token(state)?;
    Ok(Value::from_safe_string(format!("<input type=\"hidden\" name=\"{}\" value=\"{token}\">", csrf::FIELD)))
}

/// A path with a query of the named values.
fn url(path: &str, named: Kwargs) -> Result<String, TemplateError> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let mut any = false;
    for name in named.args() {
        query.append_pair(name, &named.get::<Value>(name)?.to_string());
        any = true;
    }
    Ok(if any { format!("{path}?{}", query.finish()) } else { path.to_owned() })
}

fn language(state: &State) -> String {
    here(state, |here| here.language.clone()).unwrap_or_default()
}

fn number(state: &State, value: &Value) -> String {
    if value.is_none() || value.is_undefined() {
        String::new()
    } else {
        i18n::number(&language(state), &value.to_string())
    }
}

fn date(state: &State, value: &Value) -> String {
    if value.is_none() || value.is_undefined() {
        String::new()
    } else {
        i18n::date(&language(state), &value.to_string())
    }
}
