//! Two instances behind Nginx, as `docs/cirrus/nginx.md` configures them: its very text, with other ports.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;

use super::*;
use crate::web::world::{App, Server, cirrus};

/// What the tests ask beside what the page shows.
const APP: &str = "
app.resource('notas', { events: true });
app.post('/peso', (req, res) => res.json({ tamano: req.files[0].size }));
";
const SCHEMA: &str = "[tables.notas.fields]\ntitulo = { type = \"text\", required = true }\n";

/// The blocks of the page with this first line.
fn page(mark: &str) -> String {
    testkit::nginx::page("cirrus/nginx.md", mark)
}

struct World {
    app: App,
    instances: Vec<Option<Server>>,
    addresses: [String; 2],
    _nginx: Program,
    http: u16,
    https: u16,
    authority: Authority,
}

impl World {
    fn new() -> Self {
        let app = App::new(&[("app.js", &(page("js app") + APP)), ("cirrus.toml", &page("toml config"))]);
        app.write("schema.toml", SCHEMA);
        app.write("public/hola.txt", &"hola ".repeat(1000));
        let instances: Vec<_> = (0..2).map(|_| Some(instance(&app, "127.0.0.1:0"))).collect();
        let addresses = [0, 1].map(|n: usize| instances[n].as_ref().unwrap().address.clone());
        let authority = Authority::new();
        let (certificate, key) = authority.issue("front", "IP:127.0.0.1", "2");
        let [http, https] = free_ports();
        let listen = format!(
            "listen 127.0.0.1:{http};\n listen 127.0.0.1:{https} ssl;\n ssl_certificate {};\n ssl_certificate_key {};",
            certificate.display(),
            key.display()
        );
        let mut servers = page("nginx");
        for (from, to) in
            [("listen 80;", &listen), ("127.0.0.1:8081", &addresses[0]), ("127.0.0.1:8082", &addresses[1])]
        {
            assert_eq!(servers.matches(from).count(), 1, "the page has {from} once");
            servers = servers.replace(from, to);
        }
        let nginx = testkit::nginx(authority.directory(), &servers);
        until_open(http);
        Self { app, instances, addresses, _nginx: nginx, http, https, authority }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    fn secure(&self, path: &str, args: &[&str]) -> Answer {
        let authority = self.authority.file().display().to_string();
        let url = format!("https://127.0.0.1:{}{path}", self.https);
        curl(&[args, &["--cacert", &authority, &url]].concat())
    }

    /// Which instance answered: 0 or 1.
    fn who(&self, answer: &Answer) -> usize {
        let said = answer.header("x-instance").expect("Nginx says whom it asked");
        // Where the first did not answer, it names both.
        let last = said.rsplit(", ").next().unwrap();
        self.addresses.iter().position(|address| address == last).expect("one of the two")
    }
}

fn instance(app: &App, address: &str) -> Server {
    let mut command = cirrus();
    command.arg("serve").arg(app.path()).args(["--no-reload", "--listen", address, "--data"]);
    command.arg(app.path().join("data"));
    Server::start(command)
}

const JSON: [&str; 4] = ["--header", "Content-Type: application/json", "--data", "{\"titulo\": \"a\"}"];
const FORGED: [&str; 6] = [
    "--header",
    "X-Forwarded-For: 203.0.113.7",
    "--header",
    "X-Forwarded-Proto: https",
    "--header",
    "X-Forwarded-Host: evil.example",
];

#[test]
fn a_session_goes_from_one_instance_to_the_other() {
    let world = World::new();
    let jar = world.authority.path("cookies").display().to_string();
    let mut seen = [0, 0];
    for n in 1..=8 {
        let answer = curl(&[&["--cookie", &jar, "--cookie-jar", &jar][..], &JSON, &[&world.url("/visita")]].concat());
        assert_eq!(answer.value(), json!({ "n": n }));
        seen[world.who(&answer)] += 1;
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    // What one wrote the other reads at once.
    for n in 1..=6 {
        assert_eq!(curl(&[&JSON[..], &[&world.url("/notas")]].concat()).status, 201);
        for _ in 0..2 {
            assert_eq!(curl(&[&world.url("/notas")]).value().as_array().unwrap().len(), n);
        }
    }
}

#[test]
fn only_the_proxy_is_believed_about_the_visitor() {
    let world = World::new();
    let from = ["--interface", "127.0.0.2"];
    let through = curl(&[&from[..], &FORGED, &[&world.url("/quien")]].concat()).value();
    let host = format!("127.0.0.1:{}", world.http);
    assert_eq!(through, json!({ "ip": "127.0.0.2", "host": host, "https": false }));
    let secure = world.secure("/quien", &[&from[..], &["--header", "X-Forwarded-Proto: http"]].concat());
    assert_eq!(
        secure.value(),
        json!({ "ip": "127.0.0.2", "host": format!("127.0.0.1:{}", world.https), "https": true })
    );
    let cookie = world.secure("/visita", &JSON);
    assert!(cookie.header("set-cookie").unwrap().contains("Secure"), "{cookie:?}");
    let plain = curl(&[&JSON[..], &[&world.url("/visita")]].concat());
    assert!(!plain.header("set-cookie").unwrap().contains("Secure"), "{plain:?}");

    // Past the proxy: a stranger's word about himself is worth nothing, and 127.0.0.1 is whom the page trusts.
    let direct = format!("http://{}/quien", world.addresses[0]);
    let stranger = curl(&[&from[..], &FORGED, &[&direct]].concat()).value();
    assert_eq!(stranger, json!({ "ip": "127.0.0.2", "host": world.addresses[0], "https": false }));
    let trusted = curl(&[&FORGED[..], &[&direct]].concat()).value();
    assert_eq!(trusted, json!({ "ip": "203.0.113.7", "host": "evil.example", "https": true }));
}

#[test]
fn events_uploads_and_files_pass() {
    let world = World::new();
    let mut listening = Command::new("curl");
    listening.args(["--silent", "--no-buffer", "--include", &world.url("/notas/events")]).stdout(Stdio::piped());
    let mut listening = Program::start(&mut listening, "curl");
    let mut lines = listening.lines().map(Result::unwrap);
    assert!(lines.by_ref().take_while(|line| !line.is_empty()).any(|line| line.contains("text/event-stream")));
    // Whichever of the two writes, the reader of one hears of it while the answer goes on.
    for instance in &world.instances {
        let server = instance.as_ref().unwrap();
        assert_eq!(server.json("POST", "/notas", &json!({ "titulo": "b" })).status, 201);
        assert!(lines.by_ref().any(|line| line.contains("\"table\":\"notas\"")), "the events ended");
    }
    drop(listening);

    let file = world.authority.path("large");
    for (size, status) in [(15_000_000, 200), (21_000_000, 413)] {
        fs::write(&file, vec![7; size]).unwrap();
        let answer = curl(&["--form", &format!("archivo=@{}", file.display()), &world.url("/peso")]);
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 200 {
            assert_eq!(answer.value(), json!({ "tamano": size }));
        }
    }

    let first = curl(&[&world.url("/hola.txt")]);
    assert_eq!((first.status, first.body.len()), (200, 5000));
    let tag = format!("If-None-Match: {}", first.header("etag").unwrap());
    for _ in 0..2 {
        let again = curl(&["--header", &tag, &world.url("/hola.txt")]);
        assert_eq!((again.status, again.body.len()), (304, 0), "both instances know it");
    }
    let part = curl(&["--range", "5-8", &world.url("/hola.txt")]);
    assert_eq!((part.status, part.text().as_str()), (206, "hola"));
    let small = curl(&["--header", "Accept-Encoding: gzip", &world.url("/hola.txt")]);
    assert_eq!(small.header("content-encoding"), Some("gzip"));
}

#[test]
fn requests_go_on_when_an_instance_is_killed_and_it_is_asked_again_when_it_is_back() {
    let mut world = World::new();
    const READERS: usize = 4;
    const REQUESTS: usize = 150;
    let (done, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let address = format!("127.0.0.1:{}", world.http);
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                for _ in 0..REQUESTS {
                    let mut stream = TcpStream::connect(&address).unwrap();
                    stream.write_all(b"GET /notas HTTP/1.1\r\nHost: tareas\r\nConnection: close\r\n\r\n").unwrap();
                    let answer = Answer::read(stream);
                    if answer.status != 200 {
                        wrong.lock().unwrap().push(format!("{answer:?}"));
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while done.load(Ordering::Relaxed) < READERS * REQUESTS / 4 {
            std::thread::yield_now();
        }
        world.instances[0] = None; // SIGKILL, in the middle
    });
    assert_eq!(wrong.into_inner().unwrap(), Vec::<String>::new());
    for _ in 0..4 {
        let answer = curl(&[&JSON[..], &[&world.url("/notas")]].concat());
        assert_eq!((answer.status, world.who(&answer)), (201, 1));
    }
    world.instances[0] = Some(instance(&world.app, &world.addresses[0].clone()));
    let until = Instant::now() + Duration::from_secs(60);
    while world.who(&curl(&[&world.url("/notas")])) != 0 {
        assert!(Instant::now() < until, "the instance that is back is never asked");
    }
}

/// Half a request is none: nothing of it is written.
#[test]
fn a_visitor_who_goes_away_leaves_nothing_behind() {
    let world = World::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(("127.0.0.1", world.http)).unwrap();
        stream.write_all(b"POST /notas HTTP/1.1\r\nHost: tareas\r\nContent-Length: 100\r\n\r\n{\"titulo\"").unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
        let _ = stream.read(&mut [0; 16]);
    }
    assert_eq!(curl(&[&world.url("/notas")]).value(), json!([]));
}
