//! Letters through a real mail server (Debian's `python3-aiosmtpd`), and what their links do.

use serde_json::{Value, json};
use testkit::Post;

use crate::factors::{PASSWORD, code, log_in, set_up};
use crate::pages::{Browser, join, scene};
use crate::world::World;

/// The path of the link in a letter.
fn path(letter: &str, site: &str) -> String {
    let line = letter.lines().find(|line| line.starts_with(site)).unwrap_or_else(|| panic!("no link: {letter}"));
    line[site.len()..].trim().to_owned()
}

#[tokio::test]
async fn a_publisher_signs_up_and_forgets_the_password() {
    let world = World::new().await;
    let mut post = Post::new();
    let mut ana = Browser::new(&world, "localhost");
    ana.language = "es";
    ana.open("/signup").await.has("por invitación");
    world.post("/settings", post.settings()).await.expect(200);
    let site = format!("http://localhost:{}", world.address.port());
    ana.send("/signup", "/signup", &[("mail", "Ana@Girasol.example")]).await.has("Mire su correo");
    let (to, letter) = post.letter().await;
    assert_eq!(to, "ana@girasol.example");
    assert!(letter.starts_with("Su cuenta en vClouden\n"), "{letter}");
    let link = path(&letter, &site);
    let form =
        [("organisation", "Talleres Girasol, S.A."), ("name", "Ana"), ("password", "cuatro palabras sirven bien")];
    ana.send(&link, &link, &form).await.has("Talleres Girasol, S.A.").has("Empiece con una aplicación");
    assert_eq!(ana.open("/p/talleres-girasol-s-a").await.status, 200);
    assert_eq!(ana.open(&link).await.status, 404, "it works once");

    let mut later = Browser::new(&world, "localhost");
    later.send("/password", "/password", &[("mail", "nobody@girasol.example")]).await.has("If nobody@girasol.example");
    later.send("/password", "/password", &[("mail", "ana@girasol.example")]).await.has("If ana@girasol.example");
    let (to, letter) = post.letter().await;
    assert_eq!(to, "ana@girasol.example", "whom there is not gets no letter");
    let link = path(&letter, &site);
    assert_eq!(later.send(&link, &link, &[("password", "short")]).await.status, 422);
    later.send(&link, &link, &[("password", "another four words")]).await.has("Talleres Girasol");
    assert!(ana.open("/account").await.path.starts_with("/login"), "every other session has ended");
    assert_eq!(later.send("/password", &link, &[("password", "yet another four words")]).await.status, 404);
}

#[tokio::test]
async fn nobody_floods_a_mailbox() {
    let world = World::new().await;
    let mut post = Post::new();
    world.post("/settings", post.settings()).await.expect(200);
    let mut flood = Browser::new(&world, "localhost");
    for _ in 0..5 {
        flood.send("/signup", "/signup", &[("mail", "ana@girasol.example")]).await.has("Look into your mail");
        post.letter().await;
    }
    assert_eq!(flood.send("/signup", "/signup", &[("mail", "ana@girasol.example")]).await.status, 429);
    flood.send("/signup", "/signup", &[("mail", "luz@sol.example")]).await.has("Look into your mail");
    world.clock.forward(1);
    flood.send("/signup", "/signup", &[("mail", "ana@girasol.example")]).await.has("Look into your mail");
}

#[tokio::test]
async fn a_customer_signs_up_at_the_portal_and_the_letter_waits_for_the_mail_server() {
    let world = World::with_app().await;
    let mut post = Post::new();
    let mut settings = post.settings();
    let port = settings["mail"]["port"].take();
    settings["mail"]["port"] = json!(9);
    world.post("/settings", settings.clone()).await.expect(200);
    let mut luz = Browser::new(&world, "main.localhost");
    luz.send("/signup", "/signup", &[("mail", "luz@sol.example")]).await.has("Look into your mail");
    let store = plane::store::Store::open(&world.store).await.unwrap();
    world
        .until("it could not be sent", async || {
            let letters = plane::store::mails::list(store.read(), 10).await.unwrap();
            letters.iter().any(|letter| letter.attempts == 1 && letter.error.is_some())
        })
        .await;
    settings["mail"]["port"] = port;
    world.post("/settings", settings).await.expect(200);
    world.clock.forward(1);
    world.post("/settings", json!({})).await.expect(200);
    let (_, letter) = post.letter().await;
    let link = path(&letter, &format!("http://main.localhost:{}", world.address.port()));
    let form = [("organisation", "Panadería El Sol"), ("name", "Luz"), ("password", "four words serve well")];
    luz.send(&link, &link, &form).await.has("Panadería El Sol");
    luz.send("/c/panaderia-el-sol/catalogue", "/c/panaderia-el-sol/catalogue/hola", &[]).await.has("hola-panaderia");
    world
        .until("it runs", async || world.installation("hola-panaderia-el-sol").await.state.to_string() == "running")
        .await;
}

#[tokio::test]
async fn a_password_of_a_mail_server_is_never_shown_and_never_sent_in_clear() {
    let world = World::new().await;
    let mail = json!({"host": "smtp.example.com", "security": "none", "user": "me", "password": "s3creto",
        "from": "me@example.com"});
    world.post("/settings", json!({"mail": mail})).await.refused(422, "bad-mail-server");
    let mut mail = mail;
    mail["security"] = json!("tls");
    let shown = world.post("/settings", json!({"mail": mail})).await.expect(200);
    assert!(!shown.text().contains("s3creto"), "{}", shown.text());
    let shown: Value = world.get("/settings").await.json();
    assert_eq!((&shown["mail"]["port"], &shown["mail"]["password"]), (&json!(465), &json!(true)));
    let kept = std::fs::read_dir(world.data.path()).unwrap().map(|entry| entry.unwrap().path());
    for file in kept.filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(7).any(|piece| piece == b"s3creto"), "{} holds it", file.display());
    }
}

#[tokio::test]
async fn a_new_password_does_not_stand_in_for_a_second_factor_and_changes_are_told() {
    let world = World::new().await;
    let mut post = Post::new();
    let (mut owner, _) = scene(&world).await;
    world.post("/settings", post.settings()).await.expect(200);
    let (secret, _) = set_up(&world, &mut owner).await;
    let (to, letter) = post.letter().await;
    assert_eq!(to, "ana@acme.example");
    assert!(letter.contains("authenticator app was set up"), "{letter}");
    world.clock.forward(1);
    let mut thief = Browser::new(&world, "localhost");
    thief.send("/password", "/password", &[("mail", "ana@acme.example")]).await.has("If ana@acme.example");
    let (_, letter) = post.letter().await;
    let link = path(&letter, &format!("http://localhost:{}", world.address.port()));
    let page = thief.send(&link, &link, &[("password", "another four words")]).await;
    assert_eq!(page.path, "/login/code?to=%2F");
    assert!(thief.open("/account").await.path.starts_with("/login"));
    let right = code(&world, &secret);
    thief.send("/login/code", "/login/code", &[("code", &right), ("to", "/account")]).await.has("Where you are");
}

#[tokio::test]
async fn another_mail_address_is_theirs_when_its_link_is_opened_and_not_before() {
    let world = World::new().await;
    let mut post = Post::new();
    let (mut owner, mut admin) = scene(&world).await;
    owner.open("/account").await.has("It can be changed once this platform can send mail");
    world.post("/settings", post.settings()).await.expect(200);
    let site = format!("http://localhost:{}", world.address.port());
    let ask = async |owner: &mut Browser<'_>, mail: &str, proof: &str| {
        owner.send("/account", "/account/mail", &[("mail", mail), ("proof", proof)]).await
    };
    ask(&mut owner, "ana@new.example", "wrong").await.has("neither your password nor a code");
    assert_eq!(ask(&mut owner, "ANA@acme.example", PASSWORD).await.status, 409, "the one that they have");
    ask(&mut owner, "Ana@New.example", PASSWORD).await.has("A link is on its way");
    let (to, letter) = post.letter().await;
    assert_eq!(to, "ana@new.example");
    let link = path(&letter, &site);
    owner.open("/account").await.has("You log in with ana@acme.example");

    // Nobody else takes it: not without logging in, and not as somebody else.
    let mut stranger = Browser::new(&world, "localhost");
    assert!(stranger.open(&link).await.path.starts_with("/login?to=%2Faccount%2Fmail%2F"));
    let body = json!({"mail": "bo@acme.example", "role": "developer", "publisher": "acme"});
    join(&world, &mut stranger, body).await.has("Acme Software");
    assert_eq!(post.letter().await.0, "bo@acme.example");
    assert_eq!(stranger.open(&link).await.status, 409);
    assert_eq!(stranger.send("/account", &link, &[]).await.status, 409);
    assert_eq!(admin.open(&link).await.status, 409, "nor in a portal");

    // A link for a new password that went to the old address stops working.
    stranger.send("/password", "/password", &[("mail", "ana@acme.example")]).await.has("If ana@acme.example");
    let (_, letter) = post.letter().await;
    let reset = path(&letter, &site);
    let (mut elsewhere, _) = log_in(&world, "ana@acme.example").await;
    owner.open(&link).await.has("ana@acme.example").has("ana@new.example").has("Take this address");
    owner.send(&link, &link, &[]).await.has("You log in with ana@new.example");
    let (to, letter) = post.letter().await;
    assert_eq!(to, "ana@acme.example", "the old address is told");
    assert!(letter.contains("ana@new.example"), "{letter}");
    assert_eq!(owner.send("/account", &link, &[]).await.status, 404, "it works once");
    assert!(elsewhere.open("/account").await.path.starts_with("/login"), "their other sessions have ended");
    assert_eq!(elsewhere.send(&reset, &reset, &[("password", "a thief chooses this")]).await.status, 404);
    let (_, page) = log_in(&world, "ana@acme.example").await;
    assert_eq!(page.status, 422);
    let (_, page) = log_in(&world, "ana@new.example").await;
    page.has("ana@new.example").has("Where you are logged in");
    owner.open("/p/acme/team").await.has("ana@new.example");
    let events = world.get("/events?verb=person.mail&limit=10").await.text();
    assert!(events.contains("ana@acme.example") && events.contains("ana@new.example"), "{events}");
}

#[tokio::test]
async fn an_address_that_has_an_account_is_not_taken_and_the_api_asks_for_a_person() {
    let world = World::new().await;
    let mut post = Post::new();
    let (mut owner, _) = scene(&world).await;
    let mut other = Browser::new(&world, "localhost");
    let body = json!({"mail": "bo@acme.example", "role": "developer", "publisher": "acme"});
    join(&world, &mut other, body).await.has("Acme Software");
    world.post("/me/mail", json!({"mail": "x@y.example", "proof": "x"})).await.refused(403, "not-personal");
    let form = [("name", "laptop"), ("days", "10"), ("role", ""), ("manage", "on")];
    let made = owner.send("/p/acme/tokens", "/p/acme/tokens", &form).await;
    let token = Some(format!("vct_{}", made.after("readonly value=\"vct_")));
    let ask = async |mail: &str, proof: &str| {
        let body = json!({"mail": mail, "proof": proof}).to_string().into_bytes();
        crate::roles::ask(&world, token.as_deref(), reqwest::Method::POST, "/me/mail", Some(body)).await
    };
    ask("bo@acme.example", PASSWORD).await.refused(409, "no-mail-for-change");
    world.post("/settings", post.settings()).await.expect(200);
    // Who does not show who they are uses up nobody's letters.
    for _ in 0..6 {
        ask("bo@acme.example", "wrong").await.refused(422, "wrong-proof");
    }
    let (to, letter) = post.letter().await;
    assert!(to == "ana@acme.example" && letter.contains("several wrong codes or passwords"), "{letter}");
    let events = world.get("/events?verb=person.prove&limit=10&outcome=refused").await.text();
    assert_eq!(events.matches("wrong-proof").count(), 6, "{events}");
    ask("nonsense", PASSWORD).await.refused(422, "bad-mail");
    // Whether it has an account, only its owner is told.
    let told: Value = ask("bo@acme.example", PASSWORD).await.expect(202).json();
    assert_eq!(told, json!({"mail": "bo@acme.example"}));
    let (to, letter) = post.letter().await;
    assert_eq!(to, "bo@acme.example");
    let link = path(&letter, &format!("http://localhost:{}", world.address.port()));
    let page = owner.send(&link, &link, &[]).await;
    assert_eq!(page.status, 409);
    page.has("has an account already");
    owner.cookies.insert("language".into(), "es".into());
    ask("bo@acme.example", PASSWORD).await.expect(202);
    let link = path(&post.letter().await.1, &format!("http://localhost:{}", world.address.port()));
    owner.send(&link, &link, &[]).await.has("elija otra o entre con esa cuenta");
    owner.cookies.insert("language".into(), "en".into());
    owner.open("/account").await.has("You log in with ana@acme.example");
    for count in 0..3 {
        ask(&format!("ana{count}@new.example"), PASSWORD).await.expect(202);
        assert_eq!(post.letter().await.0, format!("ana{count}@new.example"));
    }
    ask("ana9@new.example", PASSWORD).await.refused(429, "too-many-letters");
    // Whose address it is can ask for a new password still.
    other.send("/password", "/password", &[("mail", "bo@acme.example")]).await.has("If bo@acme.example");
    assert_eq!(post.letter().await.0, "bo@acme.example");
}

#[tokio::test]
async fn a_letter_to_an_address_that_somebody_wants_has_nothing_that_they_wrote() {
    let world = World::new().await;
    let mut post = Post::new();
    let (mut owner, _) = scene(&world).await;
    world.post("/settings", post.settings()).await.expect(200);
    let form = [("name", "Bank: see https://evil.example www.evil.example"), ("language", "en"), ("time_zone", "UTC")];
    owner.send("/account", "/account", &form).await.has("evil.example");
    let form = [("mail", "victim@x.example"), ("proof", PASSWORD)];
    owner.send("/account", "/account/mail", &form).await.has("A link is on its way");
    let (to, letter) = post.letter().await;
    assert_eq!(to, "victim@x.example");
    assert!(!letter.contains("evil.example") && !letter.contains("Bank"), "{letter}");
    assert!(letter.contains("press “Take this address”"), "{letter}");
    // The administrators of a customer read names of people whom they do not know.
    let mut guest = Browser::new(&world, "acme.localhost");
    let body = json!({"mail": "x@mail.example", "role": "customer-user", "publisher": "acme", "customer": "sol"});
    let invited: plane::wire::Invitation = world.post("/invitations", body).await.expect(201).json();
    let link = format!("/join/{}", invited.link.unwrap().rsplit('/').next().unwrap());
    assert_eq!(post.letter().await.0, "x@mail.example");
    let form = [("name", "Bank www.evil.example https://evil.example"), ("password", PASSWORD)];
    guest.send(&link, &link, &form).await.has("Panadería El Sol");
    let (to, letter) = post.letter().await;
    assert_eq!(to, "luz@sol.example");
    assert!(letter.contains("Bank (x@mail.example)") && !letter.contains("evil"), "{letter}");
}

#[tokio::test]
async fn wrong_passwords_on_ones_own_page_are_told_and_are_in_the_audit() {
    let world = World::new().await;
    let mut post = Post::new();
    let (mut owner, _) = scene(&world).await;
    world.post("/settings", post.settings()).await.expect(200);
    let mut guess = async |old: &str| {
        owner.send("/account", "/account/password", &[("old", old), ("new", "another four words")]).await
    };
    for _ in 0..5 {
        guess("guess").await.has("the old password is not right");
    }
    let (to, letter) = post.letter().await;
    assert_eq!(to, "ana@acme.example");
    assert!(letter.starts_with("Your account: somebody tries codes"), "{letter}");
    let events = world.get("/events?verb=person.password&limit=10&outcome=refused").await.text();
    assert_eq!(events.matches("wrong-old-password").count(), 5, "{events}");
    for _ in 0..5 {
        guess("guess").await;
    }
    assert_eq!(guess(PASSWORD).await.status, 429, "also the right one waits");
    world.clock.forward(1);
    guess(PASSWORD).await;
    log_in(&world, "ana@acme.example").await.1.has("not right");
}

#[tokio::test]
async fn whose_codes_are_guessed_hears_of_it_once_in_an_hour() {
    let world = World::new().await;
    let mut post = Post::new();
    let (mut owner, _) = scene(&world).await;
    set_up(&world, &mut owner).await;
    world.post("/settings", post.settings()).await.expect(200);
    let guess = async |count: usize| {
        let (mut thief, _) = log_in(&world, "ana@acme.example").await;
        for _ in 0..count {
            thief.send("/login/code", "/login/code", &[("code", "000000"), ("to", "/")]).await;
        }
    };
    guess(4).await;
    let open = async |browser: &mut Browser<'_>| {
        // Nothing but this letter was written meanwhile.
        browser.send_open("/password", &[("mail", "ana@acme.example")]).await;
    };
    let mut browser = Browser::new(&world, "localhost");
    open(&mut browser).await;
    assert!(post.letter().await.1.starts_with("A new password"), "four may be a mistake");
    guess(4).await;
    let (to, letter) = post.letter().await;
    assert_eq!(to, "ana@acme.example");
    assert!(letter.starts_with("Your account: somebody tries codes"), "{letter}");
    open(&mut browser).await;
    assert!(post.letter().await.1.starts_with("A new password"), "one letter, however many they try");
    world.clock.forward(1);
    guess(5).await;
    assert!(post.letter().await.1.starts_with("Your account: somebody tries codes"), "an hour later again");
    // Who found a browser open guesses the password there.
    world.clock.forward(1);
    for _ in 0..5 {
        owner.send("/account/security", "/account/security/app/off", &[("proof", "guess")]).await;
    }
    assert!(post.letter().await.1.starts_with("Your account: somebody tries codes"));
}

#[tokio::test]
async fn administrators_of_a_customer_hear_who_comes_in_and_who_lets_support_in() {
    let world = World::new().await;
    let mut post = Post::new();
    let (_, mut admin) = scene(&world).await;
    world.post("/settings", post.settings()).await.expect(200);
    // Somebody of support has another address, which nobody can tell.
    let mut second = Browser::new(&world, "acme.localhost");
    let body = json!({"mail": "x@mail.example", "role": "customer-admin", "publisher": "acme", "customer": "sol"});
    join(&world, &mut second, body).await.has("Panadería El Sol");
    assert_eq!(post.letter().await.0, "x@mail.example", "the invitation");
    let (to, letter) = post.letter().await;
    assert_eq!(to, "luz@sol.example");
    assert!(letter.contains("(x@mail.example) is one of the people of Panadería El Sol now, as an admin"), "{letter}");
    assert!(letter.contains("/c/sol/people"), "{letter}");
    let here = "/c/sol/installations/hola-sol";
    second.send(here, &format!("{here}/leave"), &[("hours", "24")]).await.has("lets support open it");
    let mut told = [post.letter().await, post.letter().await];
    told.sort();
    assert_eq!([told[0].0.as_str(), &told[1].0], ["luz@sol.example", "x@mail.example"]);
    let letter = &told[0].1;
    assert!(letter.contains("x@mail.example lets support open hola-sol for 24 hours"), "{letter}");
    // Who is thrown out hears of nothing, but whoever is left does.
    let members: plane::wire::Page<plane::wire::Member> =
        world.get("/members?publisher=acme&customer=sol").await.json();
    let x = members.items.iter().find(|one| one.mail == "x@mail.example").unwrap();
    admin.send("/c/sol/people", &format!("/c/sol/people/{}/role", x.id), &[("role", "customer-user")]).await;
    assert!(post.letter().await.1.contains("It was luz@sol.example who decided that"));
    world.delete("/members/x@mail.example?publisher=acme&customer=sol").await.expect(204);
    let (to, letter) = post.letter().await;
    assert_eq!(to, "luz@sol.example");
    assert!(letter.contains("is no longer one of the people"), "{letter}");
}

#[tokio::test]
async fn nobody_of_the_publisher_is_a_customers_person_and_lets_themselves_in() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let mut support = Browser::new(&world, "localhost");
    let body = json!({"mail": "sue@acme.example", "role": "support", "publisher": "acme"});
    join(&world, &mut support, body).await.has("Acme Software");
    // An invitation to their own address.
    let invite = |mail: &str| json!({"mail": mail, "role": "customer-admin", "publisher": "acme", "customer": "sol"});
    let invited: plane::wire::Invitation =
        world.post("/invitations", invite("sue@acme.example")).await.expect(201).json();
    let link = format!("/join/{}", invited.link.unwrap().rsplit('/').next().unwrap());
    let mut portal = Browser::new(&world, "acme.localhost");
    let form = [("name", "Sue"), ("password", PASSWORD)];
    let page = portal.send(&link, &link, &form).await;
    assert_eq!(page.status, 403);
    page.has("works at the publisher");
    // Who was of the customer before they came to work there: they stay, and let nobody in.
    let body = json!({"mail": "luz@sol.example", "role": "support", "publisher": "acme"});
    let mut luz = Browser::new(&world, "localhost");
    join(&world, &mut luz, body).await.has("Acme Software");
    let here = "/c/sol/installations/hola-sol";
    let page = admin.send(here, &format!("{here}/leave"), &[("hours", "1")]).await;
    assert_eq!(page.status, 403);
    page.has("cannot let itself in");
    assert_eq!(owner.send("/p/acme/tickets/1", "/p/acme/tickets/1/open", &[]).await.status, 404, "no leave serves");
    world.delete("/members/luz@sol.example?publisher=acme").await.expect(204);
    admin.send(here, &format!("{here}/leave"), &[("hours", "1")]).await.has("lets support open it");
    // A portal is tried out as a customer of one's own.
    let mut post = Post::new();
    world.post("/settings", post.settings()).await.expect(200);
    portal.send("/signup", "/signup", &[("mail", "sue@acme.example")]).await.has("Look into your mail");
    let (_, letter) = post.letter().await;
    let link = path(&letter, &format!("http://acme.localhost:{}", world.address.port()));
    let form = [("organisation", "Trying"), ("name", "Sue"), ("password", PASSWORD)];
    portal.send(&link, &link, &form).await.has("Trying");
}

#[tokio::test]
async fn a_publisher_sends_so_many_invitations_and_in_its_own_name_only() {
    let world = World::new().await;
    let mut post = Post::new();
    let (_, _) = scene(&world).await;
    world.post("/settings", post.settings()).await.expect(200);
    let owners = json!({"name": "urgent: https://evil.example", "role": "owner", "publisher": "acme"});
    let token: plane::wire::NewToken = world.post("/tokens", owners).await.expect(201).json();
    let ask = async |path: &str, body: Value| {
        let body = Some(body.to_string().into_bytes());
        crate::roles::ask(&world, Some(&token.secret), reqwest::Method::POST, path, body).await
    };
    let named = json!({"mail_name": "Bank of Sol <ceo@bank.example> via"});
    ask("/publishers/acme/branding", named).await.expect(200);
    let to = |mail: String| json!({"mail": mail, "role": "customer-user", "customer": "sol"});
    for count in 0..100 {
        ask("/invitations", to(format!("p{count}@sol.example"))).await.expect(201);
    }
    ask("/invitations", to("p100@sol.example".into())).await.refused(429, "too-many-invitations");
    let letter = post.next().await;
    assert_eq!(letter["headers"]["from"], "Bank of Sol via vClouden <noreply@example.com>");
    let text = letter["text"].as_str().unwrap();
    assert!(text.contains("token urgent invites you") && !text.contains("evil"), "{text}");
    // Another publisher's are counted for themselves, and who runs the platform is not held back.
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    let body = json!({"name": "t", "role": "owner", "publisher": "zulu"});
    let other: plane::wire::NewToken = world.post("/tokens", body).await.expect(201).json();
    let body = || Some(json!({"mail": "d@zulu.example", "role": "developer"}).to_string().into_bytes());
    let invite =
        async || crate::roles::ask(&world, Some(&other.secret), reqwest::Method::POST, "/invitations", body()).await;
    for _ in 0..5 {
        invite().await.expect(201);
    }
    invite().await.refused(429, "too-many-invitations");
    world.post("/invitations", json!({"mail": "d@x.example", "role": "owner", "publisher": "acme"})).await.expect(201);
    world.clock.forward(1);
    ask("/invitations", to("p100@sol.example".into())).await.expect(201);
}

#[tokio::test]
async fn a_customers_people_use_up_none_of_the_invitations_of_its_publisher() {
    let world = World::new().await;
    let post = Post::new();
    let (_, _) = scene(&world).await;
    world.post("/settings", post.settings()).await.expect(200);
    world.post("/customers", json!({"slug": "luna", "publisher": "acme"})).await.expect(201);
    let token = async |role: &str, customer: Value| {
        let body = json!({"name": role, "role": role, "publisher": "acme", "customer": customer});
        let made: plane::wire::NewToken = world.post("/tokens", body).await.expect(201).json();
        made.secret
    };
    let (sol, luna) = (token("customer-admin", json!("sol")).await, token("customer-admin", json!("luna")).await);
    let owner = token("owner", json!(null)).await;
    let ask = async |token: &str, mail: String, customer: &str| {
        let body = json!({"mail": mail, "role": "customer-user", "customer": customer}).to_string().into_bytes();
        crate::roles::ask(&world, Some(token), reqwest::Method::POST, "/invitations", Some(body)).await
    };
    for count in 0..20 {
        ask(&sol, format!("p{count}@sol.example"), "sol").await.expect(201);
    }
    // What is refused is not counted: another customer and the publisher go on.
    for _ in 0..100 {
        ask(&sol, "p20@sol.example".into(), "sol").await.refused(429, "too-many-invitations");
    }
    ask(&luna, "p20@sol.example".into(), "luna").await.expect(201);
    ask(&owner, "p20@sol.example".into(), "sol").await.expect(201);
    // Whom they have invited too often can be invited by the publisher still, and gets a new password.
    for _ in 0..4 {
        ask(&luna, "p20@sol.example".into(), "luna").await.expect(201);
    }
    ask(&luna, "p20@sol.example".into(), "luna").await.refused(429, "too-many-invitations");
    ask(&owner, "p20@sol.example".into(), "sol").await.expect(201);
    let mut browser = Browser::new(&world, "acme.localhost");
    browser.send("/password", "/password", &[("mail", "p20@sol.example")]).await.has("If p20@sol.example");
}
