//! Cookies: reading the header, making one.

use http::{HeaderMap, header};

/// The value of a cookie of the request.
pub fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    all(headers).find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// All cookies of the request, as they came.
pub fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        Some((name, value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)))
    })
}

/// A `Set-Cookie` that no script can read: `HttpOnly`, `SameSite=Lax`, the whole site, `Secure` on demand. `None` for
/// the age is until the browser closes, zero removes it.
pub fn set(name: &str, value: &str, seconds: Option<u64>, secure: bool) -> String {
    let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}")
}
