//! What Nimbus says to an edge, and how it takes what the edge says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use domain::InstallationId;
use nimbus_api::edge::{FromEdge, RouteMode, Served, ToEdge};
use nimbus_api::{Environment, HistoryRange, NimbusEventKind, Phase, SnapshotReason, Work};
use serde_json::json;

use crate::agent::{Agent, LONG, install, switch};

struct Edge {
    lines: BufReader<UnixStream>,
}

impl Edge {
    fn connect(agent: &Agent) -> Self {
        let stream = UnixStream::connect(agent.data().join("run/edge.sock")).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Self { lines: BufReader::new(stream) }
    }

    fn hear(&mut self) -> ToEdge {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn say(&mut self, line: &FromEdge) {
        let text = serde_json::to_string(line).unwrap() + "\n";
        self.lines.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Puts everything in force at once; the modes in order, until a route is dropped or `enough`.
    fn obey(&mut self, enough: impl Fn(&[RouteMode]) -> bool) -> Vec<RouteMode> {
        let mut modes = Vec::new();
        while !enough(&modes) {
            match self.hear() {
                ToEdge::Set { route } => {
                    modes.push(route.mode);
                    self.say(&FromEdge::Applied {
                        installation: route.installation,
                        serial: route.serial,
                        in_flight: 0,
                    });
                }
                ToEdge::Drop { .. } => break,
                ToEdge::Table { .. } => panic!("only the first line is a table"),
            }
        }
        modes
    }
}

#[test]
fn requests_are_held_while_a_version_is_switched() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    let mut edge = Edge::connect(&agent);
    let ToEdge::Table { routes } = edge.hear() else { panic!("the first line is the table") };
    assert_eq!((routes.len(), routes[0].mode, routes[0].hosts[0].as_str()), (1, RouteMode::Serve, "acme.localhost"));
    assert_eq!(routes[0].upstream.unwrap().ip().to_string(), agent.show(id).address.unwrap().to_string());
    let obeying = std::thread::spawn(move || {
        let held = edge.obey(|modes| modes.len() == 2);
        (edge, held)
    });
    let begin = std::time::Instant::now();
    agent.finish(id, switch(agent.version(2, |_| {})));
    assert!(begin.elapsed() < Duration::from_secs(3), "an edge that says so is not waited for: {:?}", begin.elapsed());
    let (mut edge, modes) = obeying.join().unwrap();
    assert!(matches!(modes[..], [RouteMode::Hold { .. }, RouteMode::Serve]), "{modes:?}");
    assert!(agent.runtime.block_on(agent.client.server()).unwrap().edge_connected);

    let obeying = std::thread::spawn(move || edge.obey(|_| false));
    agent.finish(id, Work::Remove);
    assert_eq!(obeying.join().unwrap(), [RouteMode::Stopped]);
}

#[test]
fn requests_are_answered_at_once_while_an_application_is_given_up() {
    let mut agent = Agent::new();
    let script = "[ -e /data/broken ] && exit 3; (exec /app/busybox httpd -f -p 8080 -h /data) & \
                  while [ ! -e /data/broken ]; do /app/busybox sleep 0.05; done; exit 3";
    let id = agent.install("acme", agent.script(1, script));
    let mut edge = Edge::connect(&agent);
    assert!(matches!(edge.hear(), ToEdge::Table { routes } if routes[0].mode == RouteMode::Serve));
    let broken = agent.data().join(format!("volume/installations/{id}/data/broken"));
    std::fs::write(&broken, "").unwrap();
    assert_eq!(edge.obey(|modes| modes.len() == 1), [RouteMode::Failed]);
    assert_eq!(agent.show(id).phase, Phase::Failed);

    agent.terminate();
    agent.start();
    let mut edge = Edge::connect(&agent);
    assert!(matches!(edge.hear(), ToEdge::Table { routes } if routes[0].mode == RouteMode::Failed));
    let obeying = std::thread::spawn(move || {
        // An attempt that fails: its keeper goes on trying for a while, and gives up again.
        let attempt = edge.obey(|modes| modes.last() == Some(&RouteMode::Failed));
        assert!(matches!(attempt[..], [RouteMode::Hold { .. }, RouteMode::Serve, RouteMode::Failed]), "{attempt:?}");
        std::fs::remove_file(&broken).unwrap();
        edge
    });
    agent.undone(id, Work::Start);
    let mut edge = obeying.join().unwrap();
    let obeying = std::thread::spawn(move || edge.obey(|modes| modes.len() == 2));
    agent.finish(id, Work::Start);
    assert_eq!(agent.show(id).phase, Phase::Healthy);
    let modes = obeying.join().unwrap();
    assert!(matches!(modes[..], [RouteMode::Hold { .. }, RouteMode::Serve]), "{modes:?}");
}

#[test]
fn a_public_port_that_cannot_be_opened_is_an_error_of_the_installation() {
    let mut agent = Agent::new();
    let version = agent.version(1, |manifest| manifest["ports"] = json!([{"name": "mail", "port": 2525}]));
    let mut edge = Edge::connect(&agent);
    let obeying = std::thread::spawn(move || {
        loop {
            match edge.hear() {
                ToEdge::Table { .. } => {}
                ToEdge::Drop { .. } => return,
                ToEdge::Set { route } => {
                    assert_eq!(route.tcp[0].listen, 25);
                    let installation = route.installation;
                    edge.say(&FromEdge::PortUnavailable { installation, port: 25, why: "somebody has it".into() });
                    edge.say(&FromEdge::Applied { installation, serial: route.serial, in_flight: 0 });
                }
            }
        }
    });
    let Work::Install { name, epoch, version, .. } = install("acme", version) else { unreachable!() };
    let ports = BTreeMap::from([("mail".to_owned(), 25)]);
    let why = agent.undone(
        InstallationId::new(),
        Work::Install { name, epoch, version, ports, environment: Environment::default(), from: None },
    );
    assert!(why.contains("port 25 cannot be opened on this server: somebody has it"), "{why}");
    obeying.join().unwrap();
}

#[test]
fn strangers_are_turned_away() {
    let agent = Agent::new();
    std::fs::set_permissions(agent.data().parent().unwrap(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    for socket in ["nimbus.sock", "edge.sock"] {
        let path = agent.data().join("run").join(socket);
        // Even when somebody opens up the file, the peer's credentials count.
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        for (uid, welcome) in [(64_201, socket == "nimbus.sock"), (64_202, socket == "edge.sock"), (1000, false)] {
            let path = path.clone();
            let answered = std::thread::spawn(move || {
                // Of this thread only.
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(uid)).unwrap();
                let mut stream = UnixStream::connect(path).unwrap();
                // The edge is spoken to first; who is turned away may not get as far as to write.
                if socket == "nimbus.sock" {
                    let _ = stream.write_all(b"GET /server HTTP/1.1\r\nhost: nimbus\r\n\r\n");
                }
                let mut line = String::new();
                BufReader::new(stream).read_line(&mut line).is_ok_and(|count| count > 0)
            });
            assert_eq!(answered.join().unwrap(), welcome, "{socket} {uid}");
        }
    }
}

#[test]
fn a_copy_whose_time_is_over_is_no_way_back_and_gets_deleted() {
    use futures_util::StreamExt;
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    let version = agent.version(2, |_| {});
    agent.finish(id, Work::Switch { version, keep_seconds: 0, ports: BTreeMap::new() });
    assert_eq!(agent.show(id).snapshots[0].reason, SnapshotReason::BeforeSwitch);
    let why = agent.undone(id, Work::Rollback { keep_seconds: 60 });
    assert!(why.contains("time was over"), "{why}");
    agent.terminate();
    agent.start();
    agent.eventually("the copy is deleted", |agent| agent.show(id).snapshots.is_empty());
    agent.runtime.block_on(async {
        let mut events = agent.client.events(0).await.unwrap();
        while !matches!(events.next().await.unwrap().unwrap().what, NimbusEventKind::SnapshotExpired { .. }) {}
    });
    assert_eq!(agent.get(id), "first\n");
}

#[test]
fn two_agents_never_share_a_data_directory() {
    let agent = Agent::new();
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/agent");
    let second = std::process::Command::new(program).arg("serve").arg(agent.data()).arg("/none").output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another Nimbus"), "{second:?}");
}

#[test]
fn what_an_installation_uses_is_sampled_kept_and_told() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.script(1, "while :; do :; done & $serve"));
    let mut edge = Edge::connect(&agent);
    edge.hear();
    let latencies = vec![(10, 3), (20, 1)];
    let served = Served { classes: [0, 3, 0, 0, 1], bytes_in: 10, bytes_out: 2000, latencies };
    edge.say(&FromEdge::Served { installation: InstallationId::new(), served: served.clone() });
    edge.say(&FromEdge::Served { installation: id, served });
    let history = |agent: &Agent, range| agent.runtime.block_on(agent.client.history(id, range)).unwrap();
    let busy = |agent: &Agent| {
        let points = history(agent, HistoryRange::Hour).points;
        points.iter().any(|point| point.requests == 4) && points.iter().any(|point| point.cpu_ms > 0)
    };
    agent.eventually("samples are taken", busy);
    let report = history(&agent, HistoryRange::Hour);
    assert_eq!(report.step_seconds, 10);
    let point = report.points.iter().find(|point| point.requests > 0).unwrap();
    assert_eq!((point.classes, point.bytes_in, point.bytes_out), ([0, 3, 0, 0, 1], 10, 2000));
    assert!(point.p50_ms.unwrap() < point.p95_ms.unwrap());
    let awake = report.points.iter().find(|point| point.awake_seconds == 10).unwrap();
    assert!(awake.memory > 100_000 && awake.memory_peak >= awake.memory, "{awake:?}");

    agent.terminate();
    agent.start();
    assert!(busy(&agent), "a restart loses nothing");
    for range in [HistoryRange::Day, HistoryRange::Month] {
        assert_eq!(history(&agent, range).points.iter().map(|point| point.requests).sum::<u64>(), 4, "{range:?}");
    }
    let days = agent.runtime.block_on(agent.client.usage(id)).unwrap();
    let sum = |of: fn(&nimbus_api::DayUsage) -> u64| days.iter().map(of).sum::<u64>();
    let limit = 32 << 20;
    assert!(sum(|day| day.awake_seconds) >= 10 && sum(|day| day.used_byte_seconds) > 1 << 20, "{days:?}");
    assert_eq!(sum(|day| day.reserved_byte_seconds), sum(|day| day.awake_seconds) * limit, "{days:?}");
    agent.finish(id, Work::Remove);
    let gone = agent.runtime.block_on(agent.client.history(id, HistoryRange::Hour)).unwrap_err();
    assert_eq!(gone.code(), Some("unknown-installation"));
}
