//! A port that is taken is named before anything has started.

use std::net::TcpListener;

use testkit::Machine;

#[test]
fn a_taken_port_is_named_and_nothing_is_started() {
    let mut machine = Machine::new();
    machine.interrupt();
    let _taken = TcpListener::bind(testkit::machine::EDGE).expect("the edge is gone");
    let data = machine.data();
    let (_, said) = machine.fails(&["up", "--edge", testkit::machine::EDGE, "--data", data.to_str().unwrap()]);
    assert!(said.contains("8080") && said.contains("--edge"), "{said}");
}

#[test]
fn a_second_up_on_the_same_data_is_refused() {
    let machine = Machine::new();
    let data = machine.data();
    let arguments = ["up", "--api", "127.0.0.1:7999", "--edge", "127.0.0.1:8999", "--data", data.to_str().unwrap()];
    let (_, said) = machine.fails(&arguments);
    assert!(said.contains(data.to_str().unwrap()), "{said}");
    assert!(machine.cli(&["status"]).contains("plane") || !machine.cli(&["status"]).is_empty());
}
