//! The disk of the server that carries the data volume's file, and how full the volume itself is.
//!
//! The file is sparse: the volume may grow into space that others have taken meanwhile. A write that the server's disk
//! then refuses is an I/O error for the file system inside, which at worst goes read-only for everybody. So it never
//! comes to that. Its bookkeeping has room of its own. Below a reserve nothing new is begun, and deleted data stays
//! where it is. In an emergency the data of every installation stops growing (its programs see their disk quota used
//! up, and can still read, overwrite and delete), and room that was set aside is given to those who need it: Nimbus's
//! journal, logs. All of it ends by itself when space is free again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::InstallationId;
use nimbus_api::{HostDisk, NimbusEvent, NimbusEventKind, Share, Warning};
use rustix::fs::{FallocateFlags, StatVfsMountFlags, fallocate, statvfs};

use crate::engine::Engine;

/// Between two looks; and when the disk may be full soon.
const EVERY: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_millis(200);
/// Looks after which the bookkeeping is given room anew: it may have grown.
const SECURED: u32 = 300;
/// The reserve: this much, or this part of the disk where that is more, but never more than that part.
const RESERVE: u64 = 1 << 30;
const RESERVE_PART: u64 = 50;
const RESERVE_MOST: u64 = 10;
/// What is set aside for an emergency: this part of the reserve, and no more bytes than these.
const BALLAST_PART: u64 = 4;
const BALLAST: u64 = 256 << 20;
/// By how much the data of one installation may still grow in an emergency.
const SLACK: (u64, u64) = (256 << 10, 16 << 20);
/// What is left free when room is given away.
const PIECE: u64 = 16 << 20;
/// Percent of the volume from which on it is warned of, and below which no more.
const FILLING: (u64, u64) = (85, 80);

/// How pressing it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// There is room.
    #[default]
    Fine,
    /// Less is free than the reserve: nothing new is begun.
    Low,
    /// So little is free that data must not grow any more.
    Emergency,
}

/// What was seen at one look.
#[derive(Clone, Debug, Default)]
struct Look {
    host: Option<HostDisk>,
    volume: Share,
    promised: u64,
    read_only: bool,
}

/// What is known of the disk.
pub(crate) struct Disk {
    /// A file of which nobody needs the content.
    ballast: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    level: Level,
    look: Look,
    warnings: Vec<Warning>,
    /// Whether deleted data stays where it is.
    keeps_deleted: bool,
    /// Looks since the bookkeeping was given room.
    looks: u32,
    /// Whether it is known that all data may grow.
    is_free: bool,
    /// The data that must not grow: which tree of which installation.
    curbed: HashMap<InstallationId, u64>,
}

impl Disk {
    /// What Nimbus keeps of it is in that directory, on the disk that is watched. `events` are those of a former Nimbus:
    /// what needed attention then is over only when this one says so.
    pub fn new(nimbus: &Path, events: &[NimbusEvent]) -> Self {
        let warnings = open_warnings(events);
        let has = |code: &str| warnings.iter().any(|warning| warning.code == code);
        let level = match (has("host-disk-emergency"), has("host-disk-low")) {
            (true, _) => Level::Emergency,
            (false, true) => Level::Low,
            (false, false) => Level::Fine,
        };
        let keeps_deleted = level != Level::Fine;
        let state = Mutex::new(State { level, warnings, keeps_deleted, ..State::default() });
        Self { ballast: nimbus.join("reserve"), state }
    }

    /// What a report says: the disk, and what needs attention.
    pub fn report(&self) -> (Option<HostDisk>, Vec<Warning>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.look.host, state.warnings.clone())
    }
}

/// Looks again and again until Nimbus ends.
pub(crate) async fn forever(engine: Arc<Engine>) {
    loop {
        let watching = engine.clone();
        let looked = tokio::task::spawn_blocking(move || {
            watching.look_at_disk();
            watching.disk.report().0
        });
        let host = looked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the disk cannot be watched");
            None
        });
        let is_short = host.is_some_and(|host| host.free < 2 * host.reserve);
        tokio::time::sleep(if is_short { SOON } else { EVERY }).await;
    }
}

impl Engine {
    /// Looks at the disk, does what has to be done, tells what has changed, and says how pressing it is.
    pub(crate) fn look_at_disk(&self) -> Level {
        let mut state = self.disk.state.lock().unwrap_or_else(PoisonError::into_inner);
        let look = self.look();
        let level = look.host.map_or(Level::Fine, |host| level(state.level, &host));
        if level != state.level {
            tracing::warn!(?level, host = ?look.host, "the server's disk");
        }
        state.look = look;
        self.secure(&mut state, level);
        match level {
            Level::Emergency => self.hold_growth(&mut state),
            _ => self.free_growth(&mut state),
        }
        if let (Level::Fine, true, Some(host)) = (level, state.is_free, state.look.host) {
            self.set_aside(&host);
        }
        let codes: Vec<&str> = state.warnings.iter().map(|warning| warning.code.as_str()).collect();
        let warnings = warnings(level, &state.look, &codes, &self.config.data);
        for warning in warnings.iter().filter(|warning| !codes.contains(&warning.code.as_str())) {
            self.events.push(None, NimbusEventKind::ServerWarning { warning: warning.clone(), over: false });
        }
        for warning in state.warnings.iter().filter(|old| !warnings.iter().any(|new| new.code == old.code)) {
            self.events.push(None, NimbusEventKind::ServerWarning { warning: warning.clone(), over: true });
        }
        (state.level, state.warnings) = (level, warnings);
        level
    }

    /// Refuses what takes up room, at a level or beyond; the reason for people.
    pub(crate) fn room(&self, refused_from: Level) -> Result<(), String> {
        if self.look_at_disk() < refused_from {
            return Ok(());
        }
        let (host, _) = self.disk.report();
        let host = host.unwrap_or_default();
        Err(format!(
            "this server's disk is nearly full: {} of {} are free, and {} are kept in reserve so that the data volume \
             can be written to; nothing was changed. Free space on the disk that carries {}, then try again",
            spoken(host.free),
            spoken(host.total),
            spoken(host.reserve),
            self.config.data.display()
        ))
    }

    fn look(&self) -> Look {
        let promised = self.registry.all().iter().map(|spec| spec.version.manifest.limits.disk).sum();
        let host = match statvfs(self.config.data.join("nimbus")) {
            Ok(found) => {
                let total = found.f_blocks * found.f_frsize;
                let free = found.f_bavail * found.f_frsize;
                Some(HostDisk { total, free, growth: self.volume.growth(), reserve: reserve(total) })
            }
            Err(error) => {
                tracing::error!(%error, "the server's disk cannot be looked at");
                None
            }
        };
        let volume = statvfs(self.volume.mount());
        let read_only = volume.is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY));
        Look { host, volume: self.volume.usage(), promised, read_only }
    }

    /// Sees to it that the volume's bookkeeping has room of its own and keeps it, without taking what is kept free for
    /// others.
    fn secure(&self, state: &mut State, level: Level) {
        let keep_deleted = level != Level::Fine;
        if keep_deleted != state.keeps_deleted {
            match self.volume.discard(!keep_deleted) {
                Ok(()) => state.keeps_deleted = keep_deleted,
                Err(error) => tracing::error!(%error, "the volume cannot be mounted with other options"),
            }
        }
        let is_due = state.looks.is_multiple_of(SECURED) || level > state.level;
        state.looks = state.looks.wrapping_add(1);
        let Some(host) = state.look.host.filter(|host| is_due && host.growth > 0) else { return };
        let floor = match level {
            Level::Fine => eased(host.reserve),
            Level::Low => 2 * ballast(host.reserve),
            Level::Emergency => 0,
        };
        let directory = self.config.data.join("nimbus");
        let may_go_on = || statvfs(&directory).is_ok_and(|found| found.f_bavail * found.f_frsize > floor + PIECE);
        match self.volume.secure(&may_go_on) {
            Ok(true) => {}
            Ok(false) => tracing::warn!("the volume's bookkeeping has no room of its own: a full disk would hurt it"),
            Err(error) => tracing::error!(%error, "the volume's bookkeeping cannot be given room of its own"),
        }
    }

    /// Lets no data grow any more, after the room that was set aside is given back: saying so needs some.
    fn hold_growth(&self, state: &mut State) {
        match fs::remove_file(&self.disk.ballast) {
            // A journaling file system gives the room back with its next commit: now.
            Ok(()) => sync_directory_of(&self.disk.ballast),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::error!(%error, "the reserve is not given back")
            }
            _ => {}
        }
        state.is_free = false;
        let ids: Vec<InstallationId> = self.registry.all().iter().map(|spec| spec.id).collect();
        let room = state.look.host.map_or(0, |host| ballast(host.reserve)) / 2;
        let slack = (room / (ids.len() as u64).max(1)).clamp(SLACK.0, SLACK.1);
        for id in ids {
            // A switch or a restore may have put another tree in its place.
            let Some(tree) = self.volume.tree(id).filter(|tree| state.curbed.get(&id) != Some(tree)) else { continue };
            match self.volume.curb(id, Some(slack)) {
                Ok(()) => drop(state.curbed.insert(id, tree)),
                Err(error) => tracing::error!(%id, %error, "its data cannot be kept from growing"),
            }
        }
    }

    /// Lets data grow again, also where a former Nimbus had kept it from growing: room is set aside only while no data
    /// is kept from growing.
    fn free_growth(&self, state: &mut State) {
        if state.is_free {
            return;
        }
        let never_held = state.curbed.is_empty() && self.disk.ballast.exists();
        let specs = if never_held { Vec::new() } else { self.registry.all() };
        state.is_free = true;
        for spec in specs {
            if let Err(error) = self.volume.curb(spec.id, None) {
                tracing::error!(id = %spec.id, %error, "its data is still kept from growing");
                state.is_free = false;
            }
        }
        if state.is_free {
            state.curbed.clear();
        }
    }

    /// Sets room aside for an emergency, when there is plenty.
    fn set_aside(&self, host: &HostDisk) {
        let bytes = ballast(host.reserve);
        if host.growth == 0 || host.free < eased(host.reserve) + bytes || self.disk.ballast.exists() {
            return;
        }
        let path = &self.disk.ballast;
        match File::create(path) {
            // A file system that cannot set room aside has none to give back.
            Ok(file) => match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
                Ok(()) => {}
                Err(error) => tracing::info!(%error, "no room is set aside for an emergency"),
            },
            Err(error) => tracing::error!(path = %path.display(), %error, "no room can be set aside for an emergency"),
        }
    }
}

fn sync_directory_of(path: &Path) {
    let synced = File::open(path.parent().unwrap_or(Path::new("/"))).and_then(|directory| directory.sync_all());
    if let Err(error) = synced {
        tracing::warn!(%error, path = %path.display(), "the room that was set aside is given back late");
    }
}

/// The warnings that were told and are not over.
fn open_warnings(events: &[NimbusEvent]) -> Vec<Warning> {
    let mut open: Vec<Warning> = Vec::new();
    for event in events {
        if let NimbusEventKind::ServerWarning { warning, over } = &event.what {
            open.retain(|known| known.code != warning.code);
            if !over {
                open.push(warning.clone());
            }
        }
    }
    open
}

/// Bytes that are kept free of a disk of that size.
fn reserve(total: u64) -> u64 {
    RESERVE.max(total / RESERVE_PART).min(total / RESERVE_MOST)
}

/// Bytes that are set aside.
fn ballast(reserve: u64) -> u64 {
    (reserve / BALLAST_PART).min(BALLAST)
}

/// What must be free for a shortage to be over: it does not begin again at once.
fn eased(reserve: u64) -> u64 {
    reserve + reserve / 4
}

/// How pressing it is, after it was `before`.
fn level(before: Level, host: &HostDisk) -> Level {
    // Giving back what was set aside must not look like the end of the emergency.
    let emergency = ballast(host.reserve) * if before == Level::Emergency { 2 } else { 1 };
    let low = if before == Level::Fine { host.reserve } else { eased(host.reserve) };
    match host.free {
        free if free < emergency && host.growth > 0 => Level::Emergency,
        free if free < low => Level::Low,
        _ => Level::Fine,
    }
}

/// What needs attention, the most pressing first; `before` are the codes of what did already.
fn warnings(level: Level, look: &Look, before: &[&str], data: &Path) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code: &str, message: String| warnings.push(Warning { code: code.to_owned(), message });
    let host = look.host.unwrap_or_default();
    let place = data.display();
    let (free, total) = (spoken(host.free), spoken(host.total));
    if look.read_only {
        warn(
            "volume-read-only",
            format!(
                "the data volume is read-only after an error of the disk under it: installations cannot write. See the \
                 kernel's log, free space on the disk that carries {place}, then stop everything and start it again"
            ),
        );
    }
    if level == Level::Emergency {
        warn(
            "host-disk-emergency",
            format!(
                "the server's disk is full: {free} of {total} are free. The data of installations is kept from growing \
                 until space is free on the disk that carries {place}"
            ),
        );
    }
    if level >= Level::Low {
        let reserve = spoken(host.reserve);
        warn(
            "host-disk-low",
            format!(
                "the server's disk is nearly full: {free} of {total} are free, {reserve} are kept in reserve. Nothing is \
                 installed, deployed or backed up until space is free on the disk that carries {place}"
            ),
        );
    }
    let Share { total: size, taken } = look.volume;
    let percent = if before.contains(&"volume-filling") { FILLING.1 } else { FILLING.0 };
    if size > 0 && taken.saturating_mul(100) >= size.saturating_mul(percent) {
        warn(
            "volume-filling",
            format!(
                "the data volume is filling up: {} of {} are taken, and installations may use {} in all. Remove \
                 backups or installations that are not needed, or take another server",
                spoken(taken),
                spoken(size),
                spoken(look.promised)
            ),
        );
    }
    let needed = host.growth + if before.contains(&"host-disk-overcommitted") { host.growth / 20 } else { 0 };
    if level == Level::Fine && look.host.is_some() && needed > host.free {
        let growth = spoken(host.growth);
        warn(
            "host-disk-overcommitted",
            format!(
                "the data volume may still grow by {growth}, but only {free} are free on the disk that carries {place}. \
                 Keep other files off it, or free space"
            ),
        );
    }
    warnings
}

/// Bytes for people.
pub(crate) fn spoken(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..10_737_418_240 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn host(free: u64) -> HostDisk {
        HostDisk { total: 20 << 30, free: free * MIB, growth: 1 << 30, reserve: reserve(20 << 30) }
    }

    #[test]
    fn the_reserve_suits_the_disk() {
        let sizes = [1 << 30, 8 << 30, 20 << 30, 50 << 30, 1 << 40];
        assert_eq!(sizes.map(|total| reserve(total) / MIB), [102, 819, 1024, 1024, 20_971]);
        assert_eq!([102 * MIB, 1 << 30, 20 << 30].map(|reserve| ballast(reserve) / 1024), [26_112, 262_144, 262_144]);
    }

    #[test]
    fn a_shortage_begins_and_ends_once() {
        let mut now = Level::Fine;
        for (free, then) in [
            (5000, Level::Fine),
            (1024, Level::Fine),
            (1023, Level::Low),
            (1100, Level::Low),
            (1280, Level::Fine),
            (300, Level::Low),
            (255, Level::Emergency),
            // What was set aside is given back.
            (511, Level::Emergency),
            (512, Level::Low),
            (0, Level::Emergency),
            (5000, Level::Fine),
        ] {
            now = level(now, &host(free));
            assert_eq!(now, then, "{free} MiB");
        }
        let full = HostDisk { growth: 0, ..host(0) };
        assert_eq!(level(Level::Low, &full), Level::Low, "a volume that has all its room is not in danger");
    }

    #[test]
    fn what_a_former_nimbus_warned_of_is_known() {
        let event = |code: &str, over| {
            let warning = Warning { code: code.to_owned(), message: String::new() };
            NimbusEvent {
                sequence: 1,
                at: 1,
                installation: None,
                what: NimbusEventKind::ServerWarning { warning, over },
            }
        };
        let disk = |events: &[NimbusEvent]| {
            let disk = Disk::new(Path::new("/none"), events);
            let state = disk.state.into_inner().unwrap();
            (state.level, state.warnings.len())
        };
        let low = [event("host-disk-low", false), event("host-disk-emergency", false), event("host-disk-low", false)];
        assert_eq!(
            (disk(&[]), disk(&low[..1]), disk(&low)),
            ((Level::Fine, 0), (Level::Low, 1), (Level::Emergency, 2))
        );
        let over = [&low[..], &[event("host-disk-emergency", true), event("host-disk-low", true)]].concat();
        assert_eq!(disk(&over), (Level::Fine, 0));
    }

    #[test]
    fn a_warning_says_what_to_do_and_stays_until_it_is_clearly_over() {
        let codes = |level, look: &Look, before: &[&str]| -> Vec<String> {
            warnings(level, look, before, Path::new("/data")).into_iter().map(|warning| warning.code).collect()
        };
        let mut look =
            Look { host: Some(host(5000)), volume: Share { total: 100, taken: 84 }, promised: 300, read_only: false };
        assert_eq!(codes(Level::Fine, &look, &[]), [""; 0]);
        assert_eq!(codes(Level::Fine, &look, &["volume-filling"]), ["volume-filling"]);
        look.volume.taken = 85;
        look.host = Some(host(1000));
        assert_eq!(codes(Level::Fine, &look, &[]), ["volume-filling", "host-disk-overcommitted"]);
        look.host = Some(host(1050));
        assert_eq!(codes(Level::Fine, &look, &["host-disk-overcommitted"])[1..], ["host-disk-overcommitted"]);
        look.read_only = true;
        let all = ["volume-read-only", "host-disk-emergency", "host-disk-low", "volume-filling"];
        assert_eq!(codes(Level::Emergency, &look, &[]), all);
        for warning in warnings(Level::Emergency, &look, &[], Path::new("/data")) {
            assert!(warning.message.contains("/data") || warning.code == "volume-filling", "{warning:?}");
        }
    }
}
