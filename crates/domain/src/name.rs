//! Names that people choose and that end up in host names and paths, so that only safe ones exist as values.

use std::fmt;
use std::str::FromStr;

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

macro_rules! label {
    ($(#[$doc:meta] $name:ident of $max:literal),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
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
    /// The short name of an application or a customer.
    Slug of 30,
    /// The name of an installation: its host name's first label, unique in a control plane.
    InstallationName of 63,
}

#[cfg(test)]
mod tests {
    use super::*;

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
