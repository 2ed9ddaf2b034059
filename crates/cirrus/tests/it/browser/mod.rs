//! Pages as people see them: the four applications in a real browser, with the editor and the calendar of others.
//!
//! Needs Debian's `chromium` and `chromium-driver`, and `npm` for what `make apps` fetches: `scripts/need test`
//! installs them. What every page looks like is left in `target/tmp/pages`.

mod collect;
mod ledger;
mod mobile;
mod pages;
mod tasks;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::web::world::{App, Server, cirrus, run};
use testkit::browser::{self as driver, Chromium};

/// One of the four applications, as a copy that a test may change.
fn application(name: &str) -> App {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps").join(name);
    if name == "estudio" {
        let editor = source.join("public/terceros/editor.js");
        assert!(editor.is_file(), "{} is missing: `make apps` fetches it with npm", editor.display());
    }
    let app = App { dir: tempfile::tempdir().unwrap() };
    copy(&source, app.path());
    app
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Changes a file of the copy.
fn replace(app: &App, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(app.path().join(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    app.write(file, &text.replace(from, to));
}

/// Serves it where it was served before, as after a stop.
fn serve_again(app: &App, address: &str) -> Server {
    let mut command = cirrus();
    command.arg("serve").arg(app.path()).args(["--listen", address, "--no-reload", "--data"]).arg(data(app));
    Server::start(command)
}

fn data(app: &App) -> PathBuf {
    app.path().join("data")
}

/// A row as programs get it.
fn row(server: &Server, target: &str) -> Value {
    let answer = server.get(target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.value()
}

fn page(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

/// What the browser was unhappy with, after a journey.
fn content(browser: &Chromium) {
    assert_eq!(browser.console(), Vec::<String>::new());
}
