//! Hostile input, from seeds: what once failed, and some thousand random changes of inputs that mean something. The same
//! targets run guided by coverage, for as long as one likes, with `scripts/fuzz`.

mod http;
mod targets;

use std::{fs, path::Path};

use targets::{TARGETS, World};

/// Words that mean something to one target or another.
const WORDS: [&str; 62] = [
    "titulo",
    "importe",
    "cliente",
    "fecha",
    "hecha",
    "horas",
    "grande",
    "adjunto",
    "doble",
    "cuando",
    "hora",
    "id",
    "sort",
    "fields",
    "limit",
    "offset",
    "cursor",
    "total",
    "q",
    "eq",
    "ne",
    "lte",
    "between",
    "in",
    "null",
    "like",
    "words",
    "pieces",
    "any",
    "all",
    "not",
    "true",
    "false",
    "9223372036854775807",
    "-9223372036854775808",
    "1e309",
    "0.001",
    "2026-02-29",
    "2026-01-01T00:00:00Z",
    "24:00:00",
    "%00",
    "%25",
    "%FF",
    "\"",
    "'",
    "\\u0000",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\r\n",
    "\n",
    "--x",
    "--x--\r\n",
    "Content-Disposition: form-data; name=\"titulo\"",
    "; filename=\"x\"",
    "type = \"text\"",
    "required = true",
    "scale = 2",
    "[tables.b.fields]\n",
    "of = \"importe / 0\"",
];

/// Numbers from a seed: the same ones in every run.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % most.max(1)
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Another input, near to this one or put together from two.
pub fn changed(numbers: &mut Numbers, mut input: Vec<u8>, other: &[u8]) -> Vec<u8> {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(input.len() + 1);
        let end = (at + numbers.below(8)).min(input.len());
        match numbers.below(8) {
            0 if at < input.len() => input[at] ^= 1 << numbers.below(8),
            1 => drop(input.drain(at..end)),
            2 => {
                let part = input[at..end].to_vec();
                input.splice(at..at, part.repeat(1 + numbers.below(40)));
            }
            3 => drop(input.splice(at..end, [[0, 255, 127, b' ', b'%'][numbers.below(5)]])),
            4 if !other.is_empty() => {
                let from = numbers.below(other.len());
                let to = (from + numbers.below(60)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            5 => drop(input.splice(at..end, numbers.below(1 << 40).to_string().into_bytes())),
            _ => drop(input.splice(at..end, numbers.pick(&WORDS).bytes())),
        }
    }
    input
}

/// What once failed, in `inputs/NAME/`.
fn inputs(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fuzz/inputs").join(name);
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn run(name: &str, rounds: usize) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let world = World::new();
    let mut known: Vec<Vec<u8>> = target.seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    known.extend(inputs(name));
    for input in &known {
        (target.run)(&world, input);
    }
    let mut numbers = Numbers::new(7);
    for _ in 0..rounds {
        let (first, second) = (numbers.pick(&known).clone(), numbers.pick(&known).clone());
        let input = changed(&mut numbers, first, &second);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (target.run)(&world, &input)));
        assert!(outcome.is_ok(), "the target {name} fails with {:?}", String::from_utf8_lossy(&input));
    }
}

#[test]
fn lists() {
    run("list", 4000);
}

#[test]
fn conditions() {
    run("condition", 4000);
}

#[test]
fn bodies() {
    run("body", 3000);
}

#[test]
fn schemas() {
    run("schema", 1500);
}

#[test]
fn imports() {
    run("import", 2000);
}

#[test]
fn sessions() {
    run("session", 3000);
}

#[test]
fn tokens() {
    run("csrf", 3000);
}
