//! The installations of this server: their specifications, on the volume and at hand, and what is promised to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::InstallationId;
use domain::manifest::Limits;
use nimbus_api::{Share, VersionSpec};

use crate::error::NimbusError;
use crate::files;
use crate::spec::{InstallationSpec, SnapshotRecord};
use crate::volume::Volume;

/// Bytes of memory that are never promised: the system, Nimbus, the edge, the control plane and the keepers.
const RESERVE: u64 = 256 << 20;

/// All installations.
pub struct Registry {
    specs: Mutex<BTreeMap<InstallationId, InstallationSpec>>,
    /// Bytes of memory that operations under way will need for an installation.
    claims: Mutex<HashMap<InstallationId, u64>>,
    memory: u64,
}

impl Registry {
    /// Reads every specification of the volume. One that cannot be read is left alone, and said so.
    pub fn open(volume: &Volume) -> Result<Self, NimbusError> {
        let mut specs = BTreeMap::new();
        for id in volume.installations()? {
            match files::read::<InstallationSpec>(&volume.dir(id).join("spec.json")) {
                Ok(Some(spec)) => {
                    specs.insert(id, spec);
                }
                // Its installation has only begun.
                Ok(None) => {}
                Err(error) => tracing::error!(%id, %error, "an installation is left alone"),
            }
        }
        Ok(Self { specs: Mutex::new(specs), claims: Mutex::default(), memory: machine_memory() })
    }

    /// One installation.
    pub fn get(&self, id: InstallationId) -> Option<InstallationSpec> {
        self.specs().get(&id).cloned()
    }

    /// Whether there is one of that id.
    pub fn has(&self, id: InstallationId) -> bool {
        self.specs().contains_key(&id)
    }

    /// All, in the order of their ids.
    pub fn all(&self) -> Vec<InstallationSpec> {
        self.specs().values().cloned().collect()
    }

    /// The limits of each.
    pub fn limits(&self) -> HashMap<InstallationId, Limits> {
        self.specs().iter().map(|(id, spec)| (*id, spec.version.manifest.limits.clone())).collect()
    }

    /// Writes a specification to the volume.
    pub fn put(&self, volume: &Volume, spec: &InstallationSpec) -> Result<(), NimbusError> {
        let path = volume.dir(spec.id).join("spec.json");
        if self.get(spec.id).as_ref() != Some(spec) || !path.exists() {
            files::write(&path, spec)?;
            self.specs().insert(spec.id, spec.clone());
        }
        Ok(())
    }

    /// Forgets one whose files are deleted.
    pub fn forget(&self, id: InstallationId) {
        self.specs().remove(&id);
        self.release(id);
    }

    /// Sees to it that the memory of this version can be kept free for the installation; the reason when it cannot.
    pub fn claim(&self, id: InstallationId, version: &VersionSpec) -> Result<(), String> {
        let wanted = version.manifest.limits.memory;
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let others = promised(&self.specs(), &claims, Some(id));
        let free = self.memory.saturating_sub(RESERVE).saturating_sub(others);
        if wanted > free {
            return Err(format!(
                "this server has not enough memory: {} MiB are wanted, {} MiB of {} MiB are promised to others and \
                 {} MiB are kept for the system; remove an installation, lower limits.memory in the manifest or take \
                 another server",
                wanted >> 20,
                others >> 20,
                self.memory >> 20,
                RESERVE >> 20
            ));
        }
        claims.insert(id, wanted);
        Ok(())
    }

    /// Ends a claim: from now on the specification counts.
    pub fn release(&self, id: InstallationId) {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Memory in all and promised.
    pub fn memory(&self) -> Share {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        Share { total: self.memory, taken: promised(&self.specs(), &claims, None) }
    }

    fn specs(&self) -> MutexGuard<'_, BTreeMap<InstallationId, InstallationSpec>> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Memory promised to all but one: by specification, or by claim where that is more.
fn promised(
    specs: &BTreeMap<InstallationId, InstallationSpec>,
    claims: &HashMap<InstallationId, u64>,
    except: Option<InstallationId>,
) -> u64 {
    let of_specs = specs.values().map(|spec| {
        let own = spec.version.manifest.limits.memory;
        (spec.id, own.max(claims.get(&spec.id).copied().unwrap_or(0)))
    });
    let of_claims = claims.iter().filter(|(id, _)| !specs.contains_key(id)).map(|(id, bytes)| (*id, *bytes));
    of_specs.chain(of_claims).filter(|(id, _)| Some(*id) != except).map(|(_, bytes)| bytes).sum()
}

/// Bytes of memory of this machine.
fn machine_memory() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram * u64::from(info.mem_unit)
}

/// The copies of an installation's data, oldest first, with their names. One whose record is missing is being made or
/// deleted.
pub(crate) fn snapshots(volume: &Volume, id: InstallationId) -> Result<Vec<(String, SnapshotRecord)>, NimbusError> {
    let mut found = Vec::new();
    for name in volume.snapshots(id)? {
        if let Some(record) = snapshot(volume, id, &name)? {
            found.push((name, record));
        }
    }
    found.sort_by_key(|(_, record)| record.taken_at);
    Ok(found)
}

/// The record of one copy.
pub(crate) fn snapshot(volume: &Volume, id: InstallationId, name: &str) -> Result<Option<SnapshotRecord>, NimbusError> {
    files::read(&volume.snapshot_dir(id, name).join("snapshot.json"))
}
