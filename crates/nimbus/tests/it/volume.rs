//! The volume on a real loop device, and its fallbacks in plain directories.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use domain::InstallationId;
use nimbus::volume::{Storage, Volume, VolumeConfig, VolumeError};
use tempfile::TempDir;

use crate::alone::{alone, sh};

const MIB: u64 = 1 << 20;

/// A place for a volume, and what is in it.
struct Place {
    config: VolumeConfig,
    directory: TempDir,
    /// A file system that shares blocks, for the fallback that needs one.
    outer: Option<Volume>,
}

impl Place {
    fn new(storage: Storage) -> Place {
        alone();
        let directory = tempfile::tempdir().unwrap();
        let config = |at: &Path, storage| VolumeConfig {
            image: at.join("volume.img"),
            mount: at.join("volume"),
            bytes: Some(512 * MIB),
            storage: Some(storage),
        };
        if storage != Storage::Reflink {
            return Place { config: config(directory.path(), storage), directory, outer: None };
        }
        let outer = config(directory.path(), Storage::Btrfs);
        let inner = config(&outer.mount.join("inner"), storage);
        let outer = Some(Volume::open(&outer).unwrap());
        Place { config: inner, directory, outer }
    }

    fn open(&self) -> Volume {
        Volume::open(&self.config).unwrap()
    }

    /// Closes everything and checks that nothing is left of it.
    fn end(self, volume: Volume) {
        volume.close().unwrap();
        if let Some(outer) = self.outer {
            outer.close().unwrap();
        }
        let place = self.directory.path().to_str().unwrap().to_owned();
        assert!(!sh("cat /proc/self/mountinfo").contains(&place), "a mount is left");
        assert!(!sh("losetup --list --noheadings --output BACK-FILE").contains(&place), "a loop device is left");
    }
}

fn read(file: PathBuf) -> String {
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Everything that a volume does, twice each, and what is seen in between.
fn whole_life(storage: Storage) {
    let place = Place::new(storage);
    let mut volume = place.open();
    assert_eq!((volume.storage(), volume.report().active), (storage.name(), storage == Storage::Btrfs));
    let about = volume.about();
    assert_eq!(about.image.is_some(), storage == Storage::Btrfs);
    assert!(Path::new(&about.path).join("volume.json").exists() && about.created_at > 0, "{about:?}");
    let (one, two) = (InstallationId::new(), InstallationId::new());
    assert_eq!(volume.installations().unwrap(), []);
    for id in [one, two] {
        for _ in 0..2 {
            volume.create(id, 64 * MIB).unwrap();
            volume.fill(id, None, 1000, 1000).unwrap();
        }
    }
    assert_eq!(volume.installations().unwrap(), [one, two]);
    let owner = |volume: &Volume, name: &str| {
        let found = fs::symlink_metadata(volume.data(one).join(name)).unwrap();
        (found.uid(), found.gid())
    };
    assert_eq!(owner(&volume, ""), (1000, 1000));

    let file = |volume: &Volume| volume.data(one).join("notes");
    fs::write(file(&volume), "first").unwrap();
    symlink("/etc/shadow", volume.data(one).join("link")).unwrap();
    for name in ["a", "a", "b"] {
        volume.snapshot(one, name).unwrap();
        fs::write(file(&volume), "second").unwrap();
    }
    assert_eq!(volume.snapshots(one).unwrap(), ["a", "b"]);
    assert_eq!(read(volume.snapshot_dir(one, "a").join("data/notes")), "first");

    volume.close().unwrap();
    volume = place.open();
    assert_eq!(read(file(&volume)), "second");
    for _ in 0..2 {
        fs::write(file(&volume), "worse").unwrap();
        volume.put_back(one, "a").unwrap();
        assert_eq!(read(file(&volume)), "first");
        assert_eq!(fs::read_link(volume.data(one).join("link")).unwrap(), Path::new("/etc/shadow"));
        assert_eq!(read(volume.dir(one).join("data.new/notes")), "worse", "what was replaced waits to be dropped");
    }
    for _ in 0..2 {
        volume.drop_replaced(one).unwrap();
        assert_eq!(names(&volume.dir(one)), ["data", "logs", "quota", "snapshots"]);
    }
    volume.put_back(one, "b").unwrap();
    assert_eq!(read(file(&volume)), "second");
    let before = fs::metadata("/etc/shadow").unwrap().uid();
    for _ in 0..2 {
        volume.chown_data(one, 33, 34).unwrap();
    }
    assert_eq!([owner(&volume, ""), owner(&volume, "notes"), owner(&volume, "link")], [(33, 34); 3]);
    assert_eq!(fs::metadata("/etc/shadow").unwrap().uid(), before, "a link was followed");
    assert_eq!(fs::metadata(volume.snapshot_dir(one, "a").join("data/notes")).unwrap().uid(), 0);

    for _ in 0..2 {
        volume.delete_snapshot(one, "a").unwrap();
    }
    assert_eq!(volume.snapshots(one).unwrap(), ["b"]);
    assert!(matches!(volume.put_back(one, "a"), Err(VolumeError::Absent(_))));
    assert!(matches!(volume.snapshot(one, "../b"), Err(VolumeError::BadName(_))));
    for _ in 0..2 {
        volume.remove(one).unwrap();
    }
    assert_eq!(volume.installations().unwrap(), [two]);
    assert_eq!(names(&place.config.mount.join("removed")), [""; 0]);
    let usage = volume.usage();
    assert!(usage.total > usage.taken && usage.taken > 0, "{usage:?}");
    place.end(volume);
}

#[test]
fn a_volume_on_btrfs_lives() {
    whole_life(Storage::Btrfs);
}

#[test]
fn a_volume_of_shared_blocks_lives() {
    whole_life(Storage::Reflink);
}

#[test]
fn a_volume_of_copies_lives() {
    whole_life(Storage::Copy);
}

/// The first content of the data: copied as it is, owned by the program's user, and done again after a kill in the
/// middle, but never once it was done.
fn filling(storage: Storage) {
    let place = Place::new(storage);
    let volume = place.open();
    let id = InstallationId::new();
    let from = place.directory.path().join("initial");
    fs::create_dir_all(from.join("deep")).unwrap();
    fs::write(from.join("deep/run.sh"), "#!/bin/sh").unwrap();
    fs::set_permissions(from.join("deep/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/etc/passwd", from.join("link")).unwrap();
    volume.create(id, 64 * MIB).unwrap();

    // As after a kill while copying, and after one between the exchange and the mark.
    fs::create_dir(volume.dir(id).join("data.new")).unwrap();
    fs::write(volume.data(id).join("half"), "").unwrap();
    if storage == Storage::Btrfs {
        fs::remove_dir(volume.dir(id).join("data.new")).unwrap();
        sh(&format!("btrfs subvolume create {}", volume.dir(id).join("data.new").display()));
    }
    fs::write(volume.dir(id).join("data.new/half"), "").unwrap();
    volume.fill(id, Some(&from), 101, 102).unwrap();

    let data = volume.data(id);
    assert_eq!(names(&data), ["deep", "link"]);
    assert_eq!(fs::read_link(data.join("link")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::metadata(data.join("deep/run.sh")).unwrap().mode() & 0o7777, 0o755);
    for path in [data.clone(), data.join("deep"), data.join("deep/run.sh"), data.join("link")] {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid()), (101, 102), "{}", path.display());
    }
    fs::remove_dir_all(data.join("deep")).unwrap();
    volume.fill(id, Some(&from), 101, 102).unwrap();
    assert_eq!(names(&data), ["link"], "what the program did was undone");

    let other = InstallationId::new();
    volume.create(other, 64 * MIB).unwrap();
    for wrong in [from.join("link"), from.join("nothing")] {
        assert!(matches!(volume.fill(other, Some(&wrong), 1, 1), Err(VolumeError::NoDirectory(_))));
    }
    place.end(volume);
}

#[test]
fn data_is_filled_on_btrfs() {
    filling(Storage::Btrfs);
}

#[test]
fn data_is_filled_in_a_directory() {
    filling(Storage::Copy);
}

/// Copies made for reading, and data that goes to another installation.
fn passing_on(storage: Storage) {
    let place = Place::new(storage);
    let volume = place.open();
    let (one, two) = (InstallationId::new(), InstallationId::new());
    for id in [one, two] {
        volume.create(id, 64 * MIB).unwrap();
    }
    volume.fill(one, None, 1000, 1000).unwrap();
    fs::write(volume.data(one).join("file"), "then").unwrap();
    volume.snapshot(one, "kept").unwrap();
    fs::write(volume.data(one).join("file"), "now").unwrap();
    let reading = [None, Some("kept")].map(|name| volume.begin_reading(one, name).unwrap());
    fs::write(volume.data(one).join("file"), "later").unwrap();
    for _ in 0..2 {
        volume.fill_from_copy(two, one, "kept", (7, 8)).unwrap();
    }
    volume.delete_snapshot(one, "kept").unwrap();
    assert_eq!(reading.clone().map(|path| read(path.join("file"))), ["now", "then"]);
    let file = volume.data(two).join("file");
    let owner = fs::metadata(&file).unwrap();
    assert_eq!((read(file), owner.uid(), owner.gid()), ("then".to_owned(), 7, 8));
    volume.end_reading(&reading[0]).unwrap();
    assert!(!reading[0].exists() && reading[1].exists());
    assert!(matches!(volume.begin_reading(one, Some("kept")), Err(VolumeError::Absent(_))));
    assert!(matches!(volume.begin_reading(one, Some("../kept")), Err(VolumeError::BadName(_))));
    // What a Nimbus that was killed has left.
    volume.close().unwrap();
    let volume = place.open();
    assert_eq!(names(&place.config.mount.join("reading")), Vec::<String>::new());
    place.end(volume);
}

#[test]
fn data_is_passed_on_on_btrfs() {
    passing_on(Storage::Btrfs);
}

#[test]
fn data_is_passed_on_in_a_directory() {
    passing_on(Storage::Copy);
}

/// Puts back after each state in which a kill can leave it.
fn killed_while_putting_back(storage: Storage) {
    let place = Place::new(storage);
    let volume = place.open();
    let id = InstallationId::new();
    volume.create(id, 64 * MIB).unwrap();
    volume.fill(id, None, 1000, 1000).unwrap();
    let (data, new) = (volume.data(id), volume.dir(id).join("data.new"));
    let copy = |from: &Path| match storage {
        Storage::Btrfs => sh(&format!("btrfs subvolume snapshot {} {}", from.display(), new.display())),
        _ => sh(&format!("cp -a {} {}", from.display(), new.display())),
    };
    fs::write(data.join("notes"), "good").unwrap();
    volume.snapshot(id, "s").unwrap();
    let kept = volume.snapshot_dir(id, "s").join("data");
    let kills: [(&str, &dyn Fn()); 3] = [
        ("after the copy", &|| drop(copy(&kept))),
        ("after the exchange", &|| {
            copy(&kept);
            let here = rustix::fs::CWD;
            rustix::fs::renameat_with(here, &new, here, &data, rustix::fs::RenameFlags::EXCHANGE).unwrap();
        }),
        ("with a copy of something else", &|| drop(copy(&data))),
    ];
    for (when, kill) in kills {
        volume.drop_replaced(id).unwrap();
        fs::write(data.join("notes"), "bad").unwrap();
        kill();
        volume.put_back(id, "s").unwrap();
        assert_eq!(read(data.join("notes")), "good", "{when}");
    }
    assert!(volume.has_snapshot(id, "s") && new.exists());
    volume.delete_snapshot(id, "s").unwrap();
    assert!(!volume.has_snapshot(id, "s") && !new.exists(), "one call deletes the copy and what it replaced");
    // Killed while removing: the next start finishes.
    fs::rename(volume.dir(id), place.config.mount.join("removed").join(id.to_string())).unwrap();
    volume.close().unwrap();
    let volume = place.open();
    assert_eq!(names(&place.config.mount.join("removed")), [""; 0]);
    place.end(volume);
}

#[test]
fn putting_back_survives_kills_on_btrfs() {
    killed_while_putting_back(Storage::Btrfs);
}

#[test]
fn putting_back_survives_kills_in_a_directory() {
    killed_while_putting_back(Storage::Copy);
}

/// Writes until the file system refuses; returns why, and the bytes written.
fn write_all(file: &Path, most: u64) -> (Option<std::io::Error>, u64) {
    let mut file = fs::File::create(file).unwrap();
    let block = vec![7; 1 << 20];
    for written in 0..most / MIB {
        // Blocks are only taken from the quota when they go to disk.
        if let Err(error) = file.write_all(&block).and_then(|()| file.sync_data()) {
            return (Some(error), written * MIB);
        }
    }
    (None, most)
}

#[test]
fn a_quota_stops_one_installation_and_no_other() {
    let place = Place::new(Storage::Btrfs);
    let volume = place.open();
    let (greedy, other) = (InstallationId::new(), InstallationId::new());
    for id in [greedy, other] {
        volume.create(id, 20 * MIB).unwrap();
        volume.fill(id, None, 1000, 1000).unwrap();
    }
    volume.snapshot(greedy, "empty").unwrap();
    let fill = |id| write_all(&volume.data(id).join("big"), 40 * MIB);
    let (error, written) = fill(greedy);
    assert_eq!(error.unwrap().kind(), ErrorKind::QuotaExceeded);
    assert!((15 * MIB..20 * MIB).contains(&written), "{written}");
    fs::write(volume.data(other).join("small"), "fits").unwrap();
    sh("sync");
    let used = volume.used(greedy).unwrap();
    assert!((written..=20 * MIB).contains(&used), "{used}");

    // As a kill in the middle of setting another one leaves it.
    let quota = volume.dir(greedy).join("quota");
    fs::write(&quota, (20 * MIB).to_string() + " being set").unwrap();
    volume.put_back(greedy, "empty").unwrap();
    volume.put_back(greedy, "empty").unwrap();
    for _ in 0..2 {
        volume.set_quota(greedy, 40 * MIB).unwrap();
    }
    assert_eq!(read(quota), (40 * MIB).to_string());
    assert!(write_all(&volume.data(greedy).join("more"), 10 * MIB).0.is_none());
    volume.put_back(greedy, "empty").unwrap();
    let (error, written) = fill(greedy);
    assert_eq!(error.unwrap().kind(), ErrorKind::QuotaExceeded, "the quota was lost");
    assert!(written > 30 * MIB, "{written}");

    // Initial data larger than the quota.
    let from = place.directory.path().join("initial");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("big"), vec![1; 30 << 20]).unwrap();
    let third = InstallationId::new();
    volume.create(third, 20 * MIB).unwrap();
    let error = volume.fill(third, Some(&from), 1000, 1000).unwrap_err().to_string();
    assert!(error.contains("quota exceeded"), "{error}");
    place.end(volume);
}

#[test]
fn subvolumes_inside_data_do_not_keep_it_from_being_deleted() {
    let place = Place::new(Storage::Btrfs);
    let volume = place.open();
    let id = InstallationId::new();
    volume.create(id, 64 * MIB).unwrap();
    let data = volume.data(id);
    sh(&format!("cd {} && btrfs subvolume create a && btrfs subvolume create a/b && touch a/b/c", data.display()));
    volume.remove(id).unwrap();
    assert_eq!(volume.installations().unwrap(), []);
    place.end(volume);
}

#[test]
fn a_mounted_volume_is_taken_up() {
    let place = Place::new(Storage::Btrfs);
    let volume = place.open();
    let id = InstallationId::new();
    volume.create(id, 64 * MIB).unwrap();
    drop(volume);
    let volume = place.open();
    assert_eq!(volume.installations().unwrap(), [id]);
    // Only this one: a vClouden that runs on the machine has a volume too.
    let mounted = format!("grep -c ' {} ' /proc/self/mountinfo", place.config.mount.display());
    assert_eq!(sh(&mounted).trim(), "1");
    place.end(volume);
}

#[test]
fn a_half_made_image_is_made_again() {
    let place = Place::new(Storage::Btrfs);
    let new = place.config.image.with_file_name("volume.img.new");
    fs::write(&new, "killed while making it").unwrap();
    let volume = place.open();
    volume.create(InstallationId::new(), 64 * MIB).unwrap();
    volume.close().unwrap();
    // Killed between mounting and naming it.
    fs::rename(&place.config.image, &new).unwrap();
    let mount = &place.config.mount;
    sh(&format!("mount -o loop {} {}", new.display(), mount.display()));
    let volume = place.open();
    assert_eq!(volume.installations().unwrap(), []);
    assert!(place.config.image.is_file() && !new.exists());
    place.end(volume);
}

#[test]
fn what_is_no_volume_is_refused_and_left_alone() {
    let place = Place::new(Storage::Btrfs);
    let (image, mount) = (&place.config.image, &place.config.mount);
    let auto = VolumeConfig { storage: None, ..place.config.clone() };
    let refused = || Volume::open(&auto).err().expect("it is refused").to_string();
    fs::create_dir(mount).unwrap();

    fs::write(image, "my precious photos").unwrap();
    assert!(refused().contains("not an image of btrfs"));
    assert_eq!(read(image.clone()), "my precious photos");

    fs::remove_file(image).unwrap();
    sh(&format!("truncate -s 256M {0} && mkfs.btrfs -q {0}", image.display()));
    assert!(refused().contains("volume.json"), "somebody else's btrfs");

    fs::remove_file(image).unwrap();
    place.open().close().unwrap();
    let text = "{\"id\":\"0198c0de-0000-7000-8000-000000000000\",\"created\":1,\"format\":99,\"storage\":\"btrfs\"}";
    sh(&format!(
        "mount -o loop {0} {1} && echo '{text}' >{1}/volume.json && umount {1}",
        image.display(),
        mount.display()
    ));
    let error = refused();
    assert!(error.contains("format 99") && error.contains("install a newer"), "{error}");
    assert!(!sh("cat /proc/self/mountinfo").contains(mount.to_str().unwrap()));

    sh(&format!("mount -t tmpfs tmpfs {}", mount.display()));
    assert!(refused().contains("already the mount point"));
    sh(&format!("umount {}", mount.display()));
    fs::remove_file(image).unwrap();
    fs::write(mount.join("letter"), "").unwrap();
    assert!(refused().contains("\"letter\""));
}

#[test]
fn another_kind_than_the_one_there_is_refused() {
    let place = Place::new(Storage::Btrfs);
    let of = |storage| VolumeConfig { storage, ..place.config.clone() };
    place.open().close().unwrap();
    assert!(matches!(Volume::open(&of(Some(Storage::Copy))), Err(VolumeError::OtherStorage { .. })));
    fs::remove_file(&place.config.image).unwrap();
    Volume::open(&of(Some(Storage::Copy))).unwrap().close().unwrap();
    assert!(matches!(Volume::open(&of(Some(Storage::Btrfs))), Err(VolumeError::OtherStorage { .. })));
    assert_eq!(Volume::open(&of(None)).unwrap().storage(), "copy");
    let small = VolumeConfig { bytes: Some(1), mount: place.directory.path().join("small"), ..of(None) };
    assert!(matches!(Volume::open(&small), Err(VolumeError::TooSmall { .. })));
}

#[test]
fn without_loop_devices_there_is_a_fallback_that_says_so() {
    let place = Place::new(Storage::Btrfs);
    // As in a container: the tools are there, the devices are not.
    sh("mount -t tmpfs tmpfs /dev && mknod /dev/null c 1 3");
    let volume = Volume::open(&VolumeConfig { storage: None, ..place.config.clone() }).unwrap();
    let report = volume.report();
    assert_eq!((volume.storage(), report.active), ("copy", false));
    assert!(report.note.contains("no disk quotas") && report.note.contains("mount"), "{}", report.note);
    assert!(!place.config.image.exists() && !place.config.image.with_file_name("volume.img.new").exists());
}

#[test]
fn the_image_is_sparse() {
    let place = Place::new(Storage::Btrfs);
    let volume = Volume::open(&VolumeConfig { bytes: Some(64 << 30), ..place.config.clone() }).unwrap();
    let found = fs::metadata(&place.config.image).unwrap();
    assert_eq!(found.len(), 64 << 30);
    assert!(found.blocks() * 512 < 64 * MIB);
    let mut magic = [0; 8];
    fs::File::open(&place.config.image).unwrap().read_exact_at(&mut magic, 0x1_0040).unwrap();
    assert_eq!(&magic, b"_BHRfS_M");
    place.end(volume);
}
