//! `fetch` over HTTPS: whose certificate is believed, and what limits hold.

use std::os::unix::fs::symlink;

use serde_json::json;

use super::*;
use crate::web::world::{App, Server, run};

const APP: &str = "app.post('/', async (req, res) => {
  try {
    const { url, ...options } = req.body;
    const answer = await fetch(url, options);
    const body = await answer.bytes();
    const first = String.fromCharCode(...body.slice(0, 20));
    res.json({ status: answer.status, url: answer.url, length: body.length, first });
  } catch (error) { res.status(502).send(error.message); }
});";
const MOST: usize = 8 << 20;

/// Servers with a good certificate, one for another name, one of days gone by, one of nobody's.
struct World {
    _nginx: Program,
    _directory: tempfile::TempDir,
    authority: Authority,
    ports: [u16; 4],
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (authority, other) = (Authority::new(), Authority::new());
        let certificates = [
            authority.issue("good", "IP:127.0.0.1,DNS:localhost", "2"),
            authority.issue("name", "DNS:example.com", "2"),
            authority.issue("old", "IP:127.0.0.1", "0"),
            other.issue("other", "IP:127.0.0.1", "2"),
        ];
        fs::write(directory.path().join("hola"), "hola").unwrap();
        fs::write(directory.path().join("most"), vec![b'x'; MOST]).unwrap();
        fs::write(directory.path().join("more"), vec![b'x'; MOST + 1]).unwrap();
        symlink("more", directory.path().join("slow")).unwrap();
        let ports = free_ports();
        let server = |(port, (certificate, key)): (u16, &(PathBuf, PathBuf))| {
            let (certificate, key) = (certificate.display(), key.display());
            format!(
                "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};\n\
                 root {}; default_type text/plain;\nlocation /slow {{ limit_rate 100; }}\n\
                 location /away {{ return 302 /hola; }}\nlocation /round {{ return 302 /round; }}\n\
                 location /who {{ return 200 \"[$http_authorization] $request_method\"; }}\n\
                 location /elsewhere {{ return 302 https://localhost:{port}/who; }} }}",
                directory.path().display()
            )
        };
        let servers: Vec<String> = ports.into_iter().zip(&certificates).map(server).collect();
        let nginx = testkit::nginx(directory.path(), &servers.join("\n"));
        until_open(ports[0]);
        Self { _nginx: nginx, _directory: directory, authority, ports }
    }

    /// An application that believes this authority.
    fn application(&self) -> (App, Server) {
        let app = App::new(&[("app.js", APP), ("cirrus.toml", "[tls]\nauthorities = 'ca.pem'")]);
        fs::copy(self.authority.file(), app.path().join("ca.pem")).unwrap();
        let server = app.serve();
        (app, server)
    }

    fn url(&self, server: usize, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.ports[server])
    }
}

#[test]
fn only_a_certificate_that_is_in_order_is_believed() {
    let world = World::new();
    let (_app, server) = world.application();
    let ask = |server: &Server, n: usize| server.json("POST", "/", &json!({ "url": world.url(n, "/hola") }));
    let good = ask(&server, 0);
    assert_eq!((good.status, &good.value()["first"]), (200, &json!("hola")));
    for (n, why) in [(1, "another name"), (2, "expired"), (3, "no authority that is known has signed it")] {
        let answer = ask(&server, n);
        let text = answer.text();
        assert!(answer.status == 502 && text.contains("certificate is refused") && text.contains(why), "{n}: {text}");
    }
    // Nobody who is not told so believes this authority.
    let app = App::new(&[("app.js", APP)]);
    let refused = ask(&app.serve(), 0);
    assert!(refused.status == 502 && refused.text().contains("[tls] authorities"), "{}", refused.text());
}

#[test]
fn an_answer_is_limited_in_size_time_and_redirects() {
    let world = World::new();
    let (_app, server) = world.application();
    let ask = |options: serde_json::Value| server.json("POST", "/", &options);
    assert_eq!(ask(json!({ "url": world.url(0, "/most") })).value()["length"], MOST);
    for (options, why) in [
        (json!({ "url": world.url(0, "/more") }), "larger than 8388608 bytes"),
        (json!({ "url": world.url(0, "/slow"), "timeout": 300 }), "no complete answer within 300 ms"),
        (json!({ "url": world.url(0, "/round") }), "more than 5 redirects"),
    ] {
        let answer = ask(options);
        assert!(answer.status == 502 && answer.text().contains(why), "{why}: {}", answer.text());
    }
    let away = ask(json!({ "url": world.url(0, "/away") })).value();
    assert_eq!((&away["first"], &away["url"]), (&json!("hola"), &json!(world.url(0, "/hola"))));
    let manual = ask(json!({ "url": world.url(0, "/away"), "redirect": "manual" })).value();
    assert_eq!(manual["status"], 302);
    // A password goes to the host it was meant for, and to no other.
    let headers = json!({ "authorization": "Bearer s" });
    let there = ask(json!({ "url": world.url(0, "/who"), "headers": headers })).value();
    assert_eq!(there["first"], "[Bearer s] GET");
    let elsewhere = ask(json!({ "url": world.url(0, "/elsewhere"), "headers": headers })).value();
    assert_eq!(elsewhere["first"], "[] GET");
}

#[test]
fn a_file_of_authorities_that_is_of_no_use_is_told_at_the_start() {
    for (content, why) in [(None, "cannot be read"), (Some("hola"), "has no certificate")] {
        let app = App::new(&[("app.js", ""), ("cirrus.toml", "[tls]\nauthorities = 'ca.pem'")]);
        if let Some(content) = content {
            app.write("ca.pem", content);
        }
        let (good, _, told) = run(&["serve", app.path().to_str().unwrap(), "--listen", "127.0.0.1:0"], "");
        assert!(!good && told.contains("tls.authorities") && told.contains(why), "{told}");
    }
}
