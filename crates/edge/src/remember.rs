//! The table on disk, so that an edge that starts without Nimbus serves what its predecessor served.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nimbus_api::edge::Route;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::{Edge, EdgeError};

/// Changes within this time are written together. A wave that switches a hundred installations changes hundreds of
/// routes in a second, and whoever starts next hears the latest from Nimbus anyway.
const GATHER: Duration = Duration::from_millis(100);
/// Before another attempt after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// `routes.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    format: u32,
    routes: Vec<Route>,
}

const FORMAT: u32 = 1;

/// The routes last written to `path`; nothing when there are none. A file that cannot be understood is set aside
/// as `routes.json.bad`: an edge that knows nothing yet is better than one that does not start.
pub(crate) fn load(path: &Path) -> Result<Option<Vec<Route>>, EdgeError> {
    let failed = |source| EdgeError::State { path: path.to_owned(), source };
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match serde_json::from_slice::<Memory>(&text) {
        Ok(memory) if memory.format == FORMAT => return Ok(Some(memory.routes)),
        Ok(memory) => tracing::error!(format = memory.format, "the routes on disk are of a format that is not known"),
        Err(error) => tracing::error!(%error, "the routes on disk cannot be understood"),
    }
    fs::rename(path, path.with_extension("json.bad")).map_err(failed)?;
    Ok(None)
}

/// Writes all routes down: whole or not at all.
pub(crate) fn save(path: &Path, routes: Vec<Route>) -> io::Result<()> {
    let new = path.with_extension("json.new");
    let mut file = File::create(&new)?;
    let text = serde_json::to_vec(&Memory { format: FORMAT, routes }).expect("wire types are plain data");
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// Every route in force, in a stable order.
pub(crate) fn routes(edge: &Edge) -> Vec<Route> {
    let mut routes: Vec<Route> = edge.routes.table().sites().map(|(_, site)| site.live().route.clone()).collect();
    routes.sort_by_key(|route| route.installation);
    routes
}

/// Writes the table down after every change, until it is dropped.
pub(crate) async fn run(edge: Arc<Edge>, path: PathBuf) {
    loop {
        edge.routes.dirty.notified().await;
        sleep(GATHER).await;
        let (routes, to) = (routes(&edge), path.clone());
        let saved = tokio::task::spawn_blocking(move || save(&to, routes)).await.map_err(io::Error::other);
        if let Err(error) = saved.and_then(|saved| saved) {
            tracing::error!(%error, path = %path.display(), "cannot write the routes down; trying again");
            edge.routes.dirty.notify_one();
            sleep(PAUSE).await;
        }
    }
}
