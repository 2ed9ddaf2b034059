//! `fetch` and `mail.send`, against servers on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use super::{World, app};

/// A server that answers every request with what `answer` makes of its first line, headers and body.
fn server(answer: impl Fn(&str, &str, &str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let mut headers = String::new();
            while !headers.ends_with("\r\n\r\n") && headers != "\r\n" {
                if reader.read_line(&mut headers).unwrap() == 0 {
                    break;
                }
            }
            let lower = headers.to_lowercase();
            let length =
                lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(answer(first.trim(), &lower, &String::from_utf8(body).unwrap()).as_bytes()).ok();
        }
    });
    address
}

#[test]
fn fetch_speaks_http() {
    let address = server(|first, headers, body| {
        if first.contains("/away") {
            return "HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into();
        }
        if first.contains("/slow") {
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        let text = json!({ "first": first, "key": headers.contains("x-key: k"), "body": body }).to_string();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-a: b\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        )
    });
    let app = app(&format!("
        const base = 'http://{address}';
        app.get('/get', async (req, res) => {{ const r = await fetch(base + '/x?a=1', {{ headers: {{ 'X-Key': 'k' }} }}); res.json([r.status, r.ok, r.headers.get('X-A'), await r.json()]); }});
        app.post('/post', async (req, res) => {{ const r = await fetch(base, {{ method: 'POST', body: JSON.stringify(req.body) }}); res.json((await r.json()).body); }});
        app.get('/away', async (req, res) => {{ const r = await fetch(base + '/away'); res.json([r.redirected, (await r.json()).first]); }});
        app.get('/slow', async (req, res) => {{ try {{ await fetch(base + '/slow', {{ timeout: 50 }}); }} catch (e) {{ res.json(e.message); }} }});
        app.get('/gone', async (req, res) => {{ try {{ await fetch('http://127.0.0.1:1/'); }} catch (e) {{ res.json(e.message); }} }});
        app.get('/file', async (req, res) => {{ try {{ await fetch('file:///etc/passwd'); }} catch (e) {{ res.json(e.name); }} }});
        app.get('/many', async (req, res) => {{ const all = await Promise.all([1, 2, 3].map((n) => fetch(base + '/' + n).then((r) => r.json()))); res.json(all.map((x) => x.first)); }});
    "));
    assert_eq!(
        app.get("/get").json(),
        json!([200, true, "b", { "first": "GET /x?a=1 HTTP/1.1", "key": true, "body": "" }])
    );
    assert_eq!(app.post("/post", json!({ "a": "ñ" })).json(), json!("{\"a\":\"ñ\"}"));
    assert_eq!(app.get("/away").json(), json!([true, "GET /there HTTP/1.1"]));
    assert!(app.get("/slow").body.contains("within 50 ms"));
    assert!(app.get("/gone").body.contains("onnect"), "{}", app.get("/gone").body);
    assert_eq!(app.get("/file").json(), json!("TypeError"));
    assert_eq!(app.get("/many").json(), json!(["GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /3 HTTP/1.1"]));
}

#[test]
fn mail_is_handed_to_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        stream.write_all(b"220 test\r\n").unwrap();
        let (mut all, mut data) = (String::new(), false);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 {
                return all;
            }
            all.push_str(&line);
            let answer: &[u8] = match line.trim_end() {
                "." => {
                    data = false;
                    b"250 taken\r\n"
                }
                _ if data => b"",
                "DATA" => {
                    data = true;
                    b"354 go on\r\n"
                }
                "QUIT" => return all,
                _ => b"250 ok\r\n",
            };
            stream.write_all(answer).unwrap();
        }
    });
    let mut world = World::new("
        app.post('/', async (req, res) => { await mail.send({ to: ['ana@example.com'], subject: 'Año', text: 'hola' }); res.send('sent'); });
        app.post('/bad', async (req, res) => { try { await mail.send({ to: 'nobody', subject: 'x' }); } catch (e) { res.send(e.message); } });
    ");
    world.mail = toml::from_str(&format!(
        "host = '127.0.0.1'\nport = {port}\nsecurity = 'none'\nfrom = 'App <app@example.com>'"
    ))
    .unwrap();
    let app = world.load();
    assert!(app.post("/bad", json!({})).body.contains("no mail address"));
    assert_eq!(app.post("/", json!({})).body, "sent");
    drop(app);
    let said = server.join().unwrap();
    assert!(said.contains("RCPT TO:<ana@example.com>") && said.contains("hola"), "{said}");
}
