//! Create, update and delete through the one path of writes, so that triggers and totals do their part. Runs on a
//! worker; the answer leaves when the rows are on the disk.

use http::{HeaderValue, StatusCode, header};
use serde_json::Value as Json;

use super::{Resource, body, insert, pages, tag};
use crate::{
    app::App,
    data::{Error, Read, Record, Session, Value, moment, schema::Default},
    web::{Request, Response, error_page, problem, send, users},
};

/// Why nothing was written.
pub(super) enum Refusal {
    Data(Error),
    Response(Box<Response>),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Data(error)
    }
}

impl From<Box<Response>> for Refusal {
    fn from(response: Box<Response>) -> Self {
        Self::Response(response)
    }
}

pub(super) fn create(
    resource: &Resource,
    app: &App,
    session: &Session,
    request: &Request,
) -> Result<Response, Refusal> {
    let table = super::table(resource, session)?;
    let sent = body::read(table, &app.config.limits, request, resource.of_people(app))?;
    let again = sent.record.clone();
    let row = session.atomically(|session| {
        let row = session.create(&resource.table, sent.record)?;
        keep_password(app, session, row.id().unwrap_or_default(), sent.password.as_deref())?;
        Ok(row)
    });
    let row = match row {
        Err(error) if sent.by_form && pages::wanted(resource, app, request, "new") => {
            return Ok(pages::again(resource, app, session, request, "new", &again, None, &error)?);
        }
        row => row?,
    };
    let id = row.id().unwrap_or_default();
    let place = format!("{}/{id}", resource.path);
    if sent.by_form && error_page::wants_html(&request.headers) {
        return Ok(see(&place));
    }
    let mut response = whole(session, resource, id, StatusCode::CREATED)?;
    insert(&mut response.headers, header::LOCATION, &place);
    Ok(response)
}

pub(super) fn update(
    resource: &Resource,
    app: &App,
    session: &Session,
    request: &Request,
    id: i64,
    replace: bool,
) -> Result<Response, Refusal> {
    let table = super::table(resource, session)?;
    let by_condition = unchanged(session, resource, request, id)?;
    let mut sent = body::read(table, &app.config.limits, request, resource.of_people(app))?;
    let again = sent.record.clone();
    if replace {
        // PUT says the whole row: what it leaves out is as in a new one.
        for field in table.fields.iter().filter(|field| field.writable()) {
            if sent.record.get(&field.name).is_none() {
                sent.record.set(&*field.name, of_default(field));
            }
        }
    }
    if let Some(refusal) = by_condition {
        return Ok(refusal);
    }
    let row = session.atomically(|session| {
        let row = session.update(&resource.table, id, sent.record)?;
        keep_password(app, session, id, sent.password.as_deref())?;
        Ok(row)
    });
    match row {
        Err(error) if sent.by_form && pages::wanted(resource, app, request, "edit") => {
            return Ok(pages::again(resource, app, session, request, "edit", &again, Some(id), &error)?);
        }
        row => row?,
    };
    if sent.by_form && error_page::wants_html(&request.headers) {
        return Ok(see(&format!("{}/{id}", resource.path)));
    }
    Ok(whole(session, resource, id, StatusCode::OK)?)
}

fn keep_password(app: &App, session: &Session, user: i64, password: Option<&str>) -> Result<(), Error> {
    password.map_or(Ok(()), |password| users::set_password(session, &app.config.users, user, password))
}

fn of_default(field: &crate::data::schema::Field) -> Value {
    match &field.default {
        None => Value::Null,
        Some(Default::Value(value)) => value.clone(),
        Some(Default::Now) => {
            let now = moment::instant(std::time::SystemTime::now());
            let text = match field.kind.result() {
                crate::data::schema::Type::Date => now[..10].to_owned(),
                crate::data::schema::Type::Time => now[11..19].to_owned(),
                _ => now,
            };
            Value::Text(text)
        }
    }
}

pub(super) fn delete(
    resource: &Resource,
    _app: &App,
    session: &Session,
    request: &Request,
    id: i64,
) -> Result<Response, Refusal> {
    if let Some(refusal) = unchanged(session, resource, request, id)? {
        return Ok(refusal);
    }
    session.atomically(|session| session.delete(&resource.table, id))?;
    let by_form = matches!(
        crate::web::form::kind(&request.headers),
        crate::web::form::Kind::Urlencoded | crate::web::form::Kind::Multipart
    );
    if by_form && error_page::wants_html(&request.headers) {
        return Ok(see(&resource.path));
    }
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// 412 when `If-Match` names another state of the row than the one it is in.
fn unchanged(session: &Session, resource: &Resource, request: &Request, id: i64) -> Result<Option<Response>, Error> {
    let mut bytes = Vec::new();
    if !session.write_json_of(&resource.table, id, &mut bytes)? {
        return Err(Error::NotFound { table: resource.table.clone(), id });
    }
    let Some(wanted) = request.headers.get(header::IF_MATCH) else { return Ok(None) };
    let tag = tag(&bytes);
    if send::names_tag(wanted, &tag) {
        return Ok(None);
    }
    let detail = "somebody changed this row since you read it: read it again and decide";
    let mut refusal = problem::plain(StatusCode::PRECONDITION_FAILED, detail);
    insert(&mut refusal.headers, header::ETAG, &tag);
    Ok(Some(refusal))
}

fn whole(session: &Session, resource: &Resource, id: i64, status: StatusCode) -> Result<Response, Error> {
    let mut bytes = Vec::with_capacity(512);
    session.write_json_of(&resource.table, id, &mut bytes)?;
    let tag = tag(&bytes);
    let mut response = Response::bytes(status, "application/json", bytes);
    insert(&mut response.headers, header::ETAG, &tag);
    Ok(response)
}

/// Where a browser goes after a form: by GET, so that a reload sends nothing again.
fn see(place: &str) -> Response {
    let mut response = Response::empty(StatusCode::SEE_OTHER);
    response.headers.insert(header::LOCATION, HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/")));
    response
}

/// What a form sent, for its page.
pub(super) fn as_values(record: &Record) -> Json {
    record.to_json()
}
