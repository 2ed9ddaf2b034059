//! The verbs, with real applications.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::state::OperationState;
use domain::{BackupId, InstallationId, OperationId};
use futures_util::StreamExt;
use nimbus_api::{
    ClientError, Environment, ExecFrame, ExecRequest, NimbusEventKind, OperationRequest, Phase, SnapshotReason,
    TtyFrame, TtySize, Wanted, Work,
};
use serde_json::json;

use crate::agent::{Agent, LONG, install, keepers, switch};

#[test]
fn an_installation_lives_its_whole_life() {
    let mut agent = Agent::new();
    let before = agent.leftovers();
    let id = agent.install("acme", agent.version(1, |_| {}));
    assert_eq!(agent.get(id), "first\n");
    let report = agent.show(id);
    assert_eq!((report.version, report.wanted, report.phase), (1, Wanted::Running, Phase::Healthy));
    assert!(report.memory.is_some_and(|bytes| bytes > 0), "{report:?}");

    agent.write(id, "second\n");
    let steps = agent.finish(id, switch(agent.version(2, |_| {}))).steps;
    let names: Vec<_> = steps.iter().map(|step| step.name.as_str()).collect();
    let listed = ["fetch", "prepare", "hold", "stop", "snapshot", "switch", "start", "check", "release"];
    assert_eq!(names, listed);
    assert_eq!((agent.show(id).version, agent.get(id).as_str()), (2, "second\n"));
    agent.write(id, "third\n");

    agent.finish(id, Work::Rollback { keep_seconds: 60 });
    let report = agent.show(id);
    assert_eq!((report.version, agent.get(id).as_str()), (1, "second\n"));
    assert_eq!(report.snapshots.iter().map(|s| s.reason).collect::<Vec<_>>(), [SnapshotReason::BeforeRollback]);
    let why = agent.undone(id, Work::Rollback { keep_seconds: 60 });
    assert!(why.contains("cannot be rolled back"), "{why}");

    let backup = BackupId::new();
    agent.finish(id, Work::Backup { backup });
    agent.write(id, "fourth\n");
    let restore = || Work::Restore { snapshot: format!("backup-{backup}"), code: false, keep_seconds: 60 };
    agent.finish(id, restore());
    assert_eq!(agent.get(id), "second\n");
    agent.finish(id, Work::ForgetBackup { backup });
    let why = agent.undone(id, restore());
    assert!(why.contains("has no copy \"backup-"), "{why}");

    let pid = agent.show(id).pid;
    agent.finish(id, Work::Restart);
    assert_ne!(agent.show(id).pid, pid);
    agent.finish(id, Work::Stop);
    assert_eq!((agent.show(id).phase, agent.show(id).address), (Phase::Stopped, None));
    agent.finish(id, switch(agent.version(3, |_| {})));
    assert_eq!((agent.show(id).version, agent.show(id).phase), (3, Phase::Stopped));
    let why = agent.undone(id, Work::Restart);
    assert!(why.contains("start it instead"), "{why}");
    agent.finish(id, Work::Start);
    agent.finish(id, Work::Start);
    assert_eq!(agent.get(id), "second\n");

    agent.finish(id, Work::Remove);
    assert_eq!(agent.leftovers(), before);
    agent.finish(id, Work::Remove);
    let gone = agent.runtime.block_on(agent.client.installation(id)).unwrap_err();
    assert_eq!(gone.code(), Some("unknown-installation"));
}

#[test]
fn a_version_that_does_not_become_healthy_goes_back_with_its_data() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    agent.write(id, "precious\n");
    for (number, script, says) in [
        (2, "echo going down; exit 3", "exit status 3"),
        (3, "echo spoilt > /data/index.html; echo spoilt data >&2; exit 1", "spoilt data"),
        (4, "/app/busybox rm /data/index.html; $serve", "did not become healthy within 2 s: answered with status 404"),
        (5, "for n in $(/app/busybox seq 99); do echo n$n; done; exit 1", "last lines:\n  n85\n"),
    ] {
        let mut version = agent.script(number, script);
        version.manifest.http.as_mut().unwrap().start_timeout_ms = 2000;
        let why = agent.undone(id, switch(version));
        assert!(why.contains(&format!("version {number} of hola")) && why.contains(says), "{why}");
        assert_eq!((agent.show(id).version, agent.get(id).as_str()), (1, "precious\n"), "{why}");
        assert_eq!(agent.show(id).snapshots, []);
        for noise in ["restarting", "started as", "status 404; 200 to 399 is healthy; last"] {
            assert!(!why.contains(noise), "{why}");
        }
        assert!(number == 3 || !why.contains("spoilt data"), "of another run: {why}");
    }
    let missing = agent.version(6, |manifest| manifest["command"] = json!(["/app/nothing"]));
    let why = agent.undone(id, switch(missing));
    assert!(why.contains("/app/nothing"), "{why}");
    assert_eq!(agent.get(id), "precious\n");
}

#[test]
fn a_version_on_trial_is_started_once_and_kept_when_it_is_accepted() {
    let mut agent = Agent::new();
    // Restarting this one would help: on trial it is not tried.
    let flaky = "echo try; [ -e /data/tried ] || { : > /data/tried; exit 3; }; $serve";
    let why = agent.undone(InstallationId::new(), install("acme", agent.script(1, flaky)));
    assert!(why.contains("exit status 3"), "{why}");
    let id = agent.install("acme", agent.version(2, |_| {}));
    let why = agent.undone(id, switch(agent.script(3, flaky)));
    assert!(why.contains("exit status 3") && why.contains("its last lines:\n  try"), "{why}");
    let log = agent.log_of(id);
    let count = |text: &str| log.iter().filter(|line| line.contains(text)).count();
    assert_eq!((count("keeper started as"), count("out try"), count("was on trial")), (3, 1, 1), "{log:#?}");

    agent.write(id, "kept\n");
    agent.finish(id, switch(agent.version(4, |_| {})));
    let first = agent.show(id);
    for restarts in 1..=2 {
        let pid = agent.show(id).pid.unwrap();
        crate::alone::sh(&format!("kill -9 {pid}"));
        agent.eventually("what was accepted is brought back", |agent| {
            let now = agent.show(id);
            now.restarts == restarts && now.phase == Phase::Healthy && now.pid != Some(pid)
        });
    }
    assert_eq!((agent.get(id).as_str(), first.restarts), ("kept\n", 0));
}

#[test]
fn what_a_failed_version_wrote_can_still_be_read() {
    let mut agent = Agent::new();
    let before = agent.leftovers();
    let gone = InstallationId::new();
    let failed = agent.run(gone, install("acme", agent.script(1, "echo first words; echo and last >&2; exit 7")));
    assert_eq!(failed.state, OperationState::Undone);
    let log = agent.log_of_failed(failed.id);
    let count = |log: &[String], text: &str| log.iter().filter(|line| line.contains(text)).count();
    for (text, times) in [("started as", 1), ("out first words", 1), ("err and last", 1), ("ended: exit status 7", 1)] {
        assert_eq!(count(&log, text), times, "{text}: {log:#?}");
    }
    assert_eq!(agent.log_of(gone), log, "asked for by the installation that never was");
    assert_eq!(agent.leftovers(), before);

    let id = agent.install("acme", agent.script(2, "echo well; $serve"));
    let fine = agent.finish(id, Work::Restart);
    let failed = agent.run(id, switch(agent.script(3, "echo not well; exit 1")));
    let log = agent.log_of_failed(failed.id);
    assert_eq!((count(&log, "out not well"), count(&log, "out well")), (1, 0), "{log:#?}");
    assert_eq!(count(&agent.log_of(id), "out not well"), 1, "the installation's own log has it as well");
    agent.kill();
    agent.start();
    assert_eq!(agent.log_of_failed(failed.id), log);
    agent.runtime.block_on(async {
        assert_eq!(agent.client.operation_log(fine.id, 9).await.unwrap_err().code(), Some("no-log"));
        let unknown = agent.client.operation_log(OperationId::new(), 9).await.unwrap_err();
        assert_eq!(unknown.code(), Some("unknown-operation"));
        let never = agent.client.logs(InstallationId::new(), 9, false).await.unwrap_err();
        assert_eq!(never.code(), Some("unknown-installation"));
    });
}

#[test]
fn any_copy_that_is_kept_can_be_restored_by_its_name() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    agent.write(id, "one\n");
    agent.finish(id, switch(agent.version(2, |_| {})));
    agent.write(id, "two\n");
    agent.finish(id, Work::Rollback { keep_seconds: 60 });
    assert_eq!((agent.show(id).version, agent.get(id).as_str()), (1, "one\n"));
    let name = |agent: &Agent, reason| {
        let copies = agent.show(id).snapshots.into_iter().filter(|copy| copy.reason == reason);
        copies.map(|copy| copy.name).next_back().unwrap()
    };
    let restore = |snapshot: &str, code| Work::Restore { snapshot: snapshot.to_owned(), code, keep_seconds: 60 };
    let of_two = name(&agent, SnapshotReason::BeforeRollback);

    agent.finish(id, restore(&of_two, false));
    assert_eq!((agent.show(id).version, agent.get(id).as_str()), (1, "two\n"), "its data, with the code of now");
    let of_one = name(&agent, SnapshotReason::BeforeRestore);
    agent.finish(id, restore(&of_one, false));
    assert_eq!(agent.get(id), "one\n", "a restore is taken back");
    agent.finish(id, restore(&of_two, true));
    assert_eq!((agent.show(id).version, agent.get(id).as_str()), (2, "two\n"), "a rollback is taken back");
    let report = agent.show(id);
    assert_eq!(report.snapshots.len(), 4, "what was restored stays, and so does what was replaced");

    for bad in ["before-restore-nothing", "../../../etc", "", "."] {
        let why = agent.undone(id, restore(bad, false));
        assert!(why.contains(&format!("has no copy \"{bad}\"")), "{why}");
    }
    assert_eq!((agent.show(id).pid, agent.get(id).as_str()), (report.pid, "two\n"), "nothing was touched");
}

#[test]
fn a_start_or_a_restart_does_not_wait_for_the_keepers_next_try() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.script(1, "echo up; [ -e /data/ill ] && exit 3; $serve"));
    let ill = agent.data().join(format!("volume/installations/{id}/data/ill"));
    for work in [Work::Start, Work::Restart, Work::Start] {
        std::fs::write(&ill, "").unwrap();
        let pid = agent.show(id).pid.unwrap();
        crate::alone::sh(&format!("kill -9 {pid}"));
        agent.eventually("it is between restarts", |agent| {
            let now = agent.show(id);
            now.phase == Phase::Restarting && now.restarts >= 2
        });
        std::fs::remove_file(&ill).unwrap();
        agent.finish(id, work);
        let now = agent.show(id);
        assert_eq!((now.phase, now.restarts), (Phase::Healthy, 0), "with a clean record");
    }
    // One that is still ill says so, and stays with its keeper.
    std::fs::write(&ill, "").unwrap();
    let why = agent.undone(id, Work::Restart);
    assert!(why.contains("exit status 3"), "{why}");
    let why = agent.undone(id, Work::Start);
    assert!(why.contains("exit status 3"), "{why}");
    agent.eventually("its keeper goes on trying", |agent| agent.show(id).restarts >= 2);
}

#[test]
fn what_cannot_be_installed_is_refused_with_its_reason_and_leaves_nothing() {
    let mut agent = Agent::new();
    let before = agent.leftovers();
    let good = agent.version(1, |_| {});
    let mut absent = good.clone();
    absent.artifact = "0".repeat(64).parse().unwrap();
    let cirrus = agent.version(2, |manifest| manifest["engine"] = json!("cirrus"));
    let huge = agent.version(3, |manifest| manifest["limits"]["memory"] = json!(1_u64 << 50));
    let dead = agent.script(4, "echo I am not well; exit 7");
    let silent = agent.version(5, |manifest| {
        manifest["command"] = json!(["/app/busybox", "sleep", "1000"]);
        manifest["http"]["start_timeout_ms"] = json!(500);
    });
    let unknown_user = agent.version(6, |manifest| manifest["user"] = json!({"name": "nobody-knows"}));
    for (version, says) in [
        (absent, "is not on this server"),
        (cirrus, "engine \"cirrus\""),
        (huge, "not enough memory"),
        (dead, "I am not well"),
        (silent, "did not become healthy"),
        (unknown_user, "nobody-knows"),
    ] {
        let why = agent.undone(InstallationId::new(), install("acme", version));
        assert!(why.contains(says), "{says}: {why}");
        assert_eq!(agent.leftovers(), before, "{why}");
    }
    let id = agent.install("acme", good.clone());
    let again = agent.undone(id, install("acme", good.clone()));
    assert!(again.contains("installed here already"), "{again}");
    let older = Work::Install {
        name: "acme".parse().unwrap(),
        epoch: 0,
        version: good.clone(),
        ports: BTreeMap::new(),
        environment: Environment::default(),
        from: None,
    };
    assert!(agent.undone(id, older).contains("older epoch"));
    let taken = agent.undone(InstallationId::new(), install("acme", good.clone()));
    assert!(taken.contains("name acme is taken"), "{taken}");
    let ports = BTreeMap::from([("smtp".to_owned(), 25)]);
    let no_port = Work::Install {
        name: "b".parse().unwrap(),
        epoch: 1,
        version: good,
        ports,
        environment: Environment::default(),
        from: None,
    };
    let why = agent.undone(InstallationId::new(), no_port);
    assert!(why.contains("no TCP port named"), "{why}");
    assert_eq!(agent.get(id), "first\n");
}

#[test]
fn the_same_request_is_the_same_operation_and_those_of_one_installation_never_overlap() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    let [one, two] = [agent.version(2, |_| {}), agent.version(3, |_| {})];
    let reports = agent.runtime.block_on(async {
        let [a, b] = [OperationId::new(), OperationId::new()];
        let ask = |version| OperationRequest { installation: id, work: switch(version) };
        agent.client.submit(a, &ask(one.clone())).await.unwrap();
        agent.client.submit(b, &ask(two.clone())).await.unwrap();
        agent.client.submit(a, &ask(one)).await.unwrap();
        let differs = agent.client.submit(a, &ask(two)).await.unwrap_err();
        assert!(matches!(differs, ClientError::Problem { status: 409, .. }), "{differs}");
        let wait = |id| agent.client.wait(id, usize::MAX, Duration::from_secs(30));
        (wait(a).await.unwrap(), wait(b).await.unwrap())
    });
    let (first, second) = (reports.0, reports.1);
    assert_eq!((first.state, second.state), (OperationState::Finished, OperationState::Finished));
    assert!(first.ended_at.unwrap() <= second.steps[0].began_at);
    assert_eq!(agent.show(id).version, 3);
    let retried = agent.runtime.block_on(agent.client.retry(first.id)).unwrap_err();
    assert_eq!(retried.code(), Some("not-stuck"));
    agent.finish(id, Work::Rollback { keep_seconds: 60 });
    agent.finish(id, Work::Rollback { keep_seconds: 60 });
    assert_eq!(agent.show(id).version, 1, "each rollback goes one switch back");
}

#[test]
fn nimbus_may_die_and_its_keepers_go_on() {
    let mut agent = Agent::new();
    let [running, stopped] = ["running", "stopped"].map(|name| agent.install(name, agent.version(1, |_| {})));
    agent.finish(stopped, Work::Stop);
    let before = agent.show(running);
    agent.kill();
    assert_eq!(crate::agent::get(before.address.unwrap()).unwrap(), "first\n", "nobody needs Nimbus to serve");
    agent.start();
    let after = agent.show(running);
    assert_eq!((after.pid, after.address, after.phase), (before.pid, before.address, Phase::Healthy));
    assert_eq!(agent.show(stopped).phase, Phase::Stopped);
    agent.terminate();
    for keeper in keepers(agent.data().to_str().unwrap()) {
        crate::alone::sh(&format!("kill -9 {keeper}"));
    }
    agent.start();
    agent.eventually("what is meant to run is started", |agent| agent.show(running).phase == Phase::Healthy);
    assert_ne!(agent.show(running).pid, before.pid);
    assert_eq!(agent.get(running), "first\n");
    assert_eq!(agent.show(stopped).phase, Phase::Stopped);

    let keeper = keepers(agent.data().to_str().unwrap());
    assert_eq!(keeper.len(), 1);
    crate::alone::sh(&format!("kill -9 {}", keeper[0]));
    let pid = agent.show(running).pid;
    agent.eventually("a keeper that went missing is started again", |agent| {
        let now = agent.show(running);
        now.phase == Phase::Healthy && now.pid != pid
    });
    for id in [running, stopped] {
        agent.finish(id, Work::Remove);
    }
}

#[test]
fn events_logs_and_programs_come_through() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.script(1, "echo hello; echo oops >&2; $serve"));
    agent.runtime.block_on(async {
        let mut events = agent.client.events(0).await.unwrap();
        let mut sequence = 0;
        loop {
            let event = events.next().await.unwrap().unwrap();
            assert_eq!(event.sequence, sequence + 1);
            sequence = event.sequence;
            if matches!(event.what, NimbusEventKind::OperationEnded { state: OperationState::Finished, .. }) {
                break;
            }
        }
        let lines: Vec<_> = agent.client.logs(id, 100, false).await.unwrap().collect().await;
        let lines: Vec<_> = lines.into_iter().map(|line| line.unwrap()).collect();
        assert!(lines.iter().any(|line| line.stream == "out" && line.text == "hello"), "{lines:?}");
        assert!(lines.iter().any(|line| line.stream == "err" && line.text == "oops"), "{lines:?}");

        let run = |command: &[&str], input: Vec<&'static str>| {
            let request = ExecRequest { command: command.iter().map(|&word| word.to_owned()).collect(), tty: None };
            let input = futures_util::stream::iter(input.into_iter().map(bytes::Bytes::from));
            let client = agent.client.clone();
            async move {
                let frames: Vec<_> = client.exec(id, &request, input).await.unwrap().collect().await;
                let (mut out, mut status) = (Vec::new(), None);
                for frame in frames {
                    match frame.unwrap() {
                        ExecFrame::Out(data) | ExecFrame::Err(data) => out.extend_from_slice(&data),
                        ExecFrame::Exit(code) => status = Some(code),
                    }
                }
                (String::from_utf8(out).unwrap(), status)
            }
        };
        assert_eq!(run(&["/app/busybox", "cat"], vec!["one ", "two"]).await, ("one two".into(), Some(0)));
        assert_eq!(run(&["/app/busybox", "sh", "-c", "exit 9"], vec![]).await, (String::new(), Some(9)));
        assert_eq!(run(&["/app/busybox", "id", "-u"], vec![]).await, ("1000\n".into(), Some(0)));
        let address = agent.client.installation(id).await.unwrap().address.unwrap();
        // Its egress is none: no resolver can have been asked.
        let named = run(&["/app/busybox", "hostname", "-i"], vec![]).await;
        assert_eq!(named, (format!("{address}\n"), Some(0)));
        let (said, status) = run(&["/no/such"], vec![]).await;
        assert!(said.contains("/no/such") && status == Some(127), "{said} {status:?}");
        let big = run(&["/app/busybox", "dd", "if=/dev/zero", "bs=1M", "count=3"], vec![]).await;
        assert!(big.0.len() > 3 << 20 && big.1 == Some(0), "{}", big.0.len());
    });
    agent.finish(id, Work::Stop);
    let request = ExecRequest { command: vec!["/app/busybox".into()], tty: None };
    let refused = agent.runtime.block_on(agent.client.exec(id, &request, futures_util::stream::empty())).unwrap_err();
    assert_eq!(refused.code(), Some("not-running"), "{refused}");
}

#[test]
fn a_terminal_shows_takes_and_ends() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.script(1, "$serve"));
    let pid = agent.show(id).pid.unwrap();
    let processes = || std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| is_below(entry, pid)).count();
    let request = ExecRequest {
        command: ["/app/busybox", "sh"].map(str::to_owned).to_vec(),
        tty: Some(TtySize { rows: 24, cols: 99 }),
    };
    let client = agent.client.clone();
    let shell = async |end: bool| {
        let (typed, mut input) = tokio::sync::mpsc::unbounded_channel::<TtyFrame>();
        let input = futures_util::stream::poll_fn(move |cx| input.poll_recv(cx)).map(|frame| frame.encode());
        let mut shown = client.exec(id, &request, input).await.unwrap();
        let mut screen = String::new();
        let resize = TtyFrame::Resize(TtySize { rows: 60, cols: 200 });
        let size = || TtyFrame::Input("/app/busybox stty size; /app/busybox sleep 1000 &\n".into());
        for (frames, until) in [(vec![size()], "\r\n24 99\r\n"), (vec![resize, size()], "\r\n60 200\r\n")] {
            frames.into_iter().for_each(|frame| typed.send(frame).unwrap());
            while !screen.contains(until) {
                let shown = tokio::time::timeout(LONG, shown.next()).await;
                match shown.unwrap_or_else(|_| panic!("no {until:?} in {screen:?}")).unwrap().unwrap() {
                    ExecFrame::Out(data) => screen += std::str::from_utf8(&data).unwrap(),
                    other => panic!("{other:?} after {screen:?}"),
                }
            }
        }
        if end {
            typed.send(TtyFrame::Input("exit 5\n".into())).unwrap();
            let last = shown.filter_map(|frame| std::future::ready(frame.ok())).collect::<Vec<_>>().await;
            assert_eq!(last.last(), Some(&ExecFrame::Exit(5)), "{last:?}");
        } else {
            typed.send(TtyFrame::End).unwrap();
            assert!(!shown.any(async |frame| matches!(frame, Ok(ExecFrame::Exit(_)))).await);
        }
    };
    for end in [true, false] {
        agent.runtime.block_on(shell(end));
        agent.eventually("nothing of it is left", |_| processes() == 1);
    }
    agent.finish(id, Work::Stop);
}

/// Whether that process is in the sandbox with this first process, and is not its first one or a helper of it.
fn is_below(process: &std::fs::DirEntry, first: u32) -> bool {
    let space = |path: std::path::PathBuf| std::fs::read_link(path.join("ns/pid")).ok();
    let of_sandbox = space(format!("/proc/{first}").into());
    process.file_name() != *first.to_string() && of_sandbox.is_some() && space(process.path()) == of_sandbox
}

#[test]
fn the_cache_is_told_what_is_needed() {
    let mut agent = Agent::new();
    let versions = [agent.version(1, |_| {}), agent.version(2, |_| {})];
    let id = agent.install("acme", versions[0].clone());
    agent.finish(id, switch(versions[1].clone()));
    let is_needed = |agent: &Agent, number: usize| {
        let users = agent.data().join("nimbus/cache/users");
        let file =
            std::fs::read_dir(users).unwrap().flatten().find(|entry| entry.path().extension().is_some()).unwrap();
        let list: serde_json::Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        let item = |kind| list["items"].get(format!("{kind}/{}", versions[number - 1].artifact)).cloned();
        ["apps", "artifacts"].map(|kind| item(kind).expect("it is on the list").is_null())
    };
    agent.terminate();
    agent.start();
    agent.eventually("the one in use and the one to go back to are needed", |agent| {
        [1, 2].map(|number| is_needed(agent, number)) == [[true; 2]; 2]
    });
    agent.finish(id, Work::Remove);
    agent.terminate();
    agent.start();
    agent.eventually("they no longer are", |agent| [1, 2].map(|number| is_needed(agent, number)) == [[false; 2]; 2]);
    agent.install("acme", versions[0].clone());
    assert_eq!([1, 2].map(|number| is_needed(&agent, number)), [[true; 2], [false; 2]], "at once");
}

#[test]
fn archives_are_checked_kept_and_deleted_when_nobody_needs_them() {
    let mut agent = Agent::new();
    let version = agent.version(1, |_| {});
    let id = agent.install("acme", version.clone());
    let hash = version.artifact.clone();
    let other: domain::ArtifactHash = "1".repeat(64).parse().unwrap();
    agent.runtime.block_on(async {
        let client = &agent.client;
        assert!(client.has_artifact(&hash).await.unwrap());
        assert!(!client.has_artifact(&other).await.unwrap());
        let wrong = client.put_artifact(&other, "/bin/busybox".as_ref()).await.unwrap_err();
        assert_eq!(wrong.code(), Some("wrong-hash"));
        assert!(!client.has_artifact(&other).await.unwrap());
        assert_eq!(client.delete_artifact(&hash).await.unwrap_err().code(), Some("artifact-in-use"));
    });
    agent.finish(id, Work::Remove);
    agent.runtime.block_on(async {
        agent.client.delete_artifact(&hash).await.unwrap();
        assert!(!agent.client.has_artifact(&hash).await.unwrap());
        let server = agent.client.server().await.unwrap();
        assert_eq!((server.installations, server.memory.taken, server.storage.as_str()), (0, 0, "btrfs"));
        assert!(server.layers.iter().any(|layer| layer.name == "seccomp" && layer.active), "{:?}", server.layers);
    });
}
