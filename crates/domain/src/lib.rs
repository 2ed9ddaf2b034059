//! The nouns of vClouden, their identifiers, states and legal transitions.
//!
//! No I/O here: everything is a value, so every rule can be tested by itself.

pub mod id;
pub mod manifest;
pub mod name;
pub mod state;

pub use id::{
    AnswerId, ArtifactHash, AttachmentId, BackupId, DeliveryId, DeploymentId, InstallationId, InvitationId, MessageId,
    OperationId, PersonId, ServerId, SessionId, TicketId, TokenId, WebhookId,
};
pub use manifest::Manifest;
pub use name::{InstallationName, Key, Slug};
