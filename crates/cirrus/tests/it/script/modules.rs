//! `import` and `require`.

use super::World;

#[test]
fn es_modules_import_each_other_and_express() {
    let app = World::new(
        "
import express, { Router } from 'express';
import { greet } from './lib/greet.js';
import old from './old.js';
import data from './data.json' with { type: 'json' };
const app = express();
app.get('/', (req, res) => res.json([greet('x'), old.name, data.list, typeof Router]));
",
    )
    .file("lib/greet.js", "import { word } from '../word.js'; export const greet = (n) => word + n;")
    .file("word.js", "export const word = 'hola ';")
    .file("old.js", "exports.name = 'commonjs';")
    .file("data.json", "{\"list\":[1]}")
    .load();
    assert_eq!(app.get("/").body, "[\"hola x\",\"commonjs\",[1],\"function\"]");
}

#[test]
fn require_caches_and_survives_cycles() {
    let app = World::new("const a = require('./a'); app.get('/', (req, res) => res.json([a.n, require('./a').n, a.b.seen, require('./c.json').x]));")
        .file("a/index.js", "exports.n = Math.random(); exports.b = require('../b');")
        .file("b.js", "exports.seen = typeof require('./a').n;")
        .file("c.json", "{\"x\":1}")
        .load();
    let answer = app.get("/").json();
    assert_eq!(answer[0], answer[1]);
    assert_eq!((&answer[2], &answer[3]), (&"number".into(), &1.into()));
}

#[test]
fn nothing_outside_of_the_directory_is_read() {
    for source in [
        "require('../x')",
        "import x from '../x.js'",
        "require('/etc/passwd')",
        "require('fs')",
        "await import('../../x.js')",
    ] {
        let problem = World::new(source).try_load().err().unwrap_or_else(|| panic!("{source} was loaded"));
        assert!(problem.contains("outside") || problem.contains("there is no"), "{source}: {problem}");
    }
}

#[test]
fn what_does_not_load_says_where() {
    let problem = World::new("\n\nconst x = ;").try_load().err().unwrap();
    assert!(problem.contains("SyntaxError") && problem.contains("app.js:3"), "{problem}");
    let problem = World::new("require('./b')").file("b.js", "\nnope();").try_load().err().unwrap();
    assert!(problem.contains("ReferenceError") && problem.contains("b.js:2"), "{problem}");
    let problem = World::new("while (true) {}")
        .limits(|limits| limits.run = std::time::Duration::from_millis(100))
        .try_load()
        .err()
        .unwrap();
    assert!(problem.contains("interrupted"), "{problem}");
    let problem = World::new("await new Promise(() => {})").try_load().err().unwrap();
    assert!(problem.contains("waits"), "{problem}");
}

#[test]
fn an_error_in_our_own_javascript_names_both_places() {
    let problem = World::new("\napp.get('/x', 'no function');").try_load().err().unwrap();
    assert!(problem.contains("(cirrus:core:") && problem.contains("app.js:2"), "{problem}");
}

#[test]
fn an_application_without_javascript_answers_nothing() {
    let world = World::new("");
    std::fs::remove_file(world.directory.path().join("app.js")).unwrap();
    assert_eq!(world.load().get("/").status, 404);
}
