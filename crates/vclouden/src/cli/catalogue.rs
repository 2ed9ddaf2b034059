//! `vclouden catalogue`.

use plane::wire::Offer;

use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{bytes, now, printable};
use crate::output::json_list;
use crate::output::table::{Cell, Table};

/// Nothing to choose.
#[derive(Debug, clap::Args)]
#[command(after_help = example!("vclouden catalogue"))]
pub struct Args {}

/// Lists what is offered.
pub async fn run(_: Args, context: &Context) -> Outcome {
    let all: Vec<Offer> = context.api()?.list("/catalogue", &[]).await?;
    if context.json {
        return json_list(&all);
    }
    let mut table = Table::new(&["APP", "NAME", "VERSION", "MEMORY", "DISK", "PUBLISHED", "WHAT IT IS FOR"]);
    for one in &all {
        table.row([
            one.app.as_str().into(),
            printable(&one.name).into(),
            Cell::number(one.version),
            bytes(one.memory).into(),
            bytes(one.disk).into(),
            Cell::time(one.published_at, now()),
            printable(one.description.as_deref().unwrap_or_default()).into(),
        ]);
    }
    table.print("Nothing is offered yet.");
    Ok(())
}
