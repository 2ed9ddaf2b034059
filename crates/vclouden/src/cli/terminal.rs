//! The terminal of the person who types, for `vclouden installation exec --terminal`.

use std::io::IsTerminal;

use futures_util::{Stream, StreamExt, stream};
use nimbus_api::{TtyFrame, TtySize};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::bytes::Bytes;
use tokio_util::io::ReaderStream;

use crate::failure::{Failure, Outcome};

/// A terminal that passes on every key as it is typed. Dropping this makes it as it was.
pub struct Raw(Termios);

impl Raw {
    /// Of this process's terminal.
    pub fn begin() -> Outcome<Self> {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            return Err(Failure::usage("--terminal needs a terminal: without one leave it away, and pipes are used"));
        }
        let failed = |error| Failure::refused(format!("cannot use the terminal: {error}"));
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// How large it is; one that does not know is as large as most once were.
pub fn size() -> TtySize {
    match tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => TtySize { rows: size.ws_row, cols: size.ws_col },
        _ => TtySize { rows: 24, cols: 80 },
    }
}

/// What is typed, and every change of size; ends with the input.
pub fn frames() -> Outcome<impl Stream<Item = std::io::Result<Bytes>> + Send> {
    let changes = signal(SignalKind::window_change());
    let changes = changes.map_err(|error| Failure::refused(format!("cannot watch the terminal's size: {error}")))?;
    let sizes = stream::unfold(changes, |mut changes| async move {
        changes.recv().await?;
        Some((Some(Ok(TtyFrame::Resize(size()))), changes))
    });
    let typed = ReaderStream::new(tokio::io::stdin()).map(|typed| Some(typed.map(TtyFrame::Input)));
    let typed = typed.chain(stream::iter([Some(Ok(TtyFrame::End)), None]));
    let all = stream::select(typed, sizes).take_while(|frame| std::future::ready(frame.is_some()));
    Ok(all.filter_map(std::future::ready).map(|frame| Ok(frame?.encode())))
}
