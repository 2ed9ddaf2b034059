//! `mail.send` to a mail server that wants TLS and a password.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::web::world::{App, Server};

const APP: &str = "app.post('/', async (req, res) => {
  try {
    await mail.send({ to: 'Ana <ana@example.com>', subject: 'Año nuevo', text: 'Hola, ñandú', html: '<p>Hola</p>' });
    res.send('sent');
  } catch (error) { res.status(502).send(error.message); }
});";

/// A mail server of this kind, its port, and where its messages come out.
fn mail_server(how: &str, (certificate, key): &(PathBuf, PathBuf)) -> (Program, u16, std::sync::mpsc::Receiver<Value>) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/outside/smtp.py");
    let mut command = Command::new("/usr/bin/python3");
    command.arg(script).arg(how).arg(certificate).arg(key).stdout(Stdio::piped());
    let mut program = Program::start(&mut command, "python3-aiosmtpd");
    let mut lines = program.lines();
    let first =
        lines.next().expect("it begins: is the Debian package python3-aiosmtpd there? scripts/need test").unwrap();
    let (sender, messages) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = sender.send(serde_json::from_str(&line).unwrap());
        }
    });
    (program, first.parse().unwrap(), messages)
}

fn application(authority: &Authority, port: u16, security: &str, password: &str) -> (App, Server) {
    let app = App::new(&[("app.js", APP)]);
    app.write(
        "cirrus.toml",
        &format!(
            "[mail]\nhost = '127.0.0.1'\nport = {port}\nsecurity = '{security}'\nuser = 'cirrus'\n\
             password = '{password}'\nfrom = 'Tareas <tareas@example.com>'\n[tls]\nauthorities = '{}'\n",
            authority.file().display()
        ),
    );
    let server = app.serve();
    (app, server)
}

#[test]
fn mail_leaves_encrypted_and_with_a_password() {
    let authority = Authority::new();
    let certificate = authority.issue("mail", "IP:127.0.0.1", "2");
    for how in ["starttls", "tls"] {
        let (_program, port, messages) = mail_server(how, &certificate);
        let (_app, server) = application(&authority, port, how, "s3creto");
        let answer = server.json("POST", "/", &json!({}));
        assert_eq!((answer.status, answer.text().as_str()), (200, "sent"), "{how}");
        let message = messages.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(message["encrypted"], true, "{how}");
        assert_eq!((&message["from"], &message["to"]), (&json!("tareas@example.com"), &json!(["ana@example.com"])));
        let text = message["text"].as_str().unwrap();
        assert!(text.contains("Subject: =?utf-8?") && text.contains("multipart/alternative"), "{text}");

        let (_app, server) = application(&authority, port, how, "wrong");
        let answer = server.json("POST", "/", &json!({}));
        assert!(answer.status == 502 && answer.text().contains("535"), "{how}: {}", answer.text());
    }
}

#[test]
fn mail_is_not_handed_to_a_stranger() {
    let (ours, other) = (Authority::new(), Authority::new());
    let good = ours.issue("mail", "IP:127.0.0.1", "2");
    let refusals = [
        ("starttls", other.issue("mail", "IP:127.0.0.1", "2"), "no authority that is known has signed it"),
        ("tls", ours.issue("name", "DNS:mail.example.com", "2"), "it belongs to another name"),
        ("starttls", ours.issue("old", "IP:127.0.0.1", "0"), "it has expired"),
    ];
    for (how, certificate, why) in &refusals {
        let (_program, port, messages) = mail_server(how, certificate);
        let (_app, server) = application(&ours, port, how, "s3creto");
        let answer = server.json("POST", "/", &json!({}));
        let text = answer.text();
        assert!(answer.status == 502 && text.contains("certificate is refused") && text.contains(why), "{text}");
        assert!(messages.try_recv().is_err());
    }
    // One that does not offer to encrypt gets neither the password nor the message.
    let (_program, port, messages) = mail_server("plain", &good);
    let (_app, server) = application(&ours, port, "starttls", "s3creto");
    let answer = server.json("POST", "/", &json!({}));
    assert!(answer.status == 502 && answer.text().to_lowercase().contains("starttls"), "{}", answer.text());
    assert!(messages.try_recv().is_err());
}
