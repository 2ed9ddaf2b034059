//! `vclouden env`: what programs find in their environment.

use std::io::Read;
use std::path::PathBuf;

use clap::Subcommand;
use domain::InstallationName;
use plane::wire::{Accepted, Applied, ChangeEnvironment, Nothing, Page, SetVariable, Variable, read_lines};

use super::install::accepted_only;
use super::named::Named;
use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::follow;
use crate::output::human::{now, printable};
use crate::output::table::{Cell, Table};
use crate::output::{json, json_list, line};

/// What can be done with variables.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// List variables; values of secrets are never shown
    #[command(visible_alias = "ls")]
    #[command(after_help = example!("vclouden env list acme", "vclouden env list --app radicale"))]
    List(Whose),
    /// Set variables; a running installation is restarted once with all of them
    #[command(after_help = example!(
        "vclouden env set acme SMTP_HOST=smtp.example.com SMTP_PORT=587 --plain",
        "vclouden env set acme --file secrets.env",
        "vclouden env set acme API_KEY < api-key",
    ))]
    Set {
        /// The installation, unless --app is given
        #[arg(value_name = "INSTALLATION|NAME=VALUE")]
        words: Vec<String>,
        /// Of an application, for all its installations
        #[arg(long)]
        app: Option<Named>,
        /// Show their values to whoever may see the installation; otherwise they are secrets
        #[arg(long)]
        plain: bool,
        /// Read lines NAME=VALUE from a file, - for standard input
        #[arg(long, short)]
        file: Option<PathBuf>,
        /// Return as soon as it is accepted
        #[arg(long)]
        no_wait: bool,
    },
    /// Remove variables; a running installation is restarted once without them
    #[command(after_help = example!("vclouden env unset acme API_KEY", "vclouden env unset --app radicale SMTP_HOST"))]
    Unset {
        /// The installation, unless --app is given, then names
        #[arg(value_name = "INSTALLATION|NAME", required = true)]
        words: Vec<String>,
        /// Of an application
        #[arg(long)]
        app: Option<Named>,
        /// Return as soon as it is accepted
        #[arg(long)]
        no_wait: bool,
    },
    /// Bring an application's variables to all its installations, one after the other
    #[command(after_help = example!("vclouden env apply radicale"))]
    Apply {
        /// The application
        app: Named,
    },
}

/// Whose variables.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// The installation
    installation: Option<InstallationName>,
    /// The application, for all its installations
    #[arg(long)]
    app: Option<Named>,
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        match self {
            Noun::List(Whose { installation, app }) => {
                let path = match app {
                    Some(app) => format!("/apps/{app}"),
                    None => format!("/installations/{}", installation.map(|name| name.to_string()).unwrap_or_default()),
                };
                let all: Vec<Variable> = api.list(&format!("{path}/environment"), &[]).await?;
                print(&all, context)
            }
            Noun::Set { mut words, app, plain, file, no_wait } => {
                let whose = whose(&mut words, app)?;
                let set = given(words, !plain, file)?;
                change(&api, whose, ChangeEnvironment { set, unset: Vec::new() }, no_wait, context).await
            }
            Noun::Unset { mut words, app, no_wait } => {
                let whose = whose(&mut words, app)?;
                if words.is_empty() {
                    return Err(Failure::usage(
                        "say which variables to remove, such as `vclouden env unset acme API_KEY`",
                    ));
                }
                change(&api, whose, ChangeEnvironment { set: Vec::new(), unset: words }, no_wait, context).await
            }
            Noun::Apply { app } => apply(&api, &app, context).await,
        }
    }
}

/// An installation or an application, as the beginning of a path.
enum Owner {
    App(Named),
    Installation(InstallationName),
}

/// The first word names the installation where no application is named.
fn whose(words: &mut Vec<String>, app: Option<Named>) -> Outcome<Owner> {
    if let Some(app) = app {
        return Ok(Owner::App(app));
    }
    if words.is_empty() {
        return Err(Failure::usage("say which installation, or --app APP"));
    }
    let name = words.remove(0);
    let parsed = name.parse().map_err(|error| {
        Failure::usage(format!("{error}. The first word names the installation; --app APP means an application's"))
    });
    parsed.map(Owner::Installation)
}

/// The variables of words, of a file, and of standard input for a single word without a value.
fn given(words: Vec<String>, secret: bool, file: Option<PathBuf>) -> Outcome<Vec<SetVariable>> {
    let secret = Some(secret);
    let mut all = match file {
        Some(file) => read_lines(&read(&file)?, secret).map_err(Failure::usage)?,
        None => Vec::new(),
    };
    let single = words.len() == 1;
    for word in words {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None if single => (word, read("-".as_ref())?.trim_end_matches(['\n', '\r']).to_owned()),
            None => return Err(Failure::usage(format!("{word} has no value; write {word}=VALUE"))),
        };
        all.push(SetVariable { name, value, secret });
    }
    if all.is_empty() {
        return Err(Failure::usage("say what to set, such as NAME=VALUE or --file secrets.env"));
    }
    Ok(all)
}

fn read(path: &std::path::Path) -> Outcome<String> {
    let mut text = String::new();
    let read = if path == std::path::Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|found| text = found)
    };
    read.map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
    Ok(text)
}

async fn change(api: &Api, whose: Owner, body: ChangeEnvironment, no_wait: bool, context: &Context) -> Outcome {
    let name = match whose {
        Owner::App(app) => {
            let all: Page<Variable> = api.post(&format!("/apps/{app}/environment"), &body).await?;
            print(&all.items, context)?;
            if !context.json {
                line(format!("\nNew installations have them; those that there are: vclouden env apply {app}"));
            }
            return Ok(());
        }
        Owner::Installation(name) => name,
    };
    let accepted: Accepted = api.post(&format!("/installations/{name}/environment"), &body).await?;
    if no_wait {
        return accepted_only(&accepted, context);
    }
    let operation = follow::operation(api, &mut context.progress(), accepted.operation, name.as_str()).await?;
    if let Err(failure) = follow::judge(&operation, name.as_str()) {
        if context.json {
            json(&operation)?;
        }
        return Err(failure);
    }
    let all: Vec<Variable> = api.list(&format!("/installations/{name}/environment"), &[]).await?;
    print(&all, context)
}

async fn apply(api: &Api, app: &Named, context: &Context) -> Outcome {
    let applied: Applied = api.post(&format!("/apps/{app}/environment/apply"), &Nothing {}).await?;
    if context.json {
        return json(&applied);
    }
    for id in &applied.operations {
        line(format!("Accepted as operation {id}."));
    }
    for name in &applied.left {
        line(format!("Left out: {name} is busy or not installed; it gets them with its next change."));
    }
    if applied.operations.is_empty() && applied.left.is_empty() {
        line("There is no installation yet.");
    }
    Ok(())
}

fn print(all: &[Variable], context: &Context) -> Outcome {
    if context.json {
        return json_list(&all);
    }
    let now = now();
    let mut table = Table::new(&["NAME", "VALUE", "OF", "SET", "BY"]);
    for one in all {
        let value = match &one.value {
            Some(value) => Cell::from(printable(value)),
            None => Cell::dim("(secret)"),
        };
        table.row([
            one.name.as_str().into(),
            value,
            if one.inherited { "the application" } else { "its own" }.into(),
            Cell::time(one.set_at, now),
            one.set_by.as_str().into(),
        ]);
    }
    table.print("No variables. Set one: vclouden env set INSTALLATION NAME=VALUE");
    Ok(())
}
