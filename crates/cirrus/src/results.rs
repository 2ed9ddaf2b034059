//! Results that are remembered while nothing was written: by their question, under the stamp of the table they ask.

use std::collections::HashMap;

use crate::data::Stamp;

/// A result larger than this part of all is not worth its place.
const PART: usize = 8;

/// What one thread remembers.
#[derive(Debug)]
pub struct Results<V> {
    kept: HashMap<String, (Stamp, usize, V)>,
    size: usize,
}

impl<V> Default for Results<V> {
    fn default() -> Self {
        Self { kept: HashMap::new(), size: 0 }
    }
}

impl<V> Results<V> {
    /// The result of a question, if it is the one of this moment.
    pub fn get(&self, question: &str, now: Stamp) -> Option<&V> {
        self.kept.get(question).filter(|(then, ..)| *then == now).map(|(.., result)| result)
    }

    /// Remembers a result of so many bytes; `stamp` was taken before it was asked for. Beyond `most` bytes in all,
    /// everything is forgotten: what is asked often is soon there again.
    pub fn keep(&mut self, most: usize, question: &str, stamp: Stamp, bytes: usize, result: V) {
        let bytes = bytes + question.len();
        if bytes > most / PART {
            return;
        }
        if self.size + bytes > most {
            *self = Self::default();
        }
        self.size += bytes;
        if let Some((_, old, _)) = self.kept.insert(question.to_owned(), (stamp, bytes, result)) {
            self.size -= old;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Versions;

    #[test]
    fn a_result_counts_while_nothing_is_written_and_its_place_is_bounded() {
        let versions = Versions::new(2);
        let mut results = Results::default();
        results.keep(800, "a", versions.stamp(&[0]), 50, 1);
        assert_eq!(results.get("a", versions.stamp(&[0])), Some(&1));
        versions.raise(1);
        assert_eq!(results.get("a", versions.stamp(&[0])), Some(&1));
        versions.raise(0);
        assert_eq!(results.get("a", versions.stamp(&[0])), None);
        results.keep(800, "a", versions.stamp(&[0]), 100, 2);
        assert_eq!(results.get("a", versions.stamp(&[0])), None, "larger than its part");
        for n in 0..100 {
            results.keep(800, &n.to_string(), versions.stamp(&[0]), 80, n);
            assert!(results.size <= 800);
        }
        results.keep(0, "none", versions.stamp(&[0]), 0, 1);
        assert_eq!(results.get("none", versions.stamp(&[0])), None);
    }
}
