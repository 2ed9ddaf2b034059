//! How long it takes from the request for a sandbox to the first byte that a program in it writes: as a child of this
//! process, as a child of a process that is executed for it (as keepers are), and with bubblewrap, interleaved.
//!
//!     first_byte SPEC.json ROUNDS

use std::error::Error;
use std::fs::File;
use std::io::{Read, pipe};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio as Standard};
use std::time::{Duration, Instant};

use sandbox::{SandboxSpec, Stdio};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let spec: SandboxSpec = serde_json::from_slice(&std::fs::read(&arguments[1])?)?;
    let Some(rounds) = arguments.get(2) else { return child(&spec) };
    let rounds: usize = rounds.parse()?;
    let (mut within, mut executed, mut bubblewrap) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        within.push(in_process(&spec)?);
        executed.push(by_command(Command::new(&arguments[0]).arg(&arguments[1]))?);
        bubblewrap.push(by_command(&mut peer(&spec))?);
    }
    for (name, times) in [("in process", within), ("executed", executed), ("bubblewrap", bubblewrap)] {
        report(name, times);
    }
    Ok(())
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    println!("{name:<12} median {:.2} ms, 10 % {:.2}, 90 % {:.2}, n = {}", at(50), at(10), at(90), times.len());
}

fn null() -> Outcome<OwnedFd> {
    Ok(File::options().read(true).write(true).open("/dev/null")?.into())
}

fn in_process(spec: &SandboxSpec) -> Outcome<Duration> {
    let (mut reader, writer) = pipe()?;
    let began = Instant::now();
    let mut sandbox = sandbox::start(spec, Stdio { stdin: null()?, stdout: writer.into(), stderr: null()? })?;
    reader.read_exact(&mut [0])?;
    let took = began.elapsed();
    sandbox.wait()?;
    sandbox.remove()?;
    Ok(took)
}

fn child(spec: &SandboxSpec) -> Outcome<()> {
    use std::os::fd::AsFd;
    let stdout = std::io::stdout().as_fd().try_clone_to_owned()?;
    let mut sandbox = sandbox::start(spec, Stdio { stdin: null()?, stdout, stderr: null()? })?;
    sandbox.wait()?;
    Ok(sandbox.remove()?)
}

fn by_command(command: &mut Command) -> Outcome<Duration> {
    let began = Instant::now();
    let mut child = command.stdin(Standard::null()).stdout(Standard::piped()).spawn()?;
    child.stdout.take().ok_or("no output")?.read_exact(&mut [0])?;
    let took = began.elapsed();
    child.wait()?;
    Ok(took)
}

/// The same file system and namespaces; no cgroups, no system call filter, no Landlock.
fn peer(spec: &SandboxSpec) -> Command {
    let mut bwrap = Command::new("bwrap");
    bwrap.args(["--unshare-all", "--new-session", "--die-with-parent", "--ro-bind"]).arg(&spec.layers[0]).arg("/");
    bwrap.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--ro-bind"]);
    bwrap.arg(&spec.app).arg("/app");
    if let Some((data, at)) = &spec.data {
        bwrap.arg("--bind").arg(data).arg(at);
    }
    bwrap.args(["--uid", "1000", "--gid", "1000", "--clearenv", "--setenv", "PATH", "/bin"]).args(&spec.command);
    bwrap
}
