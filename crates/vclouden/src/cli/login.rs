//! `vclouden login` and `vclouden logout`: a person lets this command line in by their browser.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use plane::wire::{BeginDeviceLogin, DeviceLoginBegun, NewToken, word};
use serde_json::json;

use super::{Context, example};
use crate::api::Api;
use crate::config::{self, Access, Saved};
use crate::failure::{Failure, Outcome};
use crate::output::human::date;
use crate::output::{line, ndjson, note};

/// How to log in.
#[derive(Debug, clap::Args)]
#[command(after_help = example!(
    "vclouden login",
    "vclouden login --api 127.0.0.1:7878 --scope publish --scope deploy --days 30",
))]
pub struct Args {
    /// What the token may be used for: publish, deploy, operate, manage, read [default: everything]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Days that it serves
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// What the token is called [default: this machine's name]
    #[arg(long)]
    name: Option<String>,
    /// Only show the address; open no browser
    #[arg(long)]
    no_browser: bool,
}

/// Logs in, and saves the token for every other command.
pub async fn run(args: Args, context: &Context) -> Outcome {
    let base = context.base()?;
    let path = config::saved_path()
        .ok_or_else(|| Failure::refused("there is nowhere to save a token: set HOME or XDG_CONFIG_HOME"))?;
    let api = Api::new(&Access { api: base.clone(), token: String::new() })?;
    let name = args.name.unwrap_or_else(|| format!("vclouden on {}", machine()));
    let wanted = BeginDeviceLogin { name, scopes: args.scopes, days: Some(args.days) };
    let begun: DeviceLoginBegun = api.post("/device-logins", &wanted).await?;
    if context.json {
        ndjson(&json!({ "open": begun.verification_uri_complete, "code": begun.user_code }))?;
    } else {
        line(format!("Open {} in a browser", begun.verification_uri_complete));
        line(format!("and compare the code: {}", begun.user_code));
    }
    if !args.no_browser {
        open_browser(&begun.verification_uri_complete);
    }
    let made = wait(&api, &begun).await?;
    config::save(&path, &Saved { api: Some(base.clone()), token: Some(made.secret) })
        .map_err(|error| Failure::refused(format!("{error:#}")))?;
    let token = made.token;
    if context.json {
        return ndjson(&json!({ "token": token, "saved": path }));
    }
    let place: Vec<&str> =
        [&token.publisher, &token.customer].into_iter().flatten().map(|slug| slug.as_str()).collect();
    let place = if place.is_empty() { "the platform".to_owned() } else { place.join(":") };
    line(format!("Logged in to {base} as {} of {place}.", word(&token.role)));
    if let Some(at) = token.expires_at {
        line(format!("It serves until {}; `vclouden logout` ends it.", date(at)));
    }
    Ok(())
}

/// Asks until somebody has decided.
async fn wait(api: &Api, begun: &DeviceLoginBegun) -> Outcome<NewToken> {
    let until = Instant::now() + Duration::from_secs(begun.expires_in);
    let mut pause = Duration::from_secs(begun.interval.max(1));
    while Instant::now() < until {
        tokio::time::sleep(pause).await;
        let asked: Outcome<NewToken> =
            api.post("/device-logins/token", &json!({ "device_code": begun.device_code })).await;
        match asked {
            Err(Failure::Problem { problem, .. }) if problem.code == "authorization-pending" => {}
            Err(Failure::Problem { problem, .. }) if problem.code == "slow-down" => pause += Duration::from_secs(5),
            decided => return decided,
        }
    }
    Err(Failure::refused("nobody approved this in time; begin again with `vclouden login`"))
}

/// What people call this machine.
fn machine() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    if name.is_empty() { "a machine".into() } else { name.chars().take(60).collect() }
}

/// Opens a browser where there is a screen to show it on. Without one the person has the address.
fn open_browser(address: &str) {
    let screen =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
    if screen {
        let mut opener = Command::new("xdg-open");
        let opened = opener.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if let Err(error) = opened {
            note(format!("note: no browser was opened: {error}"));
        }
    }
}

/// How to log out.
#[derive(Debug, clap::Args)]
#[command(after_help = example!("vclouden logout"))]
pub struct LogOut {}

/// Ends the saved token, here and there.
pub async fn log_out(_: LogOut, context: &Context) -> Outcome {
    let path = config::saved_path();
    let saved = config::load(path.as_deref())?;
    let (Some(path), Some(_)) = (path, &saved.token) else {
        return Err(Failure::refused("nobody is logged in: no token is saved"));
    };
    let access = config::access(None, None, &saved)?;
    let ended = Api::new(&access)?.delete::<serde_json::Value>("/me/token").await;
    // What lets nobody in any more needs no end.
    if let Err(Failure::Problem { problem, .. }) = &ended
        && problem.status == 401
    {
        note("note: the saved token was not valid any more");
    } else {
        ended?;
    }
    config::save(&path, &Saved { token: None, ..saved }).map_err(|error| Failure::refused(format!("{error:#}")))?;
    if context.json {
        return crate::output::json(&json!({ "logged_out": access.api }));
    }
    line(format!("Logged out of {}.", access.api));
    Ok(())
}
