//! Runs inside a sandbox in the tests: tries what must not work there, and a few things that must. One line each: a
//! name, and the number of the error or 0. With an address and port it tries to connect instead.
#![allow(unsafe_code)]

use std::io::Error;
use std::ptr::null;

fn show(name: &str, result: libc::c_long) {
    let code = if result < 0 { Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 };
    println!("{name} {code}");
}

/// Makes a call that must fail, or changes nothing.
macro_rules! call {
    ($name:literal, $number:expr $(, $argument:expr)*) => {
        // SAFETY: each call below is harmless whether it works or not.
        show($name, unsafe { libc::syscall($number $(, $argument)*) })
    };
}

fn main() {
    if let Some(to) = std::env::args().nth(1) {
        let to = to.parse().expect("an address and port");
        let reached = std::net::TcpStream::connect_timeout(&to, std::time::Duration::from_millis(500));
        std::process::exit(i32::from(reached.is_err()));
    }
    let none = null::<u8>();
    call!("mount", libc::SYS_mount, c"none".as_ptr(), c"/tmp".as_ptr(), c"tmpfs".as_ptr(), 0, none);
    call!("umount", libc::SYS_umount2, c"/proc/sys".as_ptr(), libc::MNT_DETACH);
    call!("fsopen", libc::SYS_fsopen, c"tmpfs".as_ptr(), 0);
    call!("open_tree", libc::SYS_open_tree, libc::AT_FDCWD, c"/".as_ptr(), 1);
    call!("unshare", libc::SYS_unshare, libc::CLONE_NEWUSER);
    call!("setns", libc::SYS_setns, 0, 0);
    call!("clone-newuser", libc::SYS_clone, libc::CLONE_NEWUSER | libc::SIGCHLD, 0, 0, 0, 0);
    call!("clone3", libc::SYS_clone3, none, 0);
    call!("chroot", libc::SYS_chroot, c"/tmp".as_ptr());
    call!("ptrace", libc::SYS_ptrace, libc::PTRACE_TRACEME, 0, 0, 0);
    call!("process_vm_readv", libc::SYS_process_vm_readv, 1, none, 0, none, 0, 0);
    call!("keyctl", libc::SYS_keyctl, 0, -3, 0);
    call!("add_key", libc::SYS_add_key, c"user".as_ptr(), c"x".as_ptr(), c"y".as_ptr(), 1, -3);
    call!("bpf", libc::SYS_bpf, 0, none, 0);
    call!("perf_event_open", libc::SYS_perf_event_open, none, 0, -1, -1, 0);
    call!("io_uring_setup", libc::SYS_io_uring_setup, 1, none);
    call!("userfaultfd", libc::SYS_userfaultfd, 0);
    call!("open_by_handle_at", libc::SYS_open_by_handle_at, 0, none, 0);
    call!("kexec_load", libc::SYS_kexec_load, 0, 0, none, 0);
    call!("reboot", libc::SYS_reboot, 0, 0, 0, none);
    call!("sethostname", libc::SYS_sethostname, c"x".as_ptr(), 1);
    call!("setuid-0", libc::SYS_setuid, 0);
    call!("mknod-device", libc::SYS_mknodat, libc::AT_FDCWD, c"/tmp/sda".as_ptr(), libc::S_IFBLK | 0o600, 0x800);
    call!("af-packet", libc::SYS_socket, libc::AF_PACKET, libc::SOCK_RAW, 0);
    call!("af-vsock", libc::SYS_socket, libc::AF_VSOCK, libc::SOCK_STREAM, 0);
    call!("af-alg", libc::SYS_socket, libc::AF_ALG, libc::SOCK_SEQPACKET, 0);
    call!("raw-ip", libc::SYS_socket, libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP);
    call!("netlink-audit", libc::SYS_socket, libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_AUDIT);
    call!("netlink-netfilter", libc::SYS_socket, libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER);
    call!("tiocsti", libc::SYS_ioctl, 0, libc::TIOCSTI, c"x".as_ptr());
    call!("personality", libc::SYS_personality, 0x0400_0000);
    #[cfg(target_arch = "x86_64")]
    call!("x32-getpid", 0x4000_0000 + libc::SYS_getpid);
    call!("unknown-call", 999);
    call!("signal-init", libc::SYS_kill, 1, libc::SIGKILL);

    call!("may-netlink-route", libc::SYS_socket, libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE);
    call!("may-tcp", libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0);
    call!("may-tcp6", libc::SYS_socket, libc::AF_INET6, libc::SOCK_STREAM, 0);
    call!("may-unix", libc::SYS_socket, libc::AF_UNIX, libc::SOCK_STREAM, 0);
    let thread = std::thread::Builder::new().spawn(|| ()).map(std::thread::JoinHandle::join);
    println!("may-thread {}", i32::from(!matches!(thread, Ok(Ok(())))));
    let port = std::net::TcpListener::bind("127.0.0.1:80");
    println!("may-port-80 {}", port.err().and_then(|error| error.raw_os_error()).unwrap_or(0));
}
