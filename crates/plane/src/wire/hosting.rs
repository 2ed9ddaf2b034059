//! What a publisher hosts for itself.

use domain::{DeploymentId, InstallationId, OperationId, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of something that was sent to be hosted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hosted {
    /// Its application.
    pub app: Slug,
    /// The version that it became.
    pub version: u32,
    /// Its installation.
    pub installation: Option<InstallationId>,
    /// The operation that installs it, the first time.
    pub operation: Option<OperationId>,
    /// The deployment that replaces what was there; neither when it was sent before.
    pub deployment: Option<DeploymentId>,
}
