//! Runs a program in a terminal inside a sandbox for somebody at the other end of a connection. The keeper makes the
//! terminal in the sandbox and hands its master side over; it is read and written here.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use axum::response::Response;
use bytes::{Bytes, BytesMut};
use keeper::{Client, KeeperError};
use nimbus_api::{ExecFrame, TtyFrame, TtySize, frames};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use sandbox::TerminalSize;
use tokio::io::unix::AsyncFd;
use tokio::sync::{SemaphorePermit, mpsc};

use super::exec::{Input, REST, wait};
use super::{Answer, Refusal, blocking, stream};

type Terminal = Arc<AsyncFd<OwnedFd>>;

/// Answers as soon as the program runs, or the keeper has said why it does not.
pub(super) async fn run(
    dir: PathBuf,
    command: Vec<String>,
    size: TtySize,
    input: Input,
    place: SemaphorePermit<'static>,
) -> Answer<Result<Response, KeeperError>> {
    let begin = move || Client::connect(&dir)?.exec_in_terminal(command, inside(size));
    let (handle, master) = match blocking(begin).await? {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(error)),
    };
    let terminal = master.map(open).transpose();
    let terminal = terminal.map_err(|error| Refusal::bad_request(format!("the terminal cannot be used: {error}")))?;
    let (sender, response) = stream("application/octet-stream");
    tokio::spawn(async move {
        let shown = terminal.clone().map(|terminal| tokio::spawn(show(terminal, sender.clone())));
        let status = tokio::select! {
            status = wait(handle, &sender) => status,
            // Letting go of the handle hangs up.
            () = feed(terminal, input) => None,
        };
        if let Some(mut shown) = shown
            && (status.is_none() || tokio::time::timeout(REST, &mut shown).await.is_err())
        {
            shown.abort();
        }
        if let Some(status) = status {
            // The caller may be gone: then nobody wants to know.
            let _ = sender.send(ExecFrame::Exit(status).encode()).await;
        }
        drop(place);
    });
    Ok(Ok(response))
}

/// For reading and writing without waiting.
#[expect(deprecated, reason = "unsound only with a type whose descriptor may change; the new way needs `unsafe`")]
fn open(master: OwnedFd) -> io::Result<Terminal> {
    fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
    Ok(Arc::new(AsyncFd::new(master)?))
}

fn inside(size: TtySize) -> TerminalSize {
    TerminalSize { rows: size.rows, columns: size.cols }
}

/// Types what the caller types; returns when the caller hangs up.
async fn feed(terminal: Option<Terminal>, mut input: Input) {
    // Without a terminal the program could not be started, and its end is on the way.
    let Some(terminal) = terminal else { return std::future::pending().await };
    loop {
        let done = match input.frame().await {
            None | Some(TtyFrame::End) => return,
            Some(TtyFrame::Input(bytes)) => write(&terminal, &bytes).await,
            Some(TtyFrame::Resize(size)) => sandbox::resize(terminal.get_ref(), inside(size)),
        };
        if done.is_err() {
            // Nobody reads it any more: the program has ended, or is about to.
            return std::future::pending().await;
        }
    }
}

async fn write(terminal: &AsyncFd<OwnedFd>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let mut ready = terminal.writable().await?;
        if let Ok(written) = ready.try_io(|terminal| Ok(rustix::io::write(terminal, bytes)?)) {
            bytes = &bytes[written?..];
        }
    }
    Ok(())
}

/// Passes on what the terminal shows, as fast as the caller takes it, until no program has it open.
async fn show(terminal: Terminal, caller: mpsc::Sender<Bytes>) {
    let mut buffer = BytesMut::zeroed(frames::MAX);
    while let Ok(mut ready) = terminal.readable().await {
        match ready.try_io(|terminal| Ok(rustix::io::read(terminal, &mut buffer[..])?)) {
            Ok(Ok(count)) if count > 0 => {
                let piece = Bytes::copy_from_slice(&buffer[..count]);
                if caller.send(ExecFrame::Out(piece).encode()).await.is_err() {
                    return;
                }
            }
            // At its end a terminal answers with an error.
            Ok(_) => return,
            Err(_would_wait) => {}
        }
    }
}
