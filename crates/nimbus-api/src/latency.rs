//! How long answers took, in few numbers: a histogram whose steps grow by the square root of two, from 0.1 milliseconds
//! to about a minute. The edge counts, Nimbus adds up and reads quantiles off it.

use std::time::Duration;

/// Steps of a histogram; what takes longer than the last one counts there.
pub const STEPS: usize = 40;
/// The end of the first step, in milliseconds.
const FIRST: f64 = 0.1;

/// A histogram of answers by time.
pub type Histogram = [u64; STEPS];

/// The step in which an answer counts.
pub fn step(took: Duration) -> usize {
    let ratio = took.as_secs_f64() * 1000.0 / FIRST;
    if ratio <= 1.0 {
        return 0;
    }
    // Twice the logarithm: the steps are square roots of two. The value is small and positive.
    ((ratio.log2() * 2.0).ceil() as usize).min(STEPS - 1)
}

/// The time, in milliseconds, within which this part (0 to 1) of the answers came; none without any. It is exact to the
/// step, and evenly spread within it.
pub fn quantile(histogram: &Histogram, part: f64) -> Option<f64> {
    let all: u64 = histogram.iter().sum();
    let wanted = part * all as f64;
    let mut before = 0.0;
    for (step, count) in histogram.iter().enumerate().filter(|(_, count)| **count > 0) {
        let within = *count as f64;
        if before + within >= wanted {
            let end = |step: f64| FIRST * 2_f64.powf(step / 2.0);
            let start = if step == 0 { 0.0 } else { end(step as f64 - 1.0) };
            return Some(start + (end(step as f64) - start) * (wanted - before) / within);
        }
        before += within;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_the_step() {
        let mut histogram = [0; STEPS];
        assert_eq!(quantile(&histogram, 0.5), None);
        for ms in 1..=1000 {
            histogram[step(Duration::from_millis(ms))] += 1;
        }
        for (part, exact) in [(0.05, 50.0), (0.5, 500.0), (0.95, 950.0)] {
            let read = quantile(&histogram, part).unwrap();
            assert!((exact / 1.42..exact * 1.42).contains(&read), "{part}: {read}");
        }
        assert_eq!((step(Duration::ZERO), step(Duration::from_secs(3600))), (0, STEPS - 1));
        assert_eq!((step(Duration::from_micros(100)), step(Duration::from_micros(101))), (0, 1));
        assert_eq!(step(Duration::from_secs(50)), STEPS - 2);
    }
}
