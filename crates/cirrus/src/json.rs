//! JSON text, as bytes: what rows and the values of JavaScript are written with.

const PLAIN: [bool; 256] = {
    let mut table = [true; 256];
    let mut i = 0;
    while i < 32 {
        table[i] = false;
        i += 1;
    }
    table[b'"' as usize] = false;
    table[b'\\' as usize] = false;
    table[0xED] = false;
    table
};

/// Appends a quoted string. `text` is UTF-8, except that lone surrogates may appear as three bytes (as QuickJS hands
/// them out); those are escaped, as `JSON.stringify` does.
pub fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut from = 0;
    let mut i = 0;
    while i < text.len() {
        let byte = text[i];
        if PLAIN[byte as usize] {
            i += 1;
            continue;
        }
        let surrogate = byte == 0xED && text.get(i + 1).is_some_and(|next| *next >= 0xA0);
        if byte == 0xED && !surrogate {
            i += 1;
            continue;
        }
        out.extend_from_slice(&text[from..i]);
        if surrogate {
            let low = text.get(i + 2).copied().unwrap_or(0x80);
            let unit = 0xD000 | (u32::from(text[i + 1] & 0x3F) << 6) | u32::from(low & 0x3F);
            escape_unit(out, unit);
            i += 3;
        } else {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                8 => out.extend_from_slice(b"\\b"),
                12 => out.extend_from_slice(b"\\f"),
                other => escape_unit(out, u32::from(other)),
            }
            i += 1;
        }
        from = i.min(text.len());
    }
    out.extend_from_slice(&text[from..]);
    out.push(b'"');
}

fn escape_unit(out: &mut Vec<u8>, unit: u32) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(HEX[(unit >> shift) as usize & 15]);
    }
}

/// Appends an integer.
pub fn write_integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &[u8]) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(string("a\"b\\c\n\u{1}ñ퟿😀".as_bytes()), "\"a\\\"b\\\\c\\n\\u0001ñ퟿😀\"");
        assert_eq!(string(b"x\xED\xA0\x80y"), "\"x\\ud800y\"");
    }

    #[test]
    fn integers_of_any_size() {
        for value in [0, -1, 7, 10, i64::MAX, i64::MIN, 123_456_789] {
            let mut out = Vec::new();
            write_integer(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
