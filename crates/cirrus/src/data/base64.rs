//! Base64 (RFC 4648, with padding): how blobs travel in JSON and CSV.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Appends the text of some bytes.
pub fn write(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).expect("four letters for three bytes");
    out.truncate(start + written);
}

/// The text of some bytes.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of a text, or `None` when it is not base64 (padding is required; other alphabets and spaces are refused).
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
