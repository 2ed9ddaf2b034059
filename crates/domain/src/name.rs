//! Names that people choose and that end up in host names and paths, so that only safe ones exist as values.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" cannot be used as a name: use 1 to {max} lower-case letters, digits and hyphens, \
     beginning and ending with a letter or digit"
)]
pub struct BadName {
    text: String,
    max: usize,
}

/// A label of a host name (RFC 1123) of at most `max` characters, lower case.
fn label(text: &str, max: usize) -> Result<String, BadName> {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let fits = (1..=max).contains(&text.len()) && text.bytes().all(inner);
    if fits && !text.starts_with('-') && !text.ends_with('-') {
        Ok(text.to_owned())
    } else {
        Err(BadName { text: text.chars().take(80).collect(), max })
    }
}

/// What [`label`] accepts, but for the length.
const PATTERN: &str = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$";

macro_rules! label {
    ($(#[$doc:meta] $name:ident of $max:literal),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = PATTERN, "minLength" = 1, "maxLength" = $max))]
        pub struct $name(String);

        impl $name {
            /// The most characters a name may have.
            pub const MAX: usize = $max;

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                label(&text, Self::MAX).map(Self)
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                label(text, Self::MAX).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

label! {
    /// The short name of a publisher, or of an application or a customer of one.
    Slug of 30,
    /// The name of an installation: its host name's first label, unique in a control plane.
    InstallationName of 63,
}

/// An application or a customer among those of every publisher: two publishers may use the same slug. As text
/// `publisher:slug`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Whose it is.
    pub publisher: Slug,
    /// Its short name there.
    pub slug: Slug,
}

impl Key {
    /// That of `slug` at `publisher`.
    pub fn new(publisher: Slug, slug: Slug) -> Self {
        Self { publisher, slug }
    }
}

impl FromStr for Key {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (publisher, slug) = text.split_once(':').unwrap_or(("", text));
        Ok(Self { publisher: publisher.parse()?, slug: slug.parse()? })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.publisher, self.slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = Key::new("acme".parse().unwrap(), "crm".parse().unwrap());
        assert_eq!(key.to_string(), "acme:crm");
        assert_eq!("acme:crm".parse::<Key>().unwrap(), key);
        for bad in ["crm", ":crm", "acme:", "a:b:c", "A:b"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_labels_of_a_host_name_are_names() {
        for good in ["a", "radicale", "acme-2", "0x"] {
            assert_eq!(good.parse::<Slug>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", "..", "ñ", "a b", &"a".repeat(31)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }
}
