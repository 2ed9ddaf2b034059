//! Streams that go on: a deployment's progress, the audit.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{DeploymentId, InstallationId};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;

use super::{line, view};
use crate::Plane;
use crate::access::Reach;
use crate::problem::Refusal;
use crate::store::events::{self, Filter, Part};
use crate::wire::{Deployment, DeploymentEvent, DeploymentStep};

/// Least time between two looks, however much happens.
const REST: Duration = Duration::from_millis(50);

/// Longest time between two looks, however little happens.
const TIMER: Duration = Duration::from_secs(10);

async fn next_look(changes: &mut watch::Receiver<u64>) {
    tokio::time::sleep(REST).await;
    // The sender is part of the control plane, which the stream keeps alive.
    let _ = tokio::time::timeout(TIMER, changes.changed()).await;
}

/// The longest that a live page goes on by itself: then its browser asks again, and whoever may not see it any more does
/// not.
pub const LIVE: Duration = Duration::from_secs(300);

/// Something for each moment at which something may have changed, the first at once.
pub fn changes(plane: Arc<Plane>) -> impl Stream<Item = ()> + Send {
    let changes = plane.progress.watch();
    let until = tokio::time::Instant::now() + LIVE;
    unfold((changes, false, plane), move |(mut changes, looked, plane)| async move {
        if tokio::time::Instant::now() > until {
            return None;
        }
        if looked {
            next_look(&mut changes).await;
        }
        Some(((), (changes, true, plane)))
    })
}

/// The fragments that differ from the one before, up to the one that is the last; one that cannot be made is the end.
pub fn until_ended(
    fragments: impl Stream<Item = Result<(String, bool), String>> + Send,
) -> impl Stream<Item = String> + Send {
    let told = (String::new(), false);
    fragments
        .scan(told, |(told, ended), fragment| {
            let next = match fragment {
                _ if *ended => None,
                Err(why) => {
                    tracing::warn!(%why, "a live page ended");
                    None
                }
                Ok((html, last)) => {
                    *ended = last;
                    let news = html != *told || last;
                    told.clone_from(&html);
                    Some(news.then_some(html))
                }
            };
            std::future::ready(next)
        })
        .filter_map(std::future::ready)
}

/// What a follower of a deployment has been told.
struct Told {
    plane: Arc<Plane>,
    id: DeploymentId,
    changes: watch::Receiver<u64>,
    deployment: Option<Deployment>,
    steps: HashMap<InstallationId, DeploymentStep>,
    lines: VecDeque<Bytes>,
    looked: bool,
    ended: bool,
}

impl Told {
    /// Looks, and keeps a line for everything that is new.
    async fn look(&mut self) -> io::Result<()> {
        let failed = |refusal: Refusal| io::Error::other(refusal.detail);
        let mut whole = view::whole_deployment(&self.plane, self.id).await.map_err(failed)?;
        for step in whole.installations.take().unwrap_or_default() {
            if self.steps.get(&step.installation) != Some(&step) {
                self.lines.push_back(line(&DeploymentEvent::Installation { step: step.clone() })?);
                self.steps.insert(step.installation, step);
            }
        }
        self.ended = whole.state.is_final();
        if self.deployment.as_ref() != Some(&whole) {
            let event = line(&DeploymentEvent::Deployment { deployment: whole.clone() })?;
            // First everything as it is, from the top; later the parts and what they add up to. The end comes last.
            if self.deployment.is_none() && !self.ended {
                self.lines.push_front(event)
            } else {
                self.lines.push_back(event)
            }
            self.deployment = Some(whole);
        }
        Ok(())
    }
}

/// Lines of [`DeploymentEvent`] until the deployment has ended.
pub fn deployment(plane: Arc<Plane>, id: DeploymentId) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let told = Told {
        changes: plane.progress.watch(),
        plane,
        id,
        deployment: None,
        steps: HashMap::new(),
        lines: VecDeque::new(),
        looked: false,
        ended: false,
    };
    unfold(told, |mut told| async move {
        loop {
            if let Some(line) = told.lines.pop_front() {
                return Some((Ok(line), told));
            }
            if told.ended {
                return None;
            }
            if told.looked {
                next_look(&mut told.changes).await;
            }
            told.looked = true;
            if let Err(error) = told.look().await {
                told.ended = true;
                return Some((Err(error), told));
            }
        }
    })
}

/// Lines of [`crate::wire::Event`] without end.
pub fn audit(
    plane: Arc<Plane>,
    reach: Reach,
    filter: Filter,
    after: u64,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let changes = plane.progress.watch();
    unfold((plane, reach, filter, after, changes), |(plane, reach, filter, mut after, mut changes)| async move {
        loop {
            changes.mark_unchanged();
            let found = match events::list(plane.store.read(), &reach, &filter, Part::After(after), 200).await {
                Ok(found) => found,
                Err(error) => return Some((Err(io::Error::other(error)), (plane, reach, filter, after, changes))),
            };
            if let Some(last) = found.last() {
                after = last.sequence;
                let text: io::Result<Vec<Bytes>> = found.iter().map(line).collect();
                return Some((text.map(|lines| Bytes::from(lines.concat())), (plane, reach, filter, after, changes)));
            }
            next_look(&mut changes).await;
        }
    })
}
