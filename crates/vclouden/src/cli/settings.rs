//! `vclouden settings`.

use clap::Subcommand;
use plane::wire::{
    ChangeIncoming, ChangeMail, ChangeMailBox, ChangeSettings, NamesProof, PlatformSettings, PublisherLimits,
    Retention, Security, word,
};

use super::{Context, example};
use crate::failure::{Failure, Outcome};
use crate::output::human::bytes;
use crate::output::table::Facts;
use crate::output::{json, line};

/// What can be done with the settings of the platform.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Show them
    #[command(after_help = example!("vclouden settings show"))]
    Show,
    /// Let whoever wants make an account, or only who is invited
    #[command(after_help = example!("vclouden settings sign-up open", "vclouden settings sign-up closed"))]
    SignUp {
        /// open or closed
        #[arg(value_parser = ["open", "closed"])]
        how: String,
    },
    /// Say how much is kept for how long
    #[command(after_help = example!("vclouden settings retention --days 200", "vclouden settings retention --copy-hours 72"))]
    Retention {
        /// Days after which what has ended is deleted, 30 to 3650
        #[arg(long)]
        days: Option<u32>,
        /// Most events of the audit of each publisher, and of the platform itself, 1000 to 10000000
        #[arg(long)]
        events: Option<u64>,
        /// Most operations, with their deployments, 100 to 1000000
        #[arg(long)]
        operations: Option<u64>,
        /// Hours that replaced data is kept, 1 to 720
        #[arg(long)]
        copy_hours: Option<u32>,
    },
    /// Say what publishers that are made from now on may have in all; what is not given has no limit
    #[command(after_help = example!("vclouden settings limits --installations 5 --memory 2048 --disk 10240"))]
    Limits {
        /// Installations
        #[arg(long)]
        installations: Option<u64>,
        /// MiB of memory promised to them
        #[arg(long, value_name = "MIB")]
        memory: Option<u64>,
        /// MiB of disk promised to them
        #[arg(long, value_name = "MIB")]
        disk: Option<u64>,
    },
    /// Say which server takes letters; a password is read from VCLOUDEN_MAIL_PASSWORD
    #[command(after_help = example!(
        "vclouden settings mail smtp.example.com --user me --from \"Me <me@example.com>\"",
        "vclouden settings mail none",
    ))]
    Mail {
        /// Its host name; none to send no letters
        host: String,
        /// Its port [default: 587, or 465 with --security tls]
        #[arg(long)]
        port: Option<u16>,
        /// starttls, tls, or none for a server on this very machine
        #[arg(long, default_value = "starttls", value_parser = ["starttls", "tls", "none"])]
        security: String,
        /// As whom to log in
        #[arg(long)]
        user: Option<String>,
        /// Whose name letters carry
        #[arg(long, default_value = "")]
        from: String,
    },
    /// Say how publishers show that a portal's host name is theirs
    #[command(after_help = example!("vclouden settings names dns", "vclouden settings names none"))]
    Names {
        /// dns: by a TXT record; none: whoever says so first is believed
        #[arg(value_parser = ["dns", "none"])]
        proof: String,
    },
    /// Say which networks of your own webhooks may reach, also without TLS; none without any
    #[command(after_help = example!("vclouden settings webhooks 10.1.0.0/16", "vclouden settings webhooks"))]
    Webhooks {
        /// Networks such as 10.1.0.0/16, or addresses
        #[arg(value_name = "NETWORK")]
        networks: Vec<String>,
    },
    /// Say where answers to letters come in; a mailbox's password is read from VCLOUDEN_IMAP_PASSWORD
    #[command(after_help = example!(
        "vclouden settings incoming support@example.com --imap imap.example.com --user support@example.com",
        "vclouden settings incoming none",
    ))]
    Incoming {
        /// The address, to which each ticket and person adds +SECRET; none to take no letters
        address: String,
        /// The IMAP server whose mailbox is read [default: a program hands letters over at POST /mail]
        #[arg(long, value_name = "HOST")]
        imap: Option<String>,
        /// Its port [default: 993]
        #[arg(long)]
        port: Option<u16>,
        /// tls, or none for a server on this very machine
        #[arg(long, default_value = "tls", value_parser = ["tls", "none"])]
        security: String,
        /// As whom to log in
        #[arg(long, default_value = "")]
        user: String,
        /// The folder [default: INBOX]
        #[arg(long)]
        folder: Option<String>,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        let all: PlatformSettings = match self {
            Noun::Show => api.get("/settings", &[]).await?,
            Noun::SignUp { how } => {
                api.post("/settings", &ChangeSettings { sign_up: Some(how == "open"), ..Default::default() }).await?
            }
            Noun::Retention { days, events, operations, copy_hours } => {
                let before = api.get::<PlatformSettings>("/settings", &[]).await?.retention;
                let retention = Some(Retention {
                    days: days.unwrap_or(before.days),
                    events: events.unwrap_or(before.events),
                    operations: operations.unwrap_or(before.operations),
                    copy_hours: copy_hours.or(before.copy_hours),
                });
                api.post("/settings", &ChangeSettings { retention, ..ChangeSettings::default() }).await?
            }
            Noun::Limits { installations, memory, disk } => {
                let bytes = |mib: Option<u64>| mib.map(|mib| mib.saturating_mul(1 << 20));
                let limits = PublisherLimits { installations, memory: bytes(memory), disk: bytes(disk) };
                api.post("/settings", &ChangeSettings { publisher_limits: Some(limits), ..Default::default() }).await?
            }
            Noun::Mail { host, port, security, user, from } => {
                let host = if host == "none" { String::new() } else { host };
                let security: Security = serde_json::from_value(security.into())
                    .map_err(|error| Failure::usage(format!("--security: {error}")))?;
                let password = std::env::var("VCLOUDEN_MAIL_PASSWORD").ok().filter(|text| !text.is_empty());
                let mail = Some(ChangeMail { host, port, security, user, password, from });
                api.post("/settings", &ChangeSettings { mail, ..Default::default() }).await?
            }
            Noun::Incoming { address, imap, port, security, user, folder } => {
                let address = if address == "none" { String::new() } else { address };
                let security: Security = serde_json::from_value(security.into())
                    .map_err(|error| Failure::usage(format!("--security: {error}")))?;
                let password = std::env::var("VCLOUDEN_IMAP_PASSWORD").ok().filter(|text| !text.is_empty());
                let imap = imap.map(|host| ChangeMailBox { host, port, security, user, password, folder });
                let incoming = Some(ChangeIncoming { address, imap });
                api.post("/settings", &ChangeSettings { incoming, ..Default::default() }).await?
            }
            Noun::Names { proof } => {
                let proof: NamesProof = serde_json::from_value(proof.into())
                    .map_err(|error| Failure::usage(format!("the proof: {error}")))?;
                let wanted = ChangeSettings { names_proof: Some(proof), ..ChangeSettings::default() };
                api.post("/settings", &wanted).await?
            }
            Noun::Webhooks { networks } => {
                let wanted = ChangeSettings { webhook_networks: Some(networks), ..ChangeSettings::default() };
                api.post("/settings", &wanted).await?
            }
        };
        if context.json {
            return json(&all);
        }
        print(&all);
        Ok(())
    }
}

fn print(all: &PlatformSettings) {
    let mut facts = Facts::new();
    facts.fact("Accounts", if all.sign_up { "whoever wants" } else { "by invitation" });
    facts.fact(
        "Host names",
        match all.names_proof {
            NamesProof::Dns => "are proved by DNS",
            NamesProof::None => "are whoever's that says so first",
        },
    );
    if !all.webhook_networks.is_empty() {
        facts.fact("Webhooks", format!("also reach {}", all.webhook_networks.join(", ")));
    }
    let limits = all.publisher_limits;
    let some = [
        limits.installations.map(|count| format!("{count} installations")),
        limits.memory.map(|memory| format!("{} of memory", bytes(memory))),
        limits.disk.map(|disk| format!("{} of disk", bytes(disk))),
    ];
    let some: Vec<String> = some.into_iter().flatten().collect();
    facts.maybe("New publishers", (!some.is_empty()).then(|| format!("may have {}", some.join(", "))));
    let Retention { days, events, operations, copy_hours } = all.retention;
    facts.fact("Records", format!("{days} days, {events} events, {operations} operations at most"));
    facts.maybe("Replaced data", copy_hours.map(|hours| format!("kept for {hours} hours")));
    match &all.mail {
        None => facts.fact("Mail", "not set up: links are handed over by hand").print(),
        Some(mail) => {
            let server = format!("{}:{} ({})", mail.host, mail.port, word(&mail.security));
            facts.fact("Mail", server).fact("From", mail.from.as_str()).print();
            if mail.user.is_some() && !mail.password {
                line("There is no password: set VCLOUDEN_MAIL_PASSWORD and say it again.");
            }
        }
    }
    let mut facts = Facts::new();
    match &all.incoming {
        None => facts.fact("Answers", "do not come in by mail").print(),
        Some(incoming) => {
            facts.fact("Answers", incoming.address.as_str());
            let server =
                |imap: &plane::wire::MailBoxSettings| format!("{} at {}:{}", imap.folder, imap.host, imap.port);
            facts.maybe("Mailbox", incoming.imap.as_ref().map(server));
            facts.print();
        }
    }
}
