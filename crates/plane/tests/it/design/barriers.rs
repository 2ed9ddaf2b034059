//! The style guide in a real browser: no barrier that axe knows, nothing that the policy forbids, nothing wider than a
//! phone, all of it reached by keyboard.

use serde_json::json;
use testkit::browser::{Chromium, DESKTOP, PHONE};

use super::{Guide, PAGES};

/// Every page as it is seen in a language, in both sizes and both schemes.
fn look(language: &str) {
    let guide = Guide::start();
    let browser = Chromium::new(language, DESKTOP);
    let mut wrong = Vec::new();
    for size in [DESKTOP, PHONE] {
        browser.resize(size);
        for scheme in ["light", "dark"] {
            browser.colours(scheme);
            for path in PAGES {
                browser.open(&guide.url(path));
                let name = path.trim_start_matches("/styleguide").replace('/', "-");
                browser.picture(&format!("design{name}-{}-{scheme}-{language}", size.name));
                let place = format!("{path} {language} {} {scheme}", size.name);
                assert_eq!(browser.js("return document.documentElement.lang", &[]), language);
                wrong.extend(browser.axe().into_iter().map(|line| format!("{place}: {line}")));
                let over = browser.js("return document.documentElement.scrollWidth - innerWidth", &[]);
                if over.as_i64().unwrap() > 0 {
                    wrong.push(format!("{place}: {over} pixels wider than the window"));
                }
                // A page that is itself an error is said to have failed to load.
                let said = browser.console().into_iter().filter(|line| !line.contains("Failed to load resource"));
                wrong.extend(said.map(|line| format!("{place}: {line}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nobody_meets_a_barrier_in_english() {
    look("en");
}

#[test]
fn nobody_meets_a_barrier_in_spanish() {
    look("es");
}

/// The test can fail: what it would overlook, it would overlook everywhere.
#[test]
fn barriers_are_found_where_there_are_some() {
    let guide = Guide::start();
    let browser = Chromium::new("en", DESKTOP);
    browser.open(&guide.url("/styleguide/login"));
    assert_eq!(browser.axe(), Vec::<String>::new());
    let worse = "document.documentElement.lang = '';
        document.querySelector('[for=f-password]').remove();
        document.querySelector('h1').style.color = '#ddd';
        document.querySelector('.logo svg').removeAttribute('aria-label');";
    browser.js(worse, &[]);
    let found = browser.axe().join("\n");
    for rule in ["html-has-lang", "label", "color-contrast", "svg-img-alt"] {
        assert!(found.lines().any(|line| line.starts_with(&format!("{rule}:"))), "{rule} was overlooked: {found}");
    }
    // The policy is in force: an inline script does not run, and the browser says so.
    browser.console();
    let inline = "const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
        return window.ran === true";
    assert_eq!(browser.js(inline, &[]), false);
    assert!(browser.console().join("").contains("Content Security Policy"));
}

#[test]
fn everything_is_reached_and_seen_by_keyboard() {
    let guide = Guide::start();
    let browser = Chromium::new("en", DESKTOP);
    browser.open(&guide.url("/styleguide/shell"));
    // The first thing leads past the menu.
    browser.key("Tab", false);
    assert_eq!(browser.js("return document.activeElement.className", &[]), "skip");
    browser.key("Enter", false);
    browser.until("document.activeElement.id === 'content'");

    browser.open(&guide.url("/styleguide/shell"));
    let expected = browser.js(
        "return [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex=\"0\"]')]
            .filter((e) => !e.disabled && e.checkVisibility() && !e.closest('dialog')).length",
        &[],
    );
    let step = "const e = document.activeElement;
        if (e === document.body) return null;
        const all = window.reached ??= new Set(), box = e.getBoundingClientRect(), style = getComputedStyle(e);
        const again = all.has(e);
        all.add(e);
        const seen = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
        const ring = style.outlineStyle !== 'none' || style.boxShadow !== 'none' || !e.matches(':focus-visible');
        return [again, seen, ring, e.outerHTML.slice(0, 120)];";
    let mut reached = 0;
    for _ in 0..400 {
        browser.key("Tab", false);
        let at = browser.js(step, &[]);
        if at.is_null() || at[0] == true {
            break;
        }
        assert_eq!((&at[1], &at[2]), (&json!(true), &json!(true)), "not seen, or no ring around it: {}", at[3]);
        reached += 1;
    }
    assert_eq!(json!(reached), expected);
}
