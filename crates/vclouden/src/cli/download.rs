//! What the API sends as a file: an installation's data, what came with a ticket.

use std::io::Write;
use std::path::{Path, PathBuf};

use domain::InstallationName;
use tempfile::NamedTempFile;

use super::Context;
use crate::api::{Api, Query};
use crate::failure::{Failure, Outcome};
use crate::output::human::bytes;
use crate::output::{json, line};

/// Writes the data of now, or of a copy, to `output`; an archive that did not arrive whole is not kept.
pub async fn data(
    installation: &InstallationName,
    copy: Option<String>,
    output: Option<PathBuf>,
    context: &Context,
) -> Outcome {
    let api = context.api()?;
    let output = output.unwrap_or_else(|| PathBuf::from(format!("{installation}.tar.gz")));
    let query: Vec<(&str, String)> = copy.map(|copy| ("copy", copy)).into_iter().collect();
    let size = to_file(&api, &format!("/installations/{installation}/archive"), &query, &output).await?;
    if context.json {
        return json(&serde_json::json!({ "file": output, "archive_bytes": size }));
    }
    line(format!("Wrote {}, {}.", output.display(), bytes(size)));
    Ok(())
}

/// Writes what the API sends to `output`, and says how many bytes that were; what did not arrive whole is not kept.
pub async fn to_file(api: &Api, path: &str, query: Query<'_>, output: &Path) -> Outcome<u64> {
    let mut response = api.stream(path, query).await?;
    let failed = |error: std::io::Error| {
        Failure::refused(format!("cannot write {}: {error}. Give another file with -o", output.display()))
    };
    let beside = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = NamedTempFile::new_in(beside).map_err(failed)?;
    let lost = |error| Failure::Unreachable(format!("the connection to {} broke: {error}. Try again", api.base()));
    let mut size = 0_u64;
    while let Some(part) = response.chunk().await.map_err(lost)? {
        temporary.write_all(&part).map_err(failed)?;
        size += part.len() as u64;
    }
    temporary.persist(output).map_err(|error| failed(error.error))?;
    Ok(size)
}
