//! Where somebody is something: options that several nouns have.

use std::str::FromStr;

use domain::Slug;
use plane::access::Role;

use super::named::Named;

/// A publisher, a customer, or the caller's own place.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Place {
    /// At this publisher [default: your own]
    #[arg(long)]
    pub publisher: Option<Slug>,
    /// For this customer of it
    #[arg(long)]
    pub customer: Option<Named>,
}

impl Place {
    /// As the API wants it.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let publisher = self.publisher.as_ref().map(|publisher| ("publisher", publisher.to_string()));
        let customer = self.customer.as_ref().map(|customer| ("customer", customer.to_string()));
        publisher.into_iter().chain(customer).collect()
    }
}

/// The name of a role.
#[derive(Clone, Copy, Debug)]
pub struct RoleName(pub Role);

impl FromStr for RoleName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        serde_json::from_value(text.into()).map(Self).map_err(|_| {
            "roles are: operator, owner, developer, support, billing, customer-admin, customer-user".into()
        })
    }
}
