//! Runs an operation from wherever it is to its end.

use std::time::Duration;

use domain::state::OperationState;
use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::faults::kill_self;
use crate::records::{Position, digest};
use crate::{Direction, Fault, Faults, Journal, JournalError, Moment, Step, StepError};

/// Pauses before an undo, or a step behind the point of no return, is tried again.
const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(2)];

/// The error of a step that was under way when Nimbus was killed, or its machine lost power.
const INTERRUPTED: &str = "interrupted when Nimbus ended; it is done again";

/// What a record says beyond the position.
#[derive(Default)]
struct Record {
    /// The last step ended, perhaps with an error.
    ended: Option<Option<String>>,
    /// This one begins.
    begins: Option<(&'static str, Direction)>,
    /// The operation's state is now this.
    state: Option<OperationState>,
}

struct Run<'a, C: ?Sized, S> {
    journal: &'a Journal,
    id: Uuid,
    steps: &'a [Step<C, S>],
    context: &'a C,
    faults: &'a dyn Faults,
    position: Position,
    state: S,
}

impl Journal {
    /// Runs the operation to its end and returns how it ended: finished, undone or stuck.
    ///
    /// One that was left in the middle is taken up in the step that was under way, in the direction it had. `initial`
    /// is the state of one that has not begun. An error means that it could not be recorded how far it is; it is to
    /// be run again.
    pub fn run<C: ?Sized, S: Serialize + DeserializeOwned>(
        &self,
        id: Uuid,
        steps: &[Step<C, S>],
        context: &C,
        initial: S,
        faults: &dyn Faults,
    ) -> Result<OperationState, JournalError> {
        let position = self.position(id)?;
        if position.state.is_final() {
            return Ok(position.state);
        }
        let state = match &position.progress {
            Some(text) => serde_json::from_str(text).map_err(|source| JournalError::State { id, source })?,
            None => initial,
        };
        Run { journal: self, id, steps, context, faults, position, state }.drive()
    }
}

impl<C: ?Sized, S: Serialize> Run<'_, C, S> {
    fn drive(mut self) -> Result<OperationState, JournalError> {
        let (mut index, mut direction) = match self.position.step.take() {
            None => (0, Direction::Do),
            Some((name, direction, ended)) => {
                let found = self.steps.iter().position(|step| step.name == name);
                let index = found.ok_or(JournalError::NoSuchStep { id: self.id, step: name })?;
                // One that was under way is begun anew: what interrupted it is on record.
                let interrupted = (!ended).then(|| Some(INTERRUPTED.to_owned()));
                self.record(Record { ended: interrupted, state: Some(OperationState::Running), ..Record::default() })?;
                (index, direction)
            }
        };
        let mut ended = None;
        loop {
            let back = direction == Direction::Undo;
            if !back && index == self.steps.len() {
                return self.end(ended, OperationState::Finished);
            }
            if self.journal.is_halted() {
                // Left as under way: at the next start the step is done again, which is harmless.
                return Err(JournalError::Halted);
            }
            self.record(Record { ended, begins: Some((self.steps[index].name, direction)), state: None })?;
            match self.attempt(index, direction) {
                Ok(()) if back && index == 0 => return self.end(Some(None), OperationState::Undone),
                Ok(()) => {
                    index = if back { index - 1 } else { index + 1 };
                    ended = Some(None);
                }
                // Whatever was interrupted by the halt is done again at the next start.
                Err(_) if self.journal.is_halted() => return Err(JournalError::Halted),
                Err(error) if back || self.is_beyond_return(index) => {
                    if let Some(why) = self.insist(index, direction, error)? {
                        return self.stuck(index, direction, &why);
                    }
                    // It worked in the end: the next turn records it as ended.
                    ended = Some(None);
                    if back && index == 0 {
                        return self.end(ended, OperationState::Undone);
                    }
                    index = if back { index - 1 } else { index + 1 };
                }
                Err(error) => {
                    let why = error.to_string();
                    self.position.error = Some(why.clone());
                    ended = Some(Some(why));
                    direction = Direction::Undo;
                }
            }
        }
    }

    /// Tries a step that must succeed again and again; the reason when it does not.
    fn insist(&mut self, index: usize, direction: Direction, first: StepError) -> Result<Option<String>, JournalError> {
        let mut why = first.to_string();
        for pause in PAUSES {
            let begins = Some((self.steps[index].name, direction));
            self.journal.clock.sleep(pause);
            self.record(Record { ended: Some(Some(why)), begins, state: None })?;
            match self.attempt(index, direction) {
                Ok(()) => return Ok(None),
                Err(_) if self.journal.is_halted() => return Err(JournalError::Halted),
                Err(error) => why = error.to_string(),
            }
        }
        Ok(Some(why))
    }

    /// Once, with the faults that a test asks for.
    fn attempt(&mut self, index: usize, direction: Direction) -> Result<(), StepError> {
        let step = &self.steps[index];
        let (before, after, work) = match direction {
            Direction::Do => (Moment::BeforeDo, Moment::AfterDo, step.act),
            Direction::Undo => (Moment::BeforeUndo, Moment::AfterUndo, step.undo),
        };
        for _ in 0..self.times(step.name, before)? {
            work(self.context, &mut self.state)?;
        }
        for _ in 1..self.times(step.name, after)? {
            work(self.context, &mut self.state)?;
        }
        Ok(())
    }

    /// How often the work is to be done.
    fn times(&self, step: &str, moment: Moment) -> Result<u32, StepError> {
        match self.faults.at(&self.position.verb, step, moment) {
            Fault::Skip => Ok(0),
            Fault::Continue => Ok(1),
            Fault::Twice => Ok(2),
            Fault::Kill => kill_self(),
            Fault::Fail => Err(StepError::new(format!("failed on purpose, {} of {step}", moment.as_str()))),
        }
    }

    fn is_beyond_return(&self, index: usize) -> bool {
        self.steps[..=index].iter().any(|step| step.point_of_no_return)
    }

    fn stuck(&mut self, index: usize, direction: Direction, why: &str) -> Result<OperationState, JournalError> {
        let name = self.steps[index].name;
        let first = first_reason(self.position.error.take()).map_or(String::new(), |first| format!("{FIRST}{first}"));
        self.position.error = Some(match direction {
            Direction::Do => format!("step \"{name}\" cannot be finished and there is no way back from it: {why}"),
            Direction::Undo => format!("step \"{name}\" cannot be undone: {why}{first}"),
        });
        self.end(Some(Some(why.to_owned())), OperationState::Stuck)
    }

    fn end(&mut self, ended: Option<Option<String>>, state: OperationState) -> Result<OperationState, JournalError> {
        match state {
            OperationState::Finished => self.position.error = None,
            OperationState::Undone => self.position.error = first_reason(self.position.error.take()),
            OperationState::Running | OperationState::Stuck => {}
        }
        self.record(Record { ended, begins: None, state: Some(state) })?;
        Ok(state)
    }

    /// Puts on disk how far it is. One transaction carries the end of one step and the beginning of the next.
    fn record(&mut self, record: Record) -> Result<(), JournalError> {
        if let Some(to) = record.state {
            let changed = self.position.state.advance(to);
            self.position.state = changed.map_err(|error| JournalError::Write(error.to_string()))?;
        }
        let before = self.position.sequence;
        if record.begins.is_some() {
            self.position.sequence += 1;
        }
        let progress = serde_json::to_string(&self.state);
        let progress = progress.map_err(|source| JournalError::State { id: self.id, source })?;
        let over = self.position.state.is_final();
        let progress = (!over).then_some(progress);
        let (arrival, sequence) = (self.position.arrival, self.position.sequence);
        let (state, error) = (self.position.state, self.position.error.clone());
        let now = self.journal.clock.now() as i64;
        let ended_at = (state != OperationState::Running).then_some(now);
        self.journal.writer.write(move |db| {
            if let Some(error) = record.ended {
                db.prepare_cached("UPDATE steps SET ended_at = ?, error = ? WHERE operation = ? AND sequence = ?")?
                    .execute(params![now, error, arrival, before])?;
            }
            if let Some((name, direction)) = record.begins {
                db.prepare_cached(
                    "INSERT INTO steps (operation, sequence, name, direction, began_at) VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![arrival, sequence, name, direction.as_str(), now])?;
            }
            db.prepare_cached(
                "UPDATE operations SET state = ?, progress = ?, sequence = ?, error = ?, ended_at = ? \
                 WHERE arrival = ?",
            )?
            .execute(params![state.as_str(), progress, sequence, error, ended_at, arrival])?;
            if over {
                forget_request(db, arrival)?;
            }
            Ok(())
        })?;
        self.journal.tell(self.id);
        Ok(())
    }
}

/// What was asked may hold secrets. Of what is over only its digest is kept, by which the same request is known again.
fn forget_request(db: &Connection, arrival: i64) -> Result<(), JournalError> {
    let request: String =
        db.query_row("SELECT request FROM operations WHERE arrival = ?", [arrival], |row| row.get(0))?;
    db.execute("UPDATE operations SET request = ? WHERE arrival = ?", params![digest(&request), arrival])?;
    Ok(())
}

/// Joins the reason of a stuck undo with the reason for undoing.
const FIRST: &str = "; it was being undone because: ";

/// The reason for undoing, also when a stuck undo's reason stands before it.
fn first_reason(error: Option<String>) -> Option<String> {
    error.map(|error| error.split_once(FIRST).map(|(_, first)| first.to_owned()).unwrap_or(error))
}
