//! The whole root of an application that Cirrus runs: mount points, a handful of files in `/etc`, and Cirrus itself.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::io;
use super::{LayersError, hex, once, skeleton};

/// Where it is inside.
pub const PROGRAM: &str = "/bin/cirrus";
/// An ELF file that names one of these needs a loader and libraries, which are not there (elf(5), `PT_INTERP`).
const LOADERS: [&[u8]; 2] = [b"/lib64/ld-linux", b"/lib/ld-"];

/// The root, made when it is not there. Its name is the program's hash: another Cirrus makes its own, and sandboxes that
/// run keep theirs.
pub(super) fn root(cache: &Path, program: &Path) -> Result<PathBuf, LayersError> {
    let bytes = match fs::read(program) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(LayersError::NoCirrus(program.to_owned())),
        other => other.map_err(io("read", program))?,
    };
    let head = &bytes[..bytes.len().min(4096)];
    if LOADERS.iter().any(|loader| head.windows(loader.len()).any(|at| at == *loader)) {
        return Err(LayersError::DynamicCirrus(program.to_owned()));
    }
    once::once(cache, "cirrus", &hex(&Sha256::digest(&bytes))[..16], |root| {
        skeleton::fill(root)?;
        let inside = root.join(PROGRAM.trim_start_matches('/'));
        let copy = || -> io::Result<()> {
            fs::write(&inside, &bytes)?;
            fs::set_permissions(&inside, fs::Permissions::from_mode(0o755))?;
            File::open(&inside)?.sync_all()
        };
        copy().map_err(io("write", &inside))
    })
}
