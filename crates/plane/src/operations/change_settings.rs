//! Changes the settings of the platform.

use serde_json::json;

use super::{Actor, Thing, record};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::settings::{MailServer, NAME, Security, Settings};
use crate::store::settings;
use crate::webhooks::outbound::Network;
use crate::wire::{ChangeMail, ChangeSettings, Retention};

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
    if let Some(retention) = input.retention {
        all.retention = checked_retention(retention)?;
    }
    settings::set(&tx, NAME, &all).await?;
    let thing = Thing { id: NAME.into(), ..Thing::default() };
    let mail = all.mail.as_ref().map(|mail| format!("{}:{}", mail.host, mail.port));
    record(
        plane,
        &tx,
        actor,
        "settings.change",
        thing,
        json!({ "sign_up": all.sign_up, "mail": mail, "webhook_networks": all.webhook_networks, "retention": all.retention }),
    )
    .await?;
    tx.commit().await?;
    plane.settings.replace(all.clone());
    plane.progress.mails.notify_one();
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

fn mail_server(plane: &Plane, before: Option<&MailServer>, input: ChangeMail) -> Answer<MailServer> {
    let bad = |detail: String| Refusal::invalid("bad-mail-server", detail);
    input.from.parse::<lettre::message::Mailbox>().map_err(|_| {
        bad(format!("\"{}\" is no sender; write one such as vClouden <noreply@example.com>", super::short(&input.from)))
    })?;
    let own = matches!(input.host.as_str(), "localhost" | "127.0.0.1" | "::1");
    if input.security == Security::None && !own {
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
