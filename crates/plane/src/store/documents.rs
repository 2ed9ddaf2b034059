//! Pages that a publisher writes about an application, every text they had, and their pictures.

use domain::{Key, Slug};
use nimbus_api::Millis;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Result, Rows, Tx, all, big, get, maybe_big, maybe_number, number, one, parse, run, text};
use crate::wire::{Document, DocumentImage, DocumentRevision};

/// Which text of each page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// The latest, for those who write them.
    Latest,
    /// The one that customers see. A page that is not published does not exist.
    Published,
}

impl Text {
    fn sql(self, with_text: bool) -> String {
        let column = match self {
            Text::Latest => "latest",
            Text::Published => "published",
        };
        let body = if with_text { "r.text" } else { "''" };
        format!(
            "SELECT d.publisher, d.app, d.slug, d.parent, d.position, d.latest, d.published, r.title, {body} AS text, \
             r.words, r.number, r.written_by, r.written_at FROM documents d JOIN document_revisions r \
             ON r.publisher = d.publisher AND r.app = d.app AND r.document = d.slug AND r.number = d.{column}"
        )
    }
}

fn read(row: &QueryResult, with_text: bool) -> Result<Document> {
    let parent: String = get(row, "parent")?;
    Ok(Document {
        publisher: parse(row, "publisher")?,
        app: parse(row, "app")?,
        slug: parse(row, "slug")?,
        parent: if parent.is_empty() { None } else { Some(parse(row, "parent")?) },
        position: number(row, "position")?,
        title: get(row, "title")?,
        revision: number(row, "number")?,
        latest: number(row, "latest")?,
        published: maybe_number(row, "published")?,
        written_by: get(row, "written_by")?,
        written_at: number(row, "written_at")?,
        text: if with_text { Some(get(row, "text")?) } else { None },
        found: None,
    })
}

/// All pages of an application in the order of their siblings, without their texts.
pub async fn list(db: &impl ConnectionTrait, app: &Key, which: Text) -> Rows<Document> {
    let sql = format!("{} WHERE d.publisher = $1 AND d.app = $2 ORDER BY d.position, d.slug", which.sql(false));
    all(db, &sql, [text(&app.publisher), text(&app.slug)], |row| read(row, false)).await
}

/// How many pages an application has.
pub async fn count(db: &impl ConnectionTrait, app: &Key) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM documents WHERE publisher = $1 AND app = $2";
    super::count(db, sql, [text(&app.publisher), text(&app.slug)]).await
}

/// Applications of a publisher that have something to read, with how many pages.
pub async fn published_apps(db: &impl ConnectionTrait, publisher: &Slug) -> Rows<(Slug, String, u64)> {
    let sql = "SELECT a.slug, a.name, COUNT(*) AS n FROM documents d JOIN apps a ON a.publisher = d.publisher \
               AND a.slug = d.app WHERE d.publisher = $1 AND d.published IS NOT NULL GROUP BY a.slug, a.name ORDER BY a.slug";
    all(db, sql, [text(publisher)], |row| Ok((parse(row, "slug")?, get(row, "name")?, number(row, "n")?))).await
}

/// Pages of a publisher, or of one of its applications, that hold all these words, folded as [`crate::operations::documents::fold`]
/// does; those with the first word in the title first.
pub async fn search(
    db: &impl ConnectionTrait,
    publisher: &Slug,
    app: Option<&Slug>,
    which: Text,
    words: &[String],
    limit: u64,
) -> Rows<Document> {
    let mut values = vec![text(publisher), big(limit)];
    let mut sql = format!("{} WHERE d.publisher = $1", which.sql(true));
    if let Some(app) = app {
        values.push(text(app));
        sql.push_str(&format!(" AND d.app = ${}", values.len()));
    }
    for word in words {
        values.push(text(like(word)));
        sql.push_str(&format!(" AND r.words LIKE ${} ESCAPE '!'", values.len()));
    }
    // The title is the first line of the words.
    values.push(text(words.first().map_or("%".into(), |word| like(word))));
    let title = format!("CASE WHEN LOWER(r.title) LIKE ${} ESCAPE '!' THEN 0 ELSE 1 END", values.len());
    sql.push_str(&format!(" ORDER BY {title}, d.app, d.position, d.slug LIMIT $2"));
    all(db, &sql, values, |row| read(row, true)).await
}

fn like(word: &str) -> String {
    let escaped: String =
        word.chars().flat_map(|c| matches!(c, '%' | '_' | '!').then_some('!').into_iter().chain([c])).collect();
    format!("%{escaped}%")
}

/// A page with its text.
pub async fn find(db: &impl ConnectionTrait, app: &Key, slug: &Slug, which: Text) -> Result<Option<Document>> {
    let sql = format!("{} WHERE d.publisher = $1 AND d.app = $2 AND d.slug = $3", which.sql(true));
    one(db, &sql, values_of(app, slug)).await?.map(|row| read(&row, true)).transpose()
}

fn values_of(app: &Key, slug: &Slug) -> [sea_orm::Value; 3] {
    [text(&app.publisher), text(&app.slug), text(slug)]
}

/// Keeps a new page, or where a page stands and which of its texts are shown.
pub async fn keep(tx: &Tx, document: &Document) -> Result<()> {
    let sql = "INSERT INTO documents (publisher, app, slug, parent, position, latest, published) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (publisher, app, slug) DO UPDATE SET \
               parent = $4, position = $5, latest = $6, published = $7";
    let values = [
        text(&document.publisher),
        text(&document.app),
        text(&document.slug),
        text(document.parent.as_ref().map_or("", |parent| parent.as_str())),
        big(document.position.into()),
        big(document.latest.into()),
        maybe_big(document.published.map(u64::from)),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// A text to be kept.
pub struct Revision<'a> {
    /// Consecutive per page, from 1.
    pub number: u32,
    /// Its title then.
    pub title: &'a str,
    /// Markdown.
    pub text: &'a str,
    /// For the search.
    pub words: &'a str,
    /// Who wrote it.
    pub by: &'a str,
    /// When.
    pub at: Millis,
}

/// Keeps a text of a page.
pub async fn keep_revision(tx: &Tx, app: &Key, slug: &Slug, revision: &Revision<'_>) -> Result<()> {
    let sql = "INSERT INTO document_revisions (publisher, app, document, number, title, text, words, written_by, written_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let mut values = values_of(app, slug).to_vec();
    values.extend([
        big(revision.number.into()),
        text(revision.title),
        text(revision.text),
        text(revision.words),
        text(revision.by),
        big(revision.at),
    ]);
    run(&**tx, sql, values).await?;
    Ok(())
}

fn read_revision(row: &QueryResult) -> Result<DocumentRevision> {
    Ok(DocumentRevision {
        number: number(row, "number")?,
        title: get(row, "title")?,
        written_by: get(row, "written_by")?,
        written_at: number(row, "written_at")?,
        text: None,
    })
}

/// What a page has said, newest first, those before number `before`; without the texts.
pub async fn revisions(
    db: &impl ConnectionTrait,
    app: &Key,
    slug: &Slug,
    before: Option<u32>,
    limit: u64,
) -> Rows<DocumentRevision> {
    let sql = "SELECT number, title, written_by, written_at FROM document_revisions WHERE publisher = $1 AND app = $2 \
               AND document = $3 AND number < $4 ORDER BY number DESC LIMIT $5";
    let mut values = values_of(app, slug).to_vec();
    values.extend([big(before.map_or(u64::from(u32::MAX) + 1, u64::from)), big(limit)]);
    all(db, sql, values, read_revision).await
}

/// One of its texts.
pub async fn revision(
    db: &impl ConnectionTrait,
    app: &Key,
    slug: &Slug,
    number: u32,
) -> Result<Option<DocumentRevision>> {
    let sql = "SELECT number, title, text, written_by, written_at FROM document_revisions WHERE publisher = $1 AND app = $2 \
               AND document = $3 AND number = $4";
    let mut values = values_of(app, slug).to_vec();
    values.push(big(number.into()));
    let row = one(db, sql, values).await?;
    row.map(|row| Ok(DocumentRevision { text: Some(get(&row, "text")?), ..read_revision(&row)? })).transpose()
}

/// Deletes the oldest texts of a page beyond the newest `keep`, but never the one that customers see.
pub async fn forget_revisions(tx: &Tx, app: &Key, slug: &Slug, keep: u32) -> Result<()> {
    let sql = "DELETE FROM document_revisions WHERE publisher = $1 AND app = $2 AND document = $3 AND number <= \
               (SELECT latest - $4 FROM documents WHERE publisher = $1 AND app = $2 AND slug = $3) AND number <> \
               (SELECT COALESCE(published, 0) FROM documents WHERE publisher = $1 AND app = $2 AND slug = $3)";
    let mut values = values_of(app, slug).to_vec();
    values.push(big(keep.into()));
    run(&**tx, sql, values).await?;
    Ok(())
}

/// How many pages stand directly below one.
pub async fn count_below(db: &impl ConnectionTrait, app: &Key, slug: &Slug) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM documents WHERE publisher = $1 AND app = $2 AND parent = $3";
    super::count(db, sql, values_of(app, slug)).await
}

/// Deletes a page with its history.
pub async fn delete(tx: &Tx, app: &Key, slug: &Slug) -> Result<()> {
    let sql = "DELETE FROM document_revisions WHERE publisher = $1 AND app = $2 AND document = $3";
    run(&**tx, sql, values_of(app, slug)).await?;
    run(&**tx, "DELETE FROM documents WHERE publisher = $1 AND app = $2 AND slug = $3", values_of(app, slug)).await?;
    Ok(())
}

/// Deletes all pages of an application and the names of its pictures.
pub async fn delete_of_app(tx: &Tx, app: &Key) -> Result<()> {
    for table in ["document_revisions", "document_images", "documents"] {
        let sql = format!("DELETE FROM {table} WHERE publisher = $1 AND app = $2");
        run(&**tx, &sql, [text(&app.publisher), text(&app.slug)]).await?;
    }
    Ok(())
}

fn read_image(row: &QueryResult) -> Result<DocumentImage> {
    Ok(DocumentImage {
        name: get(row, "name")?,
        sha256: get(row, "sha256")?,
        bytes: number(row, "bytes")?,
        added_by: get(row, "added_by")?,
        added_at: number(row, "added_at")?,
    })
}

/// The pictures of an application by name, those after `after`.
pub async fn images(db: &impl ConnectionTrait, app: &Key, after: &str, limit: u64) -> Rows<DocumentImage> {
    let sql = "SELECT name, sha256, bytes, added_by, added_at FROM document_images WHERE publisher = $1 AND app = $2 \
               AND name > $3 ORDER BY name LIMIT $4";
    all(db, sql, [text(&app.publisher), text(&app.slug), text(after), big(limit)], read_image).await
}

/// One of them.
pub async fn image(db: &impl ConnectionTrait, app: &Key, name: &str) -> Result<Option<DocumentImage>> {
    let sql = "SELECT name, sha256, bytes, added_by, added_at FROM document_images WHERE publisher = $1 AND app = $2 \
               AND name = $3";
    let row = one(db, sql, [text(&app.publisher), text(&app.slug), text(name)]).await?;
    row.map(|row| read_image(&row)).transpose()
}

/// Keeps a picture's name; what had that name has it no more.
pub async fn keep_image(tx: &Tx, app: &Key, image: &DocumentImage) -> Result<()> {
    let sql = "INSERT INTO document_images (publisher, app, name, sha256, bytes, added_by, added_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (publisher, app, name) DO UPDATE SET \
               sha256 = $4, bytes = $5, added_by = $6, added_at = $7";
    let values = [
        text(&app.publisher),
        text(&app.slug),
        text(&image.name),
        text(&image.sha256),
        big(image.bytes),
        text(&image.added_by),
        big(image.added_at),
    ];
    run(&**tx, sql, values).await?;
    Ok(())
}

/// Deletes a picture's name.
pub async fn delete_image(tx: &Tx, app: &Key, name: &str) -> Result<()> {
    let sql = "DELETE FROM document_images WHERE publisher = $1 AND app = $2 AND name = $3";
    run(&**tx, sql, [text(&app.publisher), text(&app.slug), text(name)]).await?;
    Ok(())
}

/// Whether any picture of the publisher has this content.
pub async fn uses_content(db: &impl ConnectionTrait, publisher: &Slug, sha256: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM document_images WHERE publisher = $1 AND sha256 = $2";
    Ok(super::count(db, sql, [text(publisher), text(sha256)]).await? > 0)
}

/// The contents of an application's pictures.
pub async fn contents(db: &impl ConnectionTrait, app: &Key) -> Rows<String> {
    let sql = "SELECT DISTINCT sha256 FROM document_images WHERE publisher = $1 AND app = $2";
    all(db, sql, [text(&app.publisher), text(&app.slug)], |row| get(row, "sha256")).await
}

/// Bytes of a publisher's pictures, each name counted.
pub async fn image_bytes(db: &impl ConnectionTrait, publisher: &Slug) -> Result<u64> {
    let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS n FROM document_images WHERE publisher = $1";
    super::count(db, sql, [text(publisher)]).await
}
