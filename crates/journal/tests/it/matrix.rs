//! Every step, every moment, every fault.

use domain::state::OperationState;
use journal::{Direction, Fault, Moment, Step};
use uuid::Uuid;

use crate::toy::{BROKEN, Plan, Planned, REMOVE, STEPS, Switch, World, run_through};

const FAULTS: [Planned; 3] = [Planned::Do(Fault::Fail), Planned::Do(Fault::Twice), Planned::Crash];

/// Every plan that is to end in finished or undone.
fn plans(steps: &[Step<World, Switch>]) -> Vec<Vec<(&'static str, Moment, Planned, u32)>> {
    let mut plans = vec![Vec::new()];
    for (index, step) in steps.iter().enumerate() {
        for moment in [Moment::BeforeDo, Moment::AfterDo] {
            plans.extend(FAULTS.map(|fault| vec![(step.name, moment, fault, 1)]));
            let failure = (step.name, moment, Planned::Do(Fault::Fail), 1);
            for undone in &steps[..=index] {
                for moment in [Moment::BeforeUndo, Moment::AfterUndo] {
                    plans.extend(FAULTS.map(|fault| vec![failure, (undone.name, moment, fault, 1)]));
                    plans.push(vec![failure, (undone.name, moment, Planned::Crash, 3)]);
                }
            }
        }
    }
    plans
}

/// Runs one plan; what is wrong with its end, if anything.
fn complaint(steps: &[Step<World, Switch>], plan: &[(&'static str, Moment, Planned, u32)]) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let world = World::before();
    let (state, _) =
        run_through(&directory.path().join("journal.sqlite"), Uuid::now_v7(), steps, &world, &Plan::of(plan));
    let whole = match state {
        OperationState::Finished => world.is_as_asked(),
        OperationState::Undone => world.is_as_before(),
        OperationState::Running | OperationState::Stuck => false,
    };
    let fails = plan.iter().any(|(_, _, fault, _)| *fault == Planned::Do(Fault::Fail));
    let expected = if fails { OperationState::Undone } else { OperationState::Finished };
    (!whole || state != expected).then(|| format!("{plan:?} ended {state} with {:?}", world.0.lock().unwrap()))
}

#[test]
fn whatever_happens_it_ends_finished_or_undone() {
    let plans = plans(STEPS);
    assert!(plans.len() > 200, "{}", plans.len());
    let complaints: Vec<_> = plans.iter().filter_map(|plan| complaint(STEPS, plan)).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_broken_undo_is_caught() {
    let caught = plans(BROKEN).iter().any(|plan| complaint(BROKEN, plan).is_some());
    assert!(caught, "the checker would not notice anything");
}

#[test]
fn an_undo_that_goes_on_failing_is_stuck_until_it_works() {
    for step in STEPS {
        let directory = tempfile::tempdir().unwrap();
        let (path, id, world) = (directory.path().join("journal.sqlite"), Uuid::now_v7(), World::before());
        let fail = Planned::Do(Fault::Fail);
        let plan = Plan::of(&[("check", Moment::BeforeDo, fail, 1), (step.name, Moment::BeforeUndo, fail, 8)]);

        let (state, journal) = run_through(&path, id, STEPS, &world, &plan);
        assert_eq!(state, OperationState::Stuck);
        let error = journal.find(id).unwrap().unwrap().error.unwrap();
        assert!(error.contains(&format!("step \"{}\" cannot be undone", step.name)), "{error}");
        assert!(error.ends_with("because: failed on purpose, before-do of check"), "{error}");
        let tries = |journal: &journal::Journal| {
            let steps = journal.find(id).unwrap().unwrap().steps;
            steps.iter().filter(|s| s.name == step.name && s.direction == Direction::Undo).count()
        };
        assert_eq!(tries(&journal), 4);
        drop(journal);

        assert_eq!(run_through(&path, id, STEPS, &world, &plan).0, OperationState::Stuck, "taken up and stuck again");
        let (state, journal) = run_through(&path, id, STEPS, &world, &plan);
        assert_eq!(state, OperationState::Undone);
        assert_eq!(journal.find(id).unwrap().unwrap().error.unwrap(), "failed on purpose, before-do of check");
        assert_eq!(tries(&journal), 9);
        assert!(world.is_as_before());
    }
}

#[test]
fn behind_the_point_of_no_return_nothing_is_undone() {
    for step in ["delete", "forget"] {
        for (moment, times, states) in [
            (Moment::BeforeDo, 1, &[OperationState::Finished][..]),
            (Moment::AfterDo, 3, &[OperationState::Finished]),
            (Moment::AfterDo, 4, &[OperationState::Stuck, OperationState::Finished]),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let (path, id, world) = (directory.path().join("journal.sqlite"), Uuid::now_v7(), World::before());
            let plan = Plan::of(&[(step, moment, Planned::Do(Fault::Fail), times)]);
            for expected in states {
                let (state, journal) = run_through(&path, id, REMOVE, &world, &plan);
                assert_eq!(state, *expected, "{step} {moment:?} {times}");
                let steps = journal.find(id).unwrap().unwrap().steps;
                assert!(steps.iter().all(|step| step.direction == Direction::Do));
            }
            assert!(world.0.lock().unwrap().is_empty());
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let world = World::before();
    let plan = Plan::of(&[("stop", Moment::AfterDo, Planned::Do(Fault::Fail), 1)]);
    let (state, _) = run_through(&directory.path().join("j"), Uuid::now_v7(), REMOVE, &world, &plan);
    assert_eq!(state, OperationState::Undone, "before it there is a way back");
    assert!(world.is_as_before());
}
