//! Whom the command line believes when the API is behind TLS: the authorities of this machine, as its other programs
//! do, and `SSL_CERT_FILE` or `SSL_CERT_DIR` where they are set.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::load_native_certs;

use crate::failure::{Failure, Outcome};

/// How to speak TLS to the API. The authorities are read only when `secure`, since that takes milliseconds.
pub fn client(secure: bool) -> Outcome<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Failure::refused(format!("cannot speak TLS: {error}")))?;
    let authorities = if secure { authorities()? } else { RootCertStore::empty() };
    Ok(builder.with_root_certificates(authorities).with_no_client_auth())
}

fn authorities() -> Outcome<RootCertStore> {
    let found = load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    // What somebody named is used or refused, never replaced.
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    let wrong = found.errors.first().map(ToString::to_string);
    let wrong = wrong.or_else(|| roots.is_empty().then(|| "no certificate of an authority in PEM is there".into()));
    match wrong {
        Some(wrong) if named => {
            Err(Failure::refused(format!("SSL_CERT_FILE or SSL_CERT_DIR: {wrong}. Correct it, or unset it")))
        }
        // A machine without the package ca-certificates believes those of the web's browsers.
        _ if roots.is_empty() => Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }),
        _ => Ok(roots),
    }
}
