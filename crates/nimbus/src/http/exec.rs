//! Runs a program inside a sandbox for somebody at the other end of a connection.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use domain::InstallationId;
use http_body_util::BodyExt;
use keeper::{Client, ExecHandle};
use nimbus_api::{ExecFrame, ExecRequest, TtyFrame, frames};
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::{Semaphore, mpsc};

use super::{Answer, App, Path, Refusal, blocking, stream};

/// Bytes of the first line.
const MAX_LINE: usize = 64 * 1024;
/// Programs at a time.
static PLACES: Semaphore = Semaphore::const_new(64);
/// Between two looks at whether the caller is still there.
const LOOK: Duration = Duration::from_millis(200);
/// How long output may still come when the program has ended; a child of it may hold its pipe open.
pub(super) const REST: Duration = Duration::from_secs(1);

/// `POST /installations/{id}/exec`
pub(super) async fn run(State(engine): App, Path(id): Path<InstallationId>, request: Request) -> Answer<Response> {
    let spec = super::installations::present(&engine, id)?;
    let place = PLACES.try_acquire().map_err(|_| {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too-many", "too many programs are run at a time; try again soon")
    })?;
    let mut input = Input { body: request.into_body(), buffer: BytesMut::new() };
    let ExecRequest { command, tty } = input.request().await?;
    let dir = engine.keepers.dir(id);
    let not_running = move |error: keeper::KeeperError| {
        let message = format!("{} does not run, so nothing can be run in it: {error}", spec.name);
        Refusal::new(StatusCode::CONFLICT, "not-running", message)
    };
    if let Some(size) = tty {
        return super::terminal::run(dir, command, size, input, place).await?.map_err(not_running);
    }
    let failed = |error: std::io::Error| Refusal::bad_request(format!("no pipe can be made: {error}"));
    let [stdin, stdout, stderr] = [channel().map_err(failed)?, channel().map_err(failed)?, channel().map_err(failed)?];
    let (theirs, ours) = ([stdin.0, stdout.1, stderr.1], (stdin.1, stdout.0, stderr.0));
    let begin = move || {
        let client = Client::connect(&dir)?;
        let [stdin, stdout, stderr] = &theirs;
        client.exec(command, [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()])
    };
    let handle = blocking(begin).await?.map_err(not_running)?;
    let stdin = pipe::Sender::from_owned_fd(ours.0).map_err(failed)?;
    let stdout = pipe::Receiver::from_owned_fd(ours.1).map_err(failed)?;
    let stderr = pipe::Receiver::from_owned_fd(ours.2).map_err(failed)?;

    let (sender, response) = stream("application/octet-stream");
    tokio::spawn(async move {
        let feed = tokio::spawn(input.feed(stdin));
        let out = tokio::spawn(pass_on(stdout, ExecFrame::Out, sender.clone()));
        let err = tokio::spawn(pass_on(stderr, ExecFrame::Err, sender.clone()));
        let status = wait(handle, &sender).await;
        feed.abort();
        let (stop_out, stop_err) = (out.abort_handle(), err.abort_handle());
        let rest = async {
            for output in [out, err] {
                if let Err(error) = output.await {
                    tracing::debug!(%error, "a program's output ended");
                }
            }
        };
        if tokio::time::timeout(REST, rest).await.is_err() {
            stop_out.abort();
            stop_err.abort();
        }
        if let Some(status) = status {
            // The caller may be gone: then nobody wants to know.
            let _ = sender.send(ExecFrame::Exit(status).encode()).await;
        }
        drop(place);
    });
    Ok(response)
}

/// Waits for the program's end, or kills it when the caller has left.
pub(super) async fn wait(handle: ExecHandle, caller: &mpsc::Sender<Bytes>) -> Option<i32> {
    let mut handle = handle;
    loop {
        let looked = tokio::task::spawn_blocking(move || (handle.wait_timeout(LOOK), handle)).await;
        let (ended, same) = looked.ok()?;
        handle = same;
        match ended {
            Ok(Some(ended)) => {
                if let Some(error) = ended.error {
                    let frame = ExecFrame::Err(format!("vclouden: {error}\n").into());
                    let _ = caller.send(frame.encode()).await;
                }
                return Some(ended.status);
            }
            Ok(None) if caller.is_closed() => return None,
            Ok(None) => {}
            Err(error) => {
                let frame = ExecFrame::Err(format!("vclouden: {error}\n").into());
                let _ = caller.send(frame.encode()).await;
                return Some(137);
            }
        }
    }
}

/// What the caller sends: a line that says what to run, then what the program reads.
pub(super) struct Input {
    body: Body,
    buffer: BytesMut,
}

impl Input {
    async fn request(&mut self) -> Answer<ExecRequest> {
        let end = loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                break end;
            }
            if self.buffer.len() > MAX_LINE {
                return Err(Refusal::bad_request("the first line has more than 64 KiB"));
            }
            match self.next().await {
                Some(data) => self.buffer.extend_from_slice(&data),
                None => return Err(Refusal::bad_request("the first line, which says what to run, is missing")),
            }
        };
        let request: ExecRequest = serde_json::from_slice(&self.buffer.split_to(end + 1))
            .map_err(|error| Refusal::bad_request(format!("the first line does not say what to run: {error}")))?;
        if request.command.is_empty() {
            return Err(Refusal::bad_request("the command is empty"));
        }
        Ok(request)
    }

    /// The next piece; none at the end, or when the caller left.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Ok(data) = self.body.frame().await?.ok()?.into_data() {
                return Some(data);
            }
        }
    }

    /// The next frame for a terminal; none at the end, when the caller left, or when what comes is no frame.
    pub(super) async fn frame(&mut self) -> Option<TtyFrame> {
        loop {
            if let Some(frame) = TtyFrame::decode(&mut self.buffer).ok()? {
                return Some(frame);
            }
            let more = self.next().await?;
            self.buffer.extend_from_slice(&more);
        }
    }

    /// Writes everything to the program. It may not want to read all of it.
    async fn feed(mut self, mut stdin: pipe::Sender) {
        let rest = self.buffer.split().freeze();
        let mut piece = Some(rest);
        while let Some(data) = piece {
            if stdin.write_all(&data).await.is_err() {
                return;
            }
            piece = self.next().await;
        }
    }
}

/// Passes a program's output on, as fast as the caller takes it.
async fn pass_on(mut output: pipe::Receiver, frame: fn(Bytes) -> ExecFrame, caller: mpsc::Sender<Bytes>) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(frames::MAX);
        match output.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        while !buffer.is_empty() {
            let piece = buffer.split_to(buffer.len().min(frames::MAX)).freeze();
            if caller.send(frame(piece).encode()).await.is_err() {
                return;
            }
        }
    }
}

/// A pipe: the end to read from and the end to write to.
fn channel() -> std::io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}
