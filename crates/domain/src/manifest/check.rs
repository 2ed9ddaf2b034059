//! Every limit of a manifest, whether it was just read from a file or came over the wire.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use super::problems::Problems;
use super::{Base, Egress, Engine, Http, Limits, Manifest, TcpPort, User, duration, network, size};
use crate::name::Slug;

const NAME_LENGTH: usize = 60;
const DESCRIPTION_LENGTH: usize = 200;
const PATH_BYTES: usize = 512;
const DEPENDENCIES: usize = 64;
const ARGUMENTS: usize = 256;
const COMMAND_BYTES: usize = 32 << 10;
const VARIABLES: usize = 64;
const VARIABLES_BYTES: usize = 32 << 10;
const PORTS: usize = 32;
const DESTINATIONS: usize = 64;
const HEALTH_BYTES: usize = 1024;
const MEMORY: RangeInclusive<u64> = (8 << 20)..=(64 << 30);
pub(super) const CPUS_MILLI: RangeInclusive<u32> = 50..=64_000;
const DISK: RangeInclusive<u64> = (16 << 20)..=(1 << 40);
pub(super) const PROCESSES: RangeInclusive<u32> = 4..=4096;
const START_TIMEOUT_MS: RangeInclusive<u64> = 1_000..=600_000;
const INTERVAL_MS: RangeInclusive<u64> = 1_000..=300_000;
const TIMEOUT_MS: RangeInclusive<u64> = 100..=60_000;
const MAX_BODY: RangeInclusive<u64> = 1..=(16 << 30);
const GRACE_MS: RangeInclusive<u64> = 0..=300_000;
const LOGOS: [&str; 4] = [".svg", ".png", ".jpg", ".webp"];
const DATA_PLACES: [&str; 6] = ["/data/", "/srv/", "/var/lib/", "/var/opt/", "/opt/", "/home/"];

/// Notes everything that is out of its limits.
pub(super) fn check(manifest: &Manifest, problems: &mut Problems) {
    let name = &manifest.name;
    if name.trim().is_empty() || name.chars().count() > NAME_LENGTH || name.chars().any(char::is_control) {
        problems
            .add("name", format!("{:?} is not a name; write 1 to {NAME_LENGTH} characters on one line", shown(name)));
    }
    if let Some(text) = &manifest.description
        && (text.trim().is_empty() || text.chars().count() > DESCRIPTION_LENGTH || text.chars().any(char::is_control))
    {
        let message =
            format!("{:?} is no description; write 1 to {DESCRIPTION_LENGTH} characters on one line", shown(text));
        problems.add("description", message);
    }
    if let Some(logo) = &manifest.logo {
        package_path("logo", logo, problems);
        if !LOGOS.iter().any(|end| logo.ends_with(end)) {
            let message = format!(
                "{:?} is no picture that a browser shows; name a file that ends in .svg, .png, .jpg or .webp",
                shown(logo)
            );
            problems.add("logo", message);
        }
    }
    dependencies(manifest, problems);
    command(manifest, problems);
    user(&manifest.user, problems);
    environment(manifest, problems);
    limits(&manifest.limits, problems);
    if let Some(http) = &manifest.http {
        check_http(http, problems);
    }
    ports(&manifest.ports, manifest.http.as_ref(), problems);
    data(manifest, problems);
    within("stop.grace", manifest.stop.grace_ms, &GRACE_MS, duration::format, problems);
    egress(&manifest.egress, problems);
}

/// Notes a value out of its range.
fn within<T: PartialOrd + Copy, S: Display>(
    key: &str,
    value: T,
    range: &RangeInclusive<T>,
    show: impl Fn(T) -> S,
    problems: &mut Problems,
) {
    if !range.contains(&value) {
        let (least, most) = (show(*range.start()), show(*range.end()));
        problems.add(key, format!("{} is out of range; write {least} to {most}", show(value)));
    }
}

/// Notes more than `most` of something.
fn at_most(key: &str, count: usize, most: usize, what: &str, problems: &mut Problems) {
    if count > most {
        problems.add(key, format!("{count} {what} are too many; write at most {most}"));
    }
}

/// A text as an error message may show it.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Notes a path that is not plain, relative and inside the package.
fn package_path(key: &str, path: &str, problems: &mut Problems) {
    let wrong = if path.is_empty() {
        "is empty; write a path inside the package or remove the key"
    } else if path.starts_with('/') {
        "is absolute; write a path that begins at the package's top, without a slash before it"
    } else if path.split('/').any(|part| part == "..") {
        "leaves the package; write a path inside of it, without \"..\""
    } else if path.len() > PATH_BYTES || path.chars().any(char::is_control) || not_plain(path) {
        "is not a usable path; write at most 512 bytes without control characters"
    } else {
        return;
    };
    problems.add(key, format!("{:?} {wrong}", shown(path)));
}

/// Whether a path has parts that mean nothing.
fn not_plain(path: &str) -> bool {
    path.split('/').any(|part| part.is_empty() || part == ".")
}

fn dependencies(manifest: &Manifest, problems: &mut Problems) {
    let all = &manifest.dependencies;
    at_most("dependencies", all.len(), DEPENDENCIES, "packages", problems);
    if !problems.has_within("dependencies") {
        for (at, wrong) in all.iter().map(|name| dependency(name)).enumerate() {
            if let Err(message) = wrong {
                problems.add(&format!("dependencies[{at}]"), message);
            }
        }
    }
    if !all.is_empty() && manifest.base == Base::Empty && !problems.has("base") {
        problems.add("dependencies", "need a base with packages; add base = \"debian-12\"");
    }
    if !all.windows(2).all(|pair| pair[0] < pair[1]) {
        problems.add("dependencies", "are not sorted or repeat a name; sort them");
    }
}

/// What is wrong with the name of a Debian package (Debian Policy 5.6.7), if anything is.
pub(super) fn dependency(name: &str) -> Result<(), String> {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"+.-".contains(&c);
    if (2..=128).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with(['+', '.', '-']) {
        return Ok(());
    }
    Err(format!(
        "{:?} is not the name of a Debian package; write names such as \"python3\", without versions",
        shown(name)
    ))
}

fn command(manifest: &Manifest, problems: &mut Problems) {
    let command = &manifest.command;
    let bytes: usize = command.iter().map(|word| word.len() + 1).sum();
    at_most("command", command.len(), ARGUMENTS, "arguments", problems);
    at_most("command", bytes, COMMAND_BYTES, "bytes", problems);
    if command.iter().any(|word| word.contains('\0')) {
        problems.add("command", "has a NUL character, which no program can be given; remove it");
    }
    if manifest.engine == Engine::Cirrus {
        if !command.is_empty() && !problems.has("engine") {
            problems.add("command", "is not for the engine \"cirrus\"; remove it, or use engine = \"command\"");
        }
        if manifest.base != Base::Empty {
            problems.add("base", "is not for the engine \"cirrus\", whose sandbox holds nothing else; remove it");
        }
        return;
    }
    let Some(program) = command.first().filter(|program| !program.is_empty()) else {
        // A mistake inside the array may be why there is nothing in it.
        if !problems.has_within("command") {
            problems.add("command", "is empty; write the program and its arguments, such as command = [\"./server\"]");
        }
        return;
    };
    let program = shown(program);
    if program.split('/').any(|part| part == "..") {
        problems.add("command", format!("{program:?} has \"..\" in it; write the program's path without"));
    } else if program.contains('/') && !program.starts_with('/') {
        problems.add("command", format!("{program:?} is relative; write /app/{program} for a file of the package"));
    }
}

fn user(user: &User, problems: &mut Problems) {
    let root = "is root, and no program runs as root; remove the key to run as \"app\", or name another user";
    let nobody = "owns the files of everybody who is unknown, and no program may own them; remove the key to run as \
                  \"app\", or name another user";
    // Its id, 65534, is out of range, too: it is the owner that the kernel shows for ids without a mapping.
    match user {
        User::Id(0) => problems.add("user", format!("0 {root}")),
        User::Name(name) if name == "nobody" => problems.add("user", format!("\"nobody\" {nobody}")),
        User::Id(id) => within("user", *id, &(1..=65533), |id| id, problems),
        User::Name(name) if name == "root" => problems.add("user", format!("\"root\" {root}")),
        User::Name(name) => {
            let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-".contains(&c);
            let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
            if !begins || name.len() > 32 || !name.bytes().all(inner) {
                let message = format!(
                    "{:?} is not the name of a user; write one of /etc/passwd, or a number without quotes",
                    shown(name)
                );
                problems.add("user", message);
            }
        }
    }
}

fn environment(manifest: &Manifest, problems: &mut Problems) {
    let all = &manifest.environment;
    at_most("environment", all.len(), VARIABLES, "variables", problems);
    let bytes: usize = all.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    at_most("environment", bytes, VARIABLES_BYTES, "bytes", problems);
    for (name, value) in all {
        let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        if name.is_empty() || !name.bytes().all(inner) || name.starts_with(|c: char| c.is_ascii_digit()) {
            let message = "is not the name of a variable; use letters, digits and _, not beginning with a digit";
            problems.add(&format!("environment.{}", shown(name)), message);
        }
        if value.contains('\0') {
            problems.add(
                &format!("environment.{}", shown(name)),
                "has a NUL character, which no program can be given; remove it",
            );
        }
    }
}

fn limits(limits: &Limits, problems: &mut Problems) {
    within("limits.memory", limits.memory, &MEMORY, size::format, problems);
    within("limits.cpus", limits.cpus_milli, &CPUS_MILLI, |milli| f64::from(milli) / 1000.0, problems);
    within("limits.disk", limits.disk, &DISK, size::format, problems);
    within("limits.processes", limits.processes, &PROCESSES, |count| count, problems);
}

fn check_http(http: &Http, problems: &mut Problems) {
    within("http.port", http.port, &(1..=u16::MAX), |port| port, problems);
    if let Some(health) = &http.health {
        // It becomes the target of a request (RFC 9112, 3.2.1).
        let visible = health.bytes().all(|c| c.is_ascii_graphic() && c != b'#');
        if !health.starts_with('/') || !visible || health.len() > HEALTH_BYTES {
            let message = format!(
                "{:?} is not the path of a request; write one that begins with / \
                 and has no spaces, such as \"/health\"",
                shown(health)
            );
            problems.add("http.health", message);
        }
    }
    within("http.start_timeout", http.start_timeout_ms, &START_TIMEOUT_MS, duration::format, problems);
    within("http.interval", http.interval_ms, &INTERVAL_MS, duration::format, problems);
    within("http.timeout", http.timeout_ms, &TIMEOUT_MS, duration::format, problems);
    within("http.max_body", http.max_body, &MAX_BODY, size::format, problems);
}

fn ports(ports: &[TcpPort], http: Option<&Http>, problems: &mut Problems) {
    at_most("ports", ports.len(), PORTS, "ports", problems);
    let mut names = BTreeSet::new();
    let mut taken: BTreeSet<u16> = http.iter().map(|http| http.port).collect();
    if problems.has("http.port") {
        taken.clear();
    }
    for (at, TcpPort { name, port }) in ports.iter().enumerate() {
        let (name_key, port_key) = (format!("ports[{at}].name"), format!("ports[{at}].port"));
        if let Err(wrong) = name.parse::<Slug>() {
            problems.add(&name_key, wrong.to_string());
        } else if !names.insert(name) {
            problems.add(&name_key, format!("{name:?} is there twice; give each port a name of its own"));
        }
        within(&port_key, *port, &(1..=u16::MAX), |port| port, problems);
        if !problems.has(&port_key) && !taken.insert(*port) {
            problems.add(&port_key, format!("{port} is there twice; write each port once, that of [http] only there"));
        }
    }
}

fn data(manifest: &Manifest, problems: &mut Problems) {
    let directory = &manifest.data.directory;
    let inside = directory == "/data" || DATA_PLACES.iter().any(|place| directory.starts_with(place));
    let parts = directory.strip_prefix('/').unwrap_or_default();
    let unfit = |part: &str| matches!(part, "" | "." | "..");
    if !inside || parts.split('/').any(unfit) || directory.len() > PATH_BYTES || directory.chars().any(char::is_control)
    {
        let message = format!(
            "{:?} is no place for data; write /data or a directory \
             below /data, /srv, /var/lib, /var/opt, /opt or /home",
            shown(directory)
        );
        problems.add("data.directory", message);
    }
    if let Some(initial) = &manifest.data.initial {
        package_path("data.initial", initial, problems);
    }
}

fn egress(egress: &Egress, problems: &mut Problems) {
    let Egress::Only(destinations) = egress else { return };
    at_most("network.egress", destinations.len(), DESTINATIONS, "destinations", problems);
    if destinations.is_empty() && !problems.has_within("network.egress") {
        problems.add("network.egress", "is empty; write \"none\" to close the network");
    }
    for (at, destination) in destinations.iter().enumerate() {
        if let Err(message) = network::check(destination) {
            problems.add(&format!("network.egress[{at}]"), message);
        }
    }
}
