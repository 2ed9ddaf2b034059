//! Variables: what is sent, and that no secret is printed.

use serde_json::json;

use crate::commands::{accepted, operation};
use crate::fake::{Fake, answer, page};

#[test]
fn variables_are_sent_together_and_secrets_are_not_printed() {
    let variables = json!([
        { "name": "API_KEY", "secret": true, "inherited": false, "set_at": 0, "set_by": "operator" },
        { "name": "HOST", "value": "smtp", "secret": false, "inherited": true, "set_at": 0, "set_by": "operator" },
    ]);
    let fake = Fake::new(vec![
        ("POST /installations/acme/environment", vec![answer(202, accepted())]),
        ("GET /installations/acme/environment", vec![page(variables)]),
        ("GET /operations/0190f3a2-7c1e-7000-8000-000000000001", vec![answer(200, operation("finished", None))]),
    ]);
    let ended = fake.run(&["env", "set", "acme", "API_KEY=s3cret", "B=x=y"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(ended.out.contains("(secret)") && ended.out.contains("the application"), "{}", ended.out);
    let body = json!({"set": [
        {"name": "API_KEY", "value": "s3cret", "secret": true}, {"name": "B", "value": "x=y", "secret": true},
    ]});
    let asked = fake.asked();
    let (_, sent) = asked.iter().find(|(request, _)| request == "POST /installations/acme/environment").unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(sent).unwrap(), body);
    assert!(!ended.out.contains("s3cret") && !ended.err.contains("s3cret"));
    let ended = fake.run(&["env", "unset", "acme"]);
    assert_eq!(ended.status, 2, "{}", ended.err);
    let ended = fake.run(&["env", "set", "acme", "A", "B"]);
    assert_eq!(ended.status, 2, "{}", ended.err);
}
