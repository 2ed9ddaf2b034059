//! When to start again, when to kill and when to give up. Pure: the clock is an argument.
//!
//! Like Monit's "five restarts, then leave it alone": the first restart is immediate, the next four wait a little
//! longer each, the sixth death in a row is the last. A row ends when the program was healthy for 30 seconds in one
//! go, so that one that dies now and then is brought back for ever.
//!
//! On trial, the first death is the last: whoever deploys it puts back what was there before.

use std::time::Duration;

use crate::protocol::Phase;

/// How long to wait before each restart of a row. All five fit into ten seconds.
pub(crate) const DELAYS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
];
/// Healthy for this long without a break, it starts with a clean record.
pub(crate) const STEADY: Duration = Duration::from_secs(30);
/// Failing checks in a row after which it is killed.
pub(crate) const PATIENCE: u32 = 3;

/// What the rules know. Times are durations since any fixed instant.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Until when it must have been healthy; without a health check it is healthy as soon as it runs.
    start_timeout: Option<Duration>,
    on_trial: bool,
    state: State,
    /// Deaths in a row.
    row: u32,
    restarts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Starting {
        since: Duration,
    },
    Healthy {
        since: Duration,
    },
    Unhealthy {
        failures: u32,
    },
    /// Killed for `phase`, its death not yet seen.
    Dying {
        phase: Phase,
    },
    Waiting {
        until: Duration,
    },
    Failed,
    Stopped,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Start the program.
    Start,
    /// Kill it: it was not healthy in time. Said once.
    Kill,
}

/// What follows a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It is started again after this time.
    Restart(Duration),
    /// It died too often in a row.
    GiveUp,
    /// It died on trial.
    Reject,
    /// Somebody wanted it to end.
    Nothing,
}

impl Policy {
    pub(crate) fn new(start_timeout: Option<Duration>, on_trial: bool) -> Self {
        Self { start_timeout, on_trial, state: State::New, row: 0, restarts: 0 }
    }

    /// Its trial is over; whether it was on one. Changes nothing for one that has failed.
    pub(crate) fn accept(&mut self) -> bool {
        self.state != State::Failed && std::mem::take(&mut self.on_trial)
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::New | State::Starting { .. } => Phase::Starting,
            State::Healthy { .. } => Phase::Healthy,
            State::Unhealthy { .. } => Phase::Unhealthy,
            State::Dying { phase } => phase,
            State::Waiting { .. } => Phase::Restarting,
            State::Failed => Phase::Failed,
            State::Stopped => Phase::Stopped,
        }
    }

    /// Times it was started again.
    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// When [`Policy::due`] will have something to say.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::New => Some(Duration::ZERO),
            State::Starting { since } => self.start_timeout.map(|timeout| since.saturating_add(timeout)),
            State::Waiting { until } => Some(until),
            _ => None,
        }
    }

    /// What is to be done at `now`.
    pub(crate) fn due(&mut self, now: Duration) -> Option<Due> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        if let State::Starting { .. } = self.state {
            self.state = State::Dying { phase: Phase::Starting };
            return Some(Due::Kill);
        }
        Some(Due::Start)
    }

    /// The program is about to be started.
    pub(crate) fn starting(&mut self, now: Duration) {
        if let State::Waiting { .. } = self.state {
            self.restarts += 1;
        }
        self.state = State::Starting { since: now };
    }

    /// The program runs.
    pub(crate) fn started(&mut self, now: Duration) {
        self.state = match self.start_timeout {
            Some(_) => State::Starting { since: now },
            None => State::Healthy { since: now },
        };
    }

    /// A health check passed.
    pub(crate) fn passed(&mut self, now: Duration) {
        if let State::Starting { .. } | State::Unhealthy { .. } = self.state {
            self.state = State::Healthy { since: now };
        }
    }

    /// A health check failed; whether the program is to be killed for it. Said once.
    pub(crate) fn failed(&mut self, now: Duration) -> bool {
        let failures = match self.state {
            State::Healthy { since } => {
                self.forgive(since, now);
                1
            }
            State::Unhealthy { failures } => failures + 1,
            _ => return false,
        };
        if failures >= PATIENCE {
            self.state = State::Dying { phase: Phase::Unhealthy };
            return true;
        }
        self.state = State::Unhealthy { failures };
        false
    }

    /// The program died, or could not be started.
    pub(crate) fn died(&mut self, now: Duration) -> After {
        match self.state {
            State::Stopped => return After::Nothing,
            State::Healthy { since } => self.forgive(since, now),
            _ => {}
        }
        if self.on_trial {
            self.state = State::Failed;
            return After::Reject;
        }
        match DELAYS.get(self.row as usize) {
            Some(delay) => {
                self.row += 1;
                self.state = State::Waiting { until: now.saturating_add(*delay) };
                After::Restart(*delay)
            }
            None => self.give_up(),
        }
    }

    /// Starting it again would change nothing.
    pub(crate) fn give_up(&mut self) -> After {
        self.state = State::Failed;
        After::GiveUp
    }

    /// Somebody wants it to end: nothing is due any more.
    pub(crate) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    fn forgive(&mut self, healthy_since: Duration, now: Duration) {
        if now.saturating_sub(healthy_since) >= STEADY {
            self.row = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// A program under the rules, with a clock that only moves when told.
    struct Play {
        policy: Policy,
        now: Duration,
    }

    impl Play {
        fn new(start_timeout: Option<Duration>) -> Self {
            Self { policy: Policy::new(start_timeout, false), now: ms(5000) }
        }

        fn on_trial() -> Self {
            Self { policy: Policy::new(Some(ms(1000)), true), now: ms(5000) }
        }

        fn wait(&mut self, time: Duration) {
            self.now += time;
        }

        /// Waits until a start is due and starts; how long that took.
        fn start(&mut self) -> Duration {
            let before = self.now;
            self.now = self.now.max(self.policy.deadline().expect("a start is due some time"));
            assert_eq!(self.policy.due(self.now), Some(Due::Start));
            self.policy.starting(self.now);
            self.policy.started(self.now);
            self.now - before
        }

        fn healthy_for(&mut self, time: Duration) {
            self.policy.passed(self.now);
            assert_eq!(self.policy.phase(), Phase::Healthy);
            self.wait(time);
        }

        fn die(&mut self) -> After {
            self.policy.died(self.now)
        }
    }

    #[test]
    fn the_first_start_is_due_at_once_and_is_no_restart() {
        let mut play = Play::new(Some(ms(1000)));
        assert_eq!(play.policy.phase(), Phase::Starting);
        assert_eq!(play.start(), Duration::ZERO);
        assert_eq!(play.policy.restarts(), 0);
        assert_eq!(play.policy.phase(), Phase::Starting);
    }

    #[test]
    fn without_a_check_it_is_healthy_as_soon_as_it_runs() {
        let mut play = Play::new(None);
        play.start();
        assert_eq!(play.policy.phase(), Phase::Healthy);
        assert_eq!(play.policy.deadline(), None);
    }

    #[test]
    fn exactly_five_restarts_with_growing_delays_within_ten_seconds_then_failed() {
        for healthy_between in [false, true] {
            let mut play = Play::new(Some(ms(60_000)));
            play.start();
            let mut waited = Vec::new();
            for delay in DELAYS {
                if healthy_between {
                    play.healthy_for(ms(100));
                }
                assert_eq!(play.die(), After::Restart(delay));
                assert_eq!(play.policy.phase(), Phase::Restarting);
                waited.push(play.start());
            }
            assert_eq!(waited, DELAYS);
            assert!(waited.iter().sum::<Duration>() < Duration::from_secs(10));
            assert!(waited.is_sorted());
            assert_eq!(play.policy.restarts(), 5);
            assert_eq!(play.die(), After::GiveUp);
            assert_eq!(play.policy.phase(), Phase::Failed);
            assert_eq!(play.policy.restarts(), 5);
            assert_eq!((play.policy.deadline(), play.policy.due(play.now + STEADY * 100)), (None, None));
        }
    }

    #[test]
    fn a_start_is_not_due_before_its_delay_is_over() {
        let mut play = Play::new(None);
        play.start();
        play.die();
        play.start();
        assert_eq!(play.die(), After::Restart(ms(200)));
        play.wait(ms(199));
        assert_eq!(play.policy.due(play.now), None);
        play.wait(ms(1));
        assert_eq!(play.policy.due(play.now), Some(Due::Start));
    }

    #[test]
    fn healthy_for_thirty_seconds_in_one_go_breaks_the_row() {
        let mut play = Play::new(Some(ms(1000)));
        play.start();
        for _ in 0..5 {
            play.die();
            play.start();
        }
        play.healthy_for(STEADY);
        assert_eq!(play.die(), After::Restart(Duration::ZERO));
    }

    #[test]
    fn a_moment_less_does_not() {
        let mut play = Play::new(Some(ms(1000)));
        play.start();
        for _ in 0..5 {
            play.die();
            play.start();
        }
        play.healthy_for(STEADY - ms(1));
        assert_eq!(play.die(), After::GiveUp);
    }

    #[test]
    fn thirty_seconds_with_a_failing_check_between_are_not_one_go() {
        let mut play = Play::new(Some(ms(1000)));
        play.start();
        for _ in 0..5 {
            play.die();
            play.start();
        }
        play.healthy_for(ms(20_000));
        assert!(!play.policy.failed(play.now));
        assert_eq!(play.policy.phase(), Phase::Unhealthy);
        play.healthy_for(ms(20_000));
        assert_eq!(play.die(), After::GiveUp);
    }

    #[test]
    fn a_long_healthy_time_counts_even_if_it_was_unhealthy_at_the_end() {
        let mut play = Play::new(Some(ms(1000)));
        play.start();
        for _ in 0..5 {
            play.die();
            play.start();
        }
        play.healthy_for(STEADY);
        play.policy.failed(play.now);
        assert_eq!(play.die(), After::Restart(Duration::ZERO));
    }

    #[test]
    fn one_that_dies_every_third_cycle_is_restarted_for_ever() {
        // Cycles of a 10 s check interval; dying in the third after each start, healthy for the 30 s before.
        let mut play = Play::new(Some(ms(5000)));
        play.start();
        for _ in 0..10_000 {
            for _ in 0..3 {
                play.healthy_for(ms(10_000));
            }
            assert_eq!(play.die(), After::Restart(Duration::ZERO));
            play.start();
        }
        assert_eq!(play.policy.restarts(), 10_000);
    }

    #[test]
    fn bad_rows_between_good_times_do_not_add_up() {
        let mut play = Play::new(Some(ms(5000)));
        play.start();
        for _ in 0..1000 {
            for delay in DELAYS {
                assert_eq!(play.die(), After::Restart(delay));
                play.start();
            }
            play.healthy_for(STEADY);
        }
        assert_eq!(play.policy.restarts(), 5000);
    }

    #[test]
    fn never_healthy_in_time_is_killed_once_and_counts_as_a_death() {
        let mut play = Play::new(Some(ms(1000)));
        play.start();
        for round in 0..6 {
            assert!(!play.policy.failed(play.now), "a failing check while starting kills nobody");
            play.wait(ms(999));
            assert_eq!(play.policy.due(play.now), None);
            play.wait(ms(1));
            assert_eq!(play.policy.due(play.now), Some(Due::Kill));
            assert_eq!(play.policy.due(play.now), None);
            play.policy.passed(play.now);
            assert_eq!(play.policy.phase(), Phase::Starting, "too late: its death is under way");
            let after = play.die();
            assert_eq!(after == After::GiveUp, round == 5);
            if round < 5 {
                play.start();
            }
        }
    }

    #[test]
    fn three_failing_checks_in_a_row_kill_it_once() {
        let mut play = Play::new(Some(ms(1000)));
        play.start();
        play.healthy_for(ms(10));
        for _ in 0..100 {
            assert!(!play.policy.failed(play.now));
            assert_eq!(play.policy.phase(), Phase::Unhealthy);
            assert!(!play.policy.failed(play.now));
            play.healthy_for(ms(10));
        }
        let kills: Vec<bool> = (0..5).map(|_| play.policy.failed(play.now)).collect();
        assert_eq!(kills, [false, false, true, false, false]);
        assert_eq!(play.policy.phase(), Phase::Unhealthy);
        assert_eq!(play.die(), After::Restart(Duration::ZERO));
    }

    #[test]
    fn a_program_that_cannot_start_is_given_up_after_five_more_attempts() {
        let mut play = Play::new(None);
        let mut attempts = 0;
        loop {
            play.now = play.now.max(play.policy.deadline().unwrap());
            assert_eq!(play.policy.due(play.now), Some(Due::Start));
            play.policy.starting(play.now);
            attempts += 1;
            if play.die() == After::GiveUp {
                break;
            }
        }
        assert_eq!((attempts, play.policy.restarts()), (6, 5));
    }

    #[test]
    fn on_trial_the_first_death_is_the_last() {
        for reach in [|_: &mut Play| {}, |p: &mut Play| p.healthy_for(STEADY)] {
            let mut play = Play::on_trial();
            play.start();
            reach(&mut play);
            assert_eq!(play.die(), After::Reject);
            assert!(!play.policy.accept(), "too late");
            assert_eq!((play.policy.phase(), play.policy.restarts()), (Phase::Failed, 0));
            assert_eq!((play.policy.deadline(), play.policy.due(play.now + STEADY)), (None, None));
        }
    }

    #[test]
    fn what_was_accepted_is_restarted_as_always() {
        let mut play = Play::on_trial();
        play.start();
        play.healthy_for(ms(10));
        assert!(play.policy.accept() && !play.policy.accept());
        for delay in DELAYS {
            assert_eq!(play.die(), After::Restart(delay));
            play.start();
        }
        assert_eq!(play.die(), After::GiveUp);
    }

    #[test]
    fn after_a_stop_nothing_is_due_in_any_state() {
        let states: [fn(&mut Play); 6] = [
            |_| {},
            |p| {
                p.start();
            },
            |p| {
                p.start();
                p.healthy_for(ms(1));
            },
            |p| {
                p.start();
                p.healthy_for(ms(1));
                p.policy.failed(p.now);
            },
            |p| {
                p.start();
                p.die();
            },
            |p| {
                p.policy.give_up();
            },
        ];
        for reach in states {
            let mut play = Play::new(Some(ms(1000)));
            reach(&mut play);
            play.policy.stop();
            play.wait(STEADY);
            assert_eq!(play.policy.phase(), Phase::Stopped);
            assert_eq!((play.policy.deadline(), play.policy.due(play.now)), (None, None));
            assert_eq!(play.die(), After::Nothing);
            play.policy.passed(play.now);
            assert!(!play.policy.failed(play.now));
            assert_eq!(play.policy.phase(), Phase::Stopped);
        }
    }
}
