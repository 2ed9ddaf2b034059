//! The portal of a publisher, for its customers.

use domain::Key;
use minijinja::Value;
use sea_orm::ConnectionTrait;

use super::design::{Entry, Portal};
use super::entry::person;
use super::visit::Visit;
use crate::Plane;
use crate::access::{KEEPERS, Reach};
use crate::operations::Actor;
use crate::problem::{Answer, Refusal};
use crate::store::installations::InstallationRow;
use crate::store::logos;
use crate::wire::ImageKind;

pub mod brand;
pub mod catalogue;
pub mod documents;
pub mod events;
pub mod home;
pub mod installations;
pub mod tickets;
pub mod usage;

/// A page of a portal: who asks, and what stands around it.
pub struct Inside<'a> {
    pub plane: &'a Plane,
    pub visit: &'a Visit,
    pub actor: &'a Actor,
}

impl Inside<'_> {
    /// The customer that the page is about.
    pub fn customer(&self) -> Answer<&Key> {
        match &self.actor.reach {
            Reach::Customer(key) => Ok(key),
            _ => Err(Refusal::internal("a customer's page without a customer")),
        }
    }

    /// Where pages of this customer begin.
    pub fn base(&self) -> Answer<String> {
        Ok(format!("/c/{}", self.customer()?.slug))
    }

    /// Whether the person acts on installations.
    pub fn acts(&self) -> bool {
        KEEPERS.contains(&self.actor.role)
    }

    /// What stands around a page whose place in the menu is `current`.
    pub fn frame(&self, current: &str) -> Answer<Value> {
        let realm = self.visit.realm.as_ref().ok_or_else(|| Refusal::internal("a page of a portal without one"))?;
        let base = self.base()?;
        let entry = |path: &str, key: &str, icon| Entry {
            href: format!("{base}{path}"),
            label: self.plane.pages.text(self.visit.view.language, key),
            icon,
            current: path == current,
            count: if path == "/tickets" { self.visit.unread } else { 0 },
        };
        let mut entries = vec![entry("", "portal-installations", "layers")];
        if self.acts() {
            entries.push(entry("/catalogue", "portal-catalogue", "box"));
        }
        entries.push(entry("/tickets", "portal-tickets", "support"));
        if self.acts() {
            entries.push(entry("/people", "portal-people", "users"));
            entries.push(entry("/events", "menu-events", "clock"));
        }
        entries.push(entry("/docs", "portal-docs", "book"));
        let portal = Portal {
            name: realm.name.clone(),
            logo: realm.image(ImageKind::Logo).unwrap_or_default(),
            home: "/".into(),
            entries,
            person: person(self.visit),
        };
        Ok(Value::from(portal))
    }
}

/// Where the logo of the version is that an installation runs; empty without one.
pub async fn logo_of(db: &impl ConnectionTrait, base: &str, row: &InstallationRow) -> Answer<String> {
    let has = logos::has(db, &row.app_key(), row.version).await?;
    Ok(if has { format!("{base}/apps/{}/{}/logo", row.app, row.version) } else { String::new() })
}
