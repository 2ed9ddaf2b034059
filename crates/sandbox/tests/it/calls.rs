//! What becomes of each system call that `probe` tries: in a sandbox, and, so that a probe which fails anywhere is seen,
//! outside of one.

use libc::{EACCES, EAFNOSUPPORT, EFAULT, EINVAL, ENOSYS, ENOTTY, EPERM, ESRCH};

pub struct Call {
    pub name: &'static str,
    /// The error inside, or 0.
    pub inside: i32,
    /// The error outside as root. Where it is not 0, the arguments make no sense, which only a kernel that would have
    /// made the call finds out. None where kernels and their settings differ.
    pub root: Option<i32>,
    /// The same as user 1000.
    pub user: Option<i32>,
}

const fn call(name: &'static str, inside: i32, root: Option<i32>, user: Option<i32>) -> Call {
    Call { name, inside, root, user }
}

/// One that root may make, and nobody else.
const fn privileged(name: &'static str, root: i32) -> Call {
    call(name, EPERM, Some(root), Some(EPERM))
}

/// One that everybody may make outside.
const fn public(name: &'static str, inside: i32, outside: i32) -> Call {
    call(name, inside, Some(outside), Some(outside))
}

/// In the order in which they are tried.
pub const CALLS: &[Call] = &[
    privileged("mount", 0),
    privileged("mknod-device", 0),
    privileged("umount", 0),
    privileged("fsopen", 0),
    privileged("open_tree", 0),
    // For a handle of an ordinary user's, too, in newer kernels.
    call("open_by_handle_at", EPERM, Some(EFAULT), None),
    privileged("chroot", 0),
    privileged("unshare", 0),
    public("setns", EPERM, EINVAL),
    // Some distributions keep user namespaces from ordinary users.
    call("clone-newuser", EPERM, Some(0), None),
    public("clone3", ENOSYS, EINVAL),
    public("process_vm_readv", EPERM, 0),
    public("ptrace", EPERM, ESRCH),
    public("userfaultfd", EPERM, 0),
    privileged("setuid-0", 0),
    public("personality", EPERM, 0),
    public("keyctl", EPERM, 0),
    public("add_key", EPERM, 0),
    call("bpf", EPERM, Some(EINVAL), None),
    call("perf_event_open", EPERM, Some(EFAULT), None),
    call("io_uring_setup", ENOSYS, None, None),
    call("kexec_load", EPERM, None, None),
    privileged("reboot", EINVAL),
    privileged("sethostname", 0),
    public("tiocsti", EPERM, ENOTTY),
    #[cfg(target_arch = "x86_64")]
    call("x32-getpid", ENOSYS, None, None),
    public("unknown-call", ENOSYS, ENOSYS),
    privileged_family("af-packet"),
    call("af-vsock", EAFNOSUPPORT, None, None),
    call("af-alg", EAFNOSUPPORT, None, None),
    privileged("raw-ip", 0),
    call("netlink-audit", EAFNOSUPPORT, None, None),
    public("netlink-netfilter", EAFNOSUPPORT, 0),
    public("may-netlink-route", 0, 0),
    public("may-tcp", 0, 0),
    public("may-tcp6", 0, 0),
    public("may-unix", 0, 0),
    public("may-kill-init", 0, 0),
    public("may-thread", 0, 0),
    call("may-port-80", 0, Some(0), Some(EACCES)),
];

const fn privileged_family(name: &'static str) -> Call {
    call(name, EAFNOSUPPORT, Some(0), Some(EPERM))
}

/// The lines of `probe`.
pub fn outcomes(text: &str) -> Vec<(&str, i32)> {
    text.lines()
        .map(|line| line.split_once(' ').unwrap_or_else(|| panic!("`{line}` is no line of the probe")))
        .map(|(name, code)| (name, code.parse().unwrap()))
        .collect()
}
