//! The rules on names and links: what makes sure that no entry can land outside of the package's directory.

use std::collections::BTreeMap;

use crate::contents::{Kind, Node};
use crate::error::ArchiveError;
use crate::limits::Limits;

/// Links that one path may lead through, as in Linux.
const HOPS: usize = 40;

/// Steps that following all links of an archive may take; a normal package needs a handful for each.
const STEPS: usize = 2_000_000;

/// Everything seen so far, by its path.
pub(crate) struct Tree<'a> {
    nodes: BTreeMap<String, Node>,
    limits: &'a Limits,
}

impl<'a> Tree<'a> {
    /// An empty one.
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { nodes: BTreeMap::new(), limits }
    }

    /// Takes in an entry called `path` (already [`clean`]); says which directories above it appear with
    /// it, topmost first.
    pub(crate) fn add(&mut self, path: &str, kind: Kind, size: u64) -> Result<Vec<String>, ArchiveError> {
        let mut parents = Vec::new();
        for (at, _) in path.match_indices('/') {
            let parent = &path[..at];
            match self.nodes.get(parent).map(|node| &node.kind) {
                Some(Kind::Directory) => {}
                Some(_) => {
                    let problem = format!("\"{parent}\" is not a directory but another entry; rename one of them");
                    return Err(ArchiveError::entry(path, problem));
                }
                None => {
                    self.insert(parent, Node { kind: Kind::Directory, size: 0, implied: true })?;
                    parents.push(parent.to_owned());
                }
            }
        }
        match self.nodes.get_mut(path) {
            None => self.insert(path, Node { kind, size, implied: false })?,
            Some(node) if node.implied && kind == Kind::Directory => node.implied = false,
            Some(_) => {
                return Err(ArchiveError::entry(path, "this name is there twice (duplicate); keep one of them"));
            }
        }
        Ok(parents)
    }

    /// Whether there is something at `path`.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.nodes.contains_key(path)
    }

    fn insert(&mut self, path: &str, node: Node) -> Result<(), ArchiveError> {
        if self.nodes.len() as u64 >= self.limits.entries {
            return Err(ArchiveError::Limit { limit: self.limits.entries, what: "entries" });
        }
        self.nodes.insert(path.to_owned(), node);
        Ok(())
    }

    /// All of them, wherever their links lead.
    pub(crate) fn into_nodes(self) -> BTreeMap<String, Node> {
        self.nodes
    }

    /// Checks that every link stays inside, followed to its end through all others, now that all are known.
    pub(crate) fn finish(self) -> Result<BTreeMap<String, Node>, ArchiveError> {
        let mut steps = steps();
        for (path, node) in &self.nodes {
            if let Kind::Link { target } = &node.kind {
                follow(&self.nodes, parent(path), target, &mut steps).map_err(|wrong| match wrong {
                    Wrong::Leaves => leaves(path, target),
                    Wrong::Circle => {
                        ArchiveError::entry(path, format!("the link to \"{target}\" leads in a circle; remove it"))
                    }
                    Wrong::Endless => {
                        ArchiveError::entry(path, "the archive's links are too entangled; use fewer links")
                    }
                })?;
            }
        }
        Ok(self.nodes)
    }
}

/// A name as it is in an archive, made plain (`./a//b/` is `a/b`; the top itself is empty), or the rule that it breaks.
pub(crate) fn clean(raw: &[u8], limits: &Limits) -> Result<String, ArchiveError> {
    let name = plain_text(raw, raw, "name", limits)?;
    if name.starts_with('/') {
        return Err(ArchiveError::entry(
            raw,
            "absolute paths are not allowed; pack with `tar czf package.tar.gz -C DIRECTORY .`",
        ));
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(ArchiveError::entry(
            raw,
            "\"..\" is not allowed in a path; pack from inside the package's directory",
        ));
    }
    if parts.len() > limits.depth {
        let problem = format!("it is deeper than {} levels of directories; move it up", limits.depth);
        return Err(ArchiveError::entry(raw, problem));
    }
    if let Some(long) = parts.iter().find(|part| part.len() > 255) {
        let problem = format!("a part of its path has {} bytes, at most 255 are possible; shorten it", long.len());
        return Err(ArchiveError::entry(raw, problem));
    }
    Ok(parts.join("/"))
}

/// What a link at `path` points to, if it stays inside as far as can be told without knowing the other entries.
pub(crate) fn clean_target(path: &str, raw: &[u8], limits: &Limits) -> Result<String, ArchiveError> {
    let target = plain_text(path.as_bytes(), raw, "link's target", limits)?;
    if target.is_empty() {
        return Err(ArchiveError::entry(path, "the link points to nothing; remove it"));
    }
    if target.starts_with('/') {
        let problem =
            format!("the link to \"{target}\" is absolute; links must be relative and stay inside the package");
        return Err(ArchiveError::entry(path, problem));
    }
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => depth = depth.checked_sub(1).ok_or_else(|| leaves(path, target))?,
            _ => depth += 1,
        }
    }
    Ok(target.to_owned())
}

/// The same for a link in the data of an installation: it may point anywhere.
pub(crate) fn data_target(path: &str, raw: &[u8], limits: &Limits) -> Result<String, ArchiveError> {
    let target = plain_text(path.as_bytes(), raw, "link's target", limits)?;
    if target.is_empty() {
        return Err(ArchiveError::entry(path, "the link points to nothing; remove it"));
    }
    Ok(target.to_owned())
}

/// Text that may appear in a path.
fn plain_text<'t>(name: &[u8], raw: &'t [u8], what: &str, limits: &Limits) -> Result<&'t str, ArchiveError> {
    if raw.len() > limits.path_bytes {
        let problem = format!("its {what} has {} bytes, the limit is {}; shorten it", raw.len(), limits.path_bytes);
        return Err(ArchiveError::entry(name, problem));
    }
    let Ok(text) = std::str::from_utf8(raw) else {
        return Err(ArchiveError::entry(name, format!("its {what} is not UTF-8; rename it")));
    };
    if text.chars().any(char::is_control) {
        return Err(ArchiveError::entry(name, format!("its {what} has a control character; rename it")));
    }
    Ok(text)
}

fn leaves(path: &str, target: &str) -> ArchiveError {
    ArchiveError::entry(path, format!("the link to \"{target}\" leaves the package; links must stay inside of it"))
}

/// Why following a path ended.
pub(crate) enum Wrong {
    /// It goes above the top.
    Leaves,
    /// It goes through too many links.
    Circle,
    /// There are no steps left.
    Endless,
}

/// A fresh budget of steps.
pub(crate) fn steps() -> usize {
    STEPS
}

/// Where `path`, read in the directory `from`, ends when all links are followed. What does not exist is taken for a
/// directory, because `..` after it could mean anything once it does.
pub(crate) fn follow(
    nodes: &BTreeMap<String, Node>,
    from: &str,
    path: &str,
    steps: &mut usize,
) -> Result<String, Wrong> {
    let mut at = from.to_owned();
    let mut pending: Vec<&str> = path.rsplit('/').collect();
    let mut hops = 0;
    while let Some(part) = pending.pop() {
        *steps = steps.checked_sub(1).ok_or(Wrong::Endless)?;
        match part {
            "" | "." => continue,
            ".." if at.is_empty() => return Err(Wrong::Leaves),
            ".." => {
                at.truncate(parent(&at).len());
                continue;
            }
            _ => {}
        }
        let above = at.len();
        if above > 0 {
            at.push('/');
        }
        at.push_str(part);
        if let Some(Kind::Link { target }) = nodes.get(&at).map(|node| &node.kind) {
            hops += 1;
            if hops > HOPS {
                return Err(Wrong::Circle);
            }
            at.truncate(above);
            pending.extend(target.rsplit('/'));
        }
    }
    Ok(at)
}

/// The directory of a plain path; empty at the top.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
