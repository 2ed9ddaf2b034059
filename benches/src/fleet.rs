//! A hundred installations: deployed under load with snapshot and health check, then rolled back.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use testkit::{Load, Machine, Package};

use crate::figure::Figure;

const FLEET: usize = 100;
const ROUNDS: usize = 3;

pub fn run() -> Result<()> {
    let machine = Machine::new();
    let first = Package::hola(machine.scratch().join("v1"), "1", "well", "");
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["version", "publish", first.text()]);
    machine.cli(&["customer", "create", "acme"]);
    let names: Vec<String> = (0..FLEET).map(|n| format!("fleet-{n}")).collect();
    for name in &names {
        machine.cli(&["install", "hola", "--customer", "acme", "--name", name]);
    }
    let mut deploys = Figure::new("deploy-100", "deploy of 100 installations under load, snapshot and check", "s");
    let mut rollbacks = Figure::new("rollback-100", "rollback of those 100, code and data", "s");
    let (mut requests, mut longest) = (0, Duration::ZERO);
    for round in 0..ROUNDS {
        let version = (round + 2).to_string();
        let next = Package::hola(machine.scratch().join(&version), &version, "well", "");
        machine.cli(&["version", "publish", next.text()]);
        let loaded: Vec<&str> = names.iter().step_by(10).map(String::as_str).collect();
        let load = Load::begin(&loaded, "/", Duration::from_millis(5));
        let begin = Instant::now();
        machine.cli(&["deploy", "hola"]);
        deploys.add("vclouden deploy", begin.elapsed().as_secs_f64());
        let outcome = load.end();
        ensure!(outcome.failures.is_empty(), "failed requests: {:?}", outcome.failures);
        requests += outcome.good;
        longest = longest.max(outcome.longest);
        let begin = Instant::now();
        machine.cli(&["rollback", "hola"]);
        rollbacks.add("vclouden rollback", begin.elapsed().as_secs_f64());
    }
    deploys.fact("requests meanwhile", requests);
    deploys.fact("of which failed", 0);
    deploys.fact("longest wait of one, ms", u64::try_from(longest.as_millis())?);
    deploys.finish()?;
    rollbacks.finish()
}
