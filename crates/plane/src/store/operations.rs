//! Operations on installations, from being accepted to their end.

use domain::state::{InstallationState, OperationState};
use domain::{DeploymentId, InstallationId, InstallationName, Key, OperationId, ServerId, Slug};
use nimbus_api::{Millis, StepReport, Work};
use sea_orm::{ConnectionTrait, QueryResult};

use crate::access::Reach;

use super::{Result, Rows, Tx, all, big, get, json, maybe_big, maybe_number, maybe_parse, maybe_text, number, one};
use super::{parse, run, text, to_json};

/// An operation as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationRow {
    /// Its id, the same on the server.
    pub id: OperationId,
    /// The installation it concerns.
    pub installation: InstallationId,
    /// The deployment it is part of.
    pub deployment: Option<DeploymentId>,
    /// What the server is told to do.
    pub work: Work,
    /// Whether its turn has not come: nothing is done to its installation yet.
    pub waits: bool,
    /// The installation's variables from its end on, sealed; kept until then.
    pub variables: Option<String>,
    /// Its state.
    pub state: OperationState,
    /// The installation's state when it was accepted, to which a removal goes back when it is undone.
    pub state_before: InstallationState,
    /// Its steps, once it has ended or is stuck.
    pub steps: Vec<StepReport>,
    /// Why it was undone or is stuck.
    pub error: Option<String>,
    /// Who asked for it.
    pub requested_by: String,
    /// When it was accepted.
    pub requested_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
    /// The installation's name.
    pub name: InstallationName,
    /// Whose it is.
    pub publisher: Slug,
    /// The installation's application.
    pub app: Slug,
    /// The installation's customer.
    pub customer: Slug,
    /// The installation's server.
    pub server: ServerId,
}

const COLUMNS: &str = "o.id, o.installation, o.deployment, o.work, o.waits, o.variables, o.state, o.state_before, o.steps, \
    o.error, o.requested_by, o.requested_at, o.ended_at, i.name, i.publisher, i.app, i.customer, i.server \
    FROM operations o JOIN installations i ON i.id = o.installation";

fn read(row: &QueryResult) -> Result<OperationRow> {
    Ok(OperationRow {
        id: parse(row, "id")?,
        installation: parse(row, "installation")?,
        deployment: maybe_parse(row, "deployment")?,
        work: json(row, "work")?,
        waits: number::<u64>(row, "waits")? > 0,
        variables: get(row, "variables")?,
        state: parse(row, "state")?,
        state_before: parse(row, "state_before")?,
        steps: json(row, "steps")?,
        error: get(row, "error")?,
        requested_by: get(row, "requested_by")?,
        requested_at: number(row, "requested_at")?,
        ended_at: maybe_number(row, "ended_at")?,
        name: parse(row, "name")?,
        publisher: parse(row, "publisher")?,
        app: parse(row, "app")?,
        customer: parse(row, "customer")?,
        server: parse(row, "server")?,
    })
}

/// What is needed to keep a new operation.
#[derive(Clone, Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: OperationId,
    /// The installation it concerns.
    pub installation: InstallationId,
    /// The deployment it is part of.
    pub deployment: Option<DeploymentId>,
    /// What the server is told to do.
    pub work: &'a Work,
    /// The installation's variables from its end on, sealed.
    pub variables: Option<&'a str>,
    /// With which others it is done one after the other, when its turn comes.
    pub batch: Option<&'a str>,
    /// The installation's state now.
    pub state_before: InstallationState,
    /// Who asked for it.
    pub requested_by: &'a str,
    /// When.
    pub at: Millis,
}

/// Keeps a new operation.
pub async fn create(tx: &Tx, new: &New<'_>) -> Result<()> {
    let sql = "INSERT INTO operations (id, installation, deployment, verb, work, state, state_before, steps, \
               requested_by, requested_at, variables, batch, waits) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, '[]', $8, $9, $10, $11, $12)";
    let values = [
        text(new.id),
        text(new.installation),
        maybe_text(new.deployment),
        text(new.work.verb()),
        text(to_json(new.work)?),
        text(OperationState::Running),
        text(new.state_before),
        text(new.requested_by),
        big(new.at),
        maybe_text(new.variables),
        maybe_text(new.batch),
        big(new.batch.is_some().into()),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// One operation within reach.
pub async fn find_within(db: &impl ConnectionTrait, reach: &Reach, id: OperationId) -> Result<Option<OperationRow>> {
    let mut values = vec![text(id)];
    let mine = reach.sql("i.publisher", "i.customer", &mut values);
    let sql = format!("SELECT {COLUMNS} WHERE o.id = $1{mine}");
    one(db, &sql, values).await?.map(|row| read(&row)).transpose()
}

/// One operation, whoever's it is.
pub async fn find(db: &impl ConnectionTrait, id: OperationId) -> Result<Option<OperationRow>> {
    let sql = format!("SELECT {COLUMNS} WHERE o.id = $1");
    one(db, &sql, [text(id)]).await?.map(|row| read(&row)).transpose()
}

/// Which installation's part of the same batch was begun before and undone or is stuck: nobody else is to get what it did not
/// bear.
pub async fn spoilt(db: &impl ConnectionTrait, id: OperationId) -> Result<Option<(InstallationName, OperationState)>> {
    let sql = "SELECT i.name, b.state FROM operations o JOIN operations b ON b.batch = o.batch AND b.id < o.id \
               JOIN installations i ON i.id = b.installation WHERE o.id = $1 AND b.waits = 0 \
               AND b.state IN ('undone', 'stuck') ORDER BY b.id LIMIT 1";
    one(db, sql, [text(id)]).await?.map(|row| Ok((parse(&row, "name")?, parse(&row, "state")?))).transpose()
}

/// Its turn has come: from now on it is about what its installation has now.
pub async fn begin(tx: &Tx, id: OperationId) -> Result<()> {
    let sql = "UPDATE operations SET waits = 0, variables = \
               (SELECT i.variables FROM installations i WHERE i.id = operations.installation) WHERE id = $1";
    run(&**tx, sql, [text(id)]).await?;
    Ok(())
}

/// Those of an application whose turn has not come.
pub async fn waiting(tx: &Tx, app: &Key) -> Rows<OperationRow> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE o.waits = 1 AND o.ended_at IS NULL AND i.publisher = $1 AND i.app = $2 ORDER BY o.id"
    );
    all(&**tx, &sql, [text(&app.publisher), text(&app.slug)], read).await
}

/// Which operations are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<OperationState>,
    /// Only those of this installation.
    pub installation: Option<InstallationId>,
}

/// Where an operation stands among all: when it was accepted, and its id to tell those of one moment apart.
pub type Place = (Millis, OperationId);

/// Operations within reach, the newest first, those before `before`. What [`count_under_way`] does not count as stuck is
/// not listed as stuck either.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach,
    filter: &Filter,
    before: Option<Place>,
    limit: u64,
) -> Rows<OperationRow> {
    let mut sql = format!("SELECT {COLUMNS} WHERE 1 = 1");
    let mut values = vec![big(limit)];
    sql.push_str(&reach.sql("i.publisher", "i.customer", &mut values));
    if let Some(state) = filter.state {
        values.push(text(state));
        sql.push_str(&format!(" AND o.state = ${}", values.len()));
        if !state.is_final() {
            sql.push_str(" AND o.ended_at IS NULL AND i.state <> 'removed'");
        }
    }
    if let Some(installation) = filter.installation {
        values.push(text(installation));
        sql.push_str(&format!(" AND o.installation = ${}", values.len()));
    }
    if let Some((at, id)) = before {
        values.extend([big(at), text(id)]);
        let last = values.len();
        sql.push_str(&format!(" AND (o.requested_at, o.id) < (${}, ${last})", last - 1));
    }
    sql.push_str(" ORDER BY o.requested_at DESC, o.id DESC LIMIT $1");
    all(db, &sql, values, read).await
}

/// What a removed installation left stuck does not matter any more.
const UNDER_WAY: &str = "FROM operations o JOIN installations i ON i.id = o.installation \
    WHERE o.ended_at IS NULL AND o.state = $1 AND i.state <> 'removed'";

/// Ids of the operations in a state that is not their end.
pub async fn under_way(db: &impl ConnectionTrait, state: OperationState) -> Rows<OperationId> {
    let sql = format!("SELECT o.id {UNDER_WAY} ORDER BY o.id");
    all(db, &sql, [text(state)], |row| parse(row, "id")).await
}

/// Ids of the running operations that belong to no deployment; of a batch the one whose turn it is. Nobody waits for what is
/// stuck.
pub async fn asked_by_persons(db: &impl ConnectionTrait) -> Rows<OperationId> {
    let sql = "SELECT o.id FROM operations o WHERE o.ended_at IS NULL AND o.state = 'running' AND o.deployment IS NULL \
               AND (o.batch IS NULL OR NOT EXISTS (SELECT 1 FROM operations b JOIN installations i ON i.id = b.installation \
               WHERE b.batch = o.batch AND b.id < o.id AND b.state = 'running' AND i.state <> 'removed')) ORDER BY o.id";
    all(db, sql, [], |row| parse(row, "id")).await
}

/// How many operations within reach are in a state that is not their end.
pub async fn count_under_way(db: &impl ConnectionTrait, reach: &Reach, state: OperationState) -> Result<u64> {
    let mut values = vec![text(state)];
    let mine = reach.sql("i.publisher", "i.customer", &mut values);
    super::count(db, &format!("SELECT COUNT(*) AS n {UNDER_WAY}{mine}"), values).await
}

/// Keeps how it ended, or that it is stuck. What has ended gives nobody variables any more.
pub async fn update(tx: &Tx, row: &OperationRow) -> Result<()> {
    let sql = "UPDATE operations SET state = $2, steps = $3, error = $4, ended_at = $5, \
               variables = CASE WHEN $6 = 1 THEN NULL ELSE variables END WHERE id = $1";
    let values = [
        text(row.id),
        text(row.state),
        text(to_json(&row.steps)?),
        maybe_text(row.error.as_ref()),
        maybe_big(row.ended_at),
        big(row.ended_at.is_some().into()),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// The time from which on the newest `count` operations were accepted; 0 when there are no more than that.
pub async fn begin_of_newest(tx: &Tx, count: u64) -> Result<Millis> {
    let sql = "SELECT requested_at FROM operations ORDER BY requested_at DESC, id DESC LIMIT 1 OFFSET $1";
    let last_of_the_others = one(&**tx, sql, [big(count)]).await?;
    Ok(last_of_the_others.map(|row| number::<Millis>(&row, "requested_at")).transpose()?.map_or(0, |at| at + 1))
}

/// Deletes some operations that have ended, belong to no deployment and were accepted before a time; how many.
pub async fn prune(tx: &Tx, before: Millis) -> Result<u64> {
    let sql = "DELETE FROM operations WHERE id IN (SELECT o.id FROM operations o \
               JOIN installations i ON i.id = o.installation WHERE o.requested_at < $1 \
               AND (o.ended_at IS NOT NULL OR i.state = 'removed') \
               AND NOT EXISTS (SELECT 1 FROM deployments d WHERE d.id = o.deployment) \
               ORDER BY o.requested_at LIMIT $2)";
    Ok(run(&**tx, sql, [big(before), big(super::PRUNED_AT_ONCE)]).await?.rows_affected())
}
