//! Certificates of an authority that a test makes, by OpenSSL.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::program::output;

/// How openssl makes a key.
const KEY: [&str; 4] = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// A certificate authority of the test.
pub struct Authority {
    directory: tempfile::TempDir,
}

impl Authority {
    /// One that nobody has heard of.
    pub fn new() -> Self {
        let authority = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        let mut command = Command::new("openssl");
        // Two of the same name would be taken for one.
        let name =
            format!("/CN=Authority {}", authority.directory.path().file_name().expect("it has a name").display());
        command.args(["req", "-x509", "-newkey"]).args(KEY).args(["-subj", &name, "-days", "2"]);
        output(command.arg("-keyout").arg(authority.path("ca.key")).arg("-out").arg(authority.file()), "openssl");
        authority
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file beside its own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What clients are told to believe.
    pub fn file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Files `NAME.pem` and `NAME.key`, for these names; a certificate of no days has expired when this returns.
    pub fn issue(&self, name: &str, alternatives: &str, days: &str) -> (PathBuf, PathBuf) {
        let [certificate, key, wanted] = ["pem", "key", "csr"].map(|end| self.path(&format!("{name}.{end}")));
        let names = format!("subjectAltName={alternatives}");
        let mut ask = Command::new("openssl");
        ask.args(["req", "-newkey"]).args(KEY).args(["-subj", "/CN=test", "-addext", &names]);
        output(ask.arg("-keyout").arg(&key).arg("-out").arg(&wanted), "openssl");
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-copy_extensions", "copy", "-days", days, "-in"]).arg(wanted);
        sign.arg("-CA").arg(self.file()).arg("-CAkey").arg(self.path("ca.key")).arg("-out").arg(&certificate);
        output(&mut sign, "openssl");
        let valid =
            || Command::new("openssl").args(["x509", "-checkend", "0", "-noout", "-in"]).arg(&certificate).output();
        if days == "0" {
            while valid().expect("openssl runs").status.success() {
                std::thread::sleep(Duration::from_millis(100));
            }
            // For OpenSSL a certificate has expired in its last second, for others only after it.
            std::thread::sleep(Duration::from_millis(1100));
        }
        (certificate, key)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
