//! What leaves the application: HTTP requests and mail, as values. `work` sends them.

use std::time::Duration;

/// A request of `fetch`.
#[derive(Debug)]
pub struct FetchRequest {
    /// http or https.
    pub url: String,
    /// In capitals.
    pub method: String,
    /// As given.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
    /// Until the whole answer is there.
    pub timeout: Duration,
    /// Whether 3xx answers are followed.
    pub follow: bool,
}

/// What `fetch` got.
#[derive(Debug)]
pub struct FetchResponse {
    /// The status.
    pub status: u16,
    /// Where it ended after redirects.
    pub url: String,
    /// As received.
    pub headers: Vec<(String, String)>,
    /// At most the limit.
    pub body: Vec<u8>,
}

/// A message of `mail.send`.
#[derive(Debug, Default)]
pub struct MailMessage {
    /// The sender; the configured one when absent.
    pub from: Option<String>,
    /// Receivers.
    pub to: Vec<String>,
    /// Receivers of copies.
    pub cc: Vec<String>,
    /// Where an answer goes.
    pub reply_to: Option<String>,
    /// The subject.
    pub subject: String,
    /// Plain text.
    pub text: Option<String>,
    /// HTML.
    pub html: Option<String>,
}
