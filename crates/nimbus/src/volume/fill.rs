//! The first content of an installation's data: of its package, of another installation's copy, or of an archive.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::InstallationId;

use super::error::io;
use super::{Volume, VolumeError, exists, own, sync_all, sync_directory, write_file};
use crate::tools;

impl Volume {
    /// Gives the data its first content, a copy of `from` if there is one, owned by `uid` and `gid`. Links in it are
    /// copied as links. A copy is made once: what was filled before stays as it is, and a half-done fill is done again.
    pub fn fill(&self, id: InstallationId, from: Option<&Path>, uid: u32, gid: u32) -> Result<(), VolumeError> {
        let (done, data) = (self.dir(id).join("filled"), self.data(id));
        if exists(&done) {
            return Ok(());
        }
        if let Some(from) = from {
            if !fs::symlink_metadata(from).is_ok_and(|found| found.is_dir()) {
                return Err(VolumeError::NoDirectory(from.to_owned()));
            }
            return self.fill_with(id, (uid, gid), |new| {
                self.trees.make(new)?;
                self.limit_like(id, new)?;
                // The trailing "/." copies what is in the directory, and a name that is a link is not followed.
                let content = from.join(".");
                let words =
                    ["-R", "-P", "--preserve=mode,timestamps,links", "--reflink=auto", "--no-target-directory", "--"];
                let words = words.iter().map(|word| word.as_ref()).chain([content.as_os_str(), new.as_os_str()]);
                tools::run("cp", &words.collect::<Vec<&std::ffi::OsStr>>())?;
                Ok(())
            });
        }
        std::os::unix::fs::chown(&data, Some(uid), Some(gid)).map_err(io("give away", &data))?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).map_err(io("open up", &data))?;
        sync_directory(&data)
    }

    /// The same with the data of a kept copy of another installation.
    pub fn fill_from_copy(
        &self,
        id: InstallationId,
        other: InstallationId,
        name: &str,
        owner: (u32, u32),
    ) -> Result<(), VolumeError> {
        let copy = self.copy_of(other, name)?;
        self.fill_with(id, owner, |new| {
            if !exists(&copy) {
                return Err(VolumeError::Absent(copy.clone()));
            }
            self.trees.copy(&copy, new, true)?;
            self.limit_like(id, new)
        })
    }

    /// The same with what is in an archive, of which nothing is trusted.
    pub fn fill_from_archive(
        &self,
        id: InstallationId,
        archive: &Path,
        limits: &archive::Limits,
        owner: (u32, u32),
    ) -> Result<(), VolumeError> {
        self.fill_with(id, owner, |new| {
            self.trees.make(new)?;
            self.limit_like(id, new)?;
            let file = fs::File::open(archive).map_err(io("open", archive))?;
            Ok(archive::unpack_data(file, new, limits)?)
        })
    }

    /// Makes what `lay` lays out in a new place the data, owned by `owner`, once.
    fn fill_with(
        &self,
        id: InstallationId,
        (uid, gid): (u32, u32),
        lay: impl FnOnce(&Path) -> Result<(), VolumeError>,
    ) -> Result<(), VolumeError> {
        let (done, data, new) = (self.dir(id).join("filled"), self.data(id), self.dir(id).join("data.new"));
        if exists(&done) {
            return Ok(());
        }
        self.trees.delete(&[&new])?;
        lay(&new)?;
        own(&new, uid, gid)?;
        self.exchange(id)?;
        self.trees.delete(&[&new])?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).map_err(io("open up", &data))?;
        sync_all(&data)?;
        write_file(&done, b"")
    }
}
