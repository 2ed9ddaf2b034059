//! A QR code as SVG: dark on light in both schemes, since cameras want it so.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Modules of quiet around it, as the standard wants.
const QUIET: i32 = 4;

/// The picture of a text that is not too long for one; `label` is for who does not see it.
pub fn svg(text: &str, label: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let begin = x;
            while x < size && code.get_module(x, y) {
                x += 1;
            }
            if x > begin {
                let run = x - begin;
                let _ = write!(path, "M{begin} {y}h{run}v1h-{run}z"); // Writing to a String cannot fail.
            }
            x += 1;
        }
    }
    let (from, all) = (-QUIET, size + 2 * QUIET);
    let label = super::functions::escaped(label);
    Some(format!(
        "<svg class=\"qr\" role=\"img\" aria-label=\"{label}\" width=\"240\" height=\"240\" \
         viewBox=\"{from} {from} {all} {all}\" shape-rendering=\"crispEdges\"><rect x=\"{from}\" y=\"{from}\" \
         width=\"{all}\" height=\"{all}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::svg;

    #[test]
    fn every_dark_module_is_drawn_once() {
        let text = "otpauth://totp/vClouden:ana@acme.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=vClouden";
        let code = qrcodegen::QrCode::encode_text(text, qrcodegen::QrCodeEcc::Medium).unwrap();
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = dark.filter(|(x, y)| code.get_module(*x, *y)).count();
        let svg = svg(text, "a \"code\"").unwrap();
        let runs = svg.split('h').filter_map(|part| part.split_once("v1")?.0.parse::<usize>().ok());
        assert_eq!(runs.sum::<usize>(), dark);
        assert!(svg.contains("aria-label=\"a &quot;code&quot;\""));
        assert!(super::svg(&"x".repeat(3000), "").is_none());
    }
}
