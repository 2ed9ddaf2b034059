//! Variables of installations and applications: what programs find in their environment.

use std::collections::BTreeSet;
use std::fmt;

use domain::{InstallationName, OperationId};
use nimbus_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /installations/{installation}/environment` and `POST /apps/{app}/environment`; an empty body is `{}`, which
/// gives an installation once more what it and its application have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEnvironment {
    /// Variables that are to be, or to be other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<SetVariable>,
    /// Names of those that are not to be any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<String>,
}

impl ChangeEnvironment {
    /// The names that are said more than once.
    pub fn repeated(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let all = self.set.iter().map(|one| one.name.as_str()).chain(self.unset.iter().map(String::as_str));
        all.filter(|name| !seen.insert(*name)).collect()
    }
}

/// A variable to be set. Formatting it for people or logs does not show its value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetVariable {
    /// Letters, digits and `_`, not beginning with a digit.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether nobody is ever shown its value again; when absent, as it was, or `true` for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<bool>,
}

impl fmt::Debug for SetVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetVariable").field("name", &self.name).field("secret", &self.secret).finish_non_exhaustive()
    }
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; never that of a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether it is a secret.
    pub secret: bool,
    /// Whether it is the application's, for all its installations.
    pub inherited: bool,
    /// When it was set.
    pub set_at: Millis,
    /// Who set it.
    pub set_by: String,
}

/// `POST /apps/{app}/environment/apply`: the application's variables are brought to all installations that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Applied {
    /// An operation for each, done one after the other; one that is busy at its turn, or not reached, is undone and says why.
    pub operations: Vec<OperationId>,
    /// Installations left out: they are busy, under a deployment or not installed. They get them with their next change.
    pub left: Vec<InstallationName>,
}

/// Reads lines such as `NAME=value` as files named `.env` have them: comments begin with `#`; a value in double quotes
/// may have `\n`, `\t`, `\"` and `\\`; one in single quotes is taken as it is. The error says which line is wrong, never a value.
pub fn read_lines(text: &str, secret: Option<bool>) -> Result<Vec<SetVariable>, String> {
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or_else(|| format!("line {number} is not NAME=value"))?;
        let value = unquoted(value.trim()).ok_or_else(|| {
            format!("line {number}: the quotation mark that begins the value is not closed at its end")
        })?;
        all.push(SetVariable { name: name.trim().to_owned(), value, secret });
    }
    Ok(all)
}

fn unquoted(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix('\'') {
        return rest.strip_suffix('\'').map(str::to_owned);
    }
    let Some(rest) = value.strip_prefix('"') else { return Some(value.to_owned()) };
    let (mut out, mut rest) = (String::new(), rest.chars());
    loop {
        match rest.next()? {
            '"' => return rest.next().is_none().then_some(out),
            '\\' => match rest.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_people_write_them() {
        let text = "# mail\nexport HOST=smtp.example.com\n\nKEY = \"one\\ntwo \\\"three\\\"\" \nRAW='a\\n#b'\nEMPTY=\nURL=a=b#c";
        let all = read_lines(text, Some(true)).unwrap();
        let pairs: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect();
        let wanted = [
            ("HOST", "smtp.example.com"),
            ("KEY", "one\ntwo \"three\""),
            ("RAW", "a\\n#b"),
            ("EMPTY", ""),
            ("URL", "a=b#c"),
        ];
        assert_eq!(pairs, wanted);
        for (bad, line) in
            [("A=1\nnonsense", "line 2"), ("A=\"s3cret", "line 1"), ("A='s3cret", "line 1"), ("A=\"b\"c", "line 1")]
        {
            let why = read_lines(bad, None).unwrap_err();
            assert!(why.contains(line) && !why.contains("s3cret"), "{why}");
        }
        assert!(!format!("{:?}", read_lines("A=s3cret", None).unwrap()).contains("s3cret"));
    }
}
