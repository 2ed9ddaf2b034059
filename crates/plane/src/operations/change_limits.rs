//! What a publisher may have in all: the operator decides, and nothing is installed or deployed beyond it.

use domain::{Key, Slug};
use serde_json::json;

use super::{Actor, Thing, record, unknown_publisher};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::{Tx, deployments, installations, publishers, versions};
use crate::wire::{Publisher, PublisherLimits, Version};

/// Changes all of them.
pub async fn change_limits(plane: &Plane, actor: &Actor, slug: &Slug, limits: PublisherLimits) -> Answer<Publisher> {
    let tx = plane.store.write().await?;
    let mut row = publishers::find(&*tx, &actor.reach, slug).await?.ok_or_else(|| unknown_publisher(slug))?;
    row.limits = limits;
    publishers::set_limits(&tx, slug, &limits).await?;
    let thing = Thing { id: slug.to_string(), publisher: Some(slug), ..Thing::default() };
    record(plane, &tx, actor, "publisher.limits", thing, json!(limits)).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(row)
}

/// Whether a publisher may have one more installation, of that version.
pub(super) async fn require_room(tx: &Tx, slug: &Slug, version: &Version) -> Answer<()> {
    let wanted = &version.manifest.limits;
    require(tx, slug, [1, wanted.memory, wanted.disk]).await
}

/// Whether a publisher may have so many installations of an application with that version that have another one now. Less
/// than before is always fine.
pub(super) async fn require_room_to_deploy(tx: &Tx, app: &Key, version: &Version, count: u64) -> Answer<()> {
    let (memory, disk) = installations::sizes_without(&**tx, app, version.number).await?;
    let wanted = &version.manifest.limits;
    let more = |each: u64, before: u64| each.saturating_mul(count).saturating_sub(before);
    require(tx, &app.publisher, [0, more(wanted.memory, memory), more(wanted.disk, disk)]).await
}

/// Bytes of memory and disk that deployments under way will take besides what their installations have now: until their turn
/// nothing else has them.
async fn promised(tx: &Tx, slug: &Slug) -> Answer<(u64, u64)> {
    let (mut memory, mut disk) = (0_u64, 0_u64);
    for change in deployments::outstanding(&**tx, slug).await? {
        let Some(version) = versions::find(&**tx, &change.app, change.to_version).await? else { continue };
        let limits = &version.manifest.limits;
        let more = |wanted: u64, has: u64| wanted.saturating_sub(has).saturating_mul(change.count);
        memory = memory.saturating_add(more(limits.memory, change.memory));
        disk = disk.saturating_add(more(limits.disk, change.disk));
    }
    Ok((memory, disk))
}

/// Whether there is room for so many installations and bytes of memory and disk more.
async fn require(tx: &Tx, slug: &Slug, [installations, memory, disk]: [u64; 3]) -> Answer<()> {
    // Whatever else takes some of it comes before or after.
    publishers::lock(tx, slug).await?;
    let Some(row) = publishers::find(&**tx, &Reach::All, slug).await? else { return Ok(()) };
    if row.limits == PublisherLimits::default() {
        return Ok(());
    }
    let (memory_soon, disk_soon) = promised(tx, slug).await?;
    let [has_memory, has_disk] = [row.memory.saturating_add(memory_soon), row.disk.saturating_add(disk_soon)];
    let all = [
        ("installations", row.running, installations, row.limits.installations),
        ("MiB of memory", has_memory >> 20, memory >> 20, row.limits.memory.map(|bytes| bytes >> 20)),
        ("MiB of disk", has_disk >> 20, disk >> 20, row.limits.disk.map(|bytes| bytes >> 20)),
    ];
    for (what, taken, wanted, limit) in all.into_iter().filter(|(_, _, wanted, _)| *wanted > 0) {
        if let Some(limit) = limit.filter(|limit| taken.saturating_add(wanted) > *limit) {
            let detail = format!(
                "publisher {slug} may have {limit} {what} in all; {taken} are taken, or will be by deployments under \
                 way, and this needs {wanted} more. Remove an installation, or ask the operator of the platform for more"
            );
            return Err(Refusal::conflict("over-limit", detail));
        }
    }
    Ok(())
}
