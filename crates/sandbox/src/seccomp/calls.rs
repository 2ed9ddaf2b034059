//! The system calls, sorted by what they are for. To let one more in, say here what needs it; the test of `bpf` checks
//! that the compiled filter says what is written here.

use libc::{EAFNOSUPPORT, ENOSYS, EPERM, c_long};

use super::bpf::{Rule, Rules, Test, Verdict};

/// What servers, language runtimes and shells need and what stays within the sandbox.
#[rustfmt::skip]
pub(super) const ALLOWED: &[&[c_long]] = &[
    // Reading and writing.
    &[libc::SYS_read, libc::SYS_write, libc::SYS_readv, libc::SYS_writev, libc::SYS_pread64, libc::SYS_pwrite64,
      libc::SYS_preadv, libc::SYS_pwritev, libc::SYS_preadv2, libc::SYS_pwritev2, libc::SYS_lseek, libc::SYS_sendfile,
      libc::SYS_splice, libc::SYS_tee, libc::SYS_vmsplice, libc::SYS_copy_file_range, libc::SYS_readahead,
      libc::SYS_fadvise64, libc::SYS_fallocate, libc::SYS_ftruncate, libc::SYS_truncate, libc::SYS_fsync,
      libc::SYS_fdatasync, libc::SYS_sync, libc::SYS_syncfs, libc::SYS_sync_file_range, libc::SYS_io_setup,
      libc::SYS_io_destroy, libc::SYS_io_submit, libc::SYS_io_cancel, libc::SYS_io_getevents,
      IO_PGETEVENTS],
    // Files and directories.
    &[libc::SYS_openat, libc::SYS_openat2, libc::SYS_close, libc::SYS_close_range, libc::SYS_dup, libc::SYS_dup3,
      libc::SYS_fcntl, libc::SYS_flock, libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_statfs,
      libc::SYS_fstatfs, libc::SYS_faccessat, libc::SYS_faccessat2, libc::SYS_getdents64, libc::SYS_getcwd,
      libc::SYS_chdir, libc::SYS_fchdir, libc::SYS_mkdirat, libc::SYS_mknodat, libc::SYS_unlinkat,
      libc::SYS_symlinkat, libc::SYS_linkat, libc::SYS_renameat, libc::SYS_renameat2, libc::SYS_readlinkat,
      libc::SYS_fchmod, libc::SYS_fchmodat, FCHMODAT2, libc::SYS_fchown, libc::SYS_fchownat, libc::SYS_utimensat,
      libc::SYS_umask, libc::SYS_name_to_handle_at, CACHESTAT],
    // Extended attributes.
    &[libc::SYS_getxattr, libc::SYS_lgetxattr, libc::SYS_fgetxattr, libc::SYS_setxattr, libc::SYS_lsetxattr,
      libc::SYS_fsetxattr, libc::SYS_listxattr, libc::SYS_llistxattr, libc::SYS_flistxattr, libc::SYS_removexattr,
      libc::SYS_lremovexattr, libc::SYS_fremovexattr],
    // Waiting for things.
    &[libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait,
      libc::SYS_epoll_pwait2, libc::SYS_eventfd2, libc::SYS_signalfd4, libc::SYS_timerfd_create,
      libc::SYS_timerfd_settime, libc::SYS_timerfd_gettime, libc::SYS_inotify_init1, libc::SYS_inotify_add_watch,
      libc::SYS_inotify_rm_watch, libc::SYS_pipe2],
    // Memory.
    &[libc::SYS_brk, libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_mprotect, libc::SYS_madvise,
      libc::SYS_mincore, libc::SYS_msync, libc::SYS_mlock, libc::SYS_mlock2, libc::SYS_munlock, libc::SYS_mlockall,
      libc::SYS_munlockall, libc::SYS_memfd_create, libc::SYS_membarrier, libc::SYS_pkey_alloc, libc::SYS_pkey_free,
      libc::SYS_pkey_mprotect, libc::SYS_mseal, MAP_SHADOW_STACK],
    // Processes and threads; `clone` is among the tested ones below.
    &[libc::SYS_execve, libc::SYS_execveat, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_wait4, libc::SYS_waitid,
      libc::SYS_set_tid_address, libc::SYS_set_robust_list, libc::SYS_get_robust_list, libc::SYS_rseq,
      libc::SYS_futex, libc::SYS_futex_waitv, FUTEX_WAKE, FUTEX_WAIT, FUTEX_REQUEUE, libc::SYS_prctl,
      libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getpgid, libc::SYS_setpgid, libc::SYS_getsid,
      libc::SYS_setsid, libc::SYS_getrusage, libc::SYS_times, libc::SYS_prlimit64, libc::SYS_getrlimit,
      libc::SYS_setrlimit, libc::SYS_getpriority, libc::SYS_setpriority, libc::SYS_ioprio_get, libc::SYS_ioprio_set,
      libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal, libc::SYS_process_mrelease],
    // Scheduling.
    &[libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_sched_setaffinity, libc::SYS_sched_getattr,
      libc::SYS_sched_setattr, libc::SYS_sched_getparam, libc::SYS_sched_setparam, libc::SYS_sched_getscheduler,
      libc::SYS_sched_setscheduler, libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min,
      libc::SYS_sched_rr_get_interval, libc::SYS_getcpu],
    // Users; without capabilities they change nothing, but shells and runtimes call them.
    &[libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid, libc::SYS_getresuid,
      libc::SYS_getresgid, libc::SYS_getgroups, libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setreuid,
      libc::SYS_setregid, libc::SYS_setresuid, libc::SYS_setresgid, libc::SYS_setgroups, libc::SYS_setfsuid,
      libc::SYS_setfsgid, libc::SYS_capget, libc::SYS_capset],
    // Signals.
    &[libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask,
      libc::SYS_rt_sigpending, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo, libc::SYS_rt_sigreturn,
      libc::SYS_rt_sigsuspend, libc::SYS_rt_sigtimedwait, libc::SYS_sigaltstack, libc::SYS_restart_syscall],
    // Time, randomness and what machine this is.
    &[libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep, libc::SYS_nanosleep,
      libc::SYS_gettimeofday, libc::SYS_getitimer, libc::SYS_setitimer, libc::SYS_timer_create,
      libc::SYS_timer_settime, libc::SYS_timer_gettime, libc::SYS_timer_getoverrun, libc::SYS_timer_delete,
      libc::SYS_getrandom, libc::SYS_uname, libc::SYS_sysinfo],
    // The network; `socket` and `socketpair` are among the tested ones below.
    &[libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4, libc::SYS_connect, libc::SYS_shutdown,
      libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_getsockopt, libc::SYS_setsockopt, libc::SYS_sendto,
      libc::SYS_recvfrom, libc::SYS_sendmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_recvmmsg],
    // Communication between processes, in a namespace of the sandbox's own.
    &[libc::SYS_shmget, libc::SYS_shmat, libc::SYS_shmdt, libc::SYS_shmctl, libc::SYS_semget, libc::SYS_semop,
      libc::SYS_semtimedop, libc::SYS_semctl, libc::SYS_msgget, libc::SYS_msgsnd, libc::SYS_msgrcv, libc::SYS_msgctl,
      libc::SYS_mq_open, libc::SYS_mq_unlink, libc::SYS_mq_timedsend, libc::SYS_mq_timedreceive, libc::SYS_mq_notify,
      libc::SYS_mq_getsetattr],
    // Giving up more rights.
    &[libc::SYS_seccomp, libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule,
      libc::SYS_landlock_restrict_self],
];

/// The older forms that only x86-64 has.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const ALLOWED_HERE: &[c_long] = &[
    libc::SYS_open, libc::SYS_creat, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_mkdir,
    libc::SYS_rmdir, libc::SYS_mknod, libc::SYS_unlink, libc::SYS_symlink, libc::SYS_link, libc::SYS_rename,
    libc::SYS_readlink, libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes,
    libc::SYS_futimesat, libc::SYS_getdents, libc::SYS_dup2, libc::SYS_pipe, libc::SYS_poll, libc::SYS_select,
    libc::SYS_epoll_create, libc::SYS_epoll_wait, libc::SYS_eventfd, libc::SYS_signalfd, libc::SYS_inotify_init,
    libc::SYS_fork, libc::SYS_vfork, libc::SYS_getpgrp, libc::SYS_alarm, libc::SYS_pause, libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(target_arch = "aarch64")]
pub(super) const ALLOWED_HERE: &[c_long] = &[];

/// What is for administrators, debuggers and attackers. A program that meets this error should say so.
#[rustfmt::skip]
const REFUSED: &[c_long] = &[
    // Namespaces and mounts.
    libc::SYS_unshare, libc::SYS_setns, libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_chroot,
    libc::SYS_open_tree, libc::SYS_move_mount, libc::SYS_fsopen, libc::SYS_fsconfig, libc::SYS_fsmount,
    libc::SYS_fspick, libc::SYS_mount_setattr, OPEN_TREE_ATTR, libc::SYS_open_by_handle_at, libc::SYS_sethostname,
    libc::SYS_setdomainname, libc::SYS_fanotify_init, libc::SYS_quotactl, libc::SYS_quotactl_fd,
    // Other processes' memory.
    libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_process_madvise,
    libc::SYS_kcmp, libc::SYS_pidfd_getfd, libc::SYS_userfaultfd,
    // The kernel itself.
    libc::SYS_bpf, libc::SYS_perf_event_open, libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_delete_module,
    libc::SYS_kexec_load, libc::SYS_kexec_file_load, libc::SYS_reboot, libc::SYS_syslog, libc::SYS_swapon,
    libc::SYS_swapoff, libc::SYS_acct, libc::SYS_settimeofday, libc::SYS_clock_settime, libc::SYS_clock_adjtime,
    libc::SYS_adjtimex, libc::SYS_vhangup,
    // Keys are not namespaced.
    libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] = &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt];
#[cfg(target_arch = "aarch64")]
const REFUSED_HERE: &[c_long] = &[];

#[cfg(target_arch = "x86_64")]
const IO_PGETEVENTS: c_long = 333;
#[cfg(target_arch = "aarch64")]
const IO_PGETEVENTS: c_long = 292;
// Newer calls than the C library's list on one architecture or both; the number is the same on all.
const MAP_SHADOW_STACK: c_long = 453;
const CACHESTAT: c_long = 451;
const FCHMODAT2: c_long = 452;
const FUTEX_WAKE: c_long = 454;
const FUTEX_WAIT: c_long = 455;
const FUTEX_REQUEUE: c_long = 456;
const OPEN_TREE_ATTR: c_long = 467;

/// Flags of `clone` that make namespaces.
const NEW_NAMESPACES: u32 = 0x7E02_0000;
/// Linux's own terminal ioctl that can paste, as TIOCSTI can type; neither is namespaced.
const TIOCLINUX: u32 = 0x541C;
/// Line disciplines other than the usual one are rarely used parts of the kernel.
const TIOCSETD: u32 = 0x5423;

/// The byte of an ioctl's number that says whose it is, and what it is for btrfs (linux/btrfs.h).
const IOCTL_TYPE: u32 = 0xFF00;
const BTRFS: u32 = 0x9400;
/// What btrfs shares with other file systems (linux/fs.h): FICLONE, FICLONERANGE, FIDEDUPERANGE, FS_IOC_GETFSLABEL.
const OF_ANY_FILE_SYSTEM: [u32; 4] = [0x4004_9409, 0x4020_940D, 0xC018_9436, 0x8100_9431];

/// All rules.
pub(super) fn rules() -> Rules {
    let mut calls: Vec<(c_long, Rule)> = tested();
    let mut add = |list: &[c_long], verdict| calls.extend(list.iter().map(|call| (*call, Rule::Always(verdict))));
    for list in ALLOWED {
        add(list, Verdict::Allow);
    }
    add(ALLOWED_HERE, Verdict::Allow);
    add(REFUSED, Verdict::Refuse(EPERM));
    add(REFUSED_HERE, Verdict::Refuse(EPERM));
    calls.sort_by_key(|(call, _)| *call);
    let number = |call| u32::try_from(call).expect("a system call's number is small");
    Rules {
        calls: calls.into_iter().map(|(call, rule)| (number(call), rule)).collect(),
        // Among them clone3, whose flags a filter cannot see; C libraries then use clone. And io_uring, which does
        // what other calls do without asking the filter.
        otherwise: Verdict::Refuse(ENOSYS),
    }
}

/// The calls whose arguments decide.
fn tested() -> Vec<(c_long, Rule)> {
    const ALLOW: Verdict = Verdict::Allow;
    const REFUSE: Verdict = Verdict::Refuse(EPERM);
    const NO_FAMILY: Verdict = Verdict::Refuse(EAFNOSUPPORT);
    let family = |family: i32| Test::Is(0, family as u32);
    // The list of a machine's own interfaces and addresses comes over this one.
    let netlink_route = Test::Both((0, libc::AF_NETLINK as u32), (2, libc::NETLINK_ROUTE as u32));
    // Ordinary, 32-bit-sized uname, and the question which one it is.
    let personalities = [0, 0x8, 0x2_0000, 0x2_0008, u32::MAX].map(|value| (Test::Is(0, value), ALLOW));
    vec![
        (libc::SYS_clone, Rule::Tests(vec![(Test::HasAny(0, NEW_NAMESPACES), REFUSE)], ALLOW)),
        (
            libc::SYS_socket,
            Rule::Tests(
                vec![
                    (family(libc::AF_UNIX), ALLOW),
                    (family(libc::AF_INET), ALLOW),
                    (family(libc::AF_INET6), ALLOW),
                    (netlink_route, ALLOW),
                ],
                NO_FAMILY,
            ),
        ),
        (libc::SYS_socketpair, Rule::Tests(vec![(family(libc::AF_UNIX), ALLOW)], NO_FAMILY)),
        (libc::SYS_ioctl, Rule::Tests(ioctl(), ALLOW)),
        (libc::SYS_personality, Rule::Tests(personalities.to_vec(), REFUSE)),
    ]
}

/// Most ioctls are a driver's affair, and there are no devices but a few harmless ones.
fn ioctl() -> Vec<(Test, Verdict)> {
    const REFUSE: Verdict = Verdict::Refuse(EPERM);
    let mut tests = [libc::TIOCSTI as u32, TIOCLINUX, TIOCSETD].map(|request| (Test::Is(1, request), REFUSE)).to_vec();
    // Everyone may make subvolumes and snapshots of what is theirs, and each has a quota group of its own without a
    // limit; may make their subvolume read-only, which no operation on it reckons with; and may ask about the server's
    // devices. So nothing that only btrfs has, and nothing it may get one day. What changes file flags (chattr) is
    // no concern: a file without copy-on-write hurts its owner only, the other flags and project ids need privilege.
    tests.extend(OF_ANY_FILE_SYSTEM.map(|request| (Test::Is(1, request), Verdict::Allow)));
    tests.push((Test::Masked(1, IOCTL_TYPE, BTRFS), REFUSE));
    tests
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_call_is_listed_twice() {
        let rules = super::rules();
        for pair in rules.calls.windows(2) {
            assert!(pair[0].0 < pair[1].0, "call {} is listed twice", pair[1].0);
        }
    }
}
