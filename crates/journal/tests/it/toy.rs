//! A toy operation on a world in memory that outlives the journal, as a server's disk outlives Nimbus.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::state::OperationState;
use journal::{Clock, Fault, Faults, Journal, Moment, NewOperation, Step, StepError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Time passes only when somebody sleeps.
#[derive(Default)]
pub struct TestClock(pub AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
    fn sleep(&self, time: Duration) {
        self.0.fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }
}

#[derive(Default)]
pub struct World(pub Mutex<BTreeMap<&'static str, String>>);

impl World {
    pub fn before() -> Self {
        Self(Mutex::new(BTreeMap::from([("spec", "old".to_owned()), ("process", "old".to_owned())])))
    }
    pub fn set(&self, name: &'static str, to: &str) {
        self.0.lock().unwrap().insert(name, to.to_owned());
    }
    pub fn get(&self, name: &'static str) -> Option<String> {
        self.0.lock().unwrap().get(name).cloned()
    }
    fn delete(&self, name: &'static str) {
        self.0.lock().unwrap().remove(name);
    }
    pub fn is_as_before(&self) -> bool {
        *self.0.lock().unwrap() == *Self::before().0.lock().unwrap()
    }
    pub fn is_as_asked(&self) -> bool {
        let asked = BTreeMap::from([("spec", "new".into()), ("process", "new".into()), ("snapshot", "old".to_owned())]);
        *self.0.lock().unwrap() == asked
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Switch {
    old: Option<String>,
}

/// A small model of a switch of version.
pub const STEPS: &[Step<World, Switch>] = &[
    Step::new("stop", stop, start_old),
    Step::new("snapshot", snapshot, forget_snapshot),
    Step::new("switch", switch, switch_back),
    Step::new("start", start_new, stop_new),
    Step::pure("check", check),
];

/// The same with an undo broken on purpose.
pub const BROKEN: &[Step<World, Switch>] = &[
    Step::new("stop", stop, start_old),
    Step::new("snapshot", snapshot, forget_snapshot),
    Step::new("switch", switch, |_, _| Ok(())),
    Step::new("start", start_new, stop_new),
    Step::pure("check", check),
];

/// Deletes for good.
pub const REMOVE: &[Step<World, Switch>] = &[
    Step::new("stop", stop, start_old),
    Step::last_way("delete", |world, _| {
        world.delete("spec");
        Ok(())
    }),
    Step::pure("forget", |world, _| {
        world.delete("process");
        Ok(())
    }),
];

fn stop(world: &World, _: &mut Switch) -> Result<(), StepError> {
    world.set("process", "none");
    Ok(())
}
fn start_old(world: &World, _: &mut Switch) -> Result<(), StepError> {
    world.set("process", "old");
    Ok(())
}
fn snapshot(world: &World, _: &mut Switch) -> Result<(), StepError> {
    let spec = world.get("spec").ok_or_else(|| StepError::new("no spec"))?;
    world.set("snapshot", &spec);
    Ok(())
}
fn forget_snapshot(world: &World, _: &mut Switch) -> Result<(), StepError> {
    world.delete("snapshot");
    Ok(())
}
fn switch(world: &World, state: &mut Switch) -> Result<(), StepError> {
    state.old = world.get("snapshot");
    world.set("spec", "new");
    Ok(())
}
fn switch_back(world: &World, _: &mut Switch) -> Result<(), StepError> {
    // From the snapshot and not from the state: a step that was cut short has not saved its state.
    if let Some(old) = world.get("snapshot") {
        world.set("spec", &old);
    }
    Ok(())
}
fn start_new(world: &World, _: &mut Switch) -> Result<(), StepError> {
    world.set("process", "new");
    Ok(())
}
fn stop_new(world: &World, _: &mut Switch) -> Result<(), StepError> {
    world.set("process", "none");
    Ok(())
}
fn check(world: &World, _: &mut Switch) -> Result<(), StepError> {
    if world.get("process") == world.get("spec") { Ok(()) } else { Err(StepError::new("not healthy")) }
}

/// What a plan asks for beyond the journal's own faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    Do(Fault),
    /// As if the process were killed here: everything in memory is lost.
    Crash,
}

/// Faults, each for as many times as it says.
#[derive(Debug, Default)]
pub struct Plan(pub Mutex<Vec<(&'static str, Moment, Planned, u32)>>);

impl Plan {
    pub fn of(faults: &[(&'static str, Moment, Planned, u32)]) -> Self {
        Self(Mutex::new(faults.to_vec()))
    }
}

pub struct CrashMarker;

impl Faults for Plan {
    fn at(&self, _: &str, step: &str, moment: Moment) -> Fault {
        let mut plan = self.0.lock().unwrap();
        let planned = plan.iter_mut().find(|(s, m, _, left)| *s == step && *m == moment && *left > 0);
        let Some((_, _, what, left)) = planned else { return Fault::Continue };
        *left -= 1;
        match *what {
            Planned::Do(fault) => fault,
            Planned::Crash => {
                drop(plan);
                std::panic::resume_unwind(Box::new(CrashMarker))
            }
        }
    }
}

pub fn open(path: &Path) -> Journal {
    Journal::open(path, Arc::new(TestClock::default()), |_| {}).unwrap()
}

pub fn new(id: Uuid, verb: &str) -> NewOperation {
    NewOperation { id, verb: verb.to_owned(), subject: Uuid::nil(), request: "{}".to_owned() }
}

/// Runs to the end, reopening the journal after each crash.
pub fn run_through(
    path: &Path,
    id: Uuid,
    steps: &[Step<World, Switch>],
    world: &World,
    plan: &Plan,
) -> (OperationState, Journal) {
    for _ in 0..20 {
        let journal = open(path);
        journal.request(new(id, "switch")).unwrap();
        let run = || journal.run(id, steps, world, Switch::default(), plan);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(ended) => return (ended.unwrap(), journal),
            Err(panic) => assert!(panic.is::<CrashMarker>(), "a real panic"),
        }
    }
    panic!("crashed more often than planned");
}
