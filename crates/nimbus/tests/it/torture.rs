//! Every step of every verb: fail before, fail after, do twice, undo twice, and kill -9 of Nimbus at each moment.
//! Afterwards the installation is as before or as asked, and nothing is left over.

use domain::state::OperationState;
use domain::{BackupId, InstallationId};
use nimbus_api::{Phase, Work};

use crate::agent::{Agent, install, switch};

const FORWARD: [&str; 5] = ["before-do=fail", "after-do=fail", "after-do=twice", "before-do=kill", "after-do=kill"];
/// An undo that fails after all of it was done is done a second time.
const BACK: [&str; 3] = ["before-undo=kill", "after-undo=kill", "after-undo=fail"];

/// Every list of faults for a verb whose step `stumble` can fail, the last one that can be undone.
fn cases(verb: &str, stumble: &str) -> Vec<Vec<String>> {
    let mut cases = Vec::new();
    let steps = nimbus::operations::steps(verb);
    for step in steps {
        cases.extend(FORWARD.map(|fault| vec![format!("{verb}.{step}.{fault}")]));
    }
    let trip = format!("{verb}.{stumble}.after-do=fail");
    for step in steps.iter().take(1 + steps.iter().position(|step| *step == stumble).unwrap()) {
        cases.extend(BACK.map(|fault| vec![trip.clone(), format!("{verb}.{step}.{fault}")]));
    }
    cases
}

/// Runs the work under every list of faults; `check` hears whether it was done.
fn torture(
    agent: &mut Agent,
    cases: &[Vec<String>],
    mut work: impl FnMut(&mut Agent) -> (InstallationId, Work),
    mut check: impl FnMut(&mut Agent, InstallationId, bool),
) {
    for case in cases {
        eprintln!("{case:?}");
        let (id, asked) = work(agent);
        agent.set_faults(case);
        let report = agent.run(id, asked);
        assert_eq!(agent.unspent(), "", "never happened; {report:?}");
        assert!(report.state.is_final(), "{case:?}: {report:?}");
        agent.revive();
        check(agent, id, report.state == OperationState::Finished);
    }
}

fn healthy(agent: &Agent, id: InstallationId) {
    agent.eventually("it is healthy", |agent| agent.show(id).phase == Phase::Healthy);
}

#[test]
fn installing() {
    let mut agent = Agent::new();
    let version = agent.version(1, |_| {});
    let before = agent.leftovers();
    torture(
        &mut agent,
        &cases("install", "check"),
        |_| (InstallationId::new(), install("acme", version.clone())),
        |agent, id, done| {
            if done {
                healthy(agent, id);
                assert_eq!(agent.get(id), "first\n");
                agent.finish(id, Work::Remove);
            }
            assert_eq!(agent.leftovers(), before);
        },
    );
}

#[test]
fn switching() {
    let mut agent = Agent::new();
    let versions = [agent.version(1, |_| {}), agent.version(2, |_| {})];
    let id = agent.install("acme", versions[0].clone());
    let round = std::cell::Cell::new(0);
    torture(
        &mut agent,
        &cases("switch", "check"),
        |agent| {
            round.set(round.get() + 1);
            agent.write(id, &format!("{}\n", round.get()));
            (id, switch(versions[1].clone()))
        },
        |agent, id, done| {
            healthy(agent, id);
            let report = agent.show(id);
            assert_eq!((report.version, report.snapshots.len()), if done { (2, 1) } else { (1, 0) });
            if done {
                agent.finish(id, Work::Rollback { keep_seconds: 60 });
            }
            assert_eq!(agent.get(id), format!("{}\n", round.get()));
            forget_all(agent, id);
        },
    );
}

#[test]
fn configuring() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.script(1, "echo \"$ROUND\" > /data/index.html; $serve"));
    let (round, before) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let leftovers = agent.leftovers().len();
    torture(
        &mut agent,
        &cases("configure", "check"),
        |_| {
            round.set(round.get() + 1);
            let variables = std::collections::BTreeMap::from([("ROUND".to_owned(), round.get().to_string())]);
            (id, Work::Configure { environment: variables.into() })
        },
        |agent, id, done| {
            healthy(agent, id);
            if done {
                before.set(round.get());
            }
            let expected = if before.get() == 0 { "\n".to_owned() } else { format!("{}\n", before.get()) };
            assert_eq!(agent.get(id), expected);
            assert_eq!(agent.leftovers().len(), leftovers);
        },
    );
}

#[test]
fn rolling_back() {
    let mut agent = Agent::new();
    let versions = [agent.version(1, |_| {}), agent.version(2, |_| {})];
    let id = agent.install("acme", versions[0].clone());
    torture(
        &mut agent,
        &cases("rollback", "release"),
        |agent| {
            agent.write(id, "old\n");
            agent.finish(id, switch(versions[1].clone()));
            agent.write(id, "new\n");
            (id, Work::Rollback { keep_seconds: 60 })
        },
        |agent, id, done| {
            healthy(agent, id);
            let expected = if done { (1, "old\n") } else { (2, "new\n") };
            assert_eq!((agent.show(id).version, agent.get(id).as_str()), expected);
            if !done {
                agent.finish(id, Work::Rollback { keep_seconds: 60 });
            }
            forget_all(agent, id);
        },
    );
}

/// The tests above can fail: with an undo that does nothing they do.
#[test]
#[should_panic(expected = "a broken undo is seen")]
fn broken_undo_is_seen() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    let version = agent.version(2, |_| {});
    let case = ["switch.check.after-do=fail", "switch.switch.before-undo=skip"].map(str::to_owned).to_vec();
    torture(
        &mut agent,
        &[case],
        |_| (id, switch(version.clone())),
        |agent, id, done| {
            healthy(agent, id);
            assert_eq!(agent.show(id).version == 1, !done, "a broken undo is seen");
        },
    );
}

/// Deletes every copy, so that rounds do not see those of others.
fn forget_all(agent: &mut Agent, id: InstallationId) {
    let dir = agent.data().join(format!("volume/installations/{id}/snapshots"));
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        crate::alone::sh(&format!("btrfs -q subvolume delete {0}/data && rm -r {0}", path.display()));
    }
}

#[test]
fn restore() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    let backup = BackupId::new();
    agent.finish(id, Work::Backup { backup });
    torture(
        &mut agent,
        &cases("restore", "release"),
        |agent| {
            agent.write(id, "later\n");
            (id, Work::Restore { snapshot: format!("backup-{backup}"), code: false, keep_seconds: 60 })
        },
        |agent, id, done| {
            healthy(agent, id);
            assert_eq!(agent.get(id), if done { "first\n" } else { "later\n" });
        },
    );
}

#[test]
fn restore_with_code() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    let copies = [BackupId::new(), BackupId::new()];
    agent.finish(id, Work::Backup { backup: copies[0] });
    agent.finish(id, switch(agent.version(2, |_| {})));
    agent.write(id, "second\n");
    agent.finish(id, Work::Backup { backup: copies[1] });
    let restore = |number: usize| {
        let copy = copies[number - 1];
        Work::Restore { snapshot: format!("backup-{copy}"), code: true, keep_seconds: 60 }
    };
    torture(
        &mut agent,
        &cases("restore", "release"),
        |agent| {
            if agent.show(id).version == 2 {
                agent.finish(id, restore(1));
            }
            agent.write(id, "later\n");
            (id, restore(2))
        },
        |agent, id, done| {
            healthy(agent, id);
            let expected = if done { (2, "second\n") } else { (1, "later\n") };
            assert_eq!((agent.show(id).version, agent.get(id).as_str()), expected);
        },
    );
}

#[test]
fn stop_start_and_restart() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    torture(
        &mut agent,
        &cases("stop", "release"),
        |_| (id, Work::Stop),
        |agent, id, done| {
            if done {
                assert_eq!(agent.show(id).phase, Phase::Stopped);
                agent.finish(id, Work::Start);
            }
            healthy(agent, id);
        },
    );
    torture(
        &mut agent,
        &cases("start", "check"),
        |agent| {
            agent.finish(id, Work::Stop);
            (id, Work::Start)
        },
        |agent, id, done| {
            if done {
                healthy(agent, id);
            } else {
                assert_eq!(agent.show(id).phase, Phase::Stopped);
            }
        },
    );
    agent.finish(id, Work::Start);
    torture(&mut agent, &cases("restart", "check"), |_| (id, Work::Restart), |agent, id, _| healthy(agent, id));
}

#[test]
fn backup_forget_and_remove() {
    let mut agent = Agent::new();
    let version = agent.version(1, |_| {});
    let id = agent.install("acme", version.clone());
    let mut backup = BackupId::new();
    for verb in ["backup", "forget-backup"] {
        let stumble = if verb == "backup" { "snapshot" } else { "admit" };
        torture(
            &mut agent,
            &cases(verb, stumble),
            |agent| {
                backup = BackupId::new();
                if verb == "backup" {
                    return (id, Work::Backup { backup });
                }
                agent.finish(id, Work::Backup { backup });
                (id, Work::ForgetBackup { backup })
            },
            |agent, id, done| {
                let kept = agent.show(id).snapshots.len();
                assert_eq!(kept, usize::from(done == (verb == "backup")));
                forget_all(agent, id);
            },
        );
    }
    agent.finish(id, Work::Remove);
    let before = agent.leftovers();
    torture(
        &mut agent,
        &cases("remove", "stop"),
        |agent| (agent.install("old", version.clone()), Work::Remove),
        |agent, id, done| {
            if !done {
                healthy(agent, id);
                agent.finish(id, Work::Remove);
            }
            assert_eq!(agent.leftovers(), before);
        },
    );
}

#[test]
fn what_is_stuck_waits_for_a_person() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |_| {}));
    agent.write(id, "precious\n");
    let mut faults = vec!["switch.check.after-do=fail".to_owned()];
    faults.extend(vec!["switch.switch.before-undo=fail".to_owned(); 4]);
    agent.set_faults(&faults);
    let stuck = agent.run(id, switch(agent.version(2, |_| {})));
    assert_eq!(stuck.state, OperationState::Stuck, "{stuck:?}");
    let why = agent.undone(id, Work::Restart);
    assert!(why.contains("is stuck"), "{why}");
    agent.runtime.block_on(agent.client.retry(stuck.id)).unwrap();
    agent.eventually("it is undone", |agent| {
        agent.runtime.block_on(agent.client.operation(stuck.id)).unwrap().state == OperationState::Undone
    });
    assert_eq!((agent.show(id).version, agent.get(id).as_str()), (1, "precious\n"));

    agent.set_faults(&faults);
    let stuck = agent.run(id, switch(agent.version(3, |_| {})));
    assert_eq!(stuck.state, OperationState::Stuck);
    agent.finish(id, Work::Remove);
    agent.eventually("a stuck operation of what is gone is undone", |agent| {
        agent.runtime.block_on(agent.client.operation(stuck.id)).unwrap().state == OperationState::Undone
    });
    let other = agent.install("acme", agent.version(1, |_| {}));
    assert_eq!(agent.get(other), "first\n");
}
