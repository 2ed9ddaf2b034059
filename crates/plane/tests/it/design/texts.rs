//! Texts: each in every language, with the same arguments; what a template says exists.

use std::collections::{BTreeMap, BTreeSet};

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
