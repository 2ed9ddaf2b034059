//! The application in its sandbox, with the pipes on which it speaks.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::signal::Signal;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use sandbox::{Exit, Sandbox, SandboxError, SandboxSpec, Stdio};

use crate::error::KeeperError;
use crate::logs::Stream;

/// Bytes that are read from one pipe in one turn of the loop, so that a flood holds nobody else up.
pub(crate) const TURN_BYTES: usize = 16 * 1024;

/// An application that was started and is not yet reaped.
pub(crate) struct Application {
    pub(crate) sandbox: Sandbox,
    pub(crate) pipes: Vec<Pipe>,
}

/// The keeper's end of the application's standard output or error.
pub(crate) struct Pipe {
    pub(crate) stream: Stream,
    fd: OwnedFd,
}

impl Application {
    /// Starts it, with nothing to read on its standard input.
    pub(crate) fn start(spec: &SandboxSpec) -> Result<Self, SandboxError> {
        let prepare = || -> std::io::Result<_> {
            let stdin = OwnedFd::from(File::open("/dev/null")?);
            Ok((stdin, pipe(Stream::Out)?, pipe(Stream::Err)?))
        };
        let (stdin, (out, stdout), (err, stderr)) =
            prepare().map_err(|source| SandboxError::System { step: "make pipes for its output".into(), source })?;
        let sandbox = sandbox::start(spec, Stdio { stdin, stdout, stderr })?;
        Ok(Self { sandbox, pipes: vec![out, err] })
    }

    /// Reads what it said on one of its pipes, at most [`TURN_BYTES`]; forgets the pipe when it has ended.
    pub(crate) fn read(&mut self, stream: Stream, mut take: impl FnMut(&[u8])) {
        let Some(index) = self.pipes.iter().position(|pipe| pipe.stream == stream) else { return };
        let mut bytes = [0; TURN_BYTES];
        match rustix::io::read(&self.pipes[index].fd, &mut bytes) {
            Ok(count) if count > 0 => take(&bytes[..count]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Its last writer is gone.
            _ => drop(self.pipes.remove(index)),
        }
    }
}

impl Pipe {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A pipe of which only the keeper's end never waits: the application's own must be as it expects.
fn pipe(stream: Stream) -> std::io::Result<(Pipe, OwnedFd)> {
    let (fd, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
    Ok((Pipe { stream, fd }, theirs))
}

/// How the application ended, for people.
pub(crate) fn describe(exit: Result<Exit, SandboxError>, out_of_memory: bool) -> String {
    match exit {
        Ok(exit) if out_of_memory => format!("{exit}: out of memory"),
        Ok(exit) => exit.to_string(),
        Err(error) => format!("ended, but {error}"),
    }
}

/// How a program ended, as a shell says it.
pub(crate) fn status(exit: Exit) -> i32 {
    match exit {
        Exit::Code(code) => code,
        Exit::Signal(number) => 128 + number,
    }
}

/// What the keeper is told from outside: signals that would end it or that say that a child died.
pub(crate) fn signals() -> crate::Result<nix::sys::signalfd::SignalFd> {
    use nix::sys::signalfd::{SfdFlags, SigSet, SignalFd};
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGCHLD] {
        set.add(signal);
    }
    set.thread_block().map_err(KeeperError::io("cannot block signals"))?;
    SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .map_err(KeeperError::io("cannot receive signals"))
}
