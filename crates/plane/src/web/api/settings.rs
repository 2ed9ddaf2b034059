//! Settings of the platform.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::Plane;
use crate::operations::Actor;
use crate::operations::change_settings::change_settings;
use crate::problem::Answer;
use crate::settings::{Incoming, MailBox, MailServer, Settings};
use crate::web::{Json, json};
use crate::wire::{ChangeSettings, IncomingSettings, MailBoxSettings, MailSettings, PlatformSettings};

pub async fn show(State(plane): State<Arc<Plane>>) -> Answer<Response> {
    json(StatusCode::OK, &shown(&plane, &plane.settings.get()))
}

pub async fn change(
    State(plane): State<Arc<Plane>>,
    actor: Actor,
    Json(input): Json<ChangeSettings>,
) -> Answer<Response> {
    json(StatusCode::OK, &shown(&plane, &change_settings(&plane, &actor, input).await?))
}

/// The settings without passwords.
pub fn shown(plane: &Plane, all: &Settings) -> PlatformSettings {
    let mail = |mail: &MailServer| MailSettings {
        host: mail.host.clone(),
        port: mail.port,
        security: mail.security,
        user: mail.user.clone(),
        password: mail.password.is_some(),
        from: mail.from.clone(),
    };
    let imap = |imap: &MailBox| MailBoxSettings {
        host: imap.host.clone(),
        port: imap.port,
        security: imap.security,
        user: imap.user.clone(),
        folder: imap.folder.clone(),
    };
    let incoming = |incoming: &Incoming| IncomingSettings {
        address: incoming.address.clone(),
        imap: incoming.imap.as_ref().map(imap),
    };
    PlatformSettings {
        sign_up: all.sign_up,
        mail: all.mail.as_ref().map(mail),
        incoming: all.incoming.as_ref().map(incoming),
        webhook_networks: all.webhook_networks.clone(),
        retention: all.retention,
        publisher_limits: all.publisher_limits,
        names_proof: plane.names_proof(),
    }
}
