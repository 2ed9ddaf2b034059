//! Installations.

use domain::manifest::Limits;
use domain::state::InstallationState;
use domain::{DeploymentId, InstallationId, InstallationName, Key, OperationId, ServerId, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use crate::access::Reach;

use super::{Result, Rows, Tx, all, big, get, maybe_number, maybe_parse, maybe_text, number, one, parse, run, text};

/// An installation as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallationRow {
    /// Its id.
    pub id: InstallationId,
    /// Its name.
    pub name: InstallationName,
    /// Whose application it is.
    pub publisher: Slug,
    /// The application.
    pub app: Slug,
    /// The customer.
    pub customer: Slug,
    /// The server it is on.
    pub server: ServerId,
    /// That server's host name when it was last seen.
    pub host: Option<String>,
    /// Grows each time it is placed.
    pub epoch: u64,
    /// The version it runs.
    pub version: u32,
    /// Whether that version serves HTTP.
    pub serves_http: bool,
    /// Its state.
    pub state: InstallationState,
    /// The operation under way; while there is one, no other begins.
    pub operation: Option<OperationId>,
    /// The live deployment in which its turn has not ended.
    pub deployment: Option<DeploymentId>,
    /// Why its last operation failed.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Millis,
    /// When it was removed.
    pub removed_at: Option<Millis>,
}

impl InstallationRow {
    /// Its application.
    pub fn app_key(&self) -> Key {
        Key::new(self.publisher.clone(), self.app.clone())
    }

    /// Its customer.
    pub fn customer_key(&self) -> Key {
        Key::new(self.publisher.clone(), self.customer.clone())
    }
}

const COLUMNS: &str = "i.id, i.name, i.publisher, i.app, i.customer, i.server, i.epoch, i.version, i.serves_http, i.state, \
    i.operation, i.error, i.created_at, i.removed_at, (SELECT v.host FROM servers v WHERE v.id = i.server) AS host, \
    (SELECT s.deployment FROM deployment_steps s JOIN deployments d ON d.id = s.deployment \
     WHERE s.installation = i.id AND d.ended_at IS NULL AND s.state IN ('waiting', 'running') LIMIT 1) AS deployment";

fn read(row: &QueryResult) -> Result<InstallationRow> {
    Ok(InstallationRow {
        id: parse(row, "id")?,
        name: parse(row, "name")?,
        publisher: parse(row, "publisher")?,
        app: parse(row, "app")?,
        customer: parse(row, "customer")?,
        server: parse(row, "server")?,
        host: get(row, "host")?,
        epoch: number(row, "epoch")?,
        version: number(row, "version")?,
        serves_http: get::<i64>(row, "serves_http")? != 0,
        state: parse(row, "state")?,
        operation: maybe_parse(row, "operation")?,
        deployment: maybe_parse(row, "deployment")?,
        error: get(row, "error")?,
        created_at: number(row, "created_at")?,
        removed_at: maybe_number(row, "removed_at")?,
    })
}

/// Keeps a new installation; its name must be free.
pub async fn create(tx: &Tx, new: &InstallationRow) -> Result<()> {
    let sql = "INSERT INTO installations (id, name, app, customer, server, epoch, version, serves_http, state, \
               operation, created_at, publisher) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let values = [
        text(new.id),
        text(&new.name),
        text(&new.app),
        text(&new.customer),
        text(new.server),
        big(new.epoch),
        big(new.version.into()),
        big(new.serves_http.into()),
        text(new.state),
        maybe_text(new.operation),
        big(new.created_at),
        text(&new.publisher),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// The installation of that id within reach, removed or not.
pub async fn find_within(
    db: &impl ConnectionTrait,
    reach: &Reach,
    id: InstallationId,
) -> Result<Option<InstallationRow>> {
    let mut values = vec![text(id)];
    let mine = reach.sql("i.publisher", "i.customer", &mut values);
    let sql = format!("SELECT {COLUMNS} FROM installations i WHERE i.id = $1{mine}");
    one(db, &sql, values).await?.map(|row| read(&row)).transpose()
}

/// The installation within reach that has that name now.
pub async fn named_within(
    db: &impl ConnectionTrait,
    reach: &Reach,
    name: &InstallationName,
) -> Result<Option<InstallationRow>> {
    let mut values = vec![text(name)];
    let mine = reach.sql("i.publisher", "i.customer", &mut values);
    let sql = format!("SELECT {COLUMNS} FROM installations i WHERE i.name = $1 AND i.state <> 'removed'{mine}");
    one(db, &sql, values).await?.map(|row| read(&row)).transpose()
}

/// The installation of that id, removed or not, whoever's it is.
pub async fn find(db: &impl ConnectionTrait, id: InstallationId) -> Result<Option<InstallationRow>> {
    let sql = format!("SELECT {COLUMNS} FROM installations i WHERE i.id = $1");
    one(db, &sql, [text(id)]).await?.map(|row| read(&row)).transpose()
}

/// The installation that has that name now, whoever's it is: names are host names.
pub async fn named(db: &impl ConnectionTrait, name: &InstallationName) -> Result<Option<InstallationRow>> {
    let sql = format!("SELECT {COLUMNS} FROM installations i WHERE i.name = $1 AND i.state <> 'removed'");
    one(db, &sql, [text(name)]).await?.map(|row| read(&row)).transpose()
}

/// Which installations are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this application.
    pub app: Option<Key>,
    /// Only of this customer.
    pub customer: Option<Key>,
    /// Only those whose name, application or customer has this in it; lower case.
    pub text: Option<String>,
    /// Only those that run this version.
    pub version: Option<u32>,
    /// Only those in this state.
    pub state: Option<InstallationState>,
    /// Only those on this server.
    pub server: Option<ServerId>,
    /// Only those whose last operation failed, or that need somebody for another reason.
    pub troubled: bool,
}

/// Installations within reach that are not removed, by name, those after `after`.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach,
    filter: &Filter,
    after: &str,
    limit: u64,
) -> Rows<InstallationRow> {
    let mut sql = format!("SELECT {COLUMNS} FROM installations i WHERE i.state <> 'removed' AND i.name > $1");
    let mut values = vec![text(after), big(limit)];
    sql.push_str(&reach.sql("i.publisher", "i.customer", &mut values));
    for (column, wanted) in [("app", &filter.app), ("customer", &filter.customer)] {
        if let Some(key) = wanted {
            values.extend([text(&key.publisher), text(&key.slug)]);
            let last = values.len();
            sql.push_str(&format!(" AND i.publisher = ${} AND i.{column} = ${last}", last - 1));
        }
    }
    if let Some(wanted) = &filter.text {
        values.push(super::containing(wanted));
        let last = values.len();
        let like = |column: &str| format!("i.{column} LIKE ${last} ESCAPE '\\'");
        sql.push_str(&format!(" AND ({} OR {} OR {})", like("name"), like("app"), like("customer")));
    }
    if let Some(version) = filter.version {
        values.push(big(version.into()));
        sql.push_str(&format!(" AND i.version = ${}", values.len()));
    }
    if let Some(state) = filter.state {
        values.push(text(state));
        sql.push_str(&format!(" AND i.state = ${}", values.len()));
    }
    if let Some(server) = filter.server {
        values.push(text(server));
        sql.push_str(&format!(" AND i.server = ${}", values.len()));
    }
    if filter.troubled {
        sql.push_str(" AND (i.error IS NOT NULL OR EXISTS (SELECT 1 FROM attention a WHERE a.installation = i.id))");
    }
    sql.push_str(" ORDER BY i.name LIMIT $2");
    all(db, &sql, values, read).await
}

/// Installations within reach whose last operation failed, the newest first.
pub async fn troubled(db: &impl ConnectionTrait, reach: &Reach, limit: u64) -> Rows<InstallationRow> {
    let mut values = vec![big(limit)];
    let mine = reach.sql("i.publisher", "i.customer", &mut values);
    let sql = format!(
        "SELECT {COLUMNS} FROM installations i WHERE i.state <> 'removed' AND i.error IS NOT NULL{mine} \
         ORDER BY i.id DESC LIMIT $1"
    );
    all(db, &sql, values, read).await
}

/// Every installation of an application that is not removed, oldest first.
pub async fn of_app(db: &impl ConnectionTrait, app: &Key) -> Rows<InstallationRow> {
    let sql = format!(
        "SELECT {COLUMNS} FROM installations i WHERE i.publisher = $1 AND i.app = $2 AND i.state <> 'removed' \
         ORDER BY i.id"
    );
    all(db, &sql, [text(&app.publisher), text(&app.slug)], read).await
}

/// The states in which an installation gets another version; the others have none to be changed.
pub const CHANGEABLE: [InstallationState; 3] =
    [InstallationState::Installing, InstallationState::Running, InstallationState::Stopped];

/// Those of one server that a version would change.
pub struct Touched {
    /// The server.
    pub server: ServerId,
    /// How many there are.
    pub count: u64,
    /// How many have which version now.
    pub from: Vec<(u32, u64)>,
    /// The first of them by name.
    pub first: Vec<InstallationRow>,
}

/// Which installations a version of an application would change, with the first `each` of every server.
pub async fn touched(db: &impl ConnectionTrait, app: &Key, version: u32, each: u64) -> Rows<Touched> {
    let wanted = format!(
        "i.publisher = $1 AND i.app = $2 AND i.version <> $3 AND i.state IN ({})",
        CHANGEABLE.map(|state| format!("'{state}'")).join(", ")
    );
    let values = || vec![text(&app.publisher), text(&app.slug), big(version.into())];
    let counts = format!(
        "SELECT i.server, i.version, COUNT(*) AS n FROM installations i WHERE {wanted} GROUP BY i.server, i.version \
         ORDER BY i.server, i.version"
    );
    let counts: Vec<(ServerId, u32, u64)> =
        all(db, &counts, values(), |row| Ok((parse(row, "server")?, number(row, "version")?, number(row, "n")?)))
            .await?;
    let sql =
        format!("SELECT {COLUMNS} FROM installations i WHERE {wanted} AND i.server = $4 ORDER BY i.name LIMIT $5");
    let mut found = Vec::new();
    for on in counts.chunk_by(|one, other| one.0 == other.0) {
        let server = on[0].0;
        let from: Vec<(u32, u64)> = on.iter().map(|(_, version, count)| (*version, *count)).collect();
        let count = from.iter().map(|(_, count)| count).sum();
        let first = match each {
            0 => Vec::new(),
            _ => all(db, &sql, values().into_iter().chain([text(server), big(each)]), read).await?,
        };
        found.push(Touched { server, count, from, first });
    }
    Ok(found)
}

/// Bytes of memory and of disk that the installations of an application have which a deployment of that version changes.
pub async fn sizes_without(db: &impl ConnectionTrait, app: &Key, version: u32) -> Result<(u64, u64)> {
    let sql = "SELECT CAST(COALESCE(SUM(memory), 0) AS BIGINT) AS memory, CAST(COALESCE(SUM(disk), 0) AS BIGINT) AS disk \
               FROM installations WHERE publisher = $1 AND app = $2 AND version <> $3 \
               AND state IN ('installing', 'running', 'stopped')";
    let row = one(db, sql, [text(&app.publisher), text(&app.slug), big(version.into())]).await?;
    row.map(|row| Ok((number(&row, "memory")?, number(&row, "disk")?))).transpose().map(Option::unwrap_or_default)
}

/// Makes `operation` the one under way; `false` when there is one already.
pub async fn begin(tx: &Tx, id: InstallationId, operation: OperationId) -> Result<bool> {
    let sql = "UPDATE installations SET operation = $2 WHERE id = $1 AND operation IS NULL";
    Ok(run(&**tx, sql, [text(id), text(operation)]).await?.rows_affected() > 0)
}

/// Makes `operation` the one under way in place of one that is stuck.
pub async fn begin_in_place_of(tx: &Tx, id: InstallationId, operation: OperationId) -> Result<()> {
    run(&**tx, "UPDATE installations SET operation = $2 WHERE id = $1", [text(id), text(operation)]).await?;
    Ok(())
}

/// Keeps what an operation changed: state, version, error, and that it has ended or is stuck.
pub async fn update(tx: &Tx, row: &InstallationRow) -> Result<()> {
    let sql = "UPDATE installations SET state = $2, version = $3, serves_http = $4, operation = $5, error = $6, \
               removed_at = $7 WHERE id = $1";
    let values = [
        text(row.id),
        text(row.state),
        big(row.version.into()),
        big(row.serves_http.into()),
        maybe_text(row.operation),
        maybe_text(row.error.as_ref()),
        super::maybe_big(row.removed_at),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Keeps what it may use, by the version that it runs.
pub async fn set_size(tx: &Tx, id: InstallationId, limits: &Limits) -> Result<()> {
    let sql = "UPDATE installations SET memory = $2, disk = $3 WHERE id = $1";
    run(&**tx, sql, [text(id), big(limits.memory), big(limits.disk)]).await?;
    Ok(())
}

/// Those of which it is not known yet what they may use.
pub async fn without_size(db: &impl ConnectionTrait) -> Rows<InstallationRow> {
    let sql = format!("SELECT {COLUMNS} FROM installations i WHERE i.memory = 0 AND i.state <> 'removed'");
    all(db, &sql, [], read).await
}

/// Its variables, sealed.
pub async fn variables(db: &impl ConnectionTrait, id: InstallationId) -> Result<Option<String>> {
    let row = one(db, "SELECT variables FROM installations WHERE id = $1", [text(id)]).await?;
    Ok(row.map(|row| get(&row, "variables")).transpose()?.flatten())
}

/// Gives it these variables instead, sealed.
pub async fn set_variables(tx: &Tx, id: InstallationId, sealed: Option<&str>) -> Result<()> {
    run(&**tx, "UPDATE installations SET variables = $2 WHERE id = $1", [text(id), maybe_text(sealed)]).await?;
    Ok(())
}

/// Deletes some records of removed installations of which no operation and no deployment tells any more; how many.
pub async fn prune(tx: &Tx) -> Result<u64> {
    let sql = "DELETE FROM installations WHERE id IN (SELECT i.id FROM installations i WHERE i.state = 'removed' \
               AND NOT EXISTS (SELECT 1 FROM operations o WHERE o.installation = i.id) \
               AND NOT EXISTS (SELECT 1 FROM deployment_steps s WHERE s.installation = i.id) LIMIT $1)";
    Ok(run(&**tx, sql, [big(super::PRUNED_AT_ONCE)]).await?.rows_affected())
}

/// How many within reach there are in each state.
pub async fn count_by_state(db: &impl ConnectionTrait, reach: &Reach) -> Rows<(String, u64)> {
    let mut values = Vec::new();
    let mine = reach.sql("publisher", "customer", &mut values);
    let sql = format!(
        "SELECT state, COUNT(*) AS n FROM installations WHERE state <> 'removed'{mine} GROUP BY state ORDER BY state"
    );
    all(db, &sql, values, |row| Ok((get(row, "state")?, number(row, "n")?))).await
}
