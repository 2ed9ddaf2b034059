//! "Did you mean": the known word that is nearest to what somebody wrote.

/// The candidate that `word` is most likely meant to be: a few letters away, or begun the same way.
pub(super) fn near<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase().replace('-', "_");
    let far = word.len() / 3 + 1;
    let scored = candidates.into_iter().filter_map(|candidate| {
        let plain = candidate.to_lowercase().replace('-', "_");
        let begun = word.len() >= 3 && plain.starts_with(&word);
        let distance = if begun { 1 } else { distance(&word, &plain) };
        (distance < far.min(plain.len()).max(2)).then_some((distance, candidate))
    });
    scored.min().map(|(_, candidate)| candidate)
}

/// Letters to insert, delete or replace to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_stranger_is_not() {
        let words = ["memory", "cpus", "disk", "processes", "environment"];
        for (word, meant) in [
            ("memry", Some("memory")),
            ("Memory", Some("memory")),
            ("cpu", Some("cpus")),
            ("env", Some("environment")),
            ("proceses", Some("processes")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(near(word, words), meant, "{word}");
        }
    }
}
