//! The edge between real clients and real applications, on the loopback of a network namespace of the test's own,
//! with a Nimbus that is nothing but its end of the link.

mod app;
mod hold;
mod limits;
mod link;
mod pass;
mod plane;
mod proxies;
mod restart;
mod routing;
mod served;
mod smuggling;
mod streaming;
mod tcp;
mod upgrade;
mod world;
