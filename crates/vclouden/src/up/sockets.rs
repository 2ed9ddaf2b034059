//! The public sockets. `up` keeps them open, so that connections wait in the kernel while a child is replaced.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// How long the children of an `up` that was killed may take to let go of the port.
const PATIENCE: Duration = Duration::from_secs(3);
/// Connections that may wait while a child is replaced; the kernel lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Listens on `address`, which the person gave as `flag`.
pub fn bind(address: SocketAddr, flag: &str) -> Outcome<TcpListener> {
    let begin = Instant::now();
    loop {
        let error = match TcpListener::bind(address) {
            Ok(listener) => {
                rustix::net::listen(&listener, BACKLOG)
                    .map_err(|error| Failure::refused(format!("cannot listen on {address} ({flag}): {error}")))?;
                return Ok(listener);
            }
            Err(error) => error,
        };
        if error.kind() != ErrorKind::AddrInUse {
            return Err(Failure::refused(format!(
                "cannot listen on {address}: {error}. Give another address with {flag}"
            )));
        }
        let holder = holder(address.port());
        // The children of an `up` that was killed are about to end.
        if holder.as_ref().is_none_or(Holder::is_part) && begin.elapsed() < PATIENCE {
            sleep(Duration::from_millis(50));
            continue;
        }
        let by = holder.map(|holder| format!(" by {} (process {})", holder.name, holder.process)).unwrap_or_default();
        return Err(Failure::refused(format!(
            "port {} is taken{by}: cannot listen on {address}. End that program, or give another address with {flag}",
            address.port()
        )));
    }
}

/// The address at which this machine reaches a listening socket.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A base URL at which this machine reaches a listening socket.
pub fn url(address: SocketAddr) -> String {
    format!("http://{}", reachable(address))
}

/// A process that listens.
#[derive(Debug)]
struct Holder {
    process: u32,
    name: String,
    /// Its first argument.
    argument: String,
}

impl Holder {
    /// Whether it is a control plane or an edge.
    fn is_part(&self) -> bool {
        self.name == "vclouden" && ["plane", "edge"].contains(&self.argument.as_str())
    }
}

/// The process that listens on a port, as far as `/proc` tells.
fn holder(port: u16) -> Option<Holder> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|table| table.lines().filter_map(|line| listening_inode(line, port)).collect::<Vec<_>>())
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |id: &u32| {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{id}/fd")) else { return false };
        descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| {
            let target = target.to_string_lossy();
            inodes.iter().any(|inode| *target == format!("socket:[{inode}]"))
        })
    };
    let process = ids.filter(|id| *id != std::process::id()).find(holds)?;
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let program = words.next().unwrap_or_default();
    let name = Path::new(&program).file_name().map_or(program.clone(), |name| name.to_string_lossy().into_owned());
    Some(Holder { process, name, argument: words.next().unwrap_or_default() })
}

/// The inode of a line of `/proc/net/tcp` (proc_net_tcp.txt of the kernel) that listens on `port`.
fn listening_inode(line: &str, port: u16) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let local = words.get(1)?.rsplit(':').next()?;
    let listens = *words.get(3)? == "0A" && u16::from_str_radix(local, 16).ok()? == port;
    listens.then(|| words.get(9).map(|inode| (*inode).to_owned()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_flag() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = bind(address, "--edge").unwrap_err().to_string();
        assert!(error.contains(&address.port().to_string()) && error.contains("--edge"), "{error}");
    }

    #[test]
    fn a_line_of_the_kernel_is_understood() {
        let line = "  1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 4242 1 0000 100 0";
        assert_eq!(listening_inode(line, 8080), Some("4242".into()));
        assert_eq!(listening_inode(line, 8081), None);
    }

    #[test]
    fn an_unspecified_address_is_reached_on_loopback() {
        assert_eq!(url("0.0.0.0:7878".parse().unwrap()), "http://127.0.0.1:7878");
        assert_eq!(url("[::]:7878".parse().unwrap()), "http://[::1]:7878");
    }
}
