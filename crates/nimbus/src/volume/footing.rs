//! What keeps btrfs alive on a sparse file when the server's disk is full.
//!
//! A write of data that the disk refuses is an error for one program. A write of btrfs's own bookkeeping that is refused
//! ends in a read-only file system for all. So the parts of the file that hold the bookkeeping are not sparse: they have
//! their room on the disk from the beginning, and keep it while the disk is short, because nothing is discarded then.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::VolumeError;
use super::error::{errno, io};
use crate::tools;

/// Bytes that are given room at a time.
const PIECE: u64 = 16 << 20;

/// Gives the bookkeeping of the btrfs on `device` room in `image`, as long as `may_go_on` allows; whether it has all.
pub(super) fn secure(device: &Path, image: &Path, may_go_on: &dyn Fn() -> bool) -> Result<bool, VolumeError> {
    let words = ["inspect-internal".as_ref(), "dump-tree".as_ref(), "-t".as_ref(), "chunk".as_ref()];
    let chunks = tools::run("btrfs", &[&words[..], &[device.as_os_str()]].concat())?;
    let file = File::options().write(true).open(image).map_err(io("open", image))?;
    for (begin, length) in bookkeeping(&chunks) {
        for at in (begin..begin + length).step_by(usize::try_from(PIECE).unwrap_or(usize::MAX)) {
            if !may_go_on() {
                return Ok(false);
            }
            // Where there is room already this changes nothing.
            match fallocate(&file, FallocateFlags::KEEP_SIZE, at, PIECE.min(begin + length - at)) {
                Ok(()) => {}
                Err(Errno::NOSPC | Errno::OPNOTSUPP) => return Ok(false),
                Err(error) => return Err(errno("give room to", image)(error)),
            }
        }
    }
    Ok(true)
}

/// Begin and length of every part of the device that does not hold data, from what `btrfs inspect-internal dump-tree -t
/// chunk` prints: a line `length N owner N stripe_len N type KIND`, then one `stripe N devid N offset N` for each copy.
fn bookkeeping(chunks: &str) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let mut length = None;
    for line in chunks.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word: &str| words.iter().position(|known| *known == word).and_then(|at| words.get(at + 1));
        let number = |word: &str| after(word).and_then(|text| text.parse::<u64>().ok());
        match words.first() {
            Some(&"length") => {
                let is_data = after("type").is_none_or(|kind| kind.split('|').any(|one| one == "DATA"));
                length = number("length").filter(|_| !is_data);
            }
            Some(&"stripe") => found.extend(number("offset").zip(length)),
            Some(&"item") => length = None,
            _ => {}
        }
    }
    found
}

/// Has deleted data leave the file, or not. The other options are those with which the volume is mounted.
pub(super) fn discard(mount: &Path, options: &str, is_on: bool) -> Result<(), VolumeError> {
    let how = if is_on { "discard=async" } else { "nodiscard" };
    let options = format!("remount,{options},{how}");
    tools::run("mount", &["-o".as_ref(), options.as_ref(), mount.as_os_str()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_that_hold_no_data_are_found() {
        let said = "\
chunk tree
leaf 22036480 items 4 free space 15715 generation 7 owner CHUNK_TREE
	item 0 key (DEV_ITEMS DEV_ITEM 1) itemoff 16185 itemsize 98
		devid 1 total_bytes 1073741824 bytes_used 132644864
		io_align 4096 io_width 4096 sector_size 4096 type 0
	item 1 key (FIRST_CHUNK_TREE CHUNK_ITEM 13631488) itemoff 16105 itemsize 80
		length 8388608 owner 2 stripe_len 65536 type DATA|single
		io_align 65536 io_width 65536 sector_size 4096
		num_stripes 1 sub_stripes 1
			stripe 0 devid 1 offset 13631488
			dev_uuid 7f5d4a1e-8b43-4f4c-9a39-8f6d6f0b9a51
	item 2 key (FIRST_CHUNK_TREE CHUNK_ITEM 22020096) itemoff 15993 itemsize 112
		length 8388608 owner 2 stripe_len 65536 type SYSTEM|DUP
			stripe 0 devid 1 offset 22020096
			stripe 1 devid 1 offset 30408704
	item 3 key (FIRST_CHUNK_TREE CHUNK_ITEM 30408704) itemoff 15881 itemsize 112
		length 53673984 owner 2 stripe_len 65536 type METADATA|DUP
			stripe 0 devid 1 offset 38797312
			stripe 1 devid 1 offset 92471296
	item 4 key (FIRST_CHUNK_TREE CHUNK_ITEM 90000000) itemoff 15801 itemsize 80
		length 1073741824 owner 2 stripe_len 65536 type DATA|METADATA|single
			stripe 0 devid 1 offset 146145280
";
        let expected =
            [(22_020_096, 8_388_608), (30_408_704, 8_388_608), (38_797_312, 53_673_984), (92_471_296, 53_673_984)];
        assert_eq!(bookkeeping(said), expected);
        assert_eq!(bookkeeping("something else\nstripe 0 devid 1 offset 5"), []);
    }
}
