//! Who needs what of the cache, so that what nobody needs can go although several servers of one machine share it.
//!
//! Each of them keeps a list, `users/<id>.json`: items that it needs, and items that it needed until some time. An item
//! goes when nobody needs it and the last who did has not for [`GRACE`]. A list counts for as long as its owner's data
//! directory is there, whether or not its Nimbus runs: sandboxes outlive it.
//!
//! An item is put on the list before it is looked for, and deleted under the lock under which lists are written: what
//! somebody has claimed is either still there, or is missing and made anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nimbus_api::Millis;
use serde::{Deserialize, Serialize};

use super::error::io;
use super::{LayersError, names};

/// How long what nobody needs is kept.
pub const GRACE: Duration = Duration::from_secs(48 * 3600);

/// What is needed: `apps/<sha256>`, `artifacts/<sha256>` or `dependencies/<hash>`, each with the time since when it is
/// no longer needed.
type Items = BTreeMap<String, Option<Millis>>;

/// The list of one server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct List {
    /// Its data directory.
    data: PathBuf,
    /// When it was last brought up to date.
    refreshed: Millis,
    items: Items,
}

/// The lists of a cache, from the point of view of one server.
pub(super) struct Leases {
    cache: PathBuf,
    name: String,
    mine: Mutex<List>,
}

impl Leases {
    /// Takes up the list of the server with that id, or begins one.
    pub fn open(cache: &Path, id: &str, data: &Path) -> Result<Self, LayersError> {
        let directory = cache.join("users");
        fs::create_dir_all(&directory).map_err(io("make", &directory))?;
        let name = format!("{id}.json");
        let mut list = read(&directory.join(&name))?.unwrap_or_default();
        list.data = data.canonicalize().map_err(io("find", data))?;
        let leases = Self { cache: cache.to_owned(), name, mine: Mutex::new(list) };
        let _lock = leases.lock()?;
        leases.write(&leases.mine().clone())?;
        Ok(leases)
    }

    /// This item is needed from now on, until [`Leases::surplus`] is told otherwise.
    pub fn claim(&self, item: &str) -> Result<(), LayersError> {
        if self.mine().items.get(item) == Some(&None) {
            return Ok(());
        }
        let _lock = self.lock()?;
        let mut list = self.mine().clone();
        list.items.insert(item.to_owned(), None);
        self.write(&list)?;
        self.mine().items.insert(item.to_owned(), None);
        Ok(())
    }

    /// Whether another server needs this item.
    pub fn is_needed_by_others(&self, item: &str) -> Result<bool, LayersError> {
        let _lock = self.lock()?;
        Ok(self.others(0)?.iter().any(|list| list.items.get(item) == Some(&None)))
    }

    /// Notes what this server needs at `now`, and hands `delete` each of the items `there` that may go.
    pub fn surplus(
        &self,
        needed: &BTreeSet<String>,
        there: &BTreeSet<String>,
        now: Millis,
        mut delete: impl FnMut(&str) -> Result<(), LayersError>,
    ) -> Result<Vec<String>, LayersError> {
        let _lock = self.lock()?;
        let others = self.others(now)?;
        let mut list = self.mine().clone();
        list.refreshed = now;
        for (item, idle) in &mut list.items {
            *idle = if needed.contains(item) { None } else { Some(idle.unwrap_or(now)) };
        }
        for item in needed {
            list.items.insert(item.clone(), None);
        }
        let mut surplus = Vec::new();
        for item in there {
            let known: Vec<Option<Millis>> =
                std::iter::once(&list).chain(&others).filter_map(|list| list.items.get(item).copied()).collect();
            if known.is_empty() {
                // Nobody has heard of it: its time begins now.
                list.items.insert(item.clone(), Some(now));
            } else if known.iter().all(|idle| idle.is_some_and(|since| is_over(since, now))) {
                surplus.push(item.clone());
            }
        }
        list.items.retain(|item, idle| idle.is_none() || (there.contains(item) && !surplus.contains(item)));
        self.write(&list)?;
        *self.mine() = list;
        surplus.iter().try_for_each(|item| delete(item))?;
        Ok(surplus)
    }

    /// The lists of the others. One whose owner's data directory is gone, and that has not been brought up to date for
    /// long, is deleted; never with `now` 0.
    fn others(&self, now: Millis) -> Result<Vec<List>, LayersError> {
        let directory = self.cache.join("users");
        let mut lists = Vec::new();
        for name in names(&directory)?.into_iter().filter(|name| name.ends_with(".json") && *name != self.name) {
            let path = directory.join(name);
            let Some(list) = read(&path)? else { continue };
            if is_over(list.refreshed, now) && !list.data.exists() {
                tracing::info!(data = %list.data.display(), "a server that shared the cache is gone");
                super::remove(&path)?;
            } else {
                lists.push(list);
            }
        }
        Ok(lists)
    }

    /// Waits until nobody else reads or writes lists, or deletes; the lock ends with the value, or with the process.
    fn lock(&self) -> Result<File, LayersError> {
        let path = self.cache.join("users/lock");
        let file = File::create(&path).map_err(io("make", &path))?;
        file.lock().map_err(io("lock", &path))?;
        Ok(file)
    }

    /// Writes this server's list; the lock must be held.
    fn write(&self, list: &List) -> Result<(), LayersError> {
        let path = self.cache.join("users").join(&self.name);
        let new = path.with_extension("new");
        let text = serde_json::to_vec(list).expect("a list is plain data");
        fs::write(&new, text).map_err(io("write", &new))?;
        File::open(&new).and_then(|file| file.sync_all()).map_err(io("write to disk", &new))?;
        fs::rename(&new, &path).map_err(io("rename", &new))
    }

    fn mine(&self) -> MutexGuard<'_, List> {
        self.mine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_over(since: Millis, now: Millis) -> bool {
    since.saturating_add(u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX)) <= now
}

/// A list. One that cannot be understood was written by a later version: then nothing is known to be surplus.
fn read(path: &Path) -> Result<Option<List>, LayersError> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(io("read", path))?,
    };
    let understood = |error: serde_json::Error| std::io::Error::new(ErrorKind::InvalidData, error);
    serde_json::from_slice(&text).map(Some).map_err(understood).map_err(io("understand", path))
}
