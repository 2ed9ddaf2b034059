//! Every pair of colours that meet can be told apart, in light and dark (WCAG 2.2, AA).

use std::collections::BTreeMap;

use plane::design::Colour;

use super::{DIRECTORY, read};

/// What is written on what.
const TEXT: &[(&str, &[&str])] = &[
    (
        "text",
        &[
            "page",
            "surface",
            "sunken",
            "raised",
            "hover",
            "good-soft",
            "warn-soft",
            "bad-soft",
            "idle-soft",
            "primary-soft",
        ],
    ),
    ("muted", &["page", "surface", "sunken", "raised", "hover"]),
    ("primary-text", &["page", "surface", "raised", "hover", "primary-soft"]),
    ("on-primary", &["primary", "primary-hover"]),
    ("good", &["page", "surface", "raised", "good-soft"]),
    ("warn", &["page", "surface", "raised", "warn-soft"]),
    ("bad", &["page", "surface", "raised", "hover", "bad-soft"]),
    ("on-bad", &["bad-fill", "bad-fill-hover"]),
    ("idle", &["surface", "idle-soft"]),
    ("violet", &["violet-soft"]),
    ("surface", &["text"]),
];

/// What must be seen, but is not read: borders of controls, curves.
const SHAPES: &[(&str, &[&str])] = &[
    ("line-strong", &["page", "surface", "raised"]),
    ("series-1", &["surface"]),
    ("series-2", &["surface"]),
    ("series-3", &["surface"]),
    ("series-4", &["surface"]),
    ("series-5", &["surface"]),
    ("series-6", &["surface"]),
    ("primary-text", &["idle-soft"]),
    ("good", &["idle-soft"]),
    ("warn", &["idle-soft"]),
    ("bad", &["idle-soft"]),
];

fn tokens() -> BTreeMap<String, [Colour; 2]> {
    let css = read(&std::path::Path::new(DIRECTORY).join("styles/tokens.css"));
    let pair = |line: &str| {
        let (name, rest) = line.trim().strip_prefix("--")?.split_once(": light-dark(")?;
        let (light, dark) = rest.strip_suffix(");")?.split_once(", ")?;
        Some((name.to_owned(), [light.parse().ok()?, dark.parse().ok()?]))
    };
    css.lines().filter_map(pair).collect()
}

#[test]
fn colours_that_meet_have_contrast() {
    let tokens = tokens();
    let mut weak = Vec::new();
    for (pairs, least) in [(TEXT, 4.5), (SHAPES, 3.0)] {
        for (front, backs) in pairs {
            for back in *backs {
                for (scheme, name) in ["light", "dark"].iter().enumerate() {
                    let ratio = tokens[*front][scheme].contrast(tokens[*back][scheme]);
                    if ratio < least {
                        weak.push(format!("{front} on {back}, {name}: {ratio:.2}, at least {least}"));
                    }
                }
            }
        }
    }
    assert!(weak.is_empty(), "{weak:#?}");
}
