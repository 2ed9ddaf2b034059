//! Publishers, their applications and versions, their customers.

use domain::{ArtifactHash, Key, Manifest, Slug};
use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PublisherLimits;

use super::LINE;

/// `POST /publishers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePublisher {
    /// Its short name, for ever: the first label of its portal's host name.
    pub slug: Slug,
    /// Its name for people, at most 100 characters; the slug when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub name: Option<String>,
}

/// `POST /publishers/{publisher}`: what is given is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePublisher {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether its developers may run programs in installations, as its owners may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub developers_exec: Option<bool>,
}

/// Who makes applications and has customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Publisher {
    /// Its short name.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was created.
    pub created_at: Millis,
    /// Whether its developers may run programs in installations, as its owners may.
    #[serde(default)]
    pub developers_exec: bool,
    /// Applications it has.
    pub apps: u64,
    /// Customers it has.
    pub customers: u64,
    /// Installations of its applications that are not removed.
    pub installations: u64,
    /// Those of them that are not failed: so many count for its limits.
    #[serde(default)]
    pub running: u64,
    /// Bytes of memory promised to them.
    #[serde(default)]
    pub memory: u64,
    /// Bytes of disk promised to them.
    #[serde(default)]
    pub disk: u64,
    /// What it may have in all.
    #[serde(default)]
    pub limits: PublisherLimits,
}

/// `POST /apps`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApp {
    /// Whose it is to be; the caller's own publisher when absent, for an operator the first one, `main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Slug>,
    /// Its short name, for ever.
    pub slug: Slug,
    /// Its name for people, at most 100 characters; the slug when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub name: Option<String>,
}

/// An application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// Whose it is.
    pub publisher: Slug,
    /// Its short name.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was created.
    pub created_at: Millis,
    /// Whether it is for the publisher's own use: no customer is offered it.
    #[serde(default)]
    pub own: bool,
    /// Number of its newest version, if it has one.
    pub newest_version: Option<u32>,
    /// Versions it has.
    pub versions: u64,
    /// Installations that are not removed.
    pub installations: u64,
    /// Number of its newest version, if that has a logo.
    #[serde(default)]
    pub logo: Option<u32>,
}

/// A published version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// Whose it is.
    pub publisher: Slug,
    /// The application.
    pub app: Slug,
    /// Consecutive per application, from 1; never used again.
    pub number: u32,
    /// SHA-256 of the archive.
    pub artifact: ArtifactHash,
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// Bytes of its files.
    pub unpacked_bytes: u64,
    /// Entries in the archive.
    pub entries: u64,
    /// What its publisher says of it.
    pub notes: Option<String>,
    /// Its manifest, defaults filled in.
    pub manifest: Manifest,
    /// When it was published.
    pub published_at: Millis,
    /// Who published it.
    pub published_by: String,
    /// Installations that run it.
    pub installations: u64,
    /// Its last deployment failed, or a rollback of the whole application took it away: it is installed only when asked
    /// for by its number.
    #[serde(default)]
    pub withdrawn: bool,
    /// Whether it has a logo.
    #[serde(default)]
    pub logo: bool,
}

impl Version {
    /// Its application.
    pub fn app_key(&self) -> Key {
        Key::new(self.publisher.clone(), self.app.clone())
    }
}

/// `POST /customers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCustomer {
    /// Whose it is to be; the caller's own publisher when absent, for an operator the first one, `main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Slug>,
    /// Its short name, for ever.
    pub slug: Slug,
    /// Its name for people, at most 100 characters; the slug when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub name: Option<String>,
}

/// `POST /customers/{customer}`: what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCustomer {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub name: Option<String>,
}

/// What a publisher offers its customers: an application, as the newest version that serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// Whose it is.
    pub publisher: Slug,
    /// The application.
    pub app: Slug,
    /// Its name for people.
    pub name: String,
    /// What its publisher says that it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The version that is installed.
    pub version: u32,
    /// When that was published.
    pub published_at: Millis,
    /// Bytes of memory that it may use.
    pub memory: u64,
    /// Bytes of disk.
    pub disk: u64,
    /// Where its logo is, below `/api/v1`; absent without one.
    #[serde(default)]
    pub logo: Option<String>,
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Customer {
    /// Whose it is.
    pub publisher: Slug,
    /// Its short name.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was created.
    pub created_at: Millis,
    /// Installations that are not removed.
    pub installations: u64,
}
