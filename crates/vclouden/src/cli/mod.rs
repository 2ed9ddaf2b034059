//! The command line: one file per noun. A command asks the API, and prints what it says.

mod announcement;
mod answer;
mod app;
mod backup;
mod branding;
mod catalogue;
mod change_mail;
mod change_profile;
mod completions;
mod customer;
mod deploy;
mod deployment;
mod docs;
mod download;
mod env;
mod events;
mod exec;
mod host;
mod install;
mod installation;
mod invitation;
mod leave;
mod login;
mod member;
mod named;
mod operation;
mod package;
mod place;
mod publisher;
mod rollback;
mod server;
mod settings;
mod status;
mod terminal;
mod ticket;
mod token;
mod unit;
mod usage;
mod version;
mod webhook;
mod whoami;

use std::future::Future;

use clap::{CommandFactory, Parser, Subcommand};

use crate::api::{Api, probe};
use crate::config;
use crate::failure::{Failure, Outcome};
use crate::output::note;
use crate::progress::Progress;
use crate::{down, parts, up};

/// The end of a command's `--help`: examples, then the exit statuses.
macro_rules! example {
    ($($line:literal),+ $(,)?) => {
        concat!(
            "Examples:\n", $("  ", $line, "\n",)+
            "\nExit status: 0 done, 1 refused or failed, 2 wrong usage, 3 the API cannot be reached, ",
            "4 it was begun, failed and was undone."
        )
    };
}
pub(crate) use example;

/// The heading of the options that every command has.
const GLOBAL: &str = "Options of every command";

/// Publish your app once. Every customer gets their own isolated copy, and every change can be undone.
#[derive(Debug, Parser)]
#[command(name = "vclouden", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = example!("sudo vclouden up", "vclouden status", "vclouden version publish ./my-app --create"))]
pub struct Cli {
    /// Print JSON: one document, or a line for each thing when following
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
    /// The API [default: the saved one, or 127.0.0.1:7878] [env: VCLOUDEN_API]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "ADDR")]
    api: Option<String>,
    /// Its token [default: the one `vclouden up` saved] [env: VCLOUDEN_TOKEN]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "TOKEN")]
    token: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine: control plane, Nimbus and edge
    Up(up::Args),
    /// Stop everything on this machine, sandboxes too; data stays on disk
    Down(down::Args),
    /// Print a systemd unit that keeps `vclouden up` running
    Unit(unit::Args),
    /// Let this command line in by your browser, as you
    Login(login::Args),
    /// End what `vclouden login` saved
    Logout(login::LogOut),
    /// Everything at a glance
    Status(status::Args),
    /// Those who make applications and have customers
    #[command(subcommand)]
    Publisher(publisher::Noun),
    /// Applications
    #[command(subcommand)]
    App(app::Noun),
    /// Published versions of an application
    #[command(subcommand)]
    Version(version::Noun),
    /// What customers read about an application
    #[command(subcommand)]
    Docs(docs::Noun),
    /// What a publisher offers its customers
    Catalogue(catalogue::Args),
    /// Customers
    #[command(subcommand)]
    Customer(customer::Noun),
    /// How a publisher's portal looks
    #[command(subcommand)]
    Branding(branding::Noun),
    /// Host a website or a package for yourself, or replace it
    Host(host::Args),
    /// Install an application for a customer
    Install(install::Args),
    /// Customers' copies of applications
    #[command(subcommand)]
    Installation(installation::Noun),
    /// Variables and secrets of installations and applications
    #[command(subcommand)]
    Env(env::Noun),
    /// Bring a version to every installation of an application
    Deploy(deploy::Args),
    /// Deployments, past and under way
    #[command(subcommand)]
    Deployment(deployment::Noun),
    /// Put code and data back to before the last deployment
    Rollback(rollback::Args),
    /// Kept copies of an installation's data: backups and snapshots
    #[command(subcommand)]
    Backup(backup::Noun),
    /// Work on installations, step by step: past, under way and stuck
    #[command(subcommand)]
    Operation(operation::Noun),
    /// What customers ask, and what is answered
    #[command(subcommand)]
    Ticket(ticket::Noun),
    /// Answers that are kept for later
    #[command(subcommand)]
    Answer(answer::Noun),
    /// A customer's leave for support to open an installation
    #[command(subcommand)]
    Leave(leave::Noun),
    /// Machines that run installations
    #[command(subcommand)]
    Server(server::Noun),
    /// Offers of an account, to come into the console or a portal
    #[command(subcommand)]
    Invitation(invitation::Noun),
    /// Who is what at a publisher or for a customer
    #[command(subcommand)]
    Member(member::Noun),
    /// As whom the token acts that is used
    Whoami(whoami::Args),
    /// Change how you are called and addressed
    ChangeProfile(change_profile::Args),
    /// Have another mail address for your account
    ChangeMail(change_mail::Args),
    /// Keys to the API
    #[command(subcommand)]
    Token(token::Noun),
    /// Settings of the platform: accounts, mail
    #[command(subcommand)]
    Settings(settings::Noun),
    /// Addresses that are told what happens, as it happens
    #[command(subcommand)]
    Webhook(webhook::Noun),
    /// What everybody is told on every page
    #[command(subcommand)]
    Announcement(announcement::Noun),
    /// What installations used, by month
    Usage(usage::Args),
    /// Who did what to which thing and when
    Events(events::Args),
    /// Packages, before they are published
    #[command(subcommand)]
    Package(package::Noun),
    /// Completions for a shell
    Completions(completions::Args),
    #[command(hide = true)]
    Plane(parts::plane::Args),
    #[command(hide = true)]
    Nimbus(parts::nimbus::Args),
    #[command(hide = true)]
    Edge(parts::edge::Args),
}

/// The whole command line, for completions and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// The number of a version.
fn version_number(text: &str) -> Result<u32, String> {
    let number = text.parse::<u32>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        "the number of a version is a whole number from 1 on, as `vclouden version list APP` shows".into()
    })
}

/// A count, perhaps of nothing.
fn whole_number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "write a whole number from 0 to 4294967295".into())
}

/// Hours that a rollback can be kept possible.
fn keep_hours(text: &str) -> Result<u32, String> {
    let hours = text.parse::<u32>().ok().filter(|hours| (1..=720).contains(hours));
    hours.ok_or_else(|| "write a whole number of hours from 1 to 720".into())
}

/// What every command that asks the API needs to know.
#[derive(Debug)]
pub struct Context {
    /// Print JSON.
    pub json: bool,
    api: Option<String>,
    token: Option<String>,
}

impl Context {
    /// A client for the API that flags, environment or saved configuration name, in this order.
    pub fn api(&self) -> Outcome<Api> {
        let setting = |flag: &Option<String>, name: &str| {
            flag.clone().or_else(|| std::env::var(name).ok().filter(|value| !value.is_empty()))
        };
        let (api, token) = (setting(&self.api, "VCLOUDEN_API"), setting(&self.token, "VCLOUDEN_TOKEN"));
        // With both given, a damaged or unreadable saved configuration does not matter.
        let saved = match (&api, &token) {
            (Some(_), Some(_)) => config::Saved::default(),
            _ => config::load(config::saved_path().as_deref())?,
        };
        let access = config::access(api.as_deref(), token.as_deref(), &saved);
        if let Err(Failure::Refused(_)) = access {
            // No token: where nobody listens, that is the smaller trouble.
            probe(&config::base(api.as_deref(), &saved)?)?;
        }
        Api::new(&access?)
    }

    /// The base URL of the API, where no token is needed.
    pub fn base(&self) -> Outcome<String> {
        let set = || std::env::var("VCLOUDEN_API").ok().filter(|value| !value.is_empty());
        let saved = config::load(config::saved_path().as_deref())?;
        config::base(self.api.clone().or_else(set).as_deref(), &saved)
    }

    /// Progress as this command's output wants it.
    pub fn progress(&self) -> Progress {
        Progress::new(self.json, false)
    }
}

impl Cli {
    /// The command line of this process. One that is wrong is told to whoever reads, a person or a program; one that
    /// asks for help gets it. Both end the process.
    pub fn of_process() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            // The wish for JSON may stand behind the mistake, where it was not read.
            let json = std::env::args_os().skip(1).take_while(|word| word != "--").any(|word| word == "--json");
            if json && error.use_stderr() {
                note(Failure::wrong_usage(&error).json().to_string());
                std::process::exit(error.exit_code());
            }
            error.exit()
        })
    }

    /// Whether a program reads the answer.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Does what was asked.
    pub fn run(self) -> Outcome {
        let context = Context { json: self.json, api: self.api, token: self.token };
        match self.command {
            Command::Up(args) => up::run(args, context.json),
            Command::Down(args) => down::run(args),
            Command::Unit(args) => unit::run(args),
            Command::Plane(args) => parts::plane::run(args),
            Command::Nimbus(args) => parts::nimbus::run(args),
            Command::Edge(args) => parts::edge::run(args),
            Command::Completions(args) => completions::run(args),
            Command::Package(noun) => noun.run(&context),
            Command::Server(server::Noun::Prepare(args)) => server::prepare(args, &context),
            other => wait_for(other.ask(&context)),
        }
    }
}

impl Command {
    /// The commands that ask the API.
    async fn ask(self, context: &Context) -> Outcome {
        match self {
            Command::Login(args) => login::run(args, context).await,
            Command::Logout(args) => login::log_out(args, context).await,
            Command::Status(args) => status::run(args, context).await,
            Command::Publisher(noun) => noun.run(context).await,
            Command::App(noun) => noun.run(context).await,
            Command::Version(noun) => noun.run(context).await,
            Command::Docs(noun) => noun.run(context).await,
            Command::Catalogue(args) => catalogue::run(args, context).await,
            Command::Customer(noun) => noun.run(context).await,
            Command::Branding(noun) => noun.run(context).await,
            Command::Host(args) => host::run(args, context).await,
            Command::Install(args) => install::run(args, context).await,
            Command::Installation(noun) => noun.run(context).await,
            Command::Env(noun) => noun.run(context).await,
            Command::Deploy(args) => deploy::run(args, context).await,
            Command::Deployment(noun) => noun.run(context).await,
            Command::Rollback(args) => rollback::run(args, context).await,
            Command::Backup(noun) => noun.run(context).await,
            Command::Operation(noun) => noun.run(context).await,
            Command::Ticket(noun) => noun.run(context).await,
            Command::Answer(noun) => noun.run(context).await,
            Command::Leave(noun) => noun.run(context).await,
            Command::Server(noun) => noun.run(context).await,
            Command::Invitation(noun) => noun.run(context).await,
            Command::Member(noun) => noun.run(context).await,
            Command::Token(noun) => noun.run(context).await,
            Command::Settings(noun) => noun.run(context).await,
            Command::Whoami(args) => whoami::run(args, context).await,
            Command::ChangeProfile(args) => change_profile::run(args, context).await,
            Command::ChangeMail(args) => change_mail::run(args, context).await,
            Command::Webhook(noun) => noun.run(context).await,
            Command::Announcement(noun) => noun.run(context).await,
            Command::Usage(args) => usage::run(args, context).await,
            Command::Events(args) => events::run(args, context).await,
            _ => unreachable!("`Cli::run` handles every command that does not ask the API"),
        }
    }
}

/// One thread is enough for a command line.
fn wait_for(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::refused(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(work);
    // A read of standard input that is still waiting must not keep the program from ending.
    runtime.shutdown_background();
    outcome
}
