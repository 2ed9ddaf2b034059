//! From what an installation is to what its keeper and the edge are told: pure translations, one place for each.

use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use domain::manifest::{APP_DIRECTORY, DEFAULT_PORT, Engine as AppEngine, Manifest, StopSignal};
use keeper::protocol::{HealthSpec, Spec};
use nimbus_api::edge::{Route, RouteMode, TcpRoute};
use nimbus_api::{LayerReport, Phase};
use sandbox::{NetworkSpec, SandboxSpec};

use crate::engine::Engine;
use crate::layers::{CIRRUS, Layers};
use crate::network;
use crate::spec::InstallationSpec;
use crate::tools::ToolError;

/// Milliseconds that an application without a start time of its own may take.
pub(crate) const DEFAULT_START_MS: u64 = 30_000;
/// Bytes of one log file, and rotated ones to keep.
const LOG_BYTES: u64 = 5 << 20;
const LOG_FILES: u32 = 3;
/// Where programs are looked up inside.
const PATH: &str = "/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the keeper is told.
pub(crate) fn keeper_spec(
    engine: &Engine,
    spec: &InstallationSpec,
    slot: u32,
    app: PathBuf,
    layers: Vec<PathBuf>,
    trial: bool,
) -> Spec {
    let manifest = &spec.version.manifest;
    let limits = &manifest.limits;
    Spec {
        installation: spec.id.to_string(),
        sandbox: SandboxSpec {
            name: spec.id.to_string(),
            hostname: spec.name.to_string(),
            layers,
            app,
            data: Some((engine.volume.data(spec.id), manifest.data.directory.clone())),
            files: [engine.layers.files(), vec![(engine.keepers.hosts(spec.id), "/etc/hosts".to_owned())]].concat(),
            command: command(manifest),
            environment: environment(spec),
            directory: "/app".to_owned(),
            uid: spec.uid,
            gid: spec.gid,
            first_id: network::first_id(slot),
            memory: limits.memory,
            cpus_milli: limits.cpus_milli,
            processes: limits.processes,
            network: Some(NetworkSpec {
                interface: network::interface(slot, &manifest.egress),
                address: network::address(slot),
                gateway: network::GATEWAY,
            }),
        },
        health: health(&engine.config.domain, spec),
        stop_signal: signal(manifest.stop.signal),
        stop_grace_ms: manifest.stop.grace_ms,
        logs: engine.volume.logs(spec.id),
        log_bytes: LOG_BYTES,
        log_files: LOG_FILES,
        trial,
    }
}

/// What is run: the manifest's command, or Cirrus on the package.
fn command(manifest: &Manifest) -> Vec<String> {
    match manifest.engine {
        AppEngine::Command => manifest.command.clone(),
        AppEngine::Cirrus => {
            let port = manifest.http.as_ref().map_or(DEFAULT_PORT, |http| http.port);
            let (data, listen) = (&manifest.data.directory, format!("0.0.0.0:{port}"));
            [CIRRUS, "serve", APP_DIRECTORY, "--data", data, "--listen", &listen, "--no-reload"]
                .map(str::to_owned)
                .to_vec()
        }
    }
}

/// Whether this server can run what needs Cirrus.
pub(crate) fn cirrus(layers: &Layers) -> LayerReport {
    let found = layers.cirrus();
    let note = found.as_ref().map_or_else(ToString::to_string, |root| format!("from {}", root.display()));
    LayerReport { name: "engine cirrus".to_owned(), active: found.is_ok(), note }
}

/// The whole environment: what the platform says, and the manifest on top.
fn environment(spec: &InstallationSpec) -> BTreeMap<String, String> {
    let manifest = &spec.version.manifest;
    let mut environment = BTreeMap::from([
        ("HOME".to_owned(), manifest.data.directory.clone()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("PATH".to_owned(), PATH.to_owned()),
        ("VCLOUDEN_INSTALLATION".to_owned(), spec.name.to_string()),
    ]);
    if let Some(http) = &manifest.http {
        environment.insert("PORT".to_owned(), http.port.to_string());
    }
    environment.extend(manifest.environment.clone());
    environment.extend(spec.environment.iter().map(|(name, value)| (name.clone(), value.clone())));
    environment
}

/// `/etc/hosts` inside: its own name resolves without anybody being asked.
pub(crate) fn hosts(spec: &InstallationSpec, slot: u32) -> String {
    format!("127.0.0.1 localhost\n{} {}\n", network::address(slot), spec.name)
}

/// How to tell that it is healthy: over HTTP, else by a connection to its first TCP port, else not at all.
pub(crate) fn health(domain: &str, spec: &InstallationSpec) -> Option<HealthSpec> {
    let manifest = &spec.version.manifest;
    let host = host(domain, spec);
    if let Some(http) = &manifest.http {
        return Some(HealthSpec {
            port: http.port,
            path: http.health.clone(),
            host,
            start_timeout_ms: http.start_timeout_ms,
            interval_ms: http.interval_ms,
            timeout_ms: http.timeout_ms,
        });
    }
    let port = manifest.ports.first()?.port;
    let start_timeout_ms = DEFAULT_START_MS;
    Some(HealthSpec { port, path: None, host, start_timeout_ms, interval_ms: 5_000, timeout_ms: 2_000 })
}

/// Its host name.
fn host(domain: &str, spec: &InstallationSpec) -> String {
    format!("{}.{domain}", spec.name)
}

/// What the edge is told.
pub(crate) fn route(domain: &str, spec: &InstallationSpec, slot: u32, mode: RouteMode) -> Route {
    let manifest = &spec.version.manifest;
    let at = |port| SocketAddr::V4(SocketAddrV4::new(network::address(slot), port));
    let public = manifest.ports.iter().filter_map(|port| {
        let listen = *spec.ports.get(&port.name)?;
        Some(TcpRoute { listen, upstream: at(port.port) })
    });
    Route {
        installation: spec.id,
        serial: 0,
        hosts: vec![host(domain, spec)],
        mode,
        upstream: manifest.http.as_ref().map(|http| at(http.port)),
        max_body: manifest.http.as_ref().map_or(0, |http| http.max_body),
        tcp: public.collect(),
    }
}

/// The keeper's word in the control plane's.
pub(crate) fn phase(phase: keeper::protocol::Phase) -> Phase {
    use keeper::protocol::Phase as Kept;
    match phase {
        Kept::Starting => Phase::Starting,
        Kept::Healthy => Phase::Healthy,
        Kept::Unhealthy => Phase::Unhealthy,
        Kept::Restarting => Phase::Restarting,
        Kept::Failed => Phase::Failed,
        Kept::Stopped => Phase::Stopped,
    }
}

/// The number of a signal on Linux (signal(7)).
fn signal(signal: StopSignal) -> i32 {
    match signal {
        StopSignal::Hup => 1,
        StopSignal::Int => 2,
        StopSignal::Quit => 3,
        StopSignal::Usr1 => 10,
        StopSignal::Usr2 => 12,
        StopSignal::Term => 15,
    }
}

/// The layers of defence that this machine gives a sandbox, after AppArmor's profile was loaded or could not be.
pub(crate) fn sandbox_layers(profile: Result<(), ToolError>) -> Vec<LayerReport> {
    let report = |layer: sandbox::Layer| LayerReport { name: layer.name, active: layer.active, note: layer.note };
    let mut layers: Vec<LayerReport> = sandbox::detect().into_iter().map(report).collect();
    if let Err(error) = profile
        && let Some(layer) = layers.iter_mut().find(|layer| layer.name == "apparmor" && !layer.active)
    {
        layer.note = error.to_string();
    }
    layers
}
