//! Commands about people and customers: logging in, one's own address, what was used and all that somebody has.

use serde_json::{Value, json};

use crate::commands::ID;
use crate::fake::{Fake, answer, page, problem};

#[test]
fn a_command_line_logs_in_by_a_browser_and_out() {
    let begun = json!({
        "device_code": "d", "user_code": "BCDF-GHJK", "verification_uri": "http://x/device",
        "verification_uri_complete": "http://x/device?code=BCDF-GHJK", "expires_in": 60, "interval": 1,
    });
    let token = json!({
        "id": ID, "name": "n", "role": "owner", "publisher": "acme", "customer": null, "personal": true,
        "scopes": ["everything"], "created_at": 0, "expires_at": 1000, "used_at": null,
    });
    let fake = Fake::new(vec![
        ("POST /device-logins", vec![answer(201, begun)]),
        (
            "POST /device-logins/token",
            vec![
                problem(409, "authorization-pending", "not yet"),
                answer(200, json!({ "secret": "vct_made", "token": token })),
            ],
        ),
        ("DELETE /me/token", vec![answer(204, json!(null))]),
    ]);
    let ended = fake.run(&["login", "--no-browser", "--scope", "publish", "--name", "laptop"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(
        ended.out.contains("http://x/device?code=BCDF-GHJK") && ended.out.contains("owner of acme"),
        "{}",
        ended.out
    );
    let asked = fake.asked();
    let body: Value = serde_json::from_slice(&asked[0].1).unwrap();
    assert_eq!(body, json!({ "name": "laptop", "scopes": ["publish"], "days": 90 }));
    assert_eq!(asked.len(), 3);
    let ended = fake.run(&["--json", "logout"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert_eq!(fake.asked()[3].0, "DELETE /me/token");
    let ended = fake.run(&["logout"]);
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("nobody is logged in"), "{}", ended.err);
}

#[test]
fn another_mail_address_is_asked_for_with_a_password_that_is_in_no_argument() {
    let fake = Fake::new(vec![("POST /me/mail", vec![answer(202, json!({ "mail": "ana@new.example" }))])]);
    let ended = fake.run_with(&["change-mail", "ana@new.example"], "four words serve well\n");
    assert_eq!(
        ended.out,
        "A link is on its way to ana@new.example; open it where you are logged in, and take the address.\n"
    );
    let sent: Value = serde_json::from_slice(&fake.asked()[0].1).unwrap();
    assert_eq!(sent, json!({ "mail": "ana@new.example", "proof": "four words serve well" }));
}

#[test]
fn usage_is_a_table_for_people_and_one_for_programs() {
    let used = json!({
        "month": "2026-11", "publisher": "main", "customer": "acme", "former": false, "app": "hola", "installation": ID,
        "name": "hola-acme", "installations": 1, "awake_seconds": 5400, "memory_mib_seconds": 1_843_200,
        "memory_used_mib_seconds": 1, "disk_mib_seconds": 0, "cpu_ms": 1500, "requests": 12, "bytes_in": 1,
        "bytes_out": 2048, "backups": 1, "counted_at": 1000,
    });
    let fake = Fake::new(vec![("GET /usage", vec![page(json!([used]))])]);
    let ended = fake.run(&["usage", "--month", "2026-11"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    let row: Vec<&str> = ended.out.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..4], ["2026-11", "hola-acme", "1.50", "0.500"]);
    let csv = fake.run(&["usage", "--csv"]).out;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("month,publisher,customer,app,installation,installations,running_hours"), "{csv}");
    assert_eq!(lines[1], "2026-11,main,acme,hola,hola-acme,1,1.50,0.5000,0.0000,1.500,12,1,2048,1");
    for wrong in [["--month", "2026-13"], ["--month", "november"], ["--by", "weather"]] {
        assert_eq!(fake.run(&[&["usage"], &wrong[..]].concat()).status, 2, "{wrong:?}");
    }
}

#[test]
fn everything_of_a_customer_is_written_to_a_file() {
    let path = "GET /customers/acme/archive";
    let fake = Fake::new(vec![(path, vec![(200, "application/zip", b"PK the whole".to_vec())])]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("acme.zip");
    let ended = fake.run(&["customer", "download", "acme", "-o", file.to_str().unwrap()]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert_eq!(std::fs::read(&file).unwrap(), b"PK the whole");
    assert!(ended.out.contains("12 B"), "{}", ended.out);
}
