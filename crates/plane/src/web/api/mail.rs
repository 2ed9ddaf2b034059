//! Letters that others hand over: a mail service, or a mail server that passes them to a program.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sha2::{Digest, Sha256};

use crate::Plane;
use crate::guard;
use crate::incoming::LETTER_BYTES;
use crate::operations::Actor;
use crate::operations::receive_mail::receive_mail;
use crate::problem::{Answer, Refusal};
use crate::secret::hex;
use crate::web::json;

/// Time for a letter to arrive.
const TIME: Duration = Duration::from_secs(60);

pub async fn receive(State(plane): State<Arc<Plane>>, actor: Actor, request: Request) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    let _turn = plane.publishing.acquire().await.map_err(Refusal::internal)?;
    let collected = tokio::time::timeout(TIME, Limited::new(body, LETTER_BYTES).collect()).await;
    let raw = match collected {
        Err(_) => {
            let detail = format!("the letter did not arrive within {} seconds; send it again", TIME.as_secs());
            return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail));
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(Refusal::too_large("the letter", LETTER_BYTES as u64));
        }
        Ok(Err(error)) => {
            let detail = format!("the letter could not be read: {error}; send it again");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-body", detail));
        }
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    let once = guard::key_of(&parts.headers)?;
    let fingerprint = guard::fingerprint(&parts.method, &parts.uri, hex(&Sha256::digest(&raw)).as_bytes());
    let work = async {
        let taken = receive_mail(&plane, raw.to_vec()).await;
        taken.and_then(|taken| json(StatusCode::OK, &taken)).unwrap_or_else(IntoResponse::into_response)
    };
    match once {
        None => Ok(work.await),
        Some(once) => guard::idempotent(&plane, &actor, &once, &fingerprint, work).await,
    }
}
