//! Sends what handlers want sent: HTTP requests and mail, on the thread of connections, within limits.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::Tls;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::Semaphore;
use url::Url;

use super::pool::{Arrival, Shared};
use super::trust::{Trust, explain};
use crate::config::{Mail, MailSecurity};
use crate::script::outgoing::{FetchRequest, FetchResponse, MailMessage};

/// Requests and mails under way at the same time.
const CONCURRENT: usize = 16;
/// Bytes of a response.
const RESPONSE: usize = 8 << 20;
/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// To hand a message over.
const MAIL: Duration = Duration::from_secs(30);

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// What is shared by all that goes out.
pub struct Outgoing {
    places: Arc<Semaphore>,
    client: OnceLock<HttpClient>,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(CONCURRENT)), client: OnceLock::new() }
    }
}

impl Shared {
    /// Sends an HTTP request; its answer arrives at the worker.
    pub fn fetch(self: &Arc<Self>, worker: u64, id: u32, request: FetchRequest) {
        let shared = self.clone();
        self.runtime.spawn(async move {
            let timeout = request.timeout;
            let result = match tokio::time::timeout(timeout, shared.outgoing.fetch(request, shared.host.trust())).await
            {
                Ok(result) => result,
                Err(_) => Err(format!("no complete answer within {} ms", timeout.as_millis())),
            };
            shared.arrive(worker, Arrival::Fetched(id, result));
        });
    }

    /// Sends mail; the worker is told when it was accepted.
    pub fn mail(self: &Arc<Self>, worker: u64, id: u32, message: MailMessage) {
        let shared = self.clone();
        self.runtime.spawn(async move {
            let sending = async {
                let _place = shared.outgoing.places.acquire().await.map_err(|error| error.to_string())?;
                send(shared.host.mail(), message, shared.host.trust()).await
            };
            let result = tokio::time::timeout(MAIL, sending).await;
            let result = result.unwrap_or_else(|_| Err("the mail server did not answer in time".to_owned()));
            shared.arrive(worker, Arrival::Mailed(id, result));
        });
    }
}

impl Outgoing {
    fn client(&self, trust: &Trust) -> Result<&HttpClient, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(trust.client().map_err(|error| format!("TLS cannot be prepared: {error}"))?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(15))
            .pool_max_idle_per_host(4)
            .build(connector);
        Ok(self.client.get_or_init(|| client))
    }

    async fn fetch(&self, mut wanted: FetchRequest, trust: &Trust) -> Result<FetchResponse, String> {
        let _place = self.places.acquire().await.map_err(|error| error.to_string())?;
        for _ in 0..=REDIRECTS {
            let response = self.once(&wanted, trust).await?;
            let next = response.headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value.clone());
            match next {
                Some(place) if wanted.follow && matches!(response.status, 301 | 302 | 303 | 307 | 308) => {
                    redirect(&mut wanted, &place, response.status)?;
                }
                _ => return Ok(response),
            }
        }
        Err(format!("more than {REDIRECTS} redirects"))
    }

    async fn once(&self, wanted: &FetchRequest, trust: &Trust) -> Result<FetchResponse, String> {
        let uri: Uri = wanted.url.parse().map_err(|error| format!("{} is no address: {error}", wanted.url))?;
        let method =
            Method::from_bytes(wanted.method.as_bytes()).map_err(|_| format!("no method: {}", wanted.method))?;
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in &wanted.headers {
            let name = HeaderName::try_from(name).map_err(|_| format!("{name} cannot be a header"))?;
            // The connection is ours to describe.
            if matches!(name, header::HOST | header::CONTENT_LENGTH | header::CONNECTION | header::TRANSFER_ENCODING) {
                continue;
            }
            let value = HeaderValue::try_from(value)
                .map_err(|_| format!("the value of {name} has characters that are not allowed"))?;
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(wanted.body.clone()))).map_err(|error| error.to_string())?;
        let response = self.client(trust)?.request(request).await.map_err(|error| explain(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, RESPONSE)
            .collect()
            .await
            .map_err(|error| format!("the answer broke off or is larger than {RESPONSE} bytes: {error}"))?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(FetchResponse {
            status: parts.status.as_u16(),
            url: wanted.url.clone(),
            headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            body: body.to_bytes().to_vec(),
        })
    }
}

/// Where a redirect leads. Secrets do not follow to another host.
fn redirect(wanted: &mut FetchRequest, place: &str, status: u16) -> Result<(), String> {
    let base = Url::parse(&wanted.url).map_err(|error| format!("{} is no address: {error}", wanted.url))?;
    let next = base.join(place).map_err(|error| format!("redirected to {place}, which is no address: {error}"))?;
    if !matches!(next.scheme(), "http" | "https") {
        return Err(format!("redirected to {next}, which is not http"));
    }
    if next.origin() != base.origin() {
        wanted.headers.retain(|(name, _)| !["authorization", "cookie"].contains(&name.to_ascii_lowercase().as_str()));
    }
    if status == 303 || (matches!(status, 301 | 302) && wanted.method == "POST") {
        wanted.method = "GET".into();
        wanted.body.clear();
        wanted.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
    }
    wanted.url = next.into();
    Ok(())
}

async fn send(config: &Mail, message: MailMessage, trust: &Trust) -> Result<(), String> {
    if config.host.is_empty() {
        return Err("no mail server: set [mail] host in cirrus.toml".to_owned());
    }
    let message = compose(config, message)?;
    let failed = |error: lettre::transport::smtp::Error| explain(&error);
    let parameters = || trust.mail(&config.host).map_err(failed);
    let (tls, port) = match config.security {
        MailSecurity::Tls => (Tls::Wrapper(parameters()?), 465),
        MailSecurity::Starttls => (Tls::Required(parameters()?), 587),
        MailSecurity::None => (Tls::None, 25),
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host).tls(tls);
    let mut builder = builder.port(config.port.unwrap_or(port)).timeout(Some(MAIL));
    let password = std::env::var("CIRRUS_MAIL_PASSWORD").ok().or_else(|| config.password.clone());
    if let (Some(user), Some(password)) = (&config.user, password) {
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    builder.build().send(message).await.map(drop).map_err(failed)
}

fn compose(config: &Mail, message: MailMessage) -> Result<Message, String> {
    let mailbox =
        |text: &str| text.parse::<Mailbox>().map_err(|error| format!("\"{text}\" is no mail address: {error}"));
    let from = message.from.or_else(|| config.from.clone());
    let from = from.ok_or("a message needs a sender: from, or [mail] from in cirrus.toml")?;
    let mut builder = Message::builder().from(mailbox(&from)?).subject(message.subject);
    for to in &message.to {
        builder = builder.to(mailbox(to)?);
    }
    for cc in &message.cc {
        builder = builder.cc(mailbox(cc)?);
    }
    if let Some(reply_to) = &message.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    let composed = match (message.text, message.html) {
        (Some(text), Some(html)) => builder.multipart(MultiPart::alternative_plain_html(text, html)),
        (None, Some(html)) => builder.singlepart(SinglePart::html(html)),
        (text, None) => builder.singlepart(SinglePart::plain(text.unwrap_or_default())),
    };
    composed.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_the_standard_says() {
        for (place, expected) in [
            ("/b", Ok("https://a.example/b")),
            ("c?x=1", Ok("https://a.example/d/c?x=1")),
            ("../e", Ok("https://a.example/e")),
            ("?f=http://g.example", Ok("https://a.example/d/page?f=http://g.example")),
            ("/go?to=http://g.example", Ok("https://a.example/go?to=http://g.example")),
            ("//h.example/", Ok("https://h.example/")),
            ("http://a.example/", Ok("http://a.example/")),
            ("file:///etc/passwd", Err("which is not http")),
            ("http://[", Err("no address")),
        ] {
            let secret = ("Authorization".to_owned(), "secret".to_owned());
            let mut wanted = FetchRequest {
                url: "https://a.example/d/page?q=1".into(),
                method: "POST".into(),
                headers: vec![secret.clone()],
                body: vec![1],
                timeout: Duration::ZERO,
                follow: true,
            };
            match (redirect(&mut wanted, place, 302), expected) {
                (Ok(()), Ok(expected)) => {
                    assert_eq!((wanted.url.as_str(), wanted.method.as_str()), (expected, "GET"));
                    assert_eq!(wanted.headers.contains(&secret), expected.starts_with("https://a.example/"), "{place}");
                }
                (Err(said), Err(expected)) => assert!(said.contains(expected), "{said}"),
                (found, _) => panic!("{place}: {found:?}"),
            }
        }
    }
}
