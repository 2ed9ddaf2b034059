//! What the operator decides for everybody: limits, how long records are kept, announcements.

use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /publishers/{publisher}/limits`: what a publisher may have in all. What is absent has no limit. Limits hold when
/// something is installed; what there is stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublisherLimits {
    /// Installations that are not removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installations: Option<u64>,
    /// Bytes of memory promised to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Bytes of disk promised to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<u64>,
}

/// How much is kept for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Days after which anything that has ended is deleted, 30 to 3650.
    #[schemars(range(min = 30, max = 3650))]
    pub days: u32,
    /// Most events of the audit of each publisher, and of the platform itself, 1,000 to 10,000,000.
    #[schemars(range(min = 1000, max = 10_000_000))]
    pub events: u64,
    /// Most operations, with the deployments that they belong to, 100 to 1,000,000.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub operations: u64,
    /// Hours for which what a deployment, a rollback or a restore replaces is kept, 1 to 720, unless a deployment says
    /// otherwise; as the control plane was started when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub copy_hours: Option<u32>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 400, events: 100_000, operations: 50_000, copy_hours: None }
    }
}

/// How an announcement looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Good to know.
    Info,
    /// Something to prepare for.
    Warn,
    /// Something is wrong.
    Bad,
}

/// Who is shown an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Publishers' people and operators.
    Console,
    /// Publishers' customers.
    Portals,
    /// All of them.
    Everybody,
}

impl Audience {
    /// Whether it is for those of a portal, or of the console.
    pub fn is(self, portal: bool) -> bool {
        match self {
            Audience::Console => !portal,
            Audience::Portals => portal,
            Audience::Everybody => true,
        }
    }
}

/// `POST /announcements`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAnnouncement {
    /// How it looks.
    pub level: Level,
    /// Who is shown it.
    pub audience: Audience,
    /// What it says in English, at most 500 characters; the Spanish text when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
    /// What it says in Spanish, at most 500 characters; the English text when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub es: Option<String>,
    /// From when on; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Millis>,
    /// Until when; until it is deleted when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

/// What the platform tells the caller now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CurrentAnnouncement {
    /// Its id.
    pub id: String,
    /// How it looks.
    pub level: Level,
    /// What it says in English.
    pub en: String,
    /// What it says in Spanish.
    pub es: String,
    /// From when on.
    pub from: Millis,
    /// Until when; until it is deleted when absent.
    pub until: Option<Millis>,
}

/// Something that people are shown on every page until they dismiss it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Announcement {
    /// Its id.
    pub id: String,
    /// How it looks.
    pub level: Level,
    /// Who is shown it.
    pub audience: Audience,
    /// What it says in English.
    pub en: String,
    /// What it says in Spanish.
    pub es: String,
    /// From when on.
    pub from: Millis,
    /// Until when; until it is deleted when absent.
    pub until: Option<Millis>,
    /// Who wrote it.
    pub by: String,
}

impl Announcement {
    /// Whether it is to be shown at that moment.
    pub fn is_on(&self, now: Millis) -> bool {
        self.from <= now && self.until.is_none_or(|until| until > now)
    }
}
