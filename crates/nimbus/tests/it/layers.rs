//! Layers: unpacked once whoever asks, Debian with dependencies, users and mount points found in them.
//!
//! Tests named `debian_...` need Debian's archive, and build into a cache that all tests share.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use domain::ArtifactHash;
use domain::manifest::{Base, User};
use nimbus::layers::{Layers, LayersError};
use sha2::{Digest, Sha256};

use crate::alone::{alone, sh};

/// A package's archive, adopted.
fn artifact(layers: &Layers, content: &str) -> ArtifactHash {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::create_dir(at.join("p")).unwrap();
    fs::write(at.join("p/vclouden.toml"), "").unwrap();
    fs::write(at.join("p/run"), content).unwrap();
    sh(&format!("cd {} && chmod 755 p/run && tar czf p.tar.gz -C p .", at.display()));
    let bytes = fs::read(at.join("p.tar.gz")).unwrap();
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let hash: ArtifactHash = hash.parse().unwrap();
    for _ in 0..2 {
        let tmp = layers.incoming(&hash);
        fs::write(&tmp, &bytes).unwrap();
        layers.adopt_artifact(&tmp, &hash).unwrap();
        assert!(!tmp.exists());
    }
    hash
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_package_is_unpacked_once() {
    let cache = tempfile::tempdir().unwrap();
    let layers = Layers::open(cache.path()).unwrap();
    let hash = artifact(&layers, "one");
    assert!(layers.has_artifact(&hash) && layers.artifact(&hash).is_file());
    // What a kill left behind is cleaned up.
    fs::create_dir(cache.path().join(format!("apps/{hash}.tmp-1-1"))).unwrap();
    let others = Layers::open(cache.path()).unwrap();
    let both = [layers, others];
    let found: HashSet<(PathBuf, u64)> = std::thread::scope(|scope| {
        let ask = |layers: &Layers| {
            let app = layers.app(&hash).unwrap();
            let inode = fs::metadata(app.join("run")).unwrap().ino();
            (app, inode)
        };
        let threads: Vec<_> = both.iter().cycle().take(16).map(|layers| scope.spawn(move || ask(layers))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(names(&cache.path().join("apps")), [hash.as_str()]);
    let app = both[0].app(&hash).unwrap();
    assert_eq!(fs::read_to_string(app.join("run")).unwrap(), "one");
    assert_eq!(fs::metadata(&app).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn what_cannot_be_unpacked_leaves_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let layers = Layers::open(cache.path()).unwrap();
    let hash: ArtifactHash = "0".repeat(64).parse().unwrap();
    assert!(matches!(layers.app(&hash), Err(LayersError::NoArtifact(_))));
    // An archive from another file system.
    alone();
    sh("mount -t tmpfs tmpfs /mnt && echo not an archive >/mnt/tmp");
    layers.adopt_artifact(Path::new("/mnt/tmp"), &hash).unwrap();
    assert!(matches!(layers.app(&hash), Err(LayersError::Archive { .. })));
    assert_eq!(names(&cache.path().join("apps")), [""; 0]);
    assert_eq!(names(&cache.path().join("artifacts")), [format!("{hash}.tar.gz")]);
}

/// Milliseconds of so many hours after some moment.
fn hour(number: u64) -> u64 {
    1_800_000_000_000 + number * 3_600_000
}

/// A server that shares a cache: its layers and its data directory.
fn sharer(cache: &Path, id: &str) -> (Layers, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    (Layers::open_for(cache, id, data.path(), Path::new("/none")).unwrap(), data)
}

fn set(items: &[String]) -> BTreeSet<String> {
    items.iter().cloned().collect()
}

#[test]
fn what_nobody_has_needed_for_two_days_goes() {
    let cache = tempfile::tempdir().unwrap();
    let (layers, _data) = sharer(cache.path(), "one");
    let (one, two) = (artifact(&layers, "one"), artifact(&layers, "two"));
    for hash in [&one, &two] {
        layers.app(hash).unwrap();
    }
    // Made before there were lists, and nobody's.
    let old = format!("dependencies/{}", "a".repeat(64));
    fs::create_dir(cache.path().join(&old)).unwrap();
    // Left by a build that was killed.
    fs::create_dir(cache.path().join(format!("dependencies/{}.tmp-1-1", "b".repeat(64)))).unwrap();
    let (kept, gone) = (layers.items(&one, Base::Empty, &[]), layers.items(&two, Base::Empty, &[]));
    let arriving = layers.incoming(&two);
    fs::write(&arriving, "").unwrap();

    assert_eq!(layers.prune(&set(&[kept.clone(), gone.clone()].concat()), hour(0)).unwrap(), [""; 0]);
    for at in [1, 30, 47] {
        assert_eq!(layers.prune(&set(&kept), hour(at)).unwrap(), [""; 0], "hour {at}");
    }
    // Needed once more, it has another two days.
    layers.app(&two).unwrap();
    let half_made = format!("dependencies/{}", "b".repeat(64));
    assert_eq!(layers.prune(&set(&kept), hour(48)).unwrap(), [old, half_made]);
    assert_eq!(layers.prune(&set(&kept), hour(95)).unwrap(), [""; 0]);
    assert_eq!(layers.prune(&set(&kept), hour(96)).unwrap(), gone);
    assert_eq!(names(&cache.path().join("apps")), [one.as_str()]);
    assert_eq!(names(&cache.path().join("dependencies")), [""; 0]);
    assert!(layers.has_artifact(&one) && !layers.has_artifact(&two) && arriving.exists());
    assert!(layers.item_of(&layers.app(&one).unwrap().join("run")) == Some(kept[0].clone()));
}

#[test]
fn what_another_server_needs_stays_whether_it_runs_or_not() {
    let cache = tempfile::tempdir().unwrap();
    let (mine, _data) = sharer(cache.path(), "one");
    let (theirs, data) = sharer(cache.path(), "two");
    let [shared, prepared] = ["shared", "prepared"].map(|content| artifact(&mine, content));
    for hash in [&shared, &prepared] {
        mine.app(hash).unwrap();
    }
    theirs.app(&shared).unwrap();
    let items = theirs.items(&shared, Base::Empty, &[]);
    theirs.prune(&set(&items), hour(0)).unwrap();
    // The other one prepares something and is killed; or it is off for a year, and its sandboxes go on.
    theirs.app(&prepared).unwrap();
    drop(theirs);
    mine.prune(&BTreeSet::new(), hour(1)).unwrap();
    assert_eq!(mine.prune(&BTreeSet::new(), hour(9000)).unwrap(), [""; 0]);
    mine.forget_artifact(&shared).unwrap();
    assert!(mine.has_artifact(&shared), "it is not mine to delete");

    let theirs = Layers::open_for(cache.path(), "two", data.path(), Path::new("/none")).unwrap();
    theirs.prune(&set(&items), hour(9001)).unwrap();
    let prepared = mine.items(&prepared, Base::Empty, &[]);
    assert_eq!(mine.prune(&BTreeSet::new(), hour(9001 + 48)).unwrap(), prepared);
    assert_eq!(mine.prune(&BTreeSet::new(), hour(20_000)).unwrap(), [""; 0], "it still says that it needs the rest");
    // Its data directory is deleted: its list counts for two more days.
    drop(data);
    theirs.prune(&set(&items), hour(20_000)).unwrap();
    assert_eq!(mine.prune(&BTreeSet::new(), hour(20_047)).unwrap(), [""; 0]);
    assert_eq!(mine.prune(&BTreeSet::new(), hour(20_048)).unwrap(), items);
    assert_eq!(names(&cache.path().join("users")), ["lock", "one.json"]);
}

#[test]
fn what_goes_while_it_is_asked_for_is_made_anew() {
    let cache = tempfile::tempdir().unwrap();
    let (mine, _data) = sharer(cache.path(), "one");
    let (theirs, _other) = sharer(cache.path(), "two");
    let hash = artifact(&mine, "one");
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut at = 0;
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                at += 100;
                let archive = set(&[format!("artifacts/{hash}")]);
                theirs.prune(&archive, hour(at)).unwrap();
            }
        });
        for round in 0..200 {
            // Between being claimed and being no longer needed it is there.
            let app = mine.app(&hash).unwrap();
            assert!(app.join("run").is_file(), "round {round}");
            mine.prune(&set(&[format!("artifacts/{hash}")]), 0).unwrap();
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn the_empty_base_has_what_static_programs_need() {
    let cache = tempfile::tempdir().unwrap();
    let layers = Layers::open(cache.path()).unwrap();
    let root = layers.root(Base::Empty, &[], "/data").unwrap();
    assert_eq!(root, layers.root(Base::Empty, &[], "/data").unwrap());
    let [skeleton] = root.as_slice() else { panic!("{root:?}") };
    assert_eq!(fs::metadata(skeleton.join("tmp")).unwrap().mode() & 0o7777, 0o1777);
    let files = layers.files();
    for (file, inside) in &files {
        assert!(file.is_file() && skeleton.join(inside.trim_start_matches('/')).is_file(), "{inside}");
    }
    assert_eq!(files.len(), 1);
    for (user, expected) in
        [(User::Name("app".to_owned()), (1000, 1000)), (User::Id(1000), (1000, 1000)), (User::Id(4321), (4321, 4321))]
    {
        assert_eq!(layers.resolve_user(&root, &user).unwrap(), expected);
    }
    for root_user in [User::Name("root".to_owned()), User::Id(0), User::Id(65_534), User::Name("nobody".to_owned())] {
        assert!(matches!(layers.resolve_user(&root, &root_user), Err(LayersError::BadUser(_))), "{root_user:?}");
    }
    let error = layers.resolve_user(&root, &User::Name("www".to_owned())).unwrap_err().to_string();
    assert_eq!(error, "there is no user \"www\" in the base with its dependencies; it has app");
    assert!(matches!(layers.root(Base::Empty, &["curl".to_owned()], "/data"), Err(LayersError::EmptyBase)));
}

#[test]
fn a_data_directory_gets_a_mount_point() {
    let cache = tempfile::tempdir().unwrap();
    let layers = Layers::open(cache.path()).unwrap();
    let root = layers.root(Base::Empty, &[], "/var/lib/notes").unwrap();
    assert_eq!((root.len(), &root), (2, &layers.root(Base::Empty, &[], "/var/lib/notes").unwrap()));
    assert_eq!(fs::metadata(root[0].join("var/lib/notes")).unwrap().mode() & 0o7777, 0o755);
    // The layer's own directories look like those that they cover.
    let temporary = layers.root(Base::Empty, &[], "/tmp/notes").unwrap();
    assert_eq!(fs::metadata(temporary[0].join("tmp")).unwrap().mode() & 0o7777, 0o1777);
    let skeleton = &root[1];
    symlink("lib", skeleton.join("usr/lib64")).unwrap();
    for (bad, why) in [
        ("data", "does not begin"),
        ("/", "below"),
        ("/a/../b", "below"),
        ("/etc/passwd", "is a file"),
        ("/etc/passwd/x", "is a file"),
        ("/usr/lib64/x", "is a link to lib"),
    ] {
        let error = layers.root(Base::Empty, &[], bad).unwrap_err().to_string();
        assert!(error.contains(why), "{bad}: {error}");
    }
}

#[test]
fn layers_are_looked_into_as_the_kernel_shows_them() {
    alone();
    let place = tempfile::tempdir().unwrap();
    let layers = Layers::open(&place.path().join("cache")).unwrap();
    // A real overlay writes down that a file was deleted and a directory replaced.
    sh(&format!(
        "cd {} && mkdir -p lower/etc lower/gone/x upper work root && echo low:x:5:6:: >lower/etc/passwd
         mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr overlay root
         rm -r root/gone && mkdir root/gone && rm -r root/etc && mkdir root/etc",
        place.path().display()
    ));
    let root = [place.path().join("upper"), place.path().join("lower")];
    assert!(matches!(layers.resolve_user(&root, &User::Name("low".to_owned())), Err(LayersError::NoUser { .. })));
    assert_eq!(layers.resolve_user(&root[1..], &User::Name("low".to_owned())).unwrap(), (5, 6));
    sh(&format!("cd {} && echo up:x:7:0:: >root/etc/passwd", place.path().display()));
    assert_eq!(layers.resolve_user(&root, &User::Name("up".to_owned())).unwrap(), (7, 7), "never root's group");
    fs::set_permissions(root[0].join("etc"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// The cache that tests share; only tests outside namespaces of their own can build into it.
fn shared() -> Layers {
    Layers::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("test-cache")).unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn debian_has_dependencies_in_a_layer_of_their_own() {
    let layers = shared();
    let root = layers.root(Base::Debian12, &words(&["radicale"]), "/var/lib/radicale").unwrap();
    let again = layers.root(Base::Debian12, &words(&["radicale", "radicale"]), "/var/lib/radicale").unwrap();
    assert_eq!(root, again);
    let [dependencies, base] = root.as_slice() else { panic!("radicale makes its own directory: {root:?}") };
    assert!(base.join("usr/bin/apt-get").is_file() && !base.join("usr/bin/python3").exists());
    assert!(dependencies.join("usr/bin/radicale").is_file());
    for empty in ["tmp", "run", "proc", "dev"] {
        assert!(!dependencies.join(empty).exists(), "{empty} is in the layer");
    }
    let lists = dependencies.join("var/lib/apt/lists");
    assert!(!lists.exists() || names(&lists).is_empty(), "lists are in the layer");
    assert_eq!(fs::metadata(dependencies).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(fs::read_to_string(base.join("etc/resolv.conf")).unwrap(), "");
    let (uid, gid) = layers.resolve_user(&root, &User::Name("radicale".to_owned())).unwrap();
    assert!(uid > 99 && gid > 99);
    assert_eq!(layers.resolve_user(&root, &User::Name("app".to_owned())).unwrap(), (1000, 1000));
    let link = layers.root(Base::Debian12, &[], "/lib/data").unwrap_err().to_string();
    assert!(link.contains("/lib is a link to usr/lib"), "{link}");

    // As a sandbox mounts it.
    alone();
    let place = tempfile::tempdir().unwrap();
    let said = sh(&format!(
        "cd {0} && mkdir root && mount -t overlay -o lowerdir={1}:{2},userxattr,ro overlay root
         chroot root radicale --version && chroot root id -u app && test -d root/app && test -d root/data",
        place.path().display(),
        dependencies.display(),
        base.display()
    ));
    assert_eq!(said.lines().last(), Some("1000"), "{said}");
}

/// A cache of the test's own with the shared base in it.
fn own_with_shared_base() -> (tempfile::TempDir, Layers) {
    let base = shared().root(Base::Debian12, &[], "/data").unwrap().remove(0);
    let cache = tempfile::tempdir().unwrap();
    symlink(base.parent().unwrap(), cache.path().join("bases")).unwrap();
    let layers = Layers::open(cache.path()).unwrap();
    (cache, layers)
}

#[test]
fn debian_says_which_package_it_does_not_know() {
    let (cache, layers) = own_with_shared_base();
    let error = layers.prepare(Base::Debian12, &words(&["radicalle", "radicale", "no.such-package"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Debian 12 has no package \"no.such-package\", \"radicalle\"; look at \
         https://packages.debian.org/bookworm/ for the right name"
    );
    let error = layers.prepare(Base::Debian12, &words(&["-o"])).unwrap_err();
    assert!(matches!(error, LayersError::UnknownPackages(_)));
    assert_eq!(names(&cache.path().join("dependencies")), [""; 0], "files are left of the attempts");
    let place = cache.path().to_str().unwrap();
    assert!(!sh("cat /proc/self/mountinfo").contains(place), "mounts are left of the attempts");
}

#[test]
fn debian_without_network_is_an_error_that_says_why() {
    let (cache, layers) = own_with_shared_base();
    alone();
    let error = layers.prepare(Base::Debian12, &words(&["hello"])).unwrap_err().to_string();
    assert!(error.contains("\"hello\"") && error.contains("could not be installed"), "{error}");
    assert!(error.contains("Could not resolve") || error.contains("Temporary failure"), "{error}");
    assert_eq!(names(&cache.path().join("dependencies")), [""; 0], "files are left of the attempt");
}
