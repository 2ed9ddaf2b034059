//! The product as people meet it, in a browser, with real letters: a publisher signs up, uploads an application and writes about it;
//! a customer signs up, installs, opens it and works; a bad version is taken back before they notice, a good one is undone,
//! and a ticket goes to and fro.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use testkit::Machine;
use testkit::browser::{Chromium, DESKTOP, PHONE};

const PASSWORD: &str = "four words serve well";

/// A mail server (Debian's `python3-aiosmtpd`) that ends with the value.
struct Post {
    program: Child,
    port: String,
    letters: Receiver<Value>,
}

impl Post {
    fn new() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/plane/tests/it/smtp.py");
        let mut command = Command::new("/usr/bin/python3");
        let mut program = command.arg(script).stdout(Stdio::piped()).spawn().expect("Debian's python3 is there");
        let mut lines = BufReader::new(program.stdout.take().expect("it is piped")).lines();
        let first = lines.next().expect("it begins: is the Debian package python3-aiosmtpd there? scripts/need test");
        let (sender, letters) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).expect("a letter as JSON"));
            }
        });
        Self { program, port: first.expect("its port"), letters }
    }

    /// The next letter, which must be to that address.
    fn to(&self, address: &str) -> String {
        let letter = self.letters.recv_timeout(Duration::from_secs(60)).expect("a letter comes");
        assert_eq!(letter["to"][0], address, "{letter}");
        letter["text"].as_str().expect("a text").to_owned()
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The link of a letter.
fn link(letter: &str) -> String {
    let line = letter.lines().find(|line| line.trim().starts_with("http"));
    line.unwrap_or_else(|| panic!("no link: {letter}")).trim().to_owned()
}

/// Fills the form whose action ends so, and sends it.
fn send(browser: &Chromium, action: &str, fields: &[(&str, &str)]) {
    let form = format!("form[action$=\"{action}\"]");
    for (name, value) in fields {
        browser.fill(&format!("{form} [name=\"{name}\"]"), value);
    }
    browser.follow(&format!("{form} button[type=submit]"));
}

/// Signs up by mail, founds an organisation, and is inside.
fn sign_up(browser: &Chromium, post: &Post, site: &str, mail: &str, organisation: &str, name: &str) {
    browser.open(&format!("{site}/signup"));
    send(browser, "/signup", &[("mail", mail)]);
    let link = link(&post.to(mail));
    assert!(link.starts_with(site), "{link} is of {site}");
    browser.open(&link);
    let (_, path) = link.split_at(site.len());
    send(browser, path, &[("organisation", organisation), ("name", name), ("password", PASSWORD)]);
    browser.until_said(organisation);
}

/// A package of `apps/tareas` with one text replaced by another.
fn package(machine: &Machine, name: &str, file: &str, from: &str, to: &str) -> PathBuf {
    let directory = machine.scratch().join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apps/tareas");
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    testkit::machine::run("cp", &["-r", &text(&source), &text(&directory)]);
    let path = directory.join(file);
    let before = std::fs::read_to_string(&path).expect("the package has it");
    assert!(before.contains(from), "{file} has no {from:?}");
    std::fs::write(&path, before.replacen(from, to, 1)).expect("it can be written");
    let archive = machine.scratch().join(format!("{name}.tar.gz"));
    machine.cli(&["package", "pack", &text(&directory), "-o", &text(&archive)]);
    archive
}

const APP: &str = "http://localhost:7878/p/acme-software/apps/tareas";

/// Uploads a version as a person does, with progress.
fn upload(browser: &Chromium, archive: &Path, notes: &str) {
    browser.open(APP);
    browser.fill("#f-notes", notes);
    browser.choose("#f-package", archive);
    browser.follow("form[enctype] button[type=submit]");
    browser.until_said("The version is published");
}

/// Deploys the newest version and waits until it has ended so.
fn deploy(browser: &Chromium, end: &str) {
    browser.open(&format!("{APP}/deploy"));
    browser.follow("form[action$=\"/deploy\"] button[type=submit]");
    browser.until(&format!("document.querySelector('.badge').innerText.includes('{end}')"));
}

#[test]
fn from_signing_up_to_undoing_a_deployment() {
    let machine = Machine::new();
    let post = Post::new();
    machine.cli(&["settings", "sign-up", "open"]);
    let from = "vClouden <noreply@example.com>";
    machine.cli(&["settings", "mail", "127.0.0.1", "--port", &post.port, "--security", "none", "--from", from]);

    // A publisher comes, makes an application and uploads it.
    let ana = Chromium::new("en", DESKTOP);
    sign_up(&ana, &post, "http://localhost:7878", "ana@acme.example", "Acme Software", "Ana Núñez");
    ana.open("http://localhost:7878/p/acme-software/apps");
    ana.click("a[href=\"#new\"]");
    send(&ana, "/apps", &[("name", "Tareas"), ("slug", "tareas")]);
    upload(&ana, &package(&machine, "v1", "vclouden.toml", "grace = \"3 s\"", "grace = \"2 s\""), "The first");
    ana.open(&format!("{APP}/write"));
    let page = [("title", "Empezar"), ("slug", "empezar"), ("text", "Escriba su primera *tarea*.")];
    for (name, value) in page {
        ana.fill(&format!("[name=\"{name}\"]"), value);
    }
    ana.follow("button[value=\"publish\"]");
    ana.until_said("Customers see it now");
    ana.open("http://localhost:7878/p/acme-software/customers");
    let portal = ana.js("return document.querySelector('.copy input').value", &[]);
    let portal = portal.as_str().expect("the portal's address").trim_end_matches('/').to_owned();

    // A customer comes to the portal, on a phone and in Spanish, reads, installs with two clicks and works.
    let luz = Chromium::new("es", PHONE);
    sign_up(&luz, &post, &portal, "luz@sol.example", "Panadería El Sol", "Luz Díaz");
    let home = luz.js("return location.href", &[]).as_str().expect("an address").to_owned();
    luz.open(&format!("{home}/docs/tareas"));
    luz.until_said("Escriba su primera tarea.");
    luz.open(&format!("{home}/catalogue"));
    luz.follow("form[action$=\"/catalogue/tareas\"] button");
    luz.until_said("En marcha");
    let installation = luz.js("return location.href", &[]).as_str().expect("an address").to_owned();
    // The button to open it is there once it runs.
    luz.open(&installation);
    luz.follow("form[action$=\"/open\"] button");
    luz.until("location.port === '8080' && document.querySelector('#titulo')");
    let app = luz.js("return location.origin", &[]).as_str().expect("an origin").to_owned();
    luz.fill("#titulo", "Comprar harina");
    luz.follow("form[action=\"/nueva\"] button");
    luz.until_said("Comprar harina");

    // A version that does not serve is taken back: she goes on as if nothing had been.
    let broken = "const tasks = db.table('tareas');";
    let bad = format!("app.get('/tareas', () => {{ throw new Error('broken') }});\n{broken}");
    upload(&ana, &package(&machine, "v2", "app.js", broken, &bad), "A mistake");
    deploy(&ana, "Failed");
    ana.until_said("Put back");
    luz.open(&app);
    luz.until_said("Comprar harina");
    assert_eq!(luz.js("return document.title", &[]), "Tareas");

    // A good one reaches her; then it is undone, code and data.
    upload(&ana, &package(&machine, "v3", "locales/es.toml", "\"Tareas\"", "\"Pendientes\""), "A new name");
    deploy(&ana, "Finished");
    luz.open(&app);
    luz.until("document.title === 'Pendientes'");
    luz.fill("#titulo", "Escrita después");
    luz.follow("form[action=\"/nueva\"] button");
    luz.until_said("Escrita después");
    ana.click("a[href=\"#undo\"]");
    ana.follow("#undo button[type=submit]");
    ana.until("document.querySelector('.badge').innerText.includes('Finished')");
    luz.open(&app);
    luz.until("document.title === 'Tareas'");
    luz.until_said("Comprar harina");
    assert_eq!(luz.js("return document.body.innerText.includes('Escrita después')", &[]), false, "data went back, too");
}
