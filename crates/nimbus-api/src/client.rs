//! The client of Nimbus's HTTP API over a Unix socket.
