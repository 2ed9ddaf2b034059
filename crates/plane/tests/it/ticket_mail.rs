//! A ticket that goes back and forth by mail: out through a real mail server, in through `POST /mail`.

use plane::wire::{MailTaken, NewToken, Page, Ticket, TicketMessage};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Post;

use crate::pages::{Browser, join, scene};
use crate::world::{Got, TOKEN, World};

/// Settings with which letters go out and come in.
pub fn settings(post: &Post) -> Value {
    let mut settings = post.settings();
    settings["incoming"] = json!({"address": "support@example.com"});
    settings
}

/// A letter as people's programs write it, with a body that stands for itself.
pub fn letter(from: &str, to: &str, id: &str, rest: &str) -> Vec<u8> {
    let head = format!("From: {from}\nTo: {to}\nSubject: Re: x\nMessage-ID: {id}\nMIME-Version: 1.0\n{rest}");
    head.replace('\n', "\r\n").into_bytes()
}

async fn hand_over(world: &World, token: &str, letter: Vec<u8>) -> Got {
    let request = world.http.request(Method::POST, world.url("/mail")).bearer_auth(token);
    world.send(request.header("content-type", "message/rfc822").body(letter)).await
}

async fn taken(world: &World, letter: Vec<u8>) -> MailTaken {
    hand_over(world, TOKEN, letter).await.expect(200).json()
}

pub async fn texts(world: &World, ticket: &str) -> Vec<String> {
    let page: Page<TicketMessage> = world.get(&format!("/tickets/{ticket}/messages")).await.expect(200).json();
    page.items.into_iter().map(|one| one.text).collect()
}

/// What a letter says in that header.
pub fn header(letter: &Value, name: &str) -> String {
    letter["headers"][name].as_str().unwrap_or_else(|| panic!("no {name}: {letter}")).to_owned()
}

/// Customer and owner with a ticket that the customer opened; the owner's letter.
pub async fn asked<'a>(world: &'a World, post: &mut Post) -> (Browser<'a>, Browser<'a>, Value) {
    let (owner, mut admin) = scene(world).await;
    world.post("/settings", settings(post)).await.expect(200);
    admin.send("/account", "/account", &[("name", "Luz"), ("language", "es"), ("time_zone", "UTC")]).await.has("Luz");
    let fields = [("subject", "It is slow"), ("text", "Since Monday")];
    let form = crate::pages::Multi { fields: &fields, files: &[("a.txt", b"hello")] };
    admin.send_files("/c/sol/tickets/new", "/c/sol/tickets", form).await.has("It is slow");
    let first = post.next().await;
    (owner, admin, first)
}

#[tokio::test]
async fn a_ticket_goes_back_and_forth_in_the_language_of_each() {
    let world = World::new().await;
    let mut post = Post::new();
    let (_, _, first) = asked(&world, &mut post).await;
    assert_eq!(
        (first["to"][0].as_str(), first["subject"].as_str()),
        (Some("ana@acme.example"), Some("[#2] It is slow"))
    );
    let text = first["text"].as_str().unwrap();
    assert!(text.contains("Write your answer above this line") && text.contains("Luz (Panadería El Sol):"), "{text}");
    assert!(text.contains("Since Monday") && text.contains("One file came with it"), "{text}");
    assert!(text.contains("/p/acme/tickets/2"), "{text}");
    assert_eq!(header(&first, "auto-submitted"), "auto-generated");
    let to_owner = header(&first, "reply-to");
    assert!(
        to_owner.starts_with("support+") && to_owner.ends_with("@example.com") && to_owner.len() < 64,
        "{to_owner}"
    );

    // The owner answers by mail, above what is quoted.
    let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
    let body =
        format!("Content-Type: text/plain; charset=utf-8\n\nSalud 😀, mañana.\n\nOn Monday, Luz wrote:\n{quoted}");
    let answer = letter("Ana <ANA@acme.example>", &to_owner, "<1@acme.example>", &body);
    let kept = taken(&world, answer.clone()).await;
    assert!(kept.taken, "{kept:?}");
    assert_eq!(texts(&world, "acme:2").await, ["Since Monday", "Salud 😀, mañana."]);
    assert_eq!(taken(&world, answer).await.why.unwrap(), "it was taken before");
    let ticket: Ticket = world.get("/tickets/acme:2").await.json();
    assert_eq!(ticket.state.to_string(), "waiting");

    let second = post.next().await;
    assert_eq!(second["to"][0], "luz@sol.example");
    let text = second["text"].as_str().unwrap();
    assert!(text.contains("Escriba su respuesta por encima") && text.contains("/c/sol/tickets/2"), "{text}");
    assert!(text.contains("Ana Núñez (Acme Software):") && text.contains("Salud 😀, mañana."), "{text}");
    // Both are in one thread, for those who have both and for those who have one.
    let root = format!("<{}@example.com>", ticket.id);
    assert_eq!(header(&first, "references"), root);
    assert_eq!(header(&second, "references"), format!("{root} {}", header(&first, "message-id")));
    assert_eq!(header(&second, "in-reply-to"), header(&first, "message-id"));
    let to_luz = header(&second, "reply-to");
    assert_ne!(to_luz, to_owner, "each has an address of their own");

    let html = "Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/html; charset=iso-8859-1\n\
        Content-Transfer-Encoding: quoted-printable\n\n<p>Ma=F1ana <b>no</b></p><script>alert(1)</script>\n--b\n\
        Content-Type: application/pdf; name=\"=?utf-8?B?YcOxby5wZGY=?=\"\nContent-Transfer-Encoding: base64\n\
        Content-Disposition: attachment\n\naGVsbG8=\n--b--\n";
    assert!(taken(&world, letter("luz@sol.example", &to_luz, "<2@sol.example>", html)).await.taken);
    let page: Page<TicketMessage> = world.get("/tickets/acme:2/messages").await.json();
    let last = page.items.last().unwrap();
    assert!(last.text.starts_with("Mañana no") && !last.text.contains('<') && last.by_mail, "{last:?}");
    assert_eq!((last.attachments[0].name.as_str(), last.attachments[0].bytes), ("año.pdf", 5));
    assert_eq!(world.get("/tickets/acme:2").await.json::<Ticket>().state.to_string(), "open");
    let third = post.next().await;
    assert_eq!(
        header(&third, "in-reply-to"),
        "<1@acme.example>".to_owned().as_str().to_owned(),
        "what they sent themselves"
    );
    assert_eq!(header(&third, "reply-to"), to_owner, "it stays the same");

    // 8-bit without saying what it is; and a ticket that is over is not opened again, nothing is lost.
    world.post("/tickets/acme:2", json!({"state": "closed"})).await.expect(200);
    let kept = taken(&world, letter("luz@sol.example", &to_luz, "<3@sol.example>", "\nY además: ñandú\n")).await;
    let follow: Ticket = world.get(&format!("/tickets/{}", kept.ticket.unwrap())).await.json();
    assert_eq!((follow.number, follow.subject.as_str(), follow.state.to_string().as_str()), (3, "It is slow", "open"));
    assert_eq!(texts(&world, "acme:3").await, ["Y además: ñandú"]);
}

#[tokio::test]
async fn nobody_else_writes_in_a_ticket_and_machines_are_not_answered() {
    let world = World::new().await;
    let mut post = Post::new();
    let (_, _, first) = asked(&world, &mut post).await;
    let to = header(&first, "reply-to");
    let mut number = 0;
    let mut refused = async |from: &str, to: &str, rest: &str, why: &str| {
        number += 1;
        let got = taken(&world, letter(from, to, &format!("<{number}@x.example>"), rest)).await;
        assert!(!got.taken && got.why.as_deref().unwrap().contains(why), "{got:?}");
    };
    let ana = "ana@acme.example";
    refused("luz@sol.example", &to, "\nx", "not whom").await;
    refused("eve@evil.example", &to, "\nx", "not whom").await;
    refused(ana, "support@example.com", "\nx", "no address").await;
    refused(ana, "support+0123456789abcdef0123456789abcdef@example.com", "\nx", "no address").await;
    refused(ana, &to.replace("@example.com", "@evil.example"), "\nx", "no address").await;
    refused("Ana <ana@acme.example>, eve@evil.example", &to, "\nx", "no letter").await;
    refused("noreply@example.com", &to, "\nx", "our own").await;
    refused("support@example.com", &to, "\nx", "our own").await;
    refused(&to, &to, "\nx", "our own").await;
    refused(ana, &to, "\n\n", "says nothing").await;
    for header in ["Auto-Submitted: auto-replied", "Precedence: bulk", "Return-Path: <>", "List-Id: <x>"] {
        refused(ana, &to, &format!("{header}\n\nx"), "").await;
    }
    assert_eq!(texts(&world, "acme:2").await, ["Since Monday"]);
    // Only the wrong sender is in the publisher's audit, and not in the customer's.
    let events: Page<plane::wire::Event> = world.get("/events?limit=500").await.json();
    let mail: Vec<_> = events.items.iter().filter(|event| event.verb == "mail.receive").collect();
    assert_eq!(mail.len(), 2);
    assert!(mail.iter().all(|event| event.customer.is_none() && event.publisher.is_some()));

    // Who left can no longer.
    let mut other = Browser::new(&world, "localhost");
    join(&world, &mut other, json!({"mail": "eva@acme.example", "role": "owner", "publisher": "acme"})).await;
    let members: Page<plane::wire::Member> = world.get("/members?publisher=acme").await.json();
    let ana_id = members.items.iter().find(|one| one.mail == ana).unwrap().id;
    world.delete(&format!("/members/{ana_id}?publisher=acme")).await.expect(204);
    refused(ana, &to, "\nx", "no part").await;

    hand_over(&world, TOKEN, vec![b'x'; 20 << 20]).await.refused(413, "too-large");
    let nested = "From: ana@acme.example\nContent-Type: message/rfc822\n\n".repeat(200_000);
    assert!(!taken(&world, nested.into_bytes()).await.taken);
    assert!(!taken(&world, b"\0\xff\r\n\r\n".to_vec()).await.taken);
}

#[tokio::test]
async fn a_token_for_mail_hands_letters_over_and_reads_nothing() {
    let world = World::new().await;
    scene(&world).await;
    let body = json!({"name": "mail", "role": "operator", "scopes": ["mail"]});
    let token = world.post("/tokens", body).await.expect(201).json::<NewToken>().secret;
    let got = hand_over(&world, &token, letter("a@b.example", "c@d.example", "<1@b>", "\nx")).await.expect(200);
    assert!(!got.json::<MailTaken>().taken);
    for path in ["/tickets", "/me", "/customers", "/settings"] {
        let request = world.http.get(world.url(path)).bearer_auth(&token);
        world.send(request).await.refused(403, "scope");
    }
    let owners = json!({"name": "mail", "role": "owner", "publisher": "acme"});
    let owners = world.post("/tokens", owners).await.expect(201).json::<NewToken>().secret;
    hand_over(&world, &owners, letter("a@b.example", "c@d.example", "<1@b>", "\nx")).await.refused(403, "forbidden");
    world.post("/settings", json!({"incoming": {"address": "a+b@c.example"}})).await.refused(422, "bad-mailbox");
    let imap = json!({"host": "imap.example.com", "security": "none", "user": "me", "password": "s3creto"});
    let far = json!({"incoming": {"address": "a@c.example", "imap": imap}});
    world.post("/settings", far).await.refused(422, "bad-mailbox");
}

#[tokio::test]
async fn support_comes_in_by_leave_and_only_while_it_serves() {
    let world = World::new().await;
    let (mut owner, mut admin) = scene(&world).await;
    let refused = owner.send("/p/acme/tickets/1", "/p/acme/tickets/1/open", &[]).await;
    assert_eq!(refused.status, 404);
    refused.has("no leave serves");
    let here = "/c/sol/installations/hola-sol";
    admin.send(here, &format!("{here}/leave"), &[("hours", "1")]).await.has("lets support open it");
    owner.open("/p/acme/tickets/1").await.has("Open as support");
    owner.send("/p/acme/tickets/1", "/p/acme/tickets/1/open", &[]).await.has("http://hola-sol.localhost:8080");
    let body = json!({"name": "x", "role": "customer-admin", "publisher": "acme", "customer": "sol"});
    let theirs = world.post("/tokens", body).await.expect(201).json::<NewToken>().secret;
    let got = world.send(world.http.get(world.url("/events?limit=500")).bearer_auth(theirs)).await;
    let events: Page<plane::wire::Event> = got.json();
    let opened = events.items.iter().find(|event| event.verb == "installation.open").expect("the customer sees it");
    assert_eq!((opened.actor.as_str(), &opened.detail["support"]), ("ana@acme.example", &json!(true)));
    assert!(opened.detail["leave"].as_str().unwrap().contains("luz@sol.example"));
    world.clock.forward(1);
    assert_eq!(owner.send("/p/acme/tickets/1", "/p/acme/tickets/1/open", &[]).await.status, 404);
}

#[tokio::test]
async fn a_customer_opens_a_ticket_by_mail_and_goes_on_with_it() {
    let world = World::new().await;
    let mut post = Post::new();
    let (mut owner, mut admin) = scene(&world).await;
    world.post("/settings", settings(&post)).await.expect(200);
    let to = "support+acme@example.com";
    owner.open("/p/acme/tickets").await.has(to);
    admin.open("/c/sol/tickets").await.has(to);
    let branding = world.get("/publishers/acme/branding").await.json::<Value>();
    assert_eq!(branding["ticket_address"], to);

    let body = "Subject: Re: =?utf-8?B?wr9Qb3IgcXXDqT8=?=\n\nThe till is dead.\n";
    let first = letter("Luz <LUZ@sol.example>", to, "<1@sol.example>", body).to_vec();
    // The subject that `letter` writes goes, for this one.
    let first = String::from_utf8(first).unwrap().replace("Subject: Re: x\r\n", "").into_bytes();
    let kept = taken(&world, first.clone()).await;
    let ticket: Ticket = world.get(&format!("/tickets/{}", kept.ticket.unwrap())).await.json();
    assert_eq!((ticket.subject.as_str(), ticket.customer.as_str()), ("¿Por qué?", "sol"));
    assert_eq!(texts(&world, "acme:2").await, ["The till is dead."]);
    assert_eq!(taken(&world, first).await.why.unwrap(), "it was taken before");
    // The owner is told, and so is she, with an address to go on.
    let letters = [post.next().await, post.next().await];
    let of =
        |mail: &str| letters.iter().find(|letter| letter["to"][0] == mail).unwrap_or_else(|| panic!("{letters:?}"));
    assert!(of("ana@acme.example")["text"].as_str().unwrap().contains("The till is dead."));
    let confirmed = of("luz@sol.example");
    assert!(confirmed["text"].as_str().unwrap().contains("ticket #2"), "{confirmed}");
    assert_eq!(header(confirmed, "auto-submitted"), "auto-generated");
    assert_eq!(header(confirmed, "in-reply-to"), "<1@sol.example>");
    let reply = header(confirmed, "reply-to");
    assert!(taken(&world, letter("luz@sol.example", &reply, "<2@sol.example>", "\nStill.\n")).await.taken);
    post.next().await;
    // Who answers a letter of their own goes on with that ticket, too.
    let more = letter("luz@sol.example", to, "<3@sol.example>", "In-Reply-To: <1@sol.example>\n\nAnd loud.\n");
    assert!(taken(&world, more).await.taken);
    assert_eq!(texts(&world, "acme:2").await, ["The till is dead.", "Still.", "And loud."]);
    let other = letter("luz@sol.example", to, "<4@sol.example>", "In-Reply-To: <x@evil.example>\n\nAnother\n");
    let other: Ticket = world.get(&format!("/tickets/{}", taken(&world, other).await.ticket.unwrap())).await.json();
    assert_eq!(other.number, 3);
}

#[tokio::test]
async fn who_is_at_several_customers_is_asked_for_which() {
    let world = World::new().await;
    let mut post = Post::new();
    let (_, mut admin) = scene(&world).await;
    world.post("/settings", settings(&post)).await.expect(200);
    let to = "support+acme@example.com";
    let first = letter("luz@sol.example", to, "<1@sol.example>", "\nOf the till\n");
    let first: Ticket = world.get(&format!("/tickets/{}", taken(&world, first).await.ticket.unwrap())).await.json();
    post.next().await;
    post.next().await;
    // She is at another one, too, whose short name comes first.
    world.post("/customers", json!({"publisher": "acme", "slug": "luna"})).await.expect(201);
    let body = json!({"mail": "luz@sol.example", "role": "customer-admin", "publisher": "acme", "customer": "luna"});
    world.post("/invitations", body).await.expect(201);
    let invited = post.next().await;
    let text = invited["text"].as_str().unwrap();
    let path = text[text.find("/join/").unwrap()..].split_whitespace().next().unwrap();
    admin.send(path, path, &[]).await;

    let kept = taken(&world, letter("luz@sol.example", to, "<2@sol.example>", "\nsecret of sol\n")).await;
    assert!(!kept.taken && kept.why.as_deref().unwrap().contains("at several customers; they are told"), "{kept:?}");
    let told = post.next().await;
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("/c/luna/tickets/new") && text.contains("/c/sol/tickets/new"), "{text}");
    let again = taken(&world, letter("luz@sol.example", to, "<3@sol.example>", "\nagain\n")).await;
    assert!(again.why.unwrap().contains("told before"));
    // An answer says by itself for whom.
    let answer = letter("luz@sol.example", to, "<4@sol.example>", "In-Reply-To: <1@sol.example>\n\nAnd loud.\n");
    assert_eq!(taken(&world, answer).await.ticket.unwrap(), first.id);
    let all: Page<Ticket> = world.get("/tickets").await.json();
    assert!(all.items.iter().all(|ticket| ticket.customer.as_str() == "sol"), "{all:?}");
}

#[tokio::test]
async fn strangers_are_told_once_and_machines_never() {
    let world = World::new().await;
    let mut post = Post::new();
    scene(&world).await;
    world.post("/publishers", json!({"slug": "zulu"})).await.expect(201);
    world.post("/settings", settings(&post)).await.expect(200);
    let to = "support+acme@example.com";
    let send = async |from: &str, to: &str, id: u32, rest: &str| {
        taken(&world, letter(from, to, &format!("<{id}@x.example>"), rest)).await.why.unwrap()
    };
    for (header, id) in
        [("Auto-Submitted: auto-replied", 1), ("Precedence: bulk", 2), ("List-Id: <x>", 3), ("Return-Path: <>", 4)]
    {
        let why = send("eve@evil.example", to, id, &format!("{header}\n\nx")).await;
        assert!(!why.contains("told"), "{why}");
    }
    assert!(send("mailer-daemon@evil.example", to, 5, "\nx").await.contains("nobody is told"));
    assert!(send("noreply@example.com", to, 6, "\nx").await.contains("our own"));
    assert!(send("eve@evil.example", "support+nobody@example.com", 7, "\nx").await.contains("no address"));
    assert!(send("eve@evil.example", to, 8, "\nx").await.contains("they are told"));
    let told = post.next().await;
    assert_eq!(told["to"][0], "eve@evil.example");
    assert!(told["text"].as_str().unwrap().contains("Nobody has read your letter"), "{told}");
    assert_eq!(
        (header(&told, "auto-submitted").as_str(), header(&told, "in-reply-to").as_str()),
        ("auto-generated", "<8@x.example>")
    );
    assert!(send("eve@evil.example", to, 9, "\nagain").await.contains("told before"));
    // A customer of one publisher is a stranger at another; who works there is none.
    assert!(send("luz@sol.example", "support+zulu@example.com", 10, "\nx").await.contains("they are told"));
    assert!(send("ana@acme.example", to, 11, "\nx").await.contains("works at the publisher"));
    post.next().await;
    // Whoever forges many senders does not have us write to them all.
    let mut all = Vec::new();
    for id in 100..125 {
        all.push(send(&format!("someone{id}@evil.example"), to, id, "\nx").await);
    }
    assert_eq!(all.iter().filter(|why| why.contains("they are told")).count(), 19, "{all:?}");
    assert!(all.last().unwrap().contains("enough"));
    let tickets: Page<Ticket> = world.get("/tickets").await.json();
    assert_eq!(tickets.items.len(), 1, "no ticket was opened");
}
