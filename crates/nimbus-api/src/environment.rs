//! The variables of one installation. They may be secrets: their values are never shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Variables, and bytes of all of them together.
const MOST: usize = 200;
const MOST_BYTES: usize = 64 << 10;

/// Variables by their names. Formatting it for people or logs shows the names only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, for whoever starts the program.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    /// Whether a program can be given them; if not, why, without any value.
    pub fn check(&self) -> Result<(), String> {
        let bytes: usize = self.0.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        if self.0.len() > MOST || bytes > MOST_BYTES {
            return Err(format!(
                "an installation has at most {MOST} variables of its own, of {MOST_BYTES} bytes in all"
            ));
        }
        for (name, value) in &self.0 {
            let shown: String = name.chars().take(60).collect();
            let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
            if name.is_empty() || !name.bytes().all(inner) || name.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(format!(
                    "{shown:?} is not the name of a variable: use letters, digits and _, not beginning with a digit"
                ));
            }
            if name == "PORT" || name.starts_with("VCLOUDEN_") {
                return Err(format!("the variable {shown} is set by the server: choose another name"));
            }
            if value.contains('\0') {
                return Err(format!("the value of {shown} has a zero byte, which no program can be given: remove it"));
            }
        }
        Ok(())
    }
}

impl From<BTreeMap<String, String>> for Environment {
    fn from(variables: BTreeMap<String, String>) -> Self {
        Self(variables)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &str) -> Environment {
        BTreeMap::from([(name.to_owned(), value.to_owned())]).into()
    }

    #[test]
    fn values_are_never_shown() {
        assert_eq!(format!("{:?}", of("API_KEY", "s3cret")), r#"{"API_KEY"}"#);
        for bad in
            [of("", "s3cret"), of("1A", "s3cret"), of("A-B", "s3cret"), of("PORT", "s3cret"), of("A", "s3cret\0")]
        {
            let why = bad.check().unwrap_err();
            assert!(!why.contains("s3cret"), "{why}");
        }
        assert!(of("A", &"x".repeat(MOST_BYTES)).check().is_err());
        assert_eq!(of("_OWN_1", "ñ = \"x\"\n").check(), Ok(()));
    }
}
