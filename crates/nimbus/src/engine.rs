//! Everything that an operation works with, and the few things that several of them do: bring an installation up, take
//! it down, say how its requests are treated.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use domain::manifest::Egress;
use domain::{InstallationId, OperationId};
use journal::{Clock, Faults, Journal};
use keeper::protocol::Status;
use nimbus_api::edge::RouteMode;
use nimbus_api::{LayerReport, Millis, NimbusEventKind, Phase, Wanted};

use crate::Config;
use crate::apparmor;
use crate::disk::Disk;
use crate::error::NimbusError;
use crate::events::Events;
use crate::failures::FailedLogs;
use crate::history::History;
use crate::keepers::Keepers;
use crate::layers::Layers;
use crate::network;
use crate::queue::{Job, Queue};
use crate::registry::{self, Registry};
use crate::routes::Routes;
use crate::server::Server;
use crate::sheet;
use crate::spec::InstallationSpec;
use crate::volume::{Volume, VolumeConfig};
use crate::waits::Waits;

/// How long requests in flight may take to end before an application is stopped.
const DRAIN: Duration = Duration::from_secs(3);
/// How much longer the edge may take to say so.
const EDGE_PATIENCE: Duration = Duration::from_secs(2);
/// Pauses before a keeper that went missing is started again, by how often it went missing in a row.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
];
/// Milliseconds after which a loss is no longer counted to the one before.
const STEADY: Millis = 120_000;

/// One server's Nimbus.
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) volume: Volume,
    pub(crate) layers: Layers,
    pub(crate) journal: Journal,
    pub(crate) server: Server,
    pub(crate) registry: Registry,
    pub(crate) routes: Routes,
    pub(crate) keepers: Arc<Keepers>,
    pub(crate) events: Events,
    pub(crate) failures: FailedLogs,
    pub(crate) history: History,
    pub(crate) disk: Disk,
    pub(crate) queue: Queue,
    pub(crate) waits: Arc<Waits>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) faults: Box<dyn Faults>,
    pub(crate) reports: Vec<LayerReport>,
    notes: Mutex<Notes>,
    runtime: tokio::runtime::Handle,
    me: Weak<Engine>,
}

/// What is remembered of installations while Nimbus runs.
#[derive(Default)]
struct Notes {
    /// The phase that the last event told.
    phases: HashMap<InstallationId, Phase>,
    /// When a keeper last went missing, and how often in a row.
    losses: HashMap<InstallationId, (Millis, usize)>,
    /// The stuck operation of an installation.
    stuck: HashMap<InstallationId, OperationId>,
}

impl Engine {
    /// Opens everything on this server. Must be called within a tokio runtime.
    pub(crate) fn open(
        config: Config,
        faults: Box<dyn Faults>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, NimbusError> {
        let nimbus = config.data.join("nimbus");
        let volume = Volume::open(&VolumeConfig {
            image: nimbus.join("volume.img"),
            mount: config.data.join("volume"),
            bytes: config.volume_bytes,
            storage: None,
        })?;
        let mut reports = vec![volume.report()];
        reports.extend(network::prepare()?);
        reports.extend(sheet::sandbox_layers(apparmor::load()));
        let waits = Arc::new(Waits::default());
        let waiting = waits.clone();
        let journal = Journal::open(&nimbus.join("journal.sqlite"), clock.clone(), move |id| waiting.wake(id))?;
        let registry = Registry::open(&volume)?;
        let server = Server::open(&nimbus)?;
        let layers = Layers::open_for(&config.cache, &server.id.to_string(), &config.data, &config.cirrus)?;
        reports.push(sheet::cirrus(&layers));
        let events = Events::open(&nimbus.join("events.sqlite"), clock.clone())?;
        let disk = Disk::new(&nimbus, &events.after(0, usize::MAX));
        let failures = FailedLogs::open(nimbus.join("failed"))?;
        let runtime = tokio::runtime::Handle::current();
        Ok(Arc::new_cyclic(|me: &Weak<Engine>| {
            let engine = me.clone();
            let listener = move |id: InstallationId, status: Option<&Status>| {
                if let Some(engine) = engine.upgrade() {
                    engine.hear(id, status);
                }
            };
            let keepers = config.data.join("run/keepers");
            Self {
                keepers: Keepers::new(keepers, config.keeper.clone(), Box::new(listener)),
                routes: Routes::new(clock.now()),
                queue: Queue::default(),
                notes: Mutex::default(),
                me: me.clone(),
                config,
                volume,
                layers,
                journal,
                server,
                registry,
                events,
                failures,
                history: History::default(),
                disk,
                waits,
                clock,
                faults,
                reports,
                runtime,
            }
        }))
    }

    /// Sees to it that the installation's keeper runs as its specification says. Does not wait for its health.
    pub(crate) fn bring_up(&self, spec: &InstallationSpec) -> Result<(), NimbusError> {
        self.bring_up_as(spec, false)
    }

    /// The same for a version that is on trial: when it ends it stays down, until it was accepted by
    /// [`Engine::await_accepted`].
    pub(crate) fn try_out(&self, spec: &InstallationSpec) -> Result<(), NimbusError> {
        self.bring_up_as(spec, true)
    }

    /// The same for a person who asks: it starts now, with a clean record, also where its keeper waits before the next
    /// restart, or keeps one that fails its check. One that is healthy, or starts for the first time, is left alone.
    pub(crate) fn bring_up_now(&self, spec: &InstallationSpec) -> Result<(), NimbusError> {
        use keeper::protocol::Phase;
        let is_well = |s: &Status| s.phase == Phase::Healthy || (s.phase == Phase::Starting && s.restarts == 0);
        if self.keepers.status(spec.id).is_some_and(|status| !is_well(&status)) {
            self.take_down(spec)?;
        }
        self.bring_up(spec)
    }

    fn bring_up_as(&self, spec: &InstallationSpec, trial: bool) -> Result<(), NimbusError> {
        let app = self.layers.app(&spec.version.artifact)?;
        let manifest = &spec.version.manifest;
        let layers = self.layers.of(manifest)?;
        let slot = self.server.slot(spec.id)?;
        network::allow(slot, &manifest.egress)?;
        self.keepers.write_hosts(spec.id, &sheet::hosts(spec, slot))?;
        let sheet = sheet::keeper_spec(self, spec, slot, app, layers, trial);
        self.keepers.start(spec.id, &sheet)
    }

    /// Ends the installation's keeper and all it keeps; `spec` says how much time the application is given.
    pub(crate) fn take_down(&self, spec: &InstallationSpec) -> Result<(), NimbusError> {
        self.keepers.stop(spec.id, Duration::from_millis(spec.version.manifest.stop.grace_ms))
    }

    /// Drops the packet filter's rules of an installation that is gone, or asks for none any more. `spec` is what it
    /// was; only a list of destinations has rules.
    pub(crate) fn forget_egress(&self, id: InstallationId, spec: Option<&InstallationSpec>) -> Result<(), NimbusError> {
        let has_rules = spec.is_none_or(|spec| matches!(spec.version.manifest.egress, Egress::Only(_)));
        match self.server.known_slot(id) {
            Some(slot) if has_rules => Ok(network::forget(slot)?),
            _ => Ok(()),
        }
    }

    /// Tells the edge how to treat the installation's requests; the route's serial.
    pub(crate) fn set_route(&self, spec: &InstallationSpec, mode: RouteMode) -> Result<u64, NimbusError> {
        let slot = self.server.slot(spec.id)?;
        Ok(self.routes.set(sheet::route(&self.config.domain, spec, slot, mode)))
    }

    /// Keeps new requests waiting at the edge, and waits until those in flight have ended or their time is over.
    pub(crate) fn hold(&self, spec: &InstallationSpec) -> Result<(), NimbusError> {
        let drain_ms = u64::try_from(DRAIN.as_millis()).unwrap_or(u64::MAX);
        let serial = self.set_route(spec, RouteMode::Hold { drain_ms })?;
        self.routes.wait_applied(spec.id, serial, DRAIN + EDGE_PATIENCE);
        Ok(())
    }

    /// How the installation's requests are treated while no operation is under way.
    pub(crate) fn resting_mode(&self, spec: &InstallationSpec) -> RouteMode {
        let is_failed = || self.keepers.status(spec.id).is_some_and(|s| s.phase == keeper::protocol::Phase::Failed);
        match spec.wanted {
            Wanted::Running if is_failed() => RouteMode::Failed,
            Wanted::Running => RouteMode::Serve,
            Wanted::Stopped => RouteMode::Stopped,
        }
    }

    /// Lets requests through, or says that it is stopped or given up.
    pub(crate) fn rest(&self, spec: &InstallationSpec) -> Result<(), NimbusError> {
        let serial = self.set_route(spec, self.resting_mode(spec))?;
        self.routes.wait_applied(spec.id, serial, EDGE_PATIENCE);
        Ok(())
    }

    /// What ends each job about an installation: its requests are treated as they are while there is none. Not while
    /// an operation is stuck: then a person decides.
    pub(crate) fn settle(&self, id: InstallationId) {
        if self.stuck(id).is_some() {
            return;
        }
        let Some(spec) = self.registry.get(id) else { return };
        if let Err(error) = self.set_route(&spec, self.resting_mode(&spec)) {
            tracing::error!(%id, %error, "its route cannot be set");
        }
    }

    /// What is done after each job about an installation: a keeper that went missing meanwhile is started. Not while
    /// an operation is stuck.
    pub(crate) fn look_after(&self, id: InstallationId) {
        if self.stuck(id).is_some() {
            return;
        }
        let Some(spec) = self.registry.get(id) else { return };
        if spec.wanted == Wanted::Running && self.keepers.status(id).is_none() {
            self.tend_after_loss(id);
        }
    }

    /// Looks after an installation when no operation is under way.
    pub(crate) fn tend(&self, id: InstallationId) {
        if self.stuck(id).is_some() {
            return;
        }
        if let Err(error) = self.delete_expired(id) {
            tracing::error!(%id, %error, "copies whose time is over cannot be deleted");
        }
        let Some(spec) = self.registry.get(id) else { return };
        if spec.wanted == Wanted::Running && self.keepers.status(id).is_none() {
            tracing::info!(%id, name = %spec.name, "its keeper is started");
            if let Err(error) = self.bring_up(&spec) {
                tracing::error!(%id, name = %spec.name, %error, "its keeper cannot be started");
            }
        }
    }

    fn delete_expired(&self, id: InstallationId) -> Result<(), NimbusError> {
        let now = self.clock.now();
        for (name, record) in registry::snapshots(&self.volume, id)? {
            if record.is_expired(now) {
                self.volume.delete_snapshot(id, &name)?;
                let taken_at = record.taken_at;
                self.events.push(Some(id), NimbusEventKind::SnapshotExpired { taken_at });
            }
        }
        Ok(())
    }

    /// Hears of a keeper.
    fn hear(&self, id: InstallationId, status: Option<&Status>) {
        let phase = status.map_or(Phase::Stopped, |status| sheet::phase(status.phase));
        let before = self.notes().phases.insert(id, phase);
        if before != Some(phase) {
            let is_end = matches!(phase, Phase::Restarting | Phase::Failed | Phase::Stopped);
            let exit = status.filter(|_| is_end).and_then(|status| status.last_exit.clone());
            self.events.push(Some(id), NimbusEventKind::PhaseChanged { phase, exit });
        }
        let wanted = || self.registry.get(id).is_some_and(|spec| spec.wanted == Wanted::Running);
        // A job, so that the edge hears of it after whatever is under way. The first word of a keeper is heard while
        // it is started or adopted, where the route is seen to anyway.
        if phase == Phase::Failed && before.is_some_and(|before| before != phase) && wanted() {
            self.queue.push(id, Job::Tend);
        }
        if status.is_none() && !self.journal.is_halted() && !self.queue.is_busy(id) && wanted() {
            tracing::warn!(%id, "its keeper went missing");
            self.tend_after_loss(id);
        }
    }

    /// Tends it after a pause that grows with each loss in a row.
    fn tend_after_loss(&self, id: InstallationId) {
        let now = self.clock.now();
        let row = match self.notes().losses.get(&id) {
            Some((at, row)) if now.saturating_sub(*at) < STEADY => (row + 1).min(PAUSES.len() - 1),
            _ => 0,
        };
        self.notes().losses.insert(id, (now, row));
        let me = self.me.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(PAUSES[row]).await;
            if let Some(engine) = me.upgrade() {
                engine.queue.push(id, Job::Tend);
            }
        });
    }

    /// The stuck operation of an installation.
    pub(crate) fn stuck(&self, id: InstallationId) -> Option<OperationId> {
        self.notes().stuck.get(&id).copied()
    }

    /// Remembers that an operation is stuck, or no longer is.
    pub(crate) fn set_stuck(&self, id: InstallationId, operation: OperationId, is_stuck: bool) {
        let mut notes = self.notes();
        if is_stuck {
            notes.stuck.insert(id, operation);
        } else if notes.stuck.get(&id) == Some(&operation) {
            notes.stuck.remove(&id);
        }
    }

    /// Forgets everything of an installation that is gone.
    pub(crate) fn forget(&self, id: InstallationId) {
        self.registry.forget(id);
        self.routes.drop_route(id);
        let mut notes = self.notes();
        notes.phases.remove(&id);
        notes.losses.remove(&id);
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
