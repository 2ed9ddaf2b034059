//! Members come in by their publisher's provider of OpenID Connect: authorization code with PKCE, state and nonce.
//!
//! A publisher chooses the provider, so that it could say of anybody that they came: such a session reaches that
//! publisher's things only, and changes nothing about the account itself.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use domain::{PersonId, Slug};
use http::{HeaderMap, HeaderValue, Method, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::log_in::{From, begin_session_through, normal_mail};
use super::{Thing, record_as, record_refused};
use crate::Plane;
use crate::access::Reach;
use crate::oidc::{Claims, Expected, Keys, Provider, Wrong};
use crate::problem::{Answer, Refusal};
use crate::secret::Secret;
use crate::store::people::{self, Membership, PersonRow};
use crate::store::sign_on::{self, SignOnRow};
use crate::store::{Tx, invitations};
use crate::web::design::Language;
use crate::webhooks::outbound::{self, Network, Whole};

/// Milliseconds that somebody may take at the provider.
pub const LASTS: u64 = 15 * 60_000;

/// What a login in a browser is sealed for.
const PURPOSE: &str = "single-sign-on";

/// What providers' secrets are sealed for.
pub fn secret_purpose(publisher: &Slug) -> String {
    format!("client-secret/{publisher}")
}

/// What a browser keeps of a login that was begun.
#[derive(Serialize, Deserialize)]
struct Begun {
    publisher: Slug,
    state: String,
    nonce: String,
    verifier: String,
    to: String,
    ends: u64,
}

/// Where somebody is led, and what their browser is to keep meanwhile.
pub struct Led {
    /// The provider's page.
    pub address: String,
    /// What the browser keeps, sealed.
    pub kept: String,
}

/// Where the provider sends people back to.
pub fn callback(plane: &Plane) -> String {
    format!("{}/login/sso/callback", plane.console_url)
}

fn failed(wrong: &Wrong) -> Refusal {
    Refusal::invalid("sso-refused", format!("you were not let in: {wrong}; ask who looks after it at your company"))
}

fn silent(why: impl std::fmt::Display) -> Refusal {
    Refusal::invalid("sso-silent", format!("your company's provider could not be asked: {why}; try again later"))
}

/// Those by which somebody of that address comes in.
pub async fn find(plane: &Plane, mail: &str) -> Answer<Vec<SignOnRow>> {
    let mail = normal_mail(mail)?;
    let found = sign_on::for_domain(plane.store.read(), domain_of(&mail)).await?;
    if found.is_empty() {
        let detail = "nobody set single sign-on up for this address; log in with your password";
        return Err(Refusal::invalid("sso-unknown", detail));
    }
    Ok(found)
}

fn domain_of(mail: &str) -> &str {
    mail.rsplit('@').next().unwrap_or("")
}

/// Leads somebody to a publisher's provider.
pub async fn begin(plane: &Plane, publisher: &str, to: &str) -> Answer<Led> {
    let unknown = || Refusal::missing("unknown-path", "there is no such page");
    let publisher: Slug = publisher.parse().map_err(|_| unknown())?;
    let row = sign_on::of(plane.store.read(), &publisher).await?.ok_or_else(unknown)?;
    let provider = provider(plane, &row.issuer).await?;
    let random = || Secret::new("").text;
    let begun = Begun {
        publisher,
        state: random(),
        nonce: random(),
        verifier: random(),
        to: to.to_owned(),
        ends: plane.now() + LASTS,
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&begun.verifier));
    let back = callback(plane);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", &row.client),
            ("redirect_uri", &back),
            ("scope", "openid email profile"),
            ("state", &begun.state),
            ("nonce", &begun.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let joint = if provider.authorization_endpoint.contains('?') { '&' } else { '?' };
    let address = format!("{}{joint}{query}", provider.authorization_endpoint);
    outbound::check(&address).map_err(silent)?;
    let text = serde_json::to_string(&begun).map_err(Refusal::internal)?;
    Ok(Led { address, kept: plane.seal.seal(PURPOSE, &text) })
}

/// What a provider sends somebody back with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Back {
    code: String,
    state: String,
    error: String,
}

/// Lets in who comes back from a provider; also where they wanted to go.
pub async fn finish(
    plane: &Arc<Plane>,
    kept: Option<&str>,
    back: &Back,
    language: Language,
    from: &From,
) -> Answer<(Secret, String)> {
    let over = || Refusal::conflict("login-over", "this took too long, or was done already; log in again");
    let begun = kept.and_then(|kept| plane.seal.unseal(PURPOSE, kept)).ok_or_else(over)?;
    let begun: Begun = serde_json::from_str(&begun).map_err(|_| over())?;
    if begun.ends <= plane.now() || begun.state != back.state {
        return Err(over());
    }
    let row = sign_on::of(plane.store.read(), &begun.publisher).await?.ok_or_else(over)?;
    let done = async {
        if !back.error.is_empty() || back.code.is_empty() {
            return Err(Refusal::invalid("sso-cancelled", "your company's provider did not let you in"));
        }
        let claims = ask(plane, &row, &begun, &back.code).await?;
        let_in(plane, &row, &claims, language, from).await
    };
    match done.await {
        Ok(secret) => Ok((secret, begun.to)),
        Err(refusal) if refusal.status.is_server_error() => Err(refusal),
        Err(refusal) => {
            let tx = plane.store.write().await?;
            let thing = Thing { id: "single-sign-on".into(), publisher: Some(&row.publisher), ..Thing::default() };
            let why = json!({ "address": from.address.to_string(), "code": refusal.code, "why": refusal.detail });
            record_refused(plane, &tx, "somebody", "session.create", thing, why).await?;
            tx.commit().await?;
            Err(refusal)
        }
    }
}

/// What the provider says of who comes with that code.
async fn ask(plane: &Plane, row: &SignOnRow, begun: &Begun, code: &str) -> Answer<Claims> {
    #[derive(Deserialize)]
    struct Tokens {
        id_token: String,
        #[serde(default)]
        access_token: String,
    }
    let provider = provider(plane, &row.issuer).await?;
    let secret = plane.seal.unseal(&secret_purpose(&row.publisher), &row.secret);
    let secret = secret.ok_or_else(|| Refusal::internal("a client's secret was sealed with another key"))?;
    let (back, mut headers) = (callback(plane), HeaderMap::new());
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &back),
        ("code_verifier", &begun.verifier),
    ];
    let methods = provider.token_endpoint_auth_methods_supported.clone().unwrap_or_default();
    if methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic") {
        let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", escaped(&row.client), escaped(&secret)));
        headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Basic {pair}")).map_err(silent)?);
    } else {
        form.extend([("client_id", row.client.as_str()), ("client_secret", &secret)]);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let tokens: Tokens = fetch(plane, Method::POST, &provider.token_endpoint, headers, body, "token").await?;
    let keys: Keys = fetch(plane, Method::GET, &provider.jwks_uri, HeaderMap::new(), String::new(), "keys").await?;
    let expected = Expected { issuer: &row.issuer, client: &row.client, nonce: &begun.nonce };
    let claims = keys.check(&tokens.id_token, expected, plane.now()).map_err(|wrong| failed(&wrong))?;
    match &provider.userinfo_endpoint {
        Some(address) if claims.email.is_none() => {
            let bearer = HeaderValue::try_from(format!("Bearer {}", tokens.access_token)).map_err(silent)?;
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
            let more: Claims = fetch(plane, Method::GET, address, headers, String::new(), "account").await?;
            // It must speak of the same person.
            if more.sub == claims.sub { Ok(more) } else { Err(failed(&Wrong::Form("account"))) }
        }
        _ => Ok(claims),
    }
}

async fn provider(plane: &Plane, issuer: &str) -> Answer<Provider> {
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let provider: Provider =
        fetch(plane, Method::GET, &address, HeaderMap::new(), String::new(), "configuration").await?;
    if provider.issuer == issuer { Ok(provider) } else { Err(failed(&Wrong::Issuer(provider.issuer))) }
}

async fn fetch<T: DeserializeOwned>(
    plane: &Plane,
    method: Method,
    address: &str,
    mut headers: HeaderMap,
    body: String,
    what: &'static str,
) -> Answer<T> {
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let settings = plane.settings.get();
    let allowed: Vec<Network> = settings.webhook_networks.iter().filter_map(|network| network.parse().ok()).collect();
    let asked = outbound::ask(method, address, headers, Bytes::from(body), &allowed).await;
    let Whole { status, body } = asked.map_err(silent)?;
    if status != 200 {
        return Err(silent(format!("for its {what} it answered {status}")));
    }
    serde_json::from_slice(&body).map_err(|_| failed(&Wrong::Form(what)))
}

/// That a provider can be asked at all, before it is set up.
pub async fn probe(plane: &Plane, issuer: &str) -> Answer<()> {
    provider(plane, issuer).await.map(|_| ())
}

/// Begins a session of who the provider says they are, if they may come in by it.
async fn let_in(plane: &Plane, row: &SignOnRow, claims: &Claims, language: Language, from: &From) -> Answer<Secret> {
    let mail = normal_mail(claims.verified_mail().map_err(|wrong| failed(&wrong))?)?;
    if !row.domains.iter().any(|domain| domain == domain_of(&mail)) {
        let detail = format!("people with an address like {mail} do not come in by this provider");
        return Err(Refusal::invalid("sso-domain", detail));
    }
    let tx = plane.store.write().await?;
    let person = match sign_on::identity(&*tx, row, &claims.sub).await? {
        Some(id) => people::find(&*tx, id).await?,
        None => people::with_mail(&*tx, None, &mail).await?,
    };
    let person = match person {
        Some(person) => person,
        None => newcomer(plane, &tx, &mail, claims, language).await?,
    };
    let reach = Reach::Publisher(row.publisher.clone());
    let all = people::memberships(&*tx, person.id).await?;
    if !all.iter().any(|one| one.reach == reach) {
        join(plane, &tx, row, &person, &reach).await?;
    }
    sign_on::link(&tx, row, &claims.sub, person.id, plane.now()).await?;
    let secret = begin_session_through(plane, &tx, &person, from, Some(&row.publisher)).await?;
    tx.commit().await?;
    plane.progress.changed();
    Ok(secret)
}

async fn newcomer(plane: &Plane, tx: &Tx, mail: &str, claims: &Claims, language: Language) -> Answer<PersonRow> {
    let name = claims.name.as_deref().and_then(|name| super::line_for_people("name", name).ok());
    let person = PersonRow {
        id: PersonId::new(),
        realm: None,
        mail: mail.to_owned(),
        name: name.unwrap_or_else(|| mail.split('@').next().unwrap_or(mail).to_owned()),
        // Whoever wants one proves the address by mail.
        password: None,
        language: language.code().into(),
        time_zone: "UTC".into(),
        verified_at: None,
        created_at: plane.now(),
    };
    if people::create(tx, &person).await? { Ok(person) } else { Err(Refusal::internal("an account came in between")) }
}

/// Makes somebody a member: as they were invited, or as newcomers are.
async fn join(plane: &Plane, tx: &Tx, row: &SignOnRow, person: &PersonRow, reach: &Reach) -> Answer<()> {
    let open = invitations::of(&**tx, reach).await?;
    let invited = open.into_iter().find(|one| one.mail == person.mail && one.expires_at > plane.now());
    let role = match &invited {
        Some(invitation) => {
            invitations::delete(tx, invitation.id).await?;
            Some(invitation.membership.role)
        }
        None => row.role,
    };
    let role = role.ok_or_else(|| {
        let detail = "you are not invited there; ask an owner of the publisher for an invitation";
        Refusal::invalid("sso-not-invited", detail)
    })?;
    people::join(tx, person.id, &Membership { role, reach: reach.clone() }, plane.now()).await?;
    let thing = Thing { id: person.id.to_string(), name: Some(person.mail.clone()), ..Thing::at(reach) };
    record_as(plane, tx, &person.mail, "member.join", thing, json!({ "role": role, "by": "single-sign-on" })).await
}
