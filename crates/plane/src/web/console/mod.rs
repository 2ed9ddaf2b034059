//! The console of publishers: one file per noun.

use axum::response::Response;
use domain::Slug;
use minijinja::{Value, context};
use serde::Serialize;

use super::design::{Choice, Entry, Section, Serde, Shell};
use super::entry::person;
use super::visit::Visit;
use crate::Plane;
use crate::access::{Reach, Role};
use crate::operations::Actor;
use crate::problem::{Answer, Refusal};
use crate::wire::word;

pub mod announcements;
pub mod answers;
pub mod apps;
pub mod ask;
pub mod branding;
pub mod customers;
pub mod deployments;
pub mod documents;
pub mod environment;
pub mod events;
pub mod home;
pub mod hosting;
pub mod installations;
mod lanes;
pub mod operator;
pub mod platform;
pub mod publisher;
pub mod sign_in;
pub mod terminal;
pub mod tickets;
pub mod tokens;
pub mod usage;
pub mod webhooks;

/// A page of the console: who asks, and what stands around it.
pub struct Console<'a> {
    pub plane: &'a Plane,
    pub visit: &'a Visit,
    pub actor: &'a Actor,
}

/// The menu of a publisher: where, the text's key, the icon, who sees it.
const MENU: &[(&str, &str, &str, &[Role])] = {
    use Role::{Billing, Developer, Operator, Owner, Support};
    &[
        ("", "menu-home", "home", &[Operator, Owner, Developer, Support, Billing]),
        ("/apps", "menu-apps", "box", &[Operator, Owner, Developer, Support, Billing]),
        ("/installations", "menu-installations", "layers", &[Operator, Owner, Developer, Support, Billing]),
        ("/deployments", "menu-deployments", "rocket", &[Operator, Owner, Developer, Support, Billing]),
        ("/hosting", "menu-hosting", "globe", &[Operator, Owner, Developer]),
        ("/customers", "menu-customers", "building", &[Operator, Owner, Developer, Support, Billing]),
        ("/usage", "menu-usage", "chart", &[Operator, Owner, Developer, Support, Billing]),
        ("/tickets", "menu-tickets", "support", &[Operator, Owner, Developer, Support]),
        ("/branding", "menu-branding", "palette", &[Operator, Owner]),
        ("/team", "menu-team", "users", &[Operator, Owner, Developer, Support, Billing]),
        ("/tokens", "menu-tokens", "key", &[Operator, Owner, Developer, Support, Billing]),
        ("/webhooks", "menu-webhooks", "plug", &[Operator, Owner, Developer]),
        ("/events", "menu-events", "clock", &[Operator, Owner, Developer, Support]),
    ]
};

impl Console<'_> {
    /// The publisher that the page is about.
    pub fn publisher(&self) -> Answer<&Slug> {
        self.actor.reach.publisher().ok_or_else(|| Refusal::internal("a publisher's page without a publisher"))
    }

    /// Where pages of this publisher begin.
    pub fn base(&self) -> String {
        self.actor.reach.publisher().map_or_else(|| "/operator".into(), |publisher| format!("/p/{publisher}"))
    }

    /// Whether the person may send what only these may.
    pub fn is(&self, roles: &[Role]) -> bool {
        roles.contains(&self.actor.role)
    }

    fn text(&self, key: &str) -> String {
        self.plane.pages.text(self.visit.view.language, key)
    }

    /// Asks whether to go back one more version, where that is what was refused: it discards more data.
    pub fn ask_further(&self, refusal: Refusal, menu: &str, action: &str, back: &str) -> Answer<Response> {
        if refusal.code != "rolled-back-already" {
            return Err(refusal);
        }
        let view = &self.visit.view;
        let said = self.plane.words(view.language, &refusal.code, refusal.detail);
        let hours = self.plane.keep_hours();
        let values = context! { shell => self.shell(menu)?, said, action, back, keep_hours => hours };
        Ok(self.plane.pages.page_with(refusal.status, view, "console/further.html", values))
    }

    /// What stands around a page whose place in the menu is `current`.
    pub fn shell(&self, current: &str) -> Answer<Value> {
        let person = person(self.visit).ok_or_else(|| Refusal::internal("a page of the console without a person"))?;
        let shell = Shell { publishers: self.choices(), sections: self.sections(current), person };
        Ok(Value::from(shell))
    }

    fn choices(&self) -> Vec<Choice> {
        let all = self.visit.memberships.iter().filter_map(|membership| {
            let (href, name) = match &membership.reach {
                Reach::All => ("/operator".to_owned(), self.text("platform")),
                Reach::Publisher(publisher) => (format!("/p/{publisher}"), publisher.to_string()),
                Reach::Customer(_) => return None,
            };
            let note = self.text(&format!("role-{}", word(&membership.role)));
            Some(Choice { href, name, note, current: membership.reach == self.actor.reach })
        });
        let mut all: Vec<Choice> = all.collect();
        // An operator looks after a publisher where they are nothing.
        if !all.iter().any(|choice| choice.current)
            && let Some(publisher) = self.actor.reach.publisher()
        {
            let note = self.text("role-operator");
            all.push(Choice { href: format!("/p/{publisher}"), name: publisher.to_string(), note, current: true });
        }
        all
    }

    fn sections(&self, current: &str) -> Vec<Section> {
        let base = self.base();
        if self.actor.reach == Reach::All {
            let entry = |path: &str, key, icon| Entry {
                href: format!("{base}{path}"),
                label: self.text(key),
                icon,
                current: path == current,
                count: 0,
            };
            let entries = vec![
                entry("", "menu-platform", "server"),
                entry("/installations", "menu-installations", "layers"),
                entry("/operations", "menu-operations", "rocket"),
                entry("/announcements", "menu-announcements", "bell"),
                entry("/people", "people", "users"),
                entry("/tokens", "menu-tokens", "key"),
                entry("/events", "menu-events", "clock"),
            ];
            return vec![Section { title: String::new(), entries }];
        }
        let mine = MENU.iter().filter(|(.., roles)| roles.contains(&self.actor.role));
        let entries = mine.map(|(path, key, icon, _)| Entry {
            href: format!("{base}{path}"),
            label: self.text(key),
            icon,
            current: *path == current,
            count: if *path == "/tickets" { self.visit.unread } else { 0 },
        });
        vec![Section { title: String::new(), entries: entries.collect() }]
    }
}

/// A value as templates see it.
pub fn value(it: &impl Serialize) -> Value {
    Value::from(Serde(it))
}
