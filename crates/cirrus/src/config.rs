//! `cirrus.toml`: what the author of an application may set. One typed struct, validated at the start, unknown keys
//! refused; every value has a safe default, so the file is optional.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::Deserialize;

use crate::error::Error;

/// All that `cirrus.toml` can say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How much a stranger may send or hold.
    pub limits: Limits,
    /// How visitors are remembered.
    pub session: Session,
    /// Which other sites' pages may call.
    pub cors: Cors,
    /// Whose `X-Forwarded-*` headers are believed.
    pub proxy: Proxy,
    /// People who may log in.
    pub users: Users,
    /// Languages of the pages.
    pub i18n: I18n,
    /// What JavaScript may use.
    pub script: Script,
    /// Where mail leaves.
    pub mail: Mail,
    /// Whom `fetch` and mail believe.
    pub tls: Tls,
    /// What is written to standard error.
    pub log: Log,
    /// Headers that protect the pages.
    pub security: Security,
}

/// Sizes in bytes, times in seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The request line and all headers (8192 is the least).
    pub header: usize,
    /// Number of headers.
    pub headers: usize,
    /// One body, and what of a multipart form stays in memory.
    pub body: usize,
    /// One multipart form with its files.
    pub upload: usize,
    /// All bodies that are in memory at the same time.
    pub bodies: usize,
    /// Connections at the same time; further ones wait in the kernel's queue.
    pub connections: usize,
    /// To send the headers, and to keep a connection without a request.
    pub header_seconds: u64,
    /// To send a body, and to be answered.
    pub request_seconds: u64,
    /// A reader that takes nothing for so long is left.
    pub write_seconds: u64,
    /// What running requests get when the server is told to stop.
    pub stop_seconds: u64,
    /// Depth of JSON and of `a[b][c]` in forms and queries.
    pub depth: usize,
    /// Number of fields of a form or a query.
    pub fields: usize,
    /// Files of one multipart body.
    pub files: usize,
    /// Rows of one page of a list.
    pub page: usize,
    /// Readers of `/events` at the same time.
    pub events: usize,
    /// Lists and results of queries that a thread remembers while nothing is written; 0 remembers none.
    pub results: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header: 16 * 1024,
            headers: 64,
            body: 8 * 1024 * 1024,
            upload: 32 * 1024 * 1024,
            bodies: 32 * 1024 * 1024,
            connections: 4096,
            header_seconds: 30,
            request_seconds: 30,
            write_seconds: 30,
            stop_seconds: 10,
            depth: 32,
            fields: 1000,
            files: 20,
            page: 1000,
            events: 256,
            results: 1024 * 1024,
        }
    }
}

/// The session's cookie.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// The cookie's name.
    pub cookie: String,
    /// Life of a session that nobody uses.
    pub hours: u64,
    /// At least 32 characters; without it a secret is made once in the data directory. Instances that do not share
    /// their data share sessions by sharing this. `CIRRUS_SECRET` in the environment wins over it.
    pub secret: Option<String>,
    /// Always mark the cookie `Secure`, also when the request came by plain HTTP.
    pub secure: bool,
}

impl Default for Session {
    fn default() -> Self {
        Self { cookie: "cirrus".into(), hours: 14 * 24, secret: None, secure: false }
    }
}

/// Cross-origin requests: none unless named here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// `https://example.com`, or `*` for everybody (then without credentials).
    pub origins: Vec<String>,
    /// Cookies too.
    pub credentials: bool,
    /// Headers that a page may send beyond the simple ones.
    pub headers: Vec<String>,
    /// Headers that a page may read beyond the simple ones.
    pub expose: Vec<String>,
    /// How long a browser may remember the answer to its question.
    pub max_age_seconds: Option<u32>,
}

impl Cors {
    /// The error is for the author.
    pub fn validate(&self) -> Result<(), String> {
        if self.credentials && self.origins.iter().any(|origin| origin == "*") {
            return Err("cors.credentials with the origin `*` would let every site act as your visitors".into());
        }
        Ok(())
    }
}

/// A proxy in front, such as Nginx or the edge of vClouden.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proxy {
    /// Addresses or networks (`10.0.0.0/8`).
    pub trusted: Vec<Network>,
    /// Believe `X-VClouden-Person`, as an installation of vClouden does: for trying it where there is none.
    pub portal: bool,
}

/// `[users]`: the ready table of people, and their login.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Users {
    /// The table; empty: no users.
    pub table: String,
    /// Failed logins per address and per name within the window.
    pub attempts: u32,
    /// The window of `attempts`.
    pub window_seconds: u64,
    /// Roles whose people may change people through a resource.
    pub managers: Vec<String>,
    /// Where a visitor who must log in is sent.
    pub login: String,
    /// Where a person goes after login.
    pub home: String,
}

impl Default for Users {
    fn default() -> Self {
        let (login, home, managers) = ("/login".into(), "/".into(), vec!["admin".into()]);
        Self { table: String::new(), attempts: 10, window_seconds: 300, managers, login, home }
    }
}

/// Languages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct I18n {
    /// When the visitor asks for none that the application has.
    pub default: String,
}

impl Default for I18n {
    fn default() -> Self {
        Self { default: "es".into() }
    }
}

/// What the author's JavaScript may use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// Heap of one runtime, in bytes.
    pub memory: usize,
    /// Stack of one runtime, in bytes.
    pub stack: usize,
    /// Whether handlers of GET may run on the thread of connections. There are several runtimes then (that thread's and
    /// one of each worker), each with its own variables of modules, and a handler that writes may be begun twice: what
    /// must be remembered belongs in a table or the session. With `false` there is one single runtime, on one worker
    /// that does not end when it is idle: a variable of a module is seen by all requests until the application is
    /// loaded again or its runtime runs out of memory. That costs a change of threads per request.
    pub inline: bool,
    /// CPU of a handler, or of the questions of a list, on the thread of connections, in milliseconds.
    pub inline_ms: u64,
    /// CPU of one handler, in seconds.
    pub cpu_seconds: u64,
    /// Threads for handlers that write or wait.
    pub workers: usize,
    /// Requests that wait for a worker.
    pub queue: usize,
}

impl Default for Script {
    fn default() -> Self {
        let (memory, stack) = (32 * 1024 * 1024, 512 * 1024);
        Self { memory, stack, inline: true, inline_ms: 20, cpu_seconds: 10, workers: 2, queue: 512 }
    }
}

/// Where mail leaves; without a host, `mail.send` is an error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// The SMTP server.
    pub host: String,
    /// 587 (STARTTLS), 465 (TLS) or 25.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Login.
    pub user: Option<String>,
    /// Password; `CIRRUS_MAIL_PASSWORD` in the environment wins over it.
    pub password: Option<String>,
    /// The default sender.
    pub from: Option<String>,
}

impl Mail {
    fn validate(&self) -> Result<(), String> {
        let here = self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if matches!(self.security, MailSecurity::None) && self.user.is_some() && !here {
            return Err(
                "mail.user with mail.security = \"none\" would send the password in the clear; say \"starttls\" \
                        or \"tls\""
                    .into(),
            );
        }
        Ok(())
    }
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// Begins in the clear and is encrypted before anything is said, or ends.
    #[default]
    Starttls,
    /// Encrypted from the first byte.
    Tls,
    /// In the clear.
    None,
}

/// Certificates of others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// A PEM file of authorities that are believed beside those of the web.
    pub authorities: Option<PathBuf>,
}

/// What is written to standard error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// One line per request.
    pub requests: bool,
}

/// Headers that protect pages; an empty text leaves one out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// `Content-Security-Policy` of HTML.
    pub content_security_policy: String,
    /// `X-Frame-Options` of HTML.
    pub frame_options: String,
    /// `Cross-Origin-Opener-Policy` of HTML.
    pub opener_policy: String,
    /// `Referrer-Policy`.
    pub referrer_policy: String,
    /// `Strict-Transport-Security`, only behind https.
    pub strict_transport_security: String,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            content_security_policy:
                "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; \
                                      object-src 'none'; base-uri 'self'; frame-ancestors 'self'; form-action 'self'"
                    .into(),
            frame_options: "SAMEORIGIN".into(),
            opener_policy: "same-origin".into(),
            referrer_policy: "strict-origin-when-cross-origin".into(),
            strict_transport_security: "max-age=31536000".into(),
        }
    }
}

impl Config {
    /// Reads `DIR/cirrus.toml`; a missing file is all defaults.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        let path = directory.join("cirrus.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(Error::Read { path, source }),
        };
        let config: Self = toml::from_str(&text).map_err(|source| Error::Toml { path: path.clone(), source })?;
        config.validate().map_err(|problem| Error::Config { path, problem })?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), String> {
        let limits = &self.limits;
        if limits.header < 8192 {
            return Err(format!("limits.header is {}, the least is 8192", limits.header));
        }
        let positive = [
            ("limits.headers", limits.headers),
            ("limits.body", limits.body),
            ("limits.upload", limits.upload),
            ("limits.connections", limits.connections),
            ("limits.depth", limits.depth),
            ("limits.page", limits.page),
            ("script.workers", self.script.workers),
            ("script.queue", self.script.queue),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} is 0, but nothing could work then"));
        }
        if limits.bodies < limits.body {
            return Err("limits.bodies must be at least limits.body, or the largest body could never come in".into());
        }
        if self.session.secret.as_ref().is_some_and(|secret| secret.len() < 32) {
            return Err("session.secret is shorter than 32 characters and could be guessed".into());
        }
        self.mail.validate()?;
        self.cors.validate()
    }
}

/// An address or a network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                u32::from(mine) & mask == u32::from(other) & mask
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                u128::from(mine) & mask == u128::from(other) & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an address or a network such as 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > most { Err(wrong()) } else { Ok(Self { address, bits }) }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_its_addresses_only() {
        let network: Network = "10.0.0.0/8".parse().unwrap();
        assert!(network.contains("10.200.1.1".parse().unwrap()));
        assert!(network.contains("::ffff:10.200.1.1".parse().unwrap()));
        assert!(!network.contains("11.0.0.1".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("nowhere".parse::<Network>().is_err());
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<Config>("[limits]\nbodyy = 3").is_err());
        assert!(toml::from_str::<Config>("[limits]\nbody = 3").is_ok());
    }

    #[test]
    fn a_password_leaves_the_machine_encrypted_or_not_at_all() {
        for (host, security, fine) in [
            ("mail.example", "none", false),
            ("mail.example", "starttls", true),
            ("mail.example", "tls", true),
            ("localhost", "none", true),
            ("127.0.0.1", "none", true),
        ] {
            let text = format!("[mail]\nhost = \"{host}\"\nsecurity = \"{security}\"\nuser = \"cirrus\"");
            assert_eq!(toml::from_str::<Config>(&text).unwrap().validate().is_ok(), fine, "{text}");
        }
    }
}
