//! `vclouden change-mail`.

use std::io::{BufRead, IsTerminal};

use plane::wire::{AddressAsked, ChangeAddress};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::{Context, example};
use crate::failure::{Failure, Outcome};
use crate::output::human::printable;
use crate::output::{json, line, note};

/// How to have another mail address.
#[derive(Debug, clap::Args)]
#[command(after_help = example!("vclouden change-mail ana@new.example"))]
pub struct Args {
    /// The new address; your password, or a code of your app, is asked for, or read from standard input
    mail: String,
}

/// Asks for it.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let api = context.api()?;
    let proof = secret_line("Your password, or a code of your app: ")?;
    let asked: AddressAsked = api.post("/me/mail", &ChangeAddress { mail: args.mail, proof }).await?;
    if context.json {
        return json(&asked);
    }
    line(format!(
        "A link is on its way to {}; open it where you are logged in, and take the address.",
        printable(&asked.mail)
    ));
    Ok(())
}

/// A line that is not shown while it is typed.
fn secret_line(question: &str) -> Outcome<String> {
    let stdin = std::io::stdin();
    let failed = |error: std::io::Error| Failure::refused(format!("cannot read it: {error}"));
    let mut text = String::new();
    if !stdin.is_terminal() {
        stdin.lock().read_line(&mut text).map_err(failed)?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    note(question);
    let before = tcgetattr(&stdin).map_err(|error| failed(error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &silent).map_err(|error| failed(error.into()))?;
    let read = stdin.lock().read_line(&mut text);
    tcsetattr(&stdin, OptionalActions::Now, &before).map_err(|error| failed(error.into()))?;
    read.map_err(failed)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
