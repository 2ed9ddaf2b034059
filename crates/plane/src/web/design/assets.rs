//! Styles, script and pictures: joined, compressed once, and served under the hash of what they are, so that a browser
//! asks for each version once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::OnceLock;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use super::{Pages, templates};

/// What every path of an asset begins with.
pub const PREFIX: &str = "/assets";

macro_rules! embedded {
    ($($path:literal),+ $(,)?) => { &[$(($path, include_str!($path))),+] };
}

type Embedded = &'static [(&'static str, &'static str)];

/// The parts of the style sheet, in their order.
const STYLES: Embedded = embedded![
    "styles/tokens.css",
    "styles/base.css",
    "styles/layout.css",
    "styles/controls.css",
    "styles/data.css",
    "styles/deploy.css",
    "styles/charts.css",
    "styles/support.css",
    "styles/terminal.css",
    "styles/docs.css",
    "styles/brand.css",
];
const SCRIPTS: Embedded = embedded!["script/console.js", "script/passkey.js"];
const TERMINAL: Embedded = embedded!["script/terminal.js"];
const ICONS: Embedded = embedded!["images/icons.svg"];
const MARK: Embedded = embedded!["images/mark.svg"];

struct Asset {
    name: &'static str,
    media_type: &'static str,
    plain: Bytes,
    packed: OnceLock<Bytes>,
}

/// All of them.
pub struct Assets {
    hash: String,
    all: Vec<Asset>,
    icons: BTreeSet<String>,
}

impl Assets {
    /// Joins them; where the sources are at hand in a debug build, as they are now.
    pub fn load() -> Self {
        let asset = |name, media_type, parts: Embedded| {
            let text: String = parts.iter().map(|(path, embedded)| templates::current(path, embedded)).collect();
            Asset { name, media_type, plain: Bytes::from(text), packed: OnceLock::new() }
        };
        let all = vec![
            asset("console.css", "text/css; charset=utf-8", STYLES),
            asset("console.js", "text/javascript; charset=utf-8", SCRIPTS),
            asset("icons.svg", "image/svg+xml", ICONS),
            asset("mark.svg", "image/svg+xml", MARK),
            asset("terminal.js", "text/javascript; charset=utf-8", TERMINAL),
        ];
        let mut hash = Sha256::new();
        for asset in &all {
            hash.update(&asset.plain);
        }
        let hash = hash.finalize().iter().take(6).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // Writing to a String cannot fail.
            text
        });
        let sprite = String::from_utf8_lossy(&all[2].plain).into_owned();
        let ids = sprite.split("<symbol id=\"").skip(1).filter_map(|rest| rest.split('"').next());
        Self { hash, icons: ids.map(str::to_owned).collect(), all }
    }

    /// The path of an asset.
    pub fn path(&self, name: &str) -> Option<String> {
        let known = self.all.iter().any(|asset| asset.name == name);
        known.then(|| format!("{PREFIX}/{}/{name}", self.hash))
    }

    /// Whether the sprite has this icon.
    pub fn has_icon(&self, name: &str) -> bool {
        self.icons.contains(name)
    }

    /// The names of all icons.
    pub fn icons(&self) -> impl Iterator<Item = &str> {
        self.icons.iter().map(String::as_str)
    }
}

/// Compresses, well and once.
pub fn pack(bytes: &[u8], level: Compression, name: &[u8]) -> Bytes {
    let builder = if name.is_empty() { flate2::GzBuilder::new() } else { flate2::GzBuilder::new().filename(name) };
    let mut encoder: GzEncoder<Vec<u8>> = builder.write(Vec::new(), level);
    let done = encoder.write_all(bytes).and_then(|()| encoder.finish());
    Bytes::from(done.expect("writing to memory"))
}

/// Answers `GET /assets/{hash}/{name}`.
pub fn serve(pages: &Pages, hash: &str, name: &str, headers: &HeaderMap) -> Response {
    let kit = pages.kit();
    let Some(asset) = kit.assets.all.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    let packed = accepted.contains("gzip");
    let body = if packed {
        asset.packed.get_or_init(|| pack(&asset.plain, Compression::best(), &[])).clone()
    } else {
        asset.plain.clone()
    };
    let mut response = Body::from(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    // A page that is older than the program asks for what is no more: it gets what is there, and not for long.
    let kept = if hash == kit.assets.hash { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}
