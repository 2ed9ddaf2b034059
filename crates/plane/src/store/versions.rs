//! Published versions.

use domain::{ArtifactHash, InstallationId, Key};
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, json, maybe_text, number, one, parse, run, text, to_json};
use crate::wire::Version;

const COLUMNS: &str = "v.publisher, v.app, v.number, v.artifact, v.archive_bytes, v.unpacked_bytes, v.entries, v.notes, v.manifest, \
    v.published_at, v.published_by, v.withdrawn, (SELECT COUNT(*) FROM installations i \
    WHERE i.publisher = v.publisher AND i.app = v.app AND i.version = v.number AND i.state <> 'removed') AS installations, \
    (SELECT COUNT(*) FROM version_logos l WHERE l.publisher = v.publisher AND l.app = v.app AND l.number = v.number) AS logo \
    FROM versions v";

fn read(row: &QueryResult) -> Result<Version> {
    Ok(Version {
        publisher: parse(row, "publisher")?,
        app: parse(row, "app")?,
        number: number(row, "number")?,
        artifact: parse(row, "artifact")?,
        archive_bytes: number(row, "archive_bytes")?,
        unpacked_bytes: number(row, "unpacked_bytes")?,
        entries: number(row, "entries")?,
        notes: get(row, "notes")?,
        manifest: json(row, "manifest")?,
        published_at: number(row, "published_at")?,
        published_by: get(row, "published_by")?,
        installations: number(row, "installations")?,
        withdrawn: get::<i64>(row, "withdrawn")? != 0,
        logo: get::<i64>(row, "logo")? != 0,
    })
}

/// Keeps a new version.
pub async fn create(tx: &Tx, version: &Version) -> Result<()> {
    let sql = "INSERT INTO versions (app, number, artifact, archive_bytes, unpacked_bytes, entries, notes, manifest, \
               published_at, published_by, publisher) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let values = [
        text(&version.app),
        big(version.number.into()),
        text(&version.artifact),
        big(version.archive_bytes),
        big(version.unpacked_bytes),
        big(version.entries),
        maybe_text(version.notes.as_ref()),
        text(to_json(&version.manifest)?),
        big(version.published_at),
        text(&version.published_by),
        text(&version.publisher),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// One version.
pub async fn find(db: &impl ConnectionTrait, app: &Key, number: u32) -> Result<Option<Version>> {
    let sql = format!("SELECT {COLUMNS} WHERE v.publisher = $1 AND v.app = $2 AND v.number = $3");
    one(db, &sql, [text(&app.publisher), text(&app.slug), big(number.into())]).await?.map(|row| read(&row)).transpose()
}

/// The newest version.
pub async fn newest(db: &impl ConnectionTrait, app: &Key) -> Result<Option<Version>> {
    Ok(list(db, app, None, 1).await?.pop())
}

/// The newest version that is not withdrawn.
pub async fn newest_good(db: &impl ConnectionTrait, app: &Key) -> Result<Option<Version>> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE v.publisher = $1 AND v.app = $2 AND v.withdrawn = 0 ORDER BY v.number DESC LIMIT 1"
    );
    one(db, &sql, [text(&app.publisher), text(&app.slug)]).await?.map(|row| read(&row)).transpose()
}

/// Versions, newest first, those before number `before`.
pub async fn list(db: &impl ConnectionTrait, app: &Key, before: Option<u32>, limit: u64) -> Rows<Version> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE v.publisher = $1 AND v.app = $2 AND v.number < $3 ORDER BY v.number DESC LIMIT $4"
    );
    let before = before.map_or(u64::from(u32::MAX) + 1, u64::from);
    all(db, &sql, [text(&app.publisher), text(&app.slug), big(before), big(limit)], read).await
}

/// Keeps whether a version is withdrawn.
pub async fn withdraw(tx: &Tx, app: &Key, number: u32, withdrawn: bool) -> Result<()> {
    let sql = "UPDATE versions SET withdrawn = $4 WHERE publisher = $1 AND app = $2 AND number = $3";
    let values = [text(&app.publisher), text(&app.slug), big(number.into()), big(withdrawn.into())];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Deletes a version.
pub async fn delete(tx: &Tx, app: &Key, number: u32) -> Result<()> {
    let sql = "DELETE FROM versions WHERE publisher = $1 AND app = $2 AND number = $3";
    run(&**tx, sql, [text(&app.publisher), text(&app.slug), big(number.into())]).await?;
    Ok(())
}

/// Whether any version has this content.
pub async fn uses_artifact(db: &impl ConnectionTrait, artifact: &ArtifactHash) -> Result<bool> {
    Ok(super::count(db, "SELECT COUNT(*) AS n FROM versions WHERE artifact = $1", [text(artifact)]).await? > 0)
}

/// The content of each version of an application.
pub async fn artifacts(db: &impl ConnectionTrait, app: &Key) -> Rows<ArtifactHash> {
    let sql = "SELECT artifact FROM versions WHERE publisher = $1 AND app = $2";
    all(db, sql, [text(&app.publisher), text(&app.slug)], |row| parse(row, "artifact")).await
}

/// The content of the version that an installation runs, and of those that a rollback would go back to, or the restore of
/// the snapshot of that name.
pub async fn of_installation(
    db: &impl ConnectionTrait,
    id: InstallationId,
    snapshot: Option<&str>,
) -> Rows<ArtifactHash> {
    let sql = "SELECT v.artifact FROM installations i JOIN versions v ON v.publisher = i.publisher AND v.app = i.app \
               AND v.number = i.version WHERE i.id = $1 \
         UNION SELECT v.artifact FROM installations i JOIN snapshots s ON s.installation = i.id \
               JOIN versions v ON v.publisher = i.publisher AND v.app = i.app AND v.number = s.version \
               WHERE i.id = $1 AND (s.reason = 'before-switch' OR s.name = $2)";
    all(db, sql, [text(id), maybe_text(snapshot)], |row| parse(row, "artifact")).await
}

/// What still needs a version: installations that run it, live snapshots and backups taken while it ran, and parts of
/// deployments that are to bring it or may go back to it. Each as words for people, at most ten.
pub async fn users(db: &impl ConnectionTrait, app: &Key, number: u32, now: u64) -> Rows<String> {
    let sql = "SELECT 'installation ' || i.name || ' runs it' AS who FROM installations i \
               WHERE i.publisher = $4 AND i.app = $1 AND i.version = $2 AND i.state <> 'removed' \
         UNION SELECT CASE WHEN s.reason = 'backup' THEN 'a backup' ELSE 'a rollback' END \
               || ' of installation ' || i.name || ' needs it' FROM snapshots s \
               JOIN installations i ON i.id = s.installation \
               WHERE i.publisher = $4 AND i.app = $1 AND s.version = $2 AND i.state <> 'removed' \
               AND (s.expires_at IS NULL OR s.expires_at > $3) \
         UNION SELECT 'deployment ' || d.id || ' is under way with it' FROM deployments d \
               JOIN deployment_steps s ON s.deployment = d.id WHERE d.publisher = $4 AND d.app = $1 AND d.ended_at IS NULL \
               AND (s.to_version = $2 OR s.from_version = $2) \
         ORDER BY 1 LIMIT 10";
    all(db, sql, [text(&app.slug), big(number.into()), big(now), text(&app.publisher)], |row| get(row, "who")).await
}
