//! Who may call what, in one table. A route that is not in it is forbidden to everybody, and a test fails on it.

use http::Method;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever shows the operator's token.
    Operator,
}

/// What the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing is read.
    None,
    /// JSON of at most [`JSON_LIMIT`] bytes.
    Json,
    /// Passed on as it comes; the handler limits it.
    Stream,
}

/// Most bytes of a JSON body.
pub const JSON_LIMIT: usize = 64 << 10;

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// HTTP method.
    pub method: Method,
    /// Path pattern below `/api/v1`.
    pub path: &'static str,
    /// Who may.
    pub who: Who,
    /// The keys its query may have, each once.
    pub query: &'static [&'static str],
    /// What its body is.
    pub body: Body,
    /// What it is called in the audit, for everything that changes something.
    pub verb: &'static str,
}

const fn get(path: &'static str, query: &'static [&'static str]) -> Row {
    Row { method: Method::GET, path, who: Who::Operator, query, body: Body::None, verb: "" }
}

const fn post(path: &'static str, verb: &'static str) -> Row {
    Row { method: Method::POST, path, who: Who::Operator, query: &[], body: Body::Json, verb }
}

const fn delete(path: &'static str, verb: &'static str) -> Row {
    Row { method: Method::DELETE, path, who: Who::Operator, query: &[], body: Body::Json, verb }
}

const fn stream(path: &'static str, query: &'static [&'static str], verb: &'static str) -> Row {
    Row { method: Method::POST, path, who: Who::Operator, query, body: Body::Stream, verb }
}

const PAGE: &[&str] = &["limit", "cursor"];

/// The table.
pub const TABLE: &[Row] = &[
    get("/apps", PAGE),
    post("/apps", "app.create"),
    get("/apps/{app}", &[]),
    delete("/apps/{app}", "app.delete"),
    get("/apps/{app}/versions", PAGE),
    stream("/apps/{app}/versions", &["notes", "create"], "version.publish"),
    get("/apps/{app}/versions/{number}", &[]),
    delete("/apps/{app}/versions/{number}", "version.delete"),
    get("/apps/{app}/versions/{number}/download", &[]),
    post("/apps/{app}/deployments", "deployment.create"),
    post("/apps/{app}/rollback", "app.rollback"),
    get("/customers", PAGE),
    post("/customers", "customer.create"),
    get("/customers/{customer}", &[]),
    delete("/customers/{customer}", "customer.delete"),
    get("/installations", &["app", "customer", "limit", "cursor"]),
    post("/installations", "installation.install"),
    get("/installations/{installation}", &[]),
    delete("/installations/{installation}", "installation.remove"),
    post("/installations/{installation}/start", "installation.start"),
    post("/installations/{installation}/stop", "installation.stop"),
    post("/installations/{installation}/restart", "installation.restart"),
    post("/installations/{installation}/rollback", "installation.rollback"),
    get("/installations/{installation}/logs", &["lines", "follow"]),
    stream("/installations/{installation}/exec", &[], "installation.exec"),
    get("/installations/{installation}/snapshots", PAGE),
    post("/installations/{installation}/snapshots/{snapshot}/restore", "snapshot.restore"),
    get("/installations/{installation}/backups", PAGE),
    post("/installations/{installation}/backups", "backup.create"),
    delete("/installations/{installation}/backups/{backup}", "backup.delete"),
    post("/installations/{installation}/backups/{backup}/restore", "backup.restore"),
    get("/deployments", &["app", "limit", "cursor"]),
    get("/deployments/{deployment}", &[]),
    post("/deployments/{deployment}/stop", "deployment.stop"),
    get("/deployments/{deployment}/events", &[]),
    get("/operations", &["state", "installation", "limit", "cursor"]),
    get("/operations/{operation}", &["wait", "seen"]),
    get("/operations/{operation}/log", &["lines"]),
    post("/operations/{operation}/retry", "operation.retry"),
    get("/servers", PAGE),
    get("/servers/{server}", &[]),
    get("/status", &[]),
    get("/events", &["after", "before", "follow", "installation", "app", "limit", "cursor"]),
];

/// The row of a route; `path` is its pattern with or without `/api/v1`.
pub fn find(method: &Method, path: &str) -> Option<&'static Row> {
    let path = path.strip_prefix(crate::router::PREFIX).unwrap_or(path);
    // Whoever may get something may ask about it.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    TABLE.iter().find(|row| row.method == *method && row.path == path)
}
