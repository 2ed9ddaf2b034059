//! How requests wait: while their installation is held, and while its application does not accept connections.
//!
//! A switch of version costs those who come meanwhile time, never an error, as long as it ends within the limits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nimbus_api::edge::RouteMode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::limits::Limits;
use crate::pages::Refusal;
use crate::route::{Live, Pass, Site};

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// One request's patience. Its clocks start at its first wait of each kind and are never set back, so that even a
/// route that flaps ends its wait.
pub(crate) struct Wait<'a> {
    limits: &'a Limits,
    site: &'a Arc<Site>,
    held_until: Option<Instant>,
    down_until: Option<Instant>,
    pause: Duration,
    ticket: Option<Ticket>,
    probe: Option<OwnedSemaphorePermit>,
}

impl<'a> Wait<'a> {
    /// For a request of `site`.
    pub fn new(site: &'a Arc<Site>, limits: &'a Limits) -> Self {
        let (held_until, down_until, ticket, probe) = (None, None, None, None);
        Self { limits, site, held_until, down_until, pause: FIRST_PAUSE, ticket, probe }
    }

    /// Passes as soon as the route serves. Those who wait are let through in the order in which they came.
    pub async fn enter(&mut self) -> Result<Pass, Refusal> {
        if let Ok(pass) = self.site.try_enter() {
            return Ok(pass);
        }
        self.probe = None;
        loop {
            let mut change = std::pin::pin!(self.site.changed.notified());
            change.as_mut().enable();
            let live = match self.site.try_enter() {
                Ok(pass) => return Ok(pass),
                Err(live) => live,
            };
            if live.gone {
                return Err(Refusal::Unknown);
            }
            match live.route.mode {
                RouteMode::Stopped => return Err(Refusal::Stopped),
                RouteMode::Failed => return Err(Refusal::Failed),
                RouteMode::Serve | RouteMode::Hold { .. } => {}
            }
            self.take_ticket()?;
            let until = *self.held_until.get_or_insert_with(|| Instant::now() + self.limits.hold);
            timeout_at(until, change).await.map_err(|_| Refusal::HeldTooLong)?;
        }
    }

    /// After `live`'s application did not take a connection: waits a moment, or until the route changes. Only a few
    /// of those who wait come back at a time.
    pub async fn pause(&mut self, live: &Arc<Live>) -> Result<(), Refusal> {
        self.take_ticket()?;
        let until = *self.down_until.get_or_insert_with(|| Instant::now() + self.limits.restart);
        if Instant::now() >= until {
            return Err(Refusal::Down);
        }
        let turn = async {
            if self.probe.is_none() {
                self.probe = self.site.probes.clone().acquire_owned().await.ok();
            }
            sleep(self.pause).await;
        };
        tokio::select! {
            turn = timeout_at(until, turn) => turn.map_err(|_| Refusal::Down)?,
            () = self.site.until(|now| !Arc::ptr_eq(now, live)) => {}
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    /// The application took the connection: the next of those who wait may try.
    pub fn reached(&mut self) {
        self.ticket = None;
        self.probe = None;
    }

    fn take_ticket(&mut self) -> Result<(), Refusal> {
        if self.ticket.is_none() {
            self.ticket = Some(Ticket::take(self.site, self.limits.held_max)?);
        }
        Ok(())
    }
}

/// A place among those who wait; given back when dropped.
struct Ticket(Arc<Site>);

impl Ticket {
    fn take(site: &Arc<Site>, max: usize) -> Result<Self, Refusal> {
        let ticket = Self(site.clone());
        let before = site.held.fetch_add(1, Ordering::Relaxed);
        if before < max { Ok(ticket) } else { Err(Refusal::TooManyHeld) }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits until no request is in flight or `live`'s drain time is over, and returns how many are left; nothing when
/// another route has taken its place meanwhile.
pub(crate) async fn drained(site: &Site, live: &Arc<Live>) -> Option<u32> {
    let RouteMode::Hold { drain_ms } = live.route.mode else { return Some(0) };
    let empty = async {
        loop {
            let mut drained = std::pin::pin!(site.drained.notified());
            drained.as_mut().enable();
            if site.in_flight() == 0 {
                return;
            }
            drained.await;
        }
    };
    tokio::select! {
        biased;
        _ = timeout(Duration::from_millis(drain_ms), empty) => {}
        () = site.until(|now| !Arc::ptr_eq(now, live)) => {}
    }
    Arc::ptr_eq(&site.live(), live).then(|| site.in_flight())
}
