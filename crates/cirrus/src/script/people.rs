//! `req.user` and `users`: who is logged in, and passwords.

use rquickjs::{Ctx, Result, Value};

use super::database::write;
use super::natives::{Natives, to_json};

/// Puts the native functions.
pub fn put<'js>(natives: &Natives<'js>) -> Result<()> {
    let state = natives.state();
    natives.put("user", move |ctx: Ctx<'js>, claim: Value<'js>| {
        let claim = to_json(&state, &ctx, &claim)?;
        let user = state.host.user(&claim).map_err(|error| state.raise(&ctx, &error))?;
        ctx.json_parse(user.to_string())
    })?;
    let state = natives.state();
    natives.put("setPassword", move |ctx: Ctx<'js>, user: f64, password: String| {
        state.on_worker(&ctx)?;
        // Before the session is begun: hashing takes long, and others want to write.
        let hash = state.host.hash_password(&password).map_err(|error| state.raise(&ctx, &error))?;
        write(&state, &ctx, |session| state.host.store_password(session, user as i64, hash))
    })
}
