//! OpenID Connect as a client: where a provider is, what it says of somebody, and whether it is to be believed.
//!
//! The signatures are checked by `ring`, which is there for TLS already; only the two kinds that every provider can make,
//! and never what the token itself asks for beyond that.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

/// Milliseconds by which clocks may differ.
const LEEWAY: u64 = 60_000;

/// Why a provider is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It cannot be read.
    #[error("the provider's {0} cannot be read")]
    Form(&'static str),
    /// It calls itself something else.
    #[error("the provider calls itself {0}, and not what was set up")]
    Issuer(String),
    /// Its token is for somebody else.
    #[error("the provider's token is for another client")]
    Audience,
    /// Its token is over, or of another login.
    #[error("the provider's token is {0}")]
    Stale(&'static str),
    /// None of its keys signed the token.
    #[error("the provider's token is not signed by a key of its own")]
    Signature,
    /// It does not say that the address is theirs.
    #[error("the provider does not say that the mail address is verified")]
    Mail,
}

/// Where the parts of a provider are, as it tells at `/.well-known/openid-configuration`.
#[derive(Clone, Debug, Deserialize)]
pub struct Provider {
    /// What it calls itself.
    pub issuer: String,
    /// Where people log in.
    pub authorization_endpoint: String,
    /// Where a code becomes a token.
    pub token_endpoint: String,
    /// Its keys.
    pub jwks_uri: String,
    /// What it says of somebody.
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    /// How a client may show its secret.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// A key of a provider.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Key {
    kty: String,
    kid: Option<String>,
    n: String,
    e: String,
    crv: String,
    x: String,
    y: String,
}

/// Its keys.
#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
}

/// What is said of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Claims {
    iss: String,
    aud: Value,
    azp: Option<String>,
    exp: u64,
    nonce: Option<String>,
    /// What the provider calls them, for ever.
    pub sub: String,
    /// Their address.
    pub email: Option<String>,
    email_verified: Value,
    /// Their name.
    pub name: Option<String>,
}

impl Claims {
    /// Their address, if the provider has made sure that it is theirs.
    pub fn verified_mail(&self) -> Result<&str, Wrong> {
        // Some write the word in place of the value.
        let verified = self.email_verified == Value::Bool(true) || self.email_verified == "true";
        self.email.as_deref().filter(|_| verified).ok_or(Wrong::Mail)
    }
}

/// What is known of a login that was begun.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider, as it was set up.
    pub issuer: &'a str,
    /// The client that we are there.
    pub client: &'a str,
    /// What the token must repeat.
    pub nonce: &'a str,
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Wrong::Form("token"))?;
    serde_json::from_slice(&bytes).map_err(|_| Wrong::Form("token"))
}

impl Keys {
    /// What an ID token says, once it is a key's of this provider, for this client and this login, and not over.
    pub fn check(&self, token: &str, expected: Expected<'_>, now: u64) -> Result<Claims, Wrong> {
        let (message, signature) = token.rsplit_once('.').ok_or(Wrong::Form("token"))?;
        let (header, payload) = message.split_once('.').ok_or(Wrong::Form("token"))?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Wrong::Form("token"))?;
        let header: Header = part(header)?;
        let fits = |key: &&Key| header.kid.is_none() || key.kid.is_none() || key.kid == header.kid;
        let mut keys = self.keys.iter().filter(fits);
        if !keys.any(|key| key.signed(&header.alg, message.as_bytes(), &signature)) {
            return Err(Wrong::Signature);
        }
        let claims: Claims = part(payload)?;
        if claims.iss != expected.issuer {
            return Err(Wrong::Issuer(claims.iss.chars().take(100).collect()));
        }
        let (own, alone) = match &claims.aud {
            Value::String(one) => (one == expected.client, true),
            Value::Array(all) => (all.iter().any(|one| one == expected.client), all.len() == 1),
            _ => (false, true),
        };
        let party = claims.azp.as_deref().map_or(alone, |party| party == expected.client);
        if !own || !party {
            return Err(Wrong::Audience);
        }
        if claims.exp.saturating_mul(1000).saturating_add(LEEWAY) <= now {
            return Err(Wrong::Stale("over"));
        }
        if claims.nonce.as_deref() != Some(expected.nonce) {
            return Err(Wrong::Stale("of another login"));
        }
        if claims.sub.is_empty() { Err(Wrong::Form("token")) } else { Ok(claims) }
    }
}

impl Key {
    fn signed(&self, kind: &str, message: &[u8], signature: &[u8]) -> bool {
        let number = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        match (kind, self.kty.as_str()) {
            ("RS256", "RSA") => {
                let key = RsaPublicKeyComponents { n: number(&self.n), e: number(&self.e) };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            ("ES256", "EC") if self.crv == "P-256" => {
                let point = [vec![4], number(&self.x), number(&self.y)].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_700_000_000_000;
    const EXPECTED: Expected<'static> = Expected { issuer: "https://id.example", client: "us", nonce: "once" };

    fn pair() -> (EcdsaKeyPair, Keys) {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let keys = json!({"keys": [{"kty": "oct"}, {"kty": "EC", "crv": "P-256", "kid": "1", "x": x, "y": y}]});
        (pair, serde_json::from_value(keys).unwrap())
    }

    fn token(pair: &EcdsaKeyPair, header: Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn claims(key: &str, value: Value) -> Value {
        let mut claims = json!({"iss": "https://id.example", "aud": "us", "exp": NOW / 1000 + 60, "nonce": "once",
            "sub": "7", "email": "ana@acme.example", "email_verified": true});
        claims[key] = value;
        claims
    }

    #[test]
    fn only_what_its_provider_says_to_us_in_this_login_is_believed() {
        let ((pair, keys), (thief, _)) = (pair(), pair());
        let header = || json!({"alg": "ES256", "kid": "1"});
        let good = token(&pair, header(), &claims("x", json!(1)));
        let said = keys.check(&good, EXPECTED, NOW).unwrap();
        assert_eq!((said.sub.as_str(), said.verified_mail()), ("7", Ok("ana@acme.example")));
        let refused = |key: &str, value: Value| keys.check(&token(&pair, header(), &claims(key, value)), EXPECTED, NOW);
        assert_eq!(refused("nonce", json!("another")), Err(Wrong::Stale("of another login")));
        assert_eq!(refused("nonce", Value::Null), Err(Wrong::Stale("of another login")));
        assert_eq!(refused("aud", json!("them")), Err(Wrong::Audience));
        assert_eq!(refused("aud", json!(["us", "them"])), Err(Wrong::Audience));
        assert_eq!(refused("azp", json!("them")), Err(Wrong::Audience));
        assert!(refused("aud", json!(["us"])).is_ok());
        assert_eq!(refused("iss", json!("https://evil.example")), Err(Wrong::Issuer("https://evil.example".into())));
        assert_eq!(refused("exp", json!(NOW / 1000 - 61)), Err(Wrong::Stale("over")));
        assert_eq!(refused("sub", json!("")), Err(Wrong::Form("token")));
        for unverified in [json!(false), json!("false"), json!(1), Value::Null] {
            assert_eq!(refused("email_verified", unverified).unwrap().verified_mail(), Err(Wrong::Mail));
        }
        assert_eq!(keys.check(&token(&thief, header(), &claims("x", json!(1))), EXPECTED, NOW), Err(Wrong::Signature));
        for alg in ["none", "HS256", "RS256", "es256"] {
            let forged = token(&pair, json!({"alg": alg, "kid": "1"}), &claims("x", json!(1)));
            assert_eq!(keys.check(&forged, EXPECTED, NOW), Err(Wrong::Signature), "{alg}");
        }
        let other = token(&pair, json!({"alg": "ES256", "kid": "2"}), &claims("x", json!(1)));
        assert_eq!(keys.check(&other, EXPECTED, NOW), Err(Wrong::Signature));
        let (message, _) = good.rsplit_once('.').unwrap();
        assert_eq!(keys.check(&format!("{message}."), EXPECTED, NOW), Err(Wrong::Signature));
        assert!(keys.check("a.b", EXPECTED, NOW).is_err());
    }
}
