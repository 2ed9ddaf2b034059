//! Tells when a file of an application was saved.

use std::{
    fs, io,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;

/// Editors save in several steps; what happens within this time is one change.
const QUIET: Duration = Duration::from_millis(120);
const MOST_DIRECTORIES: usize = 2000;

/// Watches a directory and all below it, but not the data.
pub struct Watcher {
    fd: AsyncFd<OwnedFd>,
    root: PathBuf,
    data: Option<PathBuf>,
}

impl Watcher {
    /// Must be called within the tokio runtime.
    pub fn new(root: &Path, data: &Path) -> io::Result<Self> {
        let fd = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
        #[allow(deprecated, reason = "nobody else can close a descriptor that is owned")]
        let fd = AsyncFd::new(fd)?;
        let watcher = Self { fd, root: root.canonicalize()?, data: data.canonicalize().ok() };
        watcher.watch()?;
        Ok(watcher)
    }

    /// Watching what is watched already changes nothing, so new directories are found by doing it again.
    fn watch(&self) -> io::Result<()> {
        use inotify::WatchFlags as On;
        let mut left = vec![self.root.clone()];
        let mut count = 0;
        while let Some(directory) = left.pop() {
            count += 1;
            let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or("");
            let passed_over = directory != self.root && (name.starts_with('.') || name == "node_modules");
            if passed_over || self.data.as_ref() == Some(&directory) || count > MOST_DIRECTORIES {
                continue;
            }
            let events = On::CLOSE_WRITE | On::CREATE | On::DELETE | On::MOVED_FROM | On::MOVED_TO;
            inotify::add_watch(self.fd.get_ref(), &directory, events)?;
            let entries = fs::read_dir(&directory)?.flatten();
            left.extend(
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
            );
        }
        Ok(())
    }

    /// Waits for a change; `false` when there will be no more.
    pub async fn changed(&mut self) -> bool {
        loop {
            let mut any = match self.drain().await {
                Ok(any) => any,
                Err(_) => return false,
            };
            while let Ok(more) = tokio::time::timeout(QUIET, self.drain()).await {
                any |= more.unwrap_or(false);
            }
            if any {
                // A directory may have gone in between: the next change tells.
                let _ = self.watch();
                return true;
            }
        }
    }

    /// Reads what there is; whether any of it is about a file that counts.
    async fn drain(&self) -> io::Result<bool> {
        let mut ready = self.fd.readable().await?;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(self.fd.get_ref(), &mut buffer);
        let mut any = false;
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                    any |= !name.starts_with('.') && !name.ends_with('~') && name != "4913";
                }
                Err(error) if error == rustix::io::Errno::WOULDBLOCK => break,
                Err(error) => return Err(error.into()),
            }
        }
        ready.clear_ready();
        Ok(any)
    }
}
