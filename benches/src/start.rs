//! From the wish for a sandbox to the first byte that a program in it writes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sandbox::{SandboxSpec, Stdio as SandboxStdio};

use crate::figure::Figure;
use crate::peers;

const ROUNDS: usize = 31;
const SAY: &[&str] = &["/bin/busybox", "echo", "x"];

/// The process that makes one sandbox, as a keeper is: exec'd for it, single-threaded.
pub fn shim(spec: &str) -> ExitCode {
    let result = (|| -> Result<()> {
        let spec: SandboxSpec = serde_json::from_slice(&std::fs::read(spec)?)?;
        sandbox::network::enter_loopback_only()?;
        let stdio = SandboxStdio {
            stdin: OwnedFd::from(File::open("/dev/null")?),
            stdout: std::io::stdout().as_fd().try_clone_to_owned()?,
            stderr: std::io::stderr().as_fd().try_clone_to_owned()?,
        };
        let mut sandbox = sandbox::start(&spec, stdio)?;
        sandbox.wait()?;
        sandbox.remove()?;
        Ok(())
    })();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn spec(dir: &Path, root: &Path) -> SandboxSpec {
    SandboxSpec {
        name: format!("bench-{}", std::process::id()),
        hostname: "bench".into(),
        layers: vec![root.to_owned()],
        app: dir.join("app"),
        data: Some((dir.join("data"), "/data".into())),
        files: Vec::new(),
        command: SAY.iter().map(|s| (*s).to_owned()).collect(),
        environment: BTreeMap::from([("PATH".into(), "/bin".into())]),
        directory: "/".into(),
        uid: 1000,
        gid: 1000,
        first_id: 1_900_000_000,
        memory: 64 << 20,
        cpus_milli: 1000,
        processes: 64,
        network: None,
    }
}

/// Milliseconds from the start of this process to its first byte; the process is then waited for.
fn first_byte(mut command: Command) -> Result<std::time::Duration> {
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("{command:?}"))?;
    let mut byte = [0];
    let read = child.stdout.take().context("it was piped")?.read(&mut byte)?;
    let time = begin.elapsed();
    let status = child.wait()?;
    ensure!(read == 1, "{command:?} wrote nothing and ended with {status}");
    Ok(time)
}

pub fn run() -> Result<()> {
    testkit::machine::isolate();
    peers::let_crun_run()?;
    let dir = tempfile::tempdir()?;
    let root = peers::root(dir.path())?;
    let text = root.to_str().context("UTF-8")?.to_owned();
    for name in ["app", "data"] {
        std::fs::create_dir(dir.path().join(name))?;
    }
    let spec_path = dir.path().join("spec.json");
    std::fs::write(&spec_path, serde_json::to_string(&spec(dir.path(), &root))?)?;
    let bundle = peers::bundle(dir.path(), &root, SAY)?;
    let bundle = bundle.to_str().context("UTF-8")?;
    let lxc = peers::lxc(dir.path(), &root, SAY)?;
    let shim = |_: usize| {
        let mut command = Command::new(std::env::current_exe().expect("a program knows its path"));
        command.arg("shim").arg(&spec_path).stdin(Stdio::null());
        command
    };
    let oci = |runtime: &'static str| {
        move |round: usize| peers::command(runtime, &["run", "--bundle", bundle, &format!("vcb-{runtime}-{round}")])
    };
    let podman = |_: usize| peers::podman(&text, &["--rm", "--network=none"], SAY);
    let lxc_start = |round: usize| {
        let mut command = peers::command("lxc-start", &["-F", "-n", &format!("vcb-{round}"), "-f"]);
        command.arg(&lxc);
        command
    };
    let bwrap = |_: usize| peers::bwrap(&text, SAY);
    let candidates: [(&str, &dyn Fn(usize) -> Command); 6] = [
        ("vclouden's sandbox, exec'd", &shim),
        ("bubblewrap", &bwrap),
        ("crun", &oci("crun")),
        ("runc", &oci("runc")),
        ("lxc-start", &lxc_start),
        ("podman", &podman),
    ];
    let mut figure = Figure::new("start", "sandbox created -> first byte from inside", "ms");
    // Who shares its processors with others waits for them, and the more often the more processes it is made of.
    let load = std::fs::read_to_string("/proc/loadavg")?;
    figure.fact("load average when it began", load.split(' ').next().unwrap_or_default());
    let mut broken = BTreeMap::new();
    let mut seed = 1_u64;
    // Ours stands first in the table whatever the order.
    figure.begin(candidates[0].0);
    for round in 0..=ROUNDS {
        // In another order each time: what the last one left in the kernel is not always the same one's to pay for.
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        for last in (1..order.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(last, usize::try_from(seed >> 33)? % (last + 1));
        }
        for (name, make) in order.into_iter().map(|index| &candidates[index]) {
            if broken.contains_key(name) {
                continue;
            }
            match first_byte(make(round)) {
                // The first round warms caches.
                Ok(_) if round == 0 => {}
                Ok(time) => figure.add_time(name, time),
                Err(error) if round == 0 && *name != candidates[0].0 => {
                    broken.insert(*name, format!("does not run here: {error:#}"));
                }
                Err(error) => return Err(error),
            }
        }
    }
    for (name, why) in broken {
        figure.fact(name, why);
    }
    figure.finish()
}
