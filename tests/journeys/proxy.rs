//! Behind Nginx with TLS, as `docs/proxy.md` sets it up: its very text, with other ports.

use std::process::{Command, Stdio};

use testkit::program::output;
use testkit::{Authority, Chromium, Machine, Package, Program};

/// How the page has `up` begin.
const UP: [&str; 6] = [
    "--installation-url",
    "https://{name}.apps.example.com",
    "--console-url",
    "https://console.example.com",
    "--trusted-proxy",
    "127.0.0.1",
];

struct World {
    machine: Machine,
    authority: Authority,
    _nginx: Program,
}

impl World {
    fn new() -> Self {
        let page = testkit::nginx::page("proxy.md", "console");
        for word in UP {
            assert!(page.contains(word), "the page has {word}");
        }
        let machine = Machine::with(&UP);
        // The names are this machine's, in this test's own files.
        let hosts = machine.scratch().join("hosts");
        let names =
            "127.0.0.1 localhost console.example.com other.example.com main.apps.example.com acme.apps.example.com\n";
        std::fs::write(&hosts, names).unwrap();
        testkit::machine::run("mount", &["--bind", hosts.to_str().unwrap(), "/etc/hosts"]);
        let authority = Authority::new();
        let (certificate, key) = authority.issue("front", "DNS:console.example.com,DNS:*.apps.example.com", "2");
        let both = format!("ssl_certificate {}; ssl_certificate_key {};", certificate.display(), key.display());
        let mut servers = testkit::nginx::page("proxy.md", "nginx");
        assert_eq!(servers.matches("listen 443 ssl;").count(), 2);
        servers = servers.replace("listen 443 ssl;", &format!("listen 443 ssl; {both}"));
        servers += "\nserver { listen 80; return 301 https://$host$request_uri; }";
        let nginx = testkit::nginx(authority.directory(), &servers);
        testkit::program::until_open(443);
        Self { machine, authority, _nginx: nginx }
    }

    /// The command line of somebody elsewhere, who has a token and a file of authorities.
    fn elsewhere(&self, api: &str, arguments: &[&str]) -> Command {
        let token = std::fs::read_to_string(self.machine.data().join("operator-token")).unwrap();
        let mut command = self.machine.command(arguments);
        command.env("VCLOUDEN_API", api).env("VCLOUDEN_TOKEN", token.trim());
        command.env("SSL_CERT_FILE", self.authority.file()).env_remove("SSL_CERT_DIR");
        command
    }

    fn said(&self, arguments: &[&str]) -> String {
        let said = output(&mut self.elsewhere("console.example.com", arguments), "none");
        String::from_utf8(said).unwrap()
    }

    fn refused(&self, command: &mut Command) -> String {
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn the_command_line_works_from_elsewhere_by_tls() {
    let world = World::new();
    let package = Package::hola(world.machine.scratch().join("package"), "1", "well", "");
    testkit::machine::run("cp", &["/bin/busybox", package.text()]);
    world.said(&["version", "publish", package.text(), "--create"]);
    world.said(&["customer", "create", "acme"]);
    world.said(&["install", "hola", "--customer", "acme", "--name", "acme"]);
    assert!(world.said(&["installation", "list"]).contains("acme"));

    // What is typed goes in while what comes is read: the answer comes before the input ends.
    let shell = ["installation", "exec", "acme", "--", "/app/busybox", "sh"];
    let mut shell = world.elsewhere("https://console.example.com", &shell);
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = shell.stdin.take().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(shell.stdout.take().unwrap()));
    for n in 1..=3 {
        std::io::Write::write_all(&mut input, format!("echo $(({n}*111))\n").as_bytes()).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), format!("{}", n * 111));
    }
    drop(input);
    assert!(shell.wait().unwrap().success());

    // A log that is watched shows what happens now.
    let mut watched = world.elsewhere("console.example.com", &["events", "--follow"]);
    let mut watched = watched.stdout(Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(watched.stdout.take().unwrap()));
    world.said(&["customer", "create", "later"]);
    assert!(lines.map_while(Result::ok).any(|line| line.contains("later")));
    watched.kill().unwrap();
    watched.wait().unwrap();
}

#[test]
fn nobody_gets_a_token_whom_the_certificate_does_not_name() {
    let world = World::new();
    let ask = |api: &str| world.elsewhere(api, &["status"]);
    let said = world.refused(&mut ask("https://other.example.com"));
    assert!(said.contains("is not believed to be who it says"), "{said}");
    for arguments in [&["status"][..], &["installation", "exec", "acme", "--", "true"]] {
        let mut unknown = world.elsewhere("console.example.com", arguments);
        let said = world.refused(unknown.env("SSL_CERT_FILE", Authority::new().file()));
        assert!(said.contains("SSL_CERT_FILE"), "{said}");
    }
    for named in ["/nowhere", "/etc/hosts"] {
        let said = world.refused(ask("console.example.com").env("SSL_CERT_FILE", named));
        assert!(said.contains("Correct it, or unset it"), "{named}: {said}");
    }
    let said = world.refused(&mut ask("http://console.example.com"));
    assert!(said.contains("sends on to https://console.example.com/"), "{said}");
    let said = world.refused(&mut ask("https://console.example.com:7878"));
    assert!(said.contains("Is it plain HTTP?"), "{said}");
}

#[test]
fn people_come_by_tls_to_the_console_a_portal_and_an_application() {
    let world = World::new();
    let machine = &world.machine;
    let package = Package::hola(machine.scratch().join("package"), "1", "well", "");
    machine.cli(&["version", "publish", package.text(), "--create"]);
    machine.cli(&["customer", "create", "acme"]);
    machine.cli(&["install", "hola", "--customer", "acme", "--name", "acme"]);
    let made = machine.json(&["invitation", "create", "ana@main.example", "--role", "owner", "--publisher", "main"]);
    let link = made["link"].as_str().unwrap();
    assert!(link.starts_with("https://console.example.com/join/"), "{link}");
    let browser = Chromium::believing("en", testkit::browser::DESKTOP);
    browser.open(link);
    browser.fill("[name=name]", "Ana");
    browser.fill("[name=password]", "four words serve well");
    browser.follow("form[action^=\"/join/\"] button[type=submit]");
    browser.open("https://console.example.com/p/main/installations/acme");
    browser.until("document.querySelector('main a[href^=\"https://acme.apps.example.com\"]')");
    browser.open("https://acme.apps.example.com/");
    browser.until_said("hola");
    browser.open("https://main.apps.example.com/login");
    browser.until_said("Log in");
}
