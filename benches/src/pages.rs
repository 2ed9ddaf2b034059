//! What the console's pages cost the control plane when it knows 10,000 installations: from the request to the whole answer
//! over loopback, as somebody who is logged in. The last rows are made by copying one that is real.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use testkit::{Machine, Package};

use crate::figure::Figure;

const INSTALLATIONS: u32 = 10_000;
const CUSTOMERS: u32 = 200;
const EVENTS: u32 = 50_000;
const ROUNDS: usize = 21;

/// Paths; those of the portal begin with a customer.
const PAGES: &[&str] = &[
    "/p/main",
    "/p/main/apps",
    "/p/main/apps/hola",
    "/p/main/apps/hola/versions/1",
    "/p/main/apps/hola/deploy",
    "/p/main/apps/hola/environment",
    "/p/main/apps/hola/docs",
    "/p/main/hosting",
    "/p/main/deployments",
    "/p/main/deployments/{deployment}",
    "/p/main/installations",
    "/p/main/installations?q=number-99&app=&state=",
    "/p/main/installations/first",
    "/p/main/installations/first/environment",
    "/p/main/customers",
    "/p/main/customers/acme",
    "/p/main/usage",
    "/p/main/tickets",
    "/p/main/branding",
    "/p/main/team",
    "/p/main/tokens",
    "/p/main/webhooks",
    "/p/main/events",
    "/operator",
    "/operator/installations",
    "/operator/operations",
    "/operator/publishers/main",
    "/account",
    "/account/security",
    "/c/acme",
    "/c/acme/catalogue",
    "/c/acme/installations/first",
    "/c/acme/usage",
    "/c/acme/tickets",
    "/c/acme/docs",
    "/c/acme/people",
];

pub fn run() -> Result<()> {
    let machine = Machine::new();
    let package = Package::hola(machine.scratch().join("hola"), "1", "well", "");
    machine.cli(&["version", "publish", package.text(), "--create"]);
    machine.cli(&["customer", "create", "acme"]);
    machine.cli(&["install", "hola", "--customer", "acme", "--name", "first"]);
    let package = Package::hola(machine.scratch().join("hola"), "2", "well", "");
    machine.cli(&["version", "publish", package.text()]);
    machine.cli(&["deploy", "hola"]);
    let deployment = fill(&machine)?;
    let console = Visitor::new(&machine, "localhost", &["--role", "operator"])?;
    let place = ["--role", "customer-admin", "--customer", "acme"];
    let portal = Visitor::new(&machine, "main.localhost", &place)?;
    let mut times = Figure::new("pages", "pages with 10,000 installations in the store", "ms");
    let mut most: (u64, &str) = (0, "");
    for _ in 0..ROUNDS {
        for path in PAGES {
            let who = if path.starts_with("/c/") { &portal } else { &console };
            let (milliseconds, bytes) = who.open(&path.replace("{deployment}", &deployment))?;
            times.add(path, milliseconds);
            most = most.max((bytes, path));
        }
    }
    times.fact("installations", INSTALLATIONS);
    times.fact("most bytes over the wire, compressed", format!("{} of {}", most.0, most.1));
    times.fact("first page with style and script, bytes compressed", console.first_page()?);
    times.finish()
}

/// Copies the real installation with its part in the deployment, its customer and an event; the deployment's id.
fn fill(machine: &Machine) -> Result<String> {
    let mut store = Connection::open(machine.data().join("plane/store.sqlite"))?;
    store.busy_timeout(std::time::Duration::from_secs(30))?;
    let tx = store.transaction()?;
    for n in 0..CUSTOMERS {
        copy(&tx, "customers", "slug = 'acme'", &[("slug", format!("customer-{n}"))])?;
    }
    let its = "installation = (SELECT id FROM installations WHERE name = 'first')";
    for n in 0..INSTALLATIONS - 1 {
        let customer = format!("customer-{}", n % CUSTOMERS);
        let id = format!("0190f3a2-7c1e-7000-8000-{n:012x}");
        let changed = [("id", id.clone()), ("name", format!("number-{n}")), ("customer", customer)];
        copy(&tx, "installations", "name = 'first'", &changed)?;
        let changed = [("installation", id.clone()), ("position", (n + 1).to_string())];
        copy(&tx, "deployment_steps", its, &changed)?;
        let changed = [("installation", id)];
        copy(&tx, "snapshots", &format!("{its} AND reason = 'before-switch'"), &changed)?;
    }
    let deployment = tx.query_row("SELECT id FROM deployments", [], |row| row.get(0))?;
    let last: u32 = tx.query_row("SELECT MAX(sequence) FROM events", [], |row| row.get(0))?;
    for n in 1..=EVENTS {
        copy(&tx, "events", "sequence = 1", &[("sequence", (last + n).to_string())])?;
    }
    tx.execute_batch(&format!("{NUMBERS} {TICKETS_OF_ALL}"))?;
    tx.execute_batch(&format!("{NUMBERS} {MONTHS_OF_ALL}"))?;
    tx.execute("UPDATE counters SET value = ?1 WHERE name = 'events'", [last + EVENTS])?;
    tx.commit().context("filling the store")?;
    Ok(deployment)
}

const NUMBERS: &str = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)";

/// A ticket for each of as many installations.
const TICKETS_OF_ALL: &str = "INSERT INTO tickets (id, publisher, number, customer, installation, subject, state, opened_by, last_from, \
     created_at, updated_at) SELECT printf('%08x-7c1e-7000-8000-000000000000', n), i.publisher, n, i.customer, i.id, 'The total is wrong', 'open', 'Ana', \
     'customer', i.created_at, i.created_at + n FROM numbers JOIN installations i ON i.name = 'number-' || n";

/// What every installation used, month by month for two years.
const MONTHS_OF_ALL: &str = "INSERT INTO usage_months (installation, month, publisher, customer, app, name, former, awake_seconds, \
     memory, memory_used, disk, cpu_ms, requests, bytes_in, bytes_out, backups, counted_at) \
     SELECT i.id, strftime('%Y-%m', 'now', 'start of month', (1 - n) || ' months'), i.publisher, i.customer, i.app, i.name, 0, 2592000, 1000000, \
     500000, 1000000, 100000, 1000000, 1000000, 1000000, 5, i.created_at FROM installations i JOIN numbers WHERE n <= 24";

/// Copies a row with some values changed.
fn copy(store: &Connection, table: &str, row: &str, changed: &[(&str, String)]) -> Result<()> {
    let mut columns = store.prepare_cached(&format!("SELECT name FROM pragma_table_info('{table}')"))?;
    let columns: Vec<String> = columns.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let place = |column: &String| changed.iter().position(|(name, _)| name == column);
    let values: Vec<String> =
        columns.iter().map(|column| place(column).map_or(column.clone(), |at| format!("?{}", at + 1))).collect();
    let (columns, values) = (columns.join(", "), values.join(", "));
    let sql = format!("INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE {row}");
    let changed = rusqlite::params_from_iter(changed.iter().map(|(_, value)| value));
    ensure!(store.prepare_cached(&sql)?.execute(changed)? == 1, "there is no row of {table} to copy");
    Ok(())
}

/// Somebody who is logged in.
struct Visitor {
    root: String,
    jar: PathBuf,
}

impl Visitor {
    /// Accepts an invitation.
    fn new(machine: &Machine, host: &str, place: &[&str]) -> Result<Self> {
        // Who works at a publisher is let into no customer of it.
        let mail = format!("ana@{host}");
        let mut arguments = vec!["invitation", "create", &mail];
        arguments.extend(place);
        let link = machine.json(&arguments)["link"].as_str().context("an invitation has a link")?.to_owned();
        let (root, _) = link.split_once("/join/").context("a link to join")?;
        ensure!(root.contains(host), "the link {link} is of another host");
        let who = Self { root: root.to_owned(), jar: machine.scratch().join(format!("{host}.cookies")) };
        let form = who.curl(&[&link])?;
        let csrf = form.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let csrf = format!("csrf={}", csrf.context("a form has a hidden field")?);
        let fields = ["-d", &csrf, "-d", "name=Ana", "-d", "password=four words serve well", &link];
        who.curl(&fields)?;
        Ok(who)
    }

    fn curl(&self, arguments: &[&str]) -> Result<String> {
        let jar = self.jar.to_str().context("a name in UTF-8")?;
        let output = Command::new("curl").args(["-sS", "--compressed", "-b", jar, "-c", jar]).args(arguments).output();
        let output = output.context("curl is needed (scripts/need bench)")?;
        ensure!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Milliseconds from the request to the end of the answer, and its bytes.
    fn open(&self, path: &str) -> Result<(f64, u64)> {
        let url = format!("{}{path}", self.root);
        let said = "%{http_code} %{time_connect} %{time_total} %{size_download}";
        let said = self.curl(&["-o", "/dev/null", "-w", said, &url])?;
        let words: Vec<&str> = said.split_whitespace().collect();
        let [status, begin, end, bytes] = words.as_slice() else { anyhow::bail!("the format of curl: {said}") };
        ensure!(*status == "200", "{path} answers {status}");
        Ok(((end.parse::<f64>()? - begin.parse::<f64>()?) * 1e3, bytes.parse()?))
    }

    /// Bytes of the first page with everything that it loads.
    fn first_page(&self) -> Result<u64> {
        let html = self.curl(&[&format!("{}/p/main", self.root)])?;
        let mut bytes = self.open("/p/main")?.1;
        let mut assets: Vec<&str> = html.split('"').filter(|part| part.starts_with("/assets/")).collect();
        let files = assets.iter_mut().map(|path| path.split('#').next().unwrap_or(path));
        for path in files.collect::<std::collections::BTreeSet<_>>() {
            bytes += self.open(path)?.1;
        }
        Ok(bytes)
    }
}
