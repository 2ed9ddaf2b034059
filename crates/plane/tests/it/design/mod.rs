//! The design system of the console, shown by its style guide: over HTTP and in a real browser.
//!
//! Needs Debian's `chromium` and `chromium-driver`, and axe-core: `scripts/need test` brings them. What every page looks
//! like is left in `target/tmp/pages`.

mod barriers;
mod colours;
mod console;
mod deployments;
mod headers;
mod passkeys;
mod script;
mod texts;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plane::design::{DIRECTORY, Pages, styleguide};
use serde_json::json;
use testkit::browser::Chromium;

use crate::pages::Browser;

/// Every page of the style guide.
const PAGES: [&str; 6] = [
    "/styleguide",
    "/styleguide/shell",
    "/styleguide/portal",
    "/styleguide/login",
    "/styleguide/errors/404",
    "/styleguide/errors/503",
];

/// A style guide on a port of its own; it ends with the value.
struct Guide {
    address: SocketAddr,
    runtime: tokio::runtime::Runtime,
}

impl Guide {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let pages = Arc::new(Pages::load().unwrap_or_else(|error| panic!("{error}")));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, styleguide::router(pages)).await });
        Self { address, runtime }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An answer as it comes over the wire: nothing is followed or unpacked.
    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let http = testkit::client().build().unwrap();
        let request = headers.iter().fold(http.get(self.url(path)), |all, (name, value)| all.header(*name, *value));
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
        })
    }
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {:?}", self.headers)).to_str().unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Every file with that ending below a directory of the design.
fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(directory: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        let Ok(entries) = std::fs::read_dir(directory) else { return };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                walk(&path, ending, found);
            } else if path.extension().is_some_and(|one| one == ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(DIRECTORY).join(directory), ending, &mut found);
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Logs a real browser in as somebody.
fn take_session(browser: &Chromium, from: &Browser<'_>) {
    let root = format!("http://{}", from.host);
    let cookies = from.cookies.iter().map(|(name, value)| json!({ "name": name, "value": value, "url": root }));
    browser.devtools("Network.setCookies", json!({ "cookies": cookies.collect::<Vec<_>>() }));
}
