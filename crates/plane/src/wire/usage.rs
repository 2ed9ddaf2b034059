//! The wire type of what installations used.

use domain::{InstallationId, InstallationName, Slug};
use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// By what usage is added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UsageBy {
    /// An entry for each installation and month.
    #[default]
    Installation,
    /// An entry for each customer and month.
    Customer,
    /// An entry for each month.
    Month,
}

/// `GET /usage`: what was used in one month, by one installation or by several together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Such as `2026-11`, in UTC.
    pub month: String,
    /// Whose applications.
    pub publisher: Slug,
    /// Whose installations; absent when added up by month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Slug>,
    /// Whether that customer was deleted since.
    #[serde(default)]
    pub former: bool,
    /// Of which application; only of a single installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Slug>,
    /// Which installation; it may have been removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<InstallationId>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<InstallationName>,
    /// How many installations are added up.
    pub installations: u64,
    /// Seconds in which there were processes.
    pub awake_seconds: u64,
    /// MiB of memory that were set apart, times those seconds.
    pub memory_mib_seconds: u64,
    /// MiB of memory in use, times those seconds.
    pub memory_used_mib_seconds: u64,
    /// MiB of data on disk, times the seconds of the month in which it existed.
    pub disk_mib_seconds: u64,
    /// Milliseconds of processor time.
    pub cpu_ms: u64,
    /// Requests.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes_in: u64,
    /// Bytes of the answers' bodies.
    pub bytes_out: u64,
    /// The most backups that were held at once.
    pub backups: u64,
    /// When it was counted last.
    pub counted_at: Millis,
}

/// MiB times seconds in one GiB times an hour.
const GIB_HOUR: f64 = 1024.0 * 3600.0;

#[expect(clippy::cast_precision_loss, reason = "for people and their invoices")]
impl Usage {
    /// Hours in which there were processes.
    pub fn hours(&self) -> f64 {
        self.awake_seconds as f64 / 3600.0
    }

    /// Memory that was set apart, in GiB times hours: what is paid for.
    pub fn memory_hours(&self) -> f64 {
        self.memory_mib_seconds as f64 / GIB_HOUR
    }

    /// Disk, in GiB times hours.
    pub fn disk_hours(&self) -> f64 {
        self.disk_mib_seconds as f64 / GIB_HOUR
    }
}

/// Columns of a table of usage for other programs.
pub const USAGE_COLUMNS: [&str; 14] = [
    "month",
    "publisher",
    "customer",
    "app",
    "installation",
    "installations",
    "running_hours",
    "memory_gib_hours",
    "disk_gib_hours",
    "cpu_seconds",
    "requests",
    "bytes_in",
    "bytes_out",
    "backups",
];

impl Usage {
    /// Its line of that table. Short names hold nothing that a spreadsheet would run.
    pub fn columns(&self) -> [String; 14] {
        fn text(value: Option<&impl ToString>) -> String {
            value.map(ToString::to_string).unwrap_or_default()
        }
        [
            self.month.clone(),
            self.publisher.to_string(),
            text(self.customer.as_ref()),
            text(self.app.as_ref()),
            text(self.name.as_ref()),
            self.installations.to_string(),
            format!("{:.2}", self.hours()),
            format!("{:.4}", self.memory_hours()),
            format!("{:.4}", self.disk_hours()),
            format!("{}.{:03}", self.cpu_ms / 1000, self.cpu_ms % 1000),
            self.requests.to_string(),
            self.bytes_in.to_string(),
            self.bytes_out.to_string(),
            self.backups.to_string(),
        ]
    }
}
