//! The product as people meet it, in a browser, with real letters: a publisher signs up, uploads an application, writes about
//! it and gives the portal a face; a customer signs up, installs, opens it and works; a bad version is taken back before they
//! notice, a good one is undone, and a ticket goes to and fro by mail. Once on a desktop in English, once on a phone in
//! Spanish: what pages must say is read from their texts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::browser::{Chromium, DESKTOP, PHONE, Size};
use testkit::{Machine, Post};

const PASSWORD: &str = "four words serve well";
const SITE: &str = "http://localhost:7878";
const CONSOLE: &str = "http://localhost:7878/p/acme-software";
const ANA: &str = "ana@acme.example";
const LUZ: &str = "luz@sol.example";

/// Texts of one line of pages and letters in a language, by their keys.
fn texts(language: &str) -> HashMap<String, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/plane/src/web/design/texts").join(language);
    let files = std::fs::read_dir(&directory).expect("the language has texts").map(|file| file.expect("a file").path());
    let all: String = files.map(|path| std::fs::read_to_string(path).expect("a text")).collect();
    all.lines().filter_map(|line| line.split_once(" = ")).map(|(key, text)| (key.to_owned(), text.to_owned())).collect()
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

fn address(browser: &Chromium) -> String {
    browser.js("return location.href", &[]).as_str().expect("an address").to_owned()
}

/// A machine with a platform, its mail, and how the people here look at it.
struct Journey {
    machine: Machine,
    post: Post,
    texts: HashMap<String, String>,
    language: &'static str,
    size: Size,
}

impl Journey {
    fn new(language: &'static str, size: Size) -> Self {
        let (machine, post) = (Machine::new(), Post::new());
        machine.cli(&["settings", "sign-up", "open"]);
        let (port, from) = (post.port.to_string(), "vClouden <noreply@example.com>");
        machine.cli(&["settings", "mail", "127.0.0.1", "--port", &port, "--security", "none", "--from", from]);
        machine.cli(&["settings", "incoming", "support@example.com"]);
        Self { machine, post, texts: texts(language), language, size }
    }

    fn browser(&self) -> Chromium {
        Chromium::new(self.language, self.size)
    }

    fn text(&self, key: &str) -> &str {
        self.texts.get(key).unwrap_or_else(|| panic!("no text {key}"))
    }

    /// Waits until the page says this text of ours.
    fn says(&self, browser: &Chromium, key: &str) {
        browser.until_said(self.text(key));
    }

    /// The next letter, which must be to that address.
    fn letter(&mut self, to: &str) -> Value {
        let letter = self.post.wait();
        assert_eq!(letter["to"][0], to, "{letter}");
        letter
    }

    /// Signs up by mail, founds an organisation, and is inside.
    fn sign_up(&mut self, browser: &Chromium, site: &str, mail: &str, organisation: &str, name: &str) {
        browser.open(&format!("{site}/signup"));
        assert_eq!(browser.js("return document.documentElement.lang", &[]), self.language);
        send(browser, "/signup", &[("mail", mail)]);
        let letter = self.letter(mail);
        let link = link(letter["text"].as_str().expect("a text"));
        assert!(link.starts_with(site), "{link} is of {site}");
        browser.open(&link);
        let (_, path) = link.split_at(site.len());
        send(browser, path, &[("organisation", organisation), ("name", name), ("password", PASSWORD)]);
        browser.until_said(organisation);
    }

    /// A package of `apps/tareas` with one text replaced by another.
    fn package(&self, name: &str, file: &str, from: &str, to: &str) -> PathBuf {
        let directory = self.machine.scratch().join(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apps/tareas");
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        testkit::machine::run("cp", &["-r", &text(&source), &text(&directory)]);
        let path = directory.join(file);
        let before = std::fs::read_to_string(&path).expect("the package has it");
        assert!(before.contains(from), "{file} has no {from:?}");
        std::fs::write(&path, before.replacen(from, to, 1)).expect("it can be written");
        let archive = self.machine.scratch().join(format!("{name}.tar.gz"));
        self.machine.cli(&["package", "pack", &text(&directory), "-o", &text(&archive)]);
        archive
    }

    /// Uploads a version as a person does, with progress.
    fn upload(&self, browser: &Chromium, archive: &Path, notes: &str) {
        browser.open(&format!("{CONSOLE}/apps/tareas"));
        browser.fill("#f-notes", notes);
        browser.choose("#f-package", archive);
        browser.follow("form[enctype] button[type=submit]");
        self.says(browser, "done-version");
    }

    /// Deploys the newest version and waits until it has ended so.
    fn deploy(&self, browser: &Chromium, end: &str) {
        browser.open(&format!("{CONSOLE}/apps/tareas/deploy"));
        browser.follow("form[method=post][action$=\"/deploy\"] button[type=submit]");
        self.ends(browser, end);
    }

    fn ends(&self, browser: &Chromium, end: &str) {
        browser.until(&format!("document.querySelector('.badge').innerText.includes('{}')", self.text(end)));
    }

    /// Makes an application, its first version and a page about it.
    fn publish(&self, ana: &Chromium) {
        ana.open(&format!("{CONSOLE}/apps"));
        ana.click("a[href=\"#new\"]");
        send(ana, "/apps", &[("name", "Tareas"), ("slug", "tareas")]);
        let first = self.package("v1", "vclouden.toml", "grace = \"3 s\"", "grace = \"2 s\"");
        self.upload(ana, &first, "The first");
        ana.open(&format!("{CONSOLE}/apps/tareas/write"));
        let page = [("title", "Empezar"), ("slug", "empezar"), ("text", "Escriba su primera *tarea*.")];
        for (name, value) in page {
            ana.fill(&format!("[name=\"{name}\"]"), value);
        }
        ana.follow("button[value=\"publish\"]");
        self.says(ana, "done-doc-published");
    }

    /// Gives the portal colours, words and a logo, and finds its address.
    fn brand(&self, ana: &Chromium) -> String {
        ana.open(&format!("{CONSOLE}/branding"));
        let form = [("colour", "#8b1e3f"), ("login_title", "Hola, panaderos"), ("login_text", "Aquí se amasa.")];
        for (name, value) in form {
            ana.fill(&format!("#brand [name=\"{name}\"]"), value);
        }
        ana.follow("#brand button.primary");
        self.says(ana, "done-branding");
        let logo = self.machine.scratch().join("logo.svg");
        let circle = r##"<circle cx="40" cy="20" r="18" fill="#8b1e3f"/>"##;
        let svg = format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40">{circle}</svg>"#);
        std::fs::write(&logo, svg).expect("a file");
        ana.choose("#f-logo", &logo);
        ana.follow("form[action*=\"/images/logo?\"] button[type=submit]");
        self.says(ana, "done-branding");
        ana.open(&format!("{CONSOLE}/customers"));
        let portal = ana.js("return document.querySelector('.copy input').value", &[]);
        portal.as_str().expect("the portal's address").trim_end_matches('/').to_owned()
    }

    /// Comes to the branded portal, reads, installs with two clicks and works; where the customer's home and the
    /// installed application are.
    fn install(&mut self, luz: &Chromium, portal: &str) -> (String, String) {
        luz.open(&format!("{portal}/login"));
        luz.until_said("Hola, panaderos");
        luz.until_said("Aquí se amasa.");
        let button = "getComputedStyle(document.querySelector('form[action=\"/login\"] button')).backgroundColor";
        luz.until(&format!("{button} === 'rgb(139, 30, 63)'"));
        luz.until("document.querySelector('.logo img').naturalWidth > 0");
        self.sign_up(luz, portal, LUZ, "Panadería El Sol", "Luz Díaz");
        let home = address(luz);
        luz.open(&format!("{home}/docs/tareas"));
        luz.until_said("Escriba su primera tarea.");
        luz.open(&format!("{home}/catalogue"));
        luz.follow("form[action$=\"/catalogue/tareas\"] button");
        self.says(luz, "state-running");
        // The button to open it is there once it runs.
        luz.open(&address(luz));
        luz.follow("form[action$=\"/open\"] button");
        luz.until("location.port === '8080' && document.querySelector('#titulo')");
        let app = luz.js("return location.origin", &[]).as_str().expect("an origin").to_owned();
        self.write(luz, "Comprar harina");
        (home, app)
    }

    /// Writes a task in the application.
    fn write(&self, luz: &Chromium, task: &str) {
        luz.fill("#titulo", task);
        luz.follow("form[action=\"/nueva\"] button");
        luz.until_said(task);
    }

    /// A mistake is taken back before she notices; a good version reaches her and is undone, code and data.
    fn mistakes(&self, ana: &Chromium, luz: &Chromium, app: &str) {
        luz.open(app);
        let name = luz.js("return document.title", &[]);
        let name = name.as_str().expect("a title");
        let broken = "const tasks = db.table('tareas');";
        let bad = format!("app.get('/tareas', () => {{ throw new Error('broken') }});\n{broken}");
        self.upload(ana, &self.package("v2", "app.js", broken, &bad), "A mistake");
        self.deploy(ana, "state-failed");
        self.says(ana, "put-back");
        luz.open(app);
        luz.until_said("Comprar harina");
        assert_eq!(luz.js("return document.title", &[]), name);

        let (file, from) = (format!("locales/{}.toml", self.language), format!("\"{name}\""));
        self.upload(ana, &self.package("v3", &file, &from, "\"Pendientes\""), "A new name");
        self.deploy(ana, "state-finished");
        luz.open(app);
        luz.until("document.title === 'Pendientes'");
        self.write(luz, "Escrita después");
        ana.click("a[href=\"#undo\"]");
        ana.follow("#undo button[type=submit]");
        self.ends(ana, "state-finished");
        luz.open(app);
        luz.until(&format!("document.title === '{name}'"));
        luz.until_said("Comprar harina");
        let kept = luz.js("return document.body.innerText.includes('Escrita después')", &[]);
        assert_eq!(kept, false, "data went back, too");
    }

    /// What somebody writes in a mail program above a letter, which their mail server hands over.
    fn answer(&mut self, from: &str, letter: &Value, text: &str) {
        let header = |name: &str| letter["headers"][name].as_str().unwrap_or_else(|| panic!("no {name}: {letter}"));
        let (to, id) = (header("reply-to"), header("message-id"));
        let quoted: String =
            letter["text"].as_str().expect("a text").lines().map(|line| format!("> {line}\n")).collect();
        let reply = format!(
            "From: Me <{from}>\nTo: {to}\nSubject: Re: {}\nIn-Reply-To: {id}\nMessage-ID: <{}@{from}>\n\
             Content-Type: text/plain; charset=utf-8\n\n{text}\n\nOn Monday you wrote:\n{quoted}",
            letter["subject"].as_str().expect("a subject"),
            text.len(),
        );
        self.post.send(from, to, &reply);
        let came = self.post.wait();
        assert_eq!(came["to"][0], to, "{came}");
        let file = self.machine.scratch().join("letter.eml");
        std::fs::write(&file, testkit::mail::whole(&came)).expect("a file");
        let taken = self.machine.json(&["ticket", "receive", file.to_str().expect("UTF-8")]);
        assert_eq!(taken["taken"], true, "{taken}");
    }

    /// A letter about a ticket, in the language of its reader.
    fn told(&mut self, to: &str, what: &str) -> Value {
        let letter = self.letter(to);
        let text = letter["text"].as_str().expect("a text");
        assert!(text.contains(what) && text.contains(self.text("letter-ticket-above")), "{text}");
        letter
    }

    /// She asks at the portal, is answered by mail, answers by mail, is answered from the console, and it is solved.
    fn ticket(&mut self, ana: &Chromium, luz: &Chromium, home: &str) {
        luz.open(&format!("{home}/tickets/new"));
        luz.fill("[name=subject]", "¿Cómo borro una tarea?");
        let which = "return document.querySelector('[name=installation]').options[1].value";
        let which = luz.js(which, &[]);
        luz.pick("[name=installation]", which.as_str().expect("her installation"));
        luz.fill("[name=text]", "No veo el *botón*.");
        luz.follow("main form[enctype] button[type=submit]");
        self.says(luz, "done-asked");
        let hers = address(luz);

        let asked = self.told(ANA, "No veo el *botón*.");
        self.answer(ANA, &asked, "A la derecha, en rojo.");
        let answered = self.told(LUZ, "A la derecha, en rojo.");
        luz.open(&hers);
        luz.until_said("A la derecha, en rojo.");
        self.says(luz, "ticket-by-mail");
        assert_eq!(
            luz.js("return document.body.innerText.includes('On Monday')", &[]),
            false,
            "what was quoted is cut"
        );

        self.answer(LUZ, &answered, "Ya lo vi. ¿Y en el teléfono?");
        let again = self.told(ANA, "Ya lo vi. ¿Y en el teléfono?");
        ana.open(&link(again["text"].as_str().expect("a text")));
        ana.until_said("Ya lo vi. ¿Y en el teléfono?");
        ana.fill("#answer [name=text]", "También.");
        ana.follow("#answer button[value=send]");
        self.says(ana, "done-answer");
        self.told(LUZ, "También.");
        luz.open(&hers);
        luz.until_said("También.");
        send(luz, "/solved", &[]);
        self.says(luz, "done-solved");
    }
}

fn from_signing_up_to_undoing_a_deployment(language: &'static str, size: Size) {
    let mut journey = Journey::new(language, size);
    let ana = journey.browser();
    journey.sign_up(&ana, SITE, ANA, "Acme Software", "Ana Núñez");
    journey.publish(&ana);
    let portal = journey.brand(&ana);
    let luz = journey.browser();
    let (home, app) = journey.install(&luz, &portal);
    journey.mistakes(&ana, &luz, &app);
    journey.ticket(&ana, &luz, &home);
}

#[test]
fn from_signing_up_to_a_ticket_on_a_desktop_in_english() {
    from_signing_up_to_undoing_a_deployment("en", DESKTOP);
}

#[test]
fn from_signing_up_to_a_ticket_on_a_phone_in_spanish() {
    from_signing_up_to_undoing_a_deployment("es", PHONE);
}
