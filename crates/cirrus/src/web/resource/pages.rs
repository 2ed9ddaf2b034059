//! The pages of a resource: `views/<table>/{index,show,new,edit}.html`, the seven routes of the original with `POST`,
//! `PUT` and `DELETE` of their forms.

use http::{HeaderValue, StatusCode, header};
use serde_json::{Value as Json, json};

use super::{Resource, list, write};
use crate::{
    app::App,
    data::{Error, Query, Read, Record},
    web::{Request, Response, error_page, problem, refusals, send},
};

const HTML: &str = "text/html; charset=utf-8";

/// Whether this request gets a page and not JSON.
pub(super) fn wanted(resource: &Resource, app: &App, request: &Request, view: &str) -> bool {
    error_page::wants_html(&request.headers) && app.has_view(&resource.views, view)
}

fn page(resource: &Resource, app: &App, request: &Request, view: &str, status: StatusCode, values: Json) -> Response {
    let name = format!("{}/{view}", resource.views);
    match app.render(&name, &values, request) {
        Ok(html) => {
            let mut response = Response::bytes(status, HTML, html);
            send::vary(&mut response.headers, "accept");
            // It may hold a token that is this visitor's alone.
            response.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(problem) => {
            eprintln!("error {}: {problem}", request.id);
            problem::plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                &format!("this page cannot be shown; its name is {}", request.id),
            )
        }
    }
}

fn about(resource: &Resource, read: &dyn Read) -> Result<Json, Error> {
    let table = super::table(resource, read)?;
    let field = |field: &crate::data::schema::Field| {
        let of = if let crate::data::schema::Kind::Choice { of } = &field.kind { json!(of) } else { Json::Null };
        json!({ "name": &*field.name, "type": field.kind.word(), "label": field.label, "required": field.required,
                "writable": field.writable(), "of": of })
    };
    let fields: Vec<Json> = table.fields.iter().map(field).collect();
    Ok(json!({ "name": &*table.name, "label": table.label, "fields": fields, "path": resource.path }))
}

pub(super) fn index(
    resource: &Resource,
    app: &App,
    read: &dyn Read,
    request: &Request,
    asked: &list::Asked,
) -> Result<Response, Error> {
    let compiled = asked.query.compile(read.schema(), true)?;
    let mut bytes = Vec::new();
    let found = read.write_json(&compiled, &mut bytes)?.next;
    let rows: Json = serde_json::from_slice(&bytes).unwrap_or_default();
    let next = found.map(|next| format!("{}?{}", resource.path, list::next_query(asked, &next)));
    let total = if asked.total { Some(read.count(&Query { after: None, ..asked.query.clone() })?) } else { None };
    let values = json!({ "rows": rows, "next": next, "total": total, "table": about(resource, read)? });
    Ok(page(resource, app, request, "index", StatusCode::OK, values))
}

pub(super) fn show(
    resource: &Resource,
    app: &App,
    read: &dyn Read,
    request: &Request,
    id: i64,
) -> Result<Response, Error> {
    let row = read.get(&resource.table, id)?.to_json();
    let values = json!({ "row": row, "table": about(resource, read)? });
    Ok(page(resource, app, request, "show", StatusCode::OK, values))
}

pub(super) fn new(resource: &Resource, app: &App, read: &dyn Read, request: &Request) -> Result<Response, Error> {
    let values = json!({ "row": {}, "errors": {}, "table": about(resource, read)? });
    Ok(page(resource, app, request, "new", StatusCode::OK, values))
}

pub(super) fn edit(
    resource: &Resource,
    app: &App,
    read: &dyn Read,
    request: &Request,
    id: i64,
) -> Result<Response, Error> {
    let row = read.get(&resource.table, id)?.to_json();
    let values = json!({ "row": row, "errors": {}, "table": about(resource, read)? });
    Ok(page(resource, app, request, "edit", StatusCode::OK, values))
}

/// The form again, as it was filled in, with what is wrong.
#[allow(clippy::too_many_arguments, reason = "all of them are what the page shows")]
pub(super) fn again(
    resource: &Resource,
    app: &App,
    read: &dyn Read,
    request: &Request,
    view: &str,
    record: &Record,
    id: Option<i64>,
    error: &Error,
) -> Result<Response, Error> {
    let locales = &app.shared.locales;
    let mut errors = serde_json::Map::new();
    if let Error::Validation { faults, .. } = error {
        for fault in faults {
            errors.insert(fault.field.clone(), json!(refusals::of(locales, request, fault)));
        }
    }
    let status = super::of_data(app, request, error).status;
    let mut row = write::as_values(record);
    if let Some(id) = id {
        row["id"] = json!(id);
    }
    let problem = refusals::told(locales, request, error);
    let values = json!({ "row": row, "errors": errors, "problem": problem, "table": about(resource, read)? });
    Ok(page(resource, app, request, view, status, values))
}
