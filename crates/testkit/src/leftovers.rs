//! What a machine holds that an operation could leave behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Everything that installations make on a machine, seen from the calling thread's namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftovers {
    /// Keepers: what runs in a sandbox dies with its keeper, and is counted by its control group.
    pub processes: BTreeSet<u32>,
    /// Mount points.
    pub mounts: Vec<String>,
    /// Control groups below `vclouden`.
    pub cgroups: BTreeSet<String>,
    /// Network interfaces.
    pub interfaces: BTreeSet<String>,
    /// Loop devices with a backing file in the data directory.
    pub loops: BTreeSet<String>,
    /// Files and directories in the data directory's `volume/installations` and `run/keepers`, two levels deep.
    pub files: BTreeSet<String>,
}

impl Leftovers {
    /// What is there now for this data directory; control groups are those of these installations.
    pub fn now(data: &Path, ids: &[String]) -> Self {
        let text = data.to_str().expect("a temporary path is UTF-8");
        Self {
            processes: processes(text),
            mounts: mounts(text),
            cgroups: cgroups(ids),
            interfaces: links().into_iter().collect(),
            loops: loops(text),
            files: ["volume/installations", "run/keepers"].iter().flat_map(|d| tree(&data.join(d), 2)).collect(),
        }
    }
}

fn names(dir: &Path) -> impl Iterator<Item = String> {
    fs::read_dir(dir).into_iter().flatten().filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
}

/// Interfaces of the calling thread's network namespace.
fn links() -> Vec<String> {
    let text = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    text.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

fn processes(data: &str) -> BTreeSet<u32> {
    let pids = names(Path::new("/proc")).filter_map(|name| name.parse::<u32>().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|b| *b == 0).map(String::from_utf8_lossy).collect();
        words.first().is_some_and(|w| w.ends_with("vclouden-keeper")) && words.iter().any(|w| w.contains(data))
    })
    .collect()
}

fn mounts(data: &str) -> Vec<String> {
    let text = fs::read_to_string("/proc/thread-self/mounts").unwrap_or_default();
    let points = text.lines().filter_map(|line| line.split(' ').nth(1)).filter(|point| point.starts_with(data));
    points.map(str::to_owned).collect()
}

/// Control groups are named after installations; other machines' installations are not this test's concern.
fn cgroups(ids: &[String]) -> BTreeSet<String> {
    let trees = names(Path::new("/sys/fs/cgroup")).map(|tree| format!("/sys/fs/cgroup/{tree}/vclouden"));
    let trees = trees.chain(["/sys/fs/cgroup/vclouden".to_owned()]);
    let paths = trees.flat_map(|tree| ids.iter().map(move |id| format!("{tree}/{id}")));
    paths.filter(|path| Path::new(path).is_dir()).collect()
}

fn loops(data: &str) -> BTreeSet<String> {
    let devices = names(Path::new("/sys/block")).filter(|name| name.starts_with("loop"));
    devices
        .filter(|name| {
            let file = fs::read_to_string(format!("/sys/block/{name}/loop/backing_file")).unwrap_or_default();
            file.contains(data)
        })
        .collect()
}

fn tree(dir: &Path, depth: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    // What an installation used is written down from time to time; where it is removed, its directory goes as well.
    for entry in entries.flatten().filter(|entry| entry.file_name() != "history") {
        found.push(entry.path().display().to_string());
        if depth > 1 {
            found.extend(tree(&entry.path(), depth - 1));
        }
    }
    found
}
