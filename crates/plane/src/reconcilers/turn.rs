//! Begins one of several operations that are done one after the other, or says why not: until its turn nothing is done to
//! its installation, so that whoever waits for another keeps nobody from anything.

use domain::state::{InstallationState, OperationState};
use domain::{OperationId, ServerId};

use super::Pause;
use crate::Plane;
use crate::operations::change_environment::not_begun;
use crate::store::installations::{self, InstallationRow};
use crate::store::operations::{self, OperationRow};
use crate::store::{Result, StoreError};

/// Times that a server is asked whether it is there.
const TRIES: u32 = 5;

/// What it is to be driven as; `None` when it has ended without anything being done.
pub async fn begin_turn(plane: &Plane, row: OperationRow) -> Result<Option<OperationRow>> {
    let answers = answers(plane, row.server).await;
    let missing =
        |what: &'static str| StoreError::Row { what, why: format!("that of operation {} is missing", row.id) };
    let tx = plane.store.write().await?;
    let found = operations::find(&*tx, row.id).await?.ok_or_else(|| missing("operation"))?;
    if !found.waits || found.state.is_final() {
        return Ok(Some(found).filter(|found| !found.state.is_final()));
    }
    let installation = installations::find(&*tx, row.installation).await?.ok_or_else(|| missing("installation"))?;
    let mut why = operations::spoilt(&*tx, row.id).await?.map(|(other, state)| match state {
        OperationState::Stuck => format!("{other} is stuck with these variables"),
        _ => format!("{other} did not become healthy with these variables"),
    });
    why = why.or_else(|| unfit(&installation).map(str::to_owned));
    if why.is_none() && !answers {
        why = Some("its server does not answer".into());
    }
    if why.is_none() && !installations::begin(&tx, installation.id, row.id).await? {
        why = Some("something else is being done to it".into());
    }
    let begun = match why {
        Some(why) => {
            not_begun(plane, &tx, found, &installation, &why).await?;
            None
        }
        None => Some(begin(&tx, row.id).await?.ok_or_else(|| missing("operation"))?),
    };
    tx.commit().await?;
    plane.progress.changed();
    if begun.is_none() {
        plane.progress.ended(row.id);
        plane.progress.operations.notify_one();
    }
    Ok(begun)
}

async fn begin(tx: &crate::store::Tx, id: OperationId) -> Result<Option<OperationRow>> {
    operations::begin(tx, id).await?;
    operations::find(&**tx, id).await
}

fn unfit(row: &InstallationRow) -> Option<&'static str> {
    match row.state {
        InstallationState::Running | InstallationState::Stopped if row.deployment.is_some() => {
            Some("a deployment is to change it")
        }
        InstallationState::Running | InstallationState::Stopped => None,
        _ => Some("it is not installed"),
    }
}

/// Whether a server is there, now or in a moment.
async fn answers(plane: &Plane, server: ServerId) -> bool {
    let mut pause = Pause::new();
    for left in (0..TRIES).rev() {
        let asked = async { plane.servers.get(server)?.server.report().await };
        if asked.await.is_ok() {
            return true;
        }
        if left > 0 {
            pause.wait().await;
        }
    }
    false
}
