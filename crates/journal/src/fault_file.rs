//! Fault plans in a file, for tests that kill the process that reads them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::faults::{Fault, FaultPlan, Faults, Moment};

/// A file with one fault a line, written as in [`FaultPlan`]. A fault is struck out before it happens, so that it happens
/// once even when it is a kill and the next process reads the same file.
#[derive(Debug)]
pub struct FaultFile {
    path: PathBuf,
    turn: Mutex<()>,
}

impl FaultFile {
    /// The plan in this file; a file that is not there plans nothing.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), turn: Mutex::new(()) }
    }

    /// Takes the first fault for this moment out of the file.
    fn take(&self, verb: &str, step: &str, moment: Moment) -> std::io::Result<Fault> {
        let text = fs::read_to_string(&self.path)?;
        let mut taken = Fault::Continue;
        let left = text.lines().filter(|line| {
            if taken == Fault::Continue
                && let Ok(plan) = line.parse::<FaultPlan>()
            {
                taken = plan.at(verb, step, moment);
                return taken == Fault::Continue;
            }
            true
        });
        let left = left.map(|line| format!("{line}\n")).collect::<String>();
        if taken != Fault::Continue {
            fs::File::create(&self.path)?.write_all(left.as_bytes())?;
        }
        Ok(taken)
    }
}

impl Faults for FaultFile {
    fn at(&self, verb: &str, step: &str, moment: Moment) -> Fault {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.take(verb, step, moment).unwrap_or(Fault::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_once_and_the_others_stay_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("faults");
        fs::write(&path, "switch.stop.after-do=kill\nswitch.check.before-do=fail\n").unwrap();
        let first = FaultFile::new(&path);
        assert_eq!(first.at("switch", "stop", Moment::BeforeDo), Fault::Continue);
        assert_eq!(first.at("switch", "stop", Moment::AfterDo), Fault::Kill);
        let next = FaultFile::new(&path);
        assert_eq!(next.at("switch", "stop", Moment::AfterDo), Fault::Continue);
        assert_eq!(fs::read_to_string(&path).unwrap(), "switch.check.before-do=fail\n");
        assert_eq!(next.at("switch", "check", Moment::BeforeDo), Fault::Fail);
    }
}
