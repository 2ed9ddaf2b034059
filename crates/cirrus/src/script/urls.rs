//! Percent-encoding and the `a=1&b=2` of queries and forms.

use std::borrow::Cow;

/// Decodes percent-encoding; what is not valid stays as it is, bytes that are not UTF-8 become U+FFFD.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(String::from_utf8_lossy(&decode_bytes(text.as_bytes(), false)).into_owned())
}

/// Pairs of a query or of a form, at most `limit` of them.
pub fn pairs(text: &str, limit: usize) -> Vec<(String, String)> {
    let part = |text: &str| String::from_utf8_lossy(&decode_bytes(text.as_bytes(), true)).into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .take(limit)
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (part(name), part(value))
        })
        .collect()
}

fn decode_bytes(text: &[u8], plus: bool) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while i < text.len() {
        match (text[i], digit(text.get(i + 1)), digit(text.get(i + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                i += 2;
            }
            (b'+', ..) if plus => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        i += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        assert_eq!(decode("a%20b%zz%"), "a b%zz%");
        assert_eq!(pairs("a=1+2&b&=c&d=%F1", 10)[0], ("a".into(), "1 2".into()));
        assert_eq!(pairs("a=1&b=2", 1).len(), 1);
    }
}
