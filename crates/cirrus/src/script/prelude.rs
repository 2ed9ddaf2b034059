//! The part of the API that is written in JavaScript. `core` is evaluated at the start; the rest when an application
//! first names something of it, so that nobody pays for what he does not use.

use rquickjs::context::EvalOptions;
use rquickjs::{Ctx, Exception, Function, Result};

/// What every application has: one function, in the order in which its pieces need each other.
const CORE: &str = concat!(
    "(native) => {\n'use strict';\n",
    include_str!("prelude/core/begin.js"),
    include_str!("prelude/core/requests.js"),
    include_str!("prelude/core/responses.js"),
    include_str!("prelude/core/routers.js"),
    include_str!("prelude/core/walk.js"),
    include_str!("prelude/core/waits.js"),
    include_str!("prelude/core/globals.js"),
    "}"
);

/// The source of a part.
fn source(name: &str) -> Option<&'static str> {
    Some(match name {
        "core" => CORE,
        "web" => include_str!("prelude/web.js"),
        "fetch" => include_str!("prelude/fetch.js"),
        "decimal" => include_str!("prelude/decimal.js"),
        "db" => include_str!("prelude/db.js"),
        "wapp" => include_str!("prelude/wapp.js"),
        _ => return None,
    })
}

/// A part: a function of what it needs.
pub fn part<'js>(ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
    let source = source(name).ok_or_else(|| Exception::throw_internal(ctx, "there is no such part of the prelude"))?;
    let mut options = EvalOptions::default();
    options.filename = Some(format!("cirrus:{name}"));
    options.strict = true;
    ctx.eval_with_options(format!("({})", source.trim_end().trim_end_matches(';')), options)
}
