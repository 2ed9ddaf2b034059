//! `vclouden down`: ends everything that `up` started, sandboxes too, and leaves the data on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nimbus::volume::{Volume, VolumeConfig};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::cli::example;
use crate::failure::{Failure, Outcome};
use crate::output::human::count;
use crate::output::{line, note};
use crate::up::{DEFAULT_DATA, Held, lock};

/// How long `up` may take to end its children.
const UP_PATIENCE: Duration = Duration::from_secs(40);
/// How long one application may take to end; a manifest's longest grace time and some more.
const APP_PATIENCE: Duration = Duration::from_secs(660);
/// How long the kernel may take to let go of the volume.
const VOLUME_PATIENCE: Duration = Duration::from_secs(10);

/// Of which `up`.
#[derive(Debug, clap::Args)]
#[command(after_help = example!("sudo vclouden down", "sudo vclouden down --data /srv/vclouden"))]
pub struct Args {
    /// The data directory that `vclouden up` was given
    #[arg(long, default_value = DEFAULT_DATA, value_name = "DIR")]
    data: PathBuf,
}

/// Ends everything.
pub fn run(args: Args) -> Outcome {
    if !geteuid().is_root() {
        return Err(Failure::refused("`vclouden down` must be run as root, as `vclouden up` is. Run it with sudo"));
    }
    let shown = args.data.display();
    let Ok(root) = args.data.canonicalize() else {
        return Err(Failure::refused(format!(
            "there is no directory {shown}. Name the one of `vclouden up` with --data"
        )));
    };
    if !root.join("run").is_dir() {
        return Err(Failure::refused(format!(
            "{shown} is no data directory of `vclouden up`. Name the right one with --data"
        )));
    }
    let _lock = end_up(&root)?;
    let stopped = end_keepers(&root)?;
    close_volume(&root)?;
    clear_network();
    line(format!("Ended everything of {shown}, {}. The data is still there.", count(stopped, "installation")));
    Ok(())
}

/// Asks `up` to end, and takes its place so that none is started meanwhile.
fn end_up(root: &Path) -> Result<fs::File> {
    let begin = Instant::now();
    let mut asked = false;
    loop {
        match lock(root)? {
            Held::Free(lock) => return Ok(lock),
            Held::By(process) if begin.elapsed() > UP_PATIENCE => {
                let process = process.map(|id| format!(" (process {id})")).unwrap_or_default();
                bail!("`vclouden up`{process} does not end. End it with SIGKILL, then run this again")
            }
            Held::By(Some(process)) if !asked => {
                let process = Pid::from_raw(process).context("the lock names no process")?;
                kill_process(process, Signal::TERM).context("cannot ask `vclouden up` to end")?;
                note("Ending `vclouden up` ...");
                asked = true;
            }
            Held::By(_) => {}
        }
        sleep(Duration::from_millis(50));
    }
}

/// Stops every keeper with its sandbox; how many there were.
fn end_keepers(root: &Path) -> Result<usize> {
    let directory = root.join("run/keepers");
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", directory.display())),
    };
    let directories = entries.flatten().map(|entry| entry.path());
    let alive: Vec<PathBuf> = directories.filter(|directory| keeper::is_alive(directory)).collect();
    if !alive.is_empty() {
        note(format!("Ending {} ...", count(alive.len(), "installation")));
    }
    let stop = |directory: &PathBuf| -> Result<()> {
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        let stopped = keeper::Client::connect(directory).and_then(|client| client.stop(APP_PATIENCE));
        stopped.map(drop).with_context(|| format!("cannot end installation {name}"))
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let threads: Vec<_> = alive.iter().map(|directory| scope.spawn(|| stop(directory))).collect();
        threads.into_iter().map(|thread| thread.join().expect("stopping does not panic")).collect()
    });
    results.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(alive.len())
}

/// Unmounts the volume and frees its loop device, if it is mounted.
fn close_volume(root: &Path) -> Result<()> {
    let mount = root.join("volume");
    let mounted = fs::read_to_string("/proc/self/mountinfo").context("cannot read the mounts")?;
    let here = |line: &str| line.split(' ').nth(4).is_some_and(|at| Path::new(&at.replace("\\040", " ")) == mount);
    if !mounted.lines().any(here) {
        return Ok(());
    }
    let config = VolumeConfig { image: root.join("nimbus/volume.img"), mount, bytes: None, storage: None };
    let begin = Instant::now();
    loop {
        match Volume::open(&config).and_then(Volume::close) {
            Ok(()) => return Ok(()),
            Err(_) if begin.elapsed() < VOLUME_PATIENCE => sleep(Duration::from_millis(100)),
            Err(error) => return Err(error).context("cannot unmount the data volume"),
        }
    }
}

/// Takes away the packet filter's table and the route that Nimbus makes at its start. Either may be gone already: then
/// the tools say so, and there is nothing to do.
fn clear_network() {
    let commands: [(&str, &[&str]); 2] = [
        ("nft", &["delete", "table", "inet", "vclouden"]),
        ("ip", &["route", "del", "unreachable", "198.18.0.0/15", "metric", "65535"]),
    ];
    for (tool, arguments) in commands {
        if let Some(path) = crate::up::find_tool(tool) {
            let _ = Command::new(path).args(arguments).output();
        }
    }
}
