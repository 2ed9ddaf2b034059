//! How the portal looks, with a preview: by a form, and as one types where there is a script.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use minijinja::{Value, context};
use multer::{Constraints, Multipart, SizeLimit};
use serde::Deserialize;

use super::{Console, value};
use crate::Plane;
use crate::operations::Actor;
use crate::operations::change_branding::{
    brand, branding_of, change_branding, delete_image as delete, look, most, put_image as put,
};
use crate::operations::prove_host::prove_host as prove;
use crate::problem::{Answer, Refusal};
use crate::store::{brands, publishers};
use crate::web::api::branding::kind_of;
use crate::web::entry::{Form, again};
use crate::web::portal::brand::{picture, sheet};
use crate::web::receive::in_time;
use crate::web::visit::{Visit, lead};
use crate::web::{Path, Query};
use crate::wire::{ChangeBranding, ImageKind, Look, word};

const TEMPLATE: &str = "console/branding.html";
const PREVIEW: &str = "console/branding-preview.html";

/// Sent by the script for the part that changes.
const FRAGMENT: &str = "x-fragment";

/// What the form says.
#[derive(Debug, Default, Deserialize)]
pub struct Input {
    #[serde(default)]
    name: String,
    #[serde(default)]
    colour: String,
    #[serde(default)]
    dark_colour: String,
    /// Ticked to use the colour that stands above.
    one_colour: Option<String>,
    #[serde(default)]
    login_title: String,
    #[serde(default)]
    login_text: String,
    #[serde(default)]
    mail_name: String,
    #[serde(default)]
    reply_to: String,
    #[serde(default)]
    host: String,
}

impl Input {
    fn into_change(self) -> ChangeBranding {
        let dark_colour = if self.one_colour.is_some() { String::new() } else { self.dark_colour };
        ChangeBranding {
            name: Some(self.name),
            colour: Some(self.colour),
            dark_colour: Some(dark_colour),
            login_title: Some(self.login_title),
            login_text: Some(self.login_text),
            mail_name: Some(self.mail_name),
            reply_to: Some(self.reply_to),
            host: Some(self.host),
        }
    }
}

pub async fn show(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let values = values(&plane, &visit, &actor, None, "").await?;
    Ok(plane.pages.page(&visit.view, TEMPLATE, values))
}

/// `wished` is what a form says that was not accepted, or not yet.
async fn values(plane: &Plane, visit: &Visit, actor: &Actor, wished: Option<Look>, host: &str) -> Answer<Value> {
    let page = Console { plane, visit, actor };
    let db = plane.store.read();
    let publisher = page.publisher()?;
    let branding = branding_of(plane, db, actor, publisher).await?;
    let found = publishers::name(db, &actor.reach, publisher).await?;
    let look = wished.clone().unwrap_or_else(|| branding.look.clone());
    let host = if wished.is_some() { host.to_owned() } else { branding.host.clone().unwrap_or_default() };
    Ok(context! {
        shell => page.shell("/branding")?,
        base => page.base(),
        csrf_of_form => visit.view.csrf.clone(),
        branding => value(&branding),
        host,
        previewed => wished.is_some(),
        images => ImageKind::ALL.iter().map(|kind| context! {
            kind => word(kind),
            kib => most(*kind) >> 10,
            there => branding.images.contains(kind),
        }).collect::<Vec<_>>(),
        ..preview_values(&page.base(), &look, &branding, found)
    })
}

/// What the preview shows.
fn preview_values(base: &str, look: &Look, branding: &crate::wire::Branding, name: Option<String>) -> Value {
    let contrasts = brand(look).map(|brand| brand.contrasts()).unwrap_or_default();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, colour) in [("colour", &look.colour), ("dark_colour", &look.dark_colour)] {
        query.extend_pairs(colour.iter().map(|colour| (key, colour)));
    }
    let image = |kind: ImageKind| {
        branding
            .images
            .contains(&kind)
            .then(|| format!("{base}/branding/images/{}?v={}", word(&kind), branding.version))
    };
    context! {
        look => value(look),
        portal_name => look.name.clone().or(name),
        contrasts => value(&contrasts),
        preview_css => format!("{base}/branding/preview.css?{}", query.finish()),
        logo => image(ImageKind::Logo),
        picture => image(ImageKind::Picture),
    }
}

/// The page as it would be; only what changes, for the script.
pub async fn preview(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Query(input): Query<Input>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (host, input) = (input.host.clone(), input.into_change());
    match look(Look::default(), input) {
        Ok(wished) => {
            let values = values(&plane, &visit, &actor, Some(wished), &host).await?;
            let template = if headers.contains_key(FRAGMENT) { PREVIEW } else { TEMPLATE };
            Ok(plane.pages.page(&visit.view, template, values))
        }
        // Half a colour is not worth a word while one types.
        Err(_) if headers.contains_key(FRAGMENT) => {
            Ok(axum::response::IntoResponse::into_response(StatusCode::NO_CONTENT))
        }
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None, "").await?),
    }
}

/// Which colours.
#[derive(Debug, Deserialize)]
pub struct Colours {
    colour: Option<String>,
    dark_colour: Option<String>,
}

pub async fn preview_css(Query(colours): Query<Colours>) -> Answer<Response> {
    let look = Look { colour: colours.colour, dark_colour: colours.dark_colour, ..Look::default() };
    Ok(sheet(brand(&look).map(|brand| brand.css_of(".brand-preview")).unwrap_or_default()))
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Form(input): Form<Input>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let (base, host, input) = (page.base(), input.host.clone(), input.into_change());
    let wished = look(Look::default(), input.clone()).ok();
    match change_branding(&plane, &actor, page.publisher()?, input).await {
        Ok(_) => Ok(lead(&format!("{base}/branding"), Some(("good", "done-branding")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, wished, &host).await?),
    }
}

pub async fn prove_host(State(plane): State<Arc<Plane>>, visit: Visit, actor: Actor) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    match prove(&plane, &actor, page.publisher()?).await {
        Ok(_) => Ok(lead(&format!("{}/branding", page.base()), Some(("good", "done-host-proved")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None, "").await?),
    }
}

pub async fn image(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, file)): Path<(String, String)>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let found = brands::image(plane.store.read(), page.publisher()?, kind_of(&file)?).await?;
    let (media_type, content) = found.ok_or_else(|| Refusal::missing("unknown-picture", "there is no such picture"))?;
    picture(&media_type, content)
}

pub async fn put_image(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, image)): Path<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    let sent = async {
        let kind = kind_of(&image)?;
        let content = file_of(request, most(kind)).await?;
        put(&plane, &actor, page.publisher()?, kind, &content).await
    };
    match sent.await {
        Ok(_) => Ok(lead(&format!("{}/branding", page.base()), Some(("good", "done-branding")))),
        Err(refusal) => again(&plane, &visit, refusal, TEMPLATE, values(&plane, &visit, &actor, None, "").await?),
    }
}

/// The file of a form, of at most so many bytes.
async fn file_of(request: Request, most: usize) -> Answer<Vec<u8>> {
    let kind = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let boundary = multer::parse_boundary(kind.and_then(Result::ok).unwrap_or("")).map_err(|_| {
        Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "send a form with the file `file`")
    })?;
    let limit = SizeLimit::new().whole_stream(most as u64 + (64 << 10)).for_field("file", most as u64);
    let constraints = Constraints::new().size_limit(limit);
    let mut form = Multipart::with_constraints(request.into_body().into_data_stream(), boundary, constraints);
    let broken = |error: multer::Error| match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            Refusal::too_large("the picture", most as u64)
        }
        error => {
            let detail = format!("the picture did not arrive whole: {error}; send it again");
            Refusal::new(StatusCode::BAD_REQUEST, "bad-body", detail)
        }
    };
    while let Some(field) = in_time(form.next_field()).await?.map_err(broken)? {
        if field.name() == Some("file") {
            return Ok(in_time(field.bytes()).await?.map_err(broken)?.to_vec());
        }
    }
    Err(Refusal::invalid("no-picture", "choose a picture"))
}

pub async fn delete_image(
    State(plane): State<Arc<Plane>>,
    visit: Visit,
    actor: Actor,
    Path((_, image)): Path<(String, String)>,
) -> Answer<Response> {
    let page = Console { plane: &plane, visit: &visit, actor: &actor };
    delete(&plane, &actor, page.publisher()?, kind_of(&image)?).await?;
    Ok(lead(&format!("{}/branding", page.base()), Some(("good", "done-branding"))))
}
