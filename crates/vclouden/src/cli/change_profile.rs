//! `vclouden change-profile`.

use plane::wire::{ChangeProfile, Me};

use super::{Context, example, whoami};
use crate::failure::{Failure, Outcome};

/// How to be called and addressed.
#[derive(Debug, clap::Args)]
#[command(after_help = example!("vclouden change-profile --name \"Ana Gil\" --language es --time-zone America/Bogota"))]
pub struct Args {
    /// Your name
    #[arg(long)]
    name: Option<String>,
    /// The language of your pages and letters
    #[arg(long, value_parser = ["en", "es"])]
    language: Option<String>,
    /// Your time zone, such as America/Bogota
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

/// Changes what is given.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let Args { name, language, time_zone } = args;
    let wanted = ChangeProfile { name, language, time_zone };
    if wanted == ChangeProfile::default() {
        return Err(Failure::usage("say what to change: --name, --language, --time-zone".to_owned()));
    }
    let me: Me = context.api()?.post("/me", &wanted).await?;
    whoami::show(&me, context)
}
