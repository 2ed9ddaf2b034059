//! Who is believed when something leaves by TLS: the authorities of the web, and those of `[tls] authorities`.

use std::{error::Error as Cause, fs, io, path::Path};

use lettre::transport::smtp::client::{Certificate, TlsParameters};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{CertificateError, ClientConfig, RootCertStore};

use crate::{config, error::Error};

/// Authorities beside those of the web.
#[derive(Default)]
pub struct Trust {
    own: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Reads what the configuration names; a relative path begins in the application's directory.
    pub fn load(directory: &Path, config: &config::Tls) -> Result<Self, Error> {
        let Some(file) = &config.authorities else { return Ok(Self::default()) };
        let path = directory.join(file);
        let wrong = |problem: &str| Error::Config {
            path: directory.join("cirrus.toml"),
            problem: format!("tls.authorities: {} {problem}", path.display()),
        };
        let text = fs::read(&path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        let own: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let own = own.map_err(|error| wrong(&format!("is not PEM: {error}")))?;
        if own.is_empty() {
            return Err(wrong("has no certificate: it must begin with -----BEGIN CERTIFICATE-----"));
        }
        let mut roots = RootCertStore::empty();
        for certificate in &own {
            roots.add(certificate.clone()).map_err(|error| wrong(&format!("has a certificate of no use: {error}")))?;
        }
        Ok(Self { own })
    }

    /// For HTTPS.
    pub(super) fn client(&self) -> Result<ClientConfig, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(self.own.iter().cloned());
        let builder = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
        Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
    }

    /// For mail.
    pub(super) fn mail(&self, host: &str) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let mut builder = TlsParameters::builder(host.to_owned());
        for certificate in &self.own {
            builder = builder.add_root_certificate(Certificate::from_der(certificate.to_vec())?);
        }
        builder.build()
    }
}

/// An error with its causes: the first one says next to nothing.
pub(super) fn explain(error: &(dyn Cause + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(refused) = refused(cause) {
            return refused;
        }
        next = cause.source();
        if let Some(cause) = next.map(ToString::to_string).filter(|cause| !text.ends_with(cause)) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// What a certificate lacks, when that was the cause, and what to do.
fn refused(cause: &(dyn Cause + 'static)) -> Option<String> {
    // What an error of input or output holds is not among its sources.
    if let Some(inner) = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return refused(inner);
    }
    let Some(rustls::Error::InvalidCertificate(why)) = cause.downcast_ref() else { return None };
    let why = match why {
        CertificateError::UnknownIssuer => {
            "no authority that is known has signed it. If your own has, name its file in [tls] authorities of cirrus.toml"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it belongs to another name".to_owned()
        }
        other => rustls::Error::InvalidCertificate(other.clone()).to_string(),
    };
    Some(format!("the server's certificate is refused: {why}"))
}
