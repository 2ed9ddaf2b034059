//! Waits until an installation is healthy, and says in words for people why it is not.

use std::time::{Duration, UNIX_EPOCH};

use domain::InstallationId;
use keeper::logs::{Line, Stream};
use keeper::protocol::{Phase, Status, TOO_LATE};

use crate::engine::Engine;
use crate::sheet;
use crate::spec::InstallationSpec;

/// How much longer than the application's own time Nimbus waits: the keeper enforces it, unless something is wrong.
const MARGIN: Duration = Duration::from_secs(5);
/// How long an application without a health check has to live.
const A_MOMENT: Duration = Duration::from_millis(500);
/// Log lines that are quoted, characters of each, and lines among which they are looked for.
const QUOTED: usize = 15;
const WIDTH: usize = 400;
const SEARCHED: usize = 1000;
/// Said of one that ended without an error.
const BY_ITSELF: &str = "; it ended by itself: the command must stay in the foreground";

impl Engine {
    /// Waits until the installation is healthy, and has it supervised as always from then on.
    pub(crate) fn await_accepted(&self, spec: &InstallationSpec) -> Result<(), String> {
        self.await_healthy(spec)?;
        match self.keepers.accept(spec.id) {
            Ok(Some(status)) if status.phase == Phase::Failed => Err(self.ill(spec, &why_it_ended(&status))),
            Ok(_) => Ok(()),
            Err(error) => Err(self.ill(spec, &format!(": its keeper does not answer: {error}"))),
        }
    }

    /// Waits until the installation is healthy; the first death, or its time running out, is a failure and said with
    /// the last lines that it wrote.
    pub(crate) fn await_healthy(&self, spec: &InstallationSpec) -> Result<(), String> {
        let health = sheet::health(&self.config.domain, spec);
        let timeout = health.as_ref().map_or(sheet::DEFAULT_START_MS, |health| health.start_timeout_ms);
        let verdict = self.keepers.wait(spec.id, Duration::from_millis(timeout) + MARGIN, |status| match status {
            _ if self.journal.is_halted() => Some(Err(": Nimbus is stopping".to_owned())),
            None => Some(Err(": its keeper is gone".to_owned())),
            Some(status) if status.restarts > 0 || matches!(status.phase, Phase::Restarting | Phase::Failed) => {
                Some(Err(why_it_ended(status)))
            }
            Some(status) if status.phase == Phase::Healthy => Some(Ok(())),
            Some(_) => None,
        });
        let why = match verdict {
            Some(Ok(())) if health.is_some() => return Ok(()),
            Some(Ok(())) => match self.dies_soon(spec.id) {
                None => return Ok(()),
                Some(why) => why,
            },
            Some(Err(why)) => why,
            None => {
                let check = self.keepers.status(spec.id).and_then(|status| status.last_check);
                let check = check.map_or(String::new(), |why| format!(": {why}"));
                format!(" within {} s{check}", timeout.div_ceil(1000))
            }
        };
        Err(self.ill(spec, &why))
    }

    /// Why a version is not accepted.
    fn ill(&self, spec: &InstallationSpec, why: &str) -> String {
        let version = &spec.version;
        format!("version {} of {} did not become healthy{why}{}", version.number, version.app, self.said(spec))
    }

    /// Without a health check, it is enough to live for a moment. The reason when it does not.
    fn dies_soon(&self, id: InstallationId) -> Option<String> {
        self.keepers.wait(id, A_MOMENT, |status| match status {
            None => Some(": its keeper is gone".to_owned()),
            Some(status) if status.restarts > 0 || status.last_exit.is_some() => Some(why_it_ended(status)),
            Some(_) => None,
        })
    }

    /// The last lines that the application wrote, for people.
    fn said(&self, spec: &InstallationSpec) -> String {
        let lines = match keeper::logs::tail(&self.volume.logs(spec.id), SEARCHED) {
            Ok(lines) => lines,
            Err(error) => return format!("; its log cannot be read: {error}"),
        };
        let began = self.keepers.began(spec.id).and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let began = began.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let lines = of_first_run(&lines, began);
        if lines.is_empty() {
            return "; it wrote nothing".to_owned();
        }
        let mut text = "; its last lines:".to_owned();
        for line in &lines[lines.len().saturating_sub(QUOTED)..] {
            text.push_str("\n  ");
            text.extend(line.text.chars().take(WIDTH));
        }
        text
    }
}

/// Why an application is dead that should have become healthy.
fn why_it_ended(status: &Status) -> String {
    let exit = status.last_exit.as_deref().unwrap_or("it ended");
    if let Some((_, time_and_check)) = exit.split_once(TOO_LATE) {
        return format!(" within {time_and_check}");
    }
    // Most likely a program that went into the background.
    let hint = if exit == "exit status 0" { BY_ITSELF } else { "" };
    match &status.last_check {
        Some(check) if !exit.contains(check.as_str()) => format!(": {exit}{hint}; last health check: {check}"),
        _ => format!(": {exit}{hint}"),
    }
}

/// What the application wrote since its keeper began (milliseconds since 1970), up to its first death: what it wrote
/// under a former keeper, or when it was started again meanwhile, says nothing about this one.
fn of_first_run(lines: &[Line], began: u64) -> Vec<&Line> {
    let is_death = |line: &&Line| line.stream == Stream::Keeper && line.text.starts_with("ended: ");
    let of_keeper = lines.iter().filter(|line| line.at_ms >= began).take_while(|line| !is_death(line));
    of_keeper.filter(|line| line.stream != Stream::Keeper).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at_ms: u64, stream: Stream, text: &str) -> Line {
        Line { at_ms, stream, text: text.to_owned() }
    }

    #[test]
    fn only_the_first_run_under_this_keeper_is_quoted() {
        let log = [
            line(1, Stream::Keeper, "started as process 7"),
            line(2, Stream::Out, "of a former keeper"),
            line(3, Stream::Keeper, "ended: exit status 0"),
            line(9, Stream::Keeper, "started as process 8"),
            line(9, Stream::Err, "one"),
            line(10, Stream::Out, "ended: this is the application's own"),
            line(11, Stream::Keeper, "ended: exit status 3"),
            line(11, Stream::Keeper, "restarting at once"),
            line(12, Stream::Err, "two"),
        ];
        let texts: Vec<_> = of_first_run(&log, 9).into_iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "ended: this is the application's own"]);
    }

    #[test]
    fn a_reason_is_said_once() {
        let status = |exit: &str, check: &str| Status {
            phase: Phase::Restarting,
            since: 0,
            pid: None,
            keeper: 1,
            restarts: 0,
            last_exit: Some(exit.to_owned()),
            last_check: Some(check.to_owned()),
        };
        let late = status("killed by SIGKILL: not healthy within 10 s: answered with status 500", "status 500");
        assert_eq!(why_it_ended(&late), " within 10 s: answered with status 500");
        let dead = status("exit status 3", "nothing listens on port 80");
        assert_eq!(why_it_ended(&dead), ": exit status 3; last health check: nothing listens on port 80");
        let gone = Status { last_check: None, ..status("exit status 0", "") };
        let why = ": exit status 0; it ended by itself: the command must stay in the foreground";
        assert_eq!(why_it_ended(&gone), why);
    }
}
