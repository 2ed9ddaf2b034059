//! What JavaScript may do outside: random numbers, HTTP requests, mail.

use rquickjs::{Array, Ctx, Object, TypedArray, Value};

use super::natives::Natives;
use super::outgoing::FetchResponse;

/// Puts the native functions.
pub fn put(_natives: &Natives<'_>) -> rquickjs::Result<()> {
    Ok(())
}

/// What `fetch` resolves to.
pub fn fetched<'js>(ctx: &Ctx<'js>, result: Result<FetchResponse, String>) -> Result<Value<'js>, String> {
    let response = result?;
    let make = || -> rquickjs::Result<Value<'js>> {
        let object = Object::new(ctx.clone())?;
        object.set("status", response.status)?;
        object.set("url", &*response.url)?;
        let headers = Array::new(ctx.clone())?;
        for (at, (name, value)) in response.headers.iter().enumerate() {
            headers.set(2 * at, &**name)?;
            headers.set(2 * at + 1, &**value)?;
        }
        object.set("headers", headers)?;
        object.set("body", TypedArray::<u8>::new_copy(ctx.clone(), &response.body)?)?;
        Ok(object.into_value())
    };
    make().map_err(|error| error.to_string())
}
