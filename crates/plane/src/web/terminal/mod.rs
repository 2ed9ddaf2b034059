//! A terminal in the browser: the screen is kept here and its changes are sent to the page over a WebSocket; keys come
//! back. `docs/decisions/0025-terminal-in-the-browser.md` says why so.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt};
use http::{HeaderMap, StatusCode};
use nimbus_api::{ExecFrame, TtyFrame, TtySize};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use self::screen::{Screen, within};
use super::places::Places;
use super::visit::{self, Visit};
use crate::Plane;
use crate::operations::terminal::{self, Opened};
use crate::operations::{Actor, exec};
use crate::problem::{Answer, Refusal};
use crate::server::ByteStream;
use crate::whence;

mod screen;

/// Terminals of one person, and of everybody, at the same time.
const MOST_OF_ONE: u32 = 5;
const MOST: u32 = 100;

/// Least time between two pictures of a screen: a film has 24 in a second.
const FRAME: Duration = Duration::from_millis(25);

/// Time that a page may take to say how large it is, and to take what is sent to it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at whether the person is still logged in and allowed.
const LOOK: Duration = Duration::from_secs(15);

/// How long nobody may type, and how long a terminal lasts at most.
const IDLE: Duration = Duration::from_secs(15 * 60);
const LONGEST: Duration = Duration::from_secs(8 * 3600);

/// Most bytes of a message of the page, and of a piece of it that is passed on.
const MESSAGE: usize = 256 << 10;
const PIECE: usize = 32 << 10;

/// Lines that one turn of a wheel can go.
const WHEEL: i32 = 500;

/// The terminals that there may be.
pub fn places() -> Arc<Places> {
    Places::new(MOST_OF_ONE, MOST)
}

/// Something that the page says: how large it is, what was typed, how far the wheel was turned.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default)]
    size: Option<(u16, u16)>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    scroll: Option<i32>,
}

impl Said {
    fn size(&self) -> Option<TtySize> {
        self.size.map(|(rows, cols)| within(TtySize { rows, cols }))
    }
}

/// Why a terminal ended: the key of a text, and what the program ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The program did.
    Exited(i32),
    /// The page went away.
    Left,
    /// Nobody typed for long.
    Idle,
    /// It lasted as long as any may.
    Long,
    /// The person is logged out, or may not any more.
    Forbidden,
    /// The server or the connection to it broke.
    Broken,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            End::Exited(_) => "exited",
            End::Left => "left",
            End::Idle => "idle",
            End::Long => "long",
            End::Forbidden => "forbidden",
            End::Broken => "broken",
        }
    }
}

/// Turns the request of our own page into a terminal.
pub async fn connect(
    plane: Arc<Plane>,
    visit: Visit,
    actor: Actor,
    text: String,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Answer<Response> {
    visit::require_own_page(headers)?;
    exec::may(&plane, &actor, &text).await?;
    let place = plane.terminals.take(&visit.person()?.id.to_string()).ok_or_else(|| {
        let detail = "too many terminals are open; close one and try again";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too-many-terminals", detail)
    })?;
    let upgrade = upgrade.max_message_size(MESSAGE).max_frame_size(MESSAGE);
    // It goes on when the request has ended.
    let whence = whence::current();
    Ok(upgrade.on_upgrade(move |mut socket| {
        whence::from(whence, async move {
            let terminal = Terminal { plane, visit, actor };
            let said = match terminal.serve(&mut socket, &text).await {
                Ok(end) => terminal.text(&format!("terminal-end-{}", end.word())),
                Err(refusal) => terminal.plane.words(terminal.visit.view.language, &refusal.code, refusal.detail),
            };
            // Whoever has gone does not hear it.
            let _ = timeout(PATIENCE, send(&mut socket, &json!({ "end": said }))).await;
            let _ = timeout(PATIENCE, socket.send(Message::Close(None::<CloseFrame>))).await;
            drop(place);
        })
    }))
}

struct Terminal {
    plane: Arc<Plane>,
    visit: Visit,
    actor: Actor,
}

async fn send(socket: &mut WebSocket, value: &impl serde::Serialize) -> Result<(), End> {
    let text = serde_json::to_string(value).map_err(|_| End::Broken)?;
    let sent = timeout(PATIENCE, socket.send(Message::Text(text.into()))).await;
    sent.map_err(|_| End::Left)?.map_err(|_| End::Left)
}

/// What the page says next; nothing for what is no message of ours, such as a pong.
fn said(message: Option<Result<Message, axum::Error>>) -> Result<Option<Said>, End> {
    match message {
        Some(Ok(Message::Text(text))) => serde_json::from_str(&text).map(Some).map_err(|_| End::Broken),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        _ => Err(End::Left),
    }
}

impl Terminal {
    fn text(&self, key: &str) -> String {
        self.plane.pages.text(self.visit.view.language, key)
    }

    /// Opens it as large as the page is, and serves it to its end.
    async fn serve(&self, socket: &mut WebSocket, installation: &str) -> Answer<End> {
        let first = async {
            loop {
                match said(socket.recv().await) {
                    Ok(Some(said)) => break said.size(),
                    Ok(None) => {}
                    Err(_) => break None,
                }
            }
        };
        let Ok(Some(size)) = timeout(PATIENCE, first).await else { return Ok(End::Left) };
        let (typed, input) = mpsc::channel::<Bytes>(64);
        let input = stream::unfold(input, |mut input| async move { Some((input.recv().await?, input)) }).boxed();
        let Opened { row, frames } = terminal::open(&self.plane, &self.actor, installation, size, input).await?;
        let begun = Instant::now();
        let mut session = Session {
            terminal: self,
            socket,
            typed,
            frames,
            buffer: BytesMut::new(),
            screen: Screen::new(size),
            installation: installation.to_owned(),
            draw_at: Some(begun),
            drawn: begun,
            typed_at: begun,
        };
        let end = session.run(begun + LONGEST).await;
        drop(session);
        terminal::closed(&self.plane, &self.actor, &row, begun.elapsed(), end.word()).await?;
        Ok(end)
    }

    /// Whether the person is still logged in and what they were.
    async fn is_allowed(&self, installation: &str) -> bool {
        let allowed = async {
            visit::still(&self.plane, &self.visit, &self.actor).await?;
            exec::may(&self.plane, &self.actor, installation).await
        };
        allowed.await.is_ok()
    }
}

struct Session<'a> {
    terminal: &'a Terminal,
    socket: &'a mut WebSocket,
    typed: mpsc::Sender<Bytes>,
    frames: ByteStream,
    buffer: BytesMut,
    screen: Screen,
    installation: String,
    /// When the page is told what changed; absent while nothing did.
    draw_at: Option<Instant>,
    drawn: Instant,
    typed_at: Instant,
}

impl Session<'_> {
    async fn run(&mut self, until: Instant) -> End {
        let mut look_at = Instant::now() + LOOK;
        loop {
            let draw_at = self.draw_at;
            let draw: Pin<Box<dyn Future<Output = ()> + Send>> = match draw_at {
                Some(at) => Box::pin(sleep_until(at)),
                None => Box::pin(std::future::pending()),
            };
            let went = tokio::select! {
                message = self.socket.recv() => match said(message) {
                    Ok(Some(said)) => self.take(said).await,
                    Ok(None) => Ok(()),
                    Err(end) => Err(end),
                },
                frame = self.frames.next() => self.show(frame).await,
                () = draw => self.draw().await,
                () = sleep_until(look_at) => {
                    look_at = Instant::now() + LOOK;
                    self.look().await
                }
                () = sleep_until(until) => Err(End::Long),
            };
            if let Err(end) = went {
                // What it wrote last is seen.
                let _ = self.draw().await;
                let _ = self.typed.try_send(TtyFrame::End.encode());
                return end;
            }
        }
    }

    async fn take(&mut self, said: Said) -> Result<(), End> {
        if let Some(size) = said.size() {
            self.screen.resize(size);
            self.pass_on(TtyFrame::Resize(size)).await?;
        }
        if let Some(lines) = said.scroll {
            self.screen.scroll(lines.clamp(-WHEEL, WHEEL));
        }
        if let Some(text) = said.text {
            self.typed_at = Instant::now();
            self.screen.show_end();
            for piece in text.as_bytes().chunks(PIECE) {
                self.pass_on(TtyFrame::Input(Bytes::copy_from_slice(piece))).await?;
            }
        }
        self.changed();
        Ok(())
    }

    /// A program that does not read is not waited for longer than a page that does not.
    async fn pass_on(&mut self, frame: TtyFrame) -> Result<(), End> {
        let sent = timeout(PATIENCE, self.typed.send(frame.encode())).await;
        sent.map_err(|_| End::Broken)?.map_err(|_| End::Broken)
    }

    async fn show(&mut self, frame: Option<Result<Bytes, std::io::Error>>) -> Result<(), End> {
        let Some(Ok(bytes)) = frame else { return Err(End::Broken) };
        self.buffer.extend_from_slice(&bytes);
        while let Some(frame) = ExecFrame::decode(&mut self.buffer).map_err(|_| End::Broken)? {
            match frame {
                ExecFrame::Exit(status) => return Err(End::Exited(status)),
                ExecFrame::Out(bytes) | ExecFrame::Err(bytes) => {
                    let answer = self.screen.write(&bytes);
                    if !answer.is_empty() {
                        // One that is asked faster than it is heard has no answer.
                        let _ = self.typed.try_send(TtyFrame::Input(answer.into()).encode());
                    }
                }
            }
        }
        self.changed();
        Ok(())
    }

    /// Has the page told soon, but not more often than it can be seen.
    fn changed(&mut self) {
        self.draw_at.get_or_insert((self.drawn + FRAME).max(Instant::now()));
    }

    async fn draw(&mut self) -> Result<(), End> {
        (self.draw_at, self.drawn) = (None, Instant::now());
        match self.screen.update() {
            Some(update) => send(self.socket, &update).await,
            None => Ok(()),
        }
    }

    async fn look(&mut self) -> Result<(), End> {
        if self.typed_at.elapsed() > IDLE {
            return Err(End::Idle);
        }
        if !self.terminal.is_allowed(&self.installation).await {
            return Err(End::Forbidden);
        }
        // A page that is gone without a word is found out.
        let sent = timeout(PATIENCE, self.socket.send(Message::Ping(Bytes::new()))).await;
        sent.map_err(|_| End::Left)?.map_err(|_| End::Left)
    }
}
