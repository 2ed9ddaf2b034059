//! Figures, side by side with peers in one run. `make bench` runs all; `bench NAME` one.
//!
//! Machines are noisy: candidates take turns, the median counts, and what is compared is the ratio.

mod cirrus;
mod crash;
mod figure;
mod fleet;
mod idle;
mod install;
mod ledger;
mod load;
mod pages;
mod peers;
mod servers;
mod start;

use std::process::ExitCode;

type Bench = fn() -> anyhow::Result<()>;

/// Every bench by name.
const BENCHES: &[(&str, Bench)] = &[
    ("start", start::run),
    ("install", install::run),
    ("fleet", fleet::run),
    ("crash", crash::run),
    ("idle", idle::run),
    ("cirrus", cirrus::run),
    ("ledger", ledger::run),
    ("pages", pages::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, spec] = arguments.as_slice()
        && word == "shim"
    {
        return start::shim(spec);
    }
    let known = |name: &String| BENCHES.iter().any(|(bench, _)| bench == name);
    if let Some(unknown) = arguments.iter().find(|name| !known(name)) {
        eprintln!("bench: there is no '{unknown}'; there are: {}", names());
        return ExitCode::from(2);
    }
    let mut failed = false;
    for (name, bench) in BENCHES {
        if arguments.is_empty() || arguments.iter().any(|a| a == name) {
            println!("\n== {name}");
            // A thread of its own, since a machine moves its thread into other namespaces.
            let outcome = std::thread::spawn(bench).join();
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    failed = true;
                    eprintln!("bench {name}: {error:#}");
                }
                Err(_) => failed = true,
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

fn names() -> String {
    BENCHES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}
