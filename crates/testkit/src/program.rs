//! Programs of this machine that stand around what is tested.

use std::io::{BufRead, BufReader, Lines};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command};
use std::time::{Duration, Instant};

/// A program that ends with the value.
pub struct Program(Child);

impl Program {
    /// Starts one, of this Debian package.
    pub fn start(command: &mut Command, package: &str) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned = command.spawn();
        Self(spawned.unwrap_or_else(|error| panic!("{name}: {error} (Debian package {package}: scripts/need test)")))
    }

    /// What it prints, where that is piped.
    pub fn lines(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().expect("its output is piped")).lines()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program to its end and gives what it said.
pub fn output(command: &mut Command, package: &str) -> Vec<u8> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error} (Debian package {package}: scripts/need test)"));
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Ports of this machine that nothing listens on.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("it has an address").port())
}

/// Waits until something listens there.
pub fn until_open(port: u16) {
    let until = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "nothing listens on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
