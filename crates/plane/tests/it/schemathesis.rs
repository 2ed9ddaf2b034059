//! What `/openapi.json` promises, put to the test by schemathesis: requests made from the document, right and wrong ones,
//! alone and one after the other, as the operator and as a publisher's owner; and every answer judged by it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::world::{TOKEN, World};

/// Requests to each operation, beside those that try each limit of each parameter.
const EXAMPLES: &str = "4";

/// What no schema can say. That the parts of a request do not go together is told by 422, that a thing depends on another
/// tag by 412, that text is no package or no program by 415 and 422.
const CONFIG: &str = r#"
hooks = "hooks.py"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "403", "404", "409", "412", "415", "422"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429"]

# What there is; and no streams without end.
[parameters]
"query.follow" = false
"query.wait" = 0
"path.publisher" = "main"
"path.app" = "hola"
"path.number" = 1
"path.customer" = "acme"
"path.installation" = "hola-acme"
# Never the one that is used.
"path.token" = "01a20812-f05a-7629-8a23-aa5bccb08682"

[[operations]]
include-path = "/installations/{installation}"
include-method = "DELETE"
parameters = { "path.installation" = "other" }

# What ends the token that it is asked with is asked with none that is needed.
[[operations]]
include-path = "/me/token"
headers = { "Authorization" = "Bearer vct_none" }
"#;

/// What is no package is sent as one.
const HOOKS: &str = r#"
import schemathesis

@schemathesis.serializer("application/gzip")
def gzip(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
"#;

/// So many wrong tokens in one minute would be told to wait.
const MINUTE: Duration = Duration::from_millis(50);

fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/schemathesis/bin/schemathesis");
    assert!(program.is_file(), "schemathesis is missing: `scripts/need test` puts it into target/ (python3-venv)");
    program
}

async fn keeps_its_word(world: &World, token: &str) {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("schemathesis.toml"), CONFIG).unwrap();
    std::fs::write(scratch.path().join("hooks.py"), HOOKS).unwrap();
    let mut command = tokio::process::Command::new(program());
    command.arg("run").arg(world.url("/openapi.json"));
    command.args(["--checks", "all", "--seed", "7", "--generation-database", "none", "--no-color"]);
    command.args(["--max-examples", EXAMPLES, "--request-timeout", "20"]);
    command.args(["--header", &format!("Authorization: Bearer {token}")]);
    command.current_dir(scratch.path()).env("HOME", scratch.path()).env("NO_PROXY", "*");
    let hours = async {
        loop {
            tokio::time::sleep(MINUTE).await;
            world.clock.forward(1);
        }
    };
    let output = tokio::select! {
        output = command.output() => output.unwrap(),
        () = hours => unreachable!("they have no end"),
    };
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}");
    // All but the document itself.
    let count = plane::access::TABLE.len();
    assert!(report.contains(&format!("{count} selected / {count} total")), "{report}");
}

async fn world() -> World {
    let world = World::with_app().await;
    world.install("hola", "acme").await;
    world.publish("hola", 2).await;
    world.deploy_all("hola").await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_its_word_to_the_operator() {
    let world = world().await;
    keeps_its_word(&world, TOKEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_its_word_to_an_owner() {
    let world = world().await;
    let body = json!({"name": "a test", "role": "owner", "publisher": "main", "days": 3660});
    let token: plane::wire::NewToken = world.post("/tokens", body).await.expect(201).json();
    keeps_its_word(&world, &token.secret).await;
}
