//! How an application or a customer is named on the command line: `slug`, or `publisher:slug` by who sees several
//! publishers.

use std::fmt;
use std::str::FromStr;

use domain::Slug;
use domain::name::BadName;
use serde::{Serialize, Serializer};

/// Such a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Whose it is, if that was said.
    pub publisher: Option<Slug>,
    /// Its short name.
    pub slug: Slug,
}

impl FromStr for Named {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        match text.split_once(':') {
            Some((publisher, slug)) => Ok(Self { publisher: Some(publisher.parse()?), slug: slug.parse()? }),
            None => Ok(Self { publisher: None, slug: text.parse()? }),
        }
    }
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(publisher) = &self.publisher {
            write!(f, "{publisher}:")?;
        }
        self.slug.fmt(f)
    }
}
