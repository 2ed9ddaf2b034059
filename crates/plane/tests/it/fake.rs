//! A server in memory whose outcomes a test decides. It keeps the promises of Nimbus that the control plane relies on:
//! the same id twice is the same operation, and an archive must be there before an operation that needs it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use domain::state::OperationState;
use domain::{ArtifactHash, InstallationId, OperationId, ServerId};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use nimbus_api::{
    DayUsage, Direction, ExecFrame, ExecRequest, HistoryPoint, HistoryRange, HistoryReport, InstallationReport,
    LogLine, NimbusEvent, NimbusEventKind, OperationReport, OperationRequest, Phase, ServerReport, Share,
    SnapshotReason, SnapshotReport, StepReport, VersionSpec, VolumeReport, Wanted, Warning, Work,
};
use plane::server::{Asked, ByteStream, Server, ServerError};
use tokio::sync::watch;

/// What a test decides about an operation.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It succeeds.
    Finish,
    /// It fails and is undone.
    Undo(&'static str),
    /// It fails, and so does undoing it.
    Stuck(&'static str),
    /// It goes on until [`Fake::end`].
    Hold,
    /// It is refused.
    Refuse(u16, &'static str, &'static str),
}

/// What the data of every installation is.
#[derive(Clone)]
pub enum Data {
    /// These pieces.
    Pieces(Vec<Result<Bytes, &'static str>>),
    /// No end of it.
    Endless,
    /// It cannot be packed.
    Refused,
}

type Script = Box<dyn FnMut(&OperationRequest) -> Outcome + Send>;

struct Inner {
    up: bool,
    artifacts: HashSet<ArtifactHash>,
    sent: u32,
    installations: BTreeMap<InstallationId, InstallationReport>,
    operations: HashMap<OperationId, (OperationRequest, OperationReport)>,
    asked: Vec<(OperationId, OperationRequest)>,
    script: Script,
    retries_end: Outcome,
    keeps_logs: bool,
    warnings: Vec<Warning>,
    used: HashMap<InstallationId, Vec<DayUsage>>,
    data: Data,
    running: usize,
    most_running: usize,
    events: Vec<NimbusEvent>,
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// The server.
pub struct Fake {
    pub id: ServerId,
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
    made: Arc<AtomicU64>,
    reading: Arc<()>,
    /// How long a successful operation takes.
    pub pace: Duration,
}

fn away() -> ServerError {
    ServerError::Unreachable("the fake server is down".into())
}

fn refuse(status: u16, code: &str, message: &str) -> ServerError {
    ServerError::Refused { status, code: code.into(), message: message.into() }
}

impl Fake {
    pub fn new(clock: Arc<dyn Fn() -> u64 + Send + Sync>) -> Arc<Self> {
        Arc::new(Self {
            id: ServerId::new(),
            inner: Mutex::new(Inner {
                up: true,
                artifacts: HashSet::new(),
                sent: 0,
                installations: BTreeMap::new(),
                operations: HashMap::new(),
                asked: Vec::new(),
                script: Box::new(|_| Outcome::Finish),
                retries_end: Outcome::Finish,
                keeps_logs: true,
                warnings: Vec::new(),
                used: HashMap::new(),
                data: Data::Pieces(vec![Ok(Bytes::from_static(b"an archive"))]),
                running: 0,
                most_running: 0,
                events: Vec::new(),
                clock,
            }),
            changes: watch::Sender::new(0),
            made: Arc::default(),
            reading: Arc::default(),
            pace: Duration::from_millis(10),
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.inner.lock().unwrap());
        self.changes.send_modify(|count| *count += 1);
        result
    }

    pub fn set_up(&self, up: bool) {
        self.with(|inner| inner.up = up);
    }

    pub fn script(&self, script: impl FnMut(&OperationRequest) -> Outcome + Send + 'static) {
        self.with(|inner| inner.script = Box::new(script));
    }

    /// How taking up a stuck operation ends.
    pub fn retries_end(&self, outcome: Outcome) {
        self.with(|inner| inner.retries_end = outcome);
    }

    /// What failed installs wrote is gone.
    pub fn forget_logs(&self) {
        self.with(|inner| inner.keeps_logs = false);
    }

    /// Something about the server needs attention.
    pub fn warn(&self, warning: Warning) {
        self.with(|inner| inner.warnings.push(warning));
    }

    /// What an installation used, day by day.
    pub fn used(&self, id: InstallationId, days: Vec<DayUsage>) {
        self.with(|inner| inner.used.insert(id, days));
    }

    /// What the data of every installation is from now on.
    pub fn holds(&self, data: Data) {
        self.with(|inner| inner.data = data);
    }

    /// Bytes of endless archives that were asked for.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }

    /// Archives that are being read.
    pub fn reading(&self) -> usize {
        Arc::strong_count(&self.reading) - 1
    }

    pub fn forget_artifacts(&self) {
        self.with(|inner| inner.artifacts.clear());
    }

    pub fn sent(&self) -> u32 {
        self.with(|inner| inner.sent)
    }

    /// Every operation that was begun, in order.
    pub fn asked(&self) -> Vec<(OperationId, OperationRequest)> {
        self.with(|inner| inner.asked.clone())
    }

    pub fn most_running(&self) -> usize {
        self.with(|inner| inner.most_running)
    }

    pub async fn wait_running(&self, count: usize) -> Vec<OperationId> {
        let mut changes = self.changes.subscribe();
        tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let running = {
                    let inner = self.inner.lock().unwrap();
                    let all = inner.operations.values();
                    all.filter(|(_, r)| r.state == OperationState::Running).map(|(_, r)| r.id).collect::<Vec<_>>()
                };
                if running.len() >= count {
                    return running;
                }
                changes.changed().await.unwrap();
            }
        })
        .await
        .expect("operations were to begin")
    }

    /// Ends an operation that was held or stuck.
    pub fn end(&self, id: OperationId, outcome: Outcome) {
        self.with(|inner| inner.end(id, outcome));
    }

    /// An event of the server.
    /// From now on an installation's data has that size.
    pub fn set_disk(&self, installation: InstallationId, bytes: u64) {
        self.with(|inner| inner.installations.get_mut(&installation).unwrap().disk = Some(bytes));
    }

    pub fn emit(&self, installation: Option<InstallationId>, what: NimbusEventKind) {
        self.with(|inner| {
            let (sequence, at) = (inner.events.len() as u64 + 1, (inner.clock)());
            inner.events.push(NimbusEvent { sequence, at, installation, what });
        });
    }

    fn if_up<T>(&self, ask: impl FnOnce(&mut Inner) -> Result<T, ServerError>) -> Result<T, ServerError> {
        let mut inner = self.inner.lock().unwrap();
        if !inner.up {
            return Err(away());
        }
        ask(&mut inner)
    }
}

fn snapshot(reason: SnapshotReason, report: &InstallationReport, at: u64, keep: Option<u64>) -> SnapshotReport {
    SnapshotReport {
        name: format!("copy-{at}-{}", report.snapshots.len()),
        reason,
        backup: None,
        version: report.version,
        artifact: "0".repeat(64).parse().unwrap(),
        taken_at: at,
        expires_at: keep.map(|seconds| at + seconds * 1000),
    }
}

impl Inner {
    fn put(&mut self, id: OperationId, request: &OperationRequest) -> Result<(OperationReport, bool), ServerError> {
        if let Some((known, report)) = self.operations.get(&id) {
            if known != request {
                return Err(refuse(409, "other-operation", "this id is another operation's"));
            }
            return Ok((report.clone(), false));
        }
        if let Work::Install { version, .. } | Work::Switch { version, .. } = &request.work
            && !self.artifacts.contains(&version.artifact)
        {
            return Err(refuse(409, "unknown-artifact", "put the archive first"));
        }
        if !matches!(request.work, Work::Install { .. }) && !self.installations.contains_key(&request.installation) {
            return Err(refuse(404, "unknown-installation", "there is no such installation"));
        }
        let outcome = (self.script)(request);
        if let Outcome::Refuse(status, code, message) = outcome {
            return Err(refuse(status, code, message));
        }
        self.asked.push((id, request.clone()));
        let at = (self.clock)();
        let step = |name: &str| StepReport {
            name: name.into(),
            direction: Direction::Do,
            began_at: at,
            ended_at: Some(at),
            error: None,
        };
        let report = OperationReport {
            id,
            installation: request.installation,
            verb: request.work.verb().into(),
            state: OperationState::Running,
            steps: vec![step("hold"), step("stop")],
            error: None,
            requested_at: at,
            ended_at: None,
        };
        self.operations.insert(id, (request.clone(), report.clone()));
        self.running += 1;
        self.most_running = self.most_running.max(self.running);
        let at_once = !matches!(outcome, Outcome::Hold);
        if !matches!(outcome, Outcome::Hold | Outcome::Finish) {
            self.end(id, outcome);
            return Ok((self.operations[&id].1.clone(), false));
        }
        Ok((report, at_once))
    }

    fn end(&mut self, id: OperationId, outcome: Outcome) {
        let at = (self.clock)();
        let Some((request, report)) = self.operations.get_mut(&id) else { return };
        if report.state == OperationState::Running {
            self.running -= 1;
        }
        let (state, error) = match outcome {
            Outcome::Finish => (OperationState::Finished, None),
            Outcome::Undo(why) => (OperationState::Undone, Some(why.to_owned())),
            Outcome::Stuck(why) => (OperationState::Stuck, Some(why.to_owned())),
            Outcome::Hold | Outcome::Refuse(..) => return,
        };
        report.state = report.state.advance(state).unwrap();
        report.error = error;
        report.ended_at = state.is_final().then_some(at);
        let name = if state == OperationState::Finished { "release" } else { "check" };
        report.steps.push(StepReport {
            name: name.into(),
            direction: Direction::Do,
            began_at: at,
            ended_at: Some(at + 7),
            error: report.error.clone(),
        });
        let request = request.clone();
        if state == OperationState::Finished {
            self.apply(&request, at);
        }
    }

    fn apply(&mut self, request: &OperationRequest, at: u64) {
        let id = request.installation;
        if let Work::Install { name, version, .. } = &request.work {
            let VersionSpec { app, number, .. } = (**version).clone();
            let report = InstallationReport {
                id,
                name: name.clone(),
                app,
                version: number,
                wanted: Wanted::Running,
                phase: Phase::Healthy,
                since: at,
                address: None,
                pid: Some(1),
                restarts: 0,
                last_exit: None,
                memory: None,
                disk: None,
                snapshots: Vec::new(),
            };
            self.installations.insert(id, report);
            return;
        }
        if request.work == Work::Remove {
            self.installations.remove(&id);
            return;
        }
        let Some(report) = self.installations.get_mut(&id) else { return };
        match &request.work {
            Work::Start | Work::Restart => (report.wanted, report.phase) = (Wanted::Running, Phase::Healthy),
            Work::Stop => (report.wanted, report.phase) = (Wanted::Stopped, Phase::Stopped),
            Work::Switch { version, keep_seconds, .. } => {
                let copy = snapshot(SnapshotReason::BeforeSwitch, report, at, Some(*keep_seconds));
                report.snapshots.push(copy);
                report.version = version.number;
            }
            Work::Rollback { keep_seconds } => {
                let last = report.snapshots.iter().rposition(|s| s.reason == SnapshotReason::BeforeSwitch).unwrap();
                let copy = snapshot(SnapshotReason::BeforeRollback, report, at, Some(*keep_seconds));
                report.version = report.snapshots.remove(last).version;
                report.snapshots.push(copy);
            }
            Work::Backup { backup } => {
                let mut copy = snapshot(SnapshotReason::Backup, report, at, None);
                copy.backup = Some(*backup);
                copy.name = format!("backup-{backup}");
                report.snapshots.push(copy);
            }
            Work::Restore { snapshot: name, code, keep_seconds } => {
                let copy = snapshot(SnapshotReason::BeforeRestore, report, at, Some(*keep_seconds));
                let from = report.snapshots.iter().find(|known| known.name == *name).unwrap();
                report.version = if *code { from.version } else { report.version };
                report.snapshots.push(copy);
            }
            Work::ForgetBackup { backup } => report.snapshots.retain(|s| s.backup != Some(*backup)),
            Work::Configure { .. } | Work::Install { .. } | Work::Remove => {}
        }
    }
}

fn log_line(n: u32) -> std::io::Result<Bytes> {
    let line = LogLine { at: u64::from(n), stream: "out".into(), text: format!("line {n}") };
    Ok(Bytes::from(serde_json::to_string(&line).unwrap() + "\n"))
}

/// The fake behind a handle that its own tasks can hold.
pub struct Shared(pub Arc<Fake>);

impl Server for Shared {
    fn report(&self) -> Asked<'_, ServerReport> {
        let id = self.0.id;
        let report = ServerReport {
            id,
            host: "fake".into(),
            version: "0".into(),
            cpus_milli: Share { total: 2000, taken: 0 },
            memory: Share { total: 1 << 30, taken: 0 },
            disk: Share { total: 1 << 30, taken: 0 },
            storage: "fake".into(),
            layers: Vec::new(),
            installations: 0,
            edge_connected: true,
            disk_promised: 0,
            host_disk: None,
            warnings: self.0.with(|inner| inner.warnings.clone()),
            volume: Some(VolumeReport { id: id.to_string(), path: "/srv/fake".into(), image: None, created_at: 1 }),
        };
        Box::pin(async move { self.0.if_up(|_| Ok(report)) })
    }

    fn has_artifact<'a>(&'a self, hash: &'a ArtifactHash) -> Asked<'a, bool> {
        Box::pin(async move { self.0.if_up(|inner| Ok(inner.artifacts.contains(hash))) })
    }

    fn put_artifact<'a>(&'a self, hash: &'a ArtifactHash, path: &'a Path) -> Asked<'a, ()> {
        Box::pin(async move {
            assert!(path.is_file(), "{}", path.display());
            self.0.if_up(|inner| {
                inner.artifacts.insert(hash.clone());
                inner.sent += 1;
                Ok(())
            })
        })
    }

    fn put_operation<'a>(&'a self, id: OperationId, request: &'a OperationRequest) -> Asked<'a, OperationReport> {
        Box::pin(async move {
            let (report, finishes) = self.0.if_up(|inner| inner.put(id, request))?;
            self.0.with(|_| ());
            if finishes {
                let fake = self.0.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(fake.pace).await;
                    fake.end(id, Outcome::Finish);
                });
            }
            Ok(report)
        })
    }

    fn operation(&self, id: OperationId, wait_seconds: u64, seen: usize) -> Asked<'_, Option<OperationReport>> {
        Box::pin(async move {
            let mut changes = self.0.changes.subscribe();
            let until = tokio::time::Instant::now() + Duration::from_secs(wait_seconds);
            loop {
                let report = self.0.if_up(|inner| Ok(inner.operations.get(&id).map(|(_, report)| report.clone())))?;
                let news = report.as_ref().is_none_or(|r| r.state != OperationState::Running || r.steps.len() > seen);
                if news || tokio::time::timeout_at(until, changes.changed()).await.is_err() {
                    return Ok(report);
                }
            }
        })
    }

    fn retry(&self, id: OperationId) -> Asked<'_, OperationReport> {
        Box::pin(async move {
            let report = self.0.if_up(|inner| {
                let outcome = inner.retries_end.clone();
                inner.end(id, outcome);
                Ok(inner.operations[&id].1.clone())
            })?;
            self.0.emit(None, NimbusEventKind::OperationEnded { operation: id, state: report.state });
            Ok(report)
        })
    }

    fn installations(&self) -> Asked<'_, Vec<InstallationReport>> {
        Box::pin(async { self.0.if_up(|inner| Ok(inner.installations.values().cloned().collect())) })
    }

    fn installation(&self, id: InstallationId) -> Asked<'_, Option<InstallationReport>> {
        Box::pin(async move { self.0.if_up(|inner| Ok(inner.installations.get(&id).cloned())) })
    }

    /// One stretch of each range.
    fn history(&self, id: InstallationId, range: HistoryRange) -> Asked<'_, HistoryReport> {
        Box::pin(async move {
            self.0.if_up(|inner| match inner.installations.contains_key(&id) {
                true => Ok(()),
                false => Err(refuse(404, "unknown-installation", "there is no such installation")),
            })?;
            let step_seconds = range.step_seconds();
            let point = HistoryPoint {
                at: 1_795_000_000_000,
                awake_seconds: step_seconds,
                memory: 10 << 20,
                memory_peak: 12 << 20,
                cpu_ms: 20,
                disk: 1 << 20,
                restarts: 0,
                requests: 3,
                classes: [0, 2, 0, 1, 0],
                bytes_in: 100,
                bytes_out: 2000,
                p50_ms: Some(1.5),
                p95_ms: Some(7.5),
            };
            Ok(HistoryReport { step_seconds, points: vec![point] })
        })
    }

    fn usage(&self, id: InstallationId) -> Asked<'_, Vec<DayUsage>> {
        Box::pin(async move {
            self.0.if_up(|inner| match inner.installations.contains_key(&id) {
                true => Ok(inner.used.get(&id).cloned().unwrap_or_default()),
                false => Err(refuse(404, "unknown-installation", "there is no such installation")),
            })
        })
    }

    fn archive(&self, id: InstallationId, copy: Option<String>) -> Asked<'_, ByteStream> {
        Box::pin(async move {
            self.0.if_up(|inner| match (inner.installations.get(&id), &copy) {
                (Some(_), None) => Ok(()),
                (Some(report), Some(name)) if report.snapshots.iter().any(|known| known.name == *name) => Ok(()),
                _ => Err(refuse(404, "unknown-copy", "there is no such copy")),
            })?;
            let (made, reading) = (self.0.made.clone(), self.0.reading.clone());
            match self.0.with(|inner| inner.data.clone()) {
                Data::Pieces(pieces) => Ok(stream::iter(pieces).map(|piece| piece.map_err(io::Error::other)).boxed()),
                Data::Endless => Ok(stream::repeat_with(move || {
                    // It ends with whoever reads it.
                    let _held = &reading;
                    made.fetch_add(64 << 10, Ordering::SeqCst);
                    Ok(Bytes::from_static(&[7; 64 << 10]))
                })
                .boxed()),
                Data::Refused => Err(refuse(422, "not-packable", "a socket cannot be packed")),
            }
        })
    }

    fn logs(&self, id: InstallationId, lines: u32, _follow: bool) -> Asked<'_, ByteStream> {
        Box::pin(async move {
            self.0.if_up(|inner| match inner.installations.contains_key(&id) || inner.keeps_logs {
                true => Ok(()),
                false => Err(refuse(404, "unknown-installation", "there is no such installation")),
            })?;
            Ok(stream::iter((0..lines).map(log_line)).boxed())
        })
    }

    fn operation_log(&self, id: OperationId, lines: u32) -> Asked<'_, Option<ByteStream>> {
        Box::pin(async move {
            let failed = self.0.if_up(|inner| Ok(inner.operations[&id].1.state == OperationState::Undone))?;
            Ok(failed.then(|| stream::iter((0..lines).map(log_line)).boxed()))
        })
    }

    fn exec(
        &self,
        _id: InstallationId,
        request: ExecRequest,
        input: BoxStream<'static, Bytes>,
    ) -> Asked<'_, ByteStream> {
        Box::pin(async move {
            self.0.if_up(|_| Ok(()))?;
            let first = ExecFrame::Out(Bytes::from(request.command.join(" "))).encode();
            let echo = input.map(|piece| Ok(ExecFrame::Out(piece).encode()));
            let exit = stream::iter([Ok(ExecFrame::Exit(3).encode())]);
            Ok(stream::iter([Ok(first)]).chain(echo).chain(exit).boxed())
        })
    }

    fn events(&self, after: u64) -> Asked<'_, BoxStream<'static, Result<NimbusEvent, ServerError>>> {
        Box::pin(async move {
            self.0.if_up(|_| Ok(()))?;
            let (fake, changes) = (self.0.clone(), self.0.changes.subscribe());
            let events = stream::unfold((fake, changes, after), |(fake, mut changes, after)| async move {
                loop {
                    changes.mark_unchanged();
                    let (up, next) = {
                        let inner = fake.inner.lock().unwrap();
                        (inner.up, inner.events.iter().find(|event| event.sequence > after).cloned())
                    };
                    if !up {
                        return None;
                    }
                    if let Some(event) = next {
                        let after = event.sequence;
                        return Some((Ok(event), (fake, changes, after)));
                    }
                    changes.changed().await.ok()?;
                }
            });
            Ok(events.boxed())
        })
    }
}
