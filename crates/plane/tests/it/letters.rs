//! Letters through a real mail server (Debian's `python3-aiosmtpd`), and what their links do.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::factors::{code, set_up};
use crate::pages::{Browser, scene};
use crate::world::World;

/// A mail server that ends with the value.
pub struct Post {
    program: Child,
    port: u16,
    letters: UnboundedReceiver<Value>,
}

impl Post {
    pub fn new() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/smtp.py");
        let mut command = Command::new("/usr/bin/python3");
        let mut program = command.arg(script).stdout(Stdio::piped()).spawn().expect("Debian's python3 is there");
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let first = lines.next().expect("it begins: is the Debian package python3-aiosmtpd there? scripts/need test");
        let (sender, letters) = unbounded_channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { program, port: first.unwrap().parse().unwrap(), letters }
    }

    pub fn settings(&self) -> Value {
        let from = "vClouden <noreply@example.com>";
        json!({"sign_up": true, "mail": {"host": "127.0.0.1", "port": self.port, "security": "none", "from": from}})
    }

    /// The next letter, with its headers.
    pub async fn whole(&mut self) -> Value {
        tokio::time::timeout(Duration::from_secs(60), self.letters.recv()).await.unwrap().unwrap()
    }

    async fn letter(&mut self) -> (String, String) {
        let letter = self.whole().await;
        let text = |key: &str| letter[key].as_str().unwrap().to_owned();
        (letter["to"][0].as_str().unwrap().to_owned(), format!("{}\n{}", text("subject"), text("text")))
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

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
