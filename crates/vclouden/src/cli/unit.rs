//! `vclouden unit`: a systemd unit for `vclouden up`.

use std::path::{Path, PathBuf};

use super::{command, example};
use crate::failure::{Failure, Outcome};
use crate::output::raw;
use crate::up::DEFAULT_DATA;

/// What to start.
#[derive(Debug, clap::Args)]
#[command(after_help = example!(
    "vclouden unit > /etc/systemd/system/vclouden.service",
    "vclouden unit -- --edge 0.0.0.0:80 --domain apps.example.com",
))]
pub struct Args {
    /// What to give to `vclouden up`
    #[arg(last = true, value_name = "ARGUMENTS OF up")]
    arguments: Vec<String>,
}

/// Prints it.
pub fn run(args: Args) -> Outcome {
    let data = check(&args.arguments)?;
    let program = std::env::current_exe()
        .map_err(|error| Failure::refused(format!("cannot find this program: {error}. Start it by its path")))?;
    raw(text(&program, &data, &args.arguments)?.as_bytes());
    Ok(())
}

/// The data directory, if `vclouden up` takes these arguments.
fn check(arguments: &[String]) -> Outcome<PathBuf> {
    let words = ["vclouden", "up"].into_iter().chain(arguments.iter().map(String::as_str));
    let matches = command().try_get_matches_from(words).map_err(|error| {
        let text = error.to_string();
        Failure::usage(text.trim_end().trim_start_matches("error: "))
    })?;
    let data = matches.subcommand_matches("up").and_then(|up| up.get_one::<PathBuf>("data")).cloned();
    let data = data.unwrap_or_else(|| DEFAULT_DATA.into());
    if data.is_relative() {
        return Err(Failure::usage(format!(
            "--data {}: a service has no directory: give the whole path",
            data.display()
        )));
    }
    Ok(data)
}

fn text(program: &Path, data: &Path, arguments: &[String]) -> Outcome<String> {
    let path = |path: &Path| match path.to_str() {
        Some(text) => quote(text),
        None => Err(Failure::usage(format!("{}: a unit cannot name a path that is not UTF-8", path.display()))),
    };
    let mut start = vec![path(program)?, "up".to_owned()];
    for argument in arguments {
        start.push(quote(argument)?);
    }
    Ok(format!(
        "\
# Made by `vclouden unit`. To use it:
#   vclouden unit > /etc/systemd/system/vclouden.service
#   systemctl daemon-reload && systemctl enable --now vclouden
[Unit]
Description=vClouden: isolated copies of applications
After=network-online.target
Wants=network-online.target
RequiresMountsFor={data}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={start}
Restart=always
RestartSec=1
# Only `up` is told to end; it ends its three parts. Installations go on across stop, restart and upgrade, and the next
# start finds them. To end them, too: systemctl stop vclouden && vclouden down
KillMode=process
TimeoutStopSec=30
# An application that takes too much memory ends alone.
OOMPolicy=continue
LimitNOFILE=1048576
TasksMax=infinity
# Where root's commands find address and token; they are also in the data directory, in operator-token.
Environment=HOME=/root
# It would print the operator's token, which does not belong into the journal. What goes wrong goes there.
StandardOutput=null
# No Private..., Protect... or Delegate= here: what is mounted must be seen by the keepers that outlive this service,
# and their control groups are at the root of the tree. What faces the network gives its privileges up by itself.

[Install]
WantedBy=multi-user.target
",
        data = path(data)?,
        start = start.join(" "),
    ))
}

/// A word of a command line as systemd.service(5) and systemd.unit(5) want it: specifiers and variables are no such.
fn quote(word: &str) -> Outcome<String> {
    if word.chars().any(char::is_control) {
        return Err(Failure::usage(format!("{word:?}: a unit cannot hold control characters")));
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%$".contains(c);
    Ok(if !word.is_empty() && word.chars().all(plain) { escaped } else { format!("\"{escaped}\"") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_arrive_as_they_were_given() {
        let arguments = ["--data", "/srv/a b", "--volume-size", "200 GiB", "--domain", "apps.example.com"];
        let arguments = arguments.map(str::to_owned);
        let data = check(&arguments).unwrap();
        assert_eq!(data, Path::new("/srv/a b"));
        let unit = text(Path::new("/usr/bin/vclouden"), &data, &arguments).unwrap();
        let start =
            "ExecStart=/usr/bin/vclouden up --data \"/srv/a b\" --volume-size \"200 GiB\" --domain apps.example.com\n";
        assert!(unit.contains(start), "{unit}");
        assert!(unit.contains("\nKillMode=process\n") && unit.contains("\nRequiresMountsFor=\"/srv/a b\"\n"), "{unit}");
        assert_eq!(quote("100%$x\"\\").unwrap(), "\"100%%$$x\\\"\\\\\"");
        assert_eq!(quote("").unwrap(), "\"\"");
    }

    #[test]
    fn what_up_would_refuse_is_refused_here() {
        for wrong in [&["--nonsense"][..], &["--edge", "x"], &["--data", "relative"], &["extra"]] {
            let arguments: Vec<String> = wrong.iter().map(|word| (*word).to_owned()).collect();
            assert!(matches!(check(&arguments), Err(Failure::Usage(_))), "{wrong:?}");
        }
        assert!(quote("a\nb").is_err());
    }
}
