//! Keeps what installations used: their servers forget it after 400 days, and with an installation.
//!
//! Servers count by day and tell what each day has so far, so asking twice, or not for a week, makes no difference.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::InstallationId;
use nimbus_api::{DayUsage, Millis, SnapshotReason, SnapshotReport};

use super::Pause;
use crate::Plane;
use crate::access::Reach;
use crate::server::ServerError;
use crate::servers::Handle;
use crate::store::installations::{self, Filter, InstallationRow};
use crate::store::usage::{self, Day};
use crate::store::{Result, StoreError};
use crate::web::design::format::machine;

/// Between two rounds; servers write down what they counted as often.
const TIMER: Duration = Duration::from_secs(300);

/// Installations of one look at the store.
const AT_ONCE: u64 = 500;

const DAY: Millis = 24 * 3_600_000;

/// After which also what has not changed is kept again: its disk was used for longer.
const AGAIN: Millis = 3_600_000;

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    let mut pause = Pause::new();
    let mut kept = Kept::new();
    loop {
        match all(&plane, &mut kept).await {
            Ok(true) => {
                pause = Pause::new();
                tokio::time::sleep(TIMER).await;
            }
            // A server that is silent tells another time: it remembers.
            Ok(false) => pause.wait().await,
            Err(error) => {
                tracing::error!(%error, "what installations used could not be kept");
                tokio::time::sleep(TIMER).await;
            }
        }
    }
}

/// What was kept last of each installation, and when: of those that sleep nothing new is written.
type Kept = HashMap<InstallationId, Last>;

/// The last days that were told, backups, and when it was kept.
type Last = (Vec<DayUsage>, u64, Millis);

/// Asks every server about all of its installations; whether all have answered.
async fn all(plane: &Plane, kept: &mut Kept) -> Result<bool> {
    let mut answered = true;
    let mut known: HashSet<InstallationId> = HashSet::new();
    for handle in plane.servers.iter() {
        let Some(server) = handle.id() else {
            answered = false;
            continue;
        };
        let Ok(reports) = handle.server.installations().await else {
            answered = false;
            continue;
        };
        let backups: HashMap<InstallationId, u64> =
            reports.iter().map(|report| (report.id, backups_of(&report.snapshots))).collect();
        known.extend(backups.keys().copied());
        let filter = Filter { server: Some(server), ..Filter::default() };
        let mut after = String::new();
        loop {
            let rows = installations::list(plane.store.read(), &Reach::All, &filter, &after, AT_ONCE).await?;
            let Some(last) = rows.last() else { break };
            after = last.name.to_string();
            for row in &rows {
                let held = backups.get(&row.id).copied().unwrap_or(0);
                let done = keep(plane, handle, row, held, kept.get(&row.id)).await;
                match done {
                    Ok(now) => kept.extend(now.map(|now| (row.id, now))),
                    Err(Trouble::Store(error)) => return Err(error),
                    Err(Trouble::Server(ServerError::Unreachable(_))) => answered = false,
                    Err(Trouble::Server(error)) => tracing::debug!(%error, name = %row.name, "its usage is not known"),
                }
            }
        }
    }
    kept.retain(|id, _| !answered || known.contains(id));
    Ok(answered)
}

fn backups_of(snapshots: &[SnapshotReport]) -> u64 {
    snapshots.iter().filter(|snapshot| snapshot.reason == SnapshotReason::Backup).count() as u64
}

/// Why nothing was kept.
enum Trouble {
    Server(ServerError),
    Store(StoreError),
}

impl From<ServerError> for Trouble {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Keeps what its server tells now, unless it is as it was before; what that is.
async fn keep(
    plane: &Plane,
    handle: &Handle,
    row: &InstallationRow,
    backups: u64,
    before: Option<&Last>,
) -> Result<Option<Last>, Trouble> {
    let told = handle.server.usage(row.id).await?;
    let now = plane.now();
    let same = |(days, had, at): &Last| days[..] == *last_two(&told) && *had == backups && now < at + AGAIN;
    if before.is_some_and(same) {
        return Ok(None);
    }
    let today = machine(now)[..10].to_owned();
    // The last known day was not over, perhaps.
    let known = usage::last_day(plane.store.read(), row.id).await?;
    let mut days: Vec<&DayUsage> =
        told.iter().filter(|day| known.as_ref().is_none_or(|known| day.day >= *known)).collect();
    days.sort_by(|a, b| a.day.cmp(&b.day));
    if days.is_empty() {
        return Ok(None);
    }
    let tx = plane.store.write().await?;
    for told in &days {
        let backups = if told.day == today { backups } else { 0 };
        usage::put(&tx, row.id, &Day { told, seconds: seconds_of(&told.day, row.created_at, now), backups }).await?;
    }
    let mut months: Vec<&str> = days.iter().filter_map(|day| day.day.get(..7)).collect();
    months.dedup();
    for month in months {
        usage::add_up(&tx, row, month, now).await?;
    }
    tx.commit().await?;
    Ok(Some((last_two(&told).to_vec(), backups, now)))
}

fn last_two(days: &[DayUsage]) -> &[DayUsage] {
    &days[days.len().saturating_sub(2)..]
}

/// Seconds of a day between two moments; a day that cannot be read has none.
fn seconds_of(day: &str, from: Millis, to: Millis) -> u64 {
    let begin = day.parse::<jiff::civil::Date>().ok().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let begin = begin.and_then(|begin| u64::try_from(begin.timestamp().as_millisecond()).ok());
    begin.map_or(0, |begin| to.min(begin + DAY).saturating_sub(from.max(begin)) / 1000)
}

/// Keeps what an installation used before its server forgets it. Only a server that does not answer is a failure: it is
/// asked again.
pub async fn last(plane: &Plane, handle: &Handle, id: InstallationId) -> Result<(), ServerError> {
    let kept = async {
        let Some(row) = installations::find(plane.store.read(), id).await? else { return Ok(None) };
        let report = handle.server.installation(id).await?;
        let backups = report.map_or(0, |report| backups_of(&report.snapshots));
        keep(plane, handle, &row, backups, None).await
    };
    match kept.await {
        Ok(_) => Ok(()),
        Err(Trouble::Server(error @ ServerError::Unreachable(_))) => Err(error),
        Err(Trouble::Server(error)) => {
            tracing::debug!(%error, installation = %id, "its usage is not known");
            Ok(())
        }
        Err(Trouble::Store(error)) => Err(ServerError::Unreachable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_the_seconds_in_which_an_installation_existed() {
        let (midnight, hour) = (1_795_392_000_000, 3_600_000); // of 2026-11-23
        let of = |from, to| seconds_of("2026-11-23", from, to);
        assert_eq!(of(0, midnight + 2 * DAY), 86_400);
        assert_eq!(of(0, midnight + 6 * hour), 6 * 3600);
        assert_eq!(of(midnight + 6 * hour, midnight + 7 * hour), 3600);
        assert_eq!(of(midnight + DAY + hour, midnight + 2 * DAY), 0);
        assert_eq!(seconds_of("x", 0, midnight), 0);
    }
}
