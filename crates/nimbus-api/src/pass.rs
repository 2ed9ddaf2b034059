//! Passes: how somebody who is logged in to a portal comes into an application without a further password.
//!
//! The control plane signs a pass and sends the person's browser with it to [`PATH`] of the installation. The edge, in
//! front of the application, checks signature, audience and age, lets each pass in once, and hands the application the
//! person in [`HEADER`], which nobody outside can set. A pass is a JSON Web Token (RFC 7519) signed with Ed25519 (RFC
//! 8037); the public keys are a JSON Web Key Set (RFC 7517) at [`KEYS_PATH`] of the control plane.
//! `docs/single-sign-on.md` is the same for those who write applications.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::InstallationId;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where every installation takes passes, in the query's `pass`; `to` may name a path of the application to go on to.
pub const PATH: &str = "/.well-known/vclouden/open";
/// Where the control plane publishes the keys.
pub const KEYS_PATH: &str = "/.well-known/vclouden/keys.json";
/// The header field that tells the application who comes: [`Person`] as JSON in ASCII.
pub const HEADER: &str = "x-vclouden-person";
/// All header fields that begin so are the edge's own; from outside they are dropped.
pub const OURS: &str = "x-vclouden-";
/// Seconds for which a pass is good.
pub const LASTS: u64 = 60;
/// Most bytes of a pass.
const LONGEST: usize = 4096;

/// Who comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Always the same for the same person, whatever they are called.
    #[serde(rename = "sub")]
    pub id: String,
    /// Their address.
    pub mail: String,
    /// As they want to be called.
    pub name: String,
    /// `customer-admin`, `customer-user`, or `support`.
    pub role: String,
    /// Such as `es`.
    pub language: String,
    /// Whether it is somebody of the publisher whom the customer has let in.
    pub support: bool,
}

impl Person {
    /// The value of [`HEADER`]: JSON whose every letter is ASCII, with `id` in the place of `sub`.
    pub fn header(&self) -> String {
        let Self { id, mail, name, role, language, support } = self;
        let text = json!({
            "id": id, "mail": mail, "name": name, "role": role, "language": language, "support": support,
        });
        let mut ascii = String::new();
        for unit in text.to_string().encode_utf16() {
            match u8::try_from(unit).ok().filter(u8::is_ascii).filter(|byte| *byte != 0x7f) {
                Some(byte) => ascii.push(char::from(byte)),
                // Beyond ASCII there is nothing but the inside of strings.
                None => ascii.push_str(&format!("\\u{unit:04x}")),
            }
        }
        ascii
    }
}

/// What a pass says. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The portal.
    pub iss: String,
    /// The installation that it is for, and no other.
    pub aud: InstallationId,
    /// Who comes.
    #[serde(flatten)]
    pub person: Person,
    /// When it was made.
    pub iat: u64,
    /// When it is over.
    pub exp: u64,
    /// No other pass has it.
    pub jti: String,
}

/// Why a pass is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassError {
    /// It is no pass.
    #[error("it is not a pass")]
    Malformed,
    /// The key that it names is not known.
    #[error("its key {0} is not known")]
    UnknownKey(String),
    /// The signature is not the key's.
    #[error("its signature is wrong")]
    Forged,
    /// Its time is over, or has not begun.
    #[error("its time is over")]
    Over,
}

/// The key that signs.
pub struct Signer {
    pair: Ed25519KeyPair,
    kid: String,
}

impl Signer {
    /// A new key, as PKCS#8.
    ///
    /// # Errors
    /// The kernel has no random bytes.
    pub fn generate() -> Result<Vec<u8>, ring::error::Unspecified> {
        Ok(Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())?.as_ref().to_vec())
    }

    /// With a key that [`Signer::generate`] made.
    pub fn new(pkcs8: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
        let kid = URL_SAFE_NO_PAD.encode(&digest(&SHA256, pair.public_key().as_ref()).as_ref()[..12]);
        Some(Self { pair, kid })
    }

    /// The public half, as [`KEYS_PATH`] tells it.
    pub fn keys(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.kid, "x": x }] })
    }

    /// A pass that says so.
    pub fn sign(&self, claims: &Claims) -> String {
        let head = json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.kid }).to_string();
        let body = serde_json::to_string(claims).expect("claims are plain data");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(body));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// The keys that passes may be signed with.
#[derive(Clone, Debug, Default)]
pub struct Keys(BTreeMap<String, Vec<u8>>);

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
    crv: String,
    x: String,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: String,
}

impl Keys {
    /// Those of a key set; keys of other kinds are passed over.
    ///
    /// # Errors
    /// It is no key set.
    pub fn read(json: &[u8]) -> serde_json::Result<Self> {
        let set: KeySet = serde_json::from_slice(json)?;
        let ours = set.keys.into_iter().filter(|key| key.crv == "Ed25519");
        Ok(Self(ours.filter_map(|key| Some((key.kid, URL_SAFE_NO_PAD.decode(key.x).ok()?))).collect()))
    }

    /// What a pass says, if it is signed with one of these keys and good at `now`.
    ///
    /// # Errors
    /// It is not; nothing of what it says may be believed.
    pub fn check(&self, pass: &str, now: u64) -> Result<Claims, PassError> {
        if pass.len() > LONGEST {
            return Err(PassError::Malformed);
        }
        let (signed, signature) = pass.rsplit_once('.').ok_or(PassError::Malformed)?;
        let (head, body) = signed.split_once('.').ok_or(PassError::Malformed)?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| PassError::Malformed);
        let head: Head = serde_json::from_slice(&decode(head)?).map_err(|_| PassError::Malformed)?;
        if head.alg != "EdDSA" {
            return Err(PassError::Malformed);
        }
        let key = self.0.get(&head.kid).ok_or(PassError::UnknownKey(head.kid))?;
        let key = UnparsedPublicKey::new(&ED25519, key);
        key.verify(signed.as_bytes(), &decode(signature)?).map_err(|_| PassError::Forged)?;
        let claims: Claims = serde_json::from_slice(&decode(body)?).map_err(|_| PassError::Malformed)?;
        // Two machines' clocks may differ a little; a pass that lasts longer than ours do is none of ours.
        let good = claims.iat <= now + 5 && now < claims.exp && claims.exp <= claims.iat + LASTS;
        if good { Ok(claims) } else { Err(PassError::Over) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        let person = Person {
            id: "p1".into(),
            mail: "luz@sol.example".into(),
            name: "Luz Núñez 🌞".into(),
            role: "customer-user".into(),
            language: "es".into(),
            support: false,
        };
        let iss = "http://acme.localhost".into();
        Claims { iss, aud: InstallationId::new(), person, iat: 1000, exp: 1060, jti: "x".into() }
    }

    #[test]
    fn a_pass_is_good_for_a_minute_and_only_as_it_was_signed() {
        let signer = Signer::new(&Signer::generate().unwrap()).unwrap();
        let keys = Keys::read(signer.keys().to_string().as_bytes()).unwrap();
        let (said, pass) = (claims(), signer.sign(&claims()));
        assert_eq!(keys.check(&signer.sign(&said), 1059), Ok(said.clone()));
        assert_eq!(keys.check(&pass, 1060), Err(PassError::Over));
        assert_eq!(keys.check(&pass, 994), Err(PassError::Over), "it is not made yet");
        let long = Claims { exp: 2000, ..said };
        assert_eq!(keys.check(&signer.sign(&long), 1001), Err(PassError::Over));
        let (signed, signature) = pass.rsplit_once('.').unwrap();
        let (head, body) = signed.split_once('.').unwrap();
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
        let other = URL_SAFE_NO_PAD.encode(text.replace("customer-user", "customer-admin"));
        assert_eq!(keys.check(&format!("{head}.{other}.{signature}"), 1001), Err(PassError::Forged));
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"x"}"#);
        assert_eq!(keys.check(&format!("{none}.{body}."), 1001), Err(PassError::Malformed));
        let stranger = Signer::new(&Signer::generate().unwrap()).unwrap();
        assert!(matches!(keys.check(&stranger.sign(&claims()), 1001), Err(PassError::UnknownKey(_))));
        for bad in ["", ".", "..", "a.b.c", &"x".repeat(5000)] {
            assert_eq!(keys.check(bad, 1001), Err(PassError::Malformed), "{bad:.10}");
        }
    }

    #[test]
    fn a_person_is_told_in_ascii() {
        let text = claims().person.header();
        assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&read["name"], &read["id"]), (&json!("Luz Núñez 🌞"), &json!("p1")));
    }
}
