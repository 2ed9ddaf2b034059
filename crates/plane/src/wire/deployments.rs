//! Deployments, what they would change, and how they are taken back.

use std::collections::BTreeMap;

use domain::state::{DeploymentState, DeploymentStepState};
use domain::{DeploymentId, InstallationId, InstallationName, Key, OperationId, ServerId, Slug};
use nimbus_api::{Millis, StepReport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /apps/{app}/deployments`; an empty body is `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDeployment {
    /// The version's number; the newest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Installations to switch before all others; 1 when absent, 0 for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<u32>,
    /// Hours during which code and data can go back, 1 to 720; 48 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub keep_hours: Option<u32>,
}

/// `POST /apps/{app}/rollback` and `POST /installations/{i}/rollback`; an empty body is `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRollback {
    /// Go back one more version also where the last wave was a rollback already.
    #[serde(default)]
    pub further: bool,
}

/// Which way a wave goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentKind {
    /// Brings a version. An installation that does not become healthy goes back, and nothing new is begun.
    Deploy,
    /// Puts code and data back to before the last deployment. It goes on with the others when one fails.
    Rollback,
}

/// A wave that brings a version to every installation of an application, or takes it back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Which way it goes.
    pub kind: DeploymentKind,
    /// Whose application it is.
    pub publisher: Slug,
    /// The application.
    pub app: Slug,
    /// The version it brings; absent for a rollback, where each installation has its own.
    pub version: Option<u32>,
    /// Whether it is for every installation of the application.
    #[serde(default)]
    pub whole_app: bool,
    /// Installations that go first.
    pub canary: u32,
    /// Hours during which it can be taken back.
    pub keep_hours: u32,
    /// Its state.
    pub state: DeploymentState,
    /// Who asked for it.
    pub requested_by: String,
    /// When it was asked for.
    pub created_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
    /// Why it failed.
    pub error: Option<String>,
    /// Installations by state of their part in it.
    pub counts: BTreeMap<DeploymentStepStateName, u64>,
    /// What `POST /deployments/{id}/rollback` would take back; only in `GET /deployments/{id}`, absent when nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// Every installation's part, in order of their turn; only in `GET /deployments/{id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installations: Option<Vec<DeploymentStep>>,
}

impl Deployment {
    /// Its application.
    pub fn app_key(&self) -> Key {
        Key::new(self.publisher.clone(), self.app.clone())
    }
}

/// What can be taken back of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Undo {
    /// Installations that it brought its version to and that have had no other since.
    pub installations: u64,
    /// Until when all of them can go back.
    pub until: Option<Millis>,
}

/// `GET /apps/{app}/plan`: what a deployment of a version would change now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentPlan {
    /// The application.
    pub app: Slug,
    /// The version it would bring.
    pub version: u32,
    /// Installations that it would change.
    pub installations: u64,
    /// The same by server.
    pub servers: Vec<PlannedServer>,
}

/// What a deployment would change on one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedServer {
    /// The server.
    pub server: ServerId,
    /// Its host name when it was last seen.
    pub host: Option<String>,
    /// Installations that it would change there.
    pub installations: u64,
    /// The versions that they have now, lowest first.
    pub from: Vec<PlannedFrom>,
}

/// Installations that have one version now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedFrom {
    /// That version's number.
    pub version: u32,
    /// How many.
    pub installations: u64,
}

/// A [`DeploymentStepState`] as text, such as `waiting`.
pub type DeploymentStepStateName = String;

/// One installation's part in a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentStep {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Its turn, from 0.
    pub position: u32,
    /// The installation.
    pub installation: InstallationId,
    /// Its name.
    pub name: InstallationName,
    /// The server it is on.
    pub server: ServerId,
    /// That server's host name when it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether it goes first.
    pub canary: bool,
    /// The version it had.
    pub from_version: u32,
    /// The version it is to have.
    pub to_version: u32,
    /// Its state.
    pub state: DeploymentStepState,
    /// The operation that does it, once begun.
    pub operation: Option<OperationId>,
    /// What is done or undone, with times.
    pub steps: Vec<StepReport>,
    /// When it was begun.
    pub began_at: Option<Millis>,
    /// When it ended.
    pub ended_at: Option<Millis>,
    /// Milliseconds during which the edge held its requests.
    pub held_ms: Option<u64>,
    /// Why it was undone, is stuck or was skipped.
    pub error: Option<String>,
}

/// A line of `GET /deployments/{id}/events`. The first lines tell how everything is; the stream ends with the line that
/// tells the final state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DeploymentEvent {
    /// The deployment itself; without its steps.
    Deployment {
        /// As it is now.
        deployment: Deployment,
    },
    /// An installation's part changed.
    Installation {
        /// As it is now.
        step: DeploymentStep,
    },
}
