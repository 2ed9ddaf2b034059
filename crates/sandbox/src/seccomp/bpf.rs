//! Compiles rules about system calls into the kernel's classic BPF.
//!
//! Written here rather than taken from a library because a rule has three outcomes (allow, "not permitted", "not
//! implemented"), and because the search by halves, instead of call by call, keeps both the installation of the filter
//! (the kernel tries every call at once to find those that need no asking) and each call cheap.
//! Source of the format: Documentation/userspace-api/seccomp_filter.rst and linux/{filter,seccomp,audit}.h.

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W,
    SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS, sock_filter,
};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is made.
    Allow,
    /// It fails with this error number.
    Refuse(i32),
}

/// A rule about one call.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// Whatever its arguments are.
    Always(Verdict),
    /// The first test that holds decides, else the verdict at the end. Only the lower half of an argument is looked
    /// at: every argument tested here is an `int` (or flags of that size) to the kernel, which ignores the rest.
    Tests(Vec<(Test, Verdict)>, Verdict),
}

/// A test of an argument, counted from 0.
#[derive(Clone, Copy, Debug)]
pub(super) enum Test {
    /// It is this value.
    Is(u32, u32),
    /// It has one of these bits.
    HasAny(u32, u32),
    /// Of the bits of the first number, it has exactly those of the second.
    Masked(u32, u32, u32),
    /// The first argument and its value, and the second and its value.
    Both((u32, u32), (u32, u32)),
}

/// The rules of all calls.
pub(super) struct Rules {
    /// By number of the call, ascending, none twice.
    pub(super) calls: Vec<(u32, Rule)>,
    /// For any other call.
    pub(super) otherwise: Verdict,
}

#[cfg(target_arch = "x86_64")]
pub(super) const AUDIT_ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
pub(super) const AUDIT_ARCH: u32 = 0xC000_00B7;

/// From here on the numbers are those of x86-64's other set of calls (x32), which nothing uses but attackers.
#[cfg(target_arch = "x86_64")]
pub(super) const X32: u32 = 0x4000_0000;

/// Offsets in seccomp_data.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

/// A run of call numbers, from the first to the next run's, that have one rule.
struct Run<'a> {
    first: u32,
    rule: &'a Rule,
}

/// Compiles them.
pub(super) fn compile(rules: &Rules) -> Vec<sock_filter> {
    let otherwise = Rule::Always(rules.otherwise);
    let mut runs: Vec<Run> = vec![Run { first: 0, rule: &otherwise }];
    for (number, rule) in &rules.calls {
        if let Some(last) = runs.last_mut().filter(|last| last.first == *number) {
            last.rule = rule;
        } else {
            runs.push(Run { first: *number, rule });
        }
        runs.push(Run { first: number + 1, rule: &otherwise });
    }
    runs.dedup_by(|next, before| match (next.rule, before.rule) {
        (Rule::Always(one), Rule::Always(other)) => one == other,
        _ => false,
    });
    let mut code = vec![load(ARCH), jump(BPF_JEQ, AUDIT_ARCH, 1, 0), give(SECCOMP_RET_KILL_PROCESS), load(NUMBER)];
    #[cfg(target_arch = "x86_64")]
    code.extend([jump(BPF_JGE, X32, 0, 1), verdict(Verdict::Refuse(libc::ENOSYS))]);
    code.extend(search(&runs));
    code
}

/// Finds the run by halves.
fn search(runs: &[Run<'_>]) -> Vec<sock_filter> {
    if let [run] = runs {
        return decide(run.rule);
    }
    let (below, above) = runs.split_at(runs.len() / 2);
    let (pivot, below, above) = (above[0].first, search(below), search(above));
    // A conditional jump reaches 255 instructions, an unconditional one any number.
    let mut code = vec![jump(BPF_JGE, pivot, 0, 1), far(below.len())];
    code.extend(below);
    code.extend(above);
    code
}

fn decide(rule: &Rule) -> Vec<sock_filter> {
    match rule {
        Rule::Always(result) => vec![verdict(*result)],
        Rule::Tests(tests, otherwise) => {
            let mut code = Vec::new();
            for (test, result) in tests {
                match *test {
                    Test::Is(argument, value) => code.extend([load_argument(argument), jump(BPF_JEQ, value, 0, 1)]),
                    Test::HasAny(argument, bits) => code.extend([load_argument(argument), jump(BPF_JSET, bits, 0, 1)]),
                    Test::Masked(argument, bits, value) => code.extend([
                        load_argument(argument),
                        instruction(BPF_ALU | BPF_AND | BPF_K, 0, 0, bits),
                        jump(BPF_JEQ, value, 0, 1),
                    ]),
                    Test::Both((one, value), (other, wanted)) => code.extend([
                        load_argument(one),
                        jump(BPF_JEQ, value, 0, 3),
                        load_argument(other),
                        jump(BPF_JEQ, wanted, 0, 1),
                    ]),
                }
                code.push(verdict(*result));
            }
            code.push(verdict(*otherwise));
            code
        }
    }
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code: u16::try_from(code).expect("BPF codes are 16 bits"), jt, jf, k }
}

fn load(offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset)
}

/// Loads the lower half of an argument; both architectures are little-endian.
fn load_argument(argument: u32) -> sock_filter {
    load(ARGUMENTS + 8 * argument)
}

fn jump(test: u32, value: u32, when_true: u8, when_false: u8) -> sock_filter {
    instruction(BPF_JMP | test | BPF_K, when_true, when_false, value)
}

fn far(distance: usize) -> sock_filter {
    instruction(BPF_JMP | BPF_JA, 0, 0, u32::try_from(distance).expect("a filter is short"))
}

fn give(value: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, 0, 0, value)
}

fn verdict(verdict: Verdict) -> sock_filter {
    match verdict {
        Verdict::Allow => give(SECCOMP_RET_ALLOW),
        Verdict::Refuse(code) => give(SECCOMP_RET_ERRNO | (code.unsigned_abs() & 0xFFFF)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::calls;

    /// What the kernel would do with the compiled filter.
    fn run(code: &[sock_filter], arch: u32, number: u32, arguments: [u32; 6]) -> (u32, usize) {
        let (mut at, mut accumulator, mut steps) = (0, 0, 0);
        loop {
            let now = code[at];
            at += 1;
            steps += 1;
            let class = u32::from(now.code);
            if class == BPF_LD | BPF_W | BPF_ABS {
                accumulator = match now.k {
                    NUMBER => number,
                    ARCH => arch,
                    offset => arguments[(offset - ARGUMENTS) as usize / 8],
                };
            } else if class == BPF_RET | BPF_K {
                return (now.k, steps);
            } else if class == BPF_JMP | BPF_JA {
                at += now.k as usize;
            } else if class == BPF_ALU | BPF_AND | BPF_K {
                accumulator &= now.k;
            } else {
                let holds = if class == BPF_JMP | BPF_JEQ | BPF_K {
                    accumulator == now.k
                } else if class == BPF_JMP | BPF_JGE | BPF_K {
                    accumulator >= now.k
                } else {
                    assert_eq!(class, BPF_JMP | BPF_JSET | BPF_K);
                    accumulator & now.k != 0
                };
                at += usize::from(if holds { now.jt } else { now.jf });
            }
        }
    }

    fn value(verdict: Verdict) -> u32 {
        super::verdict(verdict).k
    }

    #[test]
    fn every_number_gets_the_verdict_of_its_rule() {
        let rules = calls::rules();
        let code = compile(&rules);
        assert!(code.len() < 4096, "{} instructions", code.len());
        let mut most = 0;
        for number in (0..2000).chain([X32 - 1]) {
            let (given, steps) = run(&code, AUDIT_ARCH, number, [0; 6]);
            most = most.max(steps);
            match rules.calls.iter().find(|(call, _)| *call == number).map(|(_, rule)| rule) {
                None => assert_eq!(given, value(rules.otherwise), "{number}"),
                Some(Rule::Always(verdict)) => assert_eq!(given, value(*verdict), "{number}"),
                Some(Rule::Tests(..)) => {}
            }
        }
        assert!(most < 40, "{most} steps for one call");
    }

    #[test]
    fn other_architectures_and_x32_are_out() {
        let code = compile(&calls::rules());
        assert_eq!(run(&code, 0x4000_0003, 1, [0; 6]).0, SECCOMP_RET_KILL_PROCESS);
        #[cfg(target_arch = "x86_64")]
        for number in [X32, X32 + 1, u32::MAX] {
            assert_eq!(run(&code, AUDIT_ARCH, number, [0; 6]).0, value(Verdict::Refuse(libc::ENOSYS)));
        }
    }

    #[test]
    fn arguments_decide() {
        let code = compile(&calls::rules());
        let ask = |call: libc::c_long, arguments: [u32; 3]| {
            let [a, b, c] = arguments;
            run(&code, AUDIT_ARCH, u32::try_from(call).unwrap(), [a, b, c, 0, 0, 0]).0
        };
        let allowed = value(Verdict::Allow);
        for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
            assert_eq!(ask(libc::SYS_socket, [family as u32, 1, 0]), allowed);
        }
        assert_eq!(ask(libc::SYS_socket, [libc::AF_NETLINK as u32, 3, 0]), allowed);
        assert_ne!(ask(libc::SYS_socket, [libc::AF_NETLINK as u32, 3, 9]), allowed);
        for family in [libc::AF_PACKET, libc::AF_VSOCK, libc::AF_ALG, libc::AF_TIPC, libc::AF_XDP] {
            assert_ne!(ask(libc::SYS_socket, [family as u32, 3, 0]), allowed, "{family}");
        }
        let thread = libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND | libc::SIGCHLD;
        assert_eq!(ask(libc::SYS_clone, [thread as u32, 0, 0]), allowed);
        for space in [libc::CLONE_NEWUSER, libc::CLONE_NEWNET, libc::CLONE_NEWNS, libc::CLONE_NEWPID] {
            assert_ne!(ask(libc::SYS_clone, [(thread | space) as u32, 0, 0]), allowed);
        }
        assert_eq!(ask(libc::SYS_clone3, [0; 3]), value(Verdict::Refuse(libc::ENOSYS)));
        assert_ne!(ask(libc::SYS_ioctl, [0, libc::TIOCSTI as u32, 0]), allowed);
        assert_eq!(ask(libc::SYS_ioctl, [0, libc::TIOCGWINSZ as u32, 0]), allowed);
        // Of btrfs, only what other file systems have too: clone, clone a range, deduplicate, ask for the label.
        for number in 0..=255 {
            for (direction, size) in [(0, 0), (1, 4096), (1, 8), (2, 8), (3, 1024)] {
                let request = direction << 30 | size << 16 | 0x9400 | number;
                assert_eq!(ask(libc::SYS_ioctl, [3, request, 0]), value(Verdict::Refuse(libc::EPERM)), "{request:#x}");
            }
        }
        for request in [0x4004_9409, 0x4020_940D, 0xC018_9436, 0x8100_9431] {
            assert_eq!(ask(libc::SYS_ioctl, [3, request, 0]), allowed, "{request:#x}");
        }
        // Flags of files (chattr), which blocks a file has, bytes that can be read.
        for request in [0x4008_6602, 0x8008_6601, 0xC020_660B, libc::FIONREAD as u32] {
            assert_eq!(ask(libc::SYS_ioctl, [3, request, 0]), allowed, "{request:#x}");
        }
        assert_eq!(ask(libc::SYS_personality, [u32::MAX, 0, 0]), allowed);
        assert_ne!(ask(libc::SYS_personality, [0x0400_0000, 0, 0]), allowed);
    }
}
