//! Texts: each in every language, with the same arguments; what a template says exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use plane::access::TABLE;

use super::{files, read};

/// With the names of their arguments.
type Keys = BTreeMap<String, BTreeSet<String>>;

fn keys(language: &str) -> Keys {
    let mut keys = Keys::new();
    for file in files(&format!("texts/{language}"), "ftl") {
        let mut last = String::new();
        for line in read(&file).lines().filter(|line| !line.starts_with('#')) {
            if let Some((key, _)) = line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
            {
                assert!(keys.insert(key.into(), BTreeSet::new()).is_none(), "{language}: {key} is there twice");
                last = key.into();
            }
            for rest in line.split('$').skip(1) {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
                keys.get_mut(&last).unwrap().insert(name);
            }
        }
    }
    keys
}

/// What templates ask for by `t(..)` or `th(..)`: whole keys, and beginnings of those that are put together.
fn asked() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut whole, mut begun) = (BTreeSet::new(), BTreeSet::new());
    for file in files("templates", "html").into_iter().chain(files("../pages", "html")) {
        let text = read(&file);
        for (at, _) in text.match_indices("t(\"").chain(text.match_indices("th(\"")) {
            let called = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
            let rest = text[at..].split_once('"').unwrap().1;
            let (key, after) = rest.split_once('"').unwrap();
            if called && after.trim_start().starts_with('~') {
                begun.insert(key.to_owned());
            } else if called {
                whole.insert(key.to_owned());
            }
        }
    }
    (whole, begun)
}

#[test]
fn both_languages_have_the_same_texts_with_the_same_arguments() {
    let (english, spanish) = (keys("en"), keys("es"));
    assert!(english.len() > 100, "the texts were not found");
    let differ = |one: &Keys, other: &Keys| -> Vec<String> {
        let missing = one.iter().filter(|(key, arguments)| other.get(*key) != Some(arguments));
        // Why something is refused is said in English by the operation itself.
        let missing = missing.filter(|(key, _)| !key.starts_with("refusal-"));
        missing.map(|(key, arguments)| format!("{key} {arguments:?}")).collect()
    };
    assert_eq!(differ(&english, &spanish), Vec::<String>::new(), "not so in Spanish");
    assert_eq!(differ(&spanish, &english), Vec::<String>::new(), "not so in English");
}

#[test]
fn every_text_that_a_template_asks_for_exists() {
    let known = keys("en");
    let (whole, begun) = asked();
    assert!(whole.len() > 100 && begun.len() > 2, "{} and {}", whole.len(), begun.len());
    let missing: Vec<_> = whole.iter().filter(|key| !known.contains_key(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let missing: Vec<_> = begun.iter().filter(|key| !known.keys().any(|one| one.starts_with(*key))).collect();
    assert!(missing.is_empty(), "no text begins with {missing:?}");
}

/// The first literal after each such beginning in the sources, where it fits.
fn literals(begin: &str, fits: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    for file in all_files(&source).iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        for (at, _) in text.match_indices(begin) {
            let Some((_, rest)) = text[at + begin.len() - 1..].split_once('"') else { continue };
            let literal = rest.split('"').next().unwrap();
            if fits(literal) {
                found.insert(literal.to_owned());
            }
        }
    }
    found
}

fn all_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_verb_of_the_audit_has_words() {
    let known = keys("es");
    let nouns: BTreeSet<&str> = TABLE.iter().filter_map(|row| row.verb.split_once('.')).map(|(noun, _)| noun).collect();
    let is_verb = |text: &str| {
        let (noun, verb) = text.split_once('.').unwrap_or_default();
        let own = nouns.contains(noun) || ["session", "person", "server", "passkey", "factor"].contains(&noun);
        own && !verb.is_empty() && verb.bytes().all(|c| c.is_ascii_lowercase() || c == b'-')
    };
    let verbs = literals("\"", is_verb);
    assert!(verbs.len() > 80, "{verbs:?}");
    // What only has another name for webhooks, files, and columns of the store; to begin to log in is no event.
    let others = [
        "deployment.failed",
        "deployment.finished",
        "deployment.stopped",
        "deployment.undone",
        "app.js",
        "installation.crashed",
        "installation.failed",
        "installation.recovered",
        "installation.unhealthy",
        "device.begin",
        "device.token",
        "branding.ftl",
        "webhooks.ftl",
    ];
    let missing: Vec<_> =
        verbs.iter().filter(|verb| !known.contains_key(&format!("verb-{}", verb.replace('.', "-")))).collect();
    let missing: Vec<_> = missing.into_iter().filter(|verb| !others.contains(&verb.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What only programs are told.
const FOR_PROGRAMS: [&str; 15] = [
    "authorization-pending",
    "bad-command",
    "bad-idempotency-key",
    "bad-last-event-id",
    "bad-wait",
    "changed",
    "events-gone",
    "idempotency-key-reused",
    "idempotency-unknown",
    "no-etag",
    "no-idempotency",
    "no-log",
    "scope",
    "slow-down",
    "too-many-streams",
];

#[test]
fn every_refusal_that_a_page_can_show_is_said_in_spanish() {
    let known = keys("es");
    let code = |text: &str| {
        !text.is_empty() && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    };
    let mut codes = BTreeSet::new();
    for call in ["invalid(", "conflict(", "missing(", "new(StatusCode::"] {
        codes.extend(literals(&format!("Refusal::{call}"), code));
    }
    assert!(codes.len() > 150, "{}", codes.len());
    let missing: Vec<_> = codes.iter().filter(|code| !known.contains_key(&format!("refusal-{code}"))).collect();
    let missing: Vec<_> = missing.into_iter().filter(|code| !FOR_PROGRAMS.contains(&code.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_state_of_the_domain_has_a_word() {
    use domain::state::{DeploymentState, DeploymentStepState, InstallationState, OperationState};
    let known = keys("en");
    let states = InstallationState::ALL.iter().map(ToString::to_string);
    let states = states.chain(DeploymentState::ALL.iter().map(ToString::to_string));
    let states = states.chain(DeploymentStepState::ALL.iter().map(ToString::to_string));
    for state in states.chain(OperationState::ALL.iter().map(ToString::to_string)) {
        assert!(known.contains_key(&format!("state-{state}")), "{state}");
    }
}

#[test]
fn the_style_guide_shows_every_component() {
    let guide: String = files("templates", "html")
        .iter()
        .filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("styleguide"))
        .map(|file| read(file))
        .collect();
    let mut components = 0;
    for file in ["ui.html", "form.html", "data.html", "deploy.html"] {
        let text = read(&std::path::Path::new(super::DIRECTORY).join("templates").join(file));
        for name in text.split("{% macro ").skip(1).map(|rest| rest.split('(').next().unwrap()) {
            let used_within = text.matches(&format!("{name}(")).count() > 1;
            assert!(guide.contains(&format!("ui.{name}(")) || used_within, "the style guide lacks {name} of {file}");
            components += 1;
        }
    }
    assert!(components > 35, "{components}");
}
