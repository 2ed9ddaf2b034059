//! Bodies and queries decoded, within limits: urlencoded, multipart with files, JSON of bounded depth.

use std::{future::Future, pin::pin, task};

use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::Value;

use crate::config::Limits;

/// The fields of a form in their order, and its files.
#[derive(Debug, Default)]
pub struct Form {
    /// Name and value; a name may come several times.
    pub fields: Vec<(String, String)>,
    /// The files of a multipart form.
    pub files: Vec<File>,
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
    pub bytes: Bytes,
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
pub fn read(headers: &HeaderMap, body: &Bytes, limits: &Limits) -> Result<Option<Form>, String> {
    match kind(headers) {
        Kind::Urlencoded => Ok(Some(Form { fields: pairs(body, limits)?, files: Vec::new() })),
        Kind::Multipart => multipart(headers, body, limits).map(Some),
        _ => Ok(None),
    }
}

fn multipart(headers: &HeaderMap, body: &Bytes, limits: &Limits) -> Result<Form, String> {
    let wrong = |error: multer::Error| format!("the multipart body is wrong: {error}");
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let boundary = multer::parse_boundary(kind).map_err(wrong)?;
    let whole = futures_util::stream::iter([Ok::<_, std::io::Error>(body.clone())]);
    let parts = multer::Multipart::new(whole, boundary);
    now(gather(parts, limits)).unwrap_or_else(|| Err("the multipart body has no end".into()))
}

async fn gather(mut parts: multer::Multipart<'_>, limits: &Limits) -> Result<Form, String> {
    let wrong = |error: multer::Error| format!("the multipart body is wrong: {error}");
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(wrong)? {
        let field = part.name().ok_or("a part of the multipart body has no name")?.to_owned();
        let name = part.file_name().map(base_name);
        let content_type = part.content_type().map(ToString::to_string);
        let bytes = part.bytes().await.map_err(wrong)?;
        match name {
            // A browser sends an empty file with no name for a field in which nobody chose one.
            Some(name) if name.is_empty() && bytes.is_empty() => {}
            Some(_) if form.files.len() >= limits.files => {
                return Err(format!("more than {} files (`limits.files`)", limits.files));
            }
            Some(name) => {
                let content_type = content_type.unwrap_or_else(|| "application/octet-stream".into());
                form.files.push(File { field, name, content_type, bytes });
            }
            None if form.fields.len() >= limits.fields => {
                return Err(format!("more than {} fields (`limits.fields`)", limits.fields));
            }
            None => {
                let value =
                    String::from_utf8(bytes.to_vec()).map_err(|_| format!("the field `{field}` is not UTF-8"))?;
                form.fields.push((field, value));
            }
        }
    }
    Ok(form)
}

/// Without what some browsers send of the visitor's directories, and without what no file name needs.
fn base_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    last.chars().filter(|c| !c.is_control()).take(255).collect()
}

/// The outcome of a future that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = task::Context::from_waker(task::Waker::noop());
    match pin!(future).poll(&mut context) {
        task::Poll::Ready(outcome) => Some(outcome),
        task::Poll::Pending => None,
    }
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
    use http::HeaderValue;

    fn read_multipart(body: &str, limits: &Limits) -> Result<Form, String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=X"));
        read(&headers, &Bytes::from(body.to_owned()), limits).map(Option::unwrap)
    }

    #[test]
    fn multipart_gives_fields_and_files() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nñ<\r\n--X\r\n\
                    Content-Disposition: form-data; name=\"f\"; filename=\"C:\\\\x\\\\..\\\\y.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\nhola\r\n--X--\r\n";
        let form = read_multipart(body, &Limits::default()).unwrap();
        assert_eq!(form.get("a"), Some("ñ<"));
        assert_eq!((form.files[0].name.as_str(), form.files[0].bytes.as_ref()), ("y.txt", b"hola".as_slice()));
        assert!(read_multipart(&body.replace("--X--", ""), &Limits::default()).is_err());
        assert!(read_multipart(body, &Limits { files: 0, ..Limits::default() }).is_err());
        assert!(read_multipart(body, &Limits { fields: 0, ..Limits::default() }).is_err());
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
