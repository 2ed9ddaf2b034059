//! Compiles the part of the API that is written in JavaScript to bytecode: each runtime would take 4 ms for it, and
//! keep the text of every function beside its code. Files and lines stay in it, for stacks.

use std::error::Error;
use std::path::Path;

use rquickjs::{Context, Module, Runtime, WriteOptions};

const PRELUDE: &str = "src/script/prelude";

/// What every application has: one function, in the order in which its pieces need each other.
const CORE: [&str; 7] = ["begin", "requests", "responses", "routers", "walk", "waits", "globals"];

/// What an application has when it first names something of it.
const PARTS: [&str; 5] = ["web", "fetch", "decimal", "db", "wapp"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PRELUDE}");
    let read = |name: &str| std::fs::read_to_string(Path::new(PRELUDE).join(format!("{name}.js")));
    let pieces = CORE.iter().map(|piece| read(&format!("core/{piece}"))).collect::<Result<String, _>>()?;
    compile("core", &format!("(native) => {{\n{pieces}}}"))?;
    for part in PARTS {
        compile(part, read(part)?.trim_end().trim_end_matches(';'))?;
    }
    Ok(())
}

/// Writes the module whose default export is the value of `expression`.
fn compile(name: &str, expression: &str) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let context = Context::full(&runtime)?;
    let options = WriteOptions { strip_source: true, ..WriteOptions::default() };
    let bytecode = context.with(|ctx| {
        let module = Module::declare(ctx.clone(), format!("cirrus:{name}"), format!("export default ({expression});"));
        module.and_then(|module| module.write(options)).map_err(|error| match error {
            rquickjs::Error::Exception => format!("{name}: {:?}", ctx.catch()),
            error => format!("{name}: {error}"),
        })
    })?;
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join(format!("{name}.bytecode")), bytecode)?;
    Ok(())
}
