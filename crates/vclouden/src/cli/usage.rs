//! `vclouden usage`.

use domain::InstallationName;
use plane::wire::{USAGE_COLUMNS, Usage, UsageBy, word};

use super::named::Named;
use super::{Context, example};
use crate::failure::Outcome;
use crate::output::human::{bytes, duration};
use crate::output::table::{Cell, Table};
use crate::output::{json_list, line};

/// What was used when.
#[derive(Debug, clap::Args)]
#[command(after_help = example!(
    "vclouden usage",
    "vclouden usage --month 2026-11 --by customer",
    "vclouden usage --month 2026-11 --csv > november.csv",
    "vclouden usage --by month --customer acme",
))]
pub struct Args {
    /// A month in UTC, such as 2026-11 [default: the present one; with --by month all]
    #[arg(long, value_parser = month)]
    month: Option<String>,
    /// By what it is added up: installation, customer or month
    #[arg(long, value_parser = by, default_value = "installation", hide_default_value = true)]
    by: UsageBy,
    /// Only this customer's
    #[arg(long)]
    customer: Option<Named>,
    /// Only that of deleted customers; with --customer those that had its name
    #[arg(long)]
    former: bool,
    /// Only this installation's
    #[arg(long)]
    installation: Option<InstallationName>,
    /// Print a table for other programs
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

fn month(text: &str) -> Result<String, String> {
    let begin = chrono::NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d");
    begin.ok().filter(|_| text.len() == 7).map(|_| text.to_owned()).ok_or_else(|| "write one such as 2026-11".into())
}

fn by(text: &str) -> Result<UsageBy, String> {
    let all = [UsageBy::Installation, UsageBy::Customer, UsageBy::Month];
    all.into_iter().find(|by| word(by) == text).ok_or_else(|| "write installation, customer or month".into())
}

/// Does it.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let api = context.api()?;
    let mut query = vec![("by", word(&args.by))];
    query.extend(args.month.map(|month| ("month", month)));
    query.extend(args.customer.map(|customer| ("customer", customer.to_string())));
    query.extend(args.former.then(|| ("former", "true".to_owned())));
    query.extend(args.installation.map(|name| ("installation", name.to_string())));
    let all: Vec<Usage> = api.list("/usage", &query).await?;
    if context.json {
        return json_list(&all);
    }
    if args.csv {
        line(USAGE_COLUMNS.join(","));
        // Neither names nor numbers hold what would need quotes.
        all.iter().for_each(|one| line(one.columns().join(",")));
        return Ok(());
    }
    let mut table =
        Table::new(&["MONTH", "WHAT", "HOURS", "MEMORY GB·H", "DISK GB·H", "CPU", "REQUESTS", "SENT", "BACKUPS"]);
    for one in &all {
        let gone = if one.former { " (deleted)" } else { "" };
        let customer = one.customer.as_ref().map(|customer| format!("{customer}{gone}"));
        let what = one.name.as_ref().map(ToString::to_string).or(customer);
        table.row([
            one.month.as_str().into(),
            what.unwrap_or_else(|| one.publisher.to_string()).into(),
            Cell::number(format!("{:.2}", one.hours())),
            Cell::number(format!("{:.3}", one.memory_hours())),
            Cell::number(format!("{:.3}", one.disk_hours())),
            Cell::number(duration(one.cpu_ms)),
            Cell::number(one.requests),
            Cell::number(bytes(one.bytes_out)),
            Cell::number(one.backups),
        ]);
    }
    table.print("Nothing was used in that month. Installations are counted every few minutes.");
    Ok(())
}
