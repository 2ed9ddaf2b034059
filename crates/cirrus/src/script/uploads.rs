//! Files for JavaScript: those that a form brought, those that were kept, and sending any of them.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use http::header::{self, HeaderValue};
use rquickjs::{Array, Ctx, Exception, Object, Result, TypedArray, Value};

use super::modules::{Modules, normal};
use super::natives::{Natives, code, flat, headers_of};
use super::state::{Outcome, State, throw};
use crate::web::form::File;
use crate::web::upload::{DIRECTORY, Upload};
use crate::web::{Body, Response, static_files};

/// Puts the native functions.
pub fn put<'js>(natives: &Natives<'js>) -> Result<()> {
    let state = natives.state();
    natives.put("multipart", move |ctx: Ctx<'js>, id: u32| {
        let form = state.request(&ctx, id)?.form.clone().unwrap_or_default();
        let files = Array::new(ctx.clone())?;
        for (at, file) in form.files.iter().enumerate() {
            let object = Object::new(ctx.clone())?;
            object.set("field", &*file.field)?;
            object.set("name", &*file.name)?;
            object.set("type", &*file.content_type)?;
            object.set("size", file.content.size() as f64)?;
            files.set(at, object)?;
        }
        let both = Object::new(ctx.clone())?;
        both.set("fields", flat(&ctx, form.fields.clone())?)?;
        both.set("files", files)?;
        Ok::<_, rquickjs::Error>(both)
    })?;
    let state = natives.state();
    natives.put("uploadBytes", move |ctx: Ctx<'js>, id: u32, at: usize| {
        let bytes = file(&state, &ctx, id, at)?.content.bytes();
        TypedArray::<u8>::new_copy(ctx.clone(), &bytes.map_err(|error| failed(&ctx, &error))?)
    })?;
    let state = natives.state();
    natives.put("uploadPath", move |ctx: Ctx<'js>, id: u32, at: usize| {
        state.on_worker(&ctx)?;
        let uploads = state.host.uploads();
        let file = file(&state, &ctx, id, at)?;
        let path = file.content.path(&uploads).map_err(|error| failed(&ctx, &error))?;
        Ok::<_, rquickjs::Error>(told(path.strip_prefix(&uploads).unwrap_or(path)))
    })?;
    let state = natives.state();
    natives.put("keep", move |ctx: Ctx<'js>, id: u32, at: usize, name: Option<String>| {
        state.on_worker(&ctx)?;
        let file = file(&state, &ctx, id, at)?;
        let name = match name {
            Some(name) => within(&name).ok_or_else(|| refused(&ctx))?,
            None => Upload::fresh_name(&file.name).map_err(|error| failed(&ctx, &error))?,
        };
        let kept = file.content.keep(&state.host.uploads(), &name).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => throw(&ctx, 409, &format!("there is a file {name} already")),
            _ => failed(&ctx, &error),
        })?;
        if let Some(exchange) = state.exchanges.borrow_mut().get_mut(&id) {
            exchange.kept.push(kept);
        }
        Ok::<_, rquickjs::Error>(told(Path::new(&name)))
    })?;
    let state = natives.state();
    natives.put("forget", move |ctx: Ctx<'js>, path: String| {
        state.on_worker(&ctx)?;
        let name = uploaded(&path).ok_or_else(|| refused(&ctx))?;
        match std::fs::remove_file(state.host.uploads().join(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed(&ctx, &error)),
        }
    })?;
    sending(natives)
}

/// `sendFile`: of the application's directory, or what was uploaded.
fn sending<'js>(natives: &Natives<'js>) -> Result<()> {
    let state = natives.state();
    let send = move |ctx: Ctx<'js>, id: u32, status: u16, headers: Value<'js>, path: String, root: String| {
        let outside = || throw(&ctx, 403, "only files of the application can be sent");
        let joined = Path::new(root.trim_start_matches('/')).join(path.trim_start_matches('/'));
        let name = normal(&joined).map_err(|_| outside())?;
        let upload = name.strip_prefix(DIRECTORY).and_then(|rest| rest.strip_prefix('/'));
        let uploads = state.host.uploads();
        let found = match upload {
            Some(rest) => Modules::new(&uploads).inside(rest),
            None => Modules::new(state.host.directory()).inside(&name),
        };
        let found = found.map_err(|_| outside())?;
        if !found.is_file() {
            return Err(throw(&ctx, 404, "there is no such file"));
        }
        let status = code(&ctx, status)?;
        let mut headers = headers_of(&ctx, &headers)?;
        if upload.is_some() && is_page(&found) {
            // A stranger's page would be one of this application.
            headers.entry(header::CONTENT_DISPOSITION).or_insert(HeaderValue::from_static("attachment"));
        }
        state.end(id, Outcome::Answer(Response { status, headers, body: Body::File(found) }));
        Ok::<_, rquickjs::Error>(())
    };
    natives.put("file", send)
}

/// Whether a browser would run what is in it.
fn is_page(path: &Path) -> bool {
    let kind = static_files::content_type(path).unwrap_or("");
    ["html", "svg", "xml", "javascript"].iter().any(|word| kind.contains(word))
}

fn file(state: &State, ctx: &Ctx<'_>, id: u32, at: usize) -> Result<Arc<File>> {
    let form = state.request(ctx, id)?.form.clone();
    let file = form.and_then(|form| form.files.get(at).cloned());
    file.ok_or_else(|| Exception::throw_range(ctx, "there is no such file"))
}

/// A name that stays within the directory, and is none of those that wait.
fn within(name: &str) -> Option<String> {
    let name = normal(Path::new(name)).ok()?;
    let hidden = name.is_empty() || name.split('/').any(|part| part.starts_with('.')) || name.contains('\0');
    (!hidden).then_some(name)
}

/// The name of a path such as `uploads/photo.jpg`.
fn uploaded(path: &str) -> Option<String> {
    within(path)?.strip_prefix(DIRECTORY)?.strip_prefix('/').map(str::to_owned)
}

fn told(name: &Path) -> String {
    format!("{DIRECTORY}/{}", name.display())
}

fn refused(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_type(ctx, "the name of an uploaded file is relative, without .. and hidden parts")
}

fn failed(ctx: &Ctx<'_>, error: &io::Error) -> rquickjs::Error {
    let message = format!("an uploaded file: {error}");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => throw(ctx, 507, &message),
        _ => Exception::throw_message(ctx, &message),
    }
}
