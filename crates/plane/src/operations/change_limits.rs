//! What a publisher may have in all: the operator decides, and nothing is installed beyond it.

use domain::Slug;
use serde_json::json;

use super::{Actor, Thing, record, unknown_publisher};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::{Tx, publishers};
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
    let Some(row) = publishers::find(&**tx, &Reach::All, slug).await? else { return Ok(()) };
    let wanted = &version.manifest.limits;
    let all = [
        ("installations", row.running, 1, row.limits.installations),
        ("MiB of memory", row.memory >> 20, wanted.memory >> 20, row.limits.memory.map(|bytes| bytes >> 20)),
        ("MiB of disk", row.disk >> 20, wanted.disk >> 20, row.limits.disk.map(|bytes| bytes >> 20)),
    ];
    for (what, taken, wanted, limit) in all {
        if let Some(limit) = limit.filter(|limit| taken.saturating_add(wanted) > *limit) {
            let detail = format!(
                "publisher {slug} may have {limit} {what} in all; {taken} are taken and this needs {wanted} more. Remove \
                 an installation, or ask the operator of the platform for more"
            );
            return Err(Refusal::conflict("over-limit", detail));
        }
    }
    Ok(())
}
