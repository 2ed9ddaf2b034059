//! `vclouden ticket`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use domain::state::TicketState;
use domain::{AttachmentId, InstallationName};
use hyper::Response;
use hyper::body::Incoming;
use plane::wire::{
    AddMessage, Attachment, ChangeTicket, MailTaken, OpenTicket, SeeTicket, Side, Ticket, TicketMessage,
};
use tokio_util::io::ReaderStream;

use super::named::Named;
use super::{Context, download, example};
use crate::api::{Api, Query};
use crate::failure::{Failure, Outcome};
use crate::output::human::{bytes, moment, now, printable};
use crate::output::table::{Cell, Facts, Table};
use crate::output::{json, json_list, line};
use crate::sending::{Sending, answer};

/// What can be done with tickets.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// List tickets, the last changed first
    #[command(visible_alias = "ls", after_help = example!(
        "vclouden ticket list --state open --assignee nobody",
        "vclouden ticket list --customer acme --search invoice",
    ))]
    List {
        /// Only those that are open, waiting, solved or closed
        #[arg(long)]
        state: Option<TicketState>,
        /// Only those of this member, by id; me or nobody
        #[arg(long)]
        assignee: Option<String>,
        /// Only of this customer
        #[arg(long)]
        customer: Option<Named>,
        /// Only about this installation
        #[arg(long)]
        installation: Option<InstallationName>,
        /// Only with this in their subject or text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Note that you have read a ticket, or that you have not
    #[command(after_help = example!("vclouden ticket seen 12", "vclouden ticket seen 12 --unread"))]
    Seen {
        /// Its number or id
        ticket: String,
        /// As if you had not read it
        #[arg(long)]
        unread: bool,
    },
    /// Show a ticket with everything that was said
    #[command(after_help = example!("vclouden ticket show 12"))]
    Show {
        /// Its number or id
        ticket: String,
    },
    /// Open a ticket: as a customer, or for one
    #[command(after_help = example!(
        "vclouden ticket open \"It is slow\" \"Since Monday\" --installation till-acme --file screen.png",
        "vclouden ticket open \"Your invoice\" \"Is it right?\" --customer acme",
    ))]
    Open {
        /// What it is about
        subject: String,
        /// What is asked, in Markdown
        text: String,
        /// For this customer, if you are none
        #[arg(long)]
        customer: Option<Named>,
        /// About this installation
        #[arg(long)]
        installation: Option<InstallationName>,
        /// A file to send with it, several times for more
        #[arg(long = "file", value_name = "PATH")]
        files: Vec<PathBuf>,
    },
    /// Write in a ticket
    #[command(after_help = example!(
        "vclouden ticket answer 12 \"It is fast now.\" --state solved",
        "vclouden ticket answer 12 \"They have the old till\" --note",
    ))]
    Answer {
        /// Its number or id
        ticket: String,
        /// What to say, in Markdown
        text: String,
        /// Only for colleagues
        #[arg(long)]
        note: bool,
        /// What the ticket is then: open, waiting, solved or closed
        #[arg(long)]
        state: Option<TicketState>,
        /// A file to send with it, several times for more
        #[arg(long = "file", value_name = "PATH")]
        files: Vec<PathBuf>,
    },
    /// Change what a ticket is, who looks after it, or what it is about
    #[command(after_help = example!("vclouden ticket change 12 --assignee me", "vclouden ticket change 12 --state closed"))]
    Change {
        /// Its number or id
        ticket: String,
        /// open, waiting, solved or closed
        #[arg(long)]
        state: Option<TicketState>,
        /// A member by id; me or nobody
        #[arg(long)]
        assignee: Option<String>,
        /// An installation; none for no one in particular
        #[arg(long)]
        installation: Option<String>,
    },
    /// Hand over a letter that came in, as a mail server does
    #[command(after_help = example!("vclouden ticket receive letter.eml"))]
    Receive {
        /// The whole letter (RFC 5322)
        letter: PathBuf,
    },
    /// Save a file that came with a ticket
    #[command(after_help = example!(
        "vclouden ticket download 12 0190f3a2-7c1e-7000-8000-000000000001 -o screen.png",
    ))]
    Download {
        /// The number or id of the ticket
        ticket: String,
        /// The id of the file, as `ticket show` tells
        attachment: AttachmentId,
        /// Where to
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::List { state, assignee, customer, installation, search } => {
                let all = [
                    ("state", state.map(|state| state.to_string())),
                    ("assignee", assignee),
                    ("customer", customer.map(|customer| customer.to_string())),
                    ("installation", installation.map(|name| name.to_string())),
                    ("q", search),
                ];
                let query: Vec<_> = all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
                list(&api.list("/tickets", &query).await?, context)
            }
            Noun::Seen { ticket, unread } => {
                let ticket: Ticket = api.post(&format!("/tickets/{ticket}/seen"), &SeeTicket { unread }).await?;
                if context.json {
                    return json(&ticket);
                }
                line(format!("Ticket #{} counts as {}.", ticket.number, if unread { "unread" } else { "read" }));
                Ok(())
            }
            Noun::Show { ticket } => show(&api, &ticket, context).await,
            Noun::Open { subject, text, customer, installation, files } => {
                let (customer, installation) =
                    (customer.map(|one| one.to_string()), installation.map(|one| one.to_string()));
                let attachments = attach(&api, &files).await?;
                let body = OpenTicket { subject, text, installation, customer, attachments };
                changed(&api.post("/tickets", &body).await?, "Opened", context)
            }
            Noun::Answer { ticket, text, note, state, files } => {
                let attachments = attach(&api, &files).await?;
                let body = AddMessage { text, internal: note, state, attachments };
                let said: TicketMessage = api.post(&format!("/tickets/{ticket}/messages"), &body).await?;
                if context.json {
                    return json(&said);
                }
                line(if said.internal { "The note was added." } else { "It was said." });
                Ok(())
            }
            Noun::Change { ticket, state, assignee, installation } => {
                let body = ChangeTicket { state, assignee, installation };
                changed(&api.post(&format!("/tickets/{ticket}"), &body).await?, "Changed", context)
            }
            Noun::Receive { letter } => {
                let response = send(&api, "/mail", "message/rfc822", &letter, &[]).await?;
                let taken: MailTaken = answer(&api, response).await?.1;
                if context.json {
                    return json(&taken);
                }
                line(match taken.why {
                    None => "The letter is part of its ticket.".into(),
                    Some(why) => format!("The letter was not taken: {why}."),
                });
                Ok(())
            }
            Noun::Download { ticket, attachment, output } => {
                let path = format!("/tickets/{ticket}/attachments/{attachment}");
                let size = download::to_file(&api, &path, &[], &output).await?;
                if context.json {
                    return json(&serde_json::json!({ "file": output, "bytes": size }));
                }
                line(format!("Wrote {}, {}.", output.display(), bytes(size)));
                Ok(())
            }
        }
    }
}

fn list(all: &Vec<Ticket>, context: &Context) -> Outcome {
    if context.json {
        return json_list(all);
    }
    let mut table = Table::new(&["TICKET", "STATE", "CUSTOMER", "SUBJECT", "LOOKED AFTER BY", "LAST WORD", "WHEN"]);
    for one in all {
        table.row([
            Cell::number(one.number),
            Cell::state(one.state),
            one.customer.as_str().into(),
            printable(&one.subject).as_str().into(),
            one.assignee_name.as_deref().map_or_else(|| Cell::dim("nobody"), Into::into),
            plane::wire::word(&one.last_from).as_str().into(),
            Cell::time(one.updated_at, now()),
        ]);
    }
    table.print("No tickets. Customers open them in their portal, or: vclouden ticket open SUBJECT TEXT");
    Ok(())
}

fn changed(ticket: &Ticket, what: &str, context: &Context) -> Outcome {
    if context.json {
        return json(ticket);
    }
    line(format!("{what} ticket {}: {}.", ticket.number, ticket.state));
    Ok(())
}

async fn show(api: &Api, named: &str, context: &Context) -> Outcome {
    let ticket: Ticket = api.get(&format!("/tickets/{named}"), &[]).await?;
    let messages: Vec<TicketMessage> = api.list(&format!("/tickets/{}/messages", ticket.id), &[]).await?;
    if context.json {
        return json(&serde_json::json!({ "ticket": ticket, "messages": messages }));
    }
    let mut facts = Facts::new();
    facts.fact("Ticket", ticket.number.to_string()).fact("Subject", printable(&ticket.subject).as_str());
    facts.fact("State", Cell::state(ticket.state)).fact("Customer", printable(&ticket.customer_name).as_str());
    facts.maybe("Installation", ticket.installation_name.as_ref().map(|name| name.as_str()));
    facts.maybe("Looked after by", ticket.assignee_name.as_deref());
    facts.print();
    for one in &messages {
        let kind = match (one.internal, one.side) {
            (true, _) => "note",
            (false, Side::Customer) => "customer",
            (false, Side::Publisher) => "publisher",
        };
        line(format!("\n{} ({kind}), {}:", printable(&one.author), moment(one.created_at)));
        one.text.lines().for_each(|text| line(format!("  {}", printable(text))));
        for file in &one.attachments {
            line(format!("  file {} {}, {}", file.id, printable(&file.name), bytes(file.bytes)));
        }
    }
    Ok(())
}

/// Sends files to be named in a message.
async fn attach(api: &Api, files: &[PathBuf]) -> Outcome<Vec<AttachmentId>> {
    let mut sent = Vec::with_capacity(files.len());
    for path in files {
        sent.push(attach_one(api, path).await?.id);
    }
    Ok(sent)
}

async fn attach_one(api: &Api, path: &Path) -> Outcome<Attachment> {
    let name = path.file_name().map_or_else(|| "file".into(), |name| name.to_string_lossy().into_owned());
    let response = send(api, "/attachments", "application/octet-stream", path, &[("name", name)]).await?;
    Ok(answer(api, response).await?.1)
}

async fn send(
    api: &Api,
    to: &str,
    content_type: &'static str,
    path: &Path,
    query: Query<'_>,
) -> Outcome<Response<Incoming>> {
    let failed = |error: std::io::Error| Failure::refused(format!("cannot read {}: {error}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let length = file.metadata().await.map_err(failed)?.len();
    let body = ReaderStream::new(file);
    let sending = Sending { path: to.to_owned(), content_type, length: Some(length), once: true, body };
    sending.post(api, query).await
}
