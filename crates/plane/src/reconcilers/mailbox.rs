//! Reads the mailbox that answers to letters come into, by IMAP: what nobody has read yet is taken and marked as read.
//! Whatever the control plane is stopped in the middle of is read again, and known by its id.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use imap_next::client::{Client, Event, Options};
use imap_next::imap_types::command::{Command, CommandBody};
use imap_next::imap_types::core::{Tag, Vec1};
use imap_next::imap_types::fetch::{MessageDataItem, MessageDataItemName};
use imap_next::imap_types::flag::{Flag, StoreResponse, StoreType};
use imap_next::imap_types::response::{Data, Status, StatusKind};
use imap_next::imap_types::search::SearchKey;
use imap_next::stream::Stream;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::Plane;
use crate::incoming::LETTER_BYTES;
use crate::operations::change_settings::PURPOSE;
use crate::operations::receive_mail::receive_mail;
use crate::settings::{MailBox, Security};

/// Time between two looks without being woken.
const TIMER: Duration = Duration::from_secs(60);

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Letters of one look.
const AT_ONCE: usize = 50;

/// Most pieces of data that one answer may have.
const PIECES: usize = 100_000;

/// Beside the store: certificates of authorities that are trusted too, for who has a mail server of their own.
const AUTHORITIES: &str = "mail-ca.pem";

/// Why a mailbox could not be read.
#[derive(Debug, thiserror::Error)]
enum MailboxError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("it did not answer within {} seconds", PATIENCE.as_secs())]
    Silent,
    #[error("{what} was refused: {why}")]
    Refused { what: &'static str, why: String },
    #[error("{0}")]
    Settings(String),
    #[error("a letter could not be taken: {0}")]
    Taking(String),
}

type Result<T> = std::result::Result<T, MailboxError>;

/// The loop.
pub async fn run(plane: Arc<Plane>) {
    loop {
        let imap = plane.settings.get().incoming.as_ref().and_then(|incoming| incoming.imap.clone());
        if let Some(imap) = imap
            && let Err(error) = look(&plane, &imap).await
        {
            tracing::warn!(%error, host = imap.host, "the mailbox could not be read");
        }
        let _ = tokio::time::timeout(TIMER, plane.progress.mailbox.notified()).await;
    }
}

async fn look(plane: &Plane, imap: &MailBox) -> Result<()> {
    let again = || MailboxError::Settings("its password cannot be read: set it again".into());
    let password = plane.seal.unseal(PURPOSE, &imap.password).ok_or_else(again)?;
    let mut session = Session::open(plane, imap).await?;
    let no = |error: &dyn std::fmt::Debug| MailboxError::Settings(format!("that cannot be said in IMAP: {error:?}"));
    let login = CommandBody::login(imap.user.clone(), password).map_err(|error| no(&error))?;
    session.ask("to log in", login).await?;
    let select = CommandBody::select(imap.folder.clone()).map_err(|error| no(&error))?;
    session.ask("to open the folder", select).await?;
    let unseen = CommandBody::search(None, Vec1::from(SearchKey::Unseen), true);
    let mut found = Vec::new();
    for data in session.ask("to search", unseen).await? {
        if let Data::Search(all) = data {
            found.extend(all);
        }
    }
    found.sort_unstable();
    for uid in found.into_iter().take(AT_ONCE) {
        take(plane, &mut session, uid).await?;
    }
    // Whoever does not say goodbye is told so in its log.
    session.ask("to log out", CommandBody::Logout).await.map(drop)
}

async fn take(plane: &Plane, session: &mut Session, uid: NonZeroU32) -> Result<()> {
    if session.size(uid).await? > LETTER_BYTES as u64 {
        tracing::info!(%uid, "a letter is too large and was not taken");
    } else if let Some(raw) = session.letter(uid).await? {
        match receive_mail(plane, raw).await {
            Ok(taken) if taken.taken => tracing::info!(%uid, "a letter was taken"),
            Ok(taken) => tracing::info!(%uid, why = taken.why, "a letter was not taken"),
            // Our own fault, such as a full disk: it is tried again.
            Err(refusal) if refusal.status.is_server_error() => return Err(MailboxError::Taking(refusal.detail)),
            Err(refusal) => tracing::info!(%uid, why = refusal.detail, "a letter was not taken"),
        }
    }
    let seen = CommandBody::store(uid, StoreType::Add, StoreResponse::Silent, vec![Flag::Seen], true);
    let seen = seen.map_err(|error| MailboxError::Settings(format!("{error:?}")))?;
    session.ask("to mark a letter", seen).await.map(drop)
}

/// A connection.
struct Session {
    stream: Stream,
    client: Client,
    count: u32,
}

impl Session {
    async fn open(plane: &Plane, imap: &MailBox) -> Result<Self> {
        let connect = async {
            let stream = TcpStream::connect((imap.host.as_str(), imap.port)).await?;
            Ok::<_, MailboxError>(match imap.security {
                Security::None => Stream::insecure(stream),
                Security::Tls | Security::Starttls => Stream::tls(secured(plane, imap, stream).await?),
            })
        };
        let stream = tokio::time::timeout(PATIENCE, connect).await.map_err(|_| MailboxError::Silent)??;
        // A base64 letter and what stands around it.
        let limit = u32::try_from(LETTER_BYTES + (1 << 20)).unwrap_or(u32::MAX);
        let mut options = Options::default();
        options.max_response_size = limit;
        let mut session = Self { stream, client: Client::new(options), count: 0 };
        match session.next().await? {
            Event::GreetingReceived { .. } => Ok(session),
            _ => Err(MailboxError::Broken("it does not greet".into())),
        }
    }

    async fn next(&mut self) -> Result<Event> {
        let next = tokio::time::timeout(PATIENCE, self.stream.next(&mut self.client)).await;
        next.map_err(|_| MailboxError::Silent)?.map_err(|error| MailboxError::Broken(error.to_string()))
    }

    /// Asks for something; the data of the answer.
    async fn ask(&mut self, what: &'static str, body: CommandBody<'static>) -> Result<Vec<Data<'static>>> {
        self.count += 1;
        let tag = Tag::try_from(format!("v{}", self.count)).map_err(|error| MailboxError::Broken(error.to_string()))?;
        let leaving = matches!(body, CommandBody::Logout);
        self.client.enqueue_command(Command { tag: tag.clone(), body });
        let mut all = Vec::new();
        loop {
            match self.next().await? {
                Event::DataReceived { data } if all.len() < PIECES => all.push(data),
                Event::DataReceived { .. } => return Err(MailboxError::Broken("it sends without end".into())),
                Event::StatusReceived { status: Status::Tagged(answer) } if answer.tag == tag => {
                    return match answer.body.kind {
                        StatusKind::Ok => Ok(all),
                        _ => Err(MailboxError::Refused { what, why: answer.body.text.to_string() }),
                    };
                }
                Event::StatusReceived { status: Status::Bye(bye) } if !leaving => {
                    return Err(MailboxError::Refused { what, why: bye.text.to_string() });
                }
                Event::CommandRejected { status, .. } => {
                    return Err(MailboxError::Refused { what, why: format!("{status:?}") });
                }
                _ => {}
            }
        }
    }

    async fn fetch(
        &mut self,
        uid: NonZeroU32,
        item: MessageDataItemName<'static>,
    ) -> Result<Vec<MessageDataItem<'static>>> {
        let fetch =
            CommandBody::fetch(uid, vec![item], true).map_err(|error| MailboxError::Settings(format!("{error:?}")))?;
        let mut items = Vec::new();
        for data in self.ask("to read a letter", fetch).await? {
            if let Data::Fetch { items: some, .. } = data {
                items.extend(some);
            }
        }
        Ok(items)
    }

    /// How large a letter is; nothing if it is gone by now.
    async fn size(&mut self, uid: NonZeroU32) -> Result<u64> {
        let items = self.fetch(uid, MessageDataItemName::Rfc822Size).await?;
        let sizes = items.iter().filter_map(|item| match item {
            MessageDataItem::Rfc822Size(size) => Some(u64::from(*size)),
            _ => None,
        });
        Ok(sizes.max().unwrap_or(0))
    }

    async fn letter(&mut self, uid: NonZeroU32) -> Result<Option<Vec<u8>>> {
        let whole = MessageDataItemName::BodyExt { section: None, partial: None, peek: true };
        let items = self.fetch(uid, whole).await?;
        Ok(items.into_iter().find_map(|item| match item {
            MessageDataItem::BodyExt { data, .. } => data.into_option().map(|bytes| bytes.into_owned()),
            _ => None,
        }))
    }
}

/// The connection under TLS, to whom a known authority or one of our own says that it is.
async fn secured(plane: &Plane, imap: &MailBox, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    match std::fs::read(plane.artifacts.beside(AUTHORITIES)) {
        Ok(pem) => {
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let bad = |error: &dyn std::fmt::Display| MailboxError::Settings(format!("{AUTHORITIES}: {error}"));
                roots.add(certificate.map_err(|error| bad(&error))?).map_err(|error| bad(&error))?;
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| MailboxError::Settings(error.to_string()))?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(imap.host.clone()).map_err(|error| MailboxError::Settings(error.to_string()))?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?.into())
}
