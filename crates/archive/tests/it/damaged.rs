//! Thousands of archives with random damage: none may panic, none may write outside, and looking must agree with
//! unpacking.

use archive::Limits;

use crate::build::{Place, Tar, gzip};

/// A small generator of random numbers (xorshift64), so that every run is the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// What hostile archives are made of, to be put anywhere.
const PIECES: [&[u8]; 12] =
    [b"../", b"/", b"..\0", b"\0", b"2", b"1", b"5", b"L", b"x", b"\xff", b"0000000", b"bin/../../../witness\0"];

fn sample() -> Vec<u8> {
    let long = format!("{}/long", "d".repeat(120));
    Tar::new()
        .directory("bin")
        .entry("bin/run", b'0', 0o755, "", b"#!/bin/sh\n")
        .link("bin/alias", "run")
        .pax(b'x', &[("path", &long), ("mtime", "3")])
        .file("short", "pax")
        .entry("@", b'L', 0o644, "", format!("{long}er\0").as_bytes())
        .file("short", "gnu")
        .file("data/a", &"a".repeat(1500))
        .link("data/up", "../bin")
        .ended()
}

/// Puts something wrong into a tar, and makes the sums of its headers right again so that it is read.
fn damage(tar: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let block = random.below(tar.len() / 512) * 512;
        // Names, modes, sizes, types and targets, or anywhere.
        let field = [0, 100, 124, 156, 157, 345, random.below(512)][random.below(7)];
        let at = block + field;
        match random.below(4) {
            0 => tar[at] ^= 1 << random.below(8),
            1 => {
                let piece = PIECES[random.below(PIECES.len())];
                let end = (at + piece.len()).min(tar.len());
                tar[at..end].copy_from_slice(&piece[..end - at]);
            }
            2 => {
                let from = random.below(tar.len() / 512) * 512;
                tar.copy_within(from..from + 512, block);
            }
            _ => {
                let from = random.below(tar.len() / 512) * 512;
                let copy = tar[from..from + 512].to_vec();
                tar.splice(block..block, copy);
            }
        }
    }
    if random.below(4) > 0 {
        for block in tar.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

#[test]
fn random_damage_never_gets_out() {
    let limits = Limits { unpacked_bytes: 1 << 20, ..Limits::default() };
    let (whole, mut random) = (sample(), Random(0x5eed_cafe_f00d_0001));
    let mut accepted = 0;
    for round in 0..2000 {
        let mut tar = whole.clone();
        let bytes = if round % 3 == 0 {
            let mut bytes = gzip(&tar);
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            bytes.truncate(bytes.len() - random.below(2) * random.below(bytes.len()));
            bytes
        } else {
            damage(&mut tar, &mut random);
            gzip(&tar)
        };
        let seen = archive::inspect(&bytes[..], &limits).map_err(|error| error.to_string());
        let unpacked = Place::new().unpack(&bytes, &limits).map_err(|error| error.to_string());
        assert_eq!(seen, unpacked, "round {round}");
        accepted += u32::from(seen.is_ok());
    }
    // Damage that changes nothing important is accepted; all accepted or all refused would mean a broken test.
    assert!((100..1700).contains(&accepted), "{accepted} of 2000 accepted");
}
