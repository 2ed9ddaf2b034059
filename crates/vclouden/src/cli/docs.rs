//! `vclouden docs`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use domain::Slug;
use futures_util::stream;
use plane::wire::{ChangeDocument, CreateDocument, Document, DocumentImage, DocumentRevision};
use tokio_util::bytes::Bytes;

use super::named::Named;
use super::{Context, example};
use crate::api::Api;
use crate::failure::{Failure, Outcome};
use crate::folder::{Folder, Page};
use crate::output::human::{bytes, now};
use crate::output::table::{Cell, Table};
use crate::output::{json, json_list, line};
use crate::sending::{Sending, answer};

/// What can be done with documentation.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Bring a directory of Markdown to the customers: new and changed pages and pictures are sent, others stay
    #[command(after_help = example!(
        "vclouden docs push my-app ./docs",
        "vclouden docs push my-app ./docs --draft",
        "vclouden docs push my-app ./docs --prune",
    ))]
    Push {
        /// The application
        app: Named,
        /// A directory of Markdown files; directories in it are pages with others below
        #[arg(default_value = "docs")]
        directory: PathBuf,
        /// Keep everything as drafts: customers see nothing new
        #[arg(long)]
        draft: bool,
        /// Delete pages that are not in the directory
        #[arg(long)]
        prune: bool,
    },
    /// List the pages of an application, or of all
    #[command(visible_alias = "ls", after_help = example!(
        "vclouden docs list my-app", "vclouden docs list --search \"export csv\""
    ))]
    List {
        /// The application [default: all]
        app: Option<Named>,
        /// Only pages with all these words
        #[arg(long)]
        search: Option<String>,
    },
    /// Print a page's Markdown
    #[command(after_help = example!("vclouden docs show my-app first-steps", "vclouden docs show my-app first-steps --revision 3"))]
    Show {
        #[command(flatten)]
        one: One,
        /// An older text, by its number in `vclouden docs history`
        #[arg(long)]
        revision: Option<u32>,
    },
    /// Show the latest text of a page to customers
    #[command(after_help = example!("vclouden docs publish my-app first-steps"))]
    Publish(One),
    /// Take a page away from customers; it stays as a draft
    #[command(after_help = example!("vclouden docs hide my-app first-steps"))]
    Hide(One),
    /// List every text that a page had
    #[command(after_help = example!("vclouden docs history my-app first-steps"))]
    History(One),
    /// Delete a page with its history
    #[command(after_help = example!("vclouden docs delete my-app first-steps"))]
    Delete(One),
    /// List the pictures of an application's pages
    #[command(after_help = example!("vclouden docs images my-app"))]
    Images {
        /// The application
        app: Named,
    },
    /// Save a picture in a file
    #[command(after_help = example!("vclouden docs image my-app start.png -o start.png"))]
    Image {
        /// The application
        app: Named,
        /// The picture's name
        name: String,
        /// The file to write [default: the picture's name]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Delete a picture
    #[command(after_help = example!("vclouden docs delete-image my-app old.png"))]
    DeleteImage {
        /// The application
        app: Named,
        /// The picture's name
        name: String,
    },
}

/// Which page.
#[derive(Debug, clap::Args)]
pub struct One {
    /// The application
    app: Named,
    /// The page's short name
    page: Slug,
}

impl One {
    fn path(&self) -> String {
        format!("/apps/{}/documents/{}", self.app, self.page)
    }
}

impl Noun {
    /// Does it.
    pub async fn run(self, context: &Context) -> Outcome {
        match self {
            Noun::Push { app, directory, draft, prune } => push(&app, &directory, draft, prune, context).await,
            Noun::List { app, search } => list(app.as_ref(), search, context).await,
            Noun::Show { one, revision } => show(&one, revision, context).await,
            Noun::Publish(one) => publish(&one, true, context).await,
            Noun::Hide(one) => publish(&one, false, context).await,
            Noun::History(one) => history(&one, context).await,
            Noun::Delete(one) => {
                context.api()?.delete::<serde_json::Value>(&one.path()).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": { "app": one.app, "page": one.page } }));
                }
                line(format!("Deleted the page {} of {}.", one.page, one.app));
                Ok(())
            }
            Noun::Images { app } => images(&app, context).await,
            Noun::Image { app, name, output } => save_image(&app, &name, output, context).await,
            Noun::DeleteImage { app, name } => {
                context.api()?.delete::<serde_json::Value>(&format!("/apps/{app}/images/{name}")).await?;
                if context.json {
                    return json(&serde_json::json!({ "deleted": { "app": app, "image": name } }));
                }
                line(format!("Deleted the picture {name} of {app}."));
                Ok(())
            }
        }
    }
}

/// What a push did.
#[derive(Debug, Default, serde::Serialize)]
struct Pushed {
    created: Vec<Slug>,
    changed: Vec<Slug>,
    deleted: Vec<Slug>,
    unchanged: usize,
    images: usize,
}

async fn push(app: &Named, directory: &Path, draft: bool, prune: bool, context: &Context) -> Outcome {
    let folder = Folder::read(directory)?;
    let api = context.api()?;
    let before: Vec<Document> = api.list(&format!("/apps/{app}/documents"), &[]).await?;
    let mut pushed = Pushed::default();
    let kept: Vec<DocumentImage> = api.list(&format!("/apps/{app}/images"), &[]).await?;
    for (name, path) in &folder.images {
        pushed.images += usize::from(send_image(&api, app, name, path, &kept).await?);
    }
    for page in &folder.pages {
        let there = before.iter().find(|one| one.slug == page.slug);
        send_page(&api, app, page, there, !draft, &mut pushed).await?;
    }
    if prune {
        let gone: Vec<&Document> =
            before.iter().filter(|one| !folder.pages.iter().any(|page| page.slug == one.slug)).collect();
        delete_all(&api, app, gone, &mut pushed).await?;
    }
    if context.json {
        return json(&pushed);
    }
    let Pushed { created, changed, deleted, unchanged, images } = pushed;
    line(format!(
        "{app}: {} new, {} changed, {unchanged} as they were, {} deleted; {images} pictures sent.",
        created.len(),
        changed.len(),
        deleted.len()
    ));
    line(if draft { "All are drafts: publish them with vclouden docs publish." } else { "Customers see them now." });
    Ok(())
}

async fn send_page(
    api: &Api,
    app: &Named,
    page: &Page,
    there: Option<&Document>,
    publish: bool,
    pushed: &mut Pushed,
) -> Outcome {
    let of_file = |failure: Failure| match failure {
        Failure::Problem { message, problem } => {
            Failure::Problem { message: format!("{}: {message}", page.file.display()), problem }
        }
        other => other,
    };
    let Some(there) = there else {
        let body = CreateDocument {
            slug: page.slug.clone(),
            title: page.title.clone(),
            text: page.text.clone(),
            parent: page.parent.clone(),
            position: Some(page.position),
            publish,
        };
        api.post::<Document>(&format!("/apps/{app}/documents"), &body).await.map_err(of_file)?;
        pushed.created.push(page.slug.clone());
        return Ok(());
    };
    let body = ChangeDocument {
        title: Some(page.title.clone()),
        text: Some(page.text.clone()),
        parent: Some(page.parent.as_ref().map(ToString::to_string).unwrap_or_default()),
        position: Some(page.position),
        publish: publish.then_some(true),
        read: None,
    };
    let path = format!("/apps/{app}/documents/{}", page.slug);
    let now: Document = api.post(&path, &body).await.map_err(of_file)?;
    let moved = (&now.parent, now.position, now.published) != (&there.parent, there.position, there.published);
    if now.latest != there.latest || moved {
        pushed.changed.push(page.slug.clone());
    } else {
        pushed.unchanged += 1;
    }
    Ok(())
}

/// Those below go before those above.
async fn delete_all(api: &Api, app: &Named, mut gone: Vec<&Document>, pushed: &mut Pushed) -> Outcome {
    while let Some(at) = gone.iter().position(|one| !gone.iter().any(|other| other.parent.as_ref() == Some(&one.slug)))
    {
        let one = gone.remove(at);
        api.delete::<serde_json::Value>(&format!("/apps/{app}/documents/{}", one.slug)).await?;
        pushed.deleted.push(one.slug.clone());
    }
    Ok(())
}

/// Sends a picture unless it is there already.
async fn send_image(api: &Api, app: &Named, name: &str, path: &Path, kept: &[DocumentImage]) -> Outcome<bool> {
    use sha2::{Digest, Sha256};
    let cannot = |error: std::io::Error| Failure::refused(format!("cannot read {}: {error}", path.display()));
    let data = tokio::fs::read(path).await.map_err(cannot)?;
    let hash: String = Sha256::digest(&data).iter().map(|byte| format!("{byte:02x}")).collect();
    if kept.iter().any(|image| image.name == name && image.sha256 == hash) {
        return Ok(false);
    }
    let sending = Sending {
        path: format!("/apps/{app}/images"),
        content_type: "application/octet-stream",
        length: Some(data.len() as u64),
        once: true,
        body: stream::iter([Ok(Bytes::from(data))]),
    };
    let response = sending.post(api, &[("name", name.to_owned())]).await?;
    answer::<DocumentImage>(api, response).await?;
    Ok(true)
}

async fn list(app: Option<&Named>, search: Option<String>, context: &Context) -> Outcome {
    let query: Vec<(&str, String)> = search.into_iter().map(|words| ("search", words)).collect();
    let path = app.map_or_else(|| "/documents".into(), |app| format!("/apps/{app}/documents"));
    let all: Vec<Document> = context.api()?.list(&path, &query).await?;
    if context.json {
        return json_list(&all);
    }
    let mut table = Table::new(&["APP", "PAGE", "TITLE", "BELOW", "SHOWN", "CHANGED", "BY"]);
    for one in &all {
        table.row([
            one.app.as_str().into(),
            one.slug.as_str().into(),
            one.title.as_str().into(),
            one.parent.as_ref().map_or_else(|| Cell::dim("-"), |parent| parent.as_str().into()),
            shown(one),
            Cell::time(one.written_at, now()),
            one.written_by.as_str().into(),
        ]);
    }
    let named = app.map_or_else(|| "APP".to_owned(), ToString::to_string);
    table.print(&format!("Nothing is written. Bring a directory of Markdown: vclouden docs push {named} DIR"));
    Ok(())
}

fn shown(one: &Document) -> Cell {
    match one.published {
        None => Cell::dim("draft"),
        Some(number) if number == one.latest => Cell::state_as("finished", "published"),
        Some(_) => Cell::state_as("undone", "newer draft"),
    }
}

async fn show(one: &One, revision: Option<u32>, context: &Context) -> Outcome {
    let api = context.api()?;
    let (title, text, whole) = match revision {
        None => {
            let document: Document = api.get(&one.path(), &[]).await?;
            (document.title.clone(), document.text.clone(), serde_json::to_value(document))
        }
        Some(number) => {
            let old: DocumentRevision = api.get(&format!("{}/revisions/{number}", one.path()), &[]).await?;
            (old.title.clone(), old.text.clone(), serde_json::to_value(old))
        }
    };
    if context.json {
        return json(&whole.map_err(|error| Failure::refused(error.to_string()))?);
    }
    line(format!("# {title}\n\n{}", text.unwrap_or_default()));
    Ok(())
}

async fn publish(one: &One, publish: bool, context: &Context) -> Outcome {
    let body = ChangeDocument { publish: Some(publish), ..ChangeDocument::default() };
    let now: Document = context.api()?.post(&one.path(), &body).await?;
    if context.json {
        return json(&now);
    }
    let done = if publish { "Customers see" } else { "Customers no longer see" };
    line(format!("{done} the page {} of {}.", one.page, one.app));
    Ok(())
}

async fn history(one: &One, context: &Context) -> Outcome {
    let all: Vec<DocumentRevision> = context.api()?.list(&format!("{}/revisions", one.path()), &[]).await?;
    if context.json {
        return json_list(&all);
    }
    let mut table = Table::new(&["TEXT", "TITLE", "WRITTEN", "BY"]);
    for text in &all {
        table.row([
            Cell::number(text.number),
            text.title.as_str().into(),
            Cell::time(text.written_at, now()),
            text.written_by.as_str().into(),
        ]);
    }
    table.print("No texts.");
    Ok(())
}

async fn images(app: &Named, context: &Context) -> Outcome {
    let all: Vec<DocumentImage> = context.api()?.list(&format!("/apps/{app}/images"), &[]).await?;
    if context.json {
        return json_list(&all);
    }
    let mut table = Table::new(&["PICTURE", "SIZE", "ADDED", "BY"]);
    for image in &all {
        table.row([
            image.name.as_str().into(),
            Cell::number(bytes(image.bytes)),
            Cell::time(image.added_at, now()),
            image.added_by.as_str().into(),
        ]);
    }
    table.print(&format!("No pictures. Those of a directory go along with vclouden docs push {app} DIR"));
    Ok(())
}

async fn save_image(app: &Named, name: &str, output: Option<PathBuf>, context: &Context) -> Outcome {
    let api = context.api()?;
    let output = output.unwrap_or_else(|| PathBuf::from(name.replace('/', "-")));
    let response = api.stream(&format!("/apps/{app}/images/{name}"), &[]).await?;
    let lost = |error| Failure::Unreachable(format!("the connection to {} broke: {error}. Try again", api.base()));
    let data = response.bytes().await.map_err(lost)?;
    tokio::fs::write(&output, &data).await.map_err(|error| {
        Failure::refused(format!("cannot write {}: {error}. Give another file with -o", output.display()))
    })?;
    if context.json {
        return json(&serde_json::json!({ "file": output, "bytes": data.len() }));
    }
    line(format!("Wrote {}, {}.", output.display(), bytes(data.len() as u64)));
    Ok(())
}
