//! What every page of the console is made with: layouts and components (minijinja), texts in each language (Fluent),
//! styles, one script, icons and charts. `docs/console-design.md` tells the author of a page how to use it.
//!
//! Pages work without JavaScript; the script only adds what a server cannot do. Nothing is inline: the policy that every
//! page is sent with forbids it.

mod assets;
pub mod charts;
pub mod colour;
pub mod format;
mod functions;
mod language;
mod pages;
pub mod qr;
mod shell;
pub mod styleguide;
mod templates;
mod texts;
mod view;

pub use assets::serve as asset;
pub use colour::{Brand, Colour};
pub use functions::escaped;
pub use language::Language;
pub use minijinja::value::Serde;
pub use minijinja::{Value, context};
pub use pages::{Pages, event_stream, live, secure};
pub use shell::{Choice, Crumb, Entry, Person, Portal, Section, Shell};
pub use templates::DIRECTORY;
pub use texts::Texts;
pub use view::{Announced, Flash, Theme, View, Visitor, preferences};

/// What goes wrong with a page is the fault of its author, never of who asks for it.
#[derive(Debug, thiserror::Error)]
pub enum DesignError {
    /// A template is wrong, or uses what is not there.
    #[error("the page {name} cannot be shown: {source:#}; correct the template or what it is given")]
    Template {
        /// The template.
        name: String,
        /// Where and why.
        source: minijinja::Error,
    },
    /// A file of texts is wrong.
    #[error("the texts {name} cannot be read: {why}; correct that file")]
    Texts {
        /// The file.
        name: String,
        /// Where and why.
        why: String,
    },
    /// A colour is not one.
    #[error("\"{0}\" is not a colour; write it as # and six hexadecimal digits, such as #2c6e91")]
    Colour(String),
}
