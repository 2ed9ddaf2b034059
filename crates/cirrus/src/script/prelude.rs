//! The part of the API that is written in JavaScript, as bytecode that `build.rs` made. `core` is loaded at the start; the
//! rest when an application first names something of it, so that nobody pays for what he does not use.

use rquickjs::{Ctx, Exception, Function, Result};

macro_rules! bytecode {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bytecode"))
    };
}

/// A part: a function of what it needs.
pub fn part<'js>(ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
    let bytecode: &[u8] = match name {
        "core" => bytecode!("core"),
        "web" => bytecode!("web"),
        "fetch" => bytecode!("fetch"),
        "decimal" => bytecode!("decimal"),
        "db" => bytecode!("db"),
        "wapp" => bytecode!("wapp"),
        _ => return Err(Exception::throw_internal(ctx, "there is no such part of the prelude")),
    };
    super::quickjs::default_export(ctx, bytecode)
}
