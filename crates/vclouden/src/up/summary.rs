//! What `up` says once everything serves.

use std::io::Write;
use std::path::PathBuf;

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
        let mut fact = |name: &str, value: &str| text.push_str(&format!("\n  {name:<15}{value}"));
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
            let named = |active: bool| {
                let layers = report.layers.iter().filter(|layer| layer.active == active);
                layers.map(|layer| layer.name.as_str()).collect::<Vec<_>>().join(", ")
            };
            fact("In force", &named(true));
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
        text.push_str("Ctrl-C ends this; installations go on running. `vclouden down` ends them too.");
        text
    }
}
