//! Changes the settings of the platform.

use serde_json::json;

use super::log_in::normal_mail;
use super::{Actor, Thing, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::settings::{Incoming, MailBox, MailServer, NAME, Security, Settings};
use crate::store::settings;
use crate::webhooks::outbound::Network;
use crate::wire::{ChangeIncoming, ChangeMail, ChangeSettings, Retention};

/// What sealed passwords of mail servers are sealed for.
pub const PURPOSE: &str = "mail";

/// Changes what is given.
pub async fn change_settings(plane: &Plane, actor: &Actor, input: ChangeSettings) -> Answer<Settings> {
    let tx = plane.store.write().await?;
    let mut all: Settings = settings::get(&*tx, NAME).await?.unwrap_or_default();
    all.sign_up = input.sign_up.unwrap_or(all.sign_up);
    match input.mail {
        None => {}
        Some(ChangeMail { host, .. }) if host.is_empty() => all.mail = None,
        Some(mail) => all.mail = Some(mail_server(plane, all.mail.as_ref(), mail)?),
    }
    if let Some(networks) = input.webhook_networks {
        all.webhook_networks = checked(networks)?;
    }
    all.publisher_limits = input.publisher_limits.unwrap_or(all.publisher_limits);
    if let Some(retention) = input.retention {
        all.retention = checked_retention(retention)?;
    }
    match input.incoming {
        None => {}
        Some(ChangeIncoming { address, .. }) if address.is_empty() => all.incoming = None,
        Some(incoming) => all.incoming = Some(taking(plane, all.incoming.as_ref(), incoming)?),
    }
    all.names_proof = input.names_proof.or(all.names_proof);
    settings::set(&tx, NAME, &all).await?;
    let thing = Thing { id: NAME.into(), ..Thing::default() };
    let mail = all.mail.as_ref().map(|mail| format!("{}:{}", mail.host, mail.port));
    let incoming = all.incoming.as_ref().map(|incoming| incoming.address.clone());
    record(
        plane,
        &tx,
        actor,
        "settings.change",
        thing,
        json!({ "sign_up": all.sign_up, "mail": mail, "incoming": incoming,
            "webhook_networks": all.webhook_networks, "retention": all.retention, "names_proof": all.names_proof }),
    )
    .await?;
    tx.commit().await?;
    plane.settings.replace(all.clone());
    plane.progress.mails.notify_one();
    plane.progress.mailbox.notify_one();
    plane.progress.changed();
    Ok(all)
}

fn checked(networks: Vec<String>) -> Answer<Vec<String>> {
    let all: Result<Vec<Network>, _> = networks.iter().map(|text| text.parse::<Network>()).collect();
    let all = all.map_err(|error| Refusal::invalid("bad-network", error.to_string()))?;
    Ok(all.iter().map(ToString::to_string).collect())
}

fn checked_retention(retention: Retention) -> Answer<Retention> {
    let good = (30..=3650).contains(&retention.days)
        && (1_000..=10_000_000).contains(&retention.events)
        && (100..=1_000_000).contains(&retention.operations)
        && retention.copy_hours.is_none_or(|hours| (1..=720).contains(&hours));
    if good {
        return Ok(retention);
    }
    let detail = "records are kept for 30 to 3650 days, 1000 to 10000000 events and 100 to 1000000 operations of them; \
                  what is replaced for 1 to 720 hours";
    Err(Refusal::invalid("bad-retention", detail))
}

/// Whether it is this very machine.
fn is_own(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

fn taking(plane: &Plane, before: Option<&Incoming>, input: ChangeIncoming) -> Answer<Incoming> {
    let bad = |detail: &str| Refusal::invalid("bad-mailbox", detail);
    let address = normal_mail(&input.address)?;
    let local = address.split('@').next().unwrap_or("");
    if local.contains('+') || local.len() > 30 {
        return Err(bad("what stands before the @ must have at most 30 characters and no +: a secret is added to it"));
    }
    let Some(imap) = input.imap else { return Ok(Incoming { address, imap: None }) };
    let line = |text: &str| !text.trim().is_empty() && text.len() < 255 && !text.contains(|c: char| c.is_control());
    if !line(&imap.host) || !line(&imap.user) || !imap.folder.as_deref().is_none_or(line) {
        return Err(bad("a mailbox has a host, a user and a folder, each of one line"));
    }
    if imap.security == Security::Starttls || imap.security == Security::None && !is_own(&imap.host) {
        return Err(bad("letters and passwords come over TLS from the first byte; on this very machine none will do"));
    }
    // Who leaves the password out keeps the one there is, as long as it goes to the same server.
    let kept = before.and_then(|before| before.imap.as_ref());
    let kept = kept.filter(|kept| kept.host == imap.host && kept.user == imap.user);
    let password = match imap.password {
        Some(password) => plane.seal.seal(PURPOSE, &password),
        None => kept.map(|kept| kept.password.clone()).ok_or_else(|| bad("the mailbox has no password: give one"))?,
    };
    let folder = imap.folder.unwrap_or_else(|| "INBOX".into());
    let (port, security) = (imap.port.unwrap_or(993), imap.security);
    let imap = MailBox { host: imap.host, port, security, user: imap.user, password, folder };
    Ok(Incoming { address, imap: Some(imap) })
}

fn mail_server(plane: &Plane, before: Option<&MailServer>, input: ChangeMail) -> Answer<MailServer> {
    let bad = |detail: String| Refusal::invalid("bad-mail-server", detail);
    input.from.parse::<lettre::message::Mailbox>().map_err(|_| {
        bad(format!("\"{}\" is no sender; write one such as vClouden <noreply@example.com>", super::short(&input.from)))
    })?;
    if input.security == Security::None && !is_own(&input.host) {
        return Err(bad(
            "letters and passwords leave this machine encrypted or not at all: choose tls or starttls".into()
        ));
    }
    let usual = match input.security {
        Security::Tls => 465,
        Security::Starttls => 587,
        Security::None => 25,
    };
    // Who leaves the password out keeps the one there is, as long as it goes to the same server.
    let kept = before.filter(|mail| mail.host == input.host && mail.user == input.user);
    let password = match input.password {
        Some(password) => Some(plane.seal.seal(PURPOSE, &password)),
        None => kept.and_then(|mail| mail.password.clone()),
    };
    Ok(MailServer {
        host: input.host,
        port: input.port.unwrap_or(usual),
        security: input.security,
        user: input.user,
        password,
        from: input.from,
    })
}
