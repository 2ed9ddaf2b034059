//! Deployments and each installation's part in them. A deployment is read without its counts and parts, which are queries
//! of their own.

use std::collections::BTreeMap;

use domain::state::DeploymentStepState;
use domain::{DeploymentId, InstallationId, Key, ServerId, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{
    Result, Rows, Tx, all, big, from_word, get, maybe_big, maybe_number, maybe_parse, maybe_text, number, one,
};
use super::{parse, run, text};
use crate::access::Reach;
use crate::wire::{Deployment, DeploymentKind, DeploymentStep, word};

const COLUMNS: &str = "id, kind, publisher, app, version, whole_app, canary, keep_hours, state, error, requested_by, created_at, \
    ended_at FROM deployments";

fn read(row: &QueryResult) -> Result<Deployment> {
    Ok(Deployment {
        id: parse(row, "id")?,
        kind: from_word(row, "kind")?,
        publisher: parse(row, "publisher")?,
        app: parse(row, "app")?,
        version: maybe_number(row, "version")?,
        whole_app: get::<i64>(row, "whole_app")? != 0,
        canary: number(row, "canary")?,
        keep_hours: number(row, "keep_hours")?,
        state: parse(row, "state")?,
        error: get(row, "error")?,
        requested_by: get(row, "requested_by")?,
        created_at: number(row, "created_at")?,
        ended_at: maybe_number(row, "ended_at")?,
        counts: BTreeMap::new(),
        undo: None,
        installations: None,
    })
}

const STEP_COLUMNS: &str = "s.deployment, s.installation, s.position, s.canary, s.from_version, s.to_version, s.state, \
    s.operation, s.began_at, s.ended_at, s.held_ms, s.error, i.name, i.server, COALESCE(o.steps, '[]') AS steps, \
    (SELECT v.host FROM servers v WHERE v.id = i.server) AS host \
    FROM deployment_steps s JOIN installations i ON i.id = s.installation LEFT JOIN operations o ON o.id = s.operation";

fn read_step(row: &QueryResult) -> Result<DeploymentStep> {
    Ok(DeploymentStep {
        deployment: parse(row, "deployment")?,
        installation: parse(row, "installation")?,
        name: parse(row, "name")?,
        server: parse(row, "server")?,
        host: get(row, "host")?,
        position: number(row, "position")?,
        canary: get::<i64>(row, "canary")? != 0,
        from_version: number(row, "from_version")?,
        to_version: number(row, "to_version")?,
        state: parse(row, "state")?,
        operation: maybe_parse(row, "operation")?,
        steps: super::json(row, "steps")?,
        began_at: maybe_number(row, "began_at")?,
        ended_at: maybe_number(row, "ended_at")?,
        held_ms: maybe_number(row, "held_ms")?,
        error: get(row, "error")?,
    })
}

/// Keeps a new deployment and everybody's part in it. The caller holds the application's lock and has seen that
/// no deployment of it is live.
pub async fn create(tx: &Tx, new: &Deployment, steps: &[DeploymentStep]) -> Result<()> {
    let sql = "INSERT INTO deployments (id, kind, app, version, canary, keep_hours, state, requested_by, created_at, \
               whole_app, publisher) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let values = [
        text(new.id),
        text(word(&new.kind)),
        text(&new.app),
        maybe_big(new.version.map(u64::from)),
        big(new.canary.into()),
        big(new.keep_hours.into()),
        text(new.state),
        text(&new.requested_by),
        big(new.created_at),
        big(new.whole_app.into()),
        text(&new.publisher),
    ];
    run(&**tx, sql, values).await?;
    for step in steps {
        let sql = "INSERT INTO deployment_steps (deployment, installation, position, canary, from_version, to_version, \
                   state, server) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = [
            text(new.id),
            text(step.installation),
            big(step.position.into()),
            big(step.canary.into()),
            big(step.from_version.into()),
            big(step.to_version.into()),
            text(step.state),
            text(step.server),
        ];
        run(&**tx, sql, values).await?;
    }
    Ok(())
}

/// One deployment within reach.
pub async fn find_within(db: &impl ConnectionTrait, reach: &Reach, id: DeploymentId) -> Result<Option<Deployment>> {
    let mut values = vec![text(id)];
    let mine = reach.publisher_sql("publisher", &mut values);
    one(db, &format!("SELECT {COLUMNS} WHERE id = $1{mine}"), values).await?.map(|row| read(&row)).transpose()
}

/// One deployment, whoever's it is.
pub async fn find(db: &impl ConnectionTrait, id: DeploymentId) -> Result<Option<Deployment>> {
    one(db, &format!("SELECT {COLUMNS} WHERE id = $1"), [text(id)]).await?.map(|row| read(&row)).transpose()
}

/// The live deployment of an application.
pub async fn live_of(db: &impl ConnectionTrait, app: &Key) -> Result<Option<Deployment>> {
    let sql = format!("SELECT {COLUMNS} WHERE publisher = $1 AND app = $2 AND ended_at IS NULL");
    one(db, &sql, [text(&app.publisher), text(&app.slug)]).await?.map(|row| read(&row)).transpose()
}

/// Ids of all live deployments.
pub async fn live(db: &impl ConnectionTrait) -> Rows<DeploymentId> {
    all(db, "SELECT id FROM deployments WHERE ended_at IS NULL ORDER BY id", [], |row| parse(row, "id")).await
}

/// How many live ones are within reach.
pub async fn count_live(db: &impl ConnectionTrait, reach: &Reach) -> Result<u64> {
    let mut values = Vec::new();
    let mine = reach.publisher_sql("publisher", &mut values);
    super::count(db, &format!("SELECT COUNT(*) AS n FROM deployments WHERE ended_at IS NULL{mine}"), values).await
}

/// Deployments within reach, newest first, those before `before`.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach,
    app: Option<&Key>,
    before: Option<DeploymentId>,
    limit: u64,
) -> Rows<Deployment> {
    let mut sql = format!("SELECT {COLUMNS} WHERE 1 = 1");
    let mut values = vec![big(limit)];
    sql.push_str(&reach.publisher_sql("publisher", &mut values));
    if let Some(app) = app {
        values.extend([text(&app.publisher), text(&app.slug)]);
        let last = values.len();
        sql.push_str(&format!(" AND publisher = ${} AND app = ${last}", last - 1));
    }
    if let Some(before) = before {
        values.push(text(before));
        sql.push_str(&format!(" AND id < ${}", values.len()));
    }
    sql.push_str(" ORDER BY id DESC LIMIT $1");
    all(db, &sql, values, read).await
}

/// Installations by state of their part.
pub async fn counts(db: &impl ConnectionTrait, id: DeploymentId) -> Result<BTreeMap<String, u64>> {
    let sql = "SELECT state, COUNT(*) AS n FROM deployment_steps WHERE deployment = $1 GROUP BY state";
    let rows = all(db, sql, [text(id)], |row| Ok((get(row, "state")?, number(row, "n")?))).await?;
    Ok(rows.into_iter().collect())
}

/// Everybody's part, in order of their turn.
pub async fn steps(db: &impl ConnectionTrait, id: DeploymentId) -> Rows<DeploymentStep> {
    let sql = format!("SELECT {STEP_COLUMNS} WHERE s.deployment = $1 ORDER BY s.position");
    all(db, &sql, [text(id)], read_step).await
}

/// How many installations of a server are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The server.
    pub server: ServerId,
    /// Its host name when it was last seen.
    pub host: Option<String>,
    /// The state of their part.
    pub state: DeploymentStepState,
    /// How many.
    pub count: u64,
    /// How many of them have ended.
    pub ended: u64,
    /// The longest that requests of one of them were held, in milliseconds.
    pub longest_hold: Option<u64>,
}

/// Installations by state and server, in the order of the index that is counted.
pub async fn counts_by_server(db: &impl ConnectionTrait, id: DeploymentId) -> Rows<Count> {
    let sql = "SELECT s.server, s.state, COUNT(*) AS n, COUNT(s.ended_at) AS ended, MAX(s.held_ms) AS held, \
               (SELECT v.host FROM servers v WHERE v.id = s.server) AS host \
               FROM deployment_steps s WHERE s.deployment = $1 GROUP BY s.state, s.server ORDER BY s.state, s.server";
    all(db, sql, [text(id)], |row| {
        Ok(Count {
            server: parse(row, "server")?,
            host: get(row, "host")?,
            state: parse(row, "state")?,
            count: number(row, "n")?,
            ended: number(row, "ended")?,
            longest_hold: maybe_number(row, "held")?,
        })
    })
    .await
}

/// The first of those in order of their turn.
pub async fn first_steps(db: &impl ConnectionTrait, id: DeploymentId, of: &Count, limit: u64) -> Rows<DeploymentStep> {
    let sql = format!(
        "SELECT {STEP_COLUMNS} WHERE s.deployment = $1 AND s.server = $2 AND s.state = $3 ORDER BY s.position LIMIT $4"
    );
    all(db, &sql, [text(id), text(of.server), text(of.state), big(limit)], read_step).await
}

/// One installation's part.
pub async fn step(
    db: &impl ConnectionTrait,
    id: DeploymentId,
    installation: InstallationId,
) -> Result<Option<DeploymentStep>> {
    let sql = format!("SELECT {STEP_COLUMNS} WHERE s.deployment = $1 AND s.installation = $2");
    one(db, &sql, [text(id), text(installation)]).await?.map(|row| read_step(&row)).transpose()
}

/// What can be taken back of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoable {
    /// The installation.
    pub installation: InstallationId,
    /// The version that it would have again.
    pub version: u32,
    /// Until when.
    pub until: Option<Millis>,
}

/// The installations that a deployment brought its version to, that have had no other since, and whose copy from right
/// before it is still kept; in order of their turn, at most so many.
pub async fn undoable(db: &impl ConnectionTrait, id: DeploymentId, now: Millis, limit: u64) -> Rows<Undoable> {
    let last_copy = |column: &str| {
        format!(
            "(SELECT p.{column} FROM snapshots p WHERE p.installation = s.installation AND p.reason = 'before-switch' \
             AND (p.expires_at IS NULL OR p.expires_at > $2) ORDER BY p.taken_at DESC LIMIT 1)"
        )
    };
    let sql = format!(
        "SELECT s.installation, s.from_version, {} AS expires_at FROM deployment_steps s \
         JOIN deployments d ON d.id = s.deployment JOIN installations i ON i.id = s.installation \
         WHERE s.deployment = $1 AND d.kind = 'deploy' AND d.ended_at IS NOT NULL AND s.state = 'finished' \
         AND i.version = s.to_version AND i.state IN ('running', 'stopped') AND s.from_version = {} \
         AND NOT EXISTS (SELECT 1 FROM deployment_steps n WHERE n.installation = s.installation \
         AND n.state = 'finished' AND n.deployment > s.deployment) ORDER BY s.position LIMIT $3",
        last_copy("expires_at"),
        last_copy("version")
    );
    all(db, &sql, [text(id), big(now), big(limit)], |row| {
        Ok(Undoable {
            installation: parse(row, "installation")?,
            version: number(row, "from_version")?,
            until: maybe_number(row, "expires_at")?,
        })
    })
    .await
}

/// Whether the last wave that changed an installation was a rollback.
pub async fn was_rolled_back(db: &impl ConnectionTrait, installation: InstallationId) -> Result<bool> {
    let sql = "SELECT d.kind FROM deployment_steps s JOIN deployments d ON d.id = s.deployment \
               WHERE s.installation = $1 AND s.state = 'finished' ORDER BY d.id DESC LIMIT 1";
    let kind = one(db, sql, [text(installation)]).await?.map(|row| from_word(&row, "kind")).transpose()?;
    Ok(kind == Some(DeploymentKind::Rollback))
}

/// Keeps a deployment's state, error and end.
pub async fn update(tx: &Tx, row: &Deployment) -> Result<()> {
    let sql = "UPDATE deployments SET state = $2, error = $3, ended_at = $4 WHERE id = $1";
    let values = [text(row.id), text(row.state), maybe_text(row.error.as_ref()), maybe_big(row.ended_at)];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Keeps one installation's part.
pub async fn update_step(tx: &Tx, row: &DeploymentStep) -> Result<()> {
    let sql = "UPDATE deployment_steps SET state = $3, operation = $4, began_at = $5, ended_at = $6, held_ms = $7, \
               error = $8, from_version = $9 WHERE deployment = $1 AND installation = $2";
    let values = [
        text(row.deployment),
        text(row.installation),
        text(row.state),
        maybe_text(row.operation),
        maybe_big(row.began_at),
        maybe_big(row.ended_at),
        maybe_big(row.held_ms),
        maybe_text(row.error.as_ref()),
        big(row.from_version.into()),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Deletes some deployments from before a time with their steps and operations; how many rows. One stays while it is
/// live, while something in it is stuck, and while it is the last that changed an installation: whether that one can be
/// rolled back depends on it.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    let sql = "SELECT d.id FROM deployments d WHERE d.created_at < $1 AND d.ended_at IS NOT NULL \
               AND NOT EXISTS (SELECT 1 FROM operations o JOIN installations i ON i.id = o.installation \
               WHERE o.deployment = d.id AND o.ended_at IS NULL AND i.state <> 'removed') \
               AND NOT EXISTS (SELECT 1 FROM deployment_steps s JOIN installations i ON i.id = s.installation \
               WHERE s.deployment = d.id AND s.state = 'finished' AND i.state <> 'removed' \
               AND NOT EXISTS (SELECT 1 FROM deployment_steps n WHERE n.installation = s.installation \
               AND n.state = 'finished' AND n.deployment > s.deployment)) ORDER BY d.id LIMIT $2";
    let ids: Vec<DeploymentId> =
        all(&**tx, sql, [big(before), big(super::PRUNED_AT_ONCE)], |row| parse(row, "id")).await?;
    let mut rows = 0;
    for id in ids {
        for sql in [
            "DELETE FROM deployment_steps WHERE deployment = $1",
            "DELETE FROM operations WHERE deployment = $1",
            "DELETE FROM deployments WHERE id = $1",
        ] {
            rows += run(&**tx, sql, [text(id)]).await?.rows_affected();
        }
        if rows >= super::PRUNED_AT_ONCE {
            break;
        }
    }
    Ok(rows)
}

/// What is yet to be changed by deployments under way: installations of the same size that are to have the same version.
#[derive(Clone, Debug)]
pub struct Outstanding {
    /// Their application.
    pub app: Key,
    /// The version that they are to have.
    pub to_version: u32,
    /// Bytes of memory that each has now.
    pub memory: u64,
    /// Bytes of disk that each has now.
    pub disk: u64,
    /// How many there are.
    pub count: u64,
}

/// Everything of that kind at a publisher.
pub async fn outstanding(db: &impl ConnectionTrait, publisher: &Slug) -> Rows<Outstanding> {
    let sql = "SELECT i.app, s.to_version, i.memory, i.disk, COUNT(*) AS n FROM deployments d \
               JOIN deployment_steps s ON s.deployment = d.id JOIN installations i ON i.id = s.installation \
               WHERE d.publisher = $1 AND d.ended_at IS NULL AND s.state IN ('waiting', 'running') \
               AND i.state IN ('installing', 'running', 'stopped') GROUP BY i.app, s.to_version, i.memory, i.disk";
    all(db, sql, [text(publisher)], |row| {
        Ok(Outstanding {
            app: Key::new(publisher.clone(), parse(row, "app")?),
            to_version: number(row, "to_version")?,
            memory: number(row, "memory")?,
            disk: number(row, "disk")?,
            count: number(row, "n")?,
        })
    })
    .await
}
