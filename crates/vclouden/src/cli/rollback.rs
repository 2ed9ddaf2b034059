//! `vclouden rollback`.

use domain::{DeploymentId, InstallationName};
use plane::wire::{App, CreateRollback, Deployment, Installation, Nothing};

use super::deploy::{Wait, follow_to_end};
use super::named::Named;
use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};

/// What to roll back.
#[derive(Debug, clap::Args)]
#[command(after_help = example!("vclouden rollback radicale", "vclouden rollback --installation acme"))]
#[command(group = clap::ArgGroup::new("which").required(true).args(["name", "app", "installation", "deployment"]))]
pub struct Args {
    /// An application, for all its installations, or one installation; its name decides
    #[arg(value_name = "APP|INSTALLATION")]
    name: Option<InstallationName>,
    /// All installations of this application
    #[arg(long)]
    app: Option<Named>,
    /// This installation
    #[arg(long)]
    installation: Option<InstallationName>,
    /// Exactly the installations that this deployment changed, where nothing came after it
    #[arg(long, conflicts_with = "further")]
    deployment: Option<DeploymentId>,
    /// Go back one more version, and discard more data, also where the last wave was a rollback already
    #[arg(long)]
    further: bool,
    #[command(flatten)]
    wait: Wait,
}

/// Does it.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let api = context.api()?;
    if let Some(id) = args.deployment {
        let begun: Deployment = api.post(&format!("/deployments/{id}/rollback"), &Nothing {}).await?;
        return follow_to_end(&api, begun, &args.wait, context).await;
    }
    let path = match (args.name, args.app, args.installation) {
        (_, Some(app), _) => format!("/apps/{app}/rollback"),
        (_, _, Some(installation)) => format!("/installations/{installation}/rollback"),
        (Some(name), ..) => by_name(&api, name.as_str()).await?,
        (None, None, None) => return Err(Failure::usage("name an application or an installation")),
    };
    let deployment: Deployment = api.post(&path, &CreateRollback { further: args.further }).await?;
    follow_to_end(&api, deployment, &args.wait, context).await
}

/// What `name` is the name of.
async fn by_name(api: &Api, name: &str) -> Outcome<String> {
    let app = match name.parse::<Named>() {
        Ok(_) => api.find::<App>(&format!("/apps/{name}")).await?.is_some(),
        Err(_) => false,
    };
    let installation = api.find::<Installation>(&format!("/installations/{name}")).await?.is_some();
    match (app, installation) {
        (true, false) => Ok(format!("/apps/{name}/rollback")),
        (false, true) => Ok(format!("/installations/{name}/rollback")),
        (true, true) => Err(Failure::usage(format!(
            "{name} is the name of an application and of an installation: say --app {name} or --installation {name}"
        ))),
        (false, false) => Err(Failure::refused(format!(
            "there is no application and no installation {name}. See `vclouden app list` and \
             `vclouden installation list`"
        ))),
    }
}
