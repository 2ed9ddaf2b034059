//! Good manifests, and one test line per mistake with its exact message.

use domain::Manifest;
use domain::manifest::{
    Base, Data, Destination, Egress, Engine, EntryKind, Http, Limits, Stop, StopSignal, TcpPort, User,
};

const SMALL: &str = "name = \"Small\"\nslug = \"small\"\ncommand = [\"./server\"]\n";

/// What is wrong with a text, as a person reads it.
fn wrong(text: &str) -> String {
    Manifest::parse(text).expect_err(text).to_string()
}

#[test]
fn a_small_manifest_has_the_documented_defaults() {
    let manifest = Manifest::parse(SMALL).unwrap();
    let expected = Manifest {
        name: "Small".into(),
        slug: "small".parse().unwrap(),
        description: None,
        logo: None,
        engine: Engine::Command,
        base: Base::Empty,
        dependencies: vec![],
        command: vec!["/app/server".into()],
        user: User::Id(1000),
        environment: [].into(),
        limits: Limits { memory: 256 << 20, cpus_milli: 1000, disk: 1 << 30, processes: 64 },
        http: None,
        ports: vec![],
        data: Data { directory: "/data".into(), initial: None },
        stop: Stop { signal: StopSignal::Term, grace_ms: 10_000 },
        egress: Egress::Internet,
    };
    assert_eq!(manifest, expected);
    let http = Manifest::parse(&format!("{SMALL}http.port = 80")).unwrap().http.unwrap();
    let expected = Http {
        port: 80,
        health: None,
        start_timeout_ms: 30_000,
        interval_ms: 5_000,
        timeout_ms: 3_000,
        max_body: 64 << 20,
        single_sign_on: false,
    };
    assert_eq!(http, expected);
}

#[test]
fn every_key_is_read() {
    let manifest = Manifest::parse(
        r#"
name = "Radicale"
slug = "radicale"
description = "Calendars and contacts"
logo = "./art//logo.svg"
engine = "command"
base = "debian-12"
dependencies = ["radicale", "apache2-utils", "radicale", "libstdc++6"]
command = ["radicale", "--config", "/app/config"]
user = "radicale"
[environment]
LANG = "C.UTF-8"
[limits]
memory = "128 MiB"
cpus = 0.5
disk = "2 GiB"
processes = 32
[http]
port = 5232
health = "/.web/"
start_timeout = "20 s"
interval = "10 s"
timeout = "500 ms"
max_body = "100 MB"
single_sign_on = true
[[ports]]
name = "smtp"
port = 2525
[[ports]]
name = "imap"
port = 1143
[data]
directory = "/var/lib/radicale/"
initial = "initial-data/"
[stop]
signal = "SIGINT"
grace = "1 min"
[network]
egress = ["203.0.113.0/24:443", "10.0.0.5:5432", "198.51.100.0/24"]
"#,
    )
    .unwrap();
    let to = |network: &str, port| Destination { network: network.into(), port };
    let expected = Manifest {
        name: "Radicale".into(),
        slug: "radicale".parse().unwrap(),
        description: Some("Calendars and contacts".into()),
        logo: Some("art/logo.svg".into()),
        engine: Engine::Command,
        base: Base::Debian12,
        dependencies: ["apache2-utils", "libstdc++6", "radicale"].map(String::from).into(),
        command: ["radicale", "--config", "/app/config"].map(String::from).into(),
        user: User::Name("radicale".into()),
        environment: [("LANG".into(), "C.UTF-8".into())].into(),
        limits: Limits { memory: 128 << 20, cpus_milli: 500, disk: 2 << 30, processes: 32 },
        http: Some(Http {
            port: 5232,
            health: Some("/.web/".into()),
            start_timeout_ms: 20_000,
            interval_ms: 10_000,
            timeout_ms: 500,
            max_body: 100_000_000,
            single_sign_on: true,
        }),
        ports: vec![TcpPort { name: "smtp".into(), port: 2525 }, TcpPort { name: "imap".into(), port: 1143 }],
        data: Data { directory: "/var/lib/radicale".into(), initial: Some("initial-data".into()) },
        stop: Stop { signal: StopSignal::Int, grace_ms: 60_000 },
        egress: Egress::Only(vec![
            to("203.0.113.0/24", Some(443)),
            to("10.0.0.5/32", Some(5432)),
            to("198.51.100.0/24", None),
        ]),
    };
    assert_eq!(manifest, expected);
    let wire = serde_json::to_string(&manifest).unwrap();
    let back: Manifest = serde_json::from_str(&wire).unwrap();
    assert_eq!(back, manifest);
    back.check().unwrap();
}

#[test]
fn programs_and_words_may_be_written_in_the_usual_ways() {
    let command = |program: &str| {
        let text = format!("name = \"A\"\nslug = \"a\"\nbase = \"debian-12\"\ncommand = [\"{program}\"]");
        Manifest::parse(&text).unwrap().command.remove(0)
    };
    for (written, read) in [
        ("./server", "/app/server"),
        ("bin/server", "/app/bin/server"),
        ("./bin//./server", "/app/bin/server"),
        ("/usr/bin/python3", "/usr/bin/python3"),
        ("python3", "python3"),
    ] {
        assert_eq!(command(written), read);
    }
    let user = |user: &str| Manifest::parse(&format!("{SMALL}user = {user}")).unwrap().user;
    assert_eq!(user("\"app\""), User::Id(1000));
    assert_eq!(user("33"), User::Id(33));
    assert_eq!(user("\"www-data\""), User::Name("www-data".into()));
    for (written, egress) in [("\"none\"", Egress::None), ("\"internet\"", Egress::Internet)] {
        assert_eq!(Manifest::parse(&format!("{SMALL}network.egress = {written}")).unwrap().egress, egress);
    }
    assert_eq!(
        Manifest::parse("name = \"C\"\nslug = \"c\"\nengine = \"cirrus\"").unwrap().command,
        Vec::<String>::new()
    );
    for (written, milli) in [("2", 2000), ("0.25", 250), ("64", 64_000), ("0.05", 50), ("0x2", 2000)] {
        let text = format!("{SMALL}limits.cpus = {written}");
        assert_eq!(Manifest::parse(&text).unwrap().limits.cpus_milli, milli);
    }
}

#[test]
fn every_mistake_has_its_message() {
    let cases: Vec<&str> = include_str!("mistakes.txt").split("\n\n").skip(1).collect();
    assert!(cases.len() > 80, "{} cases", cases.len());
    for case in cases {
        let (lines, message) = case.trim_end().split_once("\n=> ").unwrap();
        assert_eq!(wrong(&format!("{SMALL}{lines}\n")), message, "{lines}");
    }
}

#[test]
fn what_is_required_is_asked_for() {
    assert_eq!(
        wrong(""),
        "name: is missing; add the application's name for people, such as name = \"Radicale\"\n\
         slug: is missing; add the application's short name, such as slug = \"my-app\"\n\
         command: is missing; add the program and its arguments, such as command = [\"./server\"]"
    );
    assert_eq!(
        wrong("name = \"My Cloud!\"\ncommand = [\"./a\"]"),
        "slug: is missing; add the application's short name, such as slug = \"my-cloud\""
    );
    for (line, message) in [
        (
            "command = \"radicale --config /app/config\"",
            "a string is not allowed here; write an array: command = [\"radicale\", \"--config\", \"/app/config\"]",
        ),
        ("command = \"a | b\"", "a string is not allowed here; write an array: command = [\"program\", \"argument\"]"),
        ("command = []", "is empty; write the program and its arguments, such as command = [\"./server\"]"),
        ("command = [\"\"]", "is empty; write the program and its arguments, such as command = [\"./server\"]"),
        ("command = [\"../a\"]", "\"../a\" has \"..\" in it; write the program's path without"),
    ] {
        assert_eq!(wrong(&format!("name = \"A\"\nslug = \"a\"\n{line}")), format!("line 3: command: {message}"));
    }
    assert_eq!(
        wrong("name = \"A\"\nslug = \"a\"\ncommand = [\n  \"./a\",\n  8080,\n]"),
        "line 5: command[1]: a whole number is not allowed here; write a string, in quotes"
    );
    let bad = "cannot be used as a name: use 1 to 30 lower-case letters, digits and hyphens, \
               beginning and ending with a letter or digit";
    assert_eq!(wrong("name = \"A\"\nslug = \"A b\"\ncommand = [\"./a\"]"), format!("line 2: slug: \"A b\" {bad}"));
    assert_eq!(
        wrong("name = \"\"\nslug = \"a\"\ncommand = [\"./a\"]"),
        "line 1: name: \"\" is not a name; write 1 to 60 characters on one line"
    );
    let long = "x".repeat(61);
    assert_eq!(
        wrong(&format!("name = \"{long}\"\nslug = \"a\"\ncommand = [\"./a\"]")),
        format!("line 1: name: \"{long}\" is not a name; write 1 to 60 characters on one line")
    );
}

#[test]
fn all_mistakes_come_out_at_once_in_order_of_their_lines() {
    let text = "name = 3\n\ncommand = \"a\"\nuser = \"root\"\n\n[limits]\nmemory = \"1 B\"\ncpu = 1\n\n\
                [[ports]]\nname = \"a\"\nport = 1\n\n[[ports]]\nport = 99999\n";
    assert_eq!(
        wrong(text),
        "slug: is missing; add the application's short name, such as slug = \"my-app\"\n\
         line 1: name: a whole number is not allowed here; write a string: name = \"...\"\n\
         line 3: command: a string is not allowed here; write an array: command = [\"a\"]\n\
         line 4: user: \"root\" is root, and no program runs as root; \
         remove the key to run as \"app\", or name another user\n\
         line 7: limits.memory: 1 B is out of range; write 8 MiB to 64 GiB\n\
         line 8: limits.cpu: is not known; did you mean \"cpus\"?\n\
         line 14: ports[1].name: is missing; add what the port is for, such as name = \"smtp\"\n\
         line 15: ports[1].port: 99999 is out of range; write 1 to 65535"
    );
}

#[test]
fn what_is_not_toml_is_said_with_its_line() {
    for (text, line) in [
        ("name = Radicale\n", 1),
        ("name = \"A\"\nslug \"a\"\n", 2),
        ("name = \"A\"\nslug = \"a\"\nname = \"B\"\n", 3),
        ("name = \"A\"\n[limits\n", 2),
        ("name = \"A\"\n\n\nx = \"open", 4),
    ] {
        let message = wrong(text);
        assert!(message.starts_with(&format!("line {line}: this is not TOML: ")), "{text:?} gave {message:?}");
    }
    let nested = format!("x = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(wrong(&nested).contains("not TOML"));
    assert_eq!(wrong(&"#".repeat(70_000)), "the file has 70000 bytes, the limit is 65536; make it smaller");
}

#[test]
fn amounts_are_limited() {
    let many = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let words = |count| many(count, &|at| format!("\"p{at}\""));
    for (text, message) in [
        (
            format!("base = \"debian-12\"\ndependencies = [{}]", words(65)),
            "dependencies: 65 packages are too many; write at most 64",
        ),
        (
            format!("environment = {{{}}}", many(65, &|at| format!("V{at} = \"\""))),
            "environment: 65 variables are too many; write at most 64",
        ),
        (
            format!("environment.A = \"{}\"", "x".repeat(32 << 10)),
            "environment: 32771 bytes are too many; write at most 32768",
        ),
        (
            format!("ports = [{}]", many(33, &|at| format!("{{name = \"p{at}\", port = {}}}", at + 1))),
            "ports: 33 ports are too many; write at most 32",
        ),
        (
            format!("network.egress = [{}]", many(65, &|at| format!("\"10.0.0.{at}\""))),
            "network.egress: 65 destinations are too many; write at most 64",
        ),
    ] {
        assert!(wrong(&format!("{SMALL}{text}")).contains(message), "{message}");
    }
    let command = |arguments: String| wrong(&format!("name = \"A\"\nslug = \"a\"\ncommand = [\"./a\", {arguments}]"));
    assert_eq!(command(words(256)), "line 3: command: 257 arguments are too many; write at most 256");
    assert!(command(format!("\"{}\"", "x".repeat(40_000))).contains("bytes are too many; write at most 32768"));
}

#[test]
fn what_comes_over_the_wire_is_checked_alike() {
    let good = Manifest::parse(&format!("{SMALL}http.port = 80")).unwrap();
    type Change = fn(&mut Manifest);
    let cases: &[(Change, &str)] = &[
        (|m| m.name = "a\nb".into(), "name: \"a\\nb\" is not a name; write 1 to 60 characters on one line"),
        (
            |m| m.description = Some(" ".into()),
            "description: \" \" is no description; write 1 to 200 characters on one line",
        ),
        (|m| m.description = Some("ñ".repeat(201)), "description: \"ñññ"),
        (|m| m.limits.memory = 0, "limits.memory: 0 B is out of range; write 8 MiB to 64 GiB"),
        (|m| m.limits.processes = u32::MAX, "limits.processes: 4294967295 is out of range; write 4 to 4096"),
        (|m| m.user = User::Id(0), "user: 0 is root"),
        (|m| m.user = User::Name("nobody".into()), "user: \"nobody\" owns the files of everybody"),
        (|m| m.user = User::Name("../x".into()), "user: \"../x\" is not the name of a user"),
        (|m| m.command = vec![], "command: is empty"),
        (
            |m| m.command = vec!["bin/x".into()],
            "command: \"bin/x\" is relative; write /app/bin/x for a file of the package",
        ),
        (|m| m.command = vec!["/app/../x".into()], "command: \"/app/../x\" has \"..\" in it"),
        (|m| m.command.push("a\0b".into()), "command: has a NUL character"),
        (|m| m.http.as_mut().unwrap().port = 0, "http.port: 0 is out of range"),
        (|m| m.logo = Some("a/./b.svg".into()), "logo: \"a/./b.svg\" is not a usable path"),
        (|m| m.data.directory = "/".into(), "data.directory: \"/\" is no place for data"),
        (|m| m.data.directory = "/srv/a//b".into(), "data.directory: \"/srv/a//b\" is no place for data"),
        (
            |m| m.egress = Egress::Only(vec![Destination { network: "10.0.0.1".into(), port: None }]),
            "network.egress[0]: \"10.0.0.1\" is not a network in CIDR notation",
        ),
        (
            |m| m.egress = Egress::Only(vec![Destination { network: "10.0.0.0/08".into(), port: None }]),
            "network.egress[0]: \"10.0.0.0/08\" is not a network in CIDR notation",
        ),
        (
            |m| (m.base, m.dependencies) = (Base::Debian12, vec!["zz".into(), "aa".into()]),
            "dependencies: are not sorted or repeat a name; sort them",
        ),
        (|m| m.dependencies = vec!["$(x)".into()], "dependencies[0]: \"$(x)\" is not the name of a Debian package"),
    ];
    good.check().unwrap();
    for (change, message) in cases {
        let mut bad = good.clone();
        change(&mut bad);
        let found = bad.check().unwrap_err().to_string();
        assert!(found.starts_with(message), "{found:?} does not begin with {message:?}");
    }
}

#[test]
fn what_the_manifest_names_must_be_in_the_package() {
    let text =
        "name = \"A\"\nslug = \"a\"\nlogo = \"logo.svg\"\ncommand = [\"./bin/server\"]\n[data]\ninitial = \"start\"\n";
    let manifest = Manifest::parse(text).unwrap();
    let (file, program) = (EntryKind::File { executable: false }, EntryKind::File { executable: true });
    let check = |logo, command, initial| {
        let at = |path: &str| match path {
            "logo.svg" => logo,
            "bin/server" => command,
            "start" => initial,
            other => panic!("nobody named {other}"),
        };
        manifest.check_package(at).map_err(|errors| errors.with_lines(text).to_string())
    };
    check(Some(file), Some(program), Some(EntryKind::Directory)).unwrap();
    let add = "is not in the package; add it or correct the path, which begins at the package's top";
    assert_eq!(
        check(None, None, None).unwrap_err(),
        format!(
            "line 3: logo: \"logo.svg\" {add}\n\
             line 4: command: \"bin/server\" {add}\n\
             line 6: data.initial: \"start\" {add}"
        )
    );
    assert_eq!(
        check(Some(EntryKind::Directory), Some(file), Some(file)).unwrap_err(),
        "line 3: logo: \"logo.svg\" is a directory; name a picture in it\n\
         line 4: command: \"bin/server\" is not executable; run `chmod +x bin/server` and pack again\n\
         line 6: data.initial: \"start\" is a file; name the directory that holds the initial data"
    );
    assert!(
        check(Some(file), Some(EntryKind::Directory), Some(EntryKind::Directory))
            .unwrap_err()
            .contains("is a directory")
    );
    let by_name = Manifest::parse("name = \"A\"\nslug = \"a\"\ncommand = [\"server\"]").unwrap();
    by_name.check_package(|path| (path == "bin/server").then_some(program)).unwrap();
    assert_eq!(
        by_name.check_package(|_| None).unwrap_err().to_string(),
        "command: \"server\" is not in the package's directory \"bin\", and base \"empty\" has no other programs; \
         write \"./server\" for a file at the package's top, or add base = \"debian-12\""
    );
    let debian = Manifest { base: Base::Debian12, ..by_name };
    debian.check_package(|path| panic!("nobody named {path}")).unwrap();
    let installed = Manifest::parse("name = \"A\"\nslug = \"a\"\ncommand = [\"/usr/bin/x\"]").unwrap();
    installed.check_package(|path| panic!("nobody named {path}")).unwrap();
}

#[test]
fn the_documented_examples_and_our_own_applications_are_right() {
    let page = include_str!("../../../../docs/package.md");
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let examples: Vec<&str> = blocks.filter(|block| block.starts_with("name = ")).collect();
    assert!(examples.len() >= 5, "{} examples", examples.len());
    for example in examples {
        Manifest::parse(example).unwrap_or_else(|errors| panic!("{errors}\n{example}"));
    }
    let apps = concat!(env!("CARGO_MANIFEST_DIR"), "/../../apps");
    for app in std::fs::read_dir(apps).unwrap() {
        let path = app.unwrap().path().join("vclouden.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        Manifest::parse(&text).unwrap_or_else(|errors| panic!("{}: {errors}", path.display()));
    }
}

#[test]
fn every_key_is_documented() {
    let page = include_str!("../../../../docs/package.md");
    for key in [
        "name",
        "slug",
        "logo",
        "engine",
        "base",
        "dependencies",
        "command",
        "user",
        "environment",
        "limits.memory",
        "limits.cpus",
        "limits.disk",
        "limits.processes",
        "http.port",
        "http.health",
        "http.start_timeout",
        "http.interval",
        "http.timeout",
        "http.max_body",
        "http.single_sign_on",
        "ports.name",
        "ports.port",
        "data.directory",
        "data.initial",
        "stop.signal",
        "stop.grace",
        "network.egress",
    ] {
        assert!(page.contains(&format!("| `{key}` |")), "{key} has no row in the table of docs/package.md");
    }
}
