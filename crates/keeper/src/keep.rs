//! The loop: waits for whatever comes first, does what can be done at once, and tells what changed.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sandbox::{SandboxError, TerminalSize, network};

use crate::application::{Application, TURN_BYTES, describe};
use crate::clock;
use crate::connection::Role;
use crate::directory;
use crate::error::{KeeperError, Result};
use crate::executions::Executions;
use crate::health::{Health, Verdict};
use crate::logs::{Logs, Moment, Stream};
use crate::policy::{After, Due, Policy};
use crate::protocol::{ExecEnded, Phase, Request, Spec, Status, TOO_LATE, Terminal};
use crate::server::{ClientId, Server, Wish};

/// How often to read what a dead application left in its pipes: they hold at most a mebibyte (`pipe-max-size`).
const LAST_TURNS: usize = 1024 * 1024 / TURN_BYTES;

/// Everything a keeper knows.
pub(crate) struct Keeper {
    pub(crate) dir: PathBuf,
    pub(crate) spec: Spec,
    /// Held for as long as this keeper lives.
    pub(crate) lock: OwnedFd,
    /// The server's network namespace, where this keeper was born.
    pub(crate) home: OwnedFd,
    pub(crate) signals: SignalFd,
    pub(crate) server: Server,
    pub(crate) logs: Logs,
    pub(crate) policy: Policy,
    pub(crate) health: Option<Health>,
    /// Durations are since then.
    pub(crate) begin: Instant,
    pub(crate) application: Option<Application>,
    pub(crate) executions: Executions,
    pub(crate) ending: Option<Ending>,
    /// Whether the application ever ran: what never ran for a reason of its own will not run later.
    pub(crate) ran: bool,
    /// Why the keeper killed it.
    pub(crate) killed_for: Option<String>,
    pub(crate) status: Status,
}

/// A stop under way.
pub(crate) struct Ending {
    /// When the application is killed; absent once it was.
    kill_at: Option<Duration>,
}

/// What is ready.
enum Source {
    Signals,
    Application,
    Pipe(Stream),
    Health,
    Listener,
    Client(ClientId),
    Execution(ClientId),
}

impl Keeper {
    /// Keeps the application until it is stopped, and removes everything of it.
    pub(crate) fn run(mut self) -> Result<()> {
        loop {
            self.act();
            if self.ending.is_some() && self.application.is_none() {
                return self.finish();
            }
            self.publish();
            for source in self.wait()? {
                self.handle(source);
            }
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    pub(crate) fn remark(&mut self, text: &str) {
        let moment = self.moment();
        self.logs.remark(text, moment);
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now(), wall_ms: clock::wall_ms() }
    }

    /// Waits until something is ready or due.
    fn wait(&mut self) -> Result<Vec<Source>> {
        let now = self.now();
        let logs_ready = self.logs.ready_at(now);
        let mut sources = vec![Source::Signals];
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        let mut add = |source, fd, flags| {
            sources.push(source);
            fds.push(PollFd::from_borrowed_fd(fd, flags));
        };
        if let Some(application) = &self.application {
            add(Source::Application, application.sandbox.pidfd(), PollFlags::IN);
            for pipe in application.pipes.iter().filter(|_| logs_ready <= now) {
                add(Source::Pipe(pipe.stream), pipe.fd(), PollFlags::IN);
            }
        }
        if let Some((fd, flags)) = self.health.as_ref().and_then(Health::interest) {
            add(Source::Health, fd, flags);
        }
        for (client, fd, flags) in self.server.interests(now) {
            add(client.map_or(Source::Listener, Source::Client), fd, flags);
        }
        for (client, fd) in self.executions.interests() {
            add(Source::Execution(client), fd, PollFlags::IN);
        }
        let throttled = (logs_ready > now && self.application.is_some()).then_some(logs_ready);
        let deadlines = [
            throttled,
            self.logs.deadline(),
            self.policy.deadline(),
            self.health.as_ref().and_then(Health::deadline),
            self.server.deadline(now),
            self.executions.deadline(),
            self.ending.as_ref().and_then(|ending| ending.kill_at),
        ];
        let timeout = deadlines.into_iter().flatten().min().map(|deadline| deadline.saturating_sub(now));
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(KeeperError::io("cannot wait for events")(error)),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        Ok(sources.into_iter().zip(ready).filter_map(|(source, ready)| ready.then_some(source)).collect())
    }

    fn handle(&mut self, source: Source) {
        match source {
            Source::Signals => self.receive_signals(),
            Source::Application => self.bury(),
            Source::Pipe(stream) => {
                let moment = self.moment();
                if let Some(application) = &mut self.application {
                    application.read(stream, |bytes| self.logs.take(stream, bytes, moment));
                }
            }
            // `act` asks it in every turn.
            Source::Health => {}
            Source::Listener => self.server.accept(self.begin.elapsed()),
            Source::Client(client) => match self.server.serve(client) {
                Some(Wish::Request(request, descriptors)) => self.obey(client, request, descriptors),
                Some(Wish::Gone) => self.abandon(client),
                None => {}
            },
            Source::Execution(client) => {
                let now = self.now();
                let sandbox = self.application.as_ref().map(|application| &application.sandbox);
                if let Some(ended) = self.executions.ended(client, sandbox, now) {
                    self.server.answer(client, &ended);
                }
            }
        }
    }

    fn receive_signals(&mut self) {
        while let Ok(Some(info)) = self.signals.read_signal() {
            match Signal::try_from(info.ssi_signo as i32) {
                Ok(Signal::SIGTERM) => self.end("asked to end by SIGTERM"),
                Ok(Signal::SIGCHLD) => self.reap_strangers(),
                // A terminal's Ctrl-C and hang-up are not meant for applications.
                _ => {}
            }
        }
    }

    /// Reaps children that are none of ours but became so because their parents died.
    fn reap_strangers(&self) {
        use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
        let application = self.application.as_ref().map(|application| application.sandbox.pid());
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        // Whoever is known is reaped where it is watched; behind it others may wait for the next signal.
        while let Ok(status) = waitid(Id::All, flags | WaitPidFlag::WNOWAIT) {
            let Some(pid) = status.pid().filter(|_| status != WaitStatus::StillAlive) else { return };
            let number = pid.as_raw().unsigned_abs();
            if Some(number) == application || self.executions.has(number) || waitid(Id::Pid(pid), flags).is_err() {
                return;
            }
        }
    }

    /// Does what is due.
    fn act(&mut self) {
        let now = self.now();
        match self.policy.due(now) {
            Some(Due::Start) => self.start(),
            Some(Due::Kill) => {
                let timeout = self.spec.health.as_ref().map_or(0, |health| health.start_timeout_ms);
                let check = self.status.last_check.clone().unwrap_or_else(|| "no check was answered".to_owned());
                self.kill(format!("{TOO_LATE}{}: {check}", clock::spoken(timeout)));
            }
            None => {}
        }
        self.check(now);
        self.executions.act(self.application.as_ref().map(|application| &application.sandbox), now);
        if let Some(Ending { kill_at: kill_at @ Some(_) }) = &mut self.ending
            && kill_at.is_some_and(|kill_at| now >= kill_at)
        {
            *kill_at = None;
            let grace = self.spec.stop_grace_ms;
            self.kill(format!("it did not end within {}", clock::spoken(grace)));
        }
        let moment = self.moment();
        self.logs.tick(moment, false);
        self.server.drop_late(now);
    }

    fn check(&mut self, now: Duration) {
        let Some(health) = &mut self.health else { return };
        match health.step(now) {
            Some(Verdict::Pass) => {
                health.settle(now);
                self.pass(now);
            }
            Some(Verdict::Fail(reason)) => {
                let was = self.policy.phase();
                let kill = self.policy.failed(now);
                if was != Phase::Starting {
                    self.remark(&format!("unhealthy: {reason}"));
                }
                self.status.last_check = Some(reason.clone());
                if kill {
                    self.kill(format!("unhealthy: {reason}"));
                }
            }
            None => {}
        }
    }

    fn pass(&mut self, now: Duration) {
        let was = self.policy.phase();
        self.policy.passed(now);
        if was == self.policy.phase() {
            return;
        }
        if was == Phase::Starting {
            // That it was not yet there while it started is no news.
            self.status.last_check = None;
        }
        self.remark("healthy");
    }

    fn start(&mut self) {
        let now = self.now();
        self.policy.starting(now);
        self.publish();
        match Application::start(&self.spec.sandbox) {
            Ok(application) => {
                let now = self.now();
                self.ran = true;
                self.policy.started(now);
                self.remark(&format!("started as process {}", application.sandbox.pid()));
                self.status.pid = Some(application.sandbox.pid());
                self.application = Some(application);
                if let Some(health) = &mut self.health {
                    health.begin(now);
                }
            }
            Err(error) => self.could_not_start(&error),
        }
    }

    fn could_not_start(&mut self, error: &SandboxError) {
        let last_exit = format!("could not be started: {error}");
        self.remark(&last_exit);
        self.status.last_exit = Some(last_exit);
        let hopeless = !self.ran
            && matches!(
                error,
                SandboxError::Command(_) | SandboxError::Specification(_) | SandboxError::Missing { .. }
            );
        let after = if hopeless { self.policy.give_up() } else { self.policy.died(self.now()) };
        self.remark_after(after);
    }

    fn kill(&mut self, reason: String) {
        let Some(application) = &self.application else { return };
        match application.sandbox.kill() {
            Ok(()) => self.remark(&format!("killed: {reason}")),
            Err(error) => self.remark(&format!("cannot be killed ({reason}): {error}")),
        }
        self.killed_for = Some(reason);
    }

    /// The application died: reaps it and removes its sandbox.
    fn bury(&mut self) {
        let Some(mut application) = self.application.take() else { return };
        let exit = application.sandbox.wait();
        let moment = self.moment();
        for stream in [Stream::Out, Stream::Err].repeat(LAST_TURNS) {
            application.read(stream, |bytes| self.logs.take(stream, bytes, moment));
        }
        self.logs.tick(moment, true);
        let mut last_exit = describe(exit, application.sandbox.was_oom_killed());
        if let Some(reason) = self.killed_for.take() {
            last_exit = format!("{last_exit}: {reason}");
        }
        self.remark(&format!("ended: {last_exit}"));
        self.status.last_exit = Some(last_exit);
        self.status.pid = None;
        if let Some(health) = &mut self.health {
            health.end();
        }
        for (client, ended) in self.executions.end_all() {
            self.server.answer(client, &ended);
        }
        if let Err(error) = application.sandbox.remove() {
            self.remark(&format!("its sandbox cannot be removed: {error}"));
        }
        let after = self.policy.died(self.now());
        self.remark_after(after);
        // Watchers hear of it even if it is started again at once.
        self.publish();
    }

    fn remark_after(&mut self, after: After) {
        match after {
            After::Restart(Duration::ZERO) => self.remark("restarting at once"),
            After::Restart(delay) => self.remark(&format!("restarting in {}", clock::spoken(clock::to_ms(delay)))),
            After::GiveUp => self.remark("gave up: it is not started again until somebody asks for it"),
            After::Reject => self.remark("not started again: it was on trial"),
            After::Nothing => {}
        }
    }

    fn obey(&mut self, client: ClientId, request: Request, descriptors: Vec<OwnedFd>) {
        match request {
            Request::Status => {
                self.refresh();
                let status = self.status.clone();
                self.server.answer(client, &status);
            }
            Request::Accept => {
                if self.policy.accept() {
                    self.remark("accepted");
                }
                self.refresh();
                let status = self.status.clone();
                self.server.answer(client, &status);
            }
            Request::Watch => {
                self.server.assign(client, Role::Watching(None));
                self.publish();
            }
            Request::Stop => {
                self.server.assign(client, Role::Stopping);
                self.end("asked to end");
            }
            Request::Exec { command, terminal } => self.execute(client, &command, terminal, descriptors),
        }
    }

    fn execute(
        &mut self,
        client: ClientId,
        command: &[String],
        terminal: Option<TerminalSize>,
        descriptors: Vec<OwnedFd>,
    ) {
        self.server.assign(client, Role::Executing);
        let application = self.application.as_ref().filter(|_| self.ending.is_none());
        let sandbox = (application.map(|application| &application.sandbox), &self.spec.sandbox);
        match (self.executions.begin(client, sandbox, command, terminal, descriptors), terminal) {
            (Ok(Some(master)), Some(terminal)) => {
                if !self.server.hand(client, &Terminal { terminal }, &master) {
                    self.abandon(client);
                }
            }
            (Ok(_), _) => {}
            (Err(error), _) => self.server.answer(client, &ExecEnded { status: 127, error: Some(error) }),
        }
    }

    fn abandon(&mut self, client: ClientId) {
        let now = self.now();
        self.executions.abandon(client, self.application.as_ref().map(|application| &application.sandbox), now);
    }

    /// Begins to end the application, in whatever state it is.
    fn end(&mut self, why: &str) {
        if self.ending.is_some() {
            return;
        }
        self.remark(why);
        self.refresh();
        self.policy.stop();
        if let Some(health) = &mut self.health {
            health.end();
        }
        let signalled = self.application.as_ref().map(|application| application.sandbox.signal(self.spec.stop_signal));
        let grace = match signalled {
            Some(Err(error)) if !matches!(error, SandboxError::Ended) => {
                self.remark(&format!("cannot be asked to end: {error}"));
                Duration::ZERO
            }
            _ => Duration::from_millis(self.spec.stop_grace_ms),
        };
        self.ending = Some(Ending { kill_at: Some(self.now().saturating_add(grace)) });
    }

    /// Brings the status up to date. While it is being ended the phase stays: it is not stopped before it is.
    fn refresh(&mut self) {
        let phase = if self.ending.is_some() { self.status.phase } else { self.policy.phase() };
        self.set_phase(phase);
        self.status.restarts = self.policy.restarts();
    }

    fn set_phase(&mut self, phase: Phase) {
        if self.status.phase != phase {
            self.status.phase = phase;
            self.status.since = clock::wall_ms();
        }
    }

    fn publish(&mut self) {
        self.refresh();
        self.server.publish(&self.status);
    }

    /// Removes what is left and tells everybody. The lock is let go before the clients' connections are closed, so that
    /// whoever sees the end of its connection can start another keeper.
    fn finish(mut self) -> Result<()> {
        let left = self.remove_network();
        if let Err(error) = &left {
            self.remark(&error.to_string());
        }
        self.remark("stopped");
        let moment = self.moment();
        self.logs.tick(moment, true);
        let unlinked = directory::unlink(&self.dir);
        self.set_phase(Phase::Stopped);
        self.server.publish_end(&self.status);
        drop(self.lock);
        unlinked.map_err(KeeperError::io("cannot remove the socket"))?;
        left
    }

    /// Now, from the server's namespace: left to itself the link would go some time after this process.
    fn remove_network(&self) -> Result<()> {
        let Some(spec) = &self.spec.sandbox.network else { return Ok(()) };
        move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(KeeperError::io("cannot return to the server's network to remove the sandbox's link"))?;
        network::remove(&spec.interface)
            .map_err(|source| KeeperError::Sandbox { what: "cannot remove the sandbox's link".to_owned(), source })
    }
}

/// A status before anything happened.
pub(crate) fn first_status() -> Status {
    Status {
        phase: Phase::Starting,
        since: clock::wall_ms(),
        pid: None,
        keeper: std::process::id(),
        restarts: 0,
        last_exit: None,
        last_check: None,
    }
}
