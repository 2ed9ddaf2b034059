//! Live progress of long work: bars and spinners on a terminal, plain lines otherwise, nothing with `--json`.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use nimbus_api::{Direction, StepReport};

use crate::output::human::{clock, duration, printable};
use crate::output::{Paint, colours, note};

/// Most spinners shown at once, in a window that has the room.
const SPINNERS: usize = 12;
/// Lines of the window that are not for spinners: the bar, and some that tell what has ended.
const OTHER_LINES: usize = 4;
/// Between two pictures of what moves.
const TICK: Duration = Duration::from_millis(100);

/// Shows what is going on, on standard error, so that standard output holds results only.
#[derive(Debug)]
pub struct Progress {
    mode: Mode,
    /// Steps of each thing that were told already.
    told: HashMap<String, usize>,
    /// Columns that the names take.
    width: usize,
    colours: bool,
}

#[derive(Debug)]
enum Mode {
    Quiet,
    Lines,
    Bars { multi: MultiProgress, total: Option<ProgressBar>, spinners: HashMap<String, ProgressBar> },
}

impl Progress {
    /// Silent with `json`; `lines` asks for lines even on a terminal.
    pub fn new(json: bool, lines: bool) -> Self {
        let stderr = std::io::stderr();
        let mode = match (json, stderr.is_terminal() && !lines) {
            (true, _) => Mode::Quiet,
            (false, true) => Mode::Bars { multi: MultiProgress::new(), total: None, spinners: HashMap::new() },
            (false, false) => Mode::Lines,
        };
        Progress { mode, told: HashMap::new(), width: 0, colours: colours(&stderr) }
    }

    /// Names will be this wide.
    pub fn widen(&mut self, name: &str) {
        self.width = self.width.max(name.chars().count());
    }

    /// A line that stays.
    pub fn say(&self, text: &str) {
        match &self.mode {
            Mode::Quiet => {}
            Mode::Lines => note(text),
            // Writing the line fails only when the terminal is gone, and then nobody reads it.
            Mode::Bars { multi, .. } => drop(multi.println(text)),
        }
    }

    /// How far `who` is: `steps` is everything done and undone so far. Tells what is new.
    pub fn steps(&mut self, who: &str, steps: &[StepReport]) {
        self.widen(who);
        let told = self.told.get(who).copied().unwrap_or(0);
        let ended = steps.iter().skip(told).take_while(|step| step.ended_at.is_some());
        let lines: Vec<String> = ended.map(|step| self.step_line(who, step)).collect();
        self.told.insert(who.to_owned(), told + lines.len());
        match &mut self.mode {
            Mode::Quiet => {}
            Mode::Lines => lines.iter().for_each(note),
            Mode::Bars { multi, spinners, .. } => {
                let Some(current) = steps.last() else { return };
                if !spinners.contains_key(who) && spinners.len() >= room() {
                    return;
                }
                let verb = if current.direction == Direction::Undo { "undoing " } else { "" };
                let spinner = spinners.entry(who.to_owned()).or_insert_with(|| new_spinner(multi));
                let width = self.width;
                spinner.set_message(format!("{who:width$}  {verb}{}", current.name));
            }
        }
    }

    fn step_line(&self, who: &str, step: &StepReport) -> String {
        let ended = step.ended_at.unwrap_or(step.began_at);
        let took = duration(ended.saturating_sub(step.began_at));
        let (text, paint) = match (&step.error, step.direction) {
            (Some(error), Direction::Do) => (format!("failed after {took}: {}", first_line(error)), Paint::Bad),
            (Some(error), Direction::Undo) => (format!("not undone: {}", first_line(error)), Paint::Bad),
            (None, Direction::Do) => (format!("done in {took}"), Paint::Plain),
            (None, Direction::Undo) => (format!("undone in {took}"), Paint::Busy),
        };
        let width = self.width;
        format!("{} {who:width$}  {}  {}", clock(ended), step.name, paint.apply(&text, self.colours))
    }

    /// `who` needs no more attention; `text` says how it ended.
    pub fn ended(&mut self, who: &str, text: &str, paint: Paint) {
        self.widen(who);
        if let Mode::Bars { spinners, .. } = &mut self.mode
            && let Some(spinner) = spinners.remove(who)
        {
            spinner.finish_and_clear();
        }
        let time = clock(crate::output::human::now());
        self.tell(&time, who, &paint.apply(text, self.colours));
    }

    /// A line about `who` that stays, in columns with those of others.
    pub fn tell(&self, time: &str, who: &str, text: &str) {
        let width = self.width;
        self.say(&format!("{time} {who:width$}  {text}"));
    }

    /// A bar over everything: `done` of `all`, and what is going on.
    pub fn total(&mut self, done: u64, all: u64, text: &str) {
        if let Mode::Bars { multi, total, .. } = &mut self.mode {
            let bar = total.get_or_insert_with(|| {
                let bar = multi.insert(0, ProgressBar::new(all));
                bar.set_style(style("{bar:30} {elapsed:>4}  {pos}/{len}  {wide_msg}").progress_chars("━━─"));
                // Otherwise its time would stand still while nothing else changes.
                bar.enable_steady_tick(TICK);
                bar
            });
            bar.set_length(all);
            bar.set_position(done);
            bar.set_message(text.to_owned());
        }
    }

    /// A bar over bytes, for what is sent or received.
    pub fn transfer(&mut self, what: &str, bytes: u64) -> ProgressBar {
        match &self.mode {
            Mode::Bars { multi, .. } => {
                let bar = multi.add(ProgressBar::new(bytes));
                bar.set_style(
                    style("{bar:30} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {wide_msg}")
                        .progress_chars("━━─"),
                );
                bar.set_message(what.to_owned());
                bar
            }
            Mode::Quiet | Mode::Lines => ProgressBar::hidden(),
        }
    }

    /// Takes everything that moves off the terminal.
    pub fn clear(&mut self) {
        if let Mode::Bars { multi, total, spinners } = &mut self.mode {
            spinners.drain().for_each(|(_, spinner)| spinner.finish_and_clear());
            if let Some(bar) = total.take() {
                bar.finish_and_clear();
            }
            // As above: only a terminal that is gone refuses.
            drop(multi.clear());
        }
    }
}

/// The beginning of an error; the whole of it is told at the end of the work.
fn first_line(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    let short: String = printable(line).chars().take(200).collect();
    if short.len() < error.len() { format!("{short} ...") } else { short }
}

/// Spinners that the window has room for, so that the picture stays where it is.
fn room() -> usize {
    let rows = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(24, |size| usize::from(size.ws_row));
    rows.saturating_sub(OTHER_LINES).clamp(1, SPINNERS)
}

fn new_spinner(multi: &MultiProgress) -> ProgressBar {
    let spinner = multi.add(ProgressBar::new_spinner());
    spinner.set_style(style("{spinner} {elapsed:>4}  {wide_msg}"));
    spinner.enable_steady_tick(TICK);
    spinner
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates in this file are valid")
}
