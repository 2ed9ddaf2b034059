//! Writes a new page about an application.

use domain::Key;

use super::documents::{PAGES, check_parent, check_text, finish, keep_text};
use super::{Actor, line_for_people, unknown_app};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store;
use crate::store::documents::{self, Text};
use crate::wire::{CreateDocument, Document};

/// Writes it.
pub async fn create_document(plane: &Plane, actor: &Actor, app: &Key, input: CreateDocument) -> Answer<Document> {
    let title = line_for_people("title", &input.title)?;
    check_text(&input.text)?;
    let tx = plane.store.write().await?;
    if !store::lock_app(&tx, app).await? {
        return Err(unknown_app(&app.slug));
    }
    let all = documents::list(&*tx, app, Text::Latest).await?;
    if all.iter().any(|one| one.slug == input.slug) {
        let detail = format!("there is a page \"{}\" already; choose another slug, or change that page", input.slug);
        return Err(Refusal::conflict("document-exists", detail));
    }
    if all.len() as u64 >= PAGES {
        return Err(Refusal::conflict(
            "too-many-documents",
            format!("{} has {PAGES} pages, which is the most", app.slug),
        ));
    }
    check_parent(&all, &input.slug, input.parent.as_ref())?;
    let last = all.iter().filter(|one| one.parent == input.parent).map(|one| one.position).max();
    let document = Document {
        publisher: app.publisher.clone(),
        app: app.slug.clone(),
        slug: input.slug,
        parent: input.parent,
        position: input.position.unwrap_or_else(|| last.map_or(1, |last| last.saturating_add(1))),
        title,
        revision: 1,
        latest: 1,
        published: input.publish.then_some(1),
        written_by: actor.name().to_owned(),
        written_at: plane.now(),
        text: Some(input.text),
        found: None,
    };
    documents::keep(&tx, &document).await?;
    keep_text(&tx, app, &document).await?;
    finish(plane, tx, actor, "document.create", app, &document).await?;
    Ok(document)
}
