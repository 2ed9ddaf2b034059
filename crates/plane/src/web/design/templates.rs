//! The templates of all pages, and which of them are embedded: all, so that the program is one file.

use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use minijinja::{Environment, UndefinedBehavior};

use super::functions::escaped;

/// Where the sources of the design are while developing.
pub const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/design");

macro_rules! embedded {
    ($directory:literal: $($name:literal),* $(,)?) => {
        &[$(($name, concat!($directory, $name), include_str!(concat!($directory, $name)))),*]
    };
}

/// Layouts, components and the pages that belong to no part of the console.
const DESIGN: &[(&str, &str, &str)] = embedded!["templates/":
    "base.html", "data.html", "deploy.html", "error.html", "errors.html", "form.html", "frame.html", "plain.html", "portal.html", "shell.html",
    "styleguide.html", "styleguide-live.html", "styleguide-login.html", "styleguide-portal.html", "styleguide-shell.html", "ui.html",
];

/// The pages of the console, below `web/pages`: whoever writes one adds its name here.
const PAGES: &[(&str, &str, &str)] = embedded!["../pages/":
    "entry/account.html", "entry/api.html", "entry/code-app.html", "entry/code.html", "entry/device.html",
    "entry/join.html",
    "entry/login.html", "entry/mail.html", "entry/new-password.html", "entry/opening.html", "entry/passkey-fields.html",
    "entry/password.html", "entry/security.html", "entry/signup.html", "entry/sso.html",
    "console/announcements.html", "console/app.html", "console/apps.html", "console/branding-preview.html",
    "console/branding.html", "console/copies.html", "console/customer.html",
    "console/customers.html", "console/deploy.html", "console/doing.html", "console/further.html", "console/deployment-live.html", "console/deployment-rows.html",
    "console/deployment.html", "console/environment.html", "console/deployments.html", "console/event-rows.html", "console/events.html", "console/home.html", "console/hosting.html", "console/hosting-site.html",
    "console/installation-live.html", "console/installation.html", "console/installations.html", "console/logs.html",
    "console/operator.html", "console/people.html", "console/platform-installations.html", "console/platform-operations-live.html", "console/platform-operations.html",
    "console/platform-publisher.html", "console/server.html", "console/sign-in.html", "console/team.html", "console/terminal.html", "console/tokens.html", "console/usage.html",
    "console/doc.html", "console/doc-edit.html", "console/doc-tree.html", "console/docs.html",
    "portal/doc.html", "portal/docs.html",
    "console/version.html", "console/webhook.html", "console/webhook-events.html", "console/webhook-state.html",
    "console/webhooks.html", "portal/catalogue.html", "portal/home.html", "portal/installation-live.html",
    "portal/installation.html", "portal/events.html", "portal/logs.html", "portal/people.html",
    "archive/index.html", "archive/readme.txt", "archive/ticket.html",
    "usage/choice.html", "usage/console.html", "usage/portal.html", "usage/table.html", "usage/tiles.html",
    "support/answers.html", "support/console-list.html", "support/console-new.html", "support/console-ticket.html", "support/parts.html",
    "support/portal-list.html", "support/portal-new.html", "support/portal-ticket.html",
];

/// A file as it is now in a debug build whose sources are at hand; as it was built in otherwise.
pub fn current(path: &str, embedded: &'static str) -> Cow<'static, str> {
    if cfg!(debug_assertions)
        && let Ok(text) = fs::read_to_string(format!("{DIRECTORY}/{path}"))
    {
        return Cow::Owned(text);
    }
    Cow::Borrowed(embedded)
}

/// When the sources of pages were last changed, where they are at hand.
pub fn newest() -> SystemTime {
    fn of(directory: &Path) -> SystemTime {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let times = entries.filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            Some(if meta.is_dir() { of(&entry.path()) } else { meta.modified().ok()? })
        });
        times.max().unwrap_or(SystemTime::UNIX_EPOCH)
    }
    if !cfg!(debug_assertions) {
        return SystemTime::UNIX_EPOCH;
    }
    of(Path::new(DIRECTORY)).max(of(&Path::new(DIRECTORY).join("../pages")))
}

/// The work that one page may take: enough for a table of thousands of rows, not for a loop without end.
const FUEL: u64 = 5_000_000;

/// An environment that finds every template and refuses what is undefined.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    environment.set_fuel(Some(FUEL));
    // No value is nothing to see. Slashes are harmless and stay as they are.
    environment.set_formatter(|out, state, value| match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => Ok(out.write_str(&escaped(text))?),
        None if value.is_none() => Ok(()),
        None => minijinja::escape_formatter(out, state, value),
    });
    environment.set_loader(|name| {
        let mut all = DESIGN.iter().chain(PAGES);
        Ok(all.find(|(one, ..)| *one == name).map(|(_, path, embedded)| current(path, embedded).into_owned()))
    });
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_embedded_and_parses() {
        let environment = environment();
        let names = || DESIGN.iter().chain(PAGES).map(|(name, ..)| *name);
        for name in names() {
            environment.get_template(name).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
        for directory in ["templates", "../pages"] {
            let Ok(files) = fs::read_dir(format!("{DIRECTORY}/{directory}")) else { continue };
            for file in files.map(|file| file.unwrap().file_name().into_string().unwrap()) {
                let listed = names().any(|name| name.split('/').next_back() == Some(&file) || !file.ends_with(".html"));
                assert!(listed, "{directory}/{file} is not embedded: add it to the list in templates.rs");
            }
        }
    }
}
