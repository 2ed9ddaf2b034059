//! Documentation of applications.

use domain::Slug;
use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LINE;

/// A page about an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Whose application it is.
    pub publisher: Slug,
    /// The application.
    pub app: Slug,
    /// Its short name, for ever: part of its address.
    pub slug: Slug,
    /// The page that it stands below; absent at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Slug>,
    /// Its place among those below the same page, smallest first.
    pub position: u32,
    /// Its title.
    pub title: String,
    /// Which of its texts this is.
    pub revision: u32,
    /// The number of its latest text. Customers are told of the published one only.
    pub latest: u32,
    /// The number of the text that customers see; absent when they see none.
    pub published: Option<u32>,
    /// Who wrote this text.
    pub written_by: String,
    /// When.
    pub written_at: Millis,
    /// Markdown; only in `GET /apps/{app}/documents/{document}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Words around what was searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// `POST /apps/{app}/documents`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDocument {
    /// Its short name, for ever.
    pub slug: Slug,
    /// At most 100 characters.
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub title: String,
    /// Markdown, at most 64 KiB. HTML in it is shown as text.
    #[schemars(length(max = 65536))]
    pub text: String,
    /// The page that it is to stand below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Slug>,
    /// Its place among its siblings; after the last when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// Whether customers see it at once.
    #[serde(default)]
    pub publish: bool,
}

/// `POST /apps/{app}/documents/{document}`: what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeDocument {
    /// At most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub title: Option<String>,
    /// Markdown, at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub text: Option<String>,
    /// The page that it is to stand below; empty for the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its place among its siblings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// `true` shows the latest text to customers, `false` takes the page away from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<bool>,
    /// The number of the text that was read: refused (409) when there is a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<u32>,
}

/// One of the texts that a page had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentRevision {
    /// Consecutive per page, from 1.
    pub number: u32,
    /// Its title then.
    pub title: String,
    /// Who wrote it.
    pub written_by: String,
    /// When.
    pub written_at: Millis,
    /// Markdown; only in `GET .../revisions/{number}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A picture for an application's pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentImage {
    /// What texts call it: `![what it shows](images/NAME)`.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// Who added it.
    pub added_by: String,
    /// When.
    pub added_at: Millis,
}
