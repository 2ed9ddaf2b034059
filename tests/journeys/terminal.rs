//! A person at a terminal: a shell inside an installation, by the command line and all parts between.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use testkit::browser::{DESKTOP, PHONE};
use testkit::{Chromium, Machine, Package};

/// A terminal with a shell of the installation `acme` in it.
struct Screen {
    terminal: File,
    /// The side of the command line; kept so that reading goes on when that has ended.
    theirs: OwnedFd,
    command: Child,
    shown: String,
}

impl Screen {
    fn begin(machine: &Machine) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let terminal = openpt(flags).expect("a terminal");
        unlockpt(&terminal).expect("a terminal");
        let theirs = ioctl_tiocgptpeer(&terminal, flags).expect("its other side");
        let stdio = || Stdio::from(theirs.try_clone().expect("a descriptor"));
        resize(&terminal, 33, 111);
        let mut command = machine.command(&["installation", "exec", "--terminal", "acme", "--", "/app/busybox", "sh"]);
        let command = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().expect("vclouden runs");
        Screen { terminal: terminal.into(), theirs, command, shown: String::new() }
    }

    fn type_in(&mut self, line: &str) {
        self.terminal.write_all(line.as_bytes()).expect("somebody reads");
    }

    /// Waits until the terminal shows `what`.
    fn shows(&mut self, what: &str) {
        while !self.shown.contains(what) {
            let mut ready = [PollFd::new(&self.terminal, PollFlags::IN)];
            let came = poll(&mut ready, Some(&Timespec { tv_sec: 30, tv_nsec: 0 }));
            assert_eq!(came, Ok(1), "no {what:?} in {:?}", self.shown);
            let mut bytes = [0; 4096];
            let count = self.terminal.read(&mut bytes).expect("it can be read");
            self.shown += &String::from_utf8_lossy(&bytes[..count]);
        }
        self.shown.clear();
    }

    /// Whether keys are echoed and gathered into lines, as a terminal does that nobody uses.
    fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.theirs).expect("a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }
}

fn resize(terminal: &impl std::os::fd::AsFd, rows: u16, columns: u16) {
    tcsetwinsize(terminal, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).expect("a terminal");
}

/// Programs of that name.
fn running(name: &str) -> usize {
    let names = std::fs::read_dir("/proc").expect("/proc").flatten();
    names.filter(|entry| std::fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|line| line == name)).count()
}

#[test]
fn a_shell_inside_behaves_like_one_here_and_leaves_nothing_behind() {
    let mut machine = Machine::new();
    let package = Package::hola(machine.scratch().join("package"), "1", "well", "");
    testkit::machine::run("cp", &["/bin/busybox", package.text()]);
    machine.cli(&["app", "create", "hola"]);
    machine.cli(&["version", "publish", package.text()]);
    machine.cli(&["customer", "create", "acme"]);
    machine.cli(&["install", "hola", "--customer", "acme", "--name", "acme"]);
    let mut screen = Screen::begin(&machine);
    screen.type_in("alias b=/app/busybox\nb stty size\n");
    screen.shows("33 111\r\n");
    screen.type_in("b tty; b id -u; echo by-$((40+2))\n");
    screen.shows("/dev/pts/0\r\n1000\r\nby-42\r\n");
    resize(&screen.terminal, 50, 132);
    let pid = rustix::process::Pid::from_child(&screen.command);
    rustix::process::kill_process(pid, rustix::process::Signal::WINCH).expect("it runs");
    screen.type_in("until b stty size | b grep '50 132'; do b sleep 0.1; done\n");
    screen.shows("\r\n50 132\r\n");
    // Ctrl-C is the program's, not the command line's.
    screen.type_in("b sh -c 'echo $((20+2)); exec /app/busybox sleep 4321'\n");
    screen.shows("\r\n22\r\n");
    screen.type_in("\x03");
    screen.type_in("echo $((100+23)); exit 9\n");
    screen.shows("\r\n123\r\n");
    assert_eq!(screen.command.wait().expect("a child").code(), Some(9));
    assert!(screen.is_as_before());

    // One whose command line is killed takes what it started along.
    let mut screen = Screen::begin(&machine);
    screen.type_in("/app/busybox sleep 4321 & echo $((50+5))\n");
    screen.shows("\r\n55\r\n");
    machine.eventually("it runs", |_| running("/app/busybox\0sleep\x004321\0") == 1);
    screen.command.kill().expect("a child");
    screen.command.wait().expect("a child");
    machine.eventually("nothing of it is left", |_| running("/app/busybox\0sleep\x004321\0") == 0);

    let (status, said) = machine.fails(&["installation", "exec", "-t", "acme", "--", "sh"]);
    assert!(status == 2 && said.contains("needs a terminal"), "{status} {said}");
}

/// Comes by an invitation as a member of the first publisher.
fn member(machine: &Machine, mail: &str, role: &str) -> Chromium {
    let made = machine.json(&["invitation", "create", mail, "--role", role, "--publisher", "main"]);
    let browser = Chromium::new("en", DESKTOP);
    browser.open(made["link"].as_str().expect("a link"));
    browser.fill("[name=name]", mail);
    browser.fill("[name=password]", "four words serve well");
    browser.follow("form[action^=\"/join/\"] button[type=submit]");
    browser
}

/// What the page shows of the terminal.
const SHOWN: &str = "document.querySelector('[data-terminal-screen]').innerText";

#[test]
fn a_terminal_in_the_browser_is_for_owners_and_whom_they_let() {
    let machine = Machine::new();
    let more = "base = \"debian-12\"\n";
    let package = Package::hola(machine.scratch().join("package"), "1", "well", "");
    let manifest = package.path().join("vclouden.toml");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    std::fs::write(&manifest, format!("{more}{text}")).expect("it can be written");
    machine.cli(&["version", "publish", package.text(), "--create"]);
    machine.cli(&["customer", "create", "acme"]);
    machine.cli(&["install", "hola", "--customer", "acme", "--name", "acme"]);
    const PAGE: &str = "http://localhost:7878/p/main/installations/acme";

    let owner = member(&machine, "ana@main.example", "owner");
    owner.open(PAGE);
    owner.click("main details.menu > summary");
    owner.follow("a[href$=\"/terminal\"]");
    owner.until(&format!("{SHOWN}.includes('$')"));
    owner.insert("echo $((6*7))");
    owner.key("Enter", false);
    owner.until(&format!("{SHOWN}.split('\\n').some((line) => line.trim() === '42')"));
    let size = |mark: &str, before: &str| {
        owner.insert(&format!("{before}echo {mark} $(stty size)"));
        owner.key("Enter", false);
        let told = format!("{SHOWN}.match(/^{mark} (\\d+) (\\d+)/m)");
        owner.until(&told);
        owner.js(&format!("return {told}.slice(1).map(Number)"), &[])
    };
    let wide = size("wide", "");
    let rows = owner.js("return document.querySelector('[data-terminal-screen]').children.length", &[]);
    assert!(wide[0] == rows && wide[1].as_u64() >= Some(80), "it is as large as the page shows: {wide}, {rows} rows");
    owner.resize(PHONE);
    let narrow = size("narrow", "until [ $(stty size | cut -d' ' -f2) -lt 80 ]; do sleep 0.1; done; ");
    assert!(narrow[1].as_u64() > Some(20), "{narrow}");
    assert_eq!(owner.console(), Vec::<String>::new());

    let developer = member(&machine, "dev@main.example", "developer");
    developer.open(&format!("{PAGE}/terminal"));
    assert_eq!(developer.js("return !!document.querySelector('[data-terminal]')", &[]), false, "not without leave");
    owner.open("http://localhost:7878/p/main/team");
    owner.click("[name=developers]");
    owner.follow("form[action$=\"/team/exec\"] button[type=submit]");
    developer.open(&format!("{PAGE}/terminal"));
    developer.until(&format!("{SHOWN}.includes('$')"));
    developer.insert("exit");
    developer.key("Enter", false);
    developer.until("document.querySelector('[data-terminal].over')");

    let events = machine.json(&["events", "--what", "installation.terminal", "-n", "100"]);
    let who =
        |mail: &str| events["items"].as_array().expect("a list").iter().filter(|event| event["actor"] == mail).count();
    assert_eq!((who("ana@main.example"), who("dev@main.example")), (2, 2), "when each began and ended: {events}");
    assert!(!events.to_string().contains("6*7"), "what was typed is nobody's affair");
}
