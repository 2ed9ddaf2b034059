//! `cirrus user`: the first user cannot be made by another one.

use std::io::BufRead;

use clap::Args;

use super::Place;
use crate::{
    app::App,
    data::{Condition, Query, Read, Record},
    error::Error,
    web::users,
};

/// Arguments of `user`.
#[derive(Args)]
pub struct User {
    /// Its login
    login: String,
    #[command(flatten)]
    place: Place,
    /// Its role
    #[arg(long)]
    role: Option<String>,
    /// Its name
    #[arg(long)]
    name: Option<String>,
}

impl User {
    /// Makes the user or changes it.
    pub fn run(self) -> anyhow::Result<()> {
        let config = App::config(&self.place.directory)?.users;
        anyhow::ensure!(
            !config.table.is_empty(),
            "this application has no users: write [users] table = \"usuarios\" in cirrus.toml"
        );
        let mut password = String::new();
        std::io::stdin().lock().read_line(&mut password)?;
        let session = self.place.store()?.begin().map_err(Error::from)?;
        let mut record = Record::new();
        for (name, value) in [("role", &self.role), ("name", &self.name)] {
            if let Some(value) = value {
                record.set(name, value.as_str());
            }
        }
        let by_login = Query::of(&config.table).filter(Condition::eq("login", self.login.as_str()));
        let known = session.first(&by_login).map_err(Error::from)?.and_then(|user| user.id());
        let id = match known {
            Some(id) => session.update(&config.table, id, record).map(|_| id),
            None => {
                record.set("login", self.login.as_str());
                session.create(&config.table, record).map(|user| user.id().unwrap_or_default())
            }
        };
        let id = id.map_err(Error::from)?;
        let password = password.trim_end_matches(['\r', '\n']);
        users::set_password(&session, &config, id, password).map_err(Error::from)?;
        session.commit().map_err(Error::from)?;
        println!("{} {id}", config.table);
        Ok(())
    }
}
