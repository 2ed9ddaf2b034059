//! Loops that bring about what was accepted. Each is woken by a change or a timer, reads what is to be done from the
//! store, and may be killed at any point: what it did is found again by its id.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::Plane;

mod attention;
mod begin;
mod conclude;
mod deployments;
mod drive;
mod hosts;
mod installations;
mod mailbox;
mod mails;
mod pruning;
mod servers;
mod turn;
mod usage;
mod webhooks;

/// The running loops; they end when this is dropped.
pub struct Running(Vec<JoinHandle<()>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Starts every loop.
pub fn start(plane: &Arc<Plane>) -> Running {
    let mut loops: Vec<JoinHandle<()>> =
        plane.servers.iter().map(|handle| tokio::spawn(servers::run(plane.clone(), handle.clone()))).collect();
    loops.push(tokio::spawn(installations::run(plane.clone())));
    loops.push(tokio::spawn(deployments::run(plane.clone())));
    loops.push(tokio::spawn(hosts::run(plane.clone())));
    loops.push(tokio::spawn(mails::run(plane.clone())));
    loops.push(tokio::spawn(mailbox::run(plane.clone())));
    loops.push(tokio::spawn(webhooks::run(plane.clone())));
    loops.push(tokio::spawn(pruning::run(plane.clone())));
    loops.push(tokio::spawn(usage::run(plane.clone())));
    loops.push(tokio::spawn(attention::run(plane.clone())));
    Running(loops)
}

/// What has a task at work on it, so that none gets two. The tasks end with the set.
pub struct AtWork<K> {
    busy: Arc<Mutex<HashSet<K>>>,
    tasks: tokio::task::JoinSet<()>,
}

impl<K: Copy + Eq + Hash + Send + 'static> AtWork<K> {
    fn new() -> Self {
        Self { busy: Arc::default(), tasks: tokio::task::JoinSet::new() }
    }

    /// Starts a task for `key` unless it has one.
    fn ensure(&mut self, key: K, task: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        if !self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            return;
        }
        let ended = Ended { busy: self.busy.clone(), key };
        self.tasks.spawn(async move {
            task.await;
            drop(ended);
        });
    }
}

/// Takes a key out of the set also when its task panics.
struct Ended<K: Copy + Eq + Hash> {
    busy: Arc<Mutex<HashSet<K>>>,
    key: K,
}

impl<K: Copy + Eq + Hash> Drop for Ended<K> {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Growing pauses between attempts.
pub struct Pause(Duration);

impl Pause {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(5);

    fn new() -> Self {
        Self(Self::FIRST)
    }

    /// Waits, next time longer.
    async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(Self::LONGEST);
    }
}
