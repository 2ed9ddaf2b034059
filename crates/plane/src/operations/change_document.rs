//! Changes a page about an application: its text, where it stands, whether customers see it.

use domain::Key;

use super::documents::{REVISIONS, check_parent, check_text, find_document, finish, keep_text, unknown_document};
use super::{Actor, line_for_people, unknown_app};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store;
use crate::store::documents::{self, Text};
use crate::wire::{ChangeDocument, Document};

/// Changes it.
pub async fn change_document(
    plane: &Plane,
    actor: &Actor,
    app: &Key,
    slug: &str,
    input: ChangeDocument,
) -> Answer<Document> {
    let tx = plane.store.write().await?;
    if !store::lock_app(&tx, app).await? {
        return Err(unknown_app(&app.slug));
    }
    let mut document = find_document(&*tx, actor, app, slug).await?;
    if input.read.is_some_and(|read| read != document.latest) {
        let detail = format!(
            "{} has written this page meanwhile; look at that text first and write yours into it",
            document.written_by
        );
        return Err(Refusal::conflict("document-changed", detail));
    }
    if let Some(parent) = &input.parent {
        let parent = Some(parent.as_str()).filter(|parent| !parent.is_empty());
        let parent = parent.map(|parent| parent.parse().map_err(|_| unknown_document(parent))).transpose()?;
        let all = documents::list(&*tx, app, Text::Latest).await?;
        check_parent(&all, &document.slug, parent.as_ref())?;
        document.parent = parent;
    }
    document.position = input.position.unwrap_or(document.position);
    let title = input.title.map(|title| line_for_people("title", &title)).transpose()?;
    let title = title.filter(|title| *title != document.title);
    let text = input.text.filter(|text| Some(text) != document.text.as_ref());
    if let Some(text) = &text {
        check_text(text)?;
    }
    if title.is_some() || text.is_some() {
        document.title = title.unwrap_or(document.title);
        document.text = text.or(document.text);
        document.latest += 1;
        document.revision = document.latest;
        (document.written_by, document.written_at) = (actor.name().to_owned(), plane.now());
        keep_text(&tx, app, &document).await?;
    }
    match input.publish {
        Some(true) => document.published = Some(document.latest),
        Some(false) => document.published = None,
        None => {}
    }
    documents::keep(&tx, &document).await?;
    documents::forget_revisions(&tx, app, &document.slug, REVISIONS).await?;
    finish(plane, tx, actor, "document.change", app, &document).await?;
    Ok(document)
}
