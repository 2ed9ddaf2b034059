//! What the operator decides about the platform while it runs; kept in the store, at hand in memory.

use std::sync::{Arc, PoisonError, RwLock};

use domain::Slug;
use schemars::JsonSchema;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use crate::Plane;
use crate::store::{Result, brands, settings};
use crate::wire::{Announcement, NamesProof, PublisherLimits, Retention};

/// Under which name they are kept.
pub const NAME: &str = "platform";

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether whoever wants may make an account; otherwise only who is invited.
    #[serde(default)]
    pub sign_up: bool,
    /// How letters go out; absent until it is set up.
    #[serde(default)]
    pub mail: Option<MailServer>,
    /// Networks of the provider's own that webhooks may reach all the same.
    #[serde(default)]
    pub webhook_networks: Vec<String>,
    /// How much is kept for how long.
    #[serde(default)]
    pub retention: Retention,
    /// What a new publisher may have in all.
    #[serde(default)]
    pub publisher_limits: PublisherLimits,
    /// What everybody is told.
    #[serde(default)]
    pub announcements: Vec<Announcement>,
    /// How answers to letters come in; absent until it is set up.
    #[serde(default)]
    pub incoming: Option<Incoming>,
    /// How a publisher shows that a host name is its own, if the operator has said so.
    #[serde(default)]
    pub names_proof: Option<NamesProof>,
}

/// Where answers to letters come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incoming {
    /// `support@example.com`; each ticket and person gets `support+SECRET@example.com`.
    pub address: String,
    /// The mailbox that is read; absent where a program hands letters over at `POST /mail`.
    #[serde(default)]
    pub imap: Option<MailBox>,
}

impl Incoming {
    /// What stands before and after the secret.
    pub fn parts(&self) -> (String, &str) {
        let (local, domain) = self.address.split_once('@').unwrap_or((&self.address, ""));
        (format!("{local}+"), domain)
    }
}

/// A mailbox at an IMAP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailBox {
    /// The server's host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected: by TLS, or not at all on this very machine.
    pub security: Security,
    /// As whom to log in.
    pub user: String,
    /// The password, sealed.
    pub password: String,
    /// The folder, usually `INBOX`.
    pub folder: String,
}

/// A server that takes letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailServer {
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// As whom to log in, if it wants that.
    pub user: Option<String>,
    /// The password, sealed.
    pub password: Option<String>,
    /// Whose name letters carry: `vClouden <noreply@example.com>`.
    pub from: String,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// TLS from the first byte, usually port 465.
    Tls,
    /// TLS after a greeting, usually port 587; without it nothing is sent.
    Starttls,
    /// None: only to this very machine.
    None,
}

/// The settings of now.
#[derive(Default)]
pub struct Current(RwLock<Arc<Settings>>);

impl Current {
    /// Reads them.
    pub async fn load(&self, db: &impl ConnectionTrait) -> Result<()> {
        self.replace(settings::get(db, NAME).await?.unwrap_or_default());
        Ok(())
    }

    /// Those of now.
    pub fn get(&self) -> Arc<Settings> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes others those of now.
    pub fn replace(&self, new: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }
}

impl Plane {
    /// Hours for which what is replaced is kept, unless somebody says otherwise.
    pub(crate) fn keep_hours(&self) -> u32 {
        self.settings.get().retention.copy_hours.unwrap_or(self.keep_hours)
    }

    /// Whether whoever wants may make an account.
    pub(crate) fn sign_up_is_open(&self) -> bool {
        self.settings.get().sign_up
    }

    /// How a publisher shows that a host name is its own. Where installations answer below `localhost` there is nobody
    /// but whoever has this machine.
    pub(crate) fn names_proof(&self) -> NamesProof {
        let host = crate::doors::host_of(&self.edge_url);
        let alone = host == "{name}.localhost" || host.ends_with(".localhost");
        let usual = if alone { NamesProof::None } else { NamesProof::Dns };
        self.settings.get().names_proof.unwrap_or(usual)
    }

    /// Whether letters can go out.
    pub(crate) fn mail_is_set_up(&self) -> bool {
        self.settings.get().mail.is_some()
    }

    /// Where the console is, or the portal of a publisher.
    pub(crate) async fn site(&self, db: &impl ConnectionTrait, realm: Option<&Slug>) -> Result<String> {
        let Some(publisher) = realm else { return Ok(self.console_url.clone()) };
        let brand = brands::of(db, publisher).await?;
        Ok(self.portal_at(publisher, brand.host.as_deref()))
    }

    /// The same by the name that the platform gives a portal, whatever other it has.
    pub(crate) fn first_site(&self, realm: Option<&Slug>) -> String {
        realm.map_or_else(|| self.console_url.clone(), |publisher| self.portal_at(publisher, None))
    }

    /// Where a portal is, which may have a host name of its own.
    pub(crate) fn portal_at(&self, publisher: &Slug, host: Option<&str>) -> String {
        match host {
            None => self.portal_url.replace("{publisher}", publisher.as_str()),
            Some(host) => self.portal_url.replace(crate::doors::host_of(&self.portal_url), host),
        }
    }
}
