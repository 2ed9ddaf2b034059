//! Nimbus and its keepers as a program of its own, for the tests: `agent serve DATA FAULTS` or `agent keeper DIR`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match arguments.iter().map(|argument| argument.to_str()).collect::<Vec<_>>().as_slice() {
        [Some("keeper"), _] => keeper::run(&arguments[1]),
        [Some("serve"), _, _] => serve(&arguments[1], &arguments[2]),
        _ => panic!("usage: agent serve DATA FAULTS | agent keeper DIR"),
    }
}

fn serve(data: &Path, faults: &Path) -> ExitCode {
    let me = std::env::current_exe().expect("a program has a path");
    let config = nimbus::Config {
        data: data.to_owned(),
        cache: data.join("nimbus/cache"),
        domain: "localhost".to_owned(),
        plane_uid: 64_201,
        edge_uid: 64_202,
        keeper: vec![me.display().to_string(), "keeper".to_owned()],
        cirrus: "/none".into(),
        volume_bytes: Some(1 << 30),
        workers: nimbus::Config::WORKERS,
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let ended = runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).expect("signals");
        let shutdown = async {
            terminate.recv().await;
        };
        nimbus::serve(config, Box::new(journal::FaultFile::new(faults)), shutdown).await
    });
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nimbus: {error}");
            ExitCode::FAILURE
        }
    }
}
