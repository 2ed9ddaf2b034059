//! What each installation used: sampled every ten seconds, added up to five minutes, hours and days, and written to the
//! volume every five minutes, each record in its place. In memory are only the samples since the last writing and the
//! stretches that are not over.

mod file;
mod record;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::InstallationId;
use nimbus_api::edge::Served;
use nimbus_api::latency::{Histogram, STEPS};
use nimbus_api::{DayUsage, HistoryPoint, HistoryRange};
use sandbox::Meter;

use crate::engine::Engine;
use file::{DAY, DAYS, HOUR, MONTH, Ring};
use record::Record;

/// Samples that wait for a volume that takes no writes; older ones are dropped.
const WAITING: usize = HOUR.slots as usize;

/// What is being gathered of every installation.
#[derive(Default)]
pub struct History {
    tracks: Mutex<HashMap<InstallationId, Track>>,
}

/// What is being gathered of one.
#[derive(Default)]
struct Track {
    /// Whole samples that are not on the volume.
    samples: Vec<Record>,
    /// What the edge said since the last sample.
    served: Option<Box<Stretch>>,
    /// The five minutes, the hour and the day that are not over; none before the first sample.
    open: Option<Box<[Stretch; 3]>>,
    /// Processor time, restarts and disk as they were read last.
    cpu_ms: Option<u64>,
    restarts: Option<u64>,
    disk: u64,
}

/// A record that grows.
#[derive(Clone, Default)]
struct Stretch {
    record: Record,
    /// How long answers took; none without any.
    took: Option<Box<Took>>,
}

#[derive(Clone)]
struct Took(Histogram);

/// The rings of [`Track::open`].
const OPEN: [Ring; 3] = [DAY, MONTH, DAYS];

/// What was found of one installation at one moment.
pub(crate) struct Found {
    /// Bytes of memory set apart for it.
    pub(crate) reserved: u64,
    /// Bytes of memory in use and milliseconds of processor time since its sandbox began; none while it has none.
    pub(crate) used: Option<(u64, Option<u64>)>,
    /// Bytes on disk, when that was looked at.
    pub(crate) disk: Option<u64>,
    /// Times that its keeper brought it back.
    pub(crate) restarts: u64,
}

impl History {
    /// The edge served that.
    pub fn served(&self, id: InstallationId, served: &Served) {
        let mut tracks = self.tracks();
        let stretch = tracks.entry(id).or_default().served.get_or_insert_default();
        let part = Record { classes: served.classes, bytes: [served.bytes_in, served.bytes_out], ..Record::default() };
        stretch.record.add(&part);
        let mut took = Took([0; STEPS]);
        for (step, count) in &served.latencies {
            // The edge faces strangers: what it says is taken with care.
            let step = &mut took.0[usize::from(*step).min(STEPS - 1)];
            *step = step.saturating_add(*count);
        }
        stretch.add_took(&took);
    }

    /// Notes a sample that was taken at that second.
    fn note(&self, id: InstallationId, path: &Path, now: u64, found: &Found) {
        let mut tracks = self.tracks();
        let track = tracks.entry(id).or_default();
        let start = HOUR.start(now);
        let mut sample = track.served.take().map(|served| *served).unwrap_or_default();
        sample.record.start = start;
        track.disk = found.disk.unwrap_or(track.disk);
        sample.record.disk = track.disk;
        if let Some(before) = track.restarts.replace(found.restarts) {
            // A new keeper counts from nothing.
            sample.record.restarts = found.restarts.checked_sub(before).unwrap_or(found.restarts);
        }
        if let Some((memory, cpu_ms)) = found.used {
            let step = HOUR.step;
            (sample.record.awake, sample.record.peak) = (step, memory);
            (sample.record.used, sample.record.reserved) = (memory * step, found.reserved * step);
            if let (Some(now), Some(before)) = (cpu_ms, track.cpu_ms) {
                // A new sandbox counts from nothing.
                sample.record.cpu_ms = now.checked_sub(before).unwrap_or(now);
            }
        }
        track.cpu_ms = found.used.and_then(|(_, cpu_ms)| cpu_ms).or(track.cpu_ms.and(Some(0)));
        track.take(path, sample);
    }

    /// Writes what is not on the volume.
    fn write(&self, path: impl Fn(InstallationId) -> PathBuf) {
        let mut tracks = self.tracks();
        for (id, track) in tracks.iter_mut() {
            match track.write(&path(*id)) {
                Ok(()) => track.samples.clear(),
                // It has only begun, or is being removed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(%id, %error, "its history cannot be written; it is tried again"),
            }
        }
    }

    /// Forgets those that are gone.
    fn keep_only(&self, ids: &dyn Fn(InstallationId) -> bool) {
        self.tracks().retain(|id, _| ids(*id));
    }

    /// What is known of the last hour, day or month up to that second.
    pub(crate) fn points(
        &self,
        id: InstallationId,
        path: &Path,
        range: HistoryRange,
        now: u64,
    ) -> io::Result<Vec<HistoryPoint>> {
        let ring = match range {
            HistoryRange::Hour => HOUR,
            HistoryRange::Day => DAY,
            HistoryRange::Month => MONTH,
        };
        Ok(self.records(id, path, ring, now)?.iter().map(Record::point).collect())
    }

    /// What it used each day, for more than a year.
    pub(crate) fn days(&self, id: InstallationId, path: &Path, now: u64) -> io::Result<Vec<DayUsage>> {
        Ok(self.records(id, path, DAYS, now)?.iter().map(Record::day).collect())
    }

    fn records(&self, id: InstallationId, path: &Path, ring: Ring, now: u64) -> io::Result<Vec<Record>> {
        let mut records = ring.read(path, now)?;
        let tracks = self.tracks();
        let Some(track) = tracks.get(&id) else { return Ok(records) };
        let fresh: Vec<Record> = match ring {
            HOUR => track.samples.clone(),
            ring => track.open_records().iter().filter(|(of, _)| *of == ring).map(|(_, record)| *record).collect(),
        };
        records.retain(|record| !fresh.iter().any(|fresh| fresh.start == record.start));
        records.extend(fresh);
        Ok(records)
    }

    fn tracks(&self) -> MutexGuard<'_, HashMap<InstallationId, Track>> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Track {
    fn take(&mut self, path: &Path, sample: Stretch) {
        let now = sample.record.start;
        if self.open.as_ref().is_none_or(|open| open.iter().zip(OPEN).any(|(s, r)| s.record.start != r.start(now))) {
            self.turn(path, now);
        }
        for stretch in self.open.iter_mut().flat_map(|open| open.iter_mut()) {
            stretch.record.add(&sample.record);
            if let Some(took) = &sample.took {
                stretch.add_took(took);
            }
        }
        if self.samples.len() >= WAITING {
            self.samples.remove(0);
        }
        self.samples.push(sample.read());
    }

    /// Begins new stretches for those that are over. Those that a former Nimbus began are taken up.
    fn turn(&mut self, path: &Path, now: u64) {
        if self.open.is_some()
            && let Err(error) = file::write(path, self.open_records().iter().map(|(ring, record)| (*ring, record)))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, path = %path.display(), "the end of a stretch is not written");
        }
        let former = self.open.take();
        let open = std::array::from_fn(|index| {
            let start = OPEN[index].start(now);
            match former.as_ref().map(|former| &former[index]) {
                Some(stretch) if stretch.record.start == start => stretch.clone(),
                Some(_) => Stretch { record: Record::at(start), took: None },
                None => {
                    let known = OPEN[index].read_one(path, start).ok().flatten();
                    Stretch { record: known.unwrap_or(Record::at(start)), took: None }
                }
            }
        });
        self.open = Some(Box::new(open));
    }

    fn open_records(&self) -> Vec<(Ring, Record)> {
        self.open.iter().flat_map(|open| OPEN.into_iter().zip(open.iter().map(Stretch::read))).collect()
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let open = self.open_records();
        let samples = self.samples.iter().map(|sample| (HOUR, sample));
        file::write(path, samples.chain(open.iter().map(|(ring, record)| (*ring, record))))
    }
}

impl Stretch {
    fn add_took(&mut self, more: &Took) {
        match &mut self.took {
            Some(took) => took.0.iter_mut().zip(more.0).for_each(|(to, more)| *to = to.saturating_add(more)),
            None => self.took = Some(Box::new(more.clone())),
        }
    }

    /// The record, with what can be said of the times of its answers.
    fn read(&self) -> Record {
        let mut record = self.record;
        if let Some(took) = &self.took {
            record.took(&took.0);
        }
        record
    }
}

/// Samples until Nimbus ends.
pub(crate) async fn forever(engine: Arc<Engine>) {
    loop {
        let step = Duration::from_secs(HOUR.step).as_millis() as u64;
        let into = engine.clock.now() % step;
        tokio::time::sleep(Duration::from_millis(step - into)).await;
        let engine = engine.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || sample(&engine)).await {
            tracing::error!(%error, "sampling failed");
        }
    }
}

/// Takes a sample of every installation; every five minutes the disks are looked at as well, and all is written.
pub(crate) fn sample(engine: &Engine) {
    let now = engine.clock.now() / 1000;
    let is_full = DAY.start(now) == HOUR.start(now);
    let meter = match Meter::find() {
        Ok(meter) => meter,
        Err(error) => return tracing::warn!(%error, "what installations use cannot be read"),
    };
    let limits = engine.registry.limits();
    for (id, limits) in &limits {
        let status = engine.keepers.status(*id);
        let running = status.as_ref().filter(|status| status.pid.is_some());
        let found = Found {
            reserved: limits.memory,
            used: running.and_then(|_| meter.read(&id.to_string())),
            disk: is_full.then(|| engine.volume.used(*id)).flatten(),
            restarts: status.map_or(0, |status| u64::from(status.restarts)),
        };
        engine.history.note(*id, &engine.volume.history(*id), now, &found);
    }
    engine.history.keep_only(&|id| limits.contains_key(&id));
    if is_full {
        write(engine);
    }
}

/// Writes what is not on the volume.
pub(crate) fn write(engine: &Engine) {
    engine.history.write(|id| engine.volume.history(id));
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: u64 = 1_795_046_400; // midnight in UTC

    /// So many samples from that second on, of 2 MiB of 64 and half a processor; one request with each.
    fn run(history: &History, id: InstallationId, path: &Path, from: u64, samples: u64) {
        for turn in 0..samples {
            let latencies = vec![(10, 1), (200, 1)];
            history.served(id, &Served { classes: [0, 1, 0, 0, 1], bytes_in: 5, bytes_out: 7, latencies });
            let now = from + turn * 10;
            let used = Some((2 << 20, Some(turn * 5000)));
            let found = Found {
                reserved: 64 << 20,
                used,
                disk: (now.is_multiple_of(300)).then_some(now),
                restarts: turn / 100,
            };
            history.note(id, path, now, &found);
            if now.is_multiple_of(300) {
                history.write(|_| path.to_owned());
            }
        }
    }

    #[test]
    fn samples_add_up_to_hours_and_days_and_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history");
        let (history, id) = (History::default(), InstallationId::new());
        // Two hours and a half; then a new Nimbus for ten minutes, and a stop of ten.
        run(&history, id, &path, BEGIN, 900);
        history.write(|_| path.clone());
        let history = History::default();
        run(&history, id, &path, BEGIN + 9000, 60);
        let now = BEGIN + 9600 + 590;
        for turn in 0..60 {
            let found = Found { reserved: 64 << 20, used: None, disk: None, restarts: 0 };
            history.note(id, &path, BEGIN + 9600 + turn * 10, &found);
        }
        let points = |range| history.points(id, &path, range, now).unwrap();
        let hour = points(HistoryRange::Hour);
        assert_eq!(hour.len(), 360);
        assert!(hour.windows(2).all(|pair| pair[1].at == pair[0].at + 10_000), "in order, without a gap");
        assert_eq!((hour[0].memory, hour[0].cpu_ms, hour[0].requests, hour[0].bytes_out), (2 << 20, 5000, 2, 7));
        assert_eq!((hour[359].memory, hour[359].awake_seconds, hour[359].requests), (0, 0, 0));
        let day = points(HistoryRange::Day);
        assert_eq!(
            (day.len(), day[0].cpu_ms, day[1].cpu_ms, day[1].classes),
            (34, 145_000, 150_000, [0, 30, 0, 0, 30])
        );
        assert!(day[1].p50_ms.unwrap() < 4.0 && day[1].p95_ms.unwrap() > 10_000.0, "{:?}", day[1]);
        assert_eq!(day[33].disk, BEGIN + 9300, "as last looked at");
        let month = points(HistoryRange::Month);
        let awake: Vec<u64> = month.iter().map(|point| point.awake_seconds).collect();
        assert_eq!(awake, [3600, 3600, 2400], "what the former Nimbus had of the third hour counts");
        assert_eq!(month.iter().map(|point| point.restarts).sum::<u64>(), 8);
        let days = history.days(id, &path, now).unwrap();
        assert_eq!((days.len(), days[0].day.as_str(), days[0].awake_seconds), (1, "2026-11-19", 9600));
        assert_eq!((days[0].reserved_byte_seconds, days[0].used_byte_seconds), (9600 << 26, 9600 << 21));
        assert_eq!(days[0].requests, 2 * 960);
        // In memory are a few samples only.
        assert!(history.tracks()[&id].samples.capacity() <= 128);
    }

    #[test]
    fn a_volume_that_takes_no_writes_costs_old_samples_only() {
        let history = History::default();
        let (id, nowhere) = (InstallationId::new(), Path::new("/proc/no/such"));
        run(&history, id, nowhere, BEGIN, 500);
        assert_eq!(history.tracks()[&id].samples.len(), WAITING);
        history.keep_only(&|_| false);
        assert!(history.tracks().is_empty());
    }
}
