//! Files stay short enough to read: about 600 lines of code, unit tests at the end not counted.

use std::fs;
use std::path::{Path, PathBuf};

const LIMIT: usize = 600;

/// Files that are longer, and how long. This list may only shrink.
const EXCEPTIONS: &[(&str, usize)] = &[];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory of the tree").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn code_lines(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[test]
fn no_file_is_too_long() {
    let root = super::root();
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "the sources were not found below {}", root.display());
    let mut long = Vec::new();
    for file in files {
        let lines = code_lines(&fs::read_to_string(&file).expect("a source file"));
        let name = file.strip_prefix(&root).expect("it lies below").display().to_string();
        let limit = EXCEPTIONS.iter().find(|(exception, _)| *exception == name).map_or(LIMIT, |(_, lines)| *lines);
        if lines > limit {
            long.push(format!("{name}: {lines} lines, at most {limit}"));
        }
    }
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn unit_tests_at_the_end_do_not_count() {
    assert_eq!(code_lines("a\nb\n#[cfg(test)]\nmod tests {}\n"), 2);
}
