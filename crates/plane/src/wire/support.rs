//! Support: what customers ask, what publishers answer, and whom customers let into their installations.

use domain::state::TicketState;
use domain::{AnswerId, AttachmentId, InstallationId, InstallationName, MessageId, PersonId, Slug, TicketId};
use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LINE;

/// What a text of a ticket has: something to be read.
const TEXT: &str = r"[^\s\u0000-\u001f\u007f-\u009f]";

/// One of the two sides of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Who uses the application.
    Customer,
    /// Who makes it.
    Publisher,
}

/// A customer's question, without its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// Its number, which counts within the publisher.
    pub number: u64,
    /// Who answers.
    pub publisher: Slug,
    /// Who asks.
    pub customer: Slug,
    /// The customer's name.
    pub customer_name: String,
    /// The installation that it is about.
    pub installation: Option<InstallationId>,
    /// That installation's name.
    pub installation_name: Option<InstallationName>,
    /// What it is about, in one line.
    pub subject: String,
    /// Its state.
    pub state: TicketState,
    /// Who opened it.
    pub opened_by: String,
    /// Who looks after it.
    pub assignee: Option<PersonId>,
    /// Their name.
    pub assignee_name: Option<String>,
    /// Whose word was the last.
    pub last_from: Side,
    /// When it was opened.
    pub created_at: Millis,
    /// When something was last said or changed.
    pub updated_at: Millis,
    /// Whether the person who asks has not read all of it.
    #[serde(default)]
    pub unread: bool,
}

/// One text of a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TicketMessage {
    /// Its id.
    pub id: MessageId,
    /// Whose it is.
    pub side: Side,
    /// Whether it is a note that the customer does not see.
    pub internal: bool,
    /// Who wrote it.
    pub author: String,
    /// Whether it came by mail.
    pub by_mail: bool,
    /// What it says: Markdown without HTML.
    pub text: String,
    /// What came with it.
    pub attachments: Vec<Attachment>,
    /// When it was written.
    pub created_at: Millis,
}

/// A file that belongs to a text of a ticket, or is to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// What its sender calls it.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

/// `POST /tickets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenTicket {
    /// What it is about: one line of at most 100 characters.
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub subject: String,
    /// What is asked: Markdown without HTML, at most 10,000 characters.
    #[schemars(length(min = 1, max = 10_000), regex(pattern = TEXT))]
    pub text: String,
    /// The installation that it is about, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<String>,
    /// For whom it is opened, by those who answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Files that the same caller sent before with `POST /attachments`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub attachments: Vec<AttachmentId>,
}

/// `POST /tickets/{ticket}/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMessage {
    /// What it says: Markdown without HTML, at most 10,000 characters.
    #[schemars(length(min = 1, max = 10_000), regex(pattern = TEXT))]
    pub text: String,
    /// Whether it is a note that the customer does not see.
    #[serde(default)]
    pub internal: bool,
    /// What the ticket is from now on. When absent: after the customer's word open, after the publisher's waiting, after a
    /// note as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<TicketState>,
    /// Files that the same caller sent before with `POST /attachments`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub attachments: Vec<AttachmentId>,
}

/// `POST /tickets/{ticket}`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTicket {
    /// What it is from now on. A customer may only say that it is solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<TicketState>,
    /// Who looks after it from now on: the id of a member, `me`, or `nobody`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// The installation that it is about, by name or id; `none` for no one in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<String>,
}

/// `POST /tickets/{ticket}/seen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeeTicket {
    /// Whether it is to be as if the person who asks had not read it.
    #[serde(default)]
    pub unread: bool,
}

/// An answer that a publisher keeps for later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CannedAnswer {
    /// Its id.
    pub id: AnswerId,
    /// Whose it is.
    pub publisher: Slug,
    /// What it is called.
    pub title: String,
    /// What it says, with places such as `{customer}` that are filled in when it is used.
    pub text: String,
    /// When it was written.
    pub created_at: Millis,
}

/// `POST /answers`, and `POST /answers/{answer}`, which says all of it anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepAnswer {
    /// What it is called: one line of at most 100 characters.
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub title: String,
    /// What it says. `{customer}`, `{person}`, `{me}`, `{number}`, `{installation}` and `{address}` are filled in.
    #[schemars(length(min = 1, max = 10_000), regex(pattern = TEXT))]
    pub text: String,
    /// Whose it is; the caller's own publisher when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Slug>,
}

/// A customer's leave for support to open an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leave {
    /// The installation.
    pub installation: InstallationId,
    /// Who gave it.
    pub granted_by: String,
    /// When.
    pub granted_at: Millis,
    /// Until when it serves.
    pub until: Millis,
}

/// `GET /installations/{installation}/leave`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CurrentLeave {
    /// The one that serves now, if any does.
    pub leave: Option<Leave>,
}

/// What became of a letter: `POST /mail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MailTaken {
    /// Whether it became part of a ticket. Its sender is not told.
    pub taken: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The ticket that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
}
