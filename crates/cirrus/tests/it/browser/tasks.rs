//! `apps/tareas`: a task is made, found, changed, finished and deleted, by clicking and typing, in two languages.

use super::*;
use driver::{DESKTOP, PHONE};

#[test]
fn a_task_lives_from_the_first_form_to_the_last() {
    let app = application("tareas");
    let server = app.serve();
    let browser = Chromium::new("es", PHONE);
    browser.open(&page(&server, "/"));
    browser.until_said("Quedan 10 tareas");

    browser.fill("#titulo", "  Pagar <b>la luz</b> & \"agua\"  ");
    browser.pick("#persona", "2");
    browser.pick("#vence", "2026-11-26");
    browser.click("[name=urgente]");
    browser.follow("main > form button");
    browser.until_said("Quedan 11 tareas");
    let made = row(&server, "/tareas/13");
    let shown = (&made["titulo"], &made["persona"], &made["vence"], &made["urgente"]);
    assert_eq!(shown, (&"Pagar <b>la luz</b> & \"agua\"".into(), &2.into(), &"2026-11-26".into(), &true.into()));

    // What is wrong is said beside the form, which keeps what was typed.
    browser.fill("#titulo", "   ");
    browser.pick("#persona", "3");
    browser.follow("main > form button");
    browser.until_said("Escriba qué hay que hacer.");
    browser.picture("tareas-refused");
    assert_eq!(browser.js("return document.getElementById('persona').value", &[]), "3");
    browser.console(); // Chromium tells of the 422.

    browser.open(&page(&server, "/"));
    browser.fill("[name=q]", "luz");
    browser.js("window.former = true; document.querySelector('[role=search]').requestSubmit()", &[]);
    browser.until("!window.former && document.querySelectorAll('.tasks li').length === 1");
    browser.follow(".tasks a.title");
    assert_eq!(browser.js("return document.getElementById('vence').value", &[]), "2026-11-26");
    browser.fill("#titulo", "Pagar la luz");
    browser.pick("#vence", "");
    browser.follow("main > form button");
    browser.until_said("Guardado.");
    let changed = row(&server, "/tareas/13");
    assert_eq!((&changed["titulo"], &changed["vence"]), (&"Pagar la luz".into(), &Value::Null));

    browser.follow("[aria-label='Terminar: Pagar la luz']");
    browser.until_said("Quedan 10 tareas");
    assert_eq!(row(&server, "/tareas/13")["hecha"], true);
    browser.follow("nav a[href='/?ver=hechas']");
    browser.follow(".tasks a[href='/editar/13']");
    browser.click("summary");
    browser.picture("tareas-delete");
    browser.follow("details button");
    browser.until_said("Borrada: Pagar la luz");
    browser.picture("tareas-deleted");
    assert_eq!(server.get("/tareas/13").status, 404);
    content(&browser);
}

#[test]
fn the_language_is_the_browsers_and_then_the_one_that_was_chosen() {
    let app = application("tareas");
    let server = app.serve();
    let browser = Chromium::new("en", DESKTOP);
    browser.open(&page(&server, "/"));
    browser.until_said("10 tasks left");
    browser.follow("a[hreflang=es], a[lang=es]");
    browser.until_said("Quedan 10 tareas");
    // It is remembered.
    browser.open(&page(&server, "/"));
    browser.until_said("Quedan 10 tareas");
    content(&browser);
}
