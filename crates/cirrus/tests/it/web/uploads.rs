//! Uploads that do not go well: slow senders, a full disk, a process that is killed in the middle.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::world::{Answer, App, Server, cirrus, data};

const JS: &str = "
    const fotos = db.table('fotos');
    app.resource('fotos');
    app.post('/guardar', (req, res) => {
        fotos.create({ nombre: req.file.save(req.query.como), texto: 'x'.repeat(+req.query.n || 1) });
        res.json('kept');
    });
    app.post('/espera', async (req) => {
        fotos.create({ nombre: req.file.save('espera.bin') });
        await new Promise((yes) => setTimeout(yes, 3600000));
    });
    app.post('/cuelga', (req) => {
        fotos.create({ nombre: req.file.save('cuelga.bin') });
        for (;;);
    });
    app.post('/cuenta', (req, res) => res.json(fotos.count()));
    app.delete('/archivo', (req, res) => res.json(uploads.delete(req.query.p)));";

const KIND: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=X");

fn app(config: &str) -> App {
    let app = App::new(&[("app.js", JS), ("cirrus.toml", config)]);
    app.write(
        "schema.toml",
        "[tables.fotos.fields]\nnombre = { type = 'text' }\ntexto = { type = 'text', max = 10000000 }",
    );
    app
}

fn form(size: usize) -> Vec<u8> {
    let head = b"--X\r\nContent-Disposition: form-data; name=\"foto\"; filename=\"a.bin\"\r\n\r\n";
    [head.as_slice(), &vec![7; size], b"\r\n--X--\r\n"].concat()
}

/// What lies in a directory, and in those below it.
fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Begins an upload of which `sent` bytes come, and no more.
fn begun(server: &Server, announced: usize, sent: usize) -> std::net::TcpStream {
    let mut stream = server.connect();
    let head = format!(
        "POST /guardar?como=lento.bin HTTP/1.1\r\nHost: x\r\n{}: {}\r\nContent-Length: {announced}\r\n\r\n",
        KIND.0, KIND.1
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&form(announced)[..sent]).unwrap();
    stream
}

#[test]
fn who_uploads_too_slowly_is_left_and_leaves_nothing() {
    let app = app("[limits]\nrequest_seconds = 2");
    let server = app.serve();
    let uploads = data(&app).join("uploads");
    let mut slow = begun(&server, 300_000, 100_000);
    until("what has come waits on the disk", || names(&uploads).len() == 1);
    // A byte now and then is not enough.
    let answer = loop {
        std::thread::sleep(Duration::from_millis(100));
        if slow.write_all(b"7").is_err() || names(&uploads).is_empty() {
            break Answer::read(slow);
        }
    };
    assert!(matches!(answer.status, 0 | 408), "{answer:?}");
    until("nothing waits", || names(&uploads).is_empty());
    assert_eq!(server.send("POST", "/guardar?como=a.bin", &[KIND], &form(300_000)).status, 200);
    assert_eq!(names(&uploads), ["a.bin"]);
}

#[test]
fn who_announces_much_and_sends_nothing_keeps_nobody_out() {
    let app = app("[limits]\nbody = 1000000\nbodies = 1000000");
    let server = app.serve();
    let many: Vec<_> = (0..50).map(|_| begun(&server, 900_000, 1000)).collect();
    assert_eq!(server.send("POST", "/guardar?como=a.bin", &[KIND], &form(300_000)).status, 200);
    let half = || {
        let mut stream = server.connect();
        let head = "POST /fotos HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n";
        stream.write_all(format!("{head}Content-Length: 900000\r\n\r\n").as_bytes()).unwrap();
        stream.write_all(&vec![b' '; 800_000]).unwrap();
        stream
    };
    // What has really come counts, for all together: one of these two is too much.
    let two = [half(), half()];
    assert_eq!(server.json("POST", "/fotos", &json!({ "nombre": "small" })).status, 201);
    let mut statuses = two.map(|mut stream| {
        // Whoever was refused already may not be able to send the rest.
        let _ = stream.write_all(&vec![b' '; 100_000]);
        Answer::read(stream).status
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [400, 503]);
    drop(many);
}

/// A server whose data is in a file system of few bytes, which goes with it.
fn on_small_disk(app: &App, size: &str) -> (Server, PathBuf) {
    let data = data(app);
    std::fs::create_dir_all(&data).unwrap();
    let mount = format!("mount -t tmpfs -o size={size} none \"$0\" && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &mount]).arg(&data);
    command.arg(cirrus().get_program()).arg("serve").arg(app.path()).arg("--data").arg(&data);
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Server::start(command);
    let seen = PathBuf::from(format!("/proc/{}/root{}", server.pid(), data.display()));
    (server, seen)
}

fn free(directory: &Path) -> usize {
    let all = rustix::fs::statvfs(directory).unwrap();
    usize::try_from(all.f_bavail * all.f_bsize).unwrap()
}

#[test]
fn a_full_disk_is_told_and_nothing_half_stays() {
    let app = app("[limits]\nbody = 4000000\nupload = 20000000");
    let (server, data) = on_small_disk(&app, "6m");
    let uploads = data.join("uploads");
    let send = |target: &str, size: usize| server.send("POST", target, &[KIND], &form(size));
    let rows = || server.send("POST", "/cuenta", &[], b"").value();
    assert_eq!(send("/guardar?como=uno.bin", 1_000_000).status, 200);

    // It does not fit while it comes in.
    let large = send("/guardar?como=dos.bin", 10_000_000);
    assert!(matches!(large.status, 0 | 507), "{large:?}");
    until("nothing waits", || names(&uploads) == ["uno.bin"]);

    // It fits, but the row beside it does not: the commit fails.
    let size = free(&data) - 64 * 1024;
    let both = send("/guardar?como=tres.bin&n=900000", size);
    assert_eq!(both.status, 507, "{both:?}");
    server.wait_for("could not be committed");
    until("it was taken back", || names(&uploads) == ["uno.bin"]);
    assert_eq!(rows(), 1);

    // Small ones come into memory, and find no room when they are kept.
    let size = free(&data) - 64 * 1024;
    assert_eq!(send("/guardar?como=cuatro.bin", size).status, 200);
    let statuses: Vec<u16> = (0..4).map(|n| send(&format!("/guardar?como=p{n}.bin"), 60_000).status).collect();
    let kept = statuses.iter().filter(|status| **status == 200).count();
    assert!(kept < 4 && statuses.iter().all(|status| matches!(status, 200 | 507)), "{statuses:?}");
    until("only what was told is there", || names(&uploads).len() == 2 + kept);
    assert_eq!(rows(), 2 + kept);
    assert_eq!(server.json("POST", "/fotos", &json!({ "texto": "x".repeat(900_000) })).status, 507);

    // With room again, everything goes on.
    assert_eq!(server.send("DELETE", "/archivo?p=uploads/cuatro.bin", &[], b"").value(), true);
    assert_eq!(send("/guardar?como=cinco.bin", 100_000).status, 200);
    assert_eq!(server.json("POST", "/fotos", &json!({ "texto": "x".repeat(900_000) })).status, 201);
}

#[test]
fn a_killed_process_leaves_files_as_it_leaves_rows() {
    let app = app("[script]\ncpu_seconds = 600");
    let uploads = data(&app).join("uploads");
    let body = form(100_000);
    let post = |server: &Server, path: &str| {
        let mut stream = server.connect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{}: {}\r\n", KIND.0, KIND.1);
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        stream
    };
    let waiting = || names(&uploads).iter().filter(|name| name.starts_with(".waiting-")).count();
    let server = app.serve();
    assert_eq!(server.send("POST", "/guardar?como=antes.bin", &[KIND], &body).status, 200);
    let rows = |server: &Server| -> Vec<Value> {
        let rows = server.get("/fotos").value();
        rows.as_array().unwrap().iter().map(|row| row["nombre"].clone()).collect()
    };

    // What it wrote before it waited is committed; what the other one writes is not.
    let first = post(&server, "/espera");
    until("the row is there", || rows(&server).len() == 2);
    let second = post(&server, "/cuelga");
    until("both wait", || uploads.join("cuelga.bin").exists() && waiting() == 2);
    drop(server);
    drop((first, second));
    assert_eq!(names(&uploads).len(), 5, "{:?}", names(&uploads));

    let server = app.serve();
    assert_eq!(names(&uploads), ["antes.bin", "espera.bin"]);
    assert_eq!(rows(&server), ["uploads/antes.bin", "uploads/espera.bin"]);

    // While another process lives, what waits may be its own.
    let held = begun(&server, 300_000, 100_000);
    until("it waits", || waiting() == 1);
    let other = app.serve();
    assert_eq!(waiting(), 1);
    drop((held, server));
    drop(other);
    let _alone = app.serve();
    assert_eq!(names(&uploads), ["antes.bin", "espera.bin"]);
}
