//! Changes how a publisher's portal looks.

use domain::Slug;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::prove_host::{HOST, claim, proof};
use super::{Actor, Thing, line_for_people, record, unknown_publisher};
use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::brands::{self, BrandRow};
use crate::store::{Tx, host_claims, publishers};
use crate::web::design::{Brand, Colour};
use crate::wire::{Branding, ChangeBranding, ImageKind, Look, NamesProof};

/// Most characters of the text on the page to log in.
const TEXT: usize = 500;

/// How the portal of a publisher within reach looks.
pub async fn branding_of(
    plane: &Plane,
    db: &impl ConnectionTrait,
    actor: &Actor,
    publisher: &Slug,
) -> Answer<Branding> {
    let found = publishers::name(db, &actor.reach, publisher).await?;
    found.ok_or_else(|| unknown_publisher(publisher))?;
    shown(plane, db, brands::of(db, publisher).await?).await
}

pub(super) async fn shown(plane: &Plane, db: &impl ConnectionTrait, row: BrandRow) -> Answer<Branding> {
    let claim = host_claims::wanted(db, &row.publisher).await?;
    Ok(Branding {
        host_proof: claim.as_ref().map(|claim| proof(plane, claim, row.host.as_deref())),
        ticket_address: plane.ticket_address(&row.publisher),
        portal_url: plane.portal_at(&row.publisher, row.host.as_deref()),
        contrasts: brand(&row.look).map(|brand| brand.contrasts()).unwrap_or_default(),
        publisher: row.publisher,
        version: row.version,
        look: row.look,
        images: row.images,
        host: claim.map(|claim| claim.host).or(row.host),
    })
}

/// The colours of a look, if it has some.
pub fn brand(look: &Look) -> Option<Brand> {
    let primary: Colour = look.colour.as_deref()?.parse().ok()?;
    let dark = look.dark_colour.as_deref().and_then(|text| text.parse().ok());
    Some(Brand { primary, dark: dark.unwrap_or(primary) })
}

/// Changes it.
pub async fn change_branding(
    plane: &Plane,
    actor: &Actor,
    publisher: &Slug,
    input: ChangeBranding,
) -> Answer<Branding> {
    let tx = plane.store.write().await?;
    let found = publishers::name(&*tx, &actor.reach, publisher).await?;
    found.ok_or_else(|| unknown_publisher(publisher))?;
    let mut row = brands::of(&*tx, publisher).await?;
    let changed = serde_json::to_value(&input).map_err(Refusal::internal)?;
    if let Some(host) = &input.host {
        change_host(plane, &tx, &mut row, host).await?;
    }
    row.look = look(row.look, input)?;
    brands::put(&tx, &row).await?;
    row.version += 1;
    let keys: Vec<&String> = changed.as_object().into_iter().flat_map(|all| all.keys()).collect();
    record(plane, &tx, actor, "branding.change", thing(publisher), json!({ "changed": keys })).await?;
    tx.commit().await?;
    plane.progress.changed();
    shown(plane, plane.store.read(), row).await
}

/// Gives a portal another host name of its own, or none: at once, or when it is proved.
async fn change_host(plane: &Plane, tx: &Tx, row: &mut BrandRow, text: &str) -> Answer<()> {
    let host = own_host(plane, text)?;
    let proof = plane.names_proof();
    match &host {
        Some(host) if proof == NamesProof::Dns => {
            // What is served is so until the new name is proved.
            return claim(plane, tx, &row.publisher, host, row.host.as_deref()).await;
        }
        Some(host) if brands::with_host(&**tx, host).await?.is_some_and(|other| other != row.publisher) => {
            return Err(taken(host));
        }
        // The proof of what is served stays.
        _ => {
            let same = host.as_deref().filter(|host| row.host.as_deref() == Some(*host));
            host_claims::forget_but(tx, &row.publisher, [same, None]).await?;
        }
    }
    row.host = host;
    Ok(())
}

fn taken(host: &str) -> Refusal {
    let detail = format!("{host} is another portal's or the platform's; choose a name of your own domain");
    Refusal::conflict("host-taken", detail)
}

fn thing(publisher: &Slug) -> Thing<'_> {
    Thing { id: publisher.to_string(), publisher: Some(publisher), ..Thing::default() }
}

/// The look with what is given.
pub fn look(mut look: Look, input: ChangeBranding) -> Answer<Look> {
    let given = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let line = |key: &str, text: String| given(text).map(|text| line_for_people(key, &text)).transpose();
    if let Some(text) = input.name {
        look.name = line("name", text)?;
    }
    if let Some(text) = input.colour {
        look.colour = given(text).map(colour).transpose()?;
    }
    if let Some(text) = input.dark_colour {
        look.dark_colour = given(text).map(colour).transpose()?;
    }
    if let Some(text) = input.login_title {
        look.login_title = line("login-title", text)?;
    }
    if let Some(text) = input.login_text {
        let bad = |c: char| c.is_control() && c != '\n' && c != '\r';
        if text.chars().count() > TEXT || text.contains(bad) {
            let detail = format!("the text on the page to log in may have {TEXT} characters; shorten it");
            return Err(Refusal::invalid("bad-login-text", detail));
        }
        look.login_text = given(text.replace('\r', ""));
    }
    if let Some(text) = input.mail_name {
        look.mail_name = line("mail-name", text)?;
    }
    if let Some(text) = input.reply_to {
        look.reply_to = given(text).map(|mail| super::log_in::normal_mail(&mail)).transpose()?;
    }
    Ok(look)
}

fn colour(text: String) -> Answer<String> {
    let read: Result<Colour, _> = text.parse();
    read.map(|colour| colour.to_string()).map_err(|error| Refusal::invalid("bad-colour", error.to_string()))
}

/// A host name of the portal's own; nothing for an empty one.
fn own_host(plane: &Plane, text: &str) -> Answer<Option<String>> {
    let host = text.trim().trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty() {
        return Ok(None);
    }
    let label = |label: &str| {
        let inner = label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or("");
    let named = last.bytes().any(|c| c.is_ascii_alphabetic());
    if host.len() > HOST || !host.contains('.') || !host.split('.').all(label) || !named {
        let detail = "write a host name such as portal.example.com: without https://, port and path";
        return Err(Refusal::invalid("bad-host", detail));
    }
    if plane.is_ours(&host) { Err(taken(&host)) } else { Ok(Some(host)) }
}

/// Most bytes of a picture.
pub fn most(kind: ImageKind) -> usize {
    match kind {
        ImageKind::Logo => 128 << 10,
        ImageKind::Picture => 512 << 10,
        ImageKind::Icon => 64 << 10,
    }
}

/// What a picture is, by what it begins with: what a sender says of it is worth nothing.
pub(super) fn media_type(content: &[u8]) -> Option<&'static str> {
    if content.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some("image/png");
    }
    if content.starts_with(b"\xff\xd8\xff") {
        return Some("image/jpeg");
    }
    if content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    let text = std::str::from_utf8(content).ok()?.trim_start_matches('\u{feff}').trim_start();
    let svg =
        text.starts_with("<svg") || (text.starts_with("<?xml") || text.starts_with("<!--")) && text.contains("<svg");
    svg.then_some("image/svg+xml")
}

/// Keeps a picture.
pub async fn put_image(
    plane: &Plane,
    actor: &Actor,
    publisher: &Slug,
    kind: ImageKind,
    content: &[u8],
) -> Answer<Branding> {
    let tx = plane.store.write().await?;
    publishers::name(&*tx, &actor.reach, publisher).await?.ok_or_else(|| unknown_publisher(publisher))?;
    let found = media_type(content).ok_or_else(|| {
        Refusal::invalid("bad-picture", "this is no picture that a portal can show; send a PNG, JPEG, WebP or SVG")
    })?;
    brands::put_image(&tx, publisher, kind, found, content).await?;
    image_changed(plane, tx, actor, publisher, kind, json!({ "type": found, "bytes": content.len() })).await
}

/// Takes a picture away.
pub async fn delete_image(plane: &Plane, actor: &Actor, publisher: &Slug, kind: ImageKind) -> Answer<Branding> {
    let tx = plane.store.write().await?;
    publishers::name(&*tx, &actor.reach, publisher).await?.ok_or_else(|| unknown_publisher(publisher))?;
    if !brands::delete_image(&tx, publisher, kind).await? {
        return Err(Refusal::missing("unknown-picture", "there is no such picture"));
    }
    image_changed(plane, tx, actor, publisher, kind, json!({ "deleted": true })).await
}

async fn image_changed(
    plane: &Plane,
    tx: Tx,
    actor: &Actor,
    publisher: &Slug,
    kind: ImageKind,
    mut detail: serde_json::Value,
) -> Answer<Branding> {
    brands::put(&tx, &brands::of(&*tx, publisher).await?).await?;
    let row = brands::of(&*tx, publisher).await?;
    detail["image"] = crate::wire::word(&kind).into();
    record(plane, &tx, actor, "branding.image", thing(publisher), detail).await?;
    tx.commit().await?;
    plane.progress.changed();
    shown(plane, plane.store.read(), row).await
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn a_picture_is_what_it_begins_with() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type("\u{feff} <svg xmlns=''/>".as_bytes()), Some("image/svg+xml"));
        assert_eq!(media_type(b"<?xml version='1.0'?><svg/>"), Some("image/svg+xml"));
        for bad in [&b"<html><svg>"[..], b"", b"GIF89a", b"RIFF....WAVE", b"\xff\xfe<svg"] {
            assert_eq!(media_type(bad), None, "{bad:?}");
        }
    }
}
