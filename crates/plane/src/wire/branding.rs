//! The wire types of branding: how a publisher's portal looks, and what its letters say of their sender.

use domain::Slug;
use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What of a brand is text; all of it may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    /// The name that customers see, in the place of the publisher's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The colour of buttons and links on light pages, such as `#2c6e91`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// The same on dark pages; `colour` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dark_colour: Option<String>,
    /// The title of the page to log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_title: Option<String>,
    /// What it says below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_text: Option<String>,
    /// Whose name letters carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_name: Option<String>,
    /// Who gets the answers to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
}

/// `GET /publishers/{publisher}/branding`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Branding {
    /// Whose it is.
    pub publisher: Slug,
    /// Grows with each change.
    pub version: u64,
    /// All that is text.
    pub look: Look,
    /// The pictures there are.
    pub images: Vec<ImageKind>,
    /// The portal's own host name, served or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// How it is proved that the host name is the publisher's; absent where nobody asks for proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_proof: Option<HostProof>,
    /// Where the portal is.
    pub portal_url: String,
    /// Where customers open tickets by mail, if letters come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_address: Option<String>,
    /// Whether the colours can be read; those that cannot are shown in a shade that can.
    pub contrasts: Vec<Contrast>,
}

/// The record of DNS by which a host name is proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostProof {
    /// `pending` until the record was seen, then `proved`; from then on the portal is there.
    pub state: HostState,
    /// Whether the portal is there, which it may be without proof where none was asked for before.
    pub served: bool,
    /// Whether it is looked for once a minute by itself: for a week since the name was last set.
    pub watched: bool,
    /// The name of the TXT record.
    pub record: String,
    /// What stands in it.
    pub text: String,
    /// When it was last looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<Millis>,
}

/// Whether a host name is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostState {
    /// Not yet: whoever proves it first has it.
    Pending,
    /// It is, and served.
    Proved,
}

/// How a publisher shows that a host name is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamesProof {
    /// By a TXT record `_vclouden.HOST`.
    Dns,
    /// Whoever says so first is believed.
    None,
}

/// Two colours that meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contrast {
    /// What it is: `link` on a page, or `button` with its text.
    pub what: String,
    /// `light` or `dark`.
    pub scheme: String,
    /// The colour of the text as it was wished.
    pub text: String,
    /// What it stands on.
    pub on: String,
    /// How well it could be read, 1 to 21; WCAG AA wants 4.5.
    pub contrast: f64,
    /// Whether that is enough.
    pub enough: bool,
    /// The colour in which it is shown.
    pub shown: String,
}

/// A picture of a brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImageKind {
    /// At the top of every page: PNG, SVG or WebP of at most 128 KiB.
    Logo,
    /// On the page to log in: PNG, JPEG, WebP or SVG of at most 512 KiB.
    Picture,
    /// In the tab of a browser: PNG or SVG of at most 64 KiB.
    Icon,
}

impl ImageKind {
    /// Each.
    pub const ALL: &'static [Self] = &[Self::Logo, Self::Picture, Self::Icon];
}

/// `POST /publishers/{publisher}/branding`: what is absent stays, what is empty goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeBranding {
    /// See [`Look::name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub name: Option<String>,
    /// See [`Look::colour`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// See [`Look::dark_colour`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dark_colour: Option<String>,
    /// See [`Look::login_title`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub login_title: Option<String>,
    /// See [`Look::login_text`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub login_text: Option<String>,
    /// See [`Look::mail_name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub mail_name: Option<String>,
    /// See [`Look::reply_to`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The portal's own host name, which must lead to the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}
