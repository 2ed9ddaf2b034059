//! A hostile application, and a hostile person with `installation exec`, in a real installation: what they try on the
//! network, on files, with the disk, with processes, memory and logs. Each attempt has a control which shows that it
//! would work without the sandbox.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::machine::run;
use testkit::{Machine, Package};

const BUSYBOX: &str = "/usr/bin/busybox";
/// Runs the programs that the package brought from the machine.
const LOADER: &str = "/app/lib/loader --library-path /app/lib";
/// Tools in the package.
const TOOLS: [&str; 17] = [
    "sh", "cat", "dd", "echo", "grep", "httpd", "id", "ls", "mkdir", "ps", "readlink", "sleep", "sort", "timeout",
    "touch", "yes", "true",
];
/// Says what the process that reads it is and may do.
const SELF: &str = "echo; grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status; cat /proc/self/limits \
    /proc/self/cgroup; for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done; \
    grep -c . /proc/self/mountinfo";

/// A machine with a small web server installed for acme and globex. It writes down what it is, and floods its log
/// when there is a file `/data/flood`.
fn installed() -> Machine {
    let machine = Machine::new();
    machine.cli(&["app", "create", "cell"]);
    machine.cli(&["version", "publish", package(machine.scratch().join("cell")).text()]);
    for customer in ["acme", "globex"] {
        machine.cli(&["customer", "create", customer]);
        machine.cli(&["install", "cell", "--customer", customer, "--name", customer]);
        assert_eq!(machine.get(customer, "/"), (200, "here\n".to_owned()));
    }
    machine
}

fn package(dir: PathBuf) -> Package {
    let package = Package::empty(dir)
        .file("www/index.html", "here\n")
        .program(
            "start",
            &format!(
                "#!/app/bin/sh\n{{ {SELF}; }} > /data/self 2>&1\n\
                 [ -e /data/flood ] && yes 'a line of an application that never stops talking' &\n\
                 exec httpd -f -p 8080 -h /app/www\n"
            ),
        )
        .file(
            "vclouden.toml",
            "name = \"Cell\"\nslug = \"cell\"\ncommand = [\"./start\"]\n\
             [limits]\nmemory = \"32 MiB\"\ndisk = \"32 MiB\"\nprocesses = 24\ncpus = 0.5\n\
             [http]\nport = 8080\nhealth = \"/\"\nstart_timeout = \"10 s\"\n[stop]\ngrace = \"1 s\"\n",
        );
    fs::copy(BUSYBOX, package.path().join("busybox"))
        .unwrap_or_else(|error| panic!("{BUSYBOX}: {error}; install Debian's busybox-static"));
    fs::create_dir(package.path().join("bin")).unwrap();
    for tool in TOOLS {
        symlink("../busybox", package.path().join("bin").join(tool)).unwrap();
    }
    bring("/bin/bash", package.path());
    package
}

/// Brings a program of the machine with its libraries, as a hostile package would.
fn bring(program: &str, package: &Path) {
    let copy = |from: &Path, into: &Path| {
        fs::copy(from, into.join(from.file_name().unwrap()))
            .unwrap_or_else(|error| panic!("{}: {error}; `scripts/need test` installs it", from.display()));
    };
    copy(Path::new(program), package);
    fs::create_dir_all(package.join("lib")).unwrap();
    for path in run("ldd", &[program]).split_whitespace().filter(|word| word.starts_with('/')) {
        copy(Path::new(path), &package.join("lib"));
    }
    let loader = fs::read_dir(package.join("lib"))
        .unwrap()
        .flatten()
        .find_map(|file| file.file_name().to_str().is_some_and(|name| name.starts_with("ld-")).then(|| file.path()));
    let loader = loader.expect("a dynamically linked program has a loader");
    if !package.join("lib/loader").exists() {
        fs::rename(loader, package.join("lib/loader")).unwrap();
    }
}

/// Runs a shell script in an installation; whether it succeeded, and all it said.
fn inside(machine: &Machine, installation: &str, script: &str) -> (bool, String) {
    let output = machine.try_cli(&["installation", "exec", installation, "--", "sh", "-c", script]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

/// What an installation has on the volume.
fn on_disk(machine: &Machine, installation: &str) -> PathBuf {
    let id = machine.json(&["installation", "show", installation])["id"].as_str().expect("an id").to_owned();
    machine.data().join("volume/installations").join(id)
}

/// Whether somebody inside gets the page at this address. Debian's static busybox dies when it looks up an address.
fn reaches(machine: &Machine, from: &str, address: &str) -> bool {
    let to = address.replace(':', "/");
    let get = format!("exec 3<>/dev/tcp/{to}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3");
    let (_, said) = inside(machine, from, &format!("timeout 3 {LOADER} /app/bash -c \"{get}\""));
    assert!(said.contains("here") || said.contains("connect: ") || said.is_empty(), "{address}: {said}");
    said.contains("here")
}

/// The page at this address, from the calling thread's network namespace.
fn page(address: &str) -> String {
    let mut page = String::new();
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").and_then(|()| stream.read_to_string(&mut page)).expect(address);
    page
}

/// Another machine, with a page on every address it has. It ends with the test.
struct Elsewhere(Child);

impl Elsewhere {
    /// Reached from the calling thread's network namespace at these addresses, port 80.
    fn new(page: &Path, addresses: &[&str]) -> Self {
        let mut server = Command::new("unshare");
        server.args(["--net", BUSYBOX, "httpd", "-f", "-p", "80", "-h"]).arg(page).stdin(Stdio::null());
        let elsewhere = Self(server.spawn().expect("unshare runs"));
        let pid = elsewhere.0.id().to_string();
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let begin = Instant::now();
        while namespace(&pid) == namespace("thread-self") {
            assert!(begin.elapsed() < Duration::from_secs(5), "unshare made no network namespace");
            std::thread::sleep(Duration::from_millis(5));
        }
        run("ip", &["link", "add", "uplink", "type", "veth", "peer", "name", "uplink", "netns", &pid]);
        run("ip", &["address", "add", "192.0.2.1/24", "dev", "uplink"]);
        run("ip", &["link", "set", "uplink", "up"]);
        let there = |words: &str| {
            let words: Vec<&str> = ["-t", &pid, "-n", "ip"].into_iter().chain(words.split(' ')).collect();
            run("nsenter", &words);
        };
        there("address add 192.0.2.2/24 dev uplink");
        there("link set uplink up");
        there("route add default via 192.0.2.1");
        for address in addresses {
            let address = address.trim_end_matches(":80");
            there(&format!("address add {address}/32 dev uplink"));
            run("ip", &["route", "add", address, "via", "192.0.2.2"]);
        }
        elsewhere
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Answers every connection to this port, on all addresses of the calling thread's network namespace.
fn listen(port: u16) {
    let listener = TcpListener::bind(("0.0.0.0", port)).expect("a free port");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhere\n");
        }
    });
}

#[test]
fn neighbours_the_host_private_networks_and_metadata_are_out_of_reach() {
    let machine = installed();
    let (metadata, private, public) = ("169.254.169.254:80", "10.0.0.1:80", "203.0.113.80:80");
    let _elsewhere = Elsewhere::new(&machine.scratch().join("cell/www"), &[metadata, private, public]);
    run("ip", &["link", "add", "also", "type", "veth", "peer", "name", "also-end"]);
    run("ip", &["address", "add", "10.9.9.9/32", "dev", "also"]);
    run("ip", &["link", "set", "also", "up"]);
    listen(9000);
    let neighbour = machine.json(&["installation", "show", "globex"])["live"]["address"].as_str().unwrap().to_owned();
    let neighbour = format!("{neighbour}:8080");
    let forbidden = [neighbour.as_str(), "198.18.0.1:9000", "192.0.2.1:9000", "10.9.9.9:9000", metadata, private];

    // From the machine itself all of them answer, so it is not for want of a listener or a route.
    for address in forbidden.into_iter().chain([public, "127.0.0.1:9000"]) {
        assert!(page(address).contains("here\n"), "{address}");
    }
    assert!(reaches(&machine, "acme", public), "the internet is open to it");
    assert!(reaches(&machine, "acme", "127.0.0.1:8080"), "its own loopback");
    for address in forbidden.into_iter().chain(["127.0.0.1:9000", "127.0.0.1:7878", "198.18.0.1:7878"]) {
        assert!(!reaches(&machine, "acme", address), "{address} was reached");
    }
    let (_, interfaces) = inside(&machine, "acme", "cat /proc/net/dev");
    let interfaces: Vec<_> = interfaces.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    assert_eq!(interfaces.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["eth0", "lo"]));

    // Without the filter they would be reached.
    run("nft", &["delete", "table", "inet", "vclouden"]);
    for address in forbidden {
        assert!(reaches(&machine, "acme", address), "{address} is out of reach for another reason than the filter");
    }
}

#[test]
fn files_of_others_and_of_the_host_are_not_there_and_only_data_and_memory_can_be_written() {
    let machine = installed();
    for customer in ["acme", "globex"] {
        let (done, said) = inside(&machine, customer, &format!("echo secret-of-{customer} > /data/secret"));
        assert!(done, "{said}");
        let file = on_disk(&machine, customer).join("data/secret");
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("secret-of-{customer}\n"));
    }
    let (_, found) =
        inside(&machine, "acme", "grep -rs secret-of- /app /data /dev/shm /etc /run /tmp /var /usr /home /root");
    let found: Vec<_> = found.lines().filter(|line| line.contains("secret-of-")).collect();
    assert_eq!(found, ["/data/secret:secret-of-acme"]);

    let theirs = on_disk(&machine, "globex");
    for path in [theirs.join("data/secret"), machine.data().join("run"), machine.scratch().join("faults")] {
        assert!(path.exists(), "{}", path.display());
        let (seen, _) = inside(&machine, "acme", &format!("ls {}", path.display()));
        assert!(!seen, "{} is seen", path.display());
    }
    let (_, mounts) = inside(&machine, "acme", "cat /proc/self/mountinfo /proc/mounts /proc/*/cmdline /proc/*/environ");
    assert!(mounts.contains(" /data "), "{mounts}");
    assert!(!mounts.contains(theirs.file_name().unwrap().to_str().unwrap()), "{mounts}");
    let (_, shadow) = inside(&machine, "acme", "cat /etc/shadow /proc/kcore /dev/vda /dev/loop0");
    assert!(!shadow.contains("root:"), "{shadow}");

    let places = "for d in / /app /app/www /etc /bin /usr /var /proc /sys /dev /data /tmp /run /dev/shm; do
        touch $d/x 2> /dev/null && echo $d; done; true";
    let (_, written) = inside(&machine, "acme", places);
    assert_eq!(written.lines().collect::<Vec<_>>(), ["/data", "/tmp", "/run", "/dev/shm"]);
    assert!(on_disk(&machine, "acme").join("data/x").exists());
    assert!(!on_disk(&machine, "globex").join("data/x").exists());
}

#[test]
fn a_command_that_is_executed_is_as_confined_as_the_program() {
    let machine = installed();
    let (_, program) = inside(&machine, "acme", "cat /data/self");
    let (_, command) = inside(&machine, "acme", SELF);
    assert_eq!(command, program);
    let facts =
        ["CapBnd:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "Uid:\t1000"];
    for fact in facts {
        assert!(program.contains(fact), "{fact} is not in {program}");
    }
    // It is not the test's own shell that says so.
    let here = run(BUSYBOX, &["sh", "-c", SELF]);
    for line in
        here.lines().filter(|line| ["Cap", "Seccomp", "NoNew", "mnt:", "net:"].iter().any(|w| line.starts_with(w)))
    {
        assert!(line.starts_with("CapInh") || line.starts_with("CapAmb") || !command.contains(line), "{line}");
    }
}

#[test]
fn the_disk_quota_holds_and_subvolumes_are_no_way_out() {
    let machine = installed();
    let next = package(machine.scratch().join("next"));
    bring("/usr/bin/btrfs", next.path());
    machine.cli(&["version", "publish", next.text()]);
    machine.cli(&["deploy", "cell"]);
    let btrfs = format!("{LOADER} /app/btrfs");
    let (runs, said) = inside(&machine, "acme", &format!("{btrfs} --version"));
    assert!(runs && said.contains("btrfs-progs"), "{said}");

    let data = on_disk(&machine, "acme").join("data");
    let attempts =
        ["subvolume create /data/out", "subvolume snapshot /data /data/out", "property set -ts /data ro true"];
    for attempt in attempts {
        let (done, said) = inside(&machine, "acme", &format!("{btrfs} {attempt}"));
        assert!(!done && said.contains("Operation not permitted"), "{attempt}: {said}");
    }
    assert!(!data.join("out").exists());
    // The tool knows how to, and this file system would: the same outside.
    run("btrfs", &["subvolume", "create", data.join("out").to_str().unwrap()]);
    run("btrfs", &["subvolume", "delete", data.join("out").to_str().unwrap()]);

    let fill =
        "mkdir -p /data/a/b; for d in /data /data/a /data/a/b; do dd if=/dev/zero of=$d/big bs=1M count=24; done";
    let (_, said) = inside(&machine, "acme", fill);
    assert!(said.contains("quota exceeded") || said.contains("No space left"), "{said}");
    let used = bytes(&data);
    assert!((20 << 20..=33 << 20).contains(&used), "{used} bytes of 32 MiB");
    let (wrote, said) = inside(&machine, "globex", "dd if=/dev/zero of=/data/big bs=1M count=8");
    assert!(wrote, "{said}");
}

/// Bytes of all files below.
fn bytes(dir: &Path) -> u64 {
    let of = |entry: fs::DirEntry| {
        let about = entry.metadata().expect("a file of the volume");
        if about.is_dir() { bytes(&entry.path()) } else { about.len() }
    };
    fs::read_dir(dir).expect("a directory of the volume").map(|entry| of(entry.expect("an entry"))).sum()
}

/// The neighbour answers ten times, none of them slowly.
fn globex_is_well(machine: &Machine) {
    for _ in 0..10 {
        let begin = Instant::now();
        assert_eq!(machine.get("globex", "/"), (200, "here\n".to_owned()));
        assert!(begin.elapsed() < Duration::from_secs(10), "the neighbour took {:?}", begin.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// How many processes an installation has.
fn processes(machine: &Machine, installation: &str) -> usize {
    let id = on_disk(machine, installation);
    let id = id.file_name().unwrap().to_str().unwrap();
    let group = format!("vclouden/{id}/cgroup.procs");
    let files = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(|root| Path::new(root).join(&group));
    let file = files.iter().find(|file| file.exists()).expect("the installation's group");
    fs::read_to_string(file).unwrap().lines().count()
}

#[test]
fn a_fork_bomb_and_a_memory_hog_are_their_owners_affair() {
    let mut machine = installed();
    inside(&machine, "acme", "bomb() { bomb | bomb & }; bomb");
    globex_is_well(&machine);
    // That shell gives up when it is refused a process; these stay.
    inside(&machine, "acme", "i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done");
    let many = processes(&machine, "acme");
    assert!((20..=24).contains(&many), "{many} processes of at most 24");
    globex_is_well(&machine);
    machine.cli(&["installation", "restart", "acme"]);
    machine.eventually("acme answers again", |machine| machine.get("acme", "/").0 == 200);

    let (survived, said) = inside(&machine, "acme", "dd if=/dev/zero of=/dev/null bs=100M count=1");
    assert!(!survived, "{said}");
    for _ in 0..3 {
        inside(&machine, "acme", "dd if=/dev/zero of=/tmp/big bs=1M count=100; dd if=/dev/zero of=/dev/shm/big bs=1M");
    }
    globex_is_well(&machine);
    machine.cli(&["installation", "restart", "acme"]);
    machine.eventually("acme answers again", |machine| machine.get("acme", "/").0 == 200);
    // Elsewhere there is memory enough.
    run(BUSYBOX, &["dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"]);
}

#[test]
fn a_flood_of_log_lines_stays_within_its_files() {
    let mut machine = installed();
    inside(&machine, "acme", "touch /data/flood");
    machine.cli(&["installation", "restart", "acme"]);
    let logs = on_disk(&machine, "acme").join("logs");
    let oldest = logs.join("app.log.3");
    machine.eventually("the log has been rotated all the way", |_| oldest.exists());
    globex_is_well(&machine);
    let used = bytes(&logs);
    assert!((15 << 20..=21 << 20).contains(&used), "{used} bytes of logs");
    assert!(machine.cli(&["installation", "logs", "acme"]).contains("never stops talking"));
}
