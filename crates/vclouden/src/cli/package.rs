//! `vclouden package`: works without a server.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use domain::manifest::Engine;
use serde_json::json as object;
use tempfile::NamedTempFile;

use super::{Context, example};
use crate::failure::{Failure, Outcome};
use crate::output::human::{bytes, count, cpus};
use crate::output::table::Facts;
use crate::output::{json, line};
use crate::package::Package;

/// What can be done with packages.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Say everything that is wrong with a package, with line numbers; publishes nothing
    #[command(after_help = example!("vclouden package check ./my-app", "vclouden package check my-app.tar.gz"))]
    Check {
        /// A directory with a vclouden.toml, or a tar.gz of one
        #[arg(default_value = ".", value_name = "DIR|FILE.tar.gz")]
        path: PathBuf,
    },
    /// Make a tar.gz of a directory; the same files always give the same bytes
    #[command(after_help = example!("vclouden package pack ./my-app -o my-app.tar.gz"))]
    Pack {
        /// A directory with a vclouden.toml
        #[arg(default_value = ".", value_name = "DIR")]
        directory: PathBuf,
        /// The file to write
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}

impl Noun {
    /// Does it.
    pub fn run(self, context: &Context) -> Outcome {
        match self {
            Noun::Check { path } => check(&path, context),
            Noun::Pack { directory, output } => pack(&directory, &output, context),
        }
    }
}

fn check(path: &Path, context: &Context) -> Outcome {
    let package = Package::open(path)?;
    let (manifest, contents) = (&package.manifest, &package.contents);
    if context.json {
        return json(&object!({
            "manifest": manifest,
            "hash": contents.hash,
            "archive_bytes": contents.archive_bytes,
            "unpacked_bytes": contents.unpacked_bytes,
            "entries": contents.entries,
            "warnings": package.warnings,
            "left_out": package.left_out,
        }));
    }
    let limits = &manifest.limits;
    let mut facts = Facts::new();
    facts.fact("App", format!("{} ({})", manifest.slug, manifest.name));
    facts.maybe("For", manifest.description.clone());
    match manifest.engine {
        Engine::Command => facts.fact("Command", manifest.command.join(" ")),
        Engine::Cirrus => facts.fact("Engine", "Cirrus"),
    };
    facts.fact("Memory", bytes(limits.memory)).fact("CPUs", cpus(limits.cpus_milli.into()));
    facts.fact("Disk", bytes(limits.disk)).fact("Processes", limits.processes.to_string());
    facts.maybe("HTTP", manifest.http.as_ref().map(|http| format!("port {}", http.port)));
    for port in &manifest.ports {
        facts.fact(format!("TCP {}", port.name), format!("port {}", port.port));
    }
    let files = count(contents.entries as usize, "file");
    facts.fact(
        "Content",
        format!("{files}, {}, packed {}", bytes(contents.unpacked_bytes), bytes(contents.archive_bytes)),
    );
    facts.maybe(
        "Left out",
        (!package.left_out.is_empty()).then(|| format!("{} (the data of this machine)", package.left_out.join(", "))),
    );
    facts.print();
    package.warn();
    let verdict = if package.warnings.is_empty() { "Nothing is wrong with it." } else { "It can be published." };
    line(format!("\n{verdict} Publish it: vclouden version publish {}", path.display()));
    Ok(())
}

/// Packs beside the target and renames, so that a mistake leaves no half of a file.
fn pack(directory: &Path, output: &Path, context: &Context) -> Outcome {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::refused(format!("cannot write {}: {error}. Give another file with -o", output.display()))
    };
    let beside = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let inside = beside.canonicalize().ok().zip(directory.canonicalize().ok());
    if inside.is_some_and(|(beside, directory)| beside.starts_with(directory)) {
        return Err(Failure::usage(format!(
            "{} lies in the directory that is packed: the next package would hold this one. Give another file with -o",
            output.display()
        )));
    }
    let package = Package::open(directory)?;
    package.warn();
    let mut file = NamedTempFile::new_in(beside).map_err(|error| failed(&error))?;
    let mut packed = std::fs::File::open(package.path()).map_err(|error| failed(&error))?;
    std::io::copy(&mut packed, file.as_file_mut()).map_err(|error| failed(&error))?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(readable).map_err(|error| failed(&error))?;
    file.persist(output).map_err(|error| failed(&error.error))?;
    let contents = &package.contents;
    if context.json {
        return json(&object!({ "file": output, "hash": contents.hash, "archive_bytes": contents.archive_bytes }));
    }
    line(format!("Packed {} into {}, {}.", package.manifest.slug, output.display(), bytes(contents.archive_bytes)));
    Ok(())
}
