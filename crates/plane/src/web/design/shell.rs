//! What stands around a page: menu, person, publisher. Handlers fill it in, layouts show it as `shell`.

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

/// A link of the menu.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Where it leads.
    pub href: String,
    /// What it says, in the person's language.
    pub label: String,
    /// Name of an icon.
    pub icon: &'static str,
    /// Whether the page belongs to it.
    pub current: bool,
    /// How many things there wait for the person; 0 is not shown.
    pub count: u64,
}

/// Links under a common title.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// May be empty for the first.
    pub title: String,
    /// Its links.
    pub entries: Vec<Entry>,
}

/// One of several publishers, or of anything else that is switched to by a link.
#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    /// Where it leads.
    pub href: String,
    /// Its name.
    pub name: String,
    /// What the person is there, in their language.
    pub note: String,
    /// Whether it is the one that is shown.
    pub current: bool,
}

/// Who is logged in.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    /// As they want to be called.
    pub name: String,
    /// Their address.
    pub mail: String,
    /// Their own page.
    pub href: String,
    /// Where the form that ends the session is sent.
    pub log_out: String,
}

/// A step of the way to a page.
#[derive(Clone, Debug, Serialize)]
pub struct Crumb {
    /// Where it leads; empty for the page itself.
    pub href: String,
    /// Its name.
    pub label: String,
}

/// The console around a page: layout `shell.html`.
#[derive(Clone, Debug, Serialize)]
pub struct Shell {
    /// The publishers that the person can switch to, the present one among them.
    pub publishers: Vec<Choice>,
    /// The menu.
    pub sections: Vec<Section>,
    /// Who is logged in.
    pub person: Person,
}

/// A customers' portal around a page: layout `portal.html`.
#[derive(Clone, Debug, Serialize)]
pub struct Portal {
    /// The publisher's name.
    pub name: String,
    /// Where its logo is served; empty shows the name.
    pub logo: String,
    /// Where the name leads.
    pub home: String,
    /// The menu.
    pub entries: Vec<Entry>,
    /// Who is logged in, if anybody.
    pub person: Option<Person>,
}

macro_rules! values {
    ($($kind:ty),+) => {
        $(impl From<$kind> for Value {
            fn from(value: $kind) -> Self {
                Self::from(Serde(value))
            }
        })+
    };
}

values!(Entry, Section, Choice, Person, Crumb, Shell, Portal);
