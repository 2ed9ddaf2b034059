//! `vclouden answer`.

use clap::Subcommand;
use domain::{AnswerId, Slug};
use plane::wire::{CannedAnswer, KeepAnswer};

use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{now, printable};
use crate::output::table::{Cell, Table};
use crate::output::{json, json_list, line};

/// What can be done with kept answers.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Keep an answer for later
    #[command(after_help = example!("vclouden answer create Greeting \"Dear {person}, thank you for writing.\""))]
    Create {
        /// What it is called
        title: String,
        /// What it says; {customer}, {person}, {me}, {number}, {installation} and {address} are filled in
        text: String,
        /// Of this publisher [default: your own]
        #[arg(long)]
        publisher: Option<Slug>,
    },
    /// List kept answers
    #[command(visible_alias = "ls", after_help = example!("vclouden answer list"))]
    List,
    /// Say all of one anew
    #[command(after_help = example!("vclouden answer change 0190f3a2-7c1e-7000-8000-000000000001 Greeting \"Hello.\""))]
    Change {
        /// Its id
        answer: AnswerId,
        /// What it is called
        title: String,
        /// What it says
        text: String,
    },
    /// Delete a kept answer
    #[command(after_help = example!("vclouden answer delete 0190f3a2-7c1e-7000-8000-000000000001"))]
    Delete {
        /// Its id
        answer: AnswerId,
    },
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        let api = context.api()?;
        let kept: CannedAnswer = match self {
            Noun::Create { title, text, publisher } => {
                api.post("/answers", &KeepAnswer { title, text, publisher }).await?
            }
            Noun::Change { answer, title, text } => {
                api.post(&format!("/answers/{answer}"), &KeepAnswer { title, text, publisher: None }).await?
            }
            Noun::List => {
                let all: Vec<CannedAnswer> = api.list("/answers", &[]).await?;
                if context.json {
                    return json_list(&all);
                }
                let mut table = Table::new(&["ANSWER", "TITLE", "TEXT", "SINCE"]);
                for one in &all {
                    let first = printable(one.text.lines().next().unwrap_or_default());
                    table.row([
                        one.id.to_string().into(),
                        one.title.as_str().into(),
                        first.as_str().into(),
                        Cell::time(one.created_at, now()),
                    ]);
                }
                table.print("No kept answers yet. Keep one: vclouden answer create TITLE TEXT");
                return Ok(());
            }
            Noun::Delete { answer } => {
                api.delete::<serde_json::Value>(&format!("/answers/{answer}")).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": answer }));
                }
                line("The answer was deleted.");
                return Ok(());
            }
        };
        if context.json {
            return json(&kept);
        }
        line(format!("Kept as {}.", kept.id));
        Ok(())
    }
}
