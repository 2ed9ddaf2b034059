//! An application, loaded: everything in its directory that all threads share. A reload loads another one and swaps.

use std::{
    fs,
    path::{Path, PathBuf},
};

use http::StatusCode;
use serde_json::Value;

use crate::{
    config::Config,
    error::Error,
    web::{Request, secret::Secret, static_files},
};

/// One application over one data directory.
#[derive(Debug)]
pub struct App {
    /// Where the author's files are.
    pub directory: PathBuf,
    /// Where its data is: `cirrus.sqlite`, `secret`, `uploads/`.
    pub data: PathBuf,
    /// `cirrus.toml`.
    pub config: Config,
    /// Behind sessions and tokens.
    pub secret: Secret,
    /// `public/`.
    pub public: static_files::Index,
}

impl App {
    /// Loads the directory; the data directory is made when missing.
    pub fn load(directory: &Path, data: &Path) -> Result<Self, Error> {
        if !directory.is_dir() {
            return Err(Error::NoApplication(directory.into()));
        }
        fs::create_dir_all(data).map_err(|source| Error::Write { path: data.into(), source })?;
        let config = Config::load(directory)?;
        let secret = Secret::load(&config, data)?;
        let public = static_files::Index::load(&directory.join("public"))?;
        Ok(Self { directory: directory.into(), data: data.into(), config, secret, public })
    }

    /// The application's own page for this error, if it has one.
    pub fn error_page(&self, _request: &Request, _status: StatusCode, _problem: &Value) -> Option<String> {
        None
    }
}
