//! `vclouden installation exec`: standard input, output and error pass through, or a terminal does, and the exit
//! status too.

use std::io::Write;

use futures_util::StreamExt;
use http_body_util::BodyExt;
use nimbus_api::{ExecFrame, ExecRequest};
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::io::ReaderStream;

use super::terminal;
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::sending::Sending;

/// Runs `command` in the sandbox of the installation `name`, in a terminal if so wished.
pub async fn run(api: &Api, name: &str, command: Vec<String>, in_terminal: bool) -> Outcome {
    // Until this returns every key is the program's.
    let raw = in_terminal.then(terminal::Raw::begin).transpose()?;
    let tty = raw.is_some().then(terminal::size);
    let program = command.first().cloned().unwrap_or_default();
    let mut first = serde_json::to_vec(&ExecRequest { command, tty })
        .map_err(|error| Failure::refused(format!("cannot write the request: {error}")))?;
    first.push(b'\n');
    let first = futures_util::stream::once(async move { Ok(Bytes::from(first)) });
    let input = match &raw {
        Some(_) => terminal::frames()?.boxed(),
        None => ReaderStream::new(tokio::io::stdin()).boxed(),
    };
    let sending = Sending {
        path: format!("/installations/{name}/exec"),
        content_type: "application/octet-stream",
        length: None,
        once: false,
        body: first.chain(input),
    };
    let mut answer = sending.post(api, &[]).await?.into_body();
    let mut buffer = BytesMut::new();
    loop {
        while let Some(frame) = ExecFrame::decode(&mut buffer).map_err(Failure::refused)? {
            match frame {
                ExecFrame::Out(bytes) => output::raw(&bytes),
                // A standard error that is gone does not stop the program.
                ExecFrame::Err(bytes) => drop(std::io::stderr().lock().write_all(&bytes)),
                ExecFrame::Exit(0) => return Ok(()),
                ExecFrame::Exit(status) => return Err(Failure::Program(status)),
            }
        }
        match answer.frame().await {
            Some(Ok(frame)) => buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
            Some(Err(error)) => {
                return Err(Failure::Unreachable(format!(
                    "lost the connection while {program} ran in {name}, which ended it: {error}"
                )));
            }
            None => {
                return Err(Failure::Unreachable(format!(
                    "the connection ended before {program} did; whether it ended well is not known. Try again"
                )));
            }
        }
    }
}
