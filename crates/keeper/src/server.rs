//! The keeper's end of its socket: all clients together.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};
use serde::Serialize;

use crate::connection::{Connection, Received, Role};
use crate::directory;
use crate::error::Result;
use crate::protocol::{Request, Status};

/// Clients at once.
const CONNECTIONS: usize = 64;
/// Clients that are accepted in one turn of the loop.
const TURN_CONNECTIONS: usize = 16;
/// How long not to accept after that failed.
const REST: Duration = Duration::from_millis(100);

/// A client's number, never used twice.
pub(crate) type ClientId = u64;

/// The socket and its clients.
#[derive(Debug)]
pub(crate) struct Server {
    listener: OwnedFd,
    rest_until: Duration,
    clients: Vec<(ClientId, Connection)>,
    next: ClientId,
}

/// What a client wants, or that it wants nothing any more.
#[derive(Debug)]
pub(crate) enum Wish {
    /// A request and the descriptors that came with it.
    Request(Request, Vec<OwnedFd>),
    /// It is gone.
    Gone,
}

impl Server {
    /// Listens in `dir`.
    pub(crate) fn listen(dir: &Path) -> Result<Self> {
        let listener = directory::listen(dir)?;
        Ok(Self { listener, rest_until: Duration::ZERO, clients: Vec::new(), next: 0 })
    }

    /// What to wait for: new clients (`None`) and each client.
    pub(crate) fn interests(
        &self,
        now: Duration,
    ) -> impl Iterator<Item = (Option<ClientId>, BorrowedFd<'_>, PollFlags)> {
        use std::os::fd::AsFd;
        let listener = (now >= self.rest_until).then(|| (None, self.listener.as_fd(), PollFlags::IN));
        let clients = self.clients.iter().map(|(id, client)| {
            let (fd, flags) = client.interest();
            (Some(*id), fd, flags)
        });
        listener.into_iter().chain(clients)
    }

    /// When [`Server::drop_late`] has something to do.
    pub(crate) fn deadline(&self, now: Duration) -> Option<Duration> {
        let rest = (now < self.rest_until).then_some(self.rest_until);
        self.clients.iter().filter_map(|(_, client)| client.deadline()).chain(rest).min()
    }

    /// Lets waiting clients in; those beyond the limit are sent away.
    pub(crate) fn accept(&mut self, now: Duration) {
        for _ in 0..TURN_CONNECTIONS {
            match accept_with(&self.listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(socket) => {
                    let mut client = Connection::new(socket, now);
                    if self.clients.len() < CONNECTIONS {
                        self.clients.push((self.next, client));
                        self.next += 1;
                    } else {
                        // Whether it hears that or not, it is dropped.
                        let _ = client.refuse(&format!("this keeper has {CONNECTIONS} clients already"));
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(_) => {
                    self.rest_until = now + REST;
                    return;
                }
            }
        }
    }

    /// Does what can be done with client `id`: sends what is left to send, reads what it says.
    pub(crate) fn serve(&mut self, id: ClientId) -> Option<Wish> {
        let client = self.client(id)?;
        if !client.flush() {
            return self.drop_client(id);
        }
        match client.receive() {
            Received::Nothing => None,
            Received::Gone => self.drop_client(id),
            Received::Request(request, descriptors) => Some(Wish::Request(request, descriptors)),
            Received::Nonsense(why) => {
                if client.refuse(&why) {
                    None
                } else {
                    self.drop_client(id)
                }
            }
        }
    }

    /// Gives client `id` its part.
    pub(crate) fn assign(&mut self, id: ClientId, role: Role) {
        if let Some(client) = self.client(id) {
            client.role = role;
        }
    }

    /// Answers client `id` for the last time.
    pub(crate) fn answer<T: Serialize>(&mut self, id: ClientId, answer: &T) {
        if let Some(client) = self.client(id) {
            client.role = Role::Leaving;
            if !client.tell(answer) {
                self.drop_client(id);
            }
        }
    }

    /// Gives client `id` a descriptor; whether it is still there.
    #[must_use]
    pub(crate) fn hand<T: Serialize>(&mut self, id: ClientId, answer: &T, descriptor: &OwnedFd) -> bool {
        let handed = self.client(id).is_some_and(|client| client.hand(answer, descriptor));
        if !handed {
            self.drop_client(id);
        }
        handed
    }

    /// Tells watchers what they were not told yet. One that does not read is dropped.
    pub(crate) fn publish(&mut self, status: &Status) {
        self.clients.retain_mut(|(_, client)| client.tell_change(status));
    }

    /// Tells those who wait for the end, and everybody who watches.
    pub(crate) fn publish_end(&mut self, status: &Status) {
        self.publish(status);
        self.clients.retain_mut(|(_, client)| !matches!(client.role, Role::Stopping) || client.tell(status));
    }

    /// Drops those who took too long to ask, or have their answer.
    pub(crate) fn drop_late(&mut self, now: Duration) {
        self.clients.retain(|(_, client)| !client.is_over(now));
    }

    fn client(&mut self, id: ClientId) -> Option<&mut Connection> {
        self.clients.iter_mut().find(|(other, _)| *other == id).map(|(_, client)| client)
    }

    fn drop_client(&mut self, id: ClientId) -> Option<Wish> {
        self.clients.retain(|(other, _)| *other != id);
        Some(Wish::Gone)
    }
}
