//! Streams that go on: live pages, a deployment's progress, the audit.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{DeploymentId, InstallationId};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::places::{Place, Places};
use super::{line, view};
use crate::Plane;
use crate::access::Reach;
use crate::problem::Refusal;
use crate::store::events::{self, Filter, Part};
use crate::wire::{Deployment, DeploymentEvent, DeploymentStep, Event};

/// Least time between two looks, however much happens.
const REST: Duration = Duration::from_millis(50);

/// So many times as long as a look took is rested after it, so that who watches something large costs a fifth of a core.
const REST_PER_LOOK: u32 = 4;

/// Longest time between two looks, however little happens.
const TIMER: Duration = Duration::from_secs(10);

/// Waits after a look that took so long.
async fn next_look(changes: &mut watch::Receiver<u64>, took: Duration) {
    tokio::time::sleep((took * REST_PER_LOOK).clamp(REST, TIMER)).await;
    // The sender is part of the control plane, which the stream keeps alive.
    let _ = tokio::time::timeout(TIMER, changes.changed()).await;
}

/// The longest that a live page goes on by itself: then its browser asks again, and whoever may not see it any more does
/// not.
pub const LIVE: Duration = Duration::from_secs(300);

/// Something for each moment at which something may have changed, the first at once.
pub fn changes(plane: Arc<Plane>) -> impl Stream<Item = ()> + Send {
    let changes = plane.progress.watch();
    let until = Instant::now() + LIVE;
    unfold((changes, None, plane), move |(mut changes, looked_at, plane)| async move {
        if Instant::now() > until {
            return None;
        }
        if let Some(looked_at) = looked_at {
            next_look(&mut changes, Instant::now() - looked_at).await;
        }
        Some(((), (changes, Some(Instant::now()), plane)))
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
    /// How long the last look took.
    took: Option<Duration>,
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
        took: None,
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
            if let Some(took) = told.took {
                next_look(&mut told.changes, took).await;
            }
            let began = Instant::now();
            let looked = told.look().await;
            told.took = Some(began.elapsed());
            if let Err(error) = looked {
                told.ended = true;
                return Some((Err(error), told));
            }
        }
    })
}

/// Streams of events of one person or token, and of everybody, at the same time.
const STREAMS_OF_ONE: u32 = 20;
const STREAMS: u32 = 400;

/// Most events that are told at once.
const BATCH: u64 = 200;

/// The streams of events that there may be.
pub fn places() -> Arc<Places> {
    Places::new(STREAMS_OF_ONE, STREAMS)
}

/// Somebody who follows the audit.
pub struct Follower {
    plane: Arc<Plane>,
    reach: Reach,
    filter: Filter,
    /// The last event that they have, or need not have.
    after: u64,
    /// Up to where there is nothing more for them.
    looked: u64,
    changes: watch::Receiver<u64>,
    /// When they were told something last; absent before the first time.
    told_at: Option<Instant>,
    _place: Place,
}

impl Follower {
    /// Of what comes after an event, within reach.
    pub fn new(plane: Arc<Plane>, reach: Reach, filter: Filter, after: u64, place: Place) -> Self {
        let changes = plane.progress.watch();
        Self { plane, reach, filter, after, looked: after, changes, told_at: None, _place: place }
    }

    /// Events as `text/event-stream` for as long as `still` says that they may have them; each has its sequence as id. Where
    /// the stream is, is told at once and whenever there was no event for a while, so that whoever is cut off goes on there.
    pub fn events<F: Future<Output = bool> + Send>(
        self,
        still: impl Fn() -> F + Send + Sync,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send {
        unfold((self, still), |(mut follower, still)| async move {
            let told = follower.next(&still).await.transpose()?;
            Some((told, (follower, still)))
        })
    }

    async fn next<F: Future<Output = bool>>(&mut self, still: &impl Fn() -> F) -> io::Result<Option<Bytes>> {
        let Some(told_at) = self.told_at else { return Ok(Some(self.here())) };
        loop {
            self.changes.mark_unchanged();
            let began = Instant::now();
            // What is recorded while this looks has a later number.
            let last = events::last(self.plane.store.read()).await.map_err(io::Error::other)?;
            let silent = told_at.elapsed() >= TIMER;
            if last > self.looked || silent {
                let part = Part::After(self.after);
                let found = events::list(self.plane.store.read(), &self.reach, &self.filter, part, BATCH).await;
                let found = found.map_err(io::Error::other)?;
                // Whoever may have them now was to have them when they happened.
                if (silent || !found.is_empty()) && !still().await {
                    return Ok(None);
                }
                if let Some(event) = found.last() {
                    self.after = event.sequence;
                    self.told_at = Some(Instant::now());
                    return found
                        .iter()
                        .map(block)
                        .collect::<io::Result<Vec<_>>>()
                        .map(|all| Some(all.concat().into()));
                }
                self.looked = last;
                if silent {
                    self.after = self.after.max(last);
                    return Ok(Some(self.here()));
                }
            }
            next_look(&mut self.changes, began.elapsed()).await;
        }
    }

    /// A comment that keeps the connection, and from where to go on.
    fn here(&mut self) -> Bytes {
        self.told_at = Some(Instant::now());
        format!(": here\nid: {}\n\n", self.after).into()
    }
}

fn block(event: &Event) -> io::Result<String> {
    Ok(format!("id: {}\ndata: {}\n\n", event.sequence, serde_json::to_string(event)?))
}
