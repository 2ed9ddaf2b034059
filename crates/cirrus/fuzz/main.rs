//! The targets of `tests/it/fuzz/` guided by coverage. `CIRRUS_FUZZ_TARGET` names the one to run; see `scripts/fuzz`.

#![no_main]

#[path = "../tests/it/fuzz/targets.rs"]
mod targets;

use targets::{TARGETS, Target, World};

thread_local! {
    static CHOSEN: (World, &'static Target) = {
        let name = std::env::var("CIRRUS_FUZZ_TARGET").unwrap_or_default();
        let target = TARGETS.iter().find(|target| target.name == name).expect("CIRRUS_FUZZ_TARGET names no target");
        (World::new(), target)
    };
}

/// What the target begins with, as files, which is how the fuzzer takes it.
fn seeds() {
    let Ok(directory) = std::env::var("CIRRUS_FUZZ_SEEDS") else { return };
    CHOSEN.with(|(_, target)| {
        for (place, seed) in target.seeds.iter().enumerate() {
            std::fs::write(format!("{directory}/seed-{place}"), seed).expect("the directory of seeds can be written");
        }
    });
}

libfuzzer_sys::fuzz_target!(
    init: { seeds(); },
    |input: &[u8]| CHOSEN.with(|(world, target)| (target.run)(world, input))
);
