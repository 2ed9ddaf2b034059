//! Answers that come in by IMAP, from a real server (Debian's `dovecot-imapd`), in clear on this machine and under TLS.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use plane::wire::Ticket;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::Post;

use crate::ticket_mail::{asked, header, letter, settings, texts};
use crate::world::World;

/// A mail server with the mailbox of `support`; it ends with the value.
struct Dovecot {
    program: Child,
    home: TempDir,
    plain: u16,
    tls: u16,
    owner: (u32, u32),
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn run(directory: &Path, line: &str) {
    let done = Command::new("/bin/sh").args(["-ec", line]).current_dir(directory).output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

fn number(line: &str) -> u32 {
    let told = Command::new("/bin/sh").args(["-ec", line]).output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().parse().unwrap()
}

impl Dovecot {
    fn start() -> Self {
        let program = Path::new("/usr/sbin/dovecot");
        assert!(
            program.is_file(),
            "dovecot is missing: install the Debian package dovecot-imapd, or `scripts/need test`"
        );
        let home = tempfile::tempdir().unwrap();
        let at = home.path();
        let (plain, tls) = (free_port(), free_port());
        // It gives nobody's mail to root.
        let root = number("id -u") == 0;
        let user = if root { "nobody" } else { "$(id -un)" };
        let owner = (number(&format!("id -u {user}")), number(&format!("id -g {user}")));
        let own = if root {
            String::new()
        } else {
            let name = Command::new("id").arg("-un").output().unwrap().stdout;
            let name = String::from_utf8(name).unwrap().trim().to_owned();
            format!("default_internal_user = {name}\ndefault_login_user = {name}\n")
        };
        let ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        run(at, &format!("openssl req -x509 {ec} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"));
        run(at, &format!("openssl req {ec} -keyout key.pem -out csr.pem -subj /CN=localhost"));
        std::fs::write(at.join("ext"), "subjectAltName=DNS:localhost\n").unwrap();
        run(
            at,
            "openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext -out cert.pem -days 2",
        );
        std::fs::write(at.join("users"), "support:{PLAIN}s3creto::::::\n").unwrap();
        run(at, "mkdir -p mail/cur mail/new mail/tmp run && chmod 755 .");
        let directory = at.display();
        let config = format!(
            "protocols = imap\nlisten = 127.0.0.1\nbase_dir = {directory}/run\nstate_dir = {directory}/run\n\
             log_path = {directory}/log\nssl = yes\nssl_cert = <{directory}/cert.pem\nssl_key = <{directory}/key.pem\n\
             disable_plaintext_auth = no\nfirst_valid_uid = 1\nmail_location = maildir:{directory}/mail\n{own}\
             passdb {{\n driver = passwd-file\n args = {directory}/users\n}}\n\
             userdb {{\n driver = static\n args = uid={} gid={} home={directory}/mail\n}}\n\
             service imap-login {{\n chroot =\n inet_listener imap {{\n  port = {plain}\n }}\n\
             inet_listener imaps {{\n  port = {tls}\n  ssl = yes\n }}\n}}\nservice anvil {{\n chroot =\n}}\n",
            owner.0, owner.1
        );
        std::fs::write(at.join("conf"), config).unwrap();
        run(at, &format!("chown -R {}:{} mail", owner.0, owner.1));
        let mut command = Command::new(program);
        command
            .args(["-F", "-c"])
            .arg(at.join("conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self { program: command.spawn().unwrap(), home, plain, tls, owner }
    }

    /// Puts a letter into the mailbox, as a server does.
    fn deliver(&self, name: &str, letter: &[u8]) {
        let mail = self.home.path().join("mail");
        let waiting = mail.join("tmp").join(name);
        std::fs::write(&waiting, letter).unwrap();
        std::os::unix::fs::chown(&waiting, Some(self.owner.0), Some(self.owner.1)).unwrap();
        std::fs::rename(waiting, mail.join("new").join(name)).unwrap();
    }

    /// Whether that letter was read.
    fn is_read(&self, name: &str) -> bool {
        let all = std::fs::read_dir(self.home.path().join("mail/cur")).unwrap();
        let files = all.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.into_iter().any(|file| file.starts_with(name) && file.split(",").last().unwrap_or("").contains('S'))
    }

    fn settings(&self, post: &Post, security: &str, password: &str) -> Value {
        let (host, port) = if security == "tls" { ("localhost", self.tls) } else { ("127.0.0.1", self.plain) };
        let mut all = settings(post);
        all["incoming"]["imap"] =
            json!({"host": host, "port": port, "security": security, "user": "support", "password": password});
        all
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Asked to end it ends its children, too.
        let _ = Command::new("kill").arg(self.program.id().to_string()).status();
        let _ = self.program.wait();
    }
}

/// Looks into the mailbox until it is so.
async fn until_read(world: &World, dovecot: &Dovecot, name: &str) {
    for _ in 0..200 {
        world.post("/settings", json!({})).await.expect(200);
        if dovecot.is_read(name) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{name} was not read:\n{}", dovecot.log());
}

#[tokio::test]
async fn answers_come_in_by_imap() {
    let world = World::new().await;
    let (mut post, dovecot) = (Post::new(), Dovecot::start());
    let (_, _, first) = asked(&world, &mut post).await;
    let to = header(&first, "reply-to");
    let ana = "Ana <ana@acme.example>";
    dovecot.deliver("one", &letter(ana, &to, "<1@a>", "Content-Type: text/plain; charset=utf-8\n\nSí, mañana 😀\n"));
    world.post("/settings", dovecot.settings(&post, "none", "s3creto")).await.expect(200);
    until_read(&world, &dovecot, "one").await;
    assert_eq!(texts(&world, "acme:2").await, ["Since Monday", "Sí, mañana 😀"]);
    assert_eq!(post.next().await["to"][0], "luz@sol.example");
    let shown = world.get("/settings").await.expect(200).text();
    assert!(!shown.contains("s3creto") && shown.contains("\"folder\":\"INBOX\""), "{shown}");

    // What is too large, from nobody, or a machine's is read and forgotten; what comes after it is not held back.
    let big = vec![b'x'; 20 << 20];
    dovecot.deliver("two", &[letter(ana, &to, "<2@a>", "\n"), big].concat());
    dovecot.deliver("three", &letter("eve@evil.example", &to, "<3@a>", "\nlet me in\n"));
    dovecot.deliver("four", &letter(ana, &to, "<4@a>", "Auto-Submitted: auto-replied\n\nI am away\n"));
    dovecot.deliver("five", &letter(ana, &to, "<1@a>", "\nthe same letter again\n"));
    dovecot.deliver("six", &letter(ana, &to, "<6@a>", "\nlast\n"));
    for name in ["two", "three", "four", "five", "six"] {
        until_read(&world, &dovecot, name).await;
    }
    assert_eq!(texts(&world, "acme:2").await, ["Since Monday", "Sí, mañana 😀", "last"]);
    assert_eq!(world.get("/tickets/acme:2").await.json::<Ticket>().state.to_string(), "waiting");

    // A new ticket comes in the same way.
    let new = letter("luz@sol.example", "support+acme@example.com", "<new@s>", "\nby IMAP\n");
    dovecot.deliver("new", &new);
    until_read(&world, &dovecot, "new").await;
    assert_eq!(texts(&world, "acme:3").await, ["by IMAP"]);

    // Under TLS only from whom an authority knows; and not with a wrong password.
    world.post("/settings", dovecot.settings(&post, "tls", "s3creto")).await.expect(200);
    let distrusted = || dovecot.log().matches("unknown ca").count();
    let turned_away = async |more_than: usize| {
        let what = "it was turned away for its certificate";
        let is = async || {
            world.post("/settings", json!({})).await.expect(200);
            distrusted() > more_than
        };
        world.until(what, is).await;
    };
    // By then what began in clear has ended.
    turned_away(0).await;
    dovecot.deliver("seven", &letter(ana, &to, "<7@a>", "\nsealed\n"));
    let authorities: PathBuf = world.data.path().join("mail-ca.pem");
    turned_away(distrusted()).await;
    assert!(!dovecot.is_read("seven"), "nobody vouches for it");
    world.post("/settings", dovecot.settings(&post, "tls", "wrong")).await.expect(200);
    std::fs::copy(dovecot.home.path().join("ca.pem"), &authorities).unwrap();
    world
        .until("the wrong password was tried", async || {
            world.post("/settings", json!({})).await.expect(200);
            dovecot.log().contains("auth failed")
        })
        .await;
    assert!(!dovecot.is_read("seven"));
    world.post("/settings", dovecot.settings(&post, "tls", "s3creto")).await.expect(200);
    until_read(&world, &dovecot, "seven").await;
    assert!(texts(&world, "acme:2").await.contains(&"sealed".to_owned()));
}
