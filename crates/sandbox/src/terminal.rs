//! A terminal for a program in a sandbox, made in the sandbox's own devpts so that programs find it by its name, and the
//! session of programs that belongs to it.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde::{Deserialize, Serialize};

use crate::error::Step;
use crate::stdio::Stdio;
use crate::{Sandbox, SandboxError};

/// How large a terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub columns: u16,
}

/// Changes the size of the terminal behind its master side; programs in its foreground are told.
///
/// # Errors
/// When it is no terminal.
pub fn resize(master: &OwnedFd, size: TerminalSize) -> std::io::Result<()> {
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(master, size)?)
}

/// Makes one, for the user that the calling process is: its master side, and the other as all three of a program's.
pub(crate) fn open(size: TerminalSize) -> Result<(OwnedFd, Stdio), SandboxError> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let make = || -> std::io::Result<(OwnedFd, Stdio)> {
        let master = openpt(flags)?;
        unlockpt(&master)?;
        resize(&master, size)?;
        let stdin = ioctl_tiocgptpeer(&master, flags)?;
        Ok((master, Stdio { stdout: stdin.try_clone()?, stderr: stdin.try_clone()?, stdin }))
    };
    make().step("make a terminal")
}

impl Sandbox {
    /// Sends a signal to every program of the session that the program with this process id (on the server) began:
    /// those that were started in its terminal, also when it has ended.
    ///
    /// # Errors
    /// When the sandbox's processes cannot be listed.
    pub fn signal_session(&self, leader: u32, signal: i32) -> Result<(), SandboxError> {
        let Some(signal) = Signal::from_named_raw(signal) else {
            return Err(SandboxError::Specification(format!("there is no signal {signal}")));
        };
        for pid in self.groups.members().step("list the processes of the sandbox")? {
            // Held before it is looked at, so that it is still the same when it is signalled.
            let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
            if session_of(pid) != Some(leader) {
                continue;
            }
            match pidfd_send_signal(&process, signal) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(std::io::Error::from(error)).step("signal a program of the terminal"),
            }
        }
        Ok(())
    }
}

/// The session that a process is in: the fourth field after the name in proc(5), `/proc/pid/stat`.
fn session_of(pid: Pid) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(3)?.parse().ok()
}
