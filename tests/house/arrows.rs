//! Dependencies between our crates point one way.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each may use. A new arrow needs its reason in `ARCHITECTURE.md`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("archive", &[]),
    ("sandbox", &[]),
    ("cirrus", &[]),
    ("journal", &["domain"]),
    ("hola", &[]),
    ("nimbus-api", &["domain"]),
    ("keeper", &["sandbox"]),
    ("nimbus", &["archive", "domain", "journal", "keeper", "nimbus-api", "sandbox"]),
    ("edge", &["domain", "nimbus-api"]),
    ("plane", &["archive", "domain", "nimbus-api"]),
    ("vclouden", &["archive", "domain", "edge", "journal", "keeper", "nimbus", "nimbus-api", "plane", "sandbox"]),
    ("testkit", &[]),
    ("acceptance", &[]),
    ("benches", &["cirrus", "sandbox", "testkit"]),
];

/// Every dependency of ours on ours that is no dev-dependency.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(super::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(|p| text(&p["name"])).collect();
    let uses = |package: &Value| -> BTreeSet<String> {
        let all = package["dependencies"].as_array().expect("dependencies").iter();
        all.filter(|d| d["kind"] != "dev").map(|d| text(&d["name"])).filter(|name| ours.contains(name)).collect()
    };
    packages.iter().map(|p| (text(&p["name"]), uses(p))).collect()
}

/// Arrows that are not allowed, as text.
fn wrong(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let allowed = |from: &str, to: &str| ALLOWED.iter().any(|(name, uses)| *name == from && uses.contains(&to));
    let all = arrows.iter().flat_map(|(from, uses)| uses.iter().map(move |to| (from, to)));
    all.filter(|(from, to)| !allowed(from, to)).map(|(from, to)| format!("{from} -> {to}")).collect()
}

#[test]
fn dependencies_point_one_way() {
    let arrows = arrows();
    let unknown: Vec<_> = arrows.keys().filter(|n| !ALLOWED.iter().any(|(name, _)| name == n)).collect();
    assert!(unknown.is_empty(), "crates without a line in ALLOWED: {unknown:?}");
    assert_eq!(wrong(&arrows), Vec::<String>::new());
}

#[test]
fn a_wrong_arrow_would_be_caught() {
    let mut arrows = arrows();
    arrows.entry("plane".into()).or_default().insert("sandbox".into());
    assert_eq!(wrong(&arrows), ["plane -> sandbox"]);
}
