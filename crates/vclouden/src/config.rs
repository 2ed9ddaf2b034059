//! Where the API is and the token for it: saved by `vclouden up`, overridden by flags and environment.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Outcome};

/// Where the API listens unless somebody says otherwise.
pub const DEFAULT_API: &str = "http://127.0.0.1:7878";

/// The saved configuration, `$XDG_CONFIG_HOME/vclouden/config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Base URL of the API, such as `http://127.0.0.1:7878`.
    pub api: Option<String>,
    /// The token that the API asks for.
    pub token: Option<String>,
}

/// What a command needs in order to ask the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Base URL of the API, without a slash at its end.
    pub api: String,
    /// The token.
    pub token: String,
}

/// `$XDG_CONFIG_HOME/vclouden/config.toml`, or under `~/.config`. A relative `XDG_CONFIG_HOME` counts as unset, as the
/// XDG base directory specification wants.
pub fn saved_path() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(base.join("vclouden/config.toml"))
}

/// Reads the saved configuration; an absent file is an empty one.
pub fn load(path: Option<&Path>) -> Outcome<Saved> {
    let Some(path) = path else { return Ok(Saved::default()) };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Saved::default()),
        Err(error) => return Err(Failure::refused(format!("cannot read {}: {error}", path.display()))),
    };
    toml::from_str(&text).map_err(|error| {
        Failure::refused(format!(
            "{} is not a configuration of vclouden: {error}. Correct it, or delete it and run `vclouden up` again",
            path.display()
        ))
    })
}

/// The base URL of the API: `api` (from a flag or the environment), the saved one, or the usual one.
pub fn base(api: Option<&str>, saved: &Saved) -> Outcome<String> {
    base_url(api.or(saved.api.as_deref()).unwrap_or(DEFAULT_API))
}

/// The saved configuration with `api` and `token` (from flags or environment) over it.
pub fn access(api: Option<&str>, token: Option<&str>, saved: &Saved) -> Outcome<Access> {
    let base = base(api, saved)?;
    // A token is for the API that it was saved with: it is never sent to another one.
    let saved_token = match (&saved.api, api) {
        (Some(saved_api), Some(_)) if base_url(saved_api)? != base => None,
        _ => saved.token.as_deref(),
    };
    let token = token.or(saved_token).map(str::trim).filter(|t| !t.is_empty()).ok_or_else(|| {
        Failure::refused(format!(
            "no token for {base}: run `vclouden login`, give --token or set VCLOUDEN_TOKEN, or run `vclouden up` on \
             this machine, which saves one"
        ))
    })?;
    Ok(Access { api: base, token: token.to_owned() })
}

/// `127.0.0.1:7878` and `http://127.0.0.1:7878/` are the same base URL, and so are `console.example.com` and
/// `https://console.example.com`: a name without a port is a proxy's, and a token does not go there in the clear.
fn base_url(text: &str) -> Outcome<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage("the API's address is empty: give --api 127.0.0.1:7878 or leave it away"));
    }
    let url = match text {
        text if text.contains("://") => text.to_owned(),
        text if is_bare_name(text) => format!("https://{text}"),
        text => format!("http://{text}"),
    };
    match reqwest::Url::parse(&url) {
        Ok(parsed) if is_place(&parsed) => Ok(url.trim_end_matches('/').to_owned()),
        _ => Err(Failure::usage(format!(
            "\"{text}\" is not the address of an API: give something like 127.0.0.1:7878 or https://console.example.com"
        ))),
    }
}

/// A scheme that we speak and a host; the token is given beside it.
fn is_place(url: &reqwest::Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none()
}

/// A host name with a dot and without a port, such as `console.example.com`.
fn is_bare_name(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    host.contains('.') && !host.contains(':') && host.parse::<std::net::IpAddr>().is_err()
}

/// Saves the configuration with mode 0600, whole or not at all.
pub fn save(path: &Path, saved: &Saved) -> Result<()> {
    let directory = path.parent().context("the configuration's path has no directory")?;
    let mut missing: Vec<&Path> = directory.ancestors().take_while(|d| !d.exists()).collect();
    while let Some(next) = missing.pop() {
        fs::create_dir(next).with_context(|| format!("cannot make {}", next.display()))?;
        fs::set_permissions(next, fs::Permissions::from_mode(0o700))?;
    }
    let temporary = directory.join(format!(".config.toml.{}", std::process::id()));
    let write = || -> Result<()> {
        let _ = fs::remove_file(&temporary);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(toml_text(saved).as_bytes())?;
        fs::rename(&temporary, path)?;
        Ok(())
    };
    write()
        .inspect_err(|_| drop(fs::remove_file(&temporary)))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Two quoted strings need no serialiser of TOML: JSON's quoting of printable ASCII is TOML's.
fn toml_text(saved: &Saved) -> String {
    let mut text = String::from("# Written by `vclouden up` and `vclouden login`; read by every other command.\n");
    for (key, value) in [("api", &saved.api), ("token", &saved.token)] {
        if let Some(value) = value {
            text.push_str(&format!("{key} = {}\n", serde_json::Value::from(value.as_str())));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(api: &str, token: &str) -> Saved {
        Saved { api: Some(api.into()), token: Some(token.into()) }
    }

    #[test]
    fn what_is_saved_reads_back_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/config.toml");
        let config = saved("http://127.0.0.1:1", "t\"o");
        save(&path, &config).unwrap();
        save(&path, &config).unwrap();
        assert_eq!(load(Some(&path)).unwrap(), config);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn flags_win_and_a_token_stays_with_its_api() {
        let config = saved("http://127.0.0.1:1", "secret");
        assert_eq!(access(None, None, &config).unwrap().token, "secret");
        assert_eq!(access(Some("127.0.0.1:1/"), None, &config).unwrap().token, "secret");
        assert_eq!(access(Some("127.0.0.1:1"), Some("mine"), &config).unwrap().token, "mine");
        assert_eq!(access(Some("127.0.0.1:2"), None, &config).unwrap_err().status(), 1);
        assert_eq!(access(Some("ftp://x"), Some("t"), &config).unwrap_err().status(), 2);
        assert_eq!(access(None, Some("t"), &Saved::default()).unwrap().api, DEFAULT_API);
    }

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (text, url) in [
            ("127.0.0.1:1/", "http://127.0.0.1:1"),
            ("10.0.0.1", "http://10.0.0.1"),
            ("[::1]:1", "http://[::1]:1"),
            ("localhost", "http://localhost"),
            ("server.lan:7878", "http://server.lan:7878"),
            ("console.example.com/", "https://console.example.com"),
            ("https://console.example.com:8443", "https://console.example.com:8443"),
            ("http://console.example.com", "http://console.example.com"),
        ] {
            assert_eq!(base_url(text).unwrap(), url);
        }
        for text in ["", "ftp://x", "https://", "console.example.com:port", "https://me@example.com"] {
            assert_eq!(base_url(text).unwrap_err().status(), 2, "{text}");
        }
    }

    #[test]
    fn a_configuration_with_unknown_keys_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(&path, "tokken = \"x\"\n").unwrap();
        let error = load(Some(&path)).unwrap_err().to_string();
        assert!(error.contains("tokken") && error.contains("config.toml"), "{error}");
    }
}
