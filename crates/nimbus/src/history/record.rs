//! One stretch of time of one installation, and how it lies on the volume: sixteen numbers of eight bytes, the last of
//! which tells, by half of it, a whole record from a torn one.

use nimbus_api::latency::{self, Histogram};
use nimbus_api::{DayUsage, HistoryPoint};

/// Bytes of a record.
pub(super) const BYTES: usize = WORDS * 8;
const WORDS: usize = 16;

/// What is known of one stretch. All zero is a stretch of which nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Seconds since 1970 at which it began.
    pub(super) start: u64,
    /// Seconds of it in which there were processes.
    pub(super) awake: u64,
    /// Bytes of memory in use, added up over those seconds.
    pub(super) used: u64,
    /// Bytes of memory set apart, added up over those seconds.
    pub(super) reserved: u64,
    /// The most bytes of memory seen.
    pub(super) peak: u64,
    /// Milliseconds of processor time.
    pub(super) cpu_ms: u64,
    /// Bytes of data on disk at its end.
    pub(super) disk: u64,
    /// Times that it was brought back.
    pub(super) restarts: u64,
    /// Answers by class.
    pub(super) classes: [u64; 5],
    /// Bytes of requests and of answers.
    pub(super) bytes: [u64; 2],
    /// Microseconds within which half and 95 % of the answers began.
    pub(super) quantiles: [u32; 2],
}

impl Record {
    /// Of a stretch that begins then.
    pub(super) fn at(start: u64) -> Self {
        Self { start, ..Self::default() }
    }

    /// Adds what a shorter stretch within it had. Quantiles cannot be added up.
    pub(super) fn add(&mut self, part: &Record) {
        let sum = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        sum(&mut self.awake, part.awake);
        sum(&mut self.used, part.used);
        sum(&mut self.reserved, part.reserved);
        sum(&mut self.cpu_ms, part.cpu_ms);
        sum(&mut self.restarts, part.restarts);
        self.classes.iter_mut().zip(part.classes).for_each(|(to, more)| sum(to, more));
        self.bytes.iter_mut().zip(part.bytes).for_each(|(to, more)| sum(to, more));
        self.peak = self.peak.max(part.peak);
        if part.disk > 0 {
            self.disk = part.disk;
        }
    }

    /// Notes how long answers took.
    pub(super) fn took(&mut self, histogram: &Histogram) {
        let micros = |part| latency::quantile(histogram, part).map_or(0, |ms| (ms * 1000.0).round() as u32);
        self.quantiles = [micros(0.5), micros(0.95)];
    }

    pub(super) fn encode(&self) -> [u8; BYTES] {
        let [median, late] = self.quantiles.map(u64::from);
        let [c1, c2, c3, c4, c5] = self.classes;
        let [came, went] = self.bytes;
        let (used, reserved) = (self.used, self.reserved);
        let restarts = self.restarts.min(u64::from(u32::MAX)) << 32;
        let mut words = [self.start, self.awake, used, reserved, self.peak, self.cpu_ms, self.disk, c1, c2, c3, c4, c5]
            .into_iter()
            .chain([came, went, median << 32 | late, restarts])
            .collect::<Vec<u64>>();
        words[WORDS - 1] |= u64::from(sum(&words));
        let mut bytes = [0; BYTES];
        bytes.chunks_exact_mut(8).zip(words).for_each(|(at, word)| at.copy_from_slice(&word.to_le_bytes()));
        bytes
    }

    /// The record that was written there; none where nothing was, or half of it.
    pub(super) fn decode(bytes: &[u8; BYTES]) -> Option<Self> {
        let mut words = [0; WORDS];
        for (word, at) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(at.try_into().ok()?);
        }
        let found = words[WORDS - 1] as u32;
        words[WORDS - 1] &= !u64::from(u32::MAX);
        if words[0] == 0 || sum(&words) != found {
            return None;
        }
        let [start, awake, used, reserved, peak, cpu_ms, disk, c1, c2, c3, c4, c5, came, went, took, restarts] = words;
        let (classes, bytes, restarts) = ([c1, c2, c3, c4, c5], [came, went], restarts >> 32);
        let quantiles = [(took >> 32) as u32, took as u32];
        Some(Self { start, awake, used, reserved, peak, cpu_ms, disk, restarts, classes, bytes, quantiles })
    }

    /// As the control plane wants it.
    pub(super) fn point(&self) -> HistoryPoint {
        let answers: u64 = self.classes.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let ms = |micros: u32| (answers > 0).then(|| f64::from(micros) / 1000.0);
        HistoryPoint {
            at: self.start * 1000,
            awake_seconds: self.awake,
            memory: self.used.checked_div(self.awake).unwrap_or(0),
            memory_peak: self.peak,
            cpu_ms: self.cpu_ms,
            disk: self.disk,
            restarts: self.restarts,
            requests: answers,
            classes: self.classes,
            bytes_in: self.bytes[0],
            bytes_out: self.bytes[1],
            p50_ms: ms(self.quantiles[0]),
            p95_ms: ms(self.quantiles[1]),
        }
    }

    /// As whoever sends the bill wants it.
    pub(super) fn day(&self) -> DayUsage {
        let seconds = i64::try_from(self.start).unwrap_or(i64::MAX);
        let day = chrono::DateTime::from_timestamp(seconds, 0).map(|time| time.format("%Y-%m-%d").to_string());
        DayUsage {
            day: day.unwrap_or_default(),
            awake_seconds: self.awake,
            reserved_byte_seconds: self.reserved,
            used_byte_seconds: self.used,
            cpu_ms: self.cpu_ms,
            disk: self.disk,
            requests: self.classes.iter().sum(),
            bytes_in: self.bytes[0],
            bytes_out: self.bytes[1],
        }
    }
}

/// A sum over numbers that changes when one of them does: FNV-1a, half of it.
fn sum(words: &[u64]) -> u32 {
    let mix = |sum: u64, word: &u64| {
        let sum = (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        sum ^ (sum >> 32)
    };
    words.iter().fold(0xcbf2_9ce4_8422_2325, mix) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Record {
        Record {
            start: 1_795_000_000,
            awake: 300,
            used: 300 << 20,
            reserved: 300 << 26,
            peak: 2 << 20,
            cpu_ms: 17,
            disk: 4096,
            restarts: 1,
            classes: [0, 7, 1, 2, 3],
            bytes: [100, 20_000],
            quantiles: [1_500, 90_000],
        }
    }

    #[test]
    fn a_record_comes_back_whole_or_not_at_all() {
        let (one, other) = (full().encode(), Record { start: 1_795_000_300, awake: 1, ..full() }.encode());
        assert_eq!(Record::decode(&one), Some(full()));
        assert_eq!(Record::decode(&[0; BYTES]), None);
        for cut in (8..BYTES).step_by(8) {
            let torn: Vec<u8> = one[..cut].iter().chain(&other[cut..]).copied().collect();
            assert_eq!(Record::decode(&torn.try_into().unwrap()), None, "{cut}");
        }
    }

    #[test]
    fn parts_add_up() {
        let mut hour = Record::at(1_795_000_000);
        hour.add(&full());
        hour.add(&Record { peak: 5 << 20, disk: 0, ..full() });
        let point = hour.point();
        assert_eq!((point.memory, point.memory_peak, point.disk), (1 << 20, 5 << 20, 4096));
        assert_eq!((point.requests, point.cpu_ms, point.awake_seconds), (26, 34, 600));
        assert_eq!((hour.day().day.as_str(), hour.day().disk), ("2026-11-18", 4096));
    }
}
