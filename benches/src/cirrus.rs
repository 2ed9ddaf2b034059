//! Cirrus beside other servers: the same table, the same routes, the same bytes. What counts is the server's own
//! processor time per request, from the kernel's scheduler statistics, so that a noisy machine disturbs little.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::figure::Figure;
use crate::load::{self, Load};
use crate::servers::{Memory, Server, Servers};

const ROUNDS: usize = 7;
const TEN: &str = "/tareas";

/// Every figure of Cirrus, one after the other.
pub fn run() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let servers = Servers::prepare(dir.path())?;
    start(&servers)?;
    requests(&servers)?;
    memory(&servers)?;
    users(&servers)?;
    mixed(&servers)
}

/// From the start of the process to its first response.
fn start(servers: &Servers) -> Result<()> {
    let mut figure = Figure::new("cirrus-start", "start of the process to the first response", "ms");
    let names = ["cirrus", "bun", "deno", "fastify", "express"];
    names.iter().for_each(|name| figure.begin(name));
    for _ in 0..ROUNDS {
        for name in names {
            let server = servers.start(name)?;
            figure.add_time(name, server.first_response);
        }
    }
    figure.finish()
}

/// Processor time of one request at 32 connections, each route beside what answers the same elsewhere.
fn requests(servers: &Servers) -> Result<()> {
    let ten = ["cirrus", "bun", "deno", "fastify", "express"];
    compare(servers, "cirrus-route", "GET of 10 rows of 100,000 by a JavaScript route, uncached", TEN, &ten)?;
    let cached = ["cirrus-cached", "nginx"];
    compare(servers, "cirrus-cached", "the same, unchanged data, beside a static file", TEN, &cached)?;
    compare(servers, "cirrus-map", "a route that maps over 10 row objects in JavaScript", "/tarjetas", &ten)?;
    compare(
        servers,
        "cirrus-resource",
        "GET of 10 rows, declared, without JavaScript",
        "/declarada?limit=10",
        &["cirrus"],
    )
}

fn compare(servers: &Servers, figure: &'static str, what: &'static str, path: &str, names: &[&str]) -> Result<()> {
    let mut figure = Figure::new(figure, what, "us of processor per request");
    names.iter().for_each(|name| figure.begin(name));
    let running: Vec<Server> = names.iter().map(|name| servers.start(name)).collect::<Result<_>>()?;
    let first = running[0].get(path)?;
    for server in &running {
        ensure!(server.get(path)? == first, "{} answers other bytes than {}", server.name, names[0]);
    }
    for round in 0..=ROUNDS {
        for server in &running {
            let (begin, load) = (server.cpu()?, load::wrk(&Load::new(server, path, 32, Duration::from_secs(2)))?);
            ensure!(load.errors == 0, "{}: {} errors", server.name, load.errors);
            // The first round warms up.
            if round > 0 {
                figure.add(&server.name, (server.cpu()? - begin).as_secs_f64() * 1e6 / load.requests as f64);
            }
        }
    }
    figure.finish()
}

/// Private memory after the first request, and with 1,000 connections that all asked.
fn memory(servers: &Servers) -> Result<()> {
    let names = ["cirrus", "bun", "deno", "fastify", "express"];
    let mut idle = Figure::new("cirrus-idle", "private memory, idle after its first response", "KiB");
    let mut crowd = Figure::new("cirrus-1000", "private memory with 1,000 connections that ask", "KiB");
    for name in names {
        let server = servers.start(name)?;
        std::thread::sleep(Duration::from_secs(1));
        idle.add(name, server.private_kib()?);
        let load = load::wrk(&Load::new(&server, TEN, 1000, Duration::from_secs(4)).watching(&server))?;
        ensure!(load.errors == 0, "{name}: {} errors", load.errors);
        crowd.add(name, load.most_private_kib);
    }
    idle.finish()?;
    crowd.finish()
}

/// What 1,000 users at once get from a server that may use 32 MiB.
fn users(servers: &Servers) -> Result<()> {
    let mut figure = Figure::new("cirrus-users", "1,000 users at once, 32 MiB of memory in all", "answers/s");
    for name in ["cirrus", "bun", "deno", "fastify", "express"] {
        let memory = Memory::limit(32 << 20)?;
        let (answers, outcome) = match crowd(servers, name, &memory) {
            Ok((answers, errors)) => (answers, format!("alive, {errors} requests failed")),
            Err(error) => (0.0, format!("{error:#}")),
        };
        figure.add(name, answers);
        figure.fact(name, outcome);
    }
    figure.finish()
}

/// Answers per second, and how many requests got none within 10 s or a broken connection.
fn crowd(servers: &Servers, name: &str, memory: &Memory) -> Result<(f64, u64)> {
    let mut server = servers.start_in(name, memory)?;
    let load = load::wrk(&Load::new(&server, TEN, 1000, Duration::from_secs(10)));
    ensure!(!server.ended()?, "killed for want of memory");
    let load = load?;
    Ok((load.requests as f64 / load.seconds, load.errors))
}

/// Requests per second at 256 connections, nine reads and one durable write of ten.
fn mixed(servers: &Servers) -> Result<()> {
    let names = ["cirrus", "bun", "deno", "fastify", "express"];
    let mut figure = Figure::new("cirrus-mixed", "90 % reads, 10 % durable writes, 256 connections", "requests/s");
    names.iter().for_each(|name| figure.begin(name));
    for _ in 0..3 {
        for name in names {
            let server = servers.start(name)?;
            let load =
                load::wrk(&Load::new(&server, TEN, 256, Duration::from_secs(4)).script(&mixture(servers.dir())?))?;
            ensure!(load.errors == 0, "{name}: {} errors", load.errors);
            figure.add(name, load.requests as f64 / load.seconds);
        }
    }
    figure.finish()
}

/// What wrk sends: every tenth request adds a row.
fn mixture(dir: &Path) -> Result<PathBuf> {
    let path = dir.join("mixture.lua");
    let text = r#"
        local n, add, read = 0
        init = function()
          local host = wrk.headers["Host"]
          local json = { ["Content-Type"] = "application/json", ["Host"] = host }
          add = wrk.format("POST", "/tareas", json, '{"titulo":"Una más"}')
          read = wrk.format("GET", "/tareas", { ["Host"] = host })
        end
        request = function() n = n + 1; if n % 10 == 0 then return add end; return read end
    "#;
    fs::write(&path, text).context("the script of the load")?;
    Ok(path)
}
