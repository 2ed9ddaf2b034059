//! Faults on purpose, at every step and moment: how tests show that a kill anywhere ends finished or undone.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// When a fault is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The step is recorded as begun; nothing of it is done.
    BeforeDo,
    /// All of it is done; that is not recorded yet.
    AfterDo,
    /// Its undo is recorded as begun; nothing is undone.
    BeforeUndo,
    /// All of it is undone; that is not recorded yet.
    AfterUndo,
}

impl Moment {
    /// Every moment.
    pub const ALL: [Self; 4] = [Self::BeforeDo, Self::AfterDo, Self::BeforeUndo, Self::AfterUndo];

    /// The moment as text: `before-do`, `after-do`, `before-undo`, `after-undo`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeforeDo => "before-do",
            Self::AfterDo => "after-do",
            Self::BeforeUndo => "before-undo",
            Self::AfterUndo => "after-undo",
        }
    }
}

/// What happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing out of the ordinary.
    Continue,
    /// The step fails here.
    Fail,
    /// The process kills itself with SIGKILL.
    Kill,
    /// What the moment comes before or after is done a second time.
    Twice,
    /// Before it: it is left out, and recorded as done. A bug on purpose, to show that a test would see one.
    Skip,
}

/// Decides on faults.
pub trait Faults: Send + Sync {
    /// What is to happen in this step of this verb at this moment.
    fn at(&self, verb: &str, step: &str, moment: Moment) -> Fault;
}

/// No faults: what everybody but a test wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn at(&self, _: &str, _: &str, _: Moment) -> Fault {
        Fault::Continue
    }
}

/// Faults as a text asks for them: `verb.step.moment=fault` joined by commas, such as
/// `switch.check.before-do=fail,switch.stop.after-undo=kill`. A fault is `fail`, `kill`, `twice` or `skip` and happens
/// once; `fail:8` happens eight times.
#[derive(Debug, Default)]
pub struct FaultPlan(Mutex<Vec<Planned>>);

#[derive(Debug)]
struct Planned {
    verb: String,
    step: String,
    moment: Moment,
    fault: Fault,
    left: u32,
}

/// A text that is no fault plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no fault: write verb.step.moment=fault, as in switch.check.before-do=fail:2")]
pub struct BadFault(String);

impl FromStr for FaultPlan {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        let one = |text: &str| -> Option<Planned> {
            let (at, fault) = text.split_once('=')?;
            let (fault, left) = fault.split_once(':').unwrap_or((fault, "1"));
            let fault = match fault {
                "fail" => Fault::Fail,
                "kill" => Fault::Kill,
                "twice" => Fault::Twice,
                "skip" => Fault::Skip,
                _ => return None,
            };
            let [verb, step, moment] = at.split('.').collect::<Vec<_>>().try_into().ok()?;
            let moment = Moment::ALL.into_iter().find(|known| known.as_str() == moment)?;
            Some(Planned { verb: verb.into(), step: step.into(), moment, fault, left: left.parse().ok()? })
        };
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let plan = parts.map(|part| one(part).ok_or_else(|| BadFault(part.to_owned()))).collect::<Result<_, _>>()?;
        Ok(Self(Mutex::new(plan)))
    }
}

impl Faults for FaultPlan {
    fn at(&self, verb: &str, step: &str, moment: Moment) -> Fault {
        let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |p: &&mut Planned| p.left > 0 && p.verb == verb && p.step == step && p.moment == moment;
        plan.iter_mut().find(fits).map_or(Fault::Continue, |planned| {
            planned.left -= 1;
            planned.fault
        })
    }
}

/// Ends this process as a kernel would, without any clean-up.
pub(crate) fn kill_self() -> ! {
    let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    tracing::error!(?killed, "still alive after SIGKILL");
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_happens_where_and_how_often() {
        let plan: FaultPlan = "switch.check.before-do=fail:2, remove.stop.after-undo=kill".parse().unwrap();
        assert_eq!(plan.at("switch", "stop", Moment::BeforeDo), Fault::Continue);
        for expected in [Fault::Fail, Fault::Fail, Fault::Continue] {
            assert_eq!(plan.at("switch", "check", Moment::BeforeDo), expected);
        }
        assert_eq!(plan.at("remove", "stop", Moment::AfterUndo), Fault::Kill);
        for bad in ["switch", "switch.check=fail", "switch.check.never=fail", "a.b.after-do=explode"] {
            assert!(bad.parse::<FaultPlan>().is_err(), "{bad}");
        }
    }
}
