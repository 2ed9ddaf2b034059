//! With the real programs that stand around an application: Nginx before it, HTTPS and mail servers behind it, and
//! certificates of an authority that the test makes.
//!
//! Needs Debian's `nginx-light`, `openssl`, `curl` and `python3-aiosmtpd`: `scripts/need test` installs them.

mod https;
mod mail;
mod nginx;

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use super::web::world::Answer;

/// How openssl makes a key.
const KEY: [&str; 4] = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// A program that ends with the value.
struct Program(Child);

impl Program {
    fn start(command: &mut Command, package: &str) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned = command.spawn();
        Self(spawned.unwrap_or_else(|error| panic!("{name}: {error} (Debian package {package}: scripts/need test)")))
    }

    fn lines(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().unwrap()).lines()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program to its end and gives what it said.
fn output(command: &mut Command, package: &str) -> Vec<u8> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error} (Debian package {package}: scripts/need test)"));
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Asks with curl; what it says of the answer, head and body.
fn curl(args: &[&str]) -> Answer {
    let always = ["--silent", "--show-error", "--include", "--max-time", "120", "--header", "Expect:"];
    Answer::parse(&output(Command::new("curl").args(always).args(args), "curl"))
}

/// Ports of this machine that nothing listens on.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Nginx with these servers, as its only process.
fn nginx(directory: &Path, servers: &str) -> Program {
    let at = directory.display();
    let paths =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {at}/{name};"));
    let text = format!(
        "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
         access_log off;\n{}\nadd_header X-Instance $upstream_addr always;\n{servers}\n}}\n",
        paths.join("\n")
    );
    fs::write(directory.join("nginx.conf"), text).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(directory).args(["-e", "stderr", "-c"]).arg(directory.join("nginx.conf"));
    Program::start(&mut command, "nginx-light")
}

/// Waits until something listens there.
fn until_open(port: u16) {
    let until = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "nothing listens on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A certificate authority of the test.
struct Authority {
    directory: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let authority = Self { directory: tempfile::tempdir().unwrap() };
        let mut command = Command::new("openssl");
        // Two of the same name would be taken for one.
        let name = format!("/CN=Authority {}", authority.directory.path().file_name().unwrap().display());
        command.args(["req", "-x509", "-newkey"]).args(KEY).args(["-subj", &name, "-days", "2"]);
        output(command.arg("-keyout").arg(authority.path("ca.key")).arg("-out").arg(authority.file()), "openssl");
        authority
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What clients are told to believe.
    fn file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Files `NAME.pem` and `NAME.key`, for these names; a certificate of no days has expired when this returns.
    fn issue(&self, name: &str, alternatives: &str, days: &str) -> (PathBuf, PathBuf) {
        let [certificate, key, wanted] = ["pem", "key", "csr"].map(|end| self.path(&format!("{name}.{end}")));
        let names = format!("subjectAltName={alternatives}");
        let mut ask = Command::new("openssl");
        ask.args(["req", "-newkey"]).args(KEY).args(["-subj", "/CN=test", "-addext", &names]);
        output(ask.arg("-keyout").arg(&key).arg("-out").arg(&wanted), "openssl");
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-copy_extensions", "copy", "-days", days, "-in"]).arg(wanted);
        sign.arg("-CA").arg(self.file()).arg("-CAkey").arg(self.path("ca.key")).arg("-out").arg(&certificate);
        output(&mut sign, "openssl");
        let valid =
            || Command::new("openssl").args(["x509", "-checkend", "0", "-noout", "-in"]).arg(&certificate).output();
        if days == "0" {
            while valid().unwrap().status.success() {
                std::thread::sleep(Duration::from_millis(100));
            }
            // For OpenSSL a certificate has expired in its last second, for others only after it.
            std::thread::sleep(Duration::from_millis(1100));
        }
        (certificate, key)
    }
}
