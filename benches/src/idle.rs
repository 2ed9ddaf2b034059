//! What idle installations cost: memory of each beyond the application, and Nimbus's share of a processor.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use testkit::{Machine, Package};

use crate::figure::Figure;

const FLEET: usize = 200;

pub fn run() -> Result<()> {
    let machine = Machine::new();
    let package = Package::hola(machine.scratch().join("hola"), "1", "well", "");
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["version", "publish", package.text()]);
    machine.cli(&["customer", "create", "acme"]);
    let before = kernel_kib()?;
    for n in 0..FLEET {
        machine.cli(&["install", "hola", "--customer", "acme", "--name", &format!("idle-{n}"), "--no-wait"]);
    }
    for n in 0..FLEET {
        let name = format!("idle-{n}");
        while super::install::get(&name, 8080).unwrap_or(0) != 200 {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    std::thread::sleep(Duration::from_secs(5));
    let kernel = (kernel_kib()? - before) / FLEET as f64;
    let keepers = keepers(&machine)?;
    let mut memory = Figure::new("idle-memory", "memory per awake idle installation beyond the application", "KiB");
    for keeper in &keepers {
        let init = memory_kib(child(*keeper).context("a keeper has a sandbox")?)?;
        memory.add("keeper, init and kernel", memory_kib(*keeper)? + init + kernel);
    }
    memory.fact("of which kernel, KiB", kernel.round());
    memory.fact("installations", keepers.len());
    memory.finish()?;

    let nimbus = machine.part("nimbus").context("Nimbus runs")?;
    let (begin, ticks) = (Instant::now(), cpu_ms(nimbus)?);
    std::thread::sleep(Duration::from_secs(20));
    let share = (cpu_ms(nimbus)? - ticks) / begin.elapsed().as_millis() as f64 * 100.0;
    let mut cpu = Figure::new("idle-cpu", "Nimbus with 200 idle installations", "% of one core");
    cpu.add("nimbus", share);
    cpu.finish()
}

fn keepers(machine: &Machine) -> Result<Vec<u32>> {
    let data = machine.data().display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|b| *b == 0).map(String::from_utf8_lossy).collect();
        if words.first().is_some_and(|w| w.ends_with("vclouden-keeper")) && words.iter().any(|w| w.contains(&data)) {
            found.push(entry.file_name().to_string_lossy().parse()?);
        }
    }
    Ok(found)
}

fn child(pid: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Memory of a process in KiB, its part of what it shares with others included (PSS of proc(5)).
fn memory_kib(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find(|line| line.starts_with("Pss:")).context("the format of proc(5)")?;
    line.split_whitespace().nth(1).context("the format of proc(5)")?.parse().context("the format of proc(5)")
}

/// Memory of the kernel's own, in KiB: slabs, stacks, page tables, per-processor.
fn kernel_kib() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let own = ["Slab:", "KernelStack:", "PageTables:", "Percpu:"];
    let lines = text.lines().filter(|l| own.iter().any(|name| l.starts_with(name)));
    Ok(lines.filter_map(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok()).sum())
}

/// Processor time of a process and its ended threads, in milliseconds.
fn cpu_ms(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let rest = text.rsplit_once(") ").context("the format of proc(5)")?.1;
    let field = |n: usize| rest.split(' ').nth(n).and_then(|f| f.parse::<f64>().ok()).context("the format of proc(5)");
    Ok((field(11)? + field(12)?) * 10.0)
}
