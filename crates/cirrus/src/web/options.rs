//! Options of what `app.js` declares: one that is not known is refused, with the word that was probably meant, since an
//! option that does nothing is found out late.

use serde_json::{Map, Value};

/// Refuses what is not `known`. `others` are words that other programs have for the same. The error is for the author.
pub fn check(options: &Map<String, Value>, known: &[&str], others: &[(&str, &str)]) -> Result<(), String> {
    let Some(name) = options.keys().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
    let plain = |word: &str| word.to_lowercase().replace(['_', '-'], "");
    let other = others.iter().find(|(other, _)| plain(other) == plain(name)).map(|(_, known)| *known);
    let near = || {
        let all = known.iter().map(|word| (distance(&plain(name), &plain(word)), *word));
        all.min().filter(|(far, word)| *far <= word.len() / 3 + 1).map(|(_, word)| word)
    };
    let meant = other.or_else(near).map_or(".".to_owned(), |word| format!(": did you mean `{word}`?"));
    Err(format!("there is no option `{name}`{meant} There are {}", known.join(", ")))
}

/// How many letters must be written otherwise, left out or put in between.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (place, letter) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = place + 1;
        for at in 0..b.len() {
            let changed = before + usize::from(b[at] != letter);
            before = row[at + 1];
            row[at + 1] = changed.min(before + 1).min(row[at] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_told() {
        let refused = |name: &str| {
            let options = Map::from_iter([("path".to_owned(), Value::Null), (name.to_owned(), Value::Null)]);
            check(&options, &["path", "sort", "page", "events"], &[("orderBy", "sort")]).unwrap_err()
        };
        let all = "There are path, sort, page, events";
        assert_eq!(refused("event"), format!("there is no option `event`: did you mean `events`? {all}"));
        assert_eq!(refused("order_by"), format!("there is no option `order_by`: did you mean `sort`? {all}"));
        assert_eq!(refused("paeg"), format!("there is no option `paeg`: did you mean `page`? {all}"));
        assert_eq!(refused("database"), format!("there is no option `database`. {all}"));
        assert_eq!(check(&Map::new(), &[], &[]), Ok(()));
    }
}
