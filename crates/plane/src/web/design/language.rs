//! The languages of the console, and which one a request gets.

use serde::{Deserialize, Serialize};

/// A language that every text exists in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
}

impl Language {
    /// Every language, in the order in which they are offered.
    pub const ALL: &'static [Self] = &[Self::En, Self::Es];

    /// As `lang` and `Content-Language` name it.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
        }
    }

    /// What its speakers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Es => "Español",
        }
    }

    /// The language of a tag such as `es-MX`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or("").trim();
        Self::ALL.iter().copied().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The one that an `Accept-Language` header likes best, if any.
    pub fn accepted(header: &str) -> Option<Self> {
        // A browser sends a handful; whoever sends more is not listened to any longer.
        let ranges = header.split(',').take(32).filter_map(|range| {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let quality = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok())?;
            (quality > 0.0).then_some((Self::of_tag(tag.trim())?, quality))
        });
        // The first of equals.
        let best = ranges.fold(None, |best: Option<(Self, f32)>, next| match best {
            Some(best) if best.1 >= next.1 => Some(best),
            _ => Some(next),
        });
        best.map(|(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_what_it_likes_best_of_what_there_is() {
        let accepted = Language::accepted;
        assert_eq!(accepted("es-MX,es;q=0.9,en;q=0.8"), Some(Language::Es));
        assert_eq!(accepted("fr, en;q=0.4, es;q=0.5"), Some(Language::Es));
        assert_eq!(accepted("en, es"), Some(Language::En));
        assert_eq!(accepted("de, fr;q=0.3, *;q=0.1"), None);
        assert_eq!(accepted("es;q=0, en;q=0.1"), Some(Language::En));
        assert_eq!(accepted("es;q=much"), None);
        assert_eq!(accepted(""), None);
    }
}
