//! Settings of the platform.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::Plane;
use crate::operations::Actor;
use crate::operations::change_settings::change_settings;
use crate::problem::Answer;
use crate::settings::{MailServer, Settings};
use crate::web::{Json, json};
use crate::wire::{ChangeSettings, MailSettings, PlatformSettings};

pub async fn show(State(plane): State<Arc<Plane>>) -> Answer<Response> {
    json(StatusCode::OK, &shown(&plane.settings.get()))
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<ChangeSettings>,
) -> Answer<Response> {
    json(StatusCode::OK, &shown(&change_settings(&plane, &actor, input).await?))
}

fn shown(all: &Settings) -> PlatformSettings {
    let mail = |mail: &MailServer| MailSettings {
        host: mail.host.clone(),
        port: mail.port,
        security: mail.security,
        user: mail.user.clone(),
        password: mail.password.is_some(),
        from: mail.from.clone(),
    };
    PlatformSettings {
        sign_up: all.sign_up,
        mail: all.mail.as_ref().map(mail),
        webhook_networks: all.webhook_networks.clone(),
        retention: all.retention,
    }
}
