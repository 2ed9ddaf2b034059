//! Deploying in a real browser: what the script adds to its pages.

use serde_json::json;
use testkit::browser::{Chromium, DESKTOP};

use super::take_session;
use crate::pages::scene;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_version_shows_at_once_what_it_would_touch_and_an_undo_counts_down() {
    let world = World::new().await;
    let (owner, _) = scene(&world).await;
    tokio::task::block_in_place(|| {
        let browser = Chromium::new("en", DESKTOP);
        let root = format!("http://{}", owner.host);
        take_session(&browser, &owner);
        let chosen = "return document.querySelector('.form [name=version]').value";
        // Everybody has the second already.
        browser.open(&format!("{root}/p/acme/apps/hola/deploy?version=2"));
        assert_eq!(browser.js(chosen, &[]), "2");
        assert_eq!(browser.js("return document.querySelectorAll('tbody tr').length", &[]), 0);
        browser.follow("#f-version option[value='1']");
        assert_eq!(browser.js(chosen, &[]), "1");
        browser.until_said("hola-sol");
        browser.follow(".form [type=submit]");
        browser.until("location.pathname.startsWith('/p/acme/deployments/')");
        browser.until("document.querySelector('time[data-left]')");

        // The page says how long there is; near its end it counts seconds, and at its end that it is over.
        let left = "document.querySelector('time[data-left]').textContent";
        browser.until(&format!("/\\d+\\sh\\s\\d+\\smin/.test({left})"));
        let soon = "document.querySelector('time[data-left]').dataset.left = Date.now() + arguments[0]";
        browser.js(soon, &[json!(90_000)]);
        browser.until(&format!("/1\\smin\\s2\\d\\ss/.test({left})"));
        browser.js(soon, &[json!(2_000)]);
        browser.until(&format!("/\\b1\\ss/.test({left})"));
        browser.until(&format!("{left} === document.documentElement.dataset.timeOver"));

        // A page that lives is told how things are, at once.
        browser.open(&format!("{root}/p/acme/installations/hola-sol"));
        let first = "const source = new EventSource(document.querySelector('[data-live]').dataset.live);
            return new Promise((done) => {
                source.onmessage = () => done('told');
                source.onerror = () => done('lost');
            })";
        assert_eq!(browser.js(first, &[]), "told");
    });
}
