//! Faults on purpose, at every step and moment: how tests show that a kill anywhere ends finished or undone.

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

/// Ends this process as a kernel would, without any clean-up.
pub(crate) fn kill_self() -> ! {
    let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    tracing::error!(?killed, "still alive after SIGKILL");
    std::process::abort()
}
