//! Passkeys (WebAuthn level 2): what an authenticator says is checked here, with the signatures of `ring`, which is there
//! for TLS already. Attestation is not asked for: whoever registers chooses the authenticator, and it is theirs.
//!
//! A challenge is a sealed text with its end in it: it needs no row until it is used. Keys are read from the canonical
//! CBOR that authenticators must write (CTAP2), which for the three kinds that are asked for has one form each.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Bits of the flags.
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;

/// Most bytes of what an authenticator calls a key.
const ID_LIMIT: usize = 1023;

/// Why what a browser sent is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It cannot be read.
    #[error("what the browser sent of the passkey cannot be read")]
    Form,
    /// It is for something else: another act, another challenge.
    #[error("it answers something else than was asked")]
    Other,
    /// It was made at another site.
    #[error("it was made for another site")]
    Site,
    /// Nobody touched the authenticator, or it did not make sure who it was.
    #[error("the authenticator did not make sure that it was you")]
    Person,
    /// The key is of a kind that was not asked for.
    #[error("its key is of a kind that cannot be used here")]
    Key,
    /// The signature is not the key's.
    #[error("its signature is not right")]
    Signature,
    /// It counts less than it did before: there may be two.
    #[error("it counts backwards: there may be a copy of it")]
    Counter,
}

/// The site that passkeys are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Such as `https://console.example.com`.
    pub origin: String,
    /// Such as `console.example.com`.
    pub host: String,
}

impl Site {
    /// Of an address.
    pub fn of(url: &str) -> Self {
        let origin = url.trim_end_matches('/').to_owned();
        let host = origin.split("://").nth(1).unwrap_or(&origin);
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_owned();
        Self { origin, host }
    }
}

/// What a browser says that it asked the authenticator for.
#[derive(Debug, Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
}

/// What an authenticator says.
struct Said<'a> {
    flags: u8,
    counter: u32,
    rest: &'a [u8],
}

/// A key that was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// What the authenticator calls it, in base64url.
    pub credential: String,
    /// The key as COSE, in base64url.
    pub key: String,
    /// How often it was used.
    pub counter: u32,
}

/// What came back from a browser, each in base64url.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Sent {
    /// What the authenticator calls the key.
    #[serde(default)]
    pub credential: String,
    /// What the browser asked for, as JSON.
    #[serde(default)]
    pub client_data: String,
    /// What the authenticator says.
    #[serde(default)]
    pub authenticator_data: String,
    /// Its signature over both.
    #[serde(default)]
    pub signature: String,
    /// Whose key it is, as the authenticator remembers it.
    #[serde(default)]
    pub user: String,
}

/// An id as an authenticator remembers its owner, in base64url.
pub fn handle(id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

fn bytes(text: &str) -> Result<Vec<u8>, Wrong> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Wrong::Form)
}

/// The challenge of what a browser sent, once it is of that kind and of that site; whether it is ours the caller knows.
fn client_data(sent: &Sent, kind: &str, site: &Site) -> Result<(Vec<u8>, String), Wrong> {
    let raw = bytes(&sent.client_data)?;
    let data: ClientData = serde_json::from_slice(&raw).map_err(|_| Wrong::Form)?;
    if data.kind != kind {
        return Err(Wrong::Other);
    }
    if data.origin != site.origin || data.cross_origin {
        return Err(Wrong::Site);
    }
    Ok((raw, data.challenge))
}

fn said<'a>(raw: &'a [u8], site: &Site) -> Result<Said<'a>, Wrong> {
    let (hash, rest) = raw.split_at_checked(32).ok_or(Wrong::Form)?;
    let (flags, rest) = rest.split_first().ok_or(Wrong::Form)?;
    let (counter, rest) = rest.split_first_chunk::<4>().ok_or(Wrong::Form)?;
    if *hash != Sha256::digest(&site.host)[..] {
        return Err(Wrong::Site);
    }
    if flags & PRESENT == 0 {
        return Err(Wrong::Person);
    }
    Ok(Said { flags: *flags, counter: u32::from_be_bytes(*counter), rest })
}

/// A new key, and the challenge that it answers.
pub fn registered(sent: &Sent, site: &Site) -> Result<(NewKey, String), Wrong> {
    let (_, challenge) = client_data(sent, "webauthn.create", site)?;
    let raw = bytes(&sent.authenticator_data)?;
    let said = said(&raw, site)?;
    if said.flags & HAS_KEY == 0 {
        return Err(Wrong::Form);
    }
    let (_, rest) = said.rest.split_at_checked(16).ok_or(Wrong::Form)?; // Which model it is.
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(Wrong::Form)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, rest) = rest.split_at_checked(length).filter(|_| length <= ID_LIMIT).ok_or(Wrong::Form)?;
    let (_, length) = Key::read(rest)?;
    let key = NewKey {
        credential: URL_SAFE_NO_PAD.encode(id),
        key: URL_SAFE_NO_PAD.encode(&rest[..length]),
        counter: said.counter,
    };
    if key.credential == sent.credential { Ok((key, challenge)) } else { Err(Wrong::Form) }
}

/// What a key has shown: the challenge that it answers, whether it made sure who held it, and how often it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The challenge.
    pub challenge: String,
    /// Whether a finger, a face or a PIN was asked for.
    pub verified: bool,
    /// How often it was used.
    pub counter: u32,
}

/// Checks that a key of ours signed what was sent.
pub fn shown(sent: &Sent, site: &Site, key: &str, counter: u32) -> Result<Shown, Wrong> {
    let (client, challenge) = client_data(sent, "webauthn.get", site)?;
    let raw = bytes(&sent.authenticator_data)?;
    let said = said(&raw, site)?;
    let cose = bytes(key)?;
    let (key, _) = Key::read(&cose)?;
    key.verify(&[raw.as_slice(), &Sha256::digest(&client)[..]].concat(), &bytes(&sent.signature)?)?;
    // Many count nothing at all.
    if (said.counter != 0 || counter != 0) && said.counter <= counter {
        return Err(Wrong::Counter);
    }
    Ok(Shown { challenge, verified: said.flags & VERIFIED != 0, counter: said.counter })
}

/// A public key.
enum Key<'a> {
    P256 { x: &'a [u8], y: &'a [u8] },
    Ed25519(&'a [u8]),
    Rsa(&'a [u8]),
}

/// What stands before, between and after the numbers of each kind.
const P256: [&[u8]; 2] = [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", b"\x22\x58\x20"];
const ED25519: &[u8] = b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20";
const RSA: [&[u8]; 2] = [b"\xa4\x01\x03\x03\x39\x01\x00\x20\x59\x01\x00", b"\x21\x43\x01\x00\x01"];

impl<'a> Key<'a> {
    /// The key that stands at the beginning, and its length.
    fn read(cose: &'a [u8]) -> Result<(Self, usize), Wrong> {
        let number = |rest: &'a [u8], length: usize| rest.split_at_checked(length).ok_or(Wrong::Key);
        if let Some(rest) = cose.strip_prefix(P256[0]) {
            let (x, rest) = number(rest, 32)?;
            let (y, rest) = number(rest.strip_prefix(P256[1]).ok_or(Wrong::Key)?, 32)?;
            return Ok((Self::P256 { x, y }, cose.len() - rest.len()));
        }
        if let Some(rest) = cose.strip_prefix(ED25519) {
            let (x, rest) = number(rest, 32)?;
            return Ok((Self::Ed25519(x), cose.len() - rest.len()));
        }
        let (n, rest) = number(cose.strip_prefix(RSA[0]).ok_or(Wrong::Key)?, 256)?;
        let rest = rest.strip_prefix(RSA[1]).ok_or(Wrong::Key)?;
        Ok((Self::Rsa(n), cose.len() - rest.len()))
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Wrong> {
        let plain = |kind: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(kind, key).verify(message, signature)
        };
        let verified = match self {
            Self::P256 { x, y } => plain(&signature::ECDSA_P256_SHA256_ASN1, &[&[4_u8], *x, *y].concat()),
            Self::Ed25519(x) => plain(&signature::ED25519, x),
            Self::Rsa(n) => {
                let key = RsaPublicKeyComponents { n: *n, e: &[1, 0, 1] };
                key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.map_err(|_| Wrong::Signature)
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    fn site() -> Site {
        Site::of("https://console.example.com:8443/")
    }

    fn client(kind: &str, origin: &str) -> String {
        let data = json!({"type": kind, "challenge": "abc", "origin": origin, "crossOrigin": false});
        URL_SAFE_NO_PAD.encode(data.to_string())
    }

    fn data(host: &str, flags: u8, counter: u32, rest: &[u8]) -> Vec<u8> {
        [&Sha256::digest(host)[..], &[flags], &counter.to_be_bytes(), rest].concat()
    }

    fn pair() -> (EcdsaKeyPair, Vec<u8>) {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref()[1..].to_vec();
        (pair, [P256[0], &point[..32], P256[1], &point[32..]].concat())
    }

    fn assertion(pair: &EcdsaKeyPair, client_data: String, data: &[u8]) -> Sent {
        let raw = URL_SAFE_NO_PAD.decode(&client_data).unwrap();
        let message = [data, &Sha256::digest(&raw)[..]].concat();
        let signature = pair.sign(&SystemRandom::new(), &message).unwrap();
        Sent {
            client_data,
            authenticator_data: URL_SAFE_NO_PAD.encode(data),
            signature: URL_SAFE_NO_PAD.encode(signature),
            ..Sent::default()
        }
    }

    #[test]
    fn a_key_is_read_and_anything_else_is_refused() {
        let (_, cose) = pair();
        let rest = [&[0; 16][..], &[0, 3], b"key", &cose, b"\xa1extension"].concat();
        let good = Sent {
            credential: URL_SAFE_NO_PAD.encode(b"key"),
            client_data: client("webauthn.create", &site().origin),
            authenticator_data: URL_SAFE_NO_PAD.encode(data(&site().host, 0x45, 7, &rest)),
            ..Sent::default()
        };
        let (key, challenge) = registered(&good, &site()).unwrap();
        assert_eq!((key.key, key.counter, challenge.as_str()), (URL_SAFE_NO_PAD.encode(&cose), 7, "abc"));
        let with = |data: Vec<u8>| Sent { authenticator_data: URL_SAFE_NO_PAD.encode(data), ..good.clone() };
        let refused = |sent: &Sent| registered(sent, &site()).unwrap_err();
        assert_eq!(refused(&with(data("evil.example", 0x45, 7, &rest))), Wrong::Site);
        assert_eq!(refused(&with(data(&site().host, 0x44, 7, &rest))), Wrong::Person);
        assert_eq!(refused(&with(data(&site().host, 0x05, 7, &rest))), Wrong::Form);
        let strange = [&[0; 16][..], &[0, 3], b"key", b"\xa5\x01\x02\x03\x38"].concat();
        assert_eq!(refused(&with(data(&site().host, 0x45, 7, &strange))), Wrong::Key);
        for cut in 0..rest.len() - 11 {
            assert!(registered(&with(data(&site().host, 0x45, 7, &rest[..cut])), &site()).is_err(), "{cut}");
        }
        let other = Sent { credential: "b3RoZXI".into(), ..good.clone() };
        assert_eq!(refused(&other), Wrong::Form);
        let other = Sent { client_data: client("webauthn.get", &site().origin), ..good.clone() };
        assert_eq!(refused(&other), Wrong::Other);
        let other = Sent { client_data: client("webauthn.create", "https://evil.example"), ..good };
        assert_eq!(refused(&other), Wrong::Site);
    }

    #[test]
    fn only_the_key_itself_signs_and_only_this_and_counts_on() {
        let ((pair, cose), (thief, _)) = (pair(), pair());
        let key = URL_SAFE_NO_PAD.encode(&cose);
        let client_data = client("webauthn.get", &site().origin);
        let raw = data(&site().host, 0x05, 8, &[]);
        let good = assertion(&pair, client_data.clone(), &raw);
        let all = shown(&good, &site(), &key, 7).unwrap();
        assert_eq!(all, Shown { challenge: "abc".into(), verified: true, counter: 8 });
        assert_eq!(shown(&good, &site(), &key, 8).unwrap_err(), Wrong::Counter);
        assert_eq!(shown(&assertion(&thief, client_data.clone(), &raw), &site(), &key, 0), Err(Wrong::Signature));
        let changed = Sent { client_data: client("webauthn.get", &site().origin).replace('b', "c"), ..good.clone() };
        assert!(shown(&changed, &site(), &key, 0).is_err());
        // A flag that nobody signed.
        let unverified = assertion(&pair, client_data.clone(), &data(&site().host, 0x01, 8, &[]));
        assert!(!shown(&unverified, &site(), &key, 0).unwrap().verified);
        let forged = Sent { authenticator_data: good.authenticator_data, ..unverified };
        assert_eq!(shown(&forged, &site(), &key, 0), Err(Wrong::Signature));
        let elsewhere = assertion(&pair, client("webauthn.get", "https://evil.example"), &raw);
        assert_eq!(shown(&elsewhere, &site(), &key, 0), Err(Wrong::Site));
        let absent = assertion(&pair, client_data, &data(&site().host, 0x04, 8, &[]));
        assert_eq!(shown(&absent, &site(), &key, 0), Err(Wrong::Person));
    }

    #[test]
    fn keys_of_the_other_kinds_are_read_too() {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let cose = [ED25519, pair.public_key().as_ref()].concat();
        let (key, length) = Key::read(&cose).unwrap();
        assert_eq!(length, cose.len());
        key.verify(b"this", pair.sign(b"this").as_ref()).unwrap();
        assert_eq!(key.verify(b"that", pair.sign(b"this").as_ref()), Err(Wrong::Signature));
        let cose = [RSA[0], &[0xc3; 256], RSA[1]].concat();
        let (key, length) = Key::read(&cose).unwrap();
        assert_eq!(length, cose.len());
        assert_eq!(key.verify(b"this", &[1; 256]), Err(Wrong::Signature));
    }

    #[test]
    fn a_site_is_known_by_its_address() {
        assert_eq!(site().host, "console.example.com");
        assert_eq!(site().origin, "https://console.example.com:8443");
        assert_eq!(Site::of("http://acme.localhost").host, "acme.localhost");
    }
}
