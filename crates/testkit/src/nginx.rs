//! A real Nginx before what is tested.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::Program;

/// Nginx with these servers, as its only process.
pub fn nginx(directory: &Path, servers: &str) -> Program {
    let at = directory.display();
    let paths =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {at}/{name};"));
    let text = format!(
        "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
         access_log off;\n{}\nadd_header X-Instance $upstream_addr always;\n{servers}\n}}\n",
        paths.join("\n")
    );
    fs::write(directory.join("nginx.conf"), text).expect("its configuration can be written");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(directory).args(["-e", "stderr", "-c"]).arg(directory.join("nginx.conf"));
    Program::start(&mut command, "nginx-light")
}

/// The blocks of a page of `docs/` whose first line is this mark, such as `nginx`: what is written there is what is
/// tested.
pub fn page(path: &str, mark: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let opening = format!("\n```{mark}\n");
    let blocks: Vec<&str> =
        text.split(&opening).skip(1).map(|rest| rest.split("\n```").next().expect("a block")).collect();
    assert!(!blocks.is_empty(), "the page has no block of {mark}");
    blocks.join("\n")
}
