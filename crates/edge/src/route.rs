//! From a host name to the installation that answers for it, and what holds for that installation at this moment.
//!
//! A [`Site`] lives as long as its installation has a route. Each change of the route gives it another [`Live`]; a
//! request keeps the one that it entered with. Changes come from one place only, the link to Nimbus.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use domain::InstallationId;
use nimbus_api::edge::{Route, RouteMode, ToEdge};
use tokio::sync::{Notify, Semaphore};

use crate::limits::Limits;
use crate::pool::Pool;
use crate::traffic::Traffic;

/// Requests of one installation that may try at one time to reach an application that did not accept a connection.
const PROBES: usize = 8;

/// A lock's content, also after a panic elsewhere: every critical section here leaves it whole.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One installation's route as it is in force.
pub(crate) struct Live {
    /// The route.
    pub route: Route,
    /// Whether the installation has left the table.
    pub gone: bool,
    /// Connections kept to its application; absent when it serves no HTTP.
    pub pool: Option<Arc<Pool>>,
}

impl Live {
    /// Whether connections to `address` have an application behind them that clients may reach.
    fn reaches(&self, address: Option<SocketAddr>) -> bool {
        !self.gone && !matches!(self.route.mode, RouteMode::Stopped | RouteMode::Failed) && address.is_some()
    }

    /// Whether this route still leads HTTP to `upstream`.
    pub fn leads_to(&self, upstream: SocketAddr) -> bool {
        self.reaches(self.route.upstream) && self.route.upstream == Some(upstream)
    }

    /// Where connections to the public port `listen` go.
    pub fn port(&self, listen: u16) -> Option<SocketAddr> {
        let address = self.route.tcp.iter().find(|tcp| tcp.listen == listen).map(|tcp| tcp.upstream);
        address.filter(|_| self.reaches(address))
    }
}

/// An installation at the edge.
pub(crate) struct Site {
    live: RwLock<Arc<Live>>,
    /// Told of every change of `live`, first come first served.
    pub changed: Notify,
    /// Told when the last request in flight ended.
    pub drained: Notify,
    in_flight: AtomicU32,
    /// Requests and connections that wait.
    pub held: AtomicUsize,
    /// What passed through.
    pub traffic: Traffic,
    /// Lets only a few of those who wait for a restarting application try again at a time.
    pub probes: Arc<Semaphore>,
}

impl Site {
    fn new(live: Live) -> Self {
        Self {
            live: RwLock::new(Arc::new(live)),
            changed: Notify::new(),
            drained: Notify::new(),
            in_flight: AtomicU32::new(0),
            held: AtomicUsize::new(0),
            traffic: Traffic::default(),
            probes: Arc::new(Semaphore::new(PROBES)),
        }
    }

    /// The control plane, which never changes its place.
    pub fn of_plane(address: SocketAddr, limits: &Limits) -> Arc<Self> {
        let route = Route {
            installation: InstallationId::new(),
            serial: 0,
            hosts: Vec::new(),
            mode: RouteMode::Serve,
            upstream: Some(address),
            // It has limits of its own.
            max_body: u64::MAX,
            tcp: Vec::new(),
        };
        fresh(route, limits).0
    }

    /// What is in force now.
    pub fn live(&self) -> Arc<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests passed on and not yet answered in full.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Lets a request pass if the route serves now; otherwise tells what is in force.
    ///
    /// It counts itself before it looks, and [`Site::put`] changes the route before it counts: so either the request
    /// sees the hold, or whoever holds sees the request.
    pub fn try_enter(self: &Arc<Self>) -> Result<Pass, Arc<Live>> {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let pass = Pass { site: self.clone(), live: self.live() };
        match pass.live.route.mode {
            RouteMode::Serve if !pass.live.gone => Ok(pass),
            _ => Err(pass.live.clone()),
        }
    }

    /// Waits until `enough` holds of what is in force.
    pub async fn until(&self, enough: impl Fn(&Arc<Live>) -> bool) {
        loop {
            let mut change = std::pin::pin!(self.changed.notified());
            change.as_mut().enable();
            if enough(&self.live()) {
                return;
            }
            change.await;
        }
    }

    /// Puts another route in force. Connections to an application are kept only while it stays the same and running.
    fn put(&self, route: Route, gone: bool, limits: &Limits) -> Arc<Live> {
        let old = self.live();
        let serves = |mode| mode == RouteMode::Serve;
        let same = !gone && old.route.upstream == route.upstream && serves(old.route.mode) && serves(route.mode);
        let pool = if same { old.pool.clone() } else { route.upstream.map(|to| Pool::new(to, limits)) };
        let live = Arc::new(Live { route, gone, pool });
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live.clone();
        if let (false, Some(pool)) = (same, &old.pool) {
            pool.close();
        }
        self.changed.notify_waiters();
        live
    }
}

/// A request in flight: counted until it is dropped.
pub(crate) struct Pass {
    /// Its installation.
    pub site: Arc<Site>,
    /// The route that it entered with.
    pub live: Arc<Live>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.site.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.site.drained.notify_waiters();
        }
    }
}

/// Every site, by installation and by host name.
#[derive(Default)]
pub(crate) struct Table {
    sites: HashMap<InstallationId, Arc<Site>>,
    hosts: HashMap<String, Arc<Site>>,
}

impl Table {
    /// Every site, in no order.
    pub fn sites(&self) -> impl Iterator<Item = (&InstallationId, &Arc<Site>)> {
        self.sites.iter()
    }

    fn new(sites: HashMap<InstallationId, Arc<Site>>) -> Self {
        let mut named: Vec<(String, InstallationId, Arc<Site>)> = Vec::with_capacity(sites.len());
        for (id, site) in &sites {
            named.extend(site.live().route.hosts.iter().map(|host| (host.clone(), *id, site.clone())));
        }
        named.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let mut hosts: HashMap<String, Arc<Site>> = HashMap::with_capacity(named.len());
        for (host, id, site) in named {
            if let Some(first) = hosts.get(&host) {
                let first = first.live().route.installation;
                tracing::error!(%host, %first, second = %id, "two installations claim one host name: the first has it");
            } else {
                hosts.insert(host, site);
            }
        }
        Self { sites, hosts }
    }
}

/// What the edge knows; read by every request, changed by the link to Nimbus.
pub(crate) struct Routes {
    table: RwLock<Arc<Table>>,
    changing: Mutex<()>,
    known: AtomicBool,
    /// Told of every change, for whoever writes the table down.
    pub dirty: Notify,
}

/// A route that is now in force and whose owner waits to hear so.
pub(crate) type Applied = (Arc<Site>, Arc<Live>);

impl Routes {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self { table: RwLock::default(), changing: Mutex::new(()), known: AtomicBool::new(false), dirty: Notify::new() }
    }

    /// The table as it is now.
    pub fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there ever was a table, from disk or from Nimbus.
    pub fn known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// The site that answers for a lower-case host name.
    pub fn find(&self, host: &str) -> Option<Arc<Site>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).hosts.get(host).cloned()
    }

    /// Does what Nimbus says, and returns the routes to confirm. A route with an older serial than the one in force is
    /// passed over; a table is the truth whatever its serials.
    pub fn apply(&self, message: ToEdge, limits: &Limits) -> Vec<Applied> {
        let _changing = locked(&self.changing);
        let table = self.table();
        let applied = match message {
            ToEdge::Table { routes } => self.replace(&table, routes, limits),
            ToEdge::Set { route } => self.set(&table, route, limits).into_iter().collect(),
            ToEdge::Drop { installation } => {
                if let Some(site) = table.sites.get(&installation) {
                    let mut sites = table.sites.clone();
                    sites.remove(&installation);
                    self.show(sites);
                    site.put(site.live().route.clone(), true, limits);
                }
                Vec::new()
            }
        };
        self.dirty.notify_one();
        applied
    }

    fn show(&self, sites: HashMap<InstallationId, Arc<Site>>) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Table::new(sites));
        self.known.store(true, Ordering::Relaxed);
    }

    fn replace(&self, table: &Table, routes: Vec<Route>, limits: &Limits) -> Vec<Applied> {
        let mut left = table.sites.clone();
        let mut sites = HashMap::with_capacity(routes.len());
        let mut applied = Vec::with_capacity(routes.len());
        for route in routes {
            let id = route.installation;
            let (site, live) = match left.remove(&id) {
                Some(site) => {
                    let live = site.live();
                    let live = if live.route == route { live } else { site.put(route, false, limits) };
                    (site, live)
                }
                None => fresh(route, limits),
            };
            applied.push((site.clone(), live));
            sites.insert(id, site);
        }
        self.show(sites);
        for site in left.values() {
            site.put(site.live().route.clone(), true, limits);
        }
        applied
    }

    fn set(&self, table: &Table, route: Route, limits: &Limits) -> Option<Applied> {
        let id = route.installation;
        let Some(site) = table.sites.get(&id) else {
            let (site, live) = fresh(route, limits);
            let mut sites = table.sites.clone();
            sites.insert(id, site.clone());
            self.show(sites);
            return Some((site, live));
        };
        let live = site.live();
        if route.serial < live.route.serial {
            tracing::debug!(installation = %id, serial = route.serial, "an older route is passed over");
            return None;
        }
        if route == live.route {
            return Some((site.clone(), live));
        }
        let renamed = route.hosts != live.route.hosts;
        let live = site.put(route, false, limits);
        if renamed {
            self.show(table.sites.clone());
        }
        Some((site.clone(), live))
    }
}

fn fresh(route: Route, limits: &Limits) -> Applied {
    let pool = route.upstream.map(|to| Pool::new(to, limits));
    let site = Arc::new(Site::new(Live { route, gone: false, pool }));
    let live = site.live();
    (site, live)
}
