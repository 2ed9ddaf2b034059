//! From the text of a `vclouden.toml` to a manifest: types, units and defaults. Limits are `check`'s.
//!
//! Reading never stops at a mistake: a bad value is noted and replaced by its default, so that all mistakes come out at
//! once; a manifest with placeholders in it never leaves this file.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::near::near;
use super::problems::{Lines, ManifestErrors, Problems, line};
use super::read::{Table, a};
use super::{
    APP_DIRECTORY, APP_ID, Base, DEFAULT_PORT, Data, Egress, Engine, Http, Limits, Manifest, Stop, StopSignal, TcpPort,
    User, check, network,
};
use crate::name::Slug;

/// Bytes of a manifest.
const TEXT_BYTES: usize = 64 << 10;

/// The keys of each table; the variables of `environment` are free.
const KEYS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "name",
            "slug",
            "description",
            "logo",
            "engine",
            "base",
            "dependencies",
            "command",
            "user",
            "environment",
            "limits",
            "http",
            "ports",
            "data",
            "stop",
            "network",
        ],
    ),
    ("limits", &["memory", "cpus", "disk", "processes"]),
    ("http", &["port", "health", "start_timeout", "interval", "timeout", "max_body", "single_sign_on"]),
    ("ports", &["name", "port"]),
    ("data", &["directory", "initial"]),
    ("stop", &["signal", "grace"]),
    ("network", &["egress"]),
];

/// Reads a manifest.
pub(super) fn parse(text: &str) -> Result<Manifest, ManifestErrors> {
    let mut problems = Problems::default();
    if text.len() > TEXT_BYTES {
        problems.add("", format!("the file has {} bytes, the limit is {TEXT_BYTES}; make it smaller", text.len()));
        problems.result(None)?;
    }
    let (document, mistakes) = DeTable::parse_recoverable(text);
    for mistake in &mistakes {
        let at = mistake.span().map_or(text.len(), |span| span.start);
        problems.add_at(line(text, at), format!("this is not TOML: {}", mistake.message()));
    }
    if !mistakes.is_empty() {
        problems.result(None)?;
    }
    let top = Table::new("", document.get_ref());
    let manifest = manifest(&top, &mut problems);
    check::check(&manifest, &mut problems);
    problems.result(Some(&Lines::of(text, document.get_ref())))?;
    Ok(manifest)
}

/// Reads the whole document.
fn manifest(top: &Table<'_>, problems: &mut Problems) -> Manifest {
    known_keys(top, "", problems);
    let name = top.text("name", problems);
    if name.is_none() {
        problems.add("name", "is missing; add the application's name for people, such as name = \"Radicale\"");
    }
    let slug = slug(top, name.as_deref(), problems);
    let engine = top.word("engine", &[("command", Engine::Command), ("cirrus", Engine::Cirrus)], problems);
    let base = top.word("base", &[("empty", Base::Empty), ("debian-12", Base::Debian12)], problems);
    let mut dependencies = top.texts("dependencies", problems).unwrap_or_default();
    for (at, name) in dependencies.iter().enumerate() {
        if let Err(message) = check::dependency(name) {
            problems.add(&format!("dependencies[{at}]"), message);
        }
    }
    dependencies.sort();
    dependencies.dedup();
    let engine = engine.unwrap_or(Engine::Command);
    Manifest {
        name: name.unwrap_or_else(|| "?".into()),
        slug,
        description: top.text("description", problems),
        logo: top.text("logo", problems).map(|path| plain(&path)),
        engine,
        base: base.unwrap_or(Base::Empty),
        dependencies,
        command: command(top, engine, problems),
        user: user(top, problems),
        environment: environment(top, problems),
        limits: limits(top, problems),
        http: http(top, engine, problems),
        ports: ports(top, problems),
        data: data(top, problems),
        stop: stop(top, problems),
        egress: egress(top, problems),
    }
}

/// Notes the keys of a table that mean nothing, with what was probably meant.
fn known_keys(table: &Table<'_>, name: &str, problems: &mut Problems) {
    let known = KEYS.iter().find(|(table, _)| *table == name).map_or(&[][..], |(_, keys)| keys);
    for (key, _) in table.iter().filter(|(key, _)| !known.contains(key)) {
        let elsewhere = KEYS.iter().find(|(_, keys)| keys.contains(&key));
        let message = match (near(key, known.iter().copied()), elsewhere) {
            (_, None) if name.is_empty() && key == "version" => {
                "is not known; remove it: versions are numbered when they are published".to_owned()
            }
            (_, Some(("", _))) => format!("is not known in [{name}]; move it to the top, above the first [table]"),
            (None, Some((other, _))) => format!("is not known here; did you mean {key} in [{other}]?"),
            (Some(meant), _) => format!("is not known; did you mean \"{meant}\"?"),
            (None, None) => format!("is not known; the keys here are {}", known.join(", ")),
        };
        problems.add(&table.path(key), message);
    }
}

/// A table of the document, its keys checked.
fn section<'t>(top: &Table<'t>, name: &str, problems: &mut Problems) -> Option<Table<'t>> {
    let table = top.table(name, problems)?;
    known_keys(&table, name, problems);
    Some(table)
}

fn slug(top: &Table<'_>, name: Option<&str>, problems: &mut Problems) -> Slug {
    let placeholder = || "x".parse::<Slug>().expect("a letter is a slug");
    match top.text("slug", problems).map(|text| text.parse::<Slug>()) {
        Some(Ok(slug)) => return slug,
        Some(Err(wrong)) => problems.add("slug", wrong.to_string()),
        None => {
            let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
            let example: String = name.unwrap_or_default().chars().map(fit).take(Slug::MAX).collect();
            let example = example.trim_matches('-').parse::<Slug>().map_or("my-app".to_owned(), String::from);
            problems.add("slug", format!("is missing; add the application's short name, such as slug = \"{example}\""));
        }
    }
    placeholder()
}

fn command(top: &Table<'_>, engine: Engine, problems: &mut Problems) -> Vec<String> {
    if let Some(DeValue::String(line)) = top.get("command") {
        let plain = !line.chars().any(|c| "\"'\\$&|;<>`*?~#()".contains(c)) && !line.trim().is_empty();
        let words: Vec<String> = line.split_whitespace().map(|word| format!("\"{word}\"")).collect();
        let example = if plain { words.join(", ") } else { "\"program\", \"argument\"".into() };
        problems.add("command", format!("a string is not allowed here; write an array: command = [{example}]"));
        return Vec::new();
    }
    let mut command = top.texts("command", problems).unwrap_or_default();
    if engine == Engine::Command && top.get("command").is_none() && !problems.has("engine") {
        problems.add("command", "is missing; add the program and its arguments, such as command = [\"./server\"]");
    }
    if let Some(program) = command.first_mut() {
        let beneath =
            program.contains('/') && !program.starts_with('/') && !program.split('/').any(|part| part == "..");
        if beneath {
            *program = format!("{APP_DIRECTORY}/{}", plain(program));
        }
    }
    command
}

fn user(top: &Table<'_>, problems: &mut Problems) -> User {
    match top.get("user") {
        None => User::Id(APP_ID),
        Some(DeValue::String(name)) if name == "app" => User::Id(APP_ID),
        Some(DeValue::String(name)) => User::Name(name.to_string()),
        Some(DeValue::Integer(_)) => {
            let id = top.integer("user", 0..=u64::from(u32::MAX), problems).unwrap_or(APP_ID.into());
            User::Id(u32::try_from(id).expect("its range was just checked"))
        }
        Some(other) => {
            problems.add("user", format!("{} is not allowed here; write a name or a number: user = \"app\"", a(other)));
            User::Id(APP_ID)
        }
    }
}

fn environment(top: &Table<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let Some(table) = top.table("environment", problems) else { return variables };
    for (name, value) in table.iter() {
        let written = match value {
            DeValue::String(value) => {
                variables.insert(name.to_owned(), value.to_string());
                continue;
            }
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(truth) => truth.to_string(),
            _ => "...".to_owned(),
        };
        let message = format!("{} is not allowed here; write a string: {name} = \"{written}\"", a(value));
        problems.add(&table.path(name), message);
    }
    variables
}

fn limits(top: &Table<'_>, problems: &mut Problems) -> Limits {
    let mut limits = Limits { memory: 256 << 20, cpus_milli: 1000, disk: 1 << 30, processes: 64 };
    let Some(table) = section(top, "limits", problems) else { return limits };
    set(&mut limits.memory, table.size("memory", problems));
    set(&mut limits.cpus_milli, table.thousandths("cpus", check::CPUS_MILLI, problems));
    set(&mut limits.disk, table.size("disk", problems));
    let (least, most) = check::PROCESSES.into_inner();
    let processes = table.integer("processes", u64::from(least)..=u64::from(most), problems);
    set(&mut limits.processes, processes.map(|number| u32::try_from(number).expect("its range was just checked")));
    limits
}

fn http(top: &Table<'_>, engine: Engine, problems: &mut Problems) -> Option<Http> {
    let table = section(top, "http", problems);
    let mut http = Http {
        port: DEFAULT_PORT,
        health: None,
        start_timeout_ms: 30_000,
        interval_ms: 5_000,
        timeout_ms: 3_000,
        max_body: 64 << 20,
        single_sign_on: false,
    };
    let Some(table) = table else {
        // Cirrus serves HTTP whatever the manifest says.
        return (engine == Engine::Cirrus).then_some(http);
    };
    // Cirrus is told where to listen.
    if engine == Engine::Command || table.get("port").is_some() {
        http.port = port(&table, problems);
    }
    http.health = table.text("health", problems);
    set(&mut http.start_timeout_ms, table.duration("start_timeout", problems));
    set(&mut http.interval_ms, table.duration("interval", problems));
    set(&mut http.timeout_ms, table.duration("timeout", problems));
    set(&mut http.max_body, table.size("max_body", problems));
    http.single_sign_on = table.flag("single_sign_on", problems).unwrap_or(false);
    Some(http)
}

fn port(table: &Table<'_>, problems: &mut Problems) -> u16 {
    let read = table.integer("port", 1..=u64::from(u16::MAX), problems);
    if table.get("port").is_none() {
        problems
            .add(&table.path("port"), "is missing; add the TCP port that the program listens on, such as port = 8080");
    }
    read.map_or(1, |port| u16::try_from(port).expect("its range was just checked"))
}

fn ports(top: &Table<'_>, problems: &mut Problems) -> Vec<TcpPort> {
    let tables = top.tables("ports", problems);
    let mut ports = Vec::new();
    for table in tables {
        known_keys(&table, "ports", problems);
        let name = table.text("name", problems);
        if name.is_none() {
            problems.add(&table.path("name"), "is missing; add what the port is for, such as name = \"smtp\"");
        }
        ports.push(TcpPort { name: name.unwrap_or_default(), port: port(&table, problems) });
    }
    ports
}

fn data(top: &Table<'_>, problems: &mut Problems) -> Data {
    let mut data = Data { directory: "/data".into(), initial: None };
    let Some(table) = section(top, "data", problems) else { return data };
    set(&mut data.directory, table.text("directory", problems).map(|path| plain(&path)));
    data.initial = table.text("initial", problems).map(|path| plain(&path));
    data
}

fn stop(top: &Table<'_>, problems: &mut Problems) -> Stop {
    use StopSignal::{Hup, Int, Quit, Term, Usr1, Usr2};
    let mut stop = Stop { signal: Term, grace_ms: 10_000 };
    let Some(table) = section(top, "stop", problems) else { return stop };
    let short = [("TERM", Term), ("INT", Int), ("QUIT", Quit), ("HUP", Hup), ("USR1", Usr1), ("USR2", Usr2)];
    let named =
        |word: &str| short.iter().find(|(name, _)| word.strip_prefix("SIG") == Some(name)).map(|(_, signal)| *signal);
    let long = table.get("signal").and_then(DeValue::as_str).and_then(named);
    set(&mut stop.signal, long.or_else(|| table.word("signal", &short, problems)));
    set(&mut stop.grace_ms, table.duration("grace", problems));
    stop
}

fn egress(top: &Table<'_>, problems: &mut Problems) -> Egress {
    let Some(table) = section(top, "network", problems) else { return Egress::Internet };
    let Some(DeValue::Array(_)) = table.get("egress") else {
        let words = [("internet", false), ("none", true)];
        let none = table.get("egress").and_then(|_| table.word("egress", &words, problems)).unwrap_or(false);
        return if none { Egress::None } else { Egress::Internet };
    };
    let mut destinations = Vec::new();
    for (at, text) in table.texts("egress", problems).unwrap_or_default().iter().enumerate() {
        let path = format!("network.egress[{at}]");
        match network::parse(text).and_then(|destination| network::check(&destination).map(|()| destination)) {
            Ok(destination) => destinations.push(destination),
            Err(message) => problems.add(&path, message),
        }
    }
    Egress::Only(destinations)
}

/// Replaces a default by what was read, if anything was.
fn set<T>(slot: &mut T, read: Option<T>) {
    if let Some(read) = read {
        *slot = read;
    }
}

/// A path without `.`, repeated slashes and a slash at its end.
fn plain(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let begin = if path.starts_with('/') { "/" } else { "" };
    format!("{begin}{}", parts.join("/"))
}
