//! What this server knows of itself and nobody else can tell: its id, and which slot each installation has.
//!
//! A slot is a number from which a sandbox's address, interface and user ids follow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{InstallationId, ServerId};
use serde::{Deserialize, Serialize};

use crate::error::NimbusError;
use crate::files;

/// The first and the last slot.
const FIRST: u32 = 16;
const LAST: u32 = 30_000;

#[derive(Serialize, Deserialize)]
struct Identity {
    id: ServerId,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Table {
    /// The slot that was given last: the search goes on behind it, so that an address rests before it is used again.
    last: u32,
    slots: BTreeMap<InstallationId, u32>,
}

/// This server.
pub struct Server {
    /// Its id, made at its first start.
    pub id: ServerId,
    path: PathBuf,
    table: Mutex<Table>,
}

impl Server {
    /// Reads `server.json` and `slots.json` in that directory, or makes them.
    pub fn open(directory: &Path) -> Result<Self, NimbusError> {
        let path = directory.join("server.json");
        let id = match files::read::<Identity>(&path)? {
            Some(identity) => identity.id,
            None => {
                let identity = Identity { id: ServerId::new() };
                files::write(&path, &identity)?;
                identity.id
            }
        };
        let path = directory.join("slots.json");
        // After a power cut it may be damaged: no sandbox is left then that has a slot.
        let table = files::read(&path).unwrap_or_else(|error| {
            tracing::warn!(%error, "slots are given anew");
            None
        });
        Ok(Self { id, path, table: Mutex::new(table.unwrap_or_default()) })
    }

    /// The installation's slot; it is given one when it has none.
    pub fn slot(&self, id: InstallationId) -> Result<u32, NimbusError> {
        let mut table = self.table();
        if let Some(slot) = table.slots.get(&id) {
            return Ok(*slot);
        }
        let taken: std::collections::BTreeSet<u32> = table.slots.values().copied().collect();
        let from = (table.last + 1).clamp(FIRST, LAST);
        let slot = (from..=LAST).chain(FIRST..from).find(|slot| !taken.contains(slot));
        let slot = slot.ok_or(NimbusError::NoSlot(taken.len()))?;
        let mut new = table.clone();
        new.slots.insert(id, slot);
        new.last = slot;
        files::write_soon(&self.path, &new)?;
        *table = new;
        Ok(slot)
    }

    /// The installation's slot, if it has one.
    pub fn known_slot(&self, id: InstallationId) -> Option<u32> {
        self.table().slots.get(&id).copied()
    }

    /// Every slot that is given.
    pub fn slots(&self) -> BTreeMap<InstallationId, u32> {
        self.table().slots.clone()
    }

    /// Takes the slot back.
    pub fn free(&self, id: InstallationId) -> Result<(), NimbusError> {
        let mut table = self.table();
        let mut new = table.clone();
        if new.slots.remove(&id).is_some() {
            files::write_soon(&self.path, &new)?;
            *table = new;
        }
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_stays_and_rests_before_it_is_given_again() {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::open(directory.path()).unwrap();
        let [a, b, c] = [(); 3].map(|()| InstallationId::new());
        assert_eq!((server.slot(a).unwrap(), server.slot(b).unwrap(), server.slot(a).unwrap()), (16, 17, 16));
        server.free(a).unwrap();
        assert_eq!(server.slot(c).unwrap(), 18);
        let again = Server::open(directory.path()).unwrap();
        assert_eq!((again.id, again.slots()), (server.id, server.slots()));
        std::fs::write(directory.path().join("slots.json"), b"").unwrap();
        assert!(Server::open(directory.path()).unwrap().slots().is_empty());
    }
}
