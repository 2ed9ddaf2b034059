//! What JavaScript may do outside: random numbers, HTTP requests, mail.

use std::time::Duration;

use rquickjs::{Array, Ctx, Exception, Object, TypedArray, Value};

use super::natives::Natives;
use super::outgoing::{FetchRequest, FetchResponse, MailMessage};
use super::quickjs;
use super::state::Effect;

/// The longest that a `fetch` may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of random numbers at once, as the standard says.
const RANDOM: usize = 65_536;

/// Puts the native functions.
pub fn put<'js>(natives: &Natives<'js>) -> rquickjs::Result<()> {
    natives.put("random", |ctx: Ctx<'js>, count: usize| {
        if count > RANDOM {
            return Err(Exception::throw_range(&ctx, "at most 65536 bytes at once"));
        }
        let mut bytes = vec![0; count];
        getrandom::fill(&mut bytes).map_err(|error| Exception::throw_internal(&ctx, &error.to_string()))?;
        TypedArray::<u8>::new(ctx, bytes)
    })?;
    natives.put("utf8", |ctx: Ctx<'js>, text: String| TypedArray::<u8>::new(ctx, text.into_bytes()))?;
    natives.put("fromUtf8", |bytes: Value<'js>| {
        String::from_utf8_lossy(&quickjs::bytes_of(&bytes).unwrap_or_default()).into_owned()
    })?;
    natives.put("base64", |bytes: Value<'js>| {
        crate::data::base64::encode(&quickjs::bytes_of(&bytes).unwrap_or_default())
    })?;
    let state = natives.state();
    natives.put("fetch", move |ctx: Ctx<'js>, wanted: Object<'js>| {
        state.on_worker(&ctx)?;
        let body: Value = wanted.get("body")?;
        let body = match quickjs::bytes_of(&body) {
            Some(bytes) => bytes,
            None if body.is_undefined() || body.is_null() => Vec::new(),
            None => body.get::<rquickjs::convert::Coerced<String>>()?.0.into_bytes(),
        };
        let flat: Vec<String> = wanted.get("headers")?;
        let headers = flat.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        let timeout = wanted.get::<_, Option<f64>>("timeout")?.unwrap_or(30_000.0);
        let request = FetchRequest {
            url: wanted.get("url")?,
            method: wanted.get("method")?,
            headers,
            body,
            timeout: Duration::from_millis(timeout.max(1.0) as u64).min(PATIENCE),
            follow: wanted.get("follow")?,
        };
        let id = state.number();
        state.effects.borrow_mut().push(Effect::Fetch(id, request));
        Ok::<_, rquickjs::Error>(id)
    })?;
    let state = natives.state();
    natives.put("mail", move |ctx: Ctx<'js>, message: Object<'js>| {
        state.on_worker(&ctx)?;
        let message = MailMessage {
            from: message.get("from")?,
            to: message.get("to")?,
            cc: message.get("cc")?,
            reply_to: message.get("replyTo")?,
            subject: message.get::<_, Option<String>>("subject")?.unwrap_or_default(),
            text: message.get("text")?,
            html: message.get("html")?,
        };
        if message.to.is_empty() || message.to.len() + message.cc.len() > 100 {
            return Err(Exception::throw_type(&ctx, "a message goes to 1 to 100 receivers"));
        }
        let id = state.number();
        state.effects.borrow_mut().push(Effect::Mail(id, message));
        Ok::<_, rquickjs::Error>(id)
    })
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
