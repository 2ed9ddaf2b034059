//! The deployment that somebody names.

use domain::DeploymentId;
use sea_orm::ConnectionTrait;

use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::deployments;

/// The one of that id, if it is within reach.
pub async fn find_deployment(db: &impl ConnectionTrait, reach: &Reach, text: &str) -> Answer<DeploymentId> {
    let id: DeploymentId = text.parse().map_err(|_| unknown_deployment(text))?;
    let found = deployments::find_within(db, reach, id).await?;
    found.map(|row| row.id).ok_or_else(|| unknown_deployment(id))
}

/// There is no such deployment.
pub fn unknown_deployment(id: impl std::fmt::Display) -> Refusal {
    let id: String = id.to_string().chars().take(100).collect();
    let detail = format!("there is no deployment \"{id}\"; list them with `vclouden deployment list`");
    Refusal::missing("unknown-deployment", detail)
}
