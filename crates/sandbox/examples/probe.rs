//! Runs in the tests, inside a sandbox and, as a control, outside: tries what must not work inside, and a few things
//! that must. One line each: a name, and the number of the error or 0.
//!
//!     probe                   system calls; each is harmless, or undone, where it works
//!     probe btrfs DIR         what btrfs lets everyone do in a directory of their own
//!     probe connect ADDR:PORT exit status 0 when it is reached, 1 otherwise
//!     probe abstract NAME     connects to an abstract Unix socket
//!     probe signal PID        asks whether a process could be signalled
//!     probe wait              waits to be signalled by a program that is run later
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::fs::File;
use std::io::{Error, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::ptr::null;

fn show(name: &str, result: libc::c_long) {
    said(name, if result < 0 { Err(Error::last_os_error()) } else { Ok(()) });
}

fn said<T>(name: &str, result: std::io::Result<T>) {
    println!("{name} {}", result.err().map_or(0, |error| error.raw_os_error().unwrap_or(-1)));
}

/// Makes a call that must fail inside and does no harm outside.
macro_rules! call {
    ($name:literal, $number:expr $(, $argument:expr)*) => {
        // SAFETY: each call below is harmless whether it works or not; pointers are to what the call expects, or null.
        show($name, unsafe { libc::syscall($number $(, $argument)*) })
    };
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => {
            mounts();
            processes();
            kernel();
            sockets();
            ordinary();
        }
        ["btrfs", directory] => btrfs(&File::open(directory).expect("the directory")),
        ["connect", to] => {
            let to = to.parse().expect("an address and port");
            let reached = TcpStream::connect_timeout(&to, std::time::Duration::from_millis(500));
            std::process::exit(i32::from(reached.is_err()));
        }
        ["abstract", name] => said("abstract", connect_abstract(name)),
        ["signal", process] => call!("signal", libc::SYS_kill, process.parse::<i32>().expect("a process id"), 0),
        ["wait"] => std::thread::sleep(std::time::Duration::from_secs(100)),
        _ => panic!("see the top of this file"),
    }
}

fn connect_abstract(name: &str) -> std::io::Result<UnixStream> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)
}

fn mounts() {
    call!("mount", libc::SYS_mount, c"none".as_ptr(), c"/tmp".as_ptr(), c"tmpfs".as_ptr(), 0, null::<u8>());
    call!("mknod-device", libc::SYS_mknodat, libc::AT_FDCWD, c"/tmp/sda".as_ptr(), libc::S_IFBLK | 0o600, 0x800);
    call!("umount", libc::SYS_umount2, c"/tmp".as_ptr(), libc::MNT_DETACH);
    call!("fsopen", libc::SYS_fsopen, c"tmpfs".as_ptr(), 0);
    call!("open_tree", libc::SYS_open_tree, libc::AT_FDCWD, c"/".as_ptr(), 1);
    call!("open_by_handle_at", libc::SYS_open_by_handle_at, 0, null::<u8>(), 0);
    call!("chroot", libc::SYS_chroot, c"/".as_ptr());
}

fn processes() {
    call!("unshare", libc::SYS_unshare, libc::CLONE_NEWUTS);
    call!("setns", libc::SYS_setns, 0, 0);
    // SAFETY: without CLONE_VM the child has its own copy of this single-threaded process, and ends at once.
    let child = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_NEWUSER | libc::SIGCHLD, 0, 0, 0, 0) };
    if child == 0 {
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    show("clone-newuser", child);
    call!("clone3", libc::SYS_clone3, null::<u8>(), 0);
    let bytes = [0u8; 8];
    let (from, mut into) = (bytes, [0u8; 8]);
    let from = libc::iovec { iov_base: from.as_ptr().cast_mut().cast(), iov_len: 8 };
    let into = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: 8 };
    let me = std::process::id();
    call!(
        "process_vm_readv",
        libc::SYS_process_vm_readv,
        me,
        &raw const into,
        1_usize,
        &raw const from,
        1_usize,
        0_usize
    );
    // To a process that is not there; being traced would stop this one at every signal.
    call!("ptrace", libc::SYS_ptrace, libc::PTRACE_ATTACH, -1, 0, 0);
    call!("userfaultfd", libc::SYS_userfaultfd, 1);
    call!("setuid-0", libc::SYS_setresuid, 0, 0, 0);
    call!("personality", libc::SYS_personality, 0x0400_0000);
}

fn kernel() {
    let none = null::<u8>();
    call!("keyctl", libc::SYS_keyctl, 0, -2, 1);
    call!("add_key", libc::SYS_add_key, c"user".as_ptr(), c"x".as_ptr(), c"y".as_ptr(), 1, -2);
    call!("bpf", libc::SYS_bpf, 0, none, 0);
    call!("perf_event_open", libc::SYS_perf_event_open, none, 0, -1, -1, 0);
    call!("io_uring_setup", libc::SYS_io_uring_setup, 1, none);
    // Flags that do not exist: nothing is loaded or unloaded.
    call!("kexec_load", libc::SYS_kexec_load, 0, 0, none, 0x8000);
    call!("reboot", libc::SYS_reboot, 0, 0, 0, none);
    call!("sethostname", libc::SYS_sethostname, c"x".as_ptr(), 1);
    call!("tiocsti", libc::SYS_ioctl, 0, libc::TIOCSTI, c"x".as_ptr());
    #[cfg(target_arch = "x86_64")]
    call!("x32-getpid", 0x4000_0000 + libc::SYS_getpid);
    call!("unknown-call", 999);
}

fn sockets() {
    call!("af-packet", libc::SYS_socket, libc::AF_PACKET, libc::SOCK_RAW, 0);
    call!("af-vsock", libc::SYS_socket, libc::AF_VSOCK, libc::SOCK_STREAM, 0);
    call!("af-alg", libc::SYS_socket, libc::AF_ALG, libc::SOCK_SEQPACKET, 0);
    call!("raw-ip", libc::SYS_socket, libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP);
    call!("netlink-audit", libc::SYS_socket, libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_AUDIT);
    call!("netlink-netfilter", libc::SYS_socket, libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER);
}

fn ordinary() {
    call!("may-netlink-route", libc::SYS_socket, libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE);
    call!("may-tcp", libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0);
    call!("may-tcp6", libc::SYS_socket, libc::AF_INET6, libc::SOCK_STREAM, 0);
    call!("may-unix", libc::SYS_socket, libc::AF_UNIX, libc::SOCK_STREAM, 0);
    // The kernel keeps it from the first process of a pid namespace when it comes from inside.
    call!("may-kill-init", libc::SYS_kill, 1, libc::SIGKILL);
    let thread = std::thread::Builder::new().spawn(|| ()).map(std::thread::JoinHandle::join);
    println!("may-thread {}", i32::from(!matches!(thread, Ok(Ok(())))));
    said("may-port-80", TcpListener::bind("127.0.0.1:80"));
}

/// The argument of most of btrfs's own ioctls, first and second version (linux/btrfs.h).
#[repr(C)]
struct Volume {
    descriptor: i64,
    name: [u8; 4088],
}

#[repr(C)]
struct VolumeV2 {
    descriptor: i64,
    transaction: u64,
    flags: u64,
    unused: [u64; 4],
    name: [u8; 4040],
}

fn btrfs(directory: &File) {
    fn named<const N: usize>(name: &CStr) -> [u8; N] {
        let mut field = [0; N];
        field[..name.count_bytes()].copy_from_slice(name.to_bytes());
        field
    }
    let at = directory.as_raw_fd();
    let own = i64::from(at);
    let first = |name| Volume { descriptor: own, name: named(name) };
    let second = |name| VolumeV2 { descriptor: own, transaction: 0, flags: 0, unused: [0; 4], name: named(name) };
    call!("subvol-create", libc::SYS_ioctl, at, 0x5000_940E_u32, &first(c"one"));
    call!("subvol-create-2", libc::SYS_ioctl, at, 0x5000_9418_u32, &second(c"two"));
    call!("snap-create", libc::SYS_ioctl, at, 0x5000_9401_u32, &first(c"three"));
    call!("snap-create-2", libc::SYS_ioctl, at, 0x5000_9417_u32, &second(c"four"));
    // The upper half of the request is not looked at by the kernel.
    call!("subvol-create-high", libc::SYS_ioctl, at, 0xFFFF_FFFF_5000_940E_u64, &first(c"five"));
    let read_only = 2_u64;
    call!("subvol-set-read-only", libc::SYS_ioctl, at, 0x4008_941A_u32, &raw const read_only);
    let writable = 0_u64;
    call!("subvol-set-writable", libc::SYS_ioctl, at, 0x4008_941A_u32, &raw const writable);
    let mut answer = [0_u8; 1024];
    call!("fs-info", libc::SYS_ioctl, at, 0x8400_941F_u32, answer.as_mut_ptr());
    let (from, into) = (directory_file(at, c"from"), directory_file(at, c"into"));
    said("may-write", (&from).write_all(&[1; 8192]));
    call!("defragment", libc::SYS_ioctl, from.as_raw_fd(), 0x5000_9402_u32, null::<u8>());
    call!("may-clone", libc::SYS_ioctl, into.as_raw_fd(), 0x4004_9409_u32, from.as_raw_fd());
}

fn directory_file(at: i32, name: &CStr) -> File {
    use std::os::fd::FromRawFd;
    // SAFETY: the name ends with a zero byte.
    let file = unsafe { libc::openat(at, name.as_ptr(), libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC, 0o600) };
    assert!(file >= 0, "{name:?}: {}", Error::last_os_error());
    // SAFETY: it is new and nobody else's.
    unsafe { File::from_raw_fd(file) }
}
