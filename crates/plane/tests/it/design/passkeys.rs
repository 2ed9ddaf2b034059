//! Passkeys in a real browser with a virtual authenticator.

use serde_json::{Value, json};
use testkit::browser::{Chromium, DESKTOP};

use super::take_session;
use crate::factors::PASSWORD;
use crate::pages::scene;
use crate::world::World;

/// An authenticator that makes sure who holds it, or does not; its id.
fn authenticator(browser: &Chromium, verifies: bool) -> Value {
    browser.devtools("WebAuthn.enable", json!({ "enableUI": false }));
    let options = json!({ "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
        "hasUserVerification": verifies, "isUserVerified": verifies, "automaticPresenceSimulation": true });
    browser.devtools("WebAuthn.addVirtualAuthenticator", json!({ "options": options }))["authenticatorId"].clone()
}

fn log_out(browser: &Chromium, root: &str) {
    browser.devtools("Network.clearBrowserCookies", json!({}));
    browser.open(&format!("{root}/login"));
}

/// What the browser would send at a press of that form's button, and has not sent.
fn held_back(browser: &Chromium, form: &str) {
    browser.js(&format!("document.querySelector('{form}').submit = () => {{ window.held = true }}"), &[]);
    browser.click(&format!("{form} [type=submit]"));
    browser.until("window.held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_lets_in_without_a_password_and_after_one() {
    let world = World::new().await;
    let (owner, _) = scene(&world).await;
    tokio::task::block_in_place(|| {
        let browser = Chromium::new("en", DESKTOP);
        let root = format!("http://{}", owner.host);
        let device = authenticator(&browser, true);
        take_session(&browser, &owner);
        browser.open(&format!("{root}/account/security"));
        browser.fill("#f-passkey", "Laptop of Ana");
        // Who found the browser open knows no password.
        browser.fill("#f-proof-passkey", "not the password");
        browser.follow("[data-passkey=make] [type=submit]");
        browser.until_said("neither your password nor a code");
        browser.fill("#f-passkey", "Laptop of Ana");
        browser.fill("#f-proof-passkey", PASSWORD);
        browser.follow("[data-passkey=make] [type=submit]");
        browser.until_said("The passkey is there.");
        browser.until_said("Laptop of Ana");
        browser.until("document.querySelectorAll('pre code')[0].innerText.split('\\n').length === 10");
        assert_eq!(browser.axe(), Vec::<String>::new());
        browser.picture("passkey-desktop-en");

        // Without a password.
        log_out(&browser, &root);
        browser.follow("[data-passkey=show] [type=submit]");
        browser.until("location.pathname.startsWith('/p/acme')");

        // What was sent once serves no second time.
        log_out(&browser, &root);
        held_back(&browser, "[data-passkey=show]");
        let again = "const form = document.querySelector('[data-passkey=show]');
            const body = new URLSearchParams(new FormData(form));
            const send = () => fetch(form.action, { method: 'POST', body, credentials: 'omit' })
                .then((answer) => [answer.status, new URL(answer.url).pathname]);
            return send().then((first) => send().then((second) => [first, second]))";
        let answers = browser.js(again, &[]);
        assert!([409, 422].map(Value::from).contains(&answers[1][0]), "{answers}");
        assert_ne!(answers[0][1], "/login/passkey", "{answers}");

        // After the password: the password alone is not enough any more.
        log_out(&browser, &root);
        browser.fill("#f-mail", "ana@acme.example");
        browser.fill("#f-password", PASSWORD);
        browser.follow("[action='/login'] [type=submit]");
        browser.until("location.pathname === '/login/code'");
        browser.follow("[data-passkey=show] [type=submit]");
        browser.until("location.pathname.startsWith('/p/acme')");

        // An authenticator that does not make sure who holds it stands in for no password.
        log_out(&browser, &root);
        browser.devtools("WebAuthn.setUserVerified", json!({ "authenticatorId": device, "isUserVerified": false }));
        browser.click("[data-passkey=show] [type=submit]");
        browser.until("!document.querySelector('[data-passkey=show] [role=alert]').hidden");
        browser.devtools("WebAuthn.setUserVerified", json!({ "authenticatorId": device, "isUserVerified": true }));

        // Removed, it lets nobody in.
        browser.follow("[data-passkey=show] [type=submit]");
        browser.until("location.pathname.startsWith('/p/acme')");
        browser.open(&format!("{root}/account/security"));
        browser.click("td .menu summary");
        browser.click("[href='#remove-1']");
        browser.fill("#f-proof-1", PASSWORD);
        browser.follow("#remove-1 [type=submit]");
        browser.until_said("lets nobody in any more");
        log_out(&browser, &root);
        browser.follow("[data-passkey=show] [type=submit]");
        browser.until_said("not known here");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_of_a_portal_is_none_of_the_console_and_none_of_somebody_else() {
    let world = World::new().await;
    let (owner, admin) = scene(&world).await;
    tokio::task::block_in_place(|| {
        let browser = Chromium::new("en", DESKTOP);
        authenticator(&browser, true);
        let (portal, console) = (format!("http://{}", admin.host), format!("http://{}", owner.host));
        take_session(&browser, &admin);
        browser.open(&format!("{portal}/account/security"));
        browser.fill("#f-proof-passkey", PASSWORD);
        browser.follow("[data-passkey=make] [type=submit]");
        browser.until_said("The passkey is there.");
        log_out(&browser, &portal);
        browser.follow("[data-passkey=show] [type=submit]");
        browser.until("location.pathname === '/c/sol'");
        log_out(&browser, &console);
        browser.click("[data-passkey=show] [type=submit]");
        browser.until("!document.querySelector('[data-passkey=show] [role=alert]').hidden");
        // What the portal's authenticator says, sent to the console.
        log_out(&browser, &portal);
        held_back(&browser, "[data-passkey=show]");
        let body = "return new URLSearchParams(new FormData(document.querySelector('[data-passkey=show]'))).toString()";
        let body = browser.js(body, &[]).as_str().unwrap().to_owned();
        log_out(&browser, &console);
        let send = "return fetch('/login/passkey', { method: 'POST', body: new URLSearchParams(arguments[0]) })
            .then((answer) => answer.status)";
        assert_eq!(browser.js(send, &[json!(body)]), 422);
        assert_eq!(browser.js("return document.cookie.includes('session')", &[]), false);
    });
}

/// A portal has two host names, and a passkey is for one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_is_for_the_host_name_where_it_was_registered() {
    let world = World::new().await;
    let (_, customer) = scene(&world).await;
    let own = "portal.acme.example";
    world.post("/publishers/acme/branding", json!({ "host": own })).await.expect(200);
    let port = world.address.port();
    let (root, first) = (format!("http://{own}:{port}"), format!("http://{}", customer.host));
    tokio::task::block_in_place(|| {
        let browser = Chromium::trusting("en", DESKTOP, &root);
        authenticator(&browser, true);
        let log_in = |root: &str| {
            log_out(&browser, root);
            browser.fill("#f-mail", "luz@sol.example");
            browser.fill("#f-password", PASSWORD);
            browser.follow("[action='/login'] [type=submit]");
        };
        log_in(&root);
        browser.open(&format!("{root}/account/security"));
        browser.fill("#f-passkey", "Laptop");
        browser.fill("#f-proof-passkey", PASSWORD);
        browser.follow("[data-passkey=make] [type=submit]");
        browser.until_said("The passkey is there.");
        browser.until_said(own);
        log_out(&browser, &root);
        browser.follow("[data-passkey=show] [type=submit]");
        browser.until("location.pathname.startsWith('/c/sol')");

        // At the other name it is not asked for, and where it serves is said.
        log_in(&first);
        browser.until_said(&format!("Your passkeys are for {own}"));
        assert_eq!(browser.js("return document.querySelectorAll('[data-passkey]').length", &[]), 0);
        assert_eq!(browser.axe(), Vec::<String>::new());
    });
}
