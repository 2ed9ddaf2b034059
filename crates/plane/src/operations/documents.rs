//! What everything about the documentation of applications has in common: its rules, and the search.

use domain::{Key, Slug};
use sea_orm::ConnectionTrait;
use serde_json::json;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{Actor, Thing, record, short};
use crate::Plane;
use crate::access::Reach;
use crate::problem::{Answer, Refusal};
use crate::store::Tx;
use crate::store::documents::{self, Revision, Text};
use crate::web::markdown;
use crate::wire::Document;

/// Most bytes of a text.
pub const TEXT: usize = 64 << 10;

/// Most pages of an application.
pub const PAGES: u64 = 500;

/// Levels of the tree.
const DEPTH: usize = 4;

/// Texts of a page that are kept.
pub(super) const REVISIONS: u32 = 100;

/// Most bytes of a picture.
pub const IMAGE: usize = 2 << 20;

/// Most bytes of all pictures of a publisher.
pub(super) const IMAGES: u64 = 200 << 20;

/// Words that a search takes.
const TERMS: usize = 8;

/// Which texts an actor sees: customers see what is published.
pub fn text_for(actor: &Actor) -> Text {
    if matches!(actor.reach, Reach::Customer(_)) { Text::Published } else { Text::Latest }
}

/// There is no such page.
pub fn unknown_document(slug: impl std::fmt::Display) -> Refusal {
    let detail = format!("there is no page \"{}\"; list them with `vclouden docs list`", short(&slug.to_string()));
    Refusal::missing("unknown-document", detail)
}

/// The page of that name, as this actor sees it.
pub async fn find_document(db: &impl ConnectionTrait, actor: &Actor, app: &Key, slug: &str) -> Answer<Document> {
    let unknown = || unknown_document(slug);
    let slug: Slug = slug.parse().map_err(|_| unknown())?;
    let found = documents::find(db, app, &slug, text_for(actor)).await?;
    found.map(|found| seen_by(actor, found)).ok_or_else(unknown)
}

/// What an actor may know of a page: customers nothing of texts that are not published.
pub fn seen_by(actor: &Actor, mut document: Document) -> Document {
    if text_for(actor) == Text::Published {
        document.latest = document.revision;
    }
    document
}

pub(super) async fn finish(
    plane: &Plane,
    tx: Tx,
    actor: &Actor,
    verb: &'static str,
    app: &Key,
    document: &Document,
) -> Answer<()> {
    let thing = Thing::of_app(app, format!("{}/{}", app.slug, document.slug), Some(document.title.clone()));
    let detail = json!({ "revision": document.latest, "published": document.published });
    record(plane, &tx, actor, verb, thing, detail).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(())
}

pub(super) async fn keep_text(tx: &Tx, app: &Key, document: &Document) -> Answer<()> {
    let text = document.text.as_deref().unwrap_or("");
    let words = fold(&format!("{}\n{}", document.title, markdown::plain(text)));
    let revision = Revision {
        number: document.latest,
        title: &document.title,
        text,
        words: &words,
        by: &document.written_by,
        at: document.written_at,
    };
    Ok(documents::keep_revision(tx, app, &document.slug, &revision).await?)
}

pub(super) fn check_text(text: &str) -> Answer<()> {
    if text.len() > TEXT {
        let detail = format!("the text has {} bytes and may have {TEXT}; make two pages of it", text.len());
        return Err(Refusal::invalid("bad-document", detail));
    }
    if text.chars().any(|c| c == '\0') {
        return Err(Refusal::invalid("bad-document", "the text holds the character NUL; take it out"));
    }
    Ok(())
}

/// A page stands below one that there is, not below itself, and not too deep.
pub(super) fn check_parent(all: &[Document], slug: &Slug, parent: Option<&Slug>) -> Answer<()> {
    let bad = |detail: String| Err(Refusal::invalid("bad-parent", detail));
    let mut above = parent;
    let mut depth = height(all, slug, 0);
    while let Some(one) = above {
        if one == slug {
            return bad(format!("page {slug} cannot stand below itself; choose another page"));
        }
        let Some(found) = all.iter().find(|page| page.slug == *one) else {
            return bad(format!("there is no page \"{one}\" to stand below; write it first"));
        };
        depth += 1;
        if depth >= DEPTH {
            return bad(format!("the tree has at most {DEPTH} levels; choose a page further up"));
        }
        above = found.parent.as_ref();
    }
    Ok(())
}

/// Levels below a page.
fn height(all: &[Document], slug: &Slug, so_far: usize) -> usize {
    if so_far >= DEPTH {
        return so_far;
    }
    let below = all.iter().filter(|page| page.parent.as_ref() == Some(slug));
    below.map(|page| 1 + height(all, &page.slug, so_far + 1)).max().unwrap_or(0)
}

/// What is the same to somebody who searches: no capitals, no accents.
pub fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// The words that somebody searches for.
pub fn terms(search: &str) -> Vec<String> {
    fold(search).split_whitespace().take(TERMS).map(|word| word.chars().take(50).collect()).collect()
}

/// Pages of a publisher, or of one application, that hold all the words of `wanted`, each with the words around the first.
pub async fn search_documents(
    db: &impl ConnectionTrait,
    publisher: &Slug,
    app: Option<&Slug>,
    which: Text,
    wanted: &str,
    limit: u64,
) -> Answer<Vec<Document>> {
    let terms = terms(wanted);
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let found = documents::search(db, publisher, app, which, &terms, limit).await?;
    let shown = found.into_iter().map(|mut document| {
        let text = document.text.take().unwrap_or_default();
        document.found = Some(around(&markdown::plain(&text), &terms));
        document
    });
    Ok(shown.collect())
}

/// Some words before and after the first that is found.
fn around(text: &str, terms: &[String]) -> String {
    const BEFORE: usize = 60;
    const LENGTH: usize = 180;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let chars: Vec<char> = text.chars().collect();
    // Where each character of the folded text came from.
    let mut folded = String::new();
    let mut from = Vec::new();
    for (index, c) in chars.iter().enumerate() {
        let one = fold(&c.to_string());
        from.extend(std::iter::repeat_n(index, one.len()));
        folded.push_str(&one);
    }
    let at = terms.iter().filter_map(|term| folded.find(term.as_str())).min();
    let at = at.and_then(|at| from.get(at)).copied().unwrap_or(0);
    let start = at.saturating_sub(BEFORE);
    let start = if start == 0 { 0 } else { (start..at).find(|i| chars[*i] == ' ').map_or(start, |space| space + 1) };
    let end = (start + LENGTH).min(chars.len());
    let words: String = chars[start..end].iter().collect();
    format!("{}{}{}", if start > 0 { "… " } else { "" }, words.trim(), if end < chars.len() { " …" } else { "" })
}

/// There is no such picture.
pub fn unknown_image(name: &str) -> Refusal {
    Refusal::missing("unknown-image", format!("there is no picture \"{}\"", short(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_searches_finds_whatever_the_accents() {
        assert_eq!(fold("ÁRBOL Ñandú"), "arbol nandu");
        assert_eq!(terms("  Año   NUEVO "), ["ano", "nuevo"]);
        let text = format!("{} la contraseña nueva {}", "palabra ".repeat(30), "otra ".repeat(60));
        let found = around(&text, &["contrasena".into()]);
        assert!(
            found.starts_with("… palabra") && found.contains("la contraseña nueva otra") && found.ends_with('…'),
            "{found}"
        );
        assert_eq!(around("corto", &["x".into()]), "corto");
    }
}
