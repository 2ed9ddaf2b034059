//! Command lines that log in by a person's browser. Whoever asks has no token yet.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::Plane;
use crate::operations::device_login;
use crate::problem::Answer;
use crate::strangers::Peer;
use crate::web::{Json, json};
use crate::wire::{BeginDeviceLogin, TakeDeviceToken};

pub async fn begin(
    State(plane): State<Arc<Plane>>,
    peer: Peer,
    Json(input): Json<BeginDeviceLogin>,
) -> Answer<Response> {
    json(StatusCode::CREATED, &device_login::begin(&plane, input, peer).await?)
}

pub async fn token(State(plane): State<Arc<Plane>>, Json(input): Json<TakeDeviceToken>) -> Answer<Response> {
    json(StatusCode::OK, &device_login::take_token(&plane, &input.device_code).await?)
}
