//! `vclouden branding`.

use std::path::PathBuf;

use clap::Subcommand;
use domain::Slug;
use plane::wire::{Branding, ChangeBranding, HostState, Nothing, word};

use super::download::to_file;
use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::output::human::bytes;
use crate::output::table::Facts;
use crate::output::{json, line};
use crate::sending::{Sending, answer};

/// What can be done with how a publisher's portal looks.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Show it
    #[command(after_help = example!("vclouden branding show acme"))]
    Show {
        /// The publisher's short name
        publisher: Slug,
    },
    /// Change what is given; an empty text takes away
    #[command(after_help = example!(
        "vclouden branding change acme --colour '#2c6e91' --login-title \"Welcome\"",
        "vclouden branding change acme --host portal.example.com",
    ))]
    Change {
        /// The publisher's short name
        publisher: Slug,
        /// The name that customers see
        #[arg(long)]
        name: Option<String>,
        /// Of buttons and links, such as '#2c6e91'
        #[arg(long)]
        colour: Option<String>,
        /// The same on dark pages
        #[arg(long)]
        dark_colour: Option<String>,
        /// Title of the page to log in
        #[arg(long)]
        login_title: Option<String>,
        /// What it says below
        #[arg(long)]
        login_text: Option<String>,
        /// Whose name letters carry
        #[arg(long)]
        mail_name: Option<String>,
        /// Who gets the answers to them
        #[arg(long)]
        reply_to: Option<String>,
        /// The portal's own host name, which must lead to the platform; served once it is proved
        #[arg(long)]
        host: Option<String>,
    },
    /// Look in DNS now whether the host name of its own is proved
    #[command(after_help = example!("vclouden branding prove-host acme"))]
    ProveHost {
        /// The publisher's short name
        publisher: Slug,
    },
    /// Save a picture in a file
    #[command(after_help = example!("vclouden branding download acme logo -o logo.svg"))]
    Download {
        /// The publisher's short name
        publisher: Slug,
        /// logo, picture or icon
        #[arg(value_parser = ["logo", "picture", "icon"])]
        image: String,
        /// The file to write [default: the picture's name]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Send a picture, or take it away
    #[command(after_help = example!("vclouden branding image acme logo logo.svg", "vclouden branding image acme icon --none"))]
    Image {
        /// The publisher's short name
        publisher: Slug,
        /// logo, picture or icon
        #[arg(value_parser = ["logo", "picture", "icon"])]
        image: String,
        /// A PNG, JPEG, WebP or SVG
        #[arg(required_unless_present = "none", conflicts_with = "none")]
        file: Option<PathBuf>,
        /// Take it away
        #[arg(long)]
        none: bool,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        let branding: Branding = match self {
            Noun::Show { publisher } => api.get(&format!("/publishers/{publisher}/branding"), &[]).await?,
            Noun::Change {
                publisher,
                name,
                colour,
                dark_colour,
                login_title,
                login_text,
                mail_name,
                reply_to,
                host,
            } => {
                let body =
                    ChangeBranding { name, colour, dark_colour, login_title, login_text, mail_name, reply_to, host };
                api.post(&format!("/publishers/{publisher}/branding"), &body).await?
            }
            Noun::ProveHost { publisher } => {
                api.post(&format!("/publishers/{publisher}/branding/prove-host"), &Nothing {}).await?
            }
            Noun::Download { publisher, image, output } => {
                let output = output.unwrap_or_else(|| PathBuf::from(&image));
                let path = format!("/publishers/{publisher}/branding/images/{image}");
                let size = to_file(&api, &path, &[], &output).await?;
                if context.json {
                    return json(&serde_json::json!({ "file": output, "bytes": size }));
                }
                line(format!("Wrote {}, {}.", output.display(), bytes(size)));
                return Ok(());
            }
            Noun::Image { publisher, image, file, .. } => {
                let path = format!("/publishers/{publisher}/branding/images/{image}");
                match file {
                    Some(file) => send(&api, path, file).await?,
                    None => match api.delete(&path).await? {
                        Some(branding) => branding,
                        None => return Ok(()),
                    },
                }
            }
        };
        if context.json {
            return json(&branding);
        }
        print(&branding);
        Ok(())
    }
}

async fn send(api: &Api, path: String, file: PathBuf) -> Outcome<Branding> {
    let content =
        std::fs::read(&file).map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
    let length = Some(content.len() as u64);
    let body = futures_util::stream::iter([Ok(content.into())]);
    let sending = Sending { path, content_type: "application/octet-stream", length, once: false, body };
    Ok(answer(api, sending.post(api, &[]).await?).await?.1)
}

fn print(branding: &Branding) {
    let look = &branding.look;
    let mut facts = Facts::new();
    facts.fact("Publisher", branding.publisher.as_str()).fact("Portal", branding.portal_url.as_str());
    if let Some(proof) = &branding.host_proof {
        let host = branding.host.as_deref().unwrap_or_default();
        let unproved = proof.state == HostState::Pending;
        let served = if unproved && proof.served { ", served without proof" } else { "" };
        facts.fact("Host name", format!("{host}, {}{served}", word(&proof.state)));
        facts.fact("TXT record", proof.record.as_str()).fact("with the text", proof.text.as_str());
        if unproved && !proof.watched {
            facts.fact("Looked for", "not by itself any more; `vclouden branding prove-host` looks now");
        }
    }
    facts.maybe("Name", look.name.clone()).maybe("Colour", look.colour.clone());
    facts.maybe("On dark pages", look.dark_colour.clone()).maybe("Title", look.login_title.clone());
    facts.maybe("Text", look.login_text.clone()).maybe("Letters from", look.mail_name.clone());
    facts.maybe("Answers to", look.reply_to.clone());
    let images: Vec<String> = branding.images.iter().map(word).collect();
    facts.maybe("Pictures", Some(images.join(", ")).filter(|all| !all.is_empty()));
    for one in branding.contrasts.iter().filter(|one| !one.enough) {
        let (what, scheme) = (&one.what, &one.scheme);
        let text = format!("{} on {} is {}; 4.5 is needed: shown in {}", one.text, one.on, one.contrast, one.shown);
        facts.fact(format!("Contrast, {what}, {scheme}"), text);
    }
    facts.print();
}
