//! `apps/vbase` on a telephone: installed, and of use without a network.

use serde_json::json;

use super::*;
use driver::PHONE;

/// The people that the list shows.
const NAMES: &str = "return [...document.querySelectorAll('#list strong')].map((name) => name.innerText)";

fn person(browser: &Chromium, name: &str, mail: &str) {
    browser.click("#open");
    browser.fill("#nombre", name);
    browser.fill("#correo", mail);
    browser.picture("vbase-form");
    browser.click("#save");
}

/// The page and the worker that keeps it for later.
fn installed(server: &Server) -> Chromium {
    let browser = Chromium::new("es", PHONE);
    browser.open(&page(server, "/"));
    browser.until_said("Ana Ruiz");
    browser.js("return navigator.serviceWorker.ready.then(() => true)", &[]);
    browser
}

#[test]
fn a_telephone_may_install_it() {
    let app = application("vbase");
    let server = app.serve();
    let browser = installed(&server);
    let manifest = browser.devtools("Page.getAppManifest", json!({}));
    assert_eq!(manifest["errors"], json!([]), "{manifest}");
    assert!(manifest["url"].as_str().unwrap().ends_with("/vbase.webmanifest"), "{manifest}");
    let errors = browser.devtools("Page.getInstallabilityErrors", json!({}));
    assert_eq!(errors["installabilityErrors"], json!([]));
    content(&browser);
}

#[test]
fn a_user_is_created_and_is_there_for_programs_too() {
    let app = application("vbase");
    let server = app.serve();
    let browser = installed(&server);
    // Whoever chose a language has a cookie, and may write all the same.
    browser.follow("a[lang=en]");
    person(&browser, "Elena Ñáñez", "elena@example.com");
    browser.until_said("Saved.");
    browser.follow("a[lang=es]");
    browser.until_said("Elena Ñáñez");
    assert_eq!(row(&server, "/usuarios?correo=elena@example.com")[0]["nombre"], "Elena Ñáñez");
    // The other way round: what a program creates is in the list.
    let made = server.json("POST", "/usuarios", &json!({ "nombre": "Fidel", "correo": "fidel@example.com" }));
    assert_eq!(made.status, 201);
    browser.open(&page(&server, "/"));
    browser.until_said("Fidel");
    browser.fill("#search", "ÑÁÑ");
    browser.until("document.querySelectorAll('#list li').length === 1");
    browser.fill("#search", "nobody");
    browser.until_said("Nadie se llama así.");
    content(&browser);

    browser.fill("#search", "");
    person(&browser, "Otra Elena", "ELENA@example.com");
    browser.until_said("Ese correo ya es de otro usuario.");
    browser.picture("vbase-refused");
}

#[test]
fn without_a_network_it_opens_and_what_was_typed_is_sent_later_once() {
    let app = application("vbase");
    let server = app.serve();
    let address = server.address.clone();
    let browser = installed(&server);
    // The first visit is when the worker begins; from then on no network is needed.
    drop(server);
    browser.offline(true);
    browser.open(&format!("http://{address}/"));
    browser.until_said("Sin red");
    assert_eq!(browser.js(NAMES, &[]), json!(["Ana Ruiz", "Benito Sáez", "Carmen Núñez", "David Ortega"]));
    person(&browser, "Gloria", "gloria@example.com");
    browser.until_said("Se enviará cuando haya red");
    // It is still there when the application was closed meanwhile.
    browser.open(&format!("http://{address}/"));
    browser.until_said("Gloria");
    browser.picture("vbase-offline");

    let server = serve_again(&app, &address);
    browser.offline(false);
    browser.until("!document.querySelector('#list .badge') && document.body.innerText.includes('Gloria')");
    browser.open(&page(&server, "/"));
    browser.until_said("Gloria");
    let found = row(&server, "/usuarios?correo=gloria@example.com");
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
}
