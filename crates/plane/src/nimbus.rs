//! The real server: Nimbus behind its socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use domain::{ArtifactHash, InstallationId, OperationId};
use futures_util::Stream;
use futures_util::stream::{BoxStream, StreamExt};
use nimbus_api::{
    Client, ClientError, DayUsage, ExecRequest, HistoryRange, HistoryReport, InstallationReport, LogLine, NimbusEvent,
    OperationReport, OperationRequest, ServerReport,
};

use crate::server::{Asked, ByteStream, Server, ServerError};

/// Nimbus behind its socket.
pub struct Nimbus(Client);

impl Nimbus {
    /// The Nimbus that listens on that socket.
    pub fn new(socket: &Path) -> Self {
        Self(Client::new(socket))
    }
}

impl From<ClientError> for ServerError {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            // It answered, and would answer the same again. Its own troubles (5xx) pass, except for a full disk.
            ClientError::Problem { status, problem }
                if status == 507 || ((400..500).contains(&status) && status != 408 && status != 429) =>
            {
                ServerError::Refused { status, code: problem.code, message }
            }
            ClientError::File { .. } => ServerError::Refused { status: 410, code: "archive-lost".into(), message },
            _ => ServerError::Unreachable(message),
        }
    }
}

/// `None` for what the server does not know.
fn known<T>(result: Result<T, ClientError>) -> Result<Option<T>, ServerError> {
    match result.map_err(ServerError::from) {
        Ok(value) => Ok(Some(value)),
        Err(ServerError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why there is no archive. Data that cannot be read now cannot be read later either; only too many at a time pass by
/// themselves.
fn no_archive(error: ClientError) -> ServerError {
    match error {
        ClientError::Problem { status, problem } if status != 503 => {
            ServerError::Refused { status, code: problem.code, message: problem.message }
        }
        error => error.into(),
    }
}

/// Lines of log as they are passed on.
fn text_of(lines: impl Stream<Item = Result<LogLine, ClientError>> + Send + 'static) -> ByteStream {
    let bytes = lines.map(|line| {
        let mut text = serde_json::to_vec(&line.map_err(io::Error::other)?)?;
        text.push(b'\n');
        Ok(Bytes::from(text))
    });
    bytes.boxed()
}

impl Server for Nimbus {
    fn report(&self) -> Asked<'_, ServerReport> {
        Box::pin(async { Ok(self.0.server().await?) })
    }

    fn has_artifact<'a>(&'a self, hash: &'a ArtifactHash) -> Asked<'a, bool> {
        Box::pin(async { Ok(self.0.has_artifact(hash).await?) })
    }

    fn put_artifact<'a>(&'a self, hash: &'a ArtifactHash, path: &'a Path) -> Asked<'a, ()> {
        Box::pin(async { Ok(self.0.put_artifact(hash, path).await?) })
    }

    fn put_operation<'a>(&'a self, id: OperationId, request: &'a OperationRequest) -> Asked<'a, OperationReport> {
        Box::pin(async move { Ok(self.0.submit(id, request).await?) })
    }

    fn operation(&self, id: OperationId, wait_seconds: u64, seen: usize) -> Asked<'_, Option<OperationReport>> {
        Box::pin(async move {
            known(match wait_seconds {
                0 => self.0.operation(id).await,
                seconds => self.0.wait(id, seen, Duration::from_secs(seconds)).await,
            })
        })
    }

    fn retry(&self, id: OperationId) -> Asked<'_, OperationReport> {
        Box::pin(async move { Ok(self.0.retry(id).await?) })
    }

    fn installations(&self) -> Asked<'_, Vec<InstallationReport>> {
        Box::pin(async { Ok(self.0.installations().await?) })
    }

    fn installation(&self, id: InstallationId) -> Asked<'_, Option<InstallationReport>> {
        Box::pin(async move { known(self.0.installation(id).await) })
    }

    fn history(&self, id: InstallationId, range: HistoryRange) -> Asked<'_, HistoryReport> {
        Box::pin(async move { Ok(self.0.history(id, range).await?) })
    }

    fn usage(&self, id: InstallationId) -> Asked<'_, Vec<DayUsage>> {
        Box::pin(async move { Ok(self.0.usage(id).await?) })
    }

    fn archive(&self, id: InstallationId, copy: Option<String>) -> Asked<'_, ByteStream> {
        Box::pin(async move {
            let pieces = self.0.archive(id, copy.as_deref()).await.map_err(no_archive)?;
            Ok(pieces.map(|piece| piece.map_err(io::Error::other)).boxed())
        })
    }

    fn logs(&self, id: InstallationId, lines: u32, follow: bool) -> Asked<'_, ByteStream> {
        Box::pin(async move {
            let lines = self.0.logs(id, lines, follow).await?;
            Ok(text_of(lines))
        })
    }

    fn operation_log(&self, id: OperationId, lines: u32) -> Asked<'_, Option<ByteStream>> {
        Box::pin(async move { Ok(known(self.0.operation_log(id, lines).await)?.map(text_of)) })
    }

    fn exec(
        &self,
        id: InstallationId,
        request: ExecRequest,
        input: BoxStream<'static, Bytes>,
    ) -> Asked<'_, ByteStream> {
        Box::pin(async move {
            let frames = self.0.exec(id, &request, input).await?;
            Ok(frames.map(|frame| Ok(frame.map_err(io::Error::other)?.encode())).boxed())
        })
    }

    fn events(&self, after: u64) -> Asked<'_, BoxStream<'static, Result<NimbusEvent, ServerError>>> {
        Box::pin(async move { Ok(self.0.events(after).await?.map(|event| Ok(event?)).boxed()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_that_cannot_be_made_is_not_asked_for_again() {
        let asked = |status: u16, code: &str| {
            let problem = nimbus_api::Problem { code: code.into(), message: "why".into() };
            no_archive(ClientError::Problem { status, problem })
        };
        let refused = |status, code: &str| ServerError::Refused { status, code: code.into(), message: "why".into() };
        assert_eq!(asked(500, "server-error"), refused(500, "server-error"));
        assert_eq!(asked(422, "not-packable"), refused(422, "not-packable"));
        assert_eq!(asked(503, "too-many"), ServerError::Unreachable("why".into()));
        assert_eq!(
            no_archive(ClientError::Answer("?".into())),
            ServerError::Unreachable(ClientError::Answer("?".into()).to_string())
        );
    }
}
