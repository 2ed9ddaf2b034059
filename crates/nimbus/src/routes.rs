//! What the edge is told, and what it answers. Routes are kept here in memory: they follow from the specifications.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::InstallationId;
use nimbus_api::edge::{FromEdge, Route, ToEdge};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Lines that wait for the edge; with more it is taken for dead.
const BACKLOG: usize = 65_536;

#[derive(Default)]
struct Table {
    routes: BTreeMap<InstallationId, Route>,
    serial: u64,
    /// Ports that the edge could not open.
    unavailable: BTreeMap<InstallationId, (u16, String)>,
    edge: Option<Edge>,
    connections: u64,
}

struct Edge {
    number: u64,
    lines: Sender<ToEdge>,
    applied: BTreeMap<InstallationId, u64>,
}

/// All routes, and the edge if it is connected.
#[derive(Default)]
pub struct Routes {
    table: Mutex<Table>,
    applied: Condvar,
}

impl Routes {
    /// Serials grow across restarts when this is a time.
    pub fn new(first_serial: u64) -> Self {
        Self { table: Mutex::new(Table { serial: first_serial, ..Table::default() }), applied: Condvar::new() }
    }

    /// Makes this the installation's route and returns its serial; nothing is said when it is so already.
    pub fn set(&self, mut route: Route) -> u64 {
        let mut table = self.table();
        if let Some(old) = table.routes.get(&route.installation) {
            route.serial = old.serial;
            if *old == route {
                return old.serial;
            }
        }
        // The edge tries to open its ports with every change, and tells again what it could not.
        table.unavailable.remove(&route.installation);
        table.serial += 1;
        route.serial = table.serial;
        table.routes.insert(route.installation, route.clone());
        table.tell(ToEdge::Set { route });
        table.serial
    }

    /// Takes the route away.
    pub fn drop_route(&self, installation: InstallationId) {
        let mut table = self.table();
        table.unavailable.remove(&installation);
        if table.routes.remove(&installation).is_some() {
            table.tell(ToEdge::Drop { installation });
        }
    }

    /// Waits until the edge has put a route with that serial in force, or has gone away; whether it has.
    pub fn wait_applied(&self, installation: InstallationId, serial: u64, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        let mut table = self.table();
        loop {
            let Some(edge) = &table.edge else { return false };
            if edge.applied.get(&installation).is_some_and(|applied| *applied >= serial) {
                return true;
            }
            let Some(left) = end.checked_duration_since(Instant::now()) else { return false };
            table = self.applied.wait_timeout(table, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A port of the installation that the edge could not open, and why.
    pub fn unavailable(&self, installation: InstallationId) -> Option<(u16, String)> {
        self.table().unavailable.get(&installation).cloned()
    }

    /// Whether an edge is connected.
    pub fn is_connected(&self) -> bool {
        self.table().edge.is_some()
    }

    /// A new edge: what it is to be told, beginning with the whole table, and its number. It takes the place of a
    /// former one.
    pub fn connect(&self) -> (u64, Receiver<ToEdge>) {
        let (lines, receiver) = channel(BACKLOG);
        let mut table = self.table();
        table.connections += 1;
        let number = table.connections;
        table.edge = Some(Edge { number, lines, applied: BTreeMap::new() });
        let routes = table.routes.values().cloned().collect();
        table.tell(ToEdge::Table { routes });
        self.applied.notify_all();
        (number, receiver)
    }

    /// The edge of that number has gone.
    pub fn disconnect(&self, number: u64) {
        let mut table = self.table();
        if table.edge.as_ref().is_some_and(|edge| edge.number == number) {
            table.edge = None;
        }
        self.applied.notify_all();
    }

    /// What the edge of that number says.
    pub fn hear(&self, number: u64, said: &FromEdge) {
        match said {
            FromEdge::Applied { installation, serial, in_flight } => {
                if *in_flight > 0 {
                    tracing::info!(%installation, in_flight, "the drain time ended before these requests did");
                }
                let mut table = self.table();
                if let Some(edge) = table.edge.as_mut().filter(|edge| edge.number == number) {
                    edge.applied.insert(*installation, *serial);
                }
                self.applied.notify_all();
            }
            // For the history.
            FromEdge::Served { .. } => {}
            FromEdge::PortUnavailable { installation, port, why } => {
                if self.table().unavailable.insert(*installation, (*port, why.clone())).is_none() {
                    tracing::error!(%installation, port, why, "the edge cannot listen on a port");
                }
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn tell(&mut self, line: ToEdge) {
        if let Some(edge) = &self.edge
            && edge.lines.try_send(line).is_err()
        {
            tracing::error!("the edge does not read what it is told; it is disconnected");
            self.edge = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use nimbus_api::edge::RouteMode;

    use super::*;

    fn route(installation: InstallationId, mode: RouteMode) -> Route {
        Route { installation, serial: 0, hosts: vec![], mode, upstream: None, max_body: 1, tcp: vec![] }
    }

    #[test]
    fn the_edge_hears_the_table_and_then_changes() {
        let (routes, id) = (Routes::new(100), InstallationId::new());
        assert_eq!(routes.set(route(id, RouteMode::Serve)), 101);
        let (number, mut lines) = routes.connect();
        assert!(matches!(lines.try_recv().unwrap(), ToEdge::Table { routes } if routes[0].serial == 101));
        assert_eq!(routes.set(route(id, RouteMode::Serve)), 101);
        assert!(lines.try_recv().is_err(), "nothing has changed");

        let serial = routes.set(route(id, RouteMode::Hold { drain_ms: 5 }));
        assert!(!routes.wait_applied(id, serial, Duration::from_millis(1)));
        std::thread::scope(|scope| {
            scope.spawn(|| routes.hear(number, &FromEdge::Applied { installation: id, serial, in_flight: 0 }));
            assert!(routes.wait_applied(id, serial, Duration::from_secs(5)));
        });
        let (newer, _lines) = routes.connect();
        routes.disconnect(number);
        assert!(routes.is_connected(), "the former edge's end is not the present one's");
        routes.disconnect(newer);
        assert!(!routes.wait_applied(id, serial, Duration::from_secs(5)), "nobody to wait for");
    }
}
