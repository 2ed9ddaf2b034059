//! The list of a resource: filter, search, order, page, fields.
//!
//! `?estado=hecha&importe[gte]=10&titulo[words]=casa&sort=-importe,titulo&limit=20&offset=40`, `&fields=id,titulo`,
//! `&total=true`; `cursor=` comes from the `Link` header of the page before.

use std::fmt::Write as _;

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value as Json;

use super::{Resource, pages, tag_value, tagged};
use crate::{
    app::App,
    data::{
        Condition, Error, Query, Read,
        query::{Cursor, Order},
        schema::{IndexKind, Table, Type},
    },
    web::{
        Request, Response, form, problem,
        reading::{List, Reading},
    },
};

/// Parameters that are not filters.
const WORDS: [&str; 9] = ["limit", "offset", "cursor", "sort", "fields", "total", "q", "lang", "_"];

/// A list as the request asks for it.
pub(super) struct Asked {
    pub query: Query,
    pub limit: u32,
    pub total: bool,
    /// The parameters without those of the page, for the links to other pages.
    pub rest: String,
}

/// `-importe,titulo`.
pub(super) fn order(text: &str) -> Vec<Order> {
    let term = |term: &str| match term.strip_prefix('-') {
        Some(field) => Order { field: field.to_owned(), descending: true },
        None => Order { field: term.to_owned(), descending: false },
    };
    text.split(',').map(str::trim).filter(|term| !term.is_empty()).map(term).collect()
}

pub(super) fn answer(
    resource: &Resource,
    app: &App,
    reader: &dyn Read,
    memory: Option<&Reading>,
    request: &Request,
) -> Result<Response, Error> {
    let (place, table) = reader.schema().find(&resource.table)?;
    if pages::wanted(resource, app, request, "index") {
        return pages::index(resource, app, reader, request, &asked(resource, app, table, request)?);
    }
    // A list asks its own table and nothing else, so that table's stamp tells whether it is still true.
    let question = request.uri.path_and_query().map_or("/", |question| question.as_str());
    let stamped = memory.and_then(|memory| Some((memory, memory.stamp(place)?)));
    if let Some(list) = stamped.and_then(|(memory, stamp)| memory.list(question, stamp)) {
        return Ok(response(request, list));
    }
    let list = match read(resource, reader, asked(resource, app, table, request)?) {
        Ok(list) => list,
        Err(Missing::Page(detail)) => return Ok(problem::plain(StatusCode::NOT_FOUND, &detail)),
        Err(Missing::Data(error)) => return Err(error),
    };
    if let Some((memory, stamp)) = stamped {
        memory.keep(question, stamp, &list);
    }
    Ok(response(request, list))
}

/// Why there is no list.
enum Missing {
    Page(String),
    Data(Error),
}

impl From<Error> for Missing {
    fn from(error: Error) -> Self {
        Self::Data(error)
    }
}

fn read(resource: &Resource, reader: &dyn Read, asked: Asked) -> Result<List, Missing> {
    let compiled = asked.query.compile(reader.schema(), true)?;
    let mut bytes = Vec::with_capacity(4096);
    let page = match reader.write_json(&compiled, &mut bytes) {
        // A cursor of another order, or made up: there is no such page.
        Err(Error::Invalid(detail)) if asked.query.after.is_some() => return Err(Missing::Page(detail)),
        outcome => outcome?,
    };
    let link = |next: &Cursor| format!("<{}?{}>; rel=\"next\"", resource.path, next_query(&asked, next));
    let link = page.next.as_ref().and_then(|next| HeaderValue::from_str(&link(next)).ok());
    let total =
        if asked.total { Some(HeaderValue::from(reader.count(&Query { after: None, ..asked.query })?)) } else { None };
    Ok(List { tag: tag_value(&bytes), body: bytes.into(), link, total })
}

fn response(request: &Request, list: List) -> Response {
    let mut response = tagged(request, list.body, list.tag);
    let rest = [(header::LINK, list.link), (HeaderName::from_static("x-total-count"), list.total)];
    for (name, value) in rest {
        if let Some(value) = value {
            response.headers.insert(name, value);
        }
    }
    response
}

/// The query of the page after this one.
pub(super) fn next_query(asked: &Asked, next: &Cursor) -> String {
    let mut text = asked.rest.clone();
    let between = if text.is_empty() { "" } else { "&" };
    let _ = write!(text, "{between}limit={}&cursor={}", asked.limit, next.text());
    text
}

pub(super) fn asked(resource: &Resource, app: &App, table: &Table, request: &Request) -> Result<Asked, Error> {
    let limits = &app.config.limits;
    let most = u32::try_from(limits.page).unwrap_or(u32::MAX).max(resource.page);
    let pairs = form::pairs(request.uri.query().unwrap_or("").as_bytes(), limits).map_err(Error::Invalid)?;
    let mut query = Query::of(&resource.table);
    query.order.clone_from(&resource.order);
    let mut asked = Asked { query, limit: resource.page, total: false, rest: String::new() };
    let mut rest = form_urlencoded::Serializer::new(String::new());
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in &pairs {
        if seen.contains(&name.as_str()) {
            return Err(Error::Invalid(format!("`{name}` comes twice")));
        }
        seen.push(name);
        if value.contains('\0') {
            return Err(Error::Invalid(format!("`{name}` has the character NUL, which no text has")));
        }
        if !matches!(name.as_str(), "limit" | "cursor" | "offset") {
            rest.append_pair(name, value);
        }
        match name.as_str() {
            "limit" => {
                let limit = whole(value).and_then(|limit| u32::try_from(limit).ok());
                asked.limit = limit
                    .filter(|limit| (1..=most).contains(limit))
                    .ok_or_else(|| Error::Invalid(format!("`limit` is a number from 1 to {most}")))?;
            }
            "offset" => {
                let offset = whole(value).filter(|offset| *offset <= crate::data::SAFE_INTEGER as u64);
                asked.query.offset = offset.ok_or_else(|| Error::Invalid("`offset` is a number of rows".into()))?;
            }
            "cursor" => {
                let missing = |_| Error::NotFound { table: "the list".into(), id: 0 };
                asked.query.after = Some(Cursor::parse(value).map_err(missing)?);
            }
            "sort" => asked.query.order = sorted(table, value)?,
            "fields" => asked.query.fields = Some(value.split(',').map(|field| field.trim().to_owned()).collect()),
            "total" => asked.total = truth("total", value)?,
            "q" => asked.query = asked.query.filter(search(table, value)?),
            name if WORDS.contains(&name) => {}
            name => asked.query = asked.query.filter(filter(table, name, value)?),
        }
    }
    asked.query.limit = Some(asked.limit);
    asked.rest = rest.finish();
    Ok(asked)
}

fn sorted(table: &Table, text: &str) -> Result<Vec<Order>, Error> {
    let order = order(text);
    match order.iter().find(|term| table.type_of(&term.field).is_none()) {
        Some(term) => {
            Err(Error::Invalid(format!("{} cannot be sorted by `{}`: it has no such field", table.name, term.field)))
        }
        None if order.is_empty() => Err(Error::Invalid("`sort` names no field".into())),
        None => Ok(order),
    }
}

fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn truth(name: &str, text: &str) -> Result<bool, Error> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::Invalid(format!("`{name}` is true or false"))),
    }
}

/// `q`: the first index of words, or else of pieces.
fn search(table: &Table, text: &str) -> Result<Condition, Error> {
    let find = |kind| table.indexes.iter().find(|index| index.kind == kind).map(|index| index.name.to_string());
    if let Some(name) = find(IndexKind::Words) {
        return Ok(Condition::Words(name, text.to_owned()));
    }
    match find(IndexKind::Pieces) {
        Some(name) => Ok(Condition::Pieces(name, text.to_owned())),
        None => Err(Error::Invalid(format!("{} has no index of words or pieces to search in", table.name))),
    }
}

/// `field=value` or `field[op]=value`, in the words of JavaScript's `where`.
fn filter(table: &Table, name: &str, value: &str) -> Result<Condition, Error> {
    let (field, operation) = match name.split_once('[') {
        Some((field, rest)) => (field, rest.strip_suffix(']').unwrap_or(rest)),
        None => (name, "eq"),
    };
    let in_index = table.indexes.iter().any(|index| *index.name == *field);
    let kind = match (table.type_of(field), operation) {
        (Some(kind), _) => kind,
        (None, "words" | "pieces") if in_index => Type::Text,
        (None, _) => return Err(Error::Invalid(format!("{} has no field `{field}`", table.name))),
    };
    // What it must be for its field, the query judges.
    let plain = |text: &str| match kind {
        Type::Boolean => truth(field, text).map(Json::Bool),
        _ => Ok(Json::String(text.to_owned())),
    };
    let value = match operation {
        "in" | "between" => value.split(',').map(plain).collect::<Result<_, _>>()?,
        "null" => Json::Bool(truth(name, value)?),
        _ => plain(value)?,
    };
    Condition::of(field, operation, &value)
}
