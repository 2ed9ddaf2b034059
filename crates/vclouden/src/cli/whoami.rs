//! `vclouden whoami`.

use plane::wire::{Me, word};

use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::printable;
use crate::output::json;
use crate::output::table::Facts;

/// Nothing to choose.
#[derive(Debug, clap::Args)]
#[command(after_help = example!("vclouden whoami"))]
pub struct Args {}

/// Shows it.
pub async fn run(_: Args, context: &Context) -> Outcome {
    let me: Me = context.api()?.get("/me", &[]).await?;
    if context.json {
        return json(&me);
    }
    let place: Vec<&str> = [&me.publisher, &me.customer].into_iter().flatten().map(|slug| slug.as_str()).collect();
    let place = if place.is_empty() { "everywhere".to_owned() } else { place.join(":") };
    let mut facts = Facts::new();
    facts.fact("Name", printable(&me.name)).fact("Role", word(&me.role)).fact("Where", place).print();
    Ok(())
}
