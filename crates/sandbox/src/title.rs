//! A process that is a copy of the keeper must not show the keeper's command line, with paths of the server and the
//! installation's name in it, to the sandbox, where `/proc/1/cmdline` can be read by all.
#![allow(unsafe_code)]

use std::fs;
use std::io;

/// What is shown instead.
const TITLE: &std::ffi::CStr = c"sandbox-init";

/// Replaces the command line and the name of this process, which must not look at its arguments afterwards.
pub(crate) fn replace() -> io::Result<()> {
    let status = fs::read_to_string("/proc/self/stat")?;
    // Fields 48 and 49, see proc_pid_stat(5); the second one, in parentheses, may contain anything.
    let fields = status.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut ends = fields.split_whitespace().skip(45).map(str::parse::<usize>);
    if let (Some(Ok(start)), Some(Ok(end))) = (ends.next(), ends.next())
        && start != 0
        && start < end
    {
        let title = TITLE.to_bytes();
        let shown = title.len().min(end - start - 1);
        // SAFETY: the kernel says that the arguments' bytes lie between these addresses, in memory of this process that
        // it may write; nothing of this single-threaded copy reads them any more.
        unsafe {
            let arguments = std::ptr::with_exposed_provenance_mut::<u8>(start);
            std::ptr::write_bytes(arguments, 0, end - start);
            std::ptr::copy_nonoverlapping(title.as_ptr(), arguments, shown);
        }
    }
    Ok(rustix::thread::set_name(TITLE)?)
}
