//! What the control plane needs of a server, so that tests can put a scripted one in the place of Nimbus.

use std::path::Path;

use bytes::Bytes;
use domain::{ArtifactHash, InstallationId, OperationId};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use nimbus_api::{
    DayUsage, ExecRequest, HistoryRange, HistoryReport, InstallationReport, NimbusEvent, OperationReport,
    OperationRequest, ServerReport,
};

/// Why a server did not do as it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// It does not answer, or not now: asking again is right.
    #[error("{0}")]
    Unreachable(String),
    /// It said no: asking again gives the same answer.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// A stable word.
        code: String,
        /// For people.
        message: String,
    },
}

/// A future's answer.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, ServerError>>;

/// Bytes as they come.
pub type ByteStream = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// A server's Nimbus. Everything may be asked again.
pub trait Server: Send + Sync + 'static {
    /// The server itself.
    fn report(&self) -> Asked<'_, ServerReport>;
    /// Whether it has that archive.
    fn has_artifact<'a>(&'a self, hash: &'a ArtifactHash) -> Asked<'a, bool>;
    /// Gives it that archive, which is the file `path`.
    fn put_artifact<'a>(&'a self, hash: &'a ArtifactHash, path: &'a Path) -> Asked<'a, ()>;
    /// Asks for an operation; the same id twice is the same operation.
    fn put_operation<'a>(&'a self, id: OperationId, request: &'a OperationRequest) -> Asked<'a, OperationReport>;
    /// How far an operation is: at once, or, with `wait_seconds`, when it has ended or has more than `seen` steps.
    /// `None` when the server knows of no such operation.
    fn operation(&self, id: OperationId, wait_seconds: u64, seen: usize) -> Asked<'_, Option<OperationReport>>;
    /// Takes up a stuck operation again.
    fn retry(&self, id: OperationId) -> Asked<'_, OperationReport>;
    /// Every installation as it is now.
    fn installations(&self) -> Asked<'_, Vec<InstallationReport>>;
    /// One installation as it is now.
    fn installation(&self, id: InstallationId) -> Asked<'_, Option<InstallationReport>>;
    /// What an installation used in the last hour, day or month.
    fn history(&self, id: InstallationId, range: HistoryRange) -> Asked<'_, HistoryReport>;
    /// What it used each day.
    fn usage(&self, id: InstallationId) -> Asked<'_, Vec<DayUsage>>;
    /// The data of a kept copy, or of now, as an archive.
    fn archive(&self, id: InstallationId, copy: Option<String>) -> Asked<'_, ByteStream>;
    /// Lines of log.
    fn logs(&self, id: InstallationId, lines: u32, follow: bool) -> Asked<'_, ByteStream>;
    /// What the application wrote that made an operation fail, if that is kept.
    fn operation_log(&self, id: OperationId, lines: u32) -> Asked<'_, Option<ByteStream>>;
    /// Runs a program inside an installation, with that standard input; the answer is frames.
    fn exec(&self, id: InstallationId, request: ExecRequest, input: BoxStream<'static, Bytes>)
    -> Asked<'_, ByteStream>;
    /// Events after that sequence, without end.
    fn events(&self, after: u64) -> Asked<'_, BoxStream<'static, Result<NimbusEvent, ServerError>>>;
}
