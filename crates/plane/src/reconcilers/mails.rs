//! Sends letters, and tries again what could not be sent.

use std::sync::Arc;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::Plane;
use crate::operations::change_settings::PURPOSE;
use crate::settings::{MailServer, Security};
use crate::store::Result;
use crate::store::mails::{self, MailRow};

/// Time between two looks without being woken.
const TIMER: Duration = Duration::from_secs(15);

/// The longest that a server may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Letters of one look.
const AT_ONCE: u64 = 50;

/// Milliseconds until the next attempt after each; after the last it is given up, two days after the first.
const PAUSES: &[u64] = &[60_000, 300_000, 900_000, 3_600_000, 3 * 3_600_000, 12 * 3_600_000, 32 * 3_600_000];

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    loop {
        if let Some(server) = plane.settings.get().mail.clone()
            && let Err(error) = send_due(&plane, &server).await
        {
            tracing::error!(%error, "letters could not be read or recorded");
        }
        let _ = tokio::time::timeout(TIMER, plane.progress.mails.notified()).await;
    }
}

async fn send_due(plane: &Plane, server: &MailServer) -> Result<()> {
    for mut row in mails::due(plane.store.read(), plane.now(), AT_ONCE).await? {
        let sent = send(plane, server, &row).await;
        let now = plane.now();
        row.attempts += 1;
        match sent {
            Ok(()) => (row.sent_at, row.next_at, row.error) = (Some(now), None, None),
            Err(why) => {
                tracing::warn!(%why, "a letter could not be sent");
                let pause = usize::try_from(row.attempts).ok().and_then(|count| PAUSES.get(count - 1));
                (row.next_at, row.error) = (pause.map(|pause| now + pause), Some(why));
            }
        }
        let tx = plane.store.write().await?;
        mails::update(&tx, &row).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn send(plane: &Plane, server: &MailServer, row: &MailRow) -> std::result::Result<(), String> {
    let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|error| format!("\"{text}\" is no address: {error}"));
    let mut from = mailbox(&server.from)?;
    // The address stays the platform's, for which it may send.
    from.name = row.sender.name.clone().or(from.name);
    let own = || format!("<{}@vclouden>", row.id);
    let mut message = Message::builder()
        .from(from)
        .to(mailbox(&row.recipient)?)
        .subject(&row.subject)
        .message_id(Some(row.headers.message_id.clone().unwrap_or_else(own)));
    if let Some(address) = row.headers.reply_to.as_ref().or(row.sender.reply_to.as_ref()) {
        message = message.reply_to(mailbox(address)?);
    }
    if let Some(last) = row.headers.references.last() {
        message = message.in_reply_to(last.clone()).references(row.headers.references.join(" "));
    }
    let mut message = message.singlepart(SinglePart::plain(row.body.clone())).map_err(|error| error.to_string())?;
    // No machine is to answer it (RFC 3834).
    for (name, value) in [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")] {
        message.headers_mut().insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()));
    }
    let parameters = || TlsParameters::new(server.host.clone()).map_err(|error| error.to_string());
    let tls = match server.security {
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::Starttls => Tls::Required(parameters()?),
        Security::None => Tls::None,
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .tls(tls)
        .port(server.port)
        .timeout(Some(PATIENCE));
    let password = server.password.as_ref().map(|sealed| {
        plane.seal.unseal(PURPOSE, sealed).ok_or("the mail server's password cannot be read: set it again".to_owned())
    });
    if let (Some(user), Some(password)) = (&server.user, password.transpose()?) {
        transport = transport.credentials(Credentials::new(user.clone(), password));
    }
    transport.build().send(message).await.map(drop).map_err(|error| error.to_string())
}
