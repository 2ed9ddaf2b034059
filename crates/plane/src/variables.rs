//! Variables as the store keeps them: all of an owner's in one text, sealed for that owner alone. What is in the clear
//! exists only here, on the way to a server, and on the page where plain ones are shown.

use std::collections::BTreeMap;
use std::fmt;

use domain::{InstallationId, Key};
use nimbus_api::{Environment, Millis};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::{apps, installations};
use crate::wire::{ChangeEnvironment, Variable};

/// Whose they are: what is sealed for one owner opens for no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An application; all its installations have them.
    App(Key),
    /// An installation.
    Installation(InstallationId),
}

impl Owner {
    fn purpose(&self) -> String {
        match self {
            Owner::App(key) => format!("variables/app/{key}"),
            Owner::Installation(id) => format!("variables/installation/{id}"),
        }
    }
}

/// Variables by their names. Formatting it for people or logs shows the names only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variables(BTreeMap<String, Kept>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    value: String,
    secret: bool,
    at: Millis,
    by: String,
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Variables {
    /// Changes them as somebody asks.
    pub fn change(&mut self, input: &ChangeEnvironment, at: Millis, by: &str) -> Answer<()> {
        if let Some(name) = input.repeated().first() {
            let detail = format!("the variable \"{}\" is named more than once; name it once", short(name));
            return Err(Refusal::invalid("bad-variable", detail));
        }
        for name in &input.unset {
            if self.0.remove(name).is_none() {
                let detail = format!("there is no variable \"{}\" here that could be removed", short(name));
                return Err(Refusal::missing("unknown-variable", detail));
            }
        }
        for one in &input.set {
            let secret = one.secret.or(self.0.get(&one.name).map(|kept| kept.secret)).unwrap_or(true);
            let kept = Kept { value: one.value.clone(), secret, at, by: by.to_owned() };
            self.0.insert(one.name.clone(), kept);
        }
        Ok(())
    }

    /// These, and those of `base` that are not among them; refused when no program could be given them.
    pub fn environment(&self, base: &Variables) -> Answer<Environment> {
        let pairs = base.0.iter().chain(&self.0).map(|(name, kept)| (name.clone(), kept.value.clone()));
        let environment = Environment::from(pairs.collect::<BTreeMap<_, _>>());
        environment.check().map_err(|why| Refusal::invalid("bad-variable", why))?;
        Ok(environment)
    }

    /// What people are shown of them.
    pub fn shown(self, inherited: bool) -> Vec<Variable> {
        let shown = |(name, kept): (String, Kept)| Variable {
            name,
            value: (!kept.secret).then_some(kept.value),
            secret: kept.secret,
            inherited,
            set_at: kept.at,
            set_by: kept.by,
        };
        self.0.into_iter().map(shown).collect()
    }
}

impl Plane {
    /// What the store keeps for an owner; nothing where there is nothing.
    pub(crate) fn seal_variables(&self, owner: &Owner, variables: &Variables) -> Answer<Option<String>> {
        if variables.0.is_empty() {
            return Ok(None);
        }
        let text = serde_json::to_string(variables).map_err(Refusal::internal)?;
        Ok(Some(self.seal.seal(&owner.purpose(), &text)))
    }

    /// What was sealed for that owner.
    pub(crate) fn unseal_variables(&self, owner: &Owner, sealed: Option<&str>) -> Answer<Variables> {
        let Some(sealed) = sealed else { return Ok(Variables::default()) };
        let text = self.seal.unseal(&owner.purpose(), sealed).ok_or_else(|| {
            Refusal::conflict(
                "sealed",
                "its variables cannot be read: they were sealed with another key. Put the file seal.key back that the \
                 control plane had when they were set",
            )
        })?;
        serde_json::from_str(&text).map_err(Refusal::internal)
    }

    /// The variables of an owner.
    pub(crate) async fn variables(&self, db: &impl ConnectionTrait, owner: &Owner) -> Answer<Variables> {
        let sealed = match owner {
            Owner::App(key) => apps::variables(db, key).await?,
            Owner::Installation(id) => installations::variables(db, *id).await?,
        };
        self.unseal_variables(owner, sealed.as_deref())
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
