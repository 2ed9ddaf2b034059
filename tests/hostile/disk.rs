//! A full disk: of one installation, and of the whole volume.

use crate::journeys::guest_book::installed;

#[test]
fn an_installation_that_fills_its_disk_hurts_nobody_else() {
    let machine = installed();

    let line = "x".repeat(512 << 10);
    let mut refused = false;
    for _ in 0..200 {
        if machine.request("POST", "acme", "/notes", &line).0 == 500 {
            refused = true;
            break;
        }
    }
    assert!(refused, "64 MiB of disk took 100 MiB");
    assert_eq!(machine.request("POST", "globex", "/notes", "still writes").0, 201);
    assert_eq!(machine.get("globex", "/notes").1, "first of globex\nstill writes\n");
    assert_eq!(machine.get("acme", "/").0, 200);
}
