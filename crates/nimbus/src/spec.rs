//! What the volume says of an installation and of each copy of its data: `spec.json` and `snapshot.json`. With these
//! the volume describes itself: plugged into another server, everything on it can come back.

use std::collections::BTreeMap;

use domain::{BackupId, InstallationId, InstallationName};
use nimbus_api::{Environment, Millis, SnapshotReason, SnapshotReport, VersionSpec, Wanted};
use serde::{Deserialize, Serialize};

/// `spec.json` of an installation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallationSpec {
    /// Its id.
    pub id: InstallationId,
    /// Its name.
    pub name: InstallationName,
    /// Grows each time it is placed on a server; an older one must not start.
    pub epoch: u64,
    /// Whether it is meant to run.
    pub wanted: Wanted,
    /// What it runs.
    pub version: VersionSpec,
    /// Public TCP ports, by the name of the manifest's port.
    pub ports: BTreeMap<String, u16>,
    /// Variables of its own, which go before those of the manifest.
    #[serde(default, skip_serializing_if = "Environment::is_empty")]
    pub environment: Environment,
    /// The user that it runs as, inside; owns the data on disk.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// `snapshot.json` of a copy of its data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRecord {
    /// Why it is kept.
    pub reason: SnapshotReason,
    /// Its backup id, for a backup.
    pub backup: Option<BackupId>,
    /// The installation as it was.
    pub spec: InstallationSpec,
    /// When it was taken.
    pub taken_at: Millis,
    /// When it is deleted; never by itself when absent.
    pub expires_at: Option<Millis>,
}

impl SnapshotRecord {
    /// Whether its time is over.
    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// As the control plane wants to know it.
    pub fn report(&self, name: String) -> SnapshotReport {
        SnapshotReport {
            name,
            reason: self.reason,
            backup: self.backup,
            version: self.spec.version.number,
            artifact: self.spec.version.artifact.clone(),
            taken_at: self.taken_at,
            expires_at: self.expires_at,
        }
    }
}
