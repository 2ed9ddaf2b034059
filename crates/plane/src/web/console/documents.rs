//! What a publisher writes about an application for its customers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use domain::{Key, Slug};
use minijinja::value::merge_maps;
use minijinja::{Value, context};
use serde::Deserialize;

use super::apps::require_typed;
use super::{Console, value};
use crate::Plane;
use crate::access::STAFF;
use crate::operations::change_document::change_document;
use crate::operations::create_document::create_document;
use crate::operations::delete_document::delete_document;
use crate::operations::delete_image::delete_image;
use crate::operations::documents::{IMAGE, find_document, search_documents, unknown_document};
use crate::operations::keep_image::{image_name, keep_image};
use crate::operations::{Actor, app_key, unknown_app};
use crate::problem::{Answer, Refusal};
use crate::store::apps;
use crate::store::documents::{self, Text};
use crate::web::api::documents::picture;
use crate::web::documents::tree;
use crate::web::entry::{Form, again};
use crate::web::markdown::document;
use crate::web::receive::small_file;
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query};
use crate::wire::{App, ChangeDocument, CreateDocument, Document};

/// Pictures and texts that are shown.
const MOST: u64 = 200;

/// A page of the console about an application's documentation.
struct Docs<'a> {
    page: Console<'a>,
    key: Key,
    app: App,
}

impl<'a> Docs<'a> {
    async fn find(plane: &'a Plane, visit: &'a Visit, actor: &'a Actor, app: &str) -> Answer<Self> {
        let key = app_key(plane.store.read(), actor, app).await?;
        let app = apps::find(plane.store.read(), &key).await?.ok_or_else(|| unknown_app(app))?;
        Ok(Self { page: Console { plane, visit, actor }, key, app })
    }

    /// Where the application's pages are.
    fn app_base(&self) -> String {
        format!("{}/apps/{}", self.page.base(), self.key.slug)
    }

    fn base(&self) -> String {
        format!("{}/docs", self.app_base())
    }

    fn rendered(&self, markdown: &str) -> Value {
        Value::from_safe_string(document(markdown, &self.base(), &format!("{}/images", self.app_base())))
    }

    fn around(&self) -> Answer<Value> {
        Ok(context! {
            shell => self.page.shell("/apps")?,
            base => self.page.base(),
            app => value(&self.app),
            app_base => self.app_base(),
            docs => self.base(),
            may_write => self.page.is(STAFF),
        })
    }

    fn show(&self, template: &str, values: Value) -> Answer<Response> {
        let values = merge_maps([values, self.around()?]);
        Ok(self.page.plane.pages.page(&self.page.visit.view, template, values))
    }

    fn again(&self, refusal: Refusal, template: &str, values: Value) -> Answer<Response> {
        again(self.page.plane, self.page.visit, refusal, template, merge_maps([values, self.around()?]))
    }

    async fn list_values(&self, search: &str) -> Answer<Value> {
        let db = self.page.plane.store.read();
        let all = documents::list(db, &self.key, Text::Latest).await?;
        let found = search_documents(db, &self.key.publisher, Some(&self.key.slug), Text::Latest, search, 50).await?;
        let images = documents::images(db, &self.key, "", MOST).await?;
        Ok(context! {
            tree => value(&tree(&all, None)),
            search,
            found => value(&found),
            images => value(&images),
            csrf_of_form => self.page.visit.view.csrf.clone(),
        })
    }

    async fn one(&self, slug: &str) -> Answer<Document> {
        find_document(self.page.plane.store.read(), self.page.actor, &self.key, slug).await
    }

    async fn one_values(&self, slug: &str, number: Option<u32>) -> Answer<Value> {
        let db = self.page.plane.store.read();
        let mut document = self.one(slug).await?;
        let history = documents::revisions(db, &self.key, &document.slug, None, MOST).await?;
        if let Some(number) = number.filter(|number| *number != document.latest) {
            let old = documents::revision(db, &self.key, &document.slug, number).await?;
            let old = old.ok_or_else(|| unknown_document(slug))?;
            (document.title, document.text, document.revision) = (old.title, old.text, old.number);
            (document.written_by, document.written_at) = (old.written_by, old.written_at);
        }
        let all = documents::list(db, &self.key, Text::Latest).await?;
        Ok(context! {
            text => self.rendered(document.text.as_deref().unwrap_or("")),
            document => value(&document),
            tree => value(&tree(&all, Some(slug))),
            history => value(&history),
        })
    }

    /// The editor with what is being written, shown as customers will see it when that was asked for.
    async fn editor(&self, document: Option<&Document>, draft: &Draft, preview: bool) -> Answer<Value> {
        let all = documents::list(self.page.plane.store.read(), &self.key, Text::Latest).await?;
        let own = document.map(|document| document.slug.as_str());
        let tree = tree(&all, None);
        let parents: Vec<_> = tree.iter().filter(|one| Some(one.slug.as_str()) != own).collect();
        let images = documents::images(self.page.plane.store.read(), &self.key, "", MOST).await?;
        Ok(context! {
            document => document.map(value),
            draft => value(draft),
            parents => value(&parents),
            images => value(&images),
            preview => preview.then(|| self.rendered(&draft.text)),
        })
    }
}

/// What to look for.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
}

pub async fn list(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let docs = Docs::find(&plane, &visit, &actor, &app).await?;
    docs.show("console/docs.html", docs.list_values(&wanted.q).await?)
}

/// Which of a page's texts.
#[derive(Debug, Deserialize)]
pub struct Which {
    revision: Option<u32>,
}

pub async fn show(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app, slug)): Path<(String, String, String)>,
    Query(which): Query<Which>,
) -> Answer<Response> {
    let docs = Docs::find(&plane, &visit, &actor, &app).await?;
    docs.show("console/doc.html", docs.one_values(&slug, which.revision).await?)
}

/// A page that is being written.
#[derive(Debug, Default, Deserialize, serde::Serialize)]
pub struct Draft {
    #[serde(default)]
    slug: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    parent: String,
    #[serde(default)]
    position: String,
    #[serde(default)]
    text: String,
    /// The number of the text that was changed.
    #[serde(default)]
    read: String,
    /// `preview`, `draft` or `publish`.
    #[serde(default)]
    verb: String,
}

impl Draft {
    fn of(document: &Document) -> Self {
        Self {
            slug: document.slug.to_string(),
            title: document.title.clone(),
            parent: document.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
            position: document.position.to_string(),
            text: document.text.clone().unwrap_or_default(),
            read: document.latest.to_string(),
            verb: String::new(),
        }
    }

    /// Browsers send other ends of lines than people write.
    fn markdown(&self) -> String {
        self.text.replace("\r\n", "\n")
    }

    fn position(&self) -> Answer<Option<u32>> {
        let text = self.position.trim();
        let number = (!text.is_empty()).then(|| text.parse::<u32>().ok().filter(|place| *place <= 10_000));
        match number {
            Some(None) => Err(Refusal::invalid("bad-position", "the place is a number from 0 to 10000")),
            Some(place) => Ok(place),
            None => Ok(None),
        }
    }

    fn create(&self) -> Answer<CreateDocument> {
        let bad = |error: domain::name::BadName| Refusal::invalid("bad-slug", error.to_string());
        let parent = Some(self.parent.as_str()).filter(|parent| !parent.is_empty());
        Ok(CreateDocument {
            slug: self.slug.trim().parse().map_err(bad)?,
            title: self.title.clone(),
            text: self.markdown(),
            parent: parent.map(|parent| parent.parse::<Slug>().map_err(bad)).transpose()?,
            position: self.position()?,
            publish: self.verb == "publish",
        })
    }

    fn change(&self) -> Answer<ChangeDocument> {
        Ok(ChangeDocument {
            title: Some(self.title.clone()),
            text: Some(self.markdown()),
            parent: Some(self.parent.clone()),
            position: self.position()?,
            publish: (self.verb == "publish").then_some(true),
            read: self.read.parse().ok(),
        })
    }
}

pub async fn write(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
) -> Answer<Response> {
    let docs = Docs::find(&plane, &visit, &actor, &app).await?;
    docs.show("console/doc-edit.html", docs.editor(None, &Draft::default(), false).await?)
}

pub async fn create(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    Form(draft): Form<Draft>,
) -> Answer<Response> {
    let docs = Docs::find(&plane, &visit, &actor, &app).await?;
    if draft.verb == "preview" {
        return docs.show("console/doc-edit.html", docs.editor(None, &draft, true).await?);
    }
    let created = async { create_document(&plane, &actor, &docs.key, draft.create()?).await };
    match created.await {
        Ok(document) => Ok(lead(&format!("{}/{}", docs.base(), document.slug), Some(("good", done(&document))))),
        Err(refusal) => docs.again(refusal, "console/doc-edit.html", docs.editor(None, &draft, false).await?),
    }
}

pub async fn edit(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app, slug)): Path<(String, String, String)>,
) -> Answer<Response> {
    let docs = Docs::find(&plane, &visit, &actor, &app).await?;
    let document = docs.one(&slug).await?;
    docs.show("console/doc-edit.html", docs.editor(Some(&document), &Draft::of(&document), false).await?)
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app, slug)): Path<(String, String, String)>,
    Form(draft): Form<Draft>,
) -> Answer<Response> {
    let docs = Docs::find(&plane, &visit, &actor, &app).await?;
    let document = docs.one(&slug).await?;
    if draft.verb == "preview" {
        return docs.show("console/doc-edit.html", docs.editor(Some(&document), &draft, true).await?);
    }
    let changed = async { change_document(&plane, &actor, &docs.key, &slug, draft.change()?).await };
    match changed.await {
        Ok(document) => Ok(lead(&format!("{}/{slug}", docs.base()), Some(("good", done(&document))))),
        Err(refusal) => {
            docs.again(refusal, "console/doc-edit.html", docs.editor(Some(&document), &draft, false).await?)
        }
    }
}

fn done(document: &Document) -> &'static str {
    if document.published == Some(document.latest) { "done-doc-published" } else { "done-doc-kept" }
}

/// Which text is to be put back.
#[derive(Debug, Deserialize)]
pub struct Back {
    revision: Option<u32>,
    #[serde(default)]
    confirm: String,
}

pub async fn act(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app, slug, verb)): Path<(String, String, String, String)>,
    Form(back): Form<Back>,
) -> Answer<Response> {
    let docs = Docs::find(&plane, &visit, &actor, &app).await?;
    let change = |input| change_document(&plane, &actor, &docs.key, &slug, input);
    let acted = match verb.as_str() {
        "publish" => change(ChangeDocument { publish: Some(true), ..ChangeDocument::default() })
            .await
            .map(|_| "done-doc-published"),
        "hide" => change(ChangeDocument { publish: Some(false), ..ChangeDocument::default() })
            .await
            .map(|_| "done-doc-hidden"),
        "restore" => {
            let slug = docs.one(&slug).await?.slug;
            let number = back.revision.unwrap_or(0);
            let old = documents::revision(plane.store.read(), &docs.key, &slug, number).await?;
            let old = old.ok_or_else(|| unknown_document(&slug))?;
            change(ChangeDocument { title: Some(old.title), text: old.text, ..ChangeDocument::default() })
                .await
                .map(|_| "done-doc-restored")
        }
        "delete" => {
            let deleted = async {
                require_typed(&back.confirm, docs.one(&slug).await?.slug.as_str())?;
                delete_document(&plane, &actor, &docs.key, &slug).await
            };
            let deleted = deleted.await;
            if deleted.is_ok() {
                return Ok(lead(&docs.base(), Some(("good", "done-doc-deleted"))));
            }
            deleted.map(|()| "")
        }
        _ => return Err(Refusal::missing("unknown-path", "there is no such page")),
    };
    match acted {
        Ok(done) => Ok(lead(&format!("{}/{slug}", docs.base()), Some(("good", done)))),
        Err(refusal) => docs.again(refusal, "console/doc.html", docs.one_values(&slug, None).await?),
    }
}

pub async fn add_image(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let docs = Docs::find(&plane, &visit, &actor, &app).await?;
    let added = async {
        let (file, bytes) = small_file(request, "image", IMAGE).await?;
        keep_image(&plane, &actor, &docs.key, &image_name(&file), &bytes).await
    };
    match added.await {
        Ok(_) => Ok(lead(&docs.base(), Some(("good", "done-image")))),
        Err(refusal) => docs.again(refusal, "console/docs.html", docs.list_values("").await?),
    }
}

pub async fn image(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Path((_, app, name)): Path<(String, String, String)>,
    request: Request,
) -> Answer<Response> {
    let key = app_key(plane.store.read(), &actor, &app).await?;
    picture(&plane, &key, &name, request).await
}

pub async fn remove_image(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, app, name)): Path<(String, String, String)>,
) -> Answer<Response> {
    let docs = Docs::find(&plane, &visit, &actor, &app).await?;
    match delete_image(&plane, &actor, &docs.key, &name).await {
        Ok(()) => Ok(lead(&docs.base(), Some(("good", "done-image-deleted")))),
        Err(refusal) => docs.again(refusal, "console/docs.html", docs.list_values("").await?),
    }
}
