//! Runs the sandbox that a JSON file specifies, as a keeper would: single-threaded, the parent of what it starts. The
//! tests drive it; it is handy by hand, too.
//!
//!     run SPEC.json             its standard input, output and error; ends with a line on how it ended
//!     run SPEC.json exec WORD.. as soon as it runs, runs WORD.. in it, says how that ended, and kills the sandbox
//!     run SPEC.json wait        reads commands from standard input: `signal N`, `exec WORD..`, `kill`, `memory`,
//!                               `listen NAME` (on an abstract Unix socket in the sandbox's network namespace)
//!     run sweep NAME

use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use sandbox::{Sandbox, SandboxSpec, Stdio, network};

fn main() {
    if let Err(error) = run() {
        println!("error: {error}");
        std::process::exit(1);
    }
}

fn stdio(stdin: bool) -> io::Result<Stdio> {
    let input =
        if stdin { io::stdin().as_fd().try_clone_to_owned()? } else { std::fs::File::open("/dev/null")?.into() };
    Ok(Stdio {
        stdin: input,
        stdout: io::stdout().as_fd().try_clone_to_owned()?,
        stderr: io::stderr().as_fd().try_clone_to_owned()?,
    })
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments[0] == "sweep" {
        return Ok(sandbox::sweep(&arguments[1])?);
    }
    let spec: SandboxSpec = serde_json::from_slice(&std::fs::read(&arguments[0])?)?;
    if let Some(network) = &spec.network {
        network::enter(network)?;
    }
    let mode = arguments.get(1).map(String::as_str);
    let mut sandbox = sandbox::start(&spec, stdio(mode.is_none())?)?;
    match mode {
        Some("exec") => {
            println!("exec: {}", execute(&sandbox, &spec, &arguments[2..])?);
            sandbox.kill()?;
        }
        Some("wait") => {
            println!("pid: {}", sandbox.pid());
            let mut listeners = Vec::new();
            for line in io::stdin().lock().lines() {
                let line = line?;
                if let Some(name) = line.strip_prefix("listen ") {
                    listeners.push(UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?);
                    println!("listen: done");
                } else {
                    obey(&sandbox, &spec, &line);
                }
                io::stdout().flush()?;
            }
        }
        _ => {}
    }
    let end = sandbox.wait()?;
    let oom = if sandbox.was_oom_killed() { ", out of memory" } else { "" };
    println!("end: {end}{oom}");
    sandbox.remove()?;
    Ok(())
}

fn obey(sandbox: &Sandbox, spec: &SandboxSpec, line: &str) {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let answer = match words[0].as_str() {
        "signal" => sandbox.signal(words[1].parse().expect("a number")).map(|()| "done".to_owned()),
        "kill" => sandbox.kill().map(|()| "done".to_owned()),
        "exec" => execute(sandbox, spec, &words[1..]),
        "memory" => Ok(format!("{:?}", sandbox.memory_used())),
        _ => Ok("unknown".to_owned()),
    };
    match answer {
        Ok(answer) => println!("{}: {answer}", words[0]),
        Err(error) => println!("{}: error: {error}", words[0]),
    }
}

fn execute(sandbox: &Sandbox, spec: &SandboxSpec, words: &[String]) -> Result<String, sandbox::SandboxError> {
    let stdio = stdio(false).expect("standard input, output and error");
    Ok(sandbox.exec(spec, words, stdio)?.wait()?.to_string())
}
