//! Files that sandboxes see in place of their layers' own, because they depend on this server.

use std::fs;
use std::path::{Path, PathBuf};

use super::LayersError;
use super::error::io;
use super::{once, skeleton};
use crate::network;

/// `/etc/hosts` of every sandbox.
pub(super) const HOSTS: &str = "127.0.0.1 localhost\n";

/// Writes them where they have changed, and returns them with their paths inside.
pub(super) fn write(cache: &Path) -> Result<Vec<(PathBuf, String)>, LayersError> {
    let directory = cache.join("files");
    fs::create_dir_all(&directory).map_err(io("make", &directory))?;
    let mut resolv = String::new();
    for resolver in network::resolvers() {
        resolv += &format!("nameserver {resolver}\n");
    }
    let mut files = Vec::new();
    for (name, content) in [("resolv.conf", resolv.as_str()), ("hosts", HOSTS)] {
        let path = directory.join(name);
        if fs::read_to_string(&path).ok().as_deref() != Some(content) {
            let new = once::temporary(&directory, name);
            skeleton::put(&new, content)?;
            fs::rename(&new, &path).map_err(io("rename", &new))?;
        }
        files.push((path, format!("/etc/{name}")));
    }
    Ok(files)
}
