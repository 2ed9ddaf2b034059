//! What is recorded can be read back, also after a real kill.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::state::OperationState;
use journal::{Direction, Fault, Faults, Journal, JournalError, Moment, NewOperation, NoFaults, Requested};
use uuid::Uuid;

use crate::toy::{REMOVE, STEPS, Switch, TestClock, World, new, open};

#[test]
fn the_same_request_twice_is_the_same_operation() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory.path().join("journal.sqlite"));
    let id = Uuid::now_v7();
    assert!(matches!(journal.request(new(id, "switch")).unwrap(), Requested::New(_)));
    assert!(matches!(journal.request(new(id, "switch")).unwrap(), Requested::Known(_)));
    let other = NewOperation { request: "{\"x\":1}".into(), ..new(id, "switch") };
    assert!(matches!(journal.request(other), Err(JournalError::Differs(_))));
    assert!(matches!(
        journal.run(Uuid::now_v7(), STEPS, &World::before(), Switch::default(), &NoFaults),
        Err(JournalError::Unknown(_))
    ));
}

#[test]
fn every_step_reads_back_with_its_times() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.sqlite");
    let told = Arc::new(AtomicU32::new(0));
    let counter = told.clone();
    let clock = Arc::new(TestClock::default());
    let journal = Journal::open(&path, clock.clone(), move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        clock.0.fetch_add(10, Ordering::SeqCst);
    })
    .unwrap();
    let id = Uuid::now_v7();
    journal.request(new(id, "switch")).unwrap();
    journal.run(id, STEPS, &World::before(), Switch::default(), &NoFaults).unwrap();

    let operation = journal.find(id).unwrap().unwrap();
    assert_eq!(operation.state, OperationState::Finished);
    let names: Vec<_> = operation.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["stop", "snapshot", "switch", "start", "check"]);
    assert!(operation.steps.iter().all(|s| s.ended_at == Some(s.began_at + 10) && s.direction == Direction::Do));
    assert_eq!(told.load(Ordering::SeqCst), 7, "the request, five beginnings and the end: one commit each");
    assert_eq!(journal.list(Some(Uuid::nil()), 10).unwrap(), [operation]);
    assert!(journal.unfinished().unwrap().is_empty());
}

#[test]
fn what_was_asked_is_forgotten_with_its_end_and_known_again_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.sqlite");
    let journal = open(&path);
    let id = Uuid::now_v7();
    let asked = || NewOperation { request: r#"{"key":"s3cret"}"#.into(), ..new(id, "switch") };
    journal.request(asked()).unwrap();
    assert!(journal.find(id).unwrap().unwrap().request.contains("s3cret"));
    let run = || journal.run(id, STEPS, &World::before(), Switch::default(), &NoFaults).unwrap();
    assert_eq!(run(), OperationState::Finished);
    assert!(!journal.find(id).unwrap().unwrap().request.contains("s3cret"));
    assert!(matches!(journal.request(asked()).unwrap(), Requested::Known(_)));
    assert!(matches!(journal.request(new(id, "switch")), Err(JournalError::Differs(_))));
    assert_eq!(run(), OperationState::Finished, "again is nothing");
    drop(journal);
    // The last connection that is closed takes the log of writes into the file.
    assert!(!std::fs::read(&path).unwrap().windows(6).any(|part| part == b"s3cret"));
}

#[test]
fn many_operations_at_a_time_share_commits_and_all_end() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory.path().join("journal.sqlite"));
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let (id, world) = (Uuid::now_v7(), World::before());
                journal.request(new(id, "switch")).unwrap();
                let state = journal.run(id, STEPS, &world, Switch::default(), &NoFaults).unwrap();
                assert_eq!(state, OperationState::Finished);
                assert!(world.is_as_asked());
            });
        }
    });
    assert_eq!(journal.list(None, 100).unwrap().len(), 40);
}

#[test]
fn old_operations_are_forgotten_but_never_unfinished_ones() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let journal = Journal::open(&directory.path().join("j"), clock.clone(), |_| {}).unwrap();
    let waiting = Uuid::now_v7();
    journal.request(new(waiting, "switch")).unwrap();
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(Uuid::now_v7());
        journal.request(new(ids[ids.len() - 1], "switch")).unwrap();
        journal.run(ids[ids.len() - 1], STEPS, &World::before(), Switch::default(), &NoFaults).unwrap();
    }
    assert_eq!(journal.prune(4, Duration::from_secs(1)).unwrap(), 6);
    assert_eq!(journal.prune(4, Duration::from_secs(1)).unwrap(), 0);
    clock.0.fetch_add(2_000, Ordering::SeqCst);
    assert_eq!(journal.prune(100, Duration::from_secs(1)).unwrap(), 4);
    assert_eq!(journal.unfinished().unwrap().len(), 1);
    assert!(journal.find(ids[9]).unwrap().is_none());
}

#[test]
fn a_halt_leaves_an_operation_to_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.sqlite");
    let (id, world) = (Uuid::now_v7(), World::before());
    let journal = open(&path);
    journal.request(new(id, "switch")).unwrap();
    journal.halt();
    let halted = journal.run(id, STEPS, &world, Switch::default(), &NoFaults);
    assert!(matches!(halted, Err(JournalError::Halted)));
    drop(journal);
    let journal = open(&path);
    assert_eq!(journal.run(id, STEPS, &world, Switch::default(), &NoFaults).unwrap(), OperationState::Finished);
}

struct KillAt(String, Moment);
impl Faults for KillAt {
    fn at(&self, _: &str, step: &str, moment: Moment) -> Fault {
        if step == self.0 && moment == self.1 { Fault::Kill } else { Fault::Continue }
    }
}

/// Started again as a process of its own by `a_real_kill_loses_nothing`.
#[test]
fn victim() {
    let Ok(plan) = std::env::var("JOURNAL_VICTIM") else { return };
    let [path, id, step, moment]: [&str; 4] = plan.split('|').collect::<Vec<_>>().try_into().unwrap();
    let moment = Moment::ALL.into_iter().find(|m| m.as_str() == moment).unwrap();
    let journal = open(path.as_ref());
    let id = id.parse().unwrap();
    journal.request(new(id, "remove")).unwrap();
    journal.run(id, REMOVE, &World::before(), Switch::default(), &KillAt(step.into(), moment)).unwrap();
    unreachable!("it should have killed itself");
}

#[test]
fn a_real_kill_loses_nothing() {
    for (step, moment) in [("stop", Moment::BeforeDo), ("delete", Moment::AfterDo), ("forget", Moment::BeforeDo)] {
        let directory = tempfile::tempdir().unwrap();
        let (path, id) = (directory.path().join("journal.sqlite"), Uuid::now_v7());
        let plan = format!("{}|{id}|{step}|{}", path.display(), moment.as_str());
        let mut victim = Command::new(std::env::current_exe().unwrap());
        victim.args(["--exact", "records::victim", "--nocapture"]).env("JOURNAL_VICTIM", plan);
        let ended = victim.output().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(9), "{ended:?}");

        let journal = open(&path);
        let left = journal.unfinished().unwrap();
        assert_eq!(left[0].steps.last().map(|s| (s.name.as_str(), s.ended_at)), Some((step, None)));
        let world = World::before();
        let state = journal.run(id, REMOVE, &world, Switch::default(), &NoFaults).unwrap();
        assert_eq!(state, OperationState::Finished);
        let steps = journal.find(id).unwrap().unwrap().steps;
        const INTERRUPTED: &str = "interrupted when Nimbus ended; it is done again";
        assert!(steps.iter().any(|s| s.name == step && s.error.as_deref() == Some(INTERRUPTED)));
    }
}
