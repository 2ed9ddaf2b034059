//! Public TCP ports, unique on each server.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use domain::manifest::TcpPort;
use domain::{InstallationId, ServerId};
use sea_orm::ConnectionTrait;

use super::{Result, Tx, all, big, get, number, run, text};

/// The ports that can be given out.
pub const RANGE: RangeInclusive<u16> = 20_000..=29_999;

/// The ports of an installation by name.
pub async fn of(db: &impl ConnectionTrait, installation: InstallationId) -> Result<BTreeMap<String, u16>> {
    let sql = "SELECT name, port FROM ports WHERE installation = $1 ORDER BY name";
    let rows = all(db, sql, [text(installation)], |row| Ok((get(row, "name")?, number(row, "port")?))).await?;
    Ok(rows.into_iter().collect())
}

/// Sees to it that each of `wanted` has a public port and answers those; `None` when no port is free. A port that
/// was given before stays the same, also while no version wants it, so that going back finds it again.
pub async fn allot(
    tx: &Tx,
    server: ServerId,
    installation: InstallationId,
    wanted: &[TcpPort],
) -> Result<Option<BTreeMap<String, u16>>> {
    let mut has = of(&**tx, installation).await?;
    let mut ports = BTreeMap::new();
    for port in wanted {
        let number = match has.remove(&port.name) {
            Some(number) => number,
            None => match take_free(tx, server, installation, &port.name).await? {
                Some(number) => number,
                None => return Ok(None),
            },
        };
        ports.insert(port.name.clone(), number);
    }
    Ok(Some(ports))
}

async fn take_free(tx: &Tx, server: ServerId, installation: InstallationId, name: &str) -> Result<Option<u16>> {
    let sql = "SELECT port FROM ports WHERE server = $1 ORDER BY port";
    let taken: Vec<u16> = all(&**tx, sql, [text(server)], |row| number(row, "port")).await?;
    let Some(free) = RANGE.zip(taken.iter().map(Some).chain(std::iter::repeat(None))).find(|(p, t)| Some(p) != *t)
    else {
        return Ok(None);
    };
    let sql = "INSERT INTO ports (server, port, installation, name) VALUES ($1, $2, $3, $4)";
    run(&**tx, sql, [text(server), big(free.0.into()), text(installation), text(name)]).await?;
    Ok(Some(free.0))
}

/// Gives an installation's ports back.
pub async fn release(tx: &Tx, installation: InstallationId) -> Result<()> {
    run(&**tx, "DELETE FROM ports WHERE installation = $1", [text(installation)]).await?;
    Ok(())
}
