//! Bodies and queries decoded, within limits: urlencoded, multipart with files, JSON of bounded depth.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::{
    Request,
    server::{NO_ROOM, Room},
    upload::{Receiver, Upload},
};
use crate::config::Limits;

/// The fields of a form in their order, and its files.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Name and value; a name may come several times.
    pub fields: Vec<(String, String)>,
    /// The files of a multipart form.
    pub files: Vec<Arc<File>>,
}

/// One file of a form.
#[derive(Debug)]
pub struct File {
    /// The form's field.
    pub field: String,
    /// As the sender calls it, without any directory. Not to be trusted as a name on disk.
    pub name: String,
    /// As the sender says.
    pub content_type: String,
    /// The content.
    pub content: Upload,
}

impl Form {
    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// What kind of body it is, by its type of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `application/json` and `...+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Urlencoded,
    /// `multipart/form-data`.
    Multipart,
    /// What a form of another site could send as well: `text/plain`, or nothing said.
    Plain,
    /// Anything else.
    Other,
}

/// The kind of body that the headers announce.
pub fn kind(headers: &HeaderMap) -> Kind {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return Kind::Plain;
    };
    let essence = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Kind::Urlencoded,
        "multipart/form-data" => Kind::Multipart,
        "text/plain" | "" => Kind::Plain,
        "application/json" => Kind::Json,
        other if other.ends_with("+json") => Kind::Json,
        _ => Kind::Other,
    }
}

/// Name and value pairs of a query or an urlencoded body. The error is for whoever sent it.
pub fn pairs(text: &[u8], limits: &Limits) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    for (name, value) in form_urlencoded::parse(text) {
        if pairs.len() >= limits.fields {
            return Err(format!("more than {} fields (`limits.fields`)", limits.fields));
        }
        pairs.push((name.into_owned(), value.into_owned()));
    }
    Ok(pairs)
}

/// The form in a body; `None` when the body is not a form.
pub fn read(request: &Request, limits: &Limits) -> Result<Option<Form>, String> {
    match kind(&request.headers) {
        Kind::Urlencoded => Ok(Some(Form { fields: pairs(&request.body, limits)?, files: Vec::new() })),
        Kind::Multipart => Ok(Some(request.form.as_deref().cloned().unwrap_or_default())),
        _ => Ok(None),
    }
}

/// Why a multipart form was not taken, with the status of the answer.
#[derive(Debug)]
pub struct Refusal(pub StatusCode, pub String);

impl From<multer::Error> for Refusal {
    fn from(error: multer::Error) -> Self {
        match error {
            multer::Error::StreamSizeExceeded { limit } => Self::too_large(limit, "upload"),
            other => Self(StatusCode::BAD_REQUEST, format!("the multipart body is wrong: {other}")),
        }
    }
}

impl Refusal {
    fn too_large(most: u64, limit: &str) -> Self {
        Self(StatusCode::PAYLOAD_TOO_LARGE, format!("a form may have {most} bytes (`limits.{limit}`)"))
    }

    fn wrong(detail: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, detail.into())
    }

    /// Nothing that the sender could do better.
    fn disk(error: std::io::Error) -> Self {
        eprintln!("error: an uploaded file cannot be written: {error}");
        Self(StatusCode::INSUFFICIENT_STORAGE, "the file cannot be stored on our side".to_owned())
    }
}

/// Takes a multipart form apart as it comes in. Large files wait in `uploads`; the rest, which stays in memory, has at most
/// `limits.body` bytes, all of it at most `limits.upload`.
pub async fn receive<S, E>(
    headers: &HeaderMap,
    body: S,
    limits: &Limits,
    uploads: &Path,
    room: &mut Room<'_>,
) -> Result<Form, Refusal>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let whole = multer::SizeLimit::new().whole_stream(limits.upload as u64);
    let constraints = multer::Constraints::new().size_limit(whole);
    let mut parts = multer::Multipart::with_constraints(body, multer::parse_boundary(kind)?, constraints);
    let mut form = Form::default();
    let mut held = 0;
    while let Some(mut part) = parts.next_field().await? {
        let field = part.name().ok_or_else(|| Refusal::wrong("a part of the multipart body has no name"))?.to_owned();
        let name = part.file_name().map(base_name);
        let content_type = part.content_type().map(ToString::to_string);
        let mut receiver = Receiver::new(uploads, name.is_some());
        while let Some(chunk) = part.chunk().await? {
            receiver.push(&chunk).await.map_err(Refusal::disk)?;
            if held + receiver.held() > limits.body {
                return Err(Refusal::too_large(limits.body as u64, "body"));
            }
            if !room.holds(held + receiver.held()) {
                return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, NO_ROOM.to_owned()));
            }
        }
        held += receiver.held();
        let content = receiver.finish().await.map_err(Refusal::disk)?;
        let content_type = content_type.unwrap_or_else(|| "application/octet-stream".into());
        add(&mut form, limits, field, name.map(|name| (name, content_type)), content)?;
    }
    Ok(form)
}

/// Adds a field, or a file with its name and type.
fn add(
    form: &mut Form,
    limits: &Limits,
    field: String,
    file: Option<(String, String)>,
    content: Upload,
) -> Result<(), Refusal> {
    let too_many = |most: usize, what: &str| Err(Refusal::wrong(format!("more than {most} {what} (`limits.{what}`)")));
    match file {
        // A browser sends an empty file with no name for a field in which nobody chose one.
        Some((name, _)) if name.is_empty() && content.size() == 0 => {}
        Some(_) if form.files.len() >= limits.files => return too_many(limits.files, "files"),
        Some((name, content_type)) => form.files.push(Arc::new(File { field, name, content_type, content })),
        None if form.fields.len() >= limits.fields => return too_many(limits.fields, "fields"),
        None => {
            let bytes = content.bytes().map_err(Refusal::disk)?;
            let value = String::from_utf8(bytes.to_vec())
                .map_err(|_| Refusal::wrong(format!("the field `{field}` is not UTF-8")))?;
            form.fields.push((field, value));
        }
    }
    Ok(())
}

/// Without what some browsers send of the visitor's directories, and without what no file name needs.
fn base_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    last.chars().filter(|c| !c.is_control()).take(255).collect()
}

/// JSON of bounded depth, without names that come twice (two readers could understand it differently).
pub fn json(body: &[u8], limits: &Limits) -> Result<Value, String> {
    let deepest = depth(body);
    if deepest > limits.depth {
        return Err(format!("JSON nested {deepest} deep; {} is the most (`limits.depth`)", limits.depth));
    }
    serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))
}

/// How deep brackets nest outside of strings.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut inside, mut escaped) = (0_usize, 0, false, false);
    for &byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'[' | b'{' if !inside => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The method that a form means when HTML lets it say only POST.
pub fn meant_method(form: &Form) -> Option<http::Method> {
    let wanted = form.get("_method")?;
    let known = ["PUT", "PATCH", "DELETE"];
    known.iter().find(|known| known.eq_ignore_ascii_case(wanted))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::server::Bodies;
    use http::HeaderValue;

    /// In parts of some bytes, as a network brings them.
    fn receive_multipart(body: &[u8], part: usize, limits: &Limits, uploads: &Path) -> Result<Form, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=X"));
        let parts: Vec<_> =
            body.chunks(part).map(|part| Ok::<_, std::io::Error>(Bytes::copy_from_slice(part))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bodies = Bodies::new(limits.bodies);
        let parts = futures_util::stream::iter(parts);
        runtime.block_on(receive(&headers, parts, limits, uploads, &mut bodies.room()))
    }

    #[test]
    fn multipart_gives_fields_and_files() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nñ<\r\n--X\r\n\
                    Content-Disposition: form-data; name=\"f\"; filename=\"C:\\\\x\\\\..\\\\y.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\nhola\r\n--X--\r\n";
        let limits = Limits::default();
        let refused = |body: &str, limits: &Limits| {
            receive_multipart(body.as_bytes(), 7, limits, Path::new("/nowhere")).unwrap_err().0
        };
        for part in [1, 3, 1000] {
            let form = receive_multipart(body.as_bytes(), part, &limits, Path::new("/nowhere")).unwrap();
            assert_eq!(form.get("a"), Some("ñ<"));
            assert_eq!(form.files[0].name, "y.txt");
            assert_eq!(form.files[0].content.bytes().unwrap().as_ref(), b"hola");
        }
        assert_eq!(refused(&body.replace("--X--", ""), &limits), 400);
        assert_eq!(refused(body, &Limits { files: 0, ..Limits::default() }), 400);
        assert_eq!(refused(body, &Limits { fields: 0, ..Limits::default() }), 400);
        assert_eq!(refused(body, &Limits { body: 5, ..Limits::default() }), 413);
        assert_eq!(refused(body, &Limits { upload: 100, ..Limits::default() }), 413);
    }

    #[test]
    fn a_large_file_waits_on_the_disk_and_goes_unless_it_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let uploads = dir.path().join("uploads");
        let content: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
        let mut body = b"--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\n\r\n".to_vec();
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n--X--\r\n");
        // What is in memory is far less than the file.
        let limits = Limits { body: 300_000, ..Limits::default() };
        let form = receive_multipart(&body, 8000, &limits, &uploads).unwrap();
        let file = &form.files[0].content;
        assert_eq!((file.size(), file.bytes().unwrap().as_ref()), (700_000, content.as_slice()));
        assert_eq!(std::fs::read(file.path(&uploads).unwrap()).unwrap(), content);
        file.keep(&uploads, "2026/a.bin").unwrap();
        assert_eq!(file.keep(&uploads, "2026/a.bin").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        drop(form);
        assert_eq!(std::fs::read(uploads.join("2026/a.bin")).unwrap(), content);
        assert_eq!(std::fs::read_dir(&uploads).unwrap().count(), 1, "nothing waits any more");
        // One that breaks off leaves nothing.
        assert_eq!(receive_multipart(&body[..500_000], 8000, &limits, &uploads).unwrap_err().0, 400);
        assert_eq!(std::fs::read_dir(&uploads).unwrap().count(), 1);
    }

    #[test]
    fn json_is_bounded() {
        let limits = Limits { depth: 3, ..Limits::default() };
        assert!(json(br#"{"a":[{"b":"[[[[[\"["}]}"#, &limits).is_ok());
        assert!(json(b"[[[[1]]]]", &limits).is_err());
        assert!(json(b"{", &limits).is_err());
    }

    #[test]
    fn a_form_may_mean_three_methods() {
        let form = |value: &str| Form { fields: vec![("_method".into(), value.into())], files: Vec::new() };
        assert_eq!(meant_method(&form("delete")), Some(http::Method::DELETE));
        assert_eq!(meant_method(&form("GET")), None);
    }
}
