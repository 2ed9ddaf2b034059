//! States and their legal transitions. Nobody sets a state by hand: every change goes through `advance`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A change of state that the rules do not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot go from {from} to {to}")]
pub struct IllegalTransition {
    /// What has the state.
    pub what: &'static str,
    /// The present state.
    pub from: String,
    /// The state that was asked for.
    pub to: String,
}

macro_rules! states {
    ($(#[$doc:meta])* $name:ident ($what:literal) { $($(#[$vdoc:meta])* $state:ident = $text:literal => [$($next:ident),*]),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $state),+ }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$state),+];

            /// The states that may follow.
            pub fn next(self) -> &'static [Self] {
                match self { $(Self::$state => &[$(Self::$next),*]),+ }
            }

            /// Whether nothing can follow.
            pub fn is_final(self) -> bool {
                self.next().is_empty()
            }

            /// The state after a change to `to`, if that change is legal. Staying is always legal.
            pub fn advance(self, to: Self) -> Result<Self, IllegalTransition> {
                if self == to || self.next().contains(&to) {
                    return Ok(to);
                }
                Err(IllegalTransition { what: $what, from: self.to_string(), to: to.to_string() })
            }

            /// The state as people and the store read it: words joined by hyphens.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$state => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownState;
            fn from_str(text: &str) -> Result<Self, UnknownState> {
                Self::ALL.iter().copied().find(|s| s.as_str() == text).ok_or_else(|| UnknownState(text.to_owned()))
            }
        }
    };
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no state \"{0}\"")]
pub struct UnknownState(String);

states! {
    /// What an installation is for its owner, as the control plane records it. What its processes do at this
    /// moment (starting, crashing, healthy) is the keeper's to tell.
    InstallationState("an installation") {
        /// Its first start is under way.
        Installing = "installing" => [Running, Failed, Removing],
        /// It is meant to serve.
        Running = "running" => [Stopped, Removing],
        /// Somebody stopped it.
        Stopped = "stopped" => [Running, Removing],
        /// Its installation failed and was undone; only its record is left.
        Failed = "failed" => [Removing],
        /// It is being removed.
        Removing = "removing" => [Removed, Running, Stopped, Failed],
        /// Gone, kept for the record.
        Removed = "removed" => [],
    }
}

states! {
    /// A deployment, from its request to its end.
    DeploymentState("a deployment") {
        /// The first installations are being switched, the others wait for them.
        Canary = "canary" => [Wave, Stopping, Finished, Failed, Stopped],
        /// All the others, in parallel.
        Wave = "wave" => [Stopping, Finished, Failed, Stopped],
        /// Nothing new is begun; what is under way ends.
        Stopping = "stopping" => [Stopped, Failed],
        /// Every installation has the version.
        Finished = "finished" => [],
        /// An installation did not become healthy and was put back; the others were not touched.
        Failed = "failed" => [],
        /// Somebody stopped it.
        Stopped = "stopped" => [],
    }
}

states! {
    /// One installation's part in a deployment.
    DeploymentStepState("an installation's part of a deployment") {
        /// Not begun.
        Waiting = "waiting" => [Running, Skipped],
        /// Its server is at work on it.
        Running = "running" => [Finished, Undone, Stuck],
        /// It has the version and is healthy.
        Finished = "finished" => [],
        /// It has its former code and data back.
        Undone = "undone" => [],
        /// Neither: a person must look. Trying again is legal.
        Stuck = "stuck" => [Running, Finished, Undone],
        /// The deployment ended before its turn.
        Skipped = "skipped" => [],
    }
}

states! {
    /// A journaled operation on a server.
    OperationState("an operation") {
        /// Its steps are being done, or undone after a failure.
        Running = "running" => [Finished, Undone, Stuck],
        /// Every step is done.
        Finished = "finished" => [],
        /// A step failed and all are undone: the server is as it was.
        Undone = "undone" => [],
        /// An undo failed; it is tried again at every start of Nimbus and when a person asks.
        Stuck = "stuck" => [Running, Finished, Undone],
    }
}

states! {
    /// A customer's question.
    TicketState("a ticket") {
        /// The publisher has to do something.
        Open = "open" => [Waiting, Solved, Closed],
        /// The customer was asked something.
        Waiting = "waiting" => [Open, Solved, Closed],
        /// The publisher thinks that it is answered; the customer's next word opens it again.
        Solved = "solved" => [Open, Waiting, Closed],
        /// It is over. Only its publisher opens it again.
        Closed = "closed" => [Open],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_own_name() {
        for state in InstallationState::ALL {
            assert_eq!(state.to_string().parse(), Ok(*state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for state in DeploymentState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for state in DeploymentStepState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn a_final_state_is_never_left() {
        assert!(DeploymentState::Finished.advance(DeploymentState::Wave).is_err());
        assert!(InstallationState::Removed.is_final());
        let error = InstallationState::Removed.advance(InstallationState::Running).unwrap_err();
        assert_eq!(error.to_string(), "an installation cannot go from removed to running");
    }
}
