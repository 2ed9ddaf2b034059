//! The base `debian-12`, and layers of Debian packages on top of it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::error::io;
use super::skeleton::{APP, add_users, put, set_mode};
use super::{LayersError, files, hex, once};
use crate::tools::{self, ToolError};

/// The base's place in the cache.
pub(super) const BASE: &str = "bases/debian-12";
/// Its file that tells one build of the base from another: packages installed on one do not fit another.
const BUILD: &str = "etc/vclouden-base";
/// What is left out of the base and of every package: nobody reads manuals in a sandbox.
const EXCLUDED: [&str; 7] = [
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/lintian/*",
    "--dpkgopt=path-exclude=/usr/share/groff/*",
];
/// Exit status of `dependencies.sh` for names that Debian does not know; it lists them on standard error.
const UNKNOWN: i32 = 44;

/// The base, built when it is not there.
pub(super) fn base(cache: &Path) -> Result<PathBuf, LayersError> {
    once::once(cache, "bases", "debian-12", |root| {
        let began = Instant::now();
        tracing::info!("building base debian-12 with mmdebstrap: about half a minute");
        let mut words: Vec<&OsStr> = ["mmdebstrap", "--mode=root", "--variant=minbase", "--include=ca-certificates"]
            .into_iter()
            .chain(["--aptopt=Acquire::Languages \"none\"", "--aptopt=APT::Install-Recommends \"false\""])
            .chain(EXCLUDED)
            .map(OsStr::new)
            .collect();
        words.extend([OsStr::new("bookworm"), root.as_os_str()]);
        let mirror = std::env::var_os("VCLOUDEN_DEBIAN_MIRROR").filter(|mirror| !mirror.is_empty());
        words.extend(mirror.as_deref());
        tools::find("mmdebstrap")?;
        apart(&words).map_err(LayersError::Base)?;
        finish(root)?;
        tracing::info!(seconds = began.elapsed().as_secs(), "built base debian-12");
        Ok(())
    })
}

/// Gives a fresh Debian what sandboxes expect.
fn finish(root: &Path) -> Result<(), LayersError> {
    for name in ["app", "data"] {
        let path = root.join(name);
        fs::create_dir(&path).map_err(io("make", &path))?;
        set_mode(&path, 0o755)?;
    }
    add_users(root, &[APP])?;
    put(&root.join("etc/hosts"), files::HOSTS)?;
    put(&root.join("etc/resolv.conf"), "")?;
    put(&root.join("etc/hostname"), "sandbox\n")?;
    // Packages start no services: there is nothing that would run them.
    let policy = root.join("usr/sbin/policy-rc.d");
    put(&policy, "#!/bin/sh\nexit 101\n")?;
    set_mode(&policy, 0o755)?;
    put(&root.join(BUILD), &format!("debian-12 {}\n", uuid::Uuid::now_v7()))
}

/// The name of the layer with those packages on that base, and the packages in their order.
pub(super) fn layer_name(base: &Path, packages: &[String]) -> Result<(String, Vec<String>), LayersError> {
    let mut packages = packages.to_vec();
    packages.sort();
    packages.dedup();
    let bad: Vec<String> = packages.iter().filter(|name| !is_name(name)).cloned().collect();
    if !bad.is_empty() {
        return Err(LayersError::UnknownPackages(bad));
    }
    let build = base.join(BUILD);
    let build = fs::read_to_string(&build).map_err(io("read", &build))?;
    let name = hex(&Sha256::digest(format!("{build}{}", packages.join("\n"))));
    Ok((name, packages))
}

/// The layer with those packages and all that they need, built on `base` when it is not there, after `claim` has heard
/// its name.
pub(super) fn dependencies(
    cache: &Path,
    base: &Path,
    packages: &[String],
    claim: impl FnOnce(&str) -> Result<(), LayersError>,
) -> Result<PathBuf, LayersError> {
    let (name, packages) = layer_name(base, packages)?;
    claim(&name)?;
    once::once(cache, "dependencies", &name, |layer| {
        let began = Instant::now();
        tracing::info!(packages = packages.join(" "), "installing dependencies");
        install(base, layer, &packages)?;
        tracing::info!(packages = packages.join(" "), seconds = began.elapsed().as_secs(), "installed dependencies");
        Ok(())
    })
}

/// Installs packages on an overlay of the base; what they add becomes the layer.
fn install(base: &Path, layer: &Path, packages: &[String]) -> Result<(), LayersError> {
    let mut name = layer.file_name().unwrap_or_default().to_owned();
    name.push(".work");
    let work = layer.with_file_name(name);
    fs::create_dir(&work).map_err(io("make", &work))?;
    let script = ["sh", "-euc", include_str!("dependencies.sh"), "dependencies"];
    let mut words: Vec<&OsStr> = script.iter().map(OsStr::new).collect();
    words.extend([base.as_os_str(), work.as_os_str()]);
    words.extend(packages.iter().map(OsStr::new));
    match apart(&words) {
        Ok(_) => {}
        Err(ToolError::Failed { status, said, .. }) if status.ends_with(&format!(": {UNKNOWN}")) => {
            let unknown = said.lines().filter_map(|line| line.strip_prefix("unknown: ")).map(str::to_owned);
            return Err(LayersError::UnknownPackages(unknown.collect()));
        }
        Err(source) => return Err(LayersError::Dependencies { packages: packages.to_vec(), source }),
    }
    let upper = work.join("upper");
    set_mode(&upper, 0o755)?;
    fs::rename(&upper, layer).map_err(io("rename", &upper))?;
    fs::remove_dir_all(&work).map_err(io("delete", &work))
}

/// Runs a command in mount and process namespaces of its own, so that nothing of it is left, however it ends; it ends
/// at the latest when Nimbus does.
fn apart(words: &[&OsStr]) -> Result<String, ToolError> {
    let mut command = tools::command("setpriv")?;
    let variables: Vec<_> = ["http_proxy", "https_proxy", "no_proxy", "TMPDIR"]
        .into_iter()
        .filter_map(|name| std::env::var_os(name).map(|value| (name, value)))
        .collect();
    command.env_clear().envs(variables).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
    command.env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
    command.args([
        "--pdeathsig",
        "KILL",
        "--",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--",
    ]);
    command.args(words);
    let output = command.output().map_err(|source| ToolError::Start { tool: "setpriv".to_owned(), source })?;
    tools::judge(&command, output)
}

/// Whether it can be a package's name (Debian Policy 5.6.1). A "-" at its end would mean removal to apt.
fn is_name(name: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"+-.".contains(&c);
    let begins = name.as_bytes().first().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (2..=100).contains(&name.len()) && begins && name.bytes().all(inner) && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_packages_reach_apt() {
        for good in ["radicale", "g++", "libc6", "python3.11", "7zip"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a", "-o", "radicale-", "a b", "A1", "a=1", "a/b", "a*", "^a$"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
