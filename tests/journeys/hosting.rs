//! A publisher hosts a website of its own.

use testkit::{Machine, Package};

#[test]
fn a_website_is_hosted_replaced_and_put_back() {
    let machine = Machine::new();
    let site = machine.scratch().join("site");
    let host = |machine: &Machine, text: &str| {
        let site = Package::empty(&site).file("index.html", text).file("about/index.html", "of us");
        machine.cli(&["host", "website", site.text()]);
    };
    host(&machine, "the first");
    assert_eq!(machine.get("website", "/"), (200, "the first".into()));
    assert_eq!(machine.get("website", "/about/").1, "of us");
    host(&machine, "the second");
    assert_eq!(machine.get("website", "/").1, "the second");
    machine.cli(&["rollback", "--app", "website"]);
    assert_eq!(machine.get("website", "/"), (200, "the first".into()));
    machine.cli(&["installation", "remove", "website", "--yes"]);
    assert_eq!(machine.get("website", "/").0, 404);
}
