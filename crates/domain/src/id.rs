//! Typed identifiers, so that an installation's id can never be passed where a deployment's is wanted.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier; version 7, so that identifiers sort by their time of creation.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The identifier that always belongs to `name` under `parent`: asking twice gives the same one.
            pub fn derived(parent: Uuid, name: &str) -> Self {
                Self(Uuid::new_v5(&parent, name.as_bytes()))
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

uuid_id! {
    /// One customer's copy of an application.
    InstallationId,
    /// One piece of work on a server; the same id twice is the same work.
    OperationId,
    /// One wave that brings a version to every installation of an application.
    DeploymentId,
    /// One kept copy of an installation's data.
    BackupId,
    /// One machine that runs Nimbus.
    ServerId,
    /// One account of a person.
    PersonId,
    /// One browser in which a person has logged in.
    SessionId,
    /// One key to the API.
    TokenId,
    /// One offer of an account.
    InvitationId,
    /// One question of a customer, with its answers.
    TicketId,
    /// One text of a ticket.
    MessageId,
    /// One file that came with such a text.
    AttachmentId,
    /// One answer that a publisher keeps for later.
    AnswerId,
    /// One place where a publisher is told of events.
    WebhookId,
    /// One event that a webhook is told of.
    DeliveryId,
}

/// The SHA-256 of a package's archive, in lower-case hexadecimal: what a version's content is stored under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct ArtifactHash(String);

impl ArtifactHash {
    /// The 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is not a SHA-256 in lower-case hexadecimal.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a content hash: 64 digits 0-9 a-f are expected")]
pub struct BadHash(String);

impl TryFrom<String> for ArtifactHash {
    type Error = BadHash;
    fn try_from(text: String) -> Result<Self, BadHash> {
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if text.len() == 64 && text.bytes().all(hex) { Ok(Self(text)) } else { Err(BadHash(text)) }
    }
}

impl FromStr for ArtifactHash {
    type Err = BadHash;
    fn from_str(text: &str) -> Result<Self, BadHash> {
        text.to_owned().try_into()
    }
}

impl From<ArtifactHash> for String {
    fn from(hash: ArtifactHash) -> String {
        hash.0
    }
}

impl fmt::Display for ArtifactHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
