//! What an installation writes: as a page that goes on by itself, searched, or as a file. For publishers and customers.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, header};
use minijinja::{Value, context};
use nimbus_api::{LogLine, Millis};
use serde::Deserialize;

use super::design::View;
use super::design::format::{self, Shape};
use super::follow::LIVE;
use super::line;
use super::visit::Visit;
use crate::Plane;
use crate::operations::not_in_that_state;
use crate::problem::{Answer, Refusal};
use crate::server::{ByteStream, ServerError};
use crate::store::installations::InstallationRow;

/// Lines that a page shows at first, that a search goes through and a file has, and that a search shows.
const LINES: u32 = 200;
const LINES_OF_FILE: u32 = 10_000;
const FOUND: usize = 1000;

/// Lines that are looked at again when a page goes on, to find the place where it was.
const LOOK_BACK: u32 = 2000;

/// Lines that are sent in one piece.
const BATCH: usize = 200;

/// Which lines.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    q: Option<String>,
    download: Option<String>,
    after: Option<String>,
}

impl Wanted {
    /// What is searched for, in lower case.
    fn text(&self) -> Option<String> {
        self.q.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_lowercase)
    }
}

/// A place in a log: the last line's time, and how many lines of that very time there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct At(Millis, u64);

impl At {
    fn of(text: &str) -> Option<Self> {
        let (at, count) = text.split_once('.')?;
        Some(Self(at.parse().ok()?, count.parse().ok()?))
    }

    /// Goes over a line.
    fn over(self, line: &LogLine) -> Self {
        if line.at == self.0 { Self(self.0, self.1 + 1) } else { Self(line.at, 1) }
    }
}

/// Leaves out the lines up to a place: those before its time, and of its time as many as were seen.
fn beyond(after: At) -> impl FnMut(&LogLine) -> bool {
    let mut left = after.1;
    move |line| match line.at.cmp(&after.0) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal if left > 0 => {
            left -= 1;
            false
        }
        _ => true,
    }
}

/// Lines of an installation, of a failed one those that its server has kept.
async fn ask(plane: &Plane, row: &InstallationRow, count: u32, follow: bool) -> Answer<ByteStream> {
    match plane.servers.get(row.server)?.server.logs(row.id, count, follow).await {
        Err(ServerError::Refused { status: 404, .. }) => Err(not_in_that_state(row)),
        lines => Ok(lines?),
    }
}

/// The last lines, as many as are wanted.
async fn read(plane: &Plane, row: &InstallationRow, count: u32) -> Answer<Vec<LogLine>> {
    let mut lines = lines(ask(plane, row, count, false).await?);
    let mut all = Vec::new();
    while let Some(line) = lines.next().await {
        all.push(line.map_err(Refusal::internal)?);
    }
    Ok(all)
}

/// Bytes as the lines that they are.
fn lines(bytes: ByteStream) -> BoxStream<'static, std::io::Result<LogLine>> {
    let pieces = bytes.scan(Vec::new(), |rest: &mut Vec<u8>, piece| {
        let found: Vec<std::io::Result<LogLine>> = match piece {
            Err(error) => vec![Err(error)],
            Ok(piece) => {
                rest.extend_from_slice(&piece);
                let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                let whole: Vec<u8> = rest.drain(..end).collect();
                let each = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                each.map(|line| serde_json::from_slice(line).map_err(Into::into)).collect()
            }
        };
        std::future::ready(Some(stream::iter(found)))
    });
    pieces.flatten().boxed()
}

/// The lines that have this in it, which is in lower case.
pub fn having(bytes: ByteStream, wanted: String) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    lines(bytes).filter_map(move |found| {
        let line = match found {
            Ok(one) if !one.text.to_lowercase().contains(&wanted) => None,
            found => Some(found.and_then(|one| line(&one))),
        };
        std::future::ready(line)
    })
}

/// A file of the log, or the values of its page, whose address is `here`.
pub async fn show(
    plane: &Plane,
    visit: &Visit,
    row: &InstallationRow,
    here: &str,
    wanted: &Wanted,
) -> Answer<Result<Response, Value>> {
    let text = wanted.text();
    let count = if wanted.download.is_some() || text.is_some() { LINES_OF_FILE } else { LINES };
    let mut lines = read(plane, row, count).await?;
    let last = lines.iter().fold(At::default(), |at, line| at.over(line));
    if let Some(text) = &text {
        lines.retain(|line| line.text.to_lowercase().contains(text));
    }
    if wanted.download.is_some() {
        return Ok(Ok(file(row, &lines)));
    }
    lines.drain(..lines.len().saturating_sub(FOUND));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(text.iter().map(|text| ("q", text)));
    let search = query.finish();
    Ok(Err(context! {
        name => row.name.as_str(),
        q => wanted.q.clone(),
        lines => lines.iter().map(|line| shown(&visit.view, line)).collect::<Vec<_>>(),
        download => format!("{here}?download=1&{search}"),
        live => format!("{here}/live?after={}.{}&{search}", last.0, last.1),
    }))
}

fn file(row: &InstallationRow, lines: &[LogLine]) -> Response {
    let body = lines.iter().fold(String::new(), |mut body, line| {
        writeln!(body, "{} {}", format::machine(line.at), line.text).expect("a text takes what is written to it");
        body
    });
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.log.txt\"", row.name)),
    ];
    (headers, body).into_response()
}

fn tone(line: &LogLine) -> &'static str {
    match line.stream.as_str() {
        "err" => "warn",
        "keeper" => "info",
        _ => "",
    }
}

/// When it was written: by the clock, with the exact moment at hand.
fn when(view: &View, line: &LogLine) -> (String, String) {
    let of = |shape| format::moment(view.language, &view.zone, line.at, shape);
    (of(Shape::Second), of(Shape::Exact))
}

fn shown(view: &View, line: &LogLine) -> Value {
    let (at, exact) = when(view, line);
    context! { at, exact, tone => tone(line), text => line.text.clone() }
}

/// The lines that are written from now on, or from where the page was, as events of `data-log`.
pub async fn live(
    plane: Arc<Plane>,
    visit: Visit,
    row: InstallationRow,
    wanted: Wanted,
    headers: &HeaderMap,
) -> Answer<Response> {
    let again = headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(At::of);
    let after = again.or_else(|| At::of(wanted.after.as_deref()?)).unwrap_or_default();
    let lines = lines(ask(&plane, &row, LOOK_BACK, true).await?);
    let (mut is_new, text, mut at) = (beyond(after), wanted.text(), after);
    let batches =
        lines.take_while(|line| std::future::ready(line.is_ok())).ready_chunks(BATCH).filter_map(move |batch| {
            let mut html = String::new();
            for line in batch.into_iter().flatten().filter(|line| is_new(line)) {
                at = at.over(&line);
                if text.as_ref().is_none_or(|text| line.text.to_lowercase().contains(text)) {
                    html.push_str(&markup(&visit.view, &line));
                }
            }
            let event = format!("id: {}.{}\ndata: {html}\n\n", at.0, at.1);
            std::future::ready((!html.is_empty()).then_some(event))
        });
    Ok(events(batches.take_until(tokio::time::sleep(LIVE))))
}

/// A line as the page shows it; nothing in it breaks a line.
fn markup(view: &View, line: &LogLine) -> String {
    let (at, exact) = when(view, line);
    let text = super::design::escaped(&line.text).replace(['\n', '\r'], " ");
    format!("<span class=\"log-line {}\"><span class=\"at\" title=\"{exact}\">{at}</span>{text}</span>", tone(line))
}

fn events(events: impl Stream<Item = String> + Send + 'static) -> Response {
    // The first says that all is well, however long nothing is written.
    let first = stream::iter([String::from(": here\n\n")]);
    let bytes = first.chain(events).map(|event| Ok::<_, Infallible>(Bytes::from(event)));
    super::design::event_stream(axum::body::Body::from_stream(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: Millis, text: &str) -> LogLine {
        LogLine { at, stream: "out".into(), text: text.into() }
    }

    #[test]
    fn a_page_goes_on_where_it_was() {
        let all = [line(1, "a"), line(2, "b"), line(2, "c"), line(2, "d"), line(3, "e")];
        let seen = all[..3].iter().fold(At::default(), |at, line| at.over(line));
        assert_eq!((seen, At::of("2.2")), (At(2, 2), Some(At(2, 2))));
        let mut is_new = beyond(seen);
        let left: Vec<&str> = all.iter().filter(|line| is_new(line)).map(|line| line.text.as_str()).collect();
        assert_eq!(left, ["d", "e"]);
        assert_eq!([At::of("x"), At::of("1."), At::of("")], [None; 3]);
    }

    #[tokio::test]
    async fn lines_come_in_pieces() {
        let text = format!("{}\n{}\n", serde_json::json!(line(1, "é")), serde_json::json!(line(2, "b")));
        for cut in 0..text.len() {
            let (one, other) = text.as_bytes().split_at(cut);
            let pieces = [one, other].map(|piece| Ok(Bytes::copy_from_slice(piece)));
            let found: Vec<_> = lines(stream::iter(pieces).boxed()).map(|line| line.unwrap().at).collect().await;
            assert_eq!(found, [1, 2]);
        }
    }
}
