//! A server's disk that fills up under the data volume: a small file system of the test's own.

use std::fs;
use std::path::{Path, PathBuf};

use domain::{BackupId, InstallationId};
use futures_util::StreamExt;
use nimbus_api::{ExecFrame, ExecRequest, NimbusEventKind, Phase, Work};
use serde_json::json;

use crate::agent::{Agent, install, switch};
use crate::alone::{alone, sh};

/// A disk of 900 MiB, mounted; the file that it is in is gone with the mount.
fn small_disk() -> (tempfile::TempDir, PathBuf) {
    alone();
    let place = tempfile::tempdir().unwrap();
    let (image, mount) = (place.path().join("disk.img"), place.path().join("disk"));
    fs::create_dir(&mount).unwrap();
    // Without blocks that only root may use: full is full.
    sh(&format!(
        "truncate -s 900M {0} && mkfs.ext4 -q -m 0 -E lazy_itable_init=0 {0} && mount -o loop {0} {1}",
        image.display(),
        mount.display()
    ));
    (place, mount)
}

fn codes(agent: &Agent) -> Vec<String> {
    let report = agent.runtime.block_on(agent.client.server()).unwrap();
    report.warnings.into_iter().map(|warning| warning.code).collect()
}

/// Writes so many MiB into an installation's data as its program could: what `dd` said, and its exit status.
fn write(agent: &Agent, id: InstallationId, mebibytes: u32) -> (String, i32) {
    let line = format!("/app/busybox dd if=/dev/zero of=/data/big bs=1M count={mebibytes} conv=fsync");
    let command = ["/app/busybox", "sh", "-c", &format!("{line}; status=$?; /app/busybox rm /data/big; exit $status")];
    let request = ExecRequest { command: command.map(str::to_owned).to_vec(), tty: None };
    agent.runtime.block_on(async {
        let frames: Vec<_> =
            agent.client.exec(id, &request, futures_util::stream::empty()).await.unwrap().collect().await;
        let (mut said, mut status) = (Vec::new(), 0);
        for frame in frames {
            match frame.unwrap() {
                ExecFrame::Out(data) | ExecFrame::Err(data) => said.extend_from_slice(&data),
                ExecFrame::Exit(code) => status = code,
            }
        }
        (String::from_utf8(said).unwrap(), status)
    })
}

/// Takes all of the disk but so many MiB; all of it for 0.
fn fill(disk: &Path, but: u64) {
    let filler = disk.join("filler");
    if but == 0 {
        let filled = std::process::Command::new("dd")
            .args(["if=/dev/zero", "bs=1M", "oflag=append", "conv=notrunc"])
            .arg(format!("of={}", filler.display()))
            .output()
            .unwrap();
        assert!(!filled.status.success(), "the disk is full");
        return;
    }
    let found = rustix::fs::statvfs(disk).unwrap();
    let now = fs::metadata(&filler).map_or(0, |found| found.len());
    let bytes = now + found.f_bavail * found.f_frsize - (but << 20);
    sh(&format!("fallocate -l {bytes} {}", filler.display()));
}

#[test]
fn a_full_disk_under_the_volume_refuses_in_time_hurts_nobody_and_recovers() {
    let (_place, disk) = small_disk();
    {
        let mut agent = Agent::at(tempfile::Builder::new().prefix("nimbus-").tempdir_in(&disk).unwrap());
        let large = |manifest: &mut serde_json::Value| manifest["limits"]["disk"] = json!(512_u64 << 20);
        let [version, next] = [agent.version(1, large), agent.version(2, large)];
        let id = agent.install("acme", version.clone());
        let report = agent.runtime.block_on(agent.client.server()).unwrap();
        let host = report.host_disk.unwrap();
        assert!(host.reserve > 80 << 20 && host.reserve * 10 <= host.total && host.growth > host.free, "{host:?}");
        assert_eq!(report.disk_promised, 512 << 20);
        assert_eq!(codes(&agent), ["host-disk-overcommitted"]);
        let set_aside = agent.data().join("nimbus/reserve");
        agent.eventually("room is set aside", |_| set_aside.exists());
        assert_eq!(write(&agent, id, 30).1, 0);

        fill(&disk, 60);
        assert_eq!(codes(&agent), ["host-disk-low"]);
        let backup = Work::Backup { backup: BackupId::new() };
        for (at, work) in
            [(InstallationId::new(), install("b", version.clone())), (id, switch(next.clone())), (id, backup.clone())]
        {
            let why = agent.undone(at, work);
            assert!(why.contains("nearly full: ") && why.contains("then try again"), "{why}");
        }
        assert_eq!(write(&agent, id, 10).1, 0, "what runs goes on");
        agent.finish(id, Work::Restart);

        fill(&disk, 0);
        agent.eventually("it is an emergency", |agent| codes(agent) == ["host-disk-emergency", "host-disk-low"]);
        assert!(!set_aside.exists());
        // In between, a program's data may be refused by the disk itself; the volume lives.
        agent.eventually("data no longer grows", |agent| {
            let (said, status) = write(agent, id, 100);
            assert!(status != 0 && !said.contains("Read-only"), "{said}");
            said.contains("quota exceeded")
        });
        assert_eq!(agent.show(id).phase, Phase::Healthy);
        agent.write(id, "changed\n");
        assert_eq!(agent.get(id), "changed\n", "what is there can be changed");
        // A Nimbus that dies now is followed by one that knows.
        agent.kill();
        agent.start();
        assert_eq!(codes(&agent), ["host-disk-emergency", "host-disk-low"]);
        agent.kill();
        fs::remove_file(disk.join("filler")).unwrap();
        agent.start();

        agent.eventually("it is over", |agent| codes(agent) == ["host-disk-overcommitted"] && set_aside.exists());
        let (said, status) = write(&agent, id, 100);
        assert_eq!(status, 0, "{said}");
        agent.finish(id, backup);
        agent.finish(id, switch(next));
        assert_eq!(agent.get(id), "changed\n");
        let mut told = Vec::new();
        agent.runtime.block_on(async {
            let mut events = agent.client.events(0).await.unwrap();
            while !told.contains(&("host-disk-low".to_owned(), true)) {
                let event = events.next().await.unwrap().unwrap();
                if let NimbusEventKind::ServerWarning { warning, over } = event.what {
                    told.push((warning.code, over));
                }
            }
        });
        assert!(told.contains(&("host-disk-low".to_owned(), false)), "{told:?}");
        agent.finish(id, Work::Remove);
    }
    sh(&format!("umount {}", disk.display()));
}

#[test]
fn disk_may_be_promised_more_than_once_but_not_more_than_there_is_to_one() {
    let mut agent = Agent::new();
    let of =
        |gibibytes: u64| move |manifest: &mut serde_json::Value| manifest["limits"]["disk"] = json!(gibibytes << 30);
    let (fits, too_much) = (agent.version(1, of(1)), agent.version(2, of(2)));
    let ids = ["a", "b", "c"].map(|name| agent.install(name, fits.clone()));
    let report = agent.runtime.block_on(agent.client.server()).unwrap();
    assert_eq!((report.disk_promised, report.disk.total), (3 << 30, 1 << 30));
    assert!(report.disk.taken < report.disk.total / 2, "{report:?}");
    for (at, work) in [(InstallationId::new(), install("d", too_much.clone())), (ids[0], switch(too_much))] {
        let why = agent.undone(at, work);
        assert!(why.contains("version 2 of hola may use 2048 MiB of disk (limits.disk)"), "{why}");
    }
}
