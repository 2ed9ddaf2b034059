//! Keeps a picture for the pages of an application.

use domain::Key;
use http::StatusCode;
use serde_json::json;

use super::documents::{IMAGES, fold};
use super::{Actor, Thing, record, unknown_app};
use crate::Plane;
use crate::files::picture_type;
use crate::problem::{Answer, Refusal};
use crate::store::{self, documents};
use crate::wire::DocumentImage;

/// What a picture may be called.
fn check_image_name(name: &str) -> Answer<()> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 80 || name.starts_with('.') || !name.chars().all(fine) {
        let detail = "a picture's name has 1 to 80 of a-z, 0-9, hyphen, underscore and point, such as first-steps.png";
        return Err(Refusal::invalid("bad-image-name", detail));
    }
    Ok(())
}

/// A file's name as a picture may be called.
pub fn image_name(file: &str) -> String {
    let last = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let name: String = fold(last)
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .collect();
    name.trim_start_matches('.').chars().take(80).collect()
}

/// Keeps a picture under a name; what had that name is replaced.
pub async fn keep_image(plane: &Plane, actor: &Actor, app: &Key, name: &str, bytes: &[u8]) -> Answer<DocumentImage> {
    check_image_name(name)?;
    if picture_type(bytes).is_none() {
        let detail = "this is no picture that pages can show; send PNG, JPEG, WebP or GIF";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad-image", detail));
    }
    let _files = plane.artifacts.lock().await;
    let tx = plane.store.write().await?;
    if !store::lock_app(&tx, app).await? {
        return Err(unknown_app(&app.slug));
    }
    let before = documents::image(&*tx, app, name).await?;
    let used = documents::image_bytes(&*tx, &app.publisher).await? - before.as_ref().map_or(0, |image| image.bytes);
    if used + bytes.len() as u64 > IMAGES {
        let detail = format!("the pictures of a publisher may have {} MiB together; delete some first", IMAGES >> 20);
        return Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "too-many-images", detail));
    }
    // The file first: a row must never name content that is not there.
    let sha256 = plane.images.keep(&app.publisher, bytes).map_err(cannot_keep)?;
    let image = DocumentImage {
        name: name.to_owned(),
        sha256,
        bytes: bytes.len() as u64,
        added_by: actor.name().to_owned(),
        added_at: plane.now(),
    };
    documents::keep_image(&tx, app, &image).await?;
    let thing = Thing::of_app(app, format!("{}/{name}", app.slug), None);
    record(plane, &tx, actor, "document.image", thing, json!({ "bytes": image.bytes })).await?;
    let unused = match before {
        Some(old) if !documents::uses_content(&*tx, &app.publisher, &old.sha256).await? => Some(old.sha256),
        _ => None,
    };
    tx.commit().await?;
    if let Some(unused) = unused {
        plane.images.delete(&app.publisher, &unused).map_err(Refusal::internal)?;
    }
    Ok(image)
}

fn cannot_keep(error: std::io::Error) -> Refusal {
    if error.kind() == std::io::ErrorKind::StorageFull {
        let detail = "the control plane's disk is full: the picture was not kept; make room and send it again";
        return Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", detail);
    }
    Refusal::internal(error)
}

#[cfg(test)]
mod tests {
    use super::image_name;

    #[test]
    fn names_of_files_become_names_of_pictures() {
        assert_eq!(image_name("C:\\Mis fotos\\Año 1.PNG"), "ano-1.png");
        assert_eq!(image_name("../.x"), "x");
    }
}
