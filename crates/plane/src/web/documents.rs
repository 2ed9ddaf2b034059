//! Pages about an application as console and portal show them: the tree beside the text.

use serde::Serialize;

use crate::wire::Document;

/// A page in the tree, in the order in which it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Branch {
    pub slug: String,
    pub title: String,
    /// Pages above it.
    pub level: usize,
    /// Whether customers see it.
    pub published: bool,
    /// Whether there is a newer text than the one they see.
    pub changed: bool,
    pub current: bool,
    pub written_at: u64,
    pub written_by: String,
}

/// The tree, each page before those below it. What stands below a page that is not there stands at the top.
pub fn tree(all: &[Document], current: Option<&str>) -> Vec<Branch> {
    let mut branches = Vec::with_capacity(all.len());
    let at_top =
        |one: &&Document| one.parent.as_ref().is_none_or(|parent| !all.iter().any(|page| page.slug == *parent));
    for one in all.iter().filter(at_top) {
        grow(all, one, 0, current, &mut branches);
    }
    branches
}

/// Pages in the order in which they are read.
pub fn in_order(mut all: Vec<Document>) -> Vec<Document> {
    let order = tree(&all, None);
    all.sort_by_key(|page| order.iter().position(|one| one.slug == page.slug.as_str()));
    all
}

fn grow(all: &[Document], one: &Document, level: usize, current: Option<&str>, into: &mut Vec<Branch>) {
    into.push(Branch {
        slug: one.slug.to_string(),
        title: one.title.clone(),
        level,
        published: one.published.is_some(),
        changed: one.published.is_some_and(|published| published != one.latest),
        current: current == Some(one.slug.as_str()),
        written_at: one.written_at,
        written_by: one.written_by.clone(),
    });
    for below in all.iter().filter(|page| page.parent.as_ref() == Some(&one.slug)) {
        grow(all, below, level + 1, current, into);
    }
}

/// The pages before and after this one in the order of reading.
pub fn neighbours<'a>(tree: &'a [Branch], slug: &str) -> (Option<&'a Branch>, Option<&'a Branch>) {
    let Some(at) = tree.iter().position(|one| one.slug == slug) else { return (None, None) };
    (at.checked_sub(1).and_then(|before| tree.get(before)), tree.get(at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(slug: &str, parent: Option<&str>, position: u32) -> Document {
        Document {
            publisher: "p".parse().unwrap(),
            app: "a".parse().unwrap(),
            slug: slug.parse().unwrap(),
            parent: parent.map(|parent| parent.parse().unwrap()),
            position,
            title: slug.to_uppercase(),
            revision: 2,
            latest: 2,
            published: Some(1),
            written_by: String::new(),
            written_at: 0,
            text: None,
            found: None,
        }
    }

    #[test]
    fn a_tree_is_read_from_the_top() {
        let all = [page("b", None, 1), page("c", Some("b"), 1), page("a", None, 2), page("lost", Some("hidden"), 3)];
        let tree = tree(&all, Some("c"));
        let shown: Vec<_> = tree.iter().map(|one| (one.slug.as_str(), one.level, one.current)).collect();
        assert_eq!(shown, [("b", 0, false), ("c", 1, true), ("a", 0, false), ("lost", 0, false)]);
        assert!(tree[0].changed);
        let (before, after) = neighbours(&tree, "c");
        assert_eq!((before.unwrap().slug.as_str(), after.unwrap().slug.as_str()), ("b", "a"));
        assert_eq!(neighbours(&tree, "b").0, None);
    }
}
