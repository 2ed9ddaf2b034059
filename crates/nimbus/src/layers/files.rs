//! Files that sandboxes see in place of their layers' own, because they depend on this server.

use std::fs;
use std::path::{Path, PathBuf};

use super::LayersError;
use super::error::io;
use super::{once, skeleton};
use crate::network;

/// `/etc/hosts` of the layers; each sandbox sees one with its own name in its place.
pub(super) const HOSTS: &str = "127.0.0.1 localhost\n";

/// Writes them where they have changed, and returns them with their paths inside.
pub(super) fn write(cache: &Path) -> Result<Vec<(PathBuf, String)>, LayersError> {
    let directory = cache.join("files");
    fs::create_dir_all(&directory).map_err(io("make", &directory))?;
    let mut resolv = String::new();
    for resolver in network::resolvers() {
        resolv += &format!("nameserver {resolver}\n");
    }
    let path = directory.join("resolv.conf");
    if fs::read_to_string(&path).ok().as_deref() != Some(&resolv) {
        let new = once::temporary(&directory, "resolv.conf");
        skeleton::put(&new, &resolv)?;
        fs::rename(&new, &path).map_err(io("rename", &new))?;
    }
    Ok(vec![(path, "/etc/resolv.conf".to_owned())])
}
