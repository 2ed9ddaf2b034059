//! Other programs that do a part of the job, on the same root file system with the same limits where they have them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::json;

/// A root file system with one static program in it: busybox.
pub fn root(dir: &Path) -> Result<PathBuf> {
    let root = dir.join("root");
    for name in ["bin", "app", "data", "dev", "etc", "proc", "run", "sys", "tmp", "var"] {
        fs::create_dir_all(root.join(name))?;
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).context("busybox-static is needed (scripts/need bench)")?;
    fs::set_permissions(root.join("bin/busybox"), fs::Permissions::from_mode(0o755))?;
    for name in ["passwd", "group", "hosts", "resolv.conf"] {
        fs::write(root.join("etc").join(name), "")?;
    }
    Ok(root)
}

/// crun refuses a host with controllers in both cgroup versions. In a mount namespace of the caller's own the few of
/// version 2 are hidden from it; a host with one version is left as it is.
pub fn let_crun_run() -> Result<()> {
    let list = "/sys/fs/cgroup/unified/cgroup.controllers";
    if Path::new(list).exists() { run("mount", &["--bind", "/dev/null", list]) } else { Ok(()) }
}

/// podman, with file limits that any root may set.
pub fn podman(root: &str, options: &[&str], program: &[&str]) -> Command {
    let mut command = command("podman", &["run", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]);
    command.args(options).args(["--rootfs", root]).args(program);
    command
}

/// A command that is quiet and reads nothing.
pub fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs a command that must succeed.
pub fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{program} is needed (scripts/need bench)"))?;
    ensure!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// bubblewrap, with every namespace it can make.
pub fn bwrap(root: &str, program: &[&str]) -> Command {
    let mut command = command("bwrap", &["--unshare-all", "--die-with-parent", "--ro-bind", root, "/"]);
    command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--cap-drop", "ALL"]);
    command.args(["--uid", "1000", "--gid", "1000", "--"]).args(program);
    command
}

/// An OCI bundle for crun and runc: what their own `spec` command writes, with this program.
pub fn bundle(dir: &Path, root: &Path, program: &[&str]) -> Result<PathBuf> {
    let bundle = dir.join("bundle");
    fs::create_dir_all(&bundle)?;
    run("runc", &["spec", "--bundle", bundle.to_str().context("UTF-8")?])?;
    let path = bundle.join("config.json");
    let mut config: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
    config["root"] = json!({ "path": root, "readonly": true });
    config["process"]["args"] = json!(program);
    config["process"]["terminal"] = json!(false);
    let mounts = config["mounts"].as_array().context("mounts")?.clone();
    let mounts: Vec<_> = mounts.into_iter().filter(|m| m["destination"] != "/sys/fs/cgroup").collect();
    config["mounts"] = json!(mounts);
    fs::write(&path, serde_json::to_string(&config)?)?;
    Ok(bundle)
}

/// A configuration for lxc-execute and lxc-start.
pub fn lxc(dir: &Path, root: &Path, program: &[&str]) -> Result<PathBuf> {
    let path = dir.join("lxc.conf");
    let text = format!(
        "lxc.rootfs.path = dir:{}\nlxc.net.0.type = empty\nlxc.autodev = 0\nlxc.uts.name = bench\n\
         lxc.mount.auto = proc:mixed\nlxc.init.cmd = {}\nlxc.console.path = none\nlxc.tty.max = 0\nlxc.pty.max = 0\n",
        root.display(),
        program.join(" ")
    );
    fs::write(&path, text)?;
    Ok(path)
}
