//! What the script adds, and that pages work without it.

use serde_json::json;
use testkit::browser::{Chromium, DESKTOP, PHONE};

use super::Guide;

#[test]
fn a_name_must_be_typed_before_what_it_names_goes() {
    let guide = Guide::start();
    let browser = Chromium::new("en", DESKTOP);
    browser.open(&guide.url("/styleguide"));
    browser.click("[href='#sample-confirm'].button");
    browser.until("document.querySelector('#sample-confirm').matches(':modal')");
    let disabled = "return document.querySelector('#sample-confirm [type=submit]').disabled";
    assert_eq!(browser.js(disabled, &[]), true);
    browser.fill("#sample-confirm-name", "panaderia-so");
    assert_eq!(browser.js(disabled, &[]), true);
    browser.fill("#sample-confirm-name", "panaderia-sol");
    assert_eq!(browser.js(disabled, &[]), false);
    browser.key("Escape", false);
    browser.until("!document.querySelector('#sample-confirm').open");
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn menus_close_by_escape_and_when_something_else_is_wanted() {
    let guide = Guide::start();
    let browser = Chromium::new("en", DESKTOP);
    browser.open(&guide.url("/styleguide/shell"));
    let menu = "document.querySelector('.table .menu')";
    browser.click(".table .menu summary");
    browser.until(&format!("{menu}.open"));
    browser.key("Escape", false);
    browser.until(&format!("!{menu}.open && document.activeElement === {menu}.querySelector('summary')"));
    browser.click(".table .menu summary");
    browser.until(&format!("{menu}.open"));
    browser.click("h1");
    browser.until(&format!("!{menu}.open"));
    // Who closes a dialog is back at the menu that it was opened from.
    browser.click(".table .menu summary");
    browser.click(".table .menu [data-dialog]");
    browser.until("document.querySelector('#remove').matches(':modal')");
    browser.key("Escape", false);
    browser.until(&format!("document.activeElement === {menu}.querySelector('summary')"));
    // On a phone the menu of the page is a sheet.
    browser.resize(PHONE);
    browser.open(&guide.url("/styleguide/shell"));
    assert_eq!(browser.js("return document.querySelector('#side').checkVisibility()", &[]), false);
    browser.click("[popovertarget=side]");
    browser.until("document.querySelector('#side').checkVisibility()");
    browser.picture("design-menu-phone");
    browser.key("Escape", false);
    browser.until("!document.querySelector('#side').checkVisibility()");
}

#[test]
fn colours_are_switched_at_once_and_stay() {
    let guide = Guide::start();
    let browser = Chromium::new("en", DESKTOP);
    browser.colours("light");
    browser.open(&guide.url("/styleguide/login"));
    let background = "return getComputedStyle(document.querySelector('.card')).backgroundColor";
    let light = browser.js(background, &[]);
    browser.click("[data-set-theme=dark]");
    assert_ne!(browser.js(background, &[]), light);
    browser.open(&guide.url("/styleguide/login"));
    assert_ne!(browser.js(background, &[]), light);
    assert_eq!(browser.js("return document.documentElement.dataset.theme", &[]), "dark");
    browser.follow("[hreflang=es]");
    browser.until_said("Iniciar sesión");
}

#[test]
fn a_part_of_a_page_changes_by_itself_and_what_one_does_there_stays() {
    let guide = Guide::start();
    let browser = Chromium::new("en", DESKTOP);
    browser.open(&guide.url("/styleguide"));
    browser.js("document.querySelector('[data-live] progress').mark = 'the same element'", &[]);
    browser.until("document.querySelector('[data-live] progress').value >= 2");
    browser.until_said("2 of 10");
    assert_eq!(browser.js("return document.querySelector('[data-live] progress').mark", &[]), "the same element");
    // While nothing comes, it says so; and no longer than that.
    let said = "getComputedStyle(document.querySelector('[data-live]'), '::before').content";
    assert_eq!(browser.js(&format!("return {said}"), &[]), "none");
    browser.offline(true);
    drop(guide);
    browser.until(&format!("{said}.includes('Connection lost')"));
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_place() {
    let guide = Guide::start();
    let browser = Chromium::new("en", DESKTOP);
    browser.open(&guide.url("/styleguide"));
    let choose = "const data = new DataTransfer(), input = document.querySelector('[data-drop] input');
        data.items.add(new File(['x'.repeat(1 << 20)], 'tareas.tar.gz'));
        input.files = data.files;
        input.dispatchEvent(new Event('change'));";
    browser.js(choose, &[]);
    browser.until_said("tareas.tar.gz");
    browser.click("form:has([data-drop]) .button.primary");
    browser.until("document.querySelector('[data-drop-errors]').innerText.includes('line 4')");
    assert_eq!(browser.js("return location.pathname", &[]), "/styleguide");
    assert_eq!(browser.js("return document.querySelectorAll('[aria-busy]').length", &[]), 1, "the sample alone");
}

#[test]
fn times_are_said_as_the_server_says_them_in_the_zone_of_the_browser() {
    let guide = Guide::start();
    for language in ["en", "es"] {
        let browser = Chromium::new(language, DESKTOP);
        browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "America/Bogota" }));
        browser.open(&guide.url("/styleguide"));
        browser.open(&guide.url("/styleguide"));
        let times = "[...document.querySelectorAll('time[data-time]')]";
        let shown = browser.js(&format!("return {times}.map((time) => time.textContent)"), &[]);
        let html = "return fetch(location).then((answer) => answer.text()).then((html) => {
            const page = new DOMParser().parseFromString(html, 'text/html');
            return [...page.querySelectorAll('time[data-time]')].map((time) => time.textContent); })";
        let sent = browser.js(html, &[]);
        assert!(sent.as_array().unwrap().len() > 4);
        assert_eq!(shown, sent);
        let title = browser.js(&format!("return {times}[0].title"), &[]);
        assert!(title.as_str().unwrap().ends_with("(America/Bogota)"), "{title}");
    }
}

#[test]
fn a_chart_tells_the_value_under_the_pointer() {
    let guide = Guide::start();
    let browser = Chromium::new("en", DESKTOP);
    browser.open(&guide.url("/styleguide"));
    let point = "const plot = document.querySelector('.chart-plot'), box = plot.getBoundingClientRect();
        plot.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + box.width / 2, clientY: box.top }));
        return plot.querySelector('.bubble').textContent";
    let said = browser.js(point, &[]);
    assert!(said.as_str().unwrap().contains("MB · "), "{said}");
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn pages_work_without_a_script() {
    let guide = Guide::start();
    let browser = Chromium::new("en", DESKTOP);
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    browser.open(&guide.url("/styleguide"));
    assert_eq!(browser.js("return document.querySelectorAll('[data-dialog][role]').length", &[]), 0, "the script ran");
    // Dialogs by their address, menus by themselves, the form in the dialog guarded by its pattern.
    browser.click("[href='#sample-confirm'].button");
    browser.until("document.querySelector('#sample-confirm').checkVisibility()");
    browser.picture("design-dialog-without-script");
    browser.fill("#sample-confirm-name", "wrong");
    browser.click("#sample-confirm [type=submit]");
    assert_eq!(browser.js("return location.pathname", &[]), "/styleguide");
    browser.click("#sample-confirm .dialog-close");
    browser.until("!document.querySelector('#sample-confirm').checkVisibility()");
    browser.open(&guide.url("/styleguide/shell"));
    browser.click(".side > .menu:last-child summary");
    browser.click(".side > .menu:last-child [hreflang=es]");
    browser.until("document.documentElement.lang === 'es'");
    browser.click(".table .menu summary");
    browser.until("document.querySelector('.table .menu-list').checkVisibility()");
}
