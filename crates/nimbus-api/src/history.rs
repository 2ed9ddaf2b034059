//! The wire types of what installations used over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::Millis;

/// `GET /installations/{id}/history?range=hour|day|month`: what it used, in stretches of equal length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReport {
    /// Seconds of one stretch: 10, 300 or 3600.
    pub step_seconds: u64,
    /// The stretches of which something is known, oldest first; the last one may not be over.
    pub points: Vec<HistoryPoint>,
}

/// Which history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryRange {
    /// The last hour, by 10 seconds.
    Hour,
    /// The last day, by 5 minutes.
    Day,
    /// The last 31 days, by the hour.
    Month,
}

impl HistoryRange {
    /// As text, as in the query.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Seconds of one stretch.
    pub fn step_seconds(self) -> u64 {
        match self {
            Self::Hour => 10,
            Self::Day => 300,
            Self::Month => 3600,
        }
    }
}

/// One stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryPoint {
    /// When it began.
    pub at: Millis,
    /// Seconds of it in which it had processes.
    pub awake_seconds: u64,
    /// Bytes of memory in use, the mean over those seconds.
    pub memory: u64,
    /// The most bytes of memory in use that were seen, looking every 10 seconds.
    pub memory_peak: u64,
    /// Milliseconds of processor time.
    pub cpu_ms: u64,
    /// Bytes of data on disk, as last looked at: every 5 minutes. 0 when it was not looked at.
    pub disk: u64,
    /// Times that it was brought back.
    pub restarts: u64,
    /// Requests.
    pub requests: u64,
    /// Their answers by the first digit of the status, from 1 to 5.
    pub classes: [u64; 5],
    /// Bytes of their bodies.
    pub bytes_in: u64,
    /// Bytes of the answers' bodies.
    pub bytes_out: u64,
    /// Milliseconds within which half of the answers began; absent without any.
    pub p50_ms: Option<f64>,
    /// The same for 95 % of them.
    pub p95_ms: Option<f64>,
}

/// `GET /installations/{id}/usage`: what it used on one day; a list, oldest first, of at most 400 days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DayUsage {
    /// The calendar day in UTC, such as `2026-11-23`.
    pub day: String,
    /// Seconds in which it had processes.
    pub awake_seconds: u64,
    /// Bytes of memory that were set apart for it (`limits.memory`) times those seconds.
    pub reserved_byte_seconds: u64,
    /// Bytes of memory in use times those seconds.
    pub used_byte_seconds: u64,
    /// Milliseconds of processor time.
    pub cpu_ms: u64,
    /// Bytes of data on disk, as last looked at on that day.
    #[serde(default)]
    pub disk: u64,
    /// Requests.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes_in: u64,
    /// Bytes of the answers' bodies.
    pub bytes_out: u64,
}
