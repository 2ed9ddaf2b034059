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
    show(&context.api()?.get("/me", &[]).await?, context)
}

/// Shows somebody.
pub fn show(me: &Me, context: &Context) -> Outcome {
    if context.json {
        return json(me);
    }
    let place: Vec<&str> = [&me.publisher, &me.customer].into_iter().flatten().map(|slug| slug.as_str()).collect();
    let place = if place.is_empty() { "everywhere".to_owned() } else { place.join(":") };
    let mut facts = Facts::new();
    facts.fact("Name", printable(&me.name)).fact("Role", word(&me.role)).fact("Where", place);
    facts.maybe("Publisher", me.publisher_name.as_deref().map(printable));
    facts.maybe("Customer", me.customer_name.as_deref().map(printable));
    facts.maybe("Tickets to", me.ticket_address.as_deref().map(printable));
    if let Some(profile) = &me.profile {
        facts.fact("Person", printable(&profile.name)).fact("Mail", printable(&profile.mail));
        facts.fact("Language", printable(&profile.language)).fact("Time zone", printable(&profile.time_zone));
    }
    facts.print();
    Ok(())
}
