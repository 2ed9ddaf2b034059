//! `collect.js` with the real editor and the real calendar of `apps/estudio`: what they hold in memory arrives in the
//! tables exactly, once, and not at all over what somebody else has written.

use serde_json::json;

use super::*;
use driver::DESKTOP;

/// What has been damaged on its way in other systems.
const HARD: &str =
    "&lt;b&gt; &amp;amp; </textarea></script><!-- \"comillas\" 'simples' `otras` \\n ñ Ñ ü 👩‍👩‍👧 🎉 \u{202e}!";
const LATER: &str = "const PAUSE = 1e9;";

/// Estudio, which tells each request in its log. `by_itself`: it saves a moment after the last change, as it does for
/// people; without, only what the test does makes it save.
fn studio(by_itself: bool) -> App {
    let app = application("estudio");
    let config = std::fs::read_to_string(app.path().join("cirrus.toml")).unwrap();
    app.write("cirrus.toml", &format!("{config}\n[log]\nrequests = true\n"));
    if !by_itself {
        replace(&app, "public/estado.js", "const PAUSE = 1200;", LATER);
    }
    app
}

fn open_document(browser: &Chromium, server: &Server, id: u32) {
    browser.open(&page(server, &format!("/editar/{id}")));
    browser.until("document.querySelector('.cm-content') && window.Cirrus?.collect");
    // What collecting began with is known.
    browser.js(
        "return Promise.all([...document.querySelectorAll('[data-collect]')].map(Cirrus.collect.begin)).then(() => 1)",
        &[],
    );
}

/// Replaces all that the editor holds, as pasting does.
fn paste(browser: &Chromium, text: &str) {
    browser.click(".cm-content");
    browser.control('a');
    browser.insert(text);
}

fn stored(server: &Server, id: u32) -> String {
    row(server, &format!("/documentos/{id}"))["contenido"].as_str().unwrap().to_owned()
}

fn until_stored(server: &Server, id: u32, text: &str) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while stored(server, id) != text {
        assert!(std::time::Instant::now() < until, "never stored: it is {:.200}", stored(server, id));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// How many times something was sent to be stored since this was last asked.
fn sent(server: &Server) -> usize {
    server.get("/marker");
    let lines = std::iter::from_fn(|| Some(server.log.recv().unwrap()));
    lines.take_while(|line| !line.contains("/marker")).filter(|line| line.contains("POST /_cirrus/collect/")).count()
}

fn save(browser: &Chromium) {
    browser.js("return Cirrus.collect.save().then(() => 1)", &[]);
}

fn until_state(browser: &Chromium, state: &str) {
    browser.until(&format!("document.getElementById('state').dataset.state === '{state}'"));
}

#[test]
fn what_is_typed_is_saved_by_the_button_by_the_key_and_by_itself_and_sent_once() {
    let app = studio(false);
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    open_document(&browser, &server, 1);
    save(&browser);
    assert_eq!(sent(&server), 0, "an untouched document is not sent");

    paste(&browser, HARD);
    until_state(&browser, "unsaved");
    browser.click("[data-collect-save]");
    until_state(&browser, "saved");
    assert_eq!(stored(&server, 1), HARD);
    save(&browser);
    assert_eq!(sent(&server), 1);

    let more = format!("{HARD}\nuna línea\tmás");
    paste(&browser, &more);
    browser.control('s');
    until_stored(&server, 1, &more);
    assert_eq!(sent(&server), 1);

    // The title and the kind go together, in one request.
    browser.fill("#titulo", "Otro título");
    browser.pick("#lenguaje", "html");
    save(&browser);
    let document = row(&server, "/documentos/1");
    assert_eq!((&document["titulo"], &document["lenguaje"]), (&json!("Otro título"), &json!("html")));
    assert_eq!(sent(&server), 1);
    // What the page shows afterwards is what was stored.
    open_document(&browser, &server, 1);
    assert_eq!(browser.js("return document.getElementById('editor').editorView.state.doc.toString()", &[]), more);
    content(&browser);
    drop(browser);
    drop(server);

    let app = studio(true);
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    open_document(&browser, &server, 1);
    paste(&browser, "por sí solo");
    until_stored(&server, 1, "por sí solo");
    until_state(&browser, "saved");
    assert_eq!(sent(&server), 1);
}

#[test]
fn every_so_many_seconds_and_when_the_page_is_left() {
    let app = studio(false);
    replace(&app, "views/pagina.html", "<body>", "<body data-collect-every=\"{{ 1 if path == '/editar/2' else 0 }}\">");
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    open_document(&browser, &server, 2);
    paste(&browser, "cada segundo");
    until_stored(&server, 2, "cada segundo");
    assert_eq!(sent(&server), 1);

    open_document(&browser, &server, 1);
    paste(&browser, HARD);
    browser.open(&page(&server, "/"));
    until_stored(&server, 1, HARD);
    // What was kept for safety is sent again at the next visit and is the same by then.
    open_document(&browser, &server, 1);
    browser.until("Object.keys(Cirrus.collect.pending()).length === 0");
    assert_eq!(stored(&server, 1), HARD);
    content(&browser);
}

#[test]
fn a_megabyte_is_exact_also_when_the_page_is_left_in_the_middle() {
    let app = studio(false);
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    open_document(&browser, &server, 3);
    browser.click(".cm-content");
    let line = "0123456789 &lt; </textarea> \"'ñ🎉\n";
    let megabyte = line.repeat((1 << 20) / line.len() + 1);
    let fill = "const view = document.getElementById('editor').editorView;
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: arguments[0] } });";
    browser.js(fill, &[json!(megabyte)]);
    save(&browser);
    assert!(stored(&server, 3) == megabyte, "it is another text");

    // Too long to be sent by a page that goes: kept, and sent from the next page.
    let longer = format!("{megabyte}y esto");
    browser.js(fill, &[json!(longer)]);
    browser.open(&page(&server, "/"));
    until_stored(&server, 3, &longer);
    browser.until("Object.keys(Cirrus.collect.pending()).length === 0");
    content(&browser);
}

#[test]
fn without_a_server_nothing_is_lost() {
    let app = studio(false);
    let server = app.serve();
    let address = server.address.clone();
    let browser = Chromium::new("es", DESKTOP);
    open_document(&browser, &server, 1);
    open_document(&browser, &server, 2);
    drop(server);
    browser.offline(true);
    paste(&browser, HARD);
    browser.click("[data-collect-save]");
    until_state(&browser, "offline");
    // There is a network again: sent by itself.
    let server = serve_again(&app, &address);
    browser.offline(false);
    until_stored(&server, 2, HARD);
    until_state(&browser, "saved");
    assert_eq!(sent(&server), 1);

    // The same when the page and its memory are gone before.
    drop(server);
    paste(&browser, "escrito sin red");
    browser.control('s');
    until_state(&browser, "offline");
    browser.open("about:blank");
    let server = serve_again(&app, &address);
    assert_eq!(stored(&server, 2), HARD);
    open_document(&browser, &server, 2);
    browser.until("document.querySelector('.cm-content').innerText === 'escrito sin red'");
    until_stored(&server, 2, "escrito sin red");
}

#[test]
fn a_page_that_went_away_and_comes_back_is_not_in_conflict_with_itself() {
    let app = studio(false);
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    open_document(&browser, &server, 1);
    let visible = |state: &str| {
        let body = "Object.defineProperty(document, 'visibilityState', { value: arguments[0], configurable: true });
            document.dispatchEvent(new Event('visibilitychange'))";
        browser.js(body, &[json!(state)]);
    };
    paste(&browser, "uno");
    visible("hidden");
    visible("hidden");
    until_stored(&server, 1, "uno");
    visible("visible");
    paste(&browser, "uno y dos");
    save(&browser);
    assert_eq!(stored(&server, 1), "uno y dos");
    assert_eq!(sent(&server), 2, "each edit once");

    paste(&browser, "tres");
    browser.follow("nav a[href='/calendario']");
    until_stored(&server, 1, "tres");
    browser.js("history.back()", &[]);
    browser.until("location.pathname === '/editar/1' && document.querySelector('.cm-content')?.innerText === 'tres'");
    until_state(&browser, "saved");
    paste(&browser, "tres y cuatro");
    save(&browser);
    assert_eq!(stored(&server, 1), "tres y cuatro");
    assert_eq!(browser.js("return document.querySelectorAll('[role=alert]').length", &[]), 0);
    content(&browser);
}

#[test]
fn two_people_at_once_are_asked() {
    let app = studio(false);
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    let another = |text: &str| {
        let version = row(&server, "/_cirrus/collect/documentos?id=1&field=contenido")["version"].clone();
        let item = json!({ "id": 1, "field": "contenido", "value": text, "version": version });
        let told = server.json("POST", "/_cirrus/collect/documentos", &json!({ "items": [item] })).value();
        assert_eq!(told["items"][0]["status"], "stored");
    };
    open_document(&browser, &server, 1);
    another("de otra persona");
    paste(&browser, "mío");
    save(&browser);
    browser.until_said("Alguien guardó otra versión mientras usted editaba.");
    assert_eq!(stored(&server, 1), "de otra persona");
    browser.picture("estudio-conflict");
    browser.click("[role=alert] button:nth-of-type(1)");
    until_stored(&server, 1, "mío");
    until_state(&browser, "saved");

    another("otra vez");
    paste(&browser, "mío otra vez");
    save(&browser);
    browser.click("[role=alert] button:nth-of-type(2)");
    browser.until("document.querySelector('.cm-content').innerText === 'otra vez'");
    save(&browser);
    assert_eq!(stored(&server, 1), "otra vez");
    assert_eq!(browser.js("return Object.keys(Cirrus.collect.pending()).length", &[]), 0);

    // Who goes away without an answer is asked again, and has lost nothing.
    another("la tercera");
    paste(&browser, "mío al fin");
    save(&browser);
    browser.until("document.querySelectorAll('[role=alert]').length === 1");
    save(&browser);
    browser.open(&page(&server, "/"));
    browser.until("document.querySelectorAll('[role=alert]').length === 1");
    assert_eq!(stored(&server, 1), "la tercera");
    browser.open(&page(&server, "/editar/1"));
    browser.until("document.querySelector('.cm-content')?.innerText === 'mío al fin'");
    browser.click("[role=alert] button:nth-of-type(1)");
    until_stored(&server, 1, "mío al fin");
    browser.until("Object.keys(Cirrus.collect.pending()).length === 0");
    content(&browser);
}

#[test]
fn a_date_of_the_calendar_is_made_changed_and_removed() {
    let app = studio(true);
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    browser.open(&page(&server, "/calendario"));
    browser.until("document.querySelector('.fc-daygrid-day') && window.Cirrus?.collect");
    let events = || -> Vec<Value> {
        let text = row(&server, "/calendarios/1")["eventos"].as_str().unwrap().to_owned();
        serde_json::from_str(&text).unwrap()
    };
    let titled = |title: &str| events().into_iter().find(|event| event["title"] == title);
    let count = events().len();

    let title = "Cena </script> & \"ñ\" 🎉";
    browser.click("#new");
    browser.click("#title");
    browser.insert(title);
    browser.pick("#day", "2026-11-24");
    browser.pick("#until", "2026-11-25");
    browser.picture("estudio-date");
    browser.click("dialog .buttons button:last-child");
    until_state(&browser, "saved");
    let made = titled(title).expect("it is stored");
    assert_eq!(
        (&made["start"], &made["end"], &made["allDay"]),
        (&json!("2026-11-24"), &json!("2026-11-26"), &json!(true))
    );

    // At another hour, and shown so by a page that begins with what is stored.
    browser.js("document.getElementById('calendar').calendar.gotoDate('2026-11-24')", &[]);
    let open = "[...document.querySelectorAll('.fc-event')].find((event) => event.innerText.includes('Cena')).click()";
    browser.js(open, &[]);
    browser.click("#allDay");
    browser.pick("#until", "2026-11-24");
    browser.pick("#start", "20:00");
    browser.pick("#end", "22:30");
    browser.click("dialog .buttons button:last-child");
    until_state(&browser, "saved");
    let changed = titled(title).unwrap();
    assert_eq!((&changed["start"], &changed["end"]), (&json!("2026-11-24T20:00:00"), &json!("2026-11-24T22:30:00")));

    browser.open(&page(&server, "/calendario"));
    browser.until("document.querySelector('.fc-daygrid-day') && window.Cirrus?.collect");
    browser.js("document.getElementById('calendar').calendar.gotoDate('2026-11-24')", &[]);
    browser.js(open, &[]);
    browser.click("#remove");
    until_state(&browser, "saved");
    assert_eq!((titled(title), events().len()), (None, count));
    content(&browser);
}
