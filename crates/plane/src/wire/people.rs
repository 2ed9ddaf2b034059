//! Who may come in: members, invitations, tokens, and the settings of the platform.

use domain::{InvitationId, PersonId, Slug};
use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NamesProof, PublisherLimits, Retention};

use super::{LINE, MAIL};
use crate::access::Role;
pub use crate::settings::Security;

/// `POST /settings`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSettings {
    /// Whether whoever wants may make an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_up: Option<bool>,
    /// How letters go out; with an empty host none do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<ChangeMail>,
    /// Networks of the provider's own that webhooks may reach all the same, such as `10.1.0.0/16`; also without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_networks: Option<Vec<String>>,
    /// How much is kept for how long: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// What publishers that are made from now on may have in all: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_limits: Option<PublisherLimits>,
    /// How answers to letters come in; with an empty address none do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incoming: Option<ChangeIncoming>,
    /// How a publisher shows that a host name is its own. What is served already stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_proof: Option<NamesProof>,
}

/// Where answers to letters come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeIncoming {
    /// `support@example.com`; its server must take `support+ANYTHING@example.com` for the same mailbox.
    pub address: String,
    /// The mailbox that is read; none when absent, for those who hand letters over at `POST /mail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imap: Option<ChangeMailBox>,
}

/// A mailbox at an IMAP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMailBox {
    /// The server's host name or address.
    pub host: String,
    /// Its port; 993 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `tls`, or `none` for a server on this very machine.
    pub security: Security,
    /// As whom to log in.
    pub user: String,
    /// The password; the one of before when absent. It is kept encrypted and never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The folder; `INBOX` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// A server that takes letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMail {
    /// Its host name or address.
    pub host: String,
    /// Its port; the usual one of `security` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `tls`, `starttls`, or `none` for a server on this very machine.
    pub security: Security,
    /// As whom to log in, if it wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password; the one of before when absent. It is kept encrypted and never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Whose name letters carry: `vClouden <noreply@example.com>`.
    pub from: String,
}

/// The settings of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformSettings {
    /// Whether whoever wants may make an account.
    pub sign_up: bool,
    /// How letters go out, if they do; without the password.
    pub mail: Option<MailSettings>,
    /// Networks of the provider's own that webhooks may reach all the same.
    #[serde(default)]
    pub webhook_networks: Vec<String>,
    /// How much is kept for how long.
    #[serde(default)]
    pub retention: Retention,
    /// What a new publisher may have in all.
    #[serde(default)]
    pub publisher_limits: PublisherLimits,
    /// How answers to letters come in, if they do; without the password.
    pub incoming: Option<IncomingSettings>,
    /// How a publisher shows that a host name is its own.
    pub names_proof: NamesProof,
}

/// How answers to letters come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncomingSettings {
    /// The address, to which each ticket and person adds a secret.
    pub address: String,
    /// The mailbox that is read.
    pub imap: Option<MailBoxSettings>,
}

/// A mailbox at an IMAP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MailBoxSettings {
    /// Host name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// As whom to log in.
    pub user: String,
    /// The folder.
    pub folder: String,
}

/// How letters go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MailSettings {
    /// Host name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// As whom to log in.
    pub user: Option<String>,
    /// Whether a password is kept.
    pub password: bool,
    /// Whose name letters carry.
    pub from: String,
}

/// `POST /invitations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    /// To whom.
    #[schemars(length(max = 254), regex(pattern = MAIL))]
    pub mail: String,
    /// What they are to be.
    pub role: Role,
    /// Where; the caller's own publisher when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Slug>,
    /// For which customer, with a customer's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Slug>,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// To whom.
    pub mail: String,
    /// What they are to be.
    pub role: Role,
    /// Where; absent for an operator.
    pub publisher: Option<Slug>,
    /// For which customer.
    pub customer: Option<Slug>,
    /// Who invited them.
    pub invited_by: String,
    /// When.
    pub created_at: Millis,
    /// Until when it can be accepted.
    pub expires_at: Millis,
    /// Where it is accepted; only in the answer to `POST /invitations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whether a letter with the link goes out; only in that answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailed: Option<bool>,
}

/// A person who is something somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// Their id.
    pub id: PersonId,
    /// Their address.
    pub mail: String,
    /// Their name.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Since when.
    pub since: Millis,
    /// Whether they show more than a password; told to those who decide there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<bool>,
}

/// `GET /publishers/{publisher}/sign-in`: how a publisher's members come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignIn {
    /// Whether they must have a second factor.
    pub second_factor: bool,
    /// The provider of OpenID Connect by which they can come in.
    pub single_sign_on: Option<SingleSignOn>,
}

/// A provider of OpenID Connect, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SingleSignOn {
    /// What it calls itself: an address.
    pub issuer: String,
    /// What it calls us.
    pub client: String,
    /// Of the mail addresses of those who come in by it.
    pub domains: Vec<String>,
    /// What newcomers become; absent where only those who are invited come in.
    pub role: Option<Role>,
    /// Where it sends people back to: it has to know that address.
    pub callback: String,
}

/// A provider of OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSingleSignOn {
    /// What it calls itself: an address; empty to have none any more.
    pub issuer: String,
    /// What it calls us.
    #[serde(default)]
    pub client: String,
    /// The secret that we show it; the one of before when absent. It is kept encrypted and never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Of the mail addresses of those who come in by it, such as `acme.example`.
    #[serde(default)]
    pub domains: Vec<String>,
    /// What newcomers become: `developer`, `support` or `billing`; absent where only those who are invited come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// `POST /publishers/{publisher}/sign-in`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSignIn {
    /// Whether members must have a second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<bool>,
    /// By which provider they can come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_sign_on: Option<ChangeSingleSignOn>,
}

/// `POST /members/{member}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// What they are to be.
    pub role: Role,
}

/// `POST /me/mail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAddress {
    /// The address that you are to have; it becomes yours when the link that is sent to it is opened.
    pub mail: String,
    /// Your password, or a code of your second factor.
    pub proof: String,
}

/// A link was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressAsked {
    /// To this address.
    pub mail: String,
}

/// Who asks, as the API knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// The name, as the audit has it.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Where; absent for an operator.
    pub publisher: Option<Slug>,
    /// For which customer.
    pub customer: Option<Slug>,
    /// What the publisher is called.
    #[serde(default)]
    pub publisher_name: Option<String>,
    /// What the customer is called.
    #[serde(default)]
    pub customer_name: Option<String>,
    /// Where tickets can be written to by mail.
    #[serde(default)]
    pub ticket_address: Option<String>,
    /// The person; absent for a token that belongs to nobody in particular.
    #[serde(default)]
    pub profile: Option<Profile>,
}

/// How a person is called and addressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// Their mail address.
    pub mail: String,
    /// Their name.
    pub name: String,
    /// The language of their pages and letters: `en`, `es`.
    pub language: String,
    /// Their time zone, such as `America/Bogota`.
    pub time_zone: String,
}

/// `POST /me`: what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeProfile {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub name: Option<String>,
    /// The language: `en`, `es`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// What a scope can be.
fn scopes() -> serde_json::Value {
    let all = ["read", "publish", "deploy", "operate", "support", "mail", "manage", crate::access::EVERYTHING];
    serde_json::json!({ "enum": all })
}

/// `POST /tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for: one line of at most 100 characters.
    #[schemars(length(min = 1, max = 100), regex(pattern = LINE))]
    pub name: String,
    /// What it may be used for: `read`, `publish`, `deploy`, `operate`, `support`, `mail`, `manage`; everything when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("items" = scopes()))]
    pub scopes: Vec<String>,
    /// Days that it serves, 1 to 3660; 365 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3660))]
    pub days: Option<u32>,
    /// Makes it one of a place and of nobody in particular, with this role there. When absent it acts as its maker, for
    /// as long as they are what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Where it acts, with `role`; the caller's own publisher when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Slug>,
    /// For which customer it acts, with a customer's `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Slug>,
}

/// A key to the API, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it acts as; a personal one as its maker is at that time.
    pub role: Role,
    /// Where it acts; absent for an operator's.
    pub publisher: Option<Slug>,
    /// For which customer it acts.
    pub customer: Option<Slug>,
    /// Whether it acts as its maker.
    pub personal: bool,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Millis,
    /// Until when it serves.
    pub expires_at: Option<Millis>,
    /// When it was last used, to a minute.
    pub used_at: Option<Millis>,
}

/// A new token with its text, which is not shown again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewToken {
    /// The text to be sent as `Authorization: Bearer`.
    pub secret: String,
    /// What is kept of it.
    pub token: Token,
}

/// `POST /device-logins`: a command line wants to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginDeviceLogin {
    /// What asks, such as the name of the machine: one line of at most 100 characters.
    #[schemars(regex(pattern = LINE))]
    pub name: String,
    /// What its token may be used for; everything when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Days that its token serves, 1 to 3660; 90 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3660))]
    pub days: Option<u32>,
}

/// A login that waits for a person (RFC 8628 in shape).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceLoginBegun {
    /// What the command line keeps, and shows for its token.
    pub device_code: String,
    /// What the person compares, or types.
    pub user_code: String,
    /// Where it is typed.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// Seconds that it waits.
    pub expires_in: u64,
    /// Seconds between two questions.
    pub interval: u64,
}

/// `POST /device-logins/token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeDeviceToken {
    /// What `POST /device-logins` gave.
    pub device_code: String,
}
