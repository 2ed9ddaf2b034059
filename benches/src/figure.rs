//! One figure: samples by candidate, their medians, ratios to ours; printed and kept in `figures/<name>.json`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Samples of several candidates, ours first.
pub struct Figure {
    name: &'static str,
    what: &'static str,
    unit: &'static str,
    candidates: Vec<(String, Vec<f64>)>,
    facts: Vec<(String, Value)>,
}

impl Figure {
    pub fn new(name: &'static str, what: &'static str, unit: &'static str) -> Self {
        Self { name, what, unit, candidates: Vec::new(), facts: Vec::new() }
    }

    /// Gives a candidate its place in the table before its first sample.
    pub fn begin(&mut self, candidate: &str) {
        self.candidates.push((candidate.to_owned(), Vec::new()));
    }

    /// Adds one sample.
    pub fn add(&mut self, candidate: &str, sample: f64) {
        match self.candidates.iter_mut().find(|(name, _)| name == candidate) {
            Some((_, samples)) => samples.push(sample),
            None => self.candidates.push((candidate.to_owned(), vec![sample])),
        }
    }

    /// Adds one time, in milliseconds.
    pub fn add_time(&mut self, candidate: &str, time: Duration) {
        self.add(candidate, time.as_secs_f64() * 1e3);
    }

    /// Adds a fact beside the samples.
    pub fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.push((name.to_owned(), value.into()));
    }

    /// Prints a table and writes the JSON.
    pub fn finish(mut self) -> Result<()> {
        for (_, samples) in &mut self.candidates {
            samples.sort_by(f64::total_cmp);
        }
        let ours = self.candidates.first().map_or(f64::NAN, |(_, samples)| median(samples));
        println!("{} ({})", self.what, self.unit);
        println!("  {:<34} {:>9} {:>9} {:>9} {:>7} {:>4}", "", "min", "median", "max", "ratio", "n");
        let mut rows = Vec::new();
        for (name, samples) in &self.candidates {
            let (min, mid, max) = (samples[0], median(samples), samples[samples.len() - 1]);
            let ratio = mid / ours;
            println!("  {name:<34} {min:>9.2} {mid:>9.2} {max:>9.2} {ratio:>7.2} {:>4}", samples.len());
            rows.push(json!({
                "candidate": name, "min": round(min), "median": round(mid), "max": round(max),
                "ratio_to_ours": round(ratio), "n": samples.len(),
            }));
        }
        for (name, value) in &self.facts {
            println!("  {name}: {value}");
        }
        let facts: serde_json::Map<_, _> = self.facts.into_iter().collect();
        let all = json!({ "what": self.what, "unit": self.unit, "candidates": rows, "facts": facts });
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../figures");
        fs::create_dir_all(&dir).context("the directory figures/")?;
        let text = serde_json::to_string_pretty(&all)? + "\n";
        fs::write(dir.join(format!("{}.json", self.name)), text).context("the figure's file")
    }
}

fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
