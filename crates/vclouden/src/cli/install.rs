//! `vclouden install`.

use domain::InstallationName;
use plane::wire::{Accepted, CreateInstallation, Customer, FromCopy, Installation};

use super::named::Named;
use super::{Context, example};
use crate::failure::{Failure, Outcome};
use crate::follow;
use crate::output::{json, line};

/// What to install, and for whom.
#[derive(Debug, clap::Args)]
#[command(after_help = example!(
    "vclouden install radicale --customer acme",
    "vclouden install radicale --customer acme --name calendar --version 3",
    "vclouden install radicale --customer acme --from radicale-acme/before-switch-3",
))]
pub struct Args {
    /// The application
    app: Named,
    /// The customer
    #[arg(long, short)]
    customer: Named,
    /// The installation's name, the first label of its host name [default: APP-CUSTOMER]
    #[arg(long)]
    name: Option<InstallationName>,
    /// Number of the version [default: the newest that is not withdrawn; a version is withdrawn when its last
    /// deployment failed or the application was rolled back from it]
    #[arg(long, value_parser = super::version_number)]
    version: Option<u32>,
    /// Begin with a kept copy of another installation of the same application and customer, as `vclouden backup list`
    /// names it; its variables come with it
    #[arg(long, value_name = "INSTALLATION/COPY", value_parser = copy_of)]
    from: Option<FromCopy>,
    /// Return as soon as it is accepted
    #[arg(long)]
    no_wait: bool,
}

fn copy_of(text: &str) -> Result<FromCopy, String> {
    let (installation, copy) = text.split_once('/').ok_or("write INSTALLATION/COPY, such as acme/before-switch-3")?;
    Ok(FromCopy { installation: installation.to_owned(), copy: copy.to_owned() })
}

/// Does it.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let api = context.api()?;
    let Args { app, customer, name, version, from, no_wait } = args;
    let whose = Named { publisher: app.publisher.clone(), slug: customer.slug.clone() };
    if api.find::<Customer>(&format!("/customers/{whose}")).await?.is_none() {
        return Err(Failure::refused(format!(
            "there is no customer {customer}. Create it with `vclouden customer create {customer}`"
        )));
    }
    let body = CreateInstallation { app: app.to_string(), customer: customer.slug, name, version, from };
    let accepted: Accepted = api.post("/installations", &body).await?;
    if no_wait {
        return accepted_only(&accepted, context);
    }
    let name = accepted.installation.name.to_string();
    let mut progress = context.progress();
    let operation = follow::operation(&api, &mut progress, accepted.operation, &name).await?;
    if let Err(failure) = follow::judge(&operation, &name) {
        if context.json {
            json(&operation)?;
        }
        return Err(failure);
    }
    let installation: Installation = api.get(&format!("/installations/{}", accepted.installation.id), &[]).await?;
    if context.json {
        return json(&installation);
    }
    let (app, version, took) = (&installation.app, installation.version, follow::took(&operation));
    line(format!("Installed {name}: {app} version {version}, healthy in {took}."));
    if let Some(url) = &installation.url {
        line(format!("Open it: {url}"));
    }
    for port in &installation.ports {
        line(format!("TCP {}: port {}", port.name, port.port));
    }
    Ok(())
}

/// What `--no-wait` prints.
pub fn accepted_only(accepted: &Accepted, context: &Context) -> Outcome {
    if context.json {
        return json(accepted);
    }
    let name = &accepted.installation.name;
    line(format!("Accepted as operation {}. See: vclouden installation show {name}", accepted.operation));
    Ok(())
}
