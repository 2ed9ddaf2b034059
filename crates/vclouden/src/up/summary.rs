//! What `up` says once everything serves.

use std::io::Write;
use std::path::PathBuf;

use nimbus_api::LayerReport;
use plane::wire::Server;
use serde_json::json;

use super::children::Setup;
use crate::output::{Paint, colours};

/// What is known before the children are.
#[derive(Debug)]
pub struct Summary {
    /// Base URL of the API.
    pub api: String,
    /// The operator's token.
    pub token: String,
    /// Where both were saved.
    pub saved: Vec<PathBuf>,
    /// What is missing on this machine.
    pub notes: Vec<String>,
    /// Say it in JSON.
    pub json: bool,
}

impl Summary {
    /// Prints it. A standard output that is gone does not end what runs.
    pub fn print(&self, setup: &Setup, server: Option<&Server>) {
        let text = if self.json { self.as_json(setup, server) } else { self.as_text(setup, server) };
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    fn as_json(&self, setup: &Setup, server: Option<&Server>) -> String {
        json!({
            "api": self.api,
            "token": self.token,
            "console_url": setup.console_url,
            "portal_url": setup.portal_url,
            "edge_url": setup.edge_url,
            "data": setup.directory.root(),
            "saved": self.saved,
            "notes": self.notes,
            "server": server,
        })
        .to_string()
    }

    fn as_text(&self, setup: &Setup, server: Option<&Server>) -> String {
        let colours = colours(&std::io::stdout());
        let mut text = Paint::Bold.apply("vClouden is up.", colours);
        let mut fact = |name: &str, value: &str| {
            for (n, line) in wrap(value).iter().enumerate() {
                let name = if n == 0 { name } else { "" };
                text.push_str(&format!("\n  {name:<15}{line}"));
            }
        };
        fact("Console", &setup.console_url);
        fact("Portals", &setup.portal_url.replace("{publisher}", "PUBLISHER"));
        fact("API", &self.api);
        fact("Token", &self.token);
        for path in &self.saved {
            fact("", &format!("saved in {}", path.display()));
        }
        fact("Installations", &setup.edge_url.replace("{name}", "NAME"));
        fact("Data", &setup.directory.root().display().to_string());
        if !setup.verbose {
            fact("Logs", &format!("{}/{{plane,nimbus,edge}}.log", setup.directory.root().display()));
        }
        if let Some(report) = server.and_then(|server| server.report.as_ref()) {
            fact("Volume", &report.storage);
            fact("In force", &in_force(&report.layers));
            for layer in report.layers.iter().filter(|layer| !layer.active) {
                fact("NOT in force", &format!("{}: {}", layer.name, layer.note));
            }
        }
        for note in &self.notes {
            fact("Note", note);
        }
        if !setup.api.local_addr().is_ok_and(|address| address.ip().is_loopback()) {
            fact("Warning", "the API is plain HTTP on a public address: whoever can listen to it learns the token");
        }
        text.push_str("\n\nNext: vclouden version publish DIR --create\n");
        text.push_str("      vclouden invitation create YOU@EXAMPLE.COM --role operator  (to log in to the console)\n");
        text.push_str("Ctrl-C ends this; installations go on running. `vclouden down` ends them too.");
        text
    }
}

/// Columns of values, so that a line fits into a window of 80.
const COLUMNS: usize = 62;

/// A list or a sentence in lines that fit; a word that is too long has a line of its own.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one from the beginning");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= COLUMNS {
            line.extend([" ", word]);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// The names of the active layers. What belongs to one that is named already is not named again: what is missing of it
/// is told on a line of its own.
fn in_force(layers: &[LayerReport]) -> String {
    let part =
        |name: &str| name == "cgroup.kill" || ["memory", "cpu", "pids"].iter().any(|c| name == format!("cgroup {c}"));
    let named = layers.iter().filter(|layer| layer.active && !part(&layer.name));
    named.map(|layer| layer.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_wrapped_and_parts_of_what_is_named_are_left_out() {
        let names =
            ["user, pid, mount, ipc, uts and network namespaces", "cgroups", "cgroup memory", "cgroup.kill", "seccomp"];
        let layer = |name: &str| LayerReport { name: name.into(), active: name != "seccomp", note: String::new() };
        let layers: Vec<LayerReport> = names.into_iter().map(layer).collect();
        assert_eq!(in_force(&layers), "user, pid, mount, ipc, uts and network namespaces, cgroups");
        let lines = wrap(&"word ".repeat(40));
        assert!(lines.len() > 3 && lines.iter().all(|line| line.chars().count() <= COLUMNS), "{lines:?}");
        assert_eq!(wrap(&"x".repeat(100)), ["x".repeat(100)]);
    }
}
