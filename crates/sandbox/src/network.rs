//! Layer: network. A namespace of its own with a routed point-to-point link to the server: no bridge, so nobody else is
//! on the wire, and no IPv6 on it.
//!
//! The keeper itself moves into the namespace, once, and its sandboxes inherit it. So a dead application can be started
//! again without making a network, health checks come from inside, and the namespace belongs to the server's root: the
//! sandbox has no power over it whatsoever. Messages to the kernel: rtnetlink(7).

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo,
    LinkMessage,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::error::Step;
use crate::namespaces;
use crate::{NetworkSpec, SandboxError, SandboxSpec};

/// The sandbox's end of the link.
const INSIDE: &str = "eth0";
/// Characters of an interface's name.
const NAME: usize = 15;

/// The namespace this process entered, by inode; 0 for none.
static ENTERED: AtomicU64 = AtomicU64::new(0);

/// Moves the calling process, which must be single-threaded, into a new network namespace with a loopback interface and
/// a link to the namespace it was in. There the link's end is named as specified, has the gateway's address, and a
/// route to the sandbox's address; a stale interface of that name is deleted first. Inside, any port may be bound by
/// any user.
///
/// # Errors
/// What the kernel refused. The process may then be in the new namespace, and should end.
pub fn enter(spec: &NetworkSpec) -> Result<(), SandboxError> {
    check(&spec.interface)?;
    let server = Route::open()?;
    let former = File::open("/proc/thread-self/ns/net").step("open the server's network namespace")?;
    server.delete(&spec.interface)?;
    let inside = unshare()?;
    // Before there is an interface that would begin to use it.
    let no_ipv6 = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    if !matches!(&no_ipv6, Err(error) if error.kind() == io::ErrorKind::NotFound) {
        no_ipv6.step("switch IPv6 off")?;
    }
    inside.make_link(&spec.interface, former.as_raw_fd())?;

    let eth0 = inside.index(INSIDE)?;
    inside.add_address(spec.address, eth0)?;
    inside.set_up(eth0)?;
    let there = server.index(&spec.interface)?;
    server.keep_from_ipv6(there)?;
    server.add_address(spec.gateway, there)?;
    server.set_up(there)?;
    server.add_route_to(spec.address, spec.gateway, there)?;
    inside.add_default_route(spec.gateway, eth0)?;
    remember()
}

/// Moves the calling process, which must be single-threaded, into a new network namespace with nothing but a loopback
/// interface.
///
/// # Errors
/// What the kernel refused.
pub fn enter_loopback_only() -> Result<(), SandboxError> {
    unshare()?;
    remember()
}

/// Deletes the server's end of a link, and so the link; does nothing when there is none. From the server's namespace.
///
/// # Errors
/// What the kernel refused.
pub fn remove(interface: &str) -> Result<(), SandboxError> {
    check(interface)?;
    Route::open()?.delete(interface)
}

/// Whether a sandbox needs a network namespace of its own, because its parent is not in one that was made for it.
pub(crate) fn is_needed(spec: &SandboxSpec) -> Result<bool, SandboxError> {
    let entered = ENTERED.load(Ordering::Relaxed) == current()?;
    if !entered && spec.network.is_some() {
        return Err(SandboxError::Specification(
            "it has a network, but its parent did not enter one (network::enter)".to_owned(),
        ));
    }
    Ok(!entered)
}

/// Makes a new namespace of the sandbox's own usable: a loopback interface on which any port may be bound.
pub(crate) fn bring_up_loopback() -> Result<(), SandboxError> {
    prepare().map(drop)
}

fn check(interface: &str) -> Result<(), SandboxError> {
    let fits = (1..=NAME).contains(&interface.len())
        && interface.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !interface.starts_with('.');
    if fits {
        return Ok(());
    }
    Err(SandboxError::Specification(format!("`{interface}` cannot name an interface: 1 to {NAME} letters and digits")))
}

fn current() -> Result<u64, SandboxError> {
    fs::metadata("/proc/thread-self/ns/net").map(|space| space.ino()).step("look at the network namespace")
}

fn remember() -> Result<(), SandboxError> {
    ENTERED.store(current()?, Ordering::Relaxed);
    Ok(())
}

fn unshare() -> Result<Route, SandboxError> {
    namespaces::unshare(libc::CLONE_NEWNET).step("make a network namespace")?;
    prepare()
}

fn prepare() -> Result<Route, SandboxError> {
    fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0").step("allow all ports")?;
    let route = Route::open()?;
    route.set_up(route.index("lo")?)?;
    Ok(route)
}

/// A line to the kernel's network configuration of the namespace in which it was opened.
struct Route(Socket);

impl Route {
    fn open() -> Result<Route, SandboxError> {
        let connect = || -> io::Result<Route> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(Route(socket))
        };
        connect().step("talk to the kernel about the network")
    }

    /// Asks one thing and waits for the answer, which is empty when only done.
    fn ask(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<Option<RouteNetlinkMessage>> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.0.send(&bytes, 0)?;
        let (answer, _) = self.0.recv_from_full()?;
        match NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).map_err(io::Error::other)?.payload {
            NetlinkPayload::Error(error) => match error.code {
                None => Ok(None),
                Some(_) => Err(error.to_io()),
            },
            NetlinkPayload::InnerMessage(message) => Ok(Some(message)),
            _ => Err(io::Error::other("an answer of an unknown kind")),
        }
    }

    fn change(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.ask(message, NLM_F_ACK | flags).map(drop)
    }

    fn index(&self, name: &str) -> Result<u32, SandboxError> {
        match self.ask(RouteNetlinkMessage::GetLink(named(name)), 0) {
            Ok(Some(RouteNetlinkMessage::NewLink(link))) => Ok(link.header.index),
            Ok(_) => Err(io::Error::from(io::ErrorKind::NotFound)).step(format_args!("find the interface {name}")),
            Err(error) => Err(error).step(format_args!("find the interface {name}")),
        }
    }

    fn delete(&self, name: &str) -> Result<(), SandboxError> {
        match self.change(RouteNetlinkMessage::DelLink(named(name)), 0) {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(()),
            other => other.step(format_args!("delete the interface {name}")),
        }
    }

    /// Makes a pair of interfaces: one here, the other, of the given name, in another namespace.
    fn make_link(&self, other: &str, space: RawFd) -> Result<(), SandboxError> {
        let mut peer = named(other);
        peer.attributes.push(LinkAttribute::NetNsFd(space));
        let mut link = named(INSIDE);
        link.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]));
        self.change(RouteNetlinkMessage::NewLink(link), NLM_F_CREATE | NLM_F_EXCL)
            .step(format_args!("make the link {other}"))
    }

    /// Lets an interface get no IPv6 address by itself.
    fn keep_from_ipv6(&self, index: u32) -> Result<(), SandboxError> {
        let no_address = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.attributes.push(LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![no_address])]));
        match self.change(RouteNetlinkMessage::SetLink(link), 0) {
            // The server speaks none at all.
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => Ok(()),
            other => other.step("switch IPv6 off"),
        }
    }

    fn set_up(&self, index: u32) -> Result<(), SandboxError> {
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.header.flags = LinkFlags::Up;
        link.header.change_mask = LinkFlags::Up;
        self.change(RouteNetlinkMessage::SetLink(link), 0).step("bring an interface up")
    }

    fn add_address(&self, address: Ipv4Addr, index: u32) -> Result<(), SandboxError> {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.prefix_len = 32;
        message.header.index = index;
        let ip = IpAddr::V4(address);
        message.attributes = vec![AddressAttribute::Local(ip), AddressAttribute::Address(ip)];
        self.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE)
            .step(format_args!("give an interface the address {address}"))
    }

    /// The server's route to a sandbox; its own address on the link is what the sandbox sees it by.
    fn add_route_to(&self, address: Ipv4Addr, own: Ipv4Addr, index: u32) -> Result<(), SandboxError> {
        let mut route = route(RouteScope::Link, index);
        route.header.destination_prefix_length = 32;
        route.attributes.push(RouteAttribute::Destination(RouteAddress::Inet(address)));
        route.attributes.push(RouteAttribute::PrefSource(RouteAddress::Inet(own)));
        self.change(RouteNetlinkMessage::NewRoute(route), NLM_F_CREATE | NLM_F_REPLACE)
            .step(format_args!("make a route to {address}"))
    }

    /// The gateway is at the other end although its address is in no network of this end.
    fn add_default_route(&self, gateway: Ipv4Addr, index: u32) -> Result<(), SandboxError> {
        let mut route = route(RouteScope::Universe, index);
        route.header.flags = RouteFlags::Onlink;
        route.attributes.push(RouteAttribute::Gateway(RouteAddress::Inet(gateway)));
        self.change(RouteNetlinkMessage::NewRoute(route), NLM_F_CREATE)
            .step(format_args!("make a route through {gateway}"))
    }
}

fn named(name: &str) -> LinkMessage {
    let mut link = LinkMessage::default();
    link.attributes.push(LinkAttribute::IfName(name.to_owned()));
    link
}

fn route(scope: RouteScope, index: u32) -> RouteMessage {
    let mut route = RouteMessage::default();
    route.header.address_family = AddressFamily::Inet;
    route.header.table = RouteHeader::RT_TABLE_MAIN;
    route.header.protocol = RouteProtocol::Static;
    route.header.scope = scope;
    route.header.kind = RouteType::Unicast;
    route.attributes.push(RouteAttribute::Oif(index));
    route
}
