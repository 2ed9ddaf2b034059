//! Data that goes from one installation to another: by a kept copy, by an archive; and variables that stay with it.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use domain::{ArtifactHash, BackupId, InstallationId};
use futures_util::StreamExt;
use nimbus_api::{ClientError, DataSource, Environment, VersionSpec, Work};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::agent::{Agent, LONG, install, switch};

/// An install that begins with other data.
fn install_from(name: &str, version: Box<VersionSpec>, source: DataSource) -> Work {
    let Work::Install { name, epoch, version, ports, environment, .. } = install(name, version) else { unreachable!() };
    Work::Install { name, epoch, version, ports, environment, from: Some(source) }
}

fn download(agent: &Agent, id: InstallationId, copy: Option<&str>) -> Result<Vec<u8>, ClientError> {
    agent.runtime.block_on(async {
        let mut bytes = Vec::new();
        let mut pieces = std::pin::pin!(agent.client.archive(id, copy).await?);
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes)
    })
}

/// Puts an archive to the server; its hash.
fn put(agent: &Agent, bytes: &[u8]) -> ArtifactHash {
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let (hash, file): (ArtifactHash, _) = (hash.parse().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), bytes).unwrap();
    agent.runtime.block_on(agent.client.put_artifact(&hash, file.path())).unwrap();
    hash
}

#[test]
fn a_new_installation_begins_with_a_copy_or_an_archive_of_another() {
    let mut agent = Agent::new();
    let version = agent.version(1, |_| {});
    let id = agent.install("acme", version.clone());
    agent.write(id, "of then\n");
    let data = agent.data().join(format!("volume/installations/{id}/data"));
    std::fs::write(data.join("key"), "s3cret").unwrap();
    std::fs::set_permissions(data.join("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let backup = BackupId::new();
    agent.finish(id, Work::Backup { backup });
    let snapshot = format!("backup-{backup}");
    agent.write(id, "of now\n");
    let before = agent.leftovers();

    let of_then = download(&agent, id, Some(&snapshot)).unwrap();
    let of_now = download(&agent, id, None).unwrap();
    assert_eq!(agent.leftovers(), before, "what was made for reading is gone");
    let absent = download(&agent, id, Some("backup-x")).unwrap_err();
    assert_eq!(absent.code(), Some("unknown-copy"));
    let hashes = [&of_then, &of_now].map(|bytes| put(&agent, bytes));
    let copy = DataSource::Copy { installation: id, snapshot: snapshot.clone() };
    let [then, now] = hashes.map(|hash| DataSource::Archive { hash });
    for (source, text) in [(copy.clone(), "of then\n"), (then, "of then\n"), (now, "of now\n")] {
        let new = InstallationId::new();
        agent.finish(new, install_from("other", version.clone(), source.clone()));
        assert_eq!(agent.get(new), text, "{source:?}");
        let key = agent.data().join(format!("volume/installations/{new}/data/key"));
        let found = std::fs::metadata(&key).unwrap();
        assert_eq!((found.mode() & 0o7777, found.uid()), (0o600, 1000), "{source:?}");
        agent.write(new, "its own\n");
        assert_eq!(agent.get(id), "of now\n", "the data is not shared");
        agent.finish(new, Work::Remove);
    }
    assert_eq!(agent.leftovers(), before);

    let mut other = agent.version(2, |_| {});
    other.app = "otra".parse().unwrap();
    let why = agent.undone(InstallationId::new(), install_from("b", other, copy.clone()));
    assert!(why.contains("is of hola") && why.contains("otra"), "{why}");
    let gone = DataSource::Copy { installation: id, snapshot: "backup-x/../..".into() };
    let why = agent.undone(InstallationId::new(), install_from("b", version.clone(), gone));
    assert!(why.contains("no such copy"), "{why}");
    let absent = DataSource::Archive { hash: "0".repeat(64).parse().unwrap() };
    let why = agent.undone(InstallationId::new(), install_from("b", version.clone(), absent));
    assert!(why.contains("not on this server"), "{why}");
    let nonsense = DataSource::Archive { hash: put(&agent, b"no archive at all") };
    let why = agent.undone(InstallationId::new(), install_from("b", version.clone(), nonsense));
    assert!(why.contains("not a gzip archive"), "{why}");
    // It may have so much, and no more.
    let big = data.join("big");
    std::fs::write(&big, vec![7; 50 << 20]).unwrap();
    let hash = put(&agent, &download(&agent, id, None).unwrap());
    let small = agent.version(3, |manifest| manifest["limits"]["disk"] = json!(20 << 20));
    let why = agent.undone(InstallationId::new(), install_from("b", small, DataSource::Archive { hash }));
    assert!(why.contains("could not be written") || why.contains("quota"), "{why}");
    assert_eq!(agent.leftovers(), before);
}

#[test]
fn an_archive_whose_reader_leaves_leaves_nothing_behind_and_much_data_needs_little_memory() {
    let mut agent = Agent::new();
    let id = agent.install("acme", agent.version(1, |manifest| manifest["limits"]["disk"] = json!(400 << 20)));
    let data = agent.data().join(format!("volume/installations/{id}/data"));
    // Nothing that can be packed small.
    let noise: Vec<u8> =
        (0..3_u32 << 20).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[1..3].to_vec()).collect();
    for number in 0..20 {
        std::fs::write(data.join(format!("noise-{number}")), &noise).unwrap();
    }
    let before = agent.leftovers();
    let rested = agent.peak_memory();
    let all = download(&agent, id, None).unwrap();
    assert!(all.len() > 20 << 20, "{}", all.len());
    let grown = agent.peak_memory() - rested;
    assert!(grown < 16 << 20, "{grown} bytes more for an archive of {}", all.len());
    agent.runtime.block_on(async {
        let mut pieces = Box::pin(agent.client.archive(id, None).await.unwrap());
        pieces.next().await.unwrap().unwrap();
        let reading = || std::fs::read_dir(agent.data().join("volume/reading")).unwrap().count();
        assert_eq!(reading(), 1);
        drop(pieces);
        let gone = async {
            while reading() > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LONG, gone).await.expect("the copy made for reading is gone");
    });
    assert_eq!(agent.leftovers(), before);
}

#[test]
fn variables_of_its_own_stay_with_it_and_go_back_when_it_does_not_start_with_them() {
    let mut agent = Agent::new();
    let script = "test \"$KEY\" != bad || exit 3; echo \"$KEY $NUMBER $PORT\" > /data/index.html; $serve";
    let versions = [1, 2].map(|number| agent.script(number, script));
    let of = |pairs: &[(&str, &str)]| -> Environment {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        variables.collect::<BTreeMap<_, _>>().into()
    };
    let id = InstallationId::new();
    let Work::Install { name, epoch, version, ports, from, .. } = install("acme", versions[0].clone()) else {
        panic!()
    };
    agent.finish(id, Work::Install { name, epoch, version, ports, environment: of(&[("KEY", "s3cret-1")]), from });
    assert_eq!(agent.get(id), "s3cret-1 1 8080\n");
    let pid = agent.show(id).pid;

    // They go before those of the manifest.
    let second = of(&[("KEY", "s3cret-2"), ("NUMBER", "own")]);
    agent.finish(id, Work::Configure { environment: second.clone() });
    assert_eq!(agent.get(id), "s3cret-2 own 8080\n");
    assert_ne!(agent.show(id).pid, pid);
    agent.finish(id, switch(versions[1].clone()));
    assert_eq!(agent.get(id), "s3cret-2 own 8080\n");
    agent.finish(id, Work::Rollback { keep_seconds: 60 });
    assert_eq!(agent.get(id), "s3cret-2 own 8080\n");

    let why = agent.undone(id, Work::Configure { environment: of(&[("KEY", "bad")]) });
    assert!(why.contains("exit status 3"), "{why}");
    assert_eq!(agent.get(id), "s3cret-2 own 8080\n");
    let why = agent.undone(id, Work::Configure { environment: of(&[("PORT", "s3cret-3")]) });
    assert!(why.contains("PORT") && !why.contains("s3cret"), "{why}");
    agent.finish(id, Work::Stop);
    agent.finish(id, Work::Configure { environment: Environment::default() });
    agent.finish(id, Work::Start);
    assert_eq!(agent.get(id), " 1 8080\n");

    // Nobody but root finds them, and they are in no report, event or log.
    agent.finish(id, Work::Configure { environment: second });
    let reports = agent.runtime.block_on(async {
        let (one, all) = (agent.client.installation(id).await.unwrap(), agent.client.operations(None).await.unwrap());
        let events = agent.client.events(0).await.unwrap().take(30);
        let events: Vec<_> =
            tokio::time::timeout(std::time::Duration::from_secs(1), events.collect()).await.unwrap_or_default();
        format!("{one:?} {all:?} {events:?}")
    });
    let logs = agent.log_of(id).join("\n") + &agent.log();
    let processes: String = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| {
            String::from_utf8_lossy(&std::fs::read(entry.path().join("cmdline")).unwrap_or_default()).into_owned()
        })
        .collect();
    for text in [reports, logs, processes] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    for place in ["volume/installations", "nimbus", "run/keepers"] {
        let mode = std::fs::metadata(agent.data().join(place)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{place}");
    }
    let spec = agent.data().join(format!("volume/installations/{id}/spec.json"));
    assert!(std::fs::read_to_string(&spec).unwrap().contains("s3cret-2"), "the test looks for what is there");
    assert_eq!(std::fs::metadata(spec).unwrap().permissions().mode() & 0o077, 0);
}
