//! What the prelude asks of Rust: requests read, responses made, declarations kept. JavaScript names a request by its
//! number.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri};
use rquickjs::function::{IntoJsFunc, Opt};
use rquickjs::{Array, Ctx, Exception, Function, Object, Result, Value};
use serde_json::Map;

use super::declared::{Job, Native};
use super::routes::{self, Layer, Pattern};
use super::state::{Outcome, State, failure, throw};
use super::{quickjs, urls};
use crate::web::{Body, Response};

/// Fields of a query or of a form beyond these are not read.
const FIELDS: usize = 1000;

/// Where native functions are put.
pub struct Natives<'js> {
    pub(super) ctx: Ctx<'js>,
    object: Object<'js>,
    state: Rc<State>,
}

impl<'js> Natives<'js> {
    /// An object with all of them, for the prelude.
    pub fn object(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<Object<'js>> {
        let natives = Self { ctx: ctx.clone(), object: Object::new(ctx.clone())?, state: state.clone() };
        natives.requests()?;
        natives.bodies()?;
        natives.secrets()?;
        natives.answers()?;
        natives.declarations()?;
        natives.program()?;
        natives.waits()?;
        super::uploads::put(&natives)?;
        super::effects::put(&natives)?;
        super::database::put(&natives)?;
        super::ledger::put(&natives)?;
        super::people::put(&natives)?;
        Ok(natives.object)
    }

    /// Puts one function.
    pub fn put<P, F: IntoJsFunc<'js, P> + 'js>(&self, name: &str, function: F) -> Result<()> {
        self.object.set(name, Function::new(self.ctx.clone(), function)?)
    }

    /// What all of them share.
    pub fn state(&self) -> Rc<State> {
        self.state.clone()
    }

    fn requests(&self) -> Result<()> {
        let state = self.state();
        self.put("method", move |ctx: Ctx<'js>, id: u32| {
            Ok::<_, rquickjs::Error>(state.request(&ctx, id)?.method.as_str().to_owned())
        })?;
        let state = self.state();
        self.put("url", move |ctx: Ctx<'js>, id: u32| {
            let request = state.request(&ctx, id)?;
            Ok::<_, rquickjs::Error>(target(&request.uri).to_owned())
        })?;
        let state = self.state();
        self.put("path", move |ctx: Ctx<'js>, id: u32| {
            Ok::<_, rquickjs::Error>(state.request(&ctx, id)?.uri.path().to_owned())
        })?;
        let state = self.state();
        self.put("requestId", move |ctx: Ctx<'js>, id: u32| {
            Ok::<_, rquickjs::Error>(state.request(&ctx, id)?.id.to_string())
        })?;
        let state = self.state();
        self.put("peer", move |ctx: Ctx<'js>, id: u32| {
            Ok::<_, rquickjs::Error>(state.request(&ctx, id)?.peer.to_canonical().to_string())
        })?;
        let state = self.state();
        self.put("protocol", move |ctx: Ctx<'js>, id: u32| {
            Ok::<_, rquickjs::Error>(if state.request(&ctx, id)?.secure { "https" } else { "http" })
        })?;
        let state = self.state();
        self.put("header", move |ctx: Ctx<'js>, id: u32, name: String| {
            Ok::<_, rquickjs::Error>(joined(&state.request(&ctx, id)?.headers, &name))
        })?;
        let state = self.state();
        self.put("headers", move |ctx: Ctx<'js>, id: u32| {
            let request = state.request(&ctx, id)?;
            let all = Object::new(ctx)?;
            for name in request.headers.keys() {
                all.set(name.as_str(), joined(&request.headers, name.as_str()))?;
            }
            Ok::<_, rquickjs::Error>(all)
        })?;
        let state = self.state();
        self.put("query", move |ctx: Ctx<'js>, id: u32| {
            let request = state.request(&ctx, id)?;
            flat(&ctx, urls::pairs(request.uri.query().unwrap_or(""), FIELDS))
        })?;
        let state = self.state();
        self.put("param", move |ctx: Ctx<'js>, id: u32, at: usize| {
            let exchanges = state.exchanges.borrow();
            let param = exchanges.get(&id).and_then(|exchange| exchange.params.get(at)?.as_deref());
            param.map(|param| rquickjs::String::from_str(ctx, param)).transpose()
        })?;
        let state = self.state();
        self.put("translate", move |ctx: Ctx<'js>, id: u32, key: String, values: Value<'js>| {
            let request = state.request(&ctx, id)?;
            let values = object_of(to_json(&state, &ctx, &values)?);
            Ok::<_, rquickjs::Error>(state.host.translate(&key, &values, &request))
        })?;
        let state = self.state();
        self.put("say", move |ctx: Ctx<'js>, id: u32, mut message: String, errors: Value<'js>| {
            let request = state.request(&ctx, id)?;
            let mut errors =
                if errors.is_undefined() { serde_json::Value::Null } else { to_json(&state, &ctx, &errors)? };
            state.host.say_again(&mut message, &mut errors, &request);
            Ok::<_, rquickjs::Error>(message)
        })?;
        self.put("decode", |text: String| urls::decode(&text).into_owned())
    }

    fn bodies(&self) -> Result<()> {
        let state = self.state();
        self.put("bodyBytes", move |ctx: Ctx<'js>, id: u32| {
            rquickjs::TypedArray::<u8>::new_copy(ctx.clone(), &state.request(&ctx, id)?.body)
        })?;
        let state = self.state();
        self.put("bodyText", move |ctx: Ctx<'js>, id: u32| {
            let request = state.request(&ctx, id)?;
            let text =
                std::str::from_utf8(&request.body).map_err(|_| throw(&ctx, 400, "the body is not UTF-8 text"))?;
            rquickjs::String::from_str(ctx, text.strip_prefix('\u{feff}').unwrap_or(text))
        })?;
        let state = self.state();
        self.put("bodyEmpty", move |ctx: Ctx<'js>, id: u32| {
            Ok::<_, rquickjs::Error>(state.request(&ctx, id)?.body.is_empty())
        })?;
        let state = self.state();
        self.put("form", move |ctx: Ctx<'js>, id: u32| {
            let request = state.request(&ctx, id)?;
            let text =
                std::str::from_utf8(&request.body).map_err(|_| throw(&ctx, 400, "the form is not UTF-8 text"))?;
            flat(&ctx, urls::pairs(text, FIELDS))
        })
    }

    fn secrets(&self) -> Result<()> {
        let state = self.state();
        self.put("session", move |ctx: Ctx<'js>, id: u32| {
            let request = state.request(&ctx, id)?;
            let text = serde_json::Value::from(state.host.open_session(&request)).to_string();
            let value = ctx.json_parse(text.clone())?;
            if let Some(exchange) = state.exchanges.borrow_mut().get_mut(&id) {
                exchange.session = Some(text);
            }
            Ok::<_, rquickjs::Error>(value)
        })?;
        let state = self.state();
        self.put("seal", move |ctx: Ctx<'js>, id: u32, session: Value<'js>| {
            let request = state.request(&ctx, id)?;
            let now = object_of(to_json(&state, &ctx, &session)?);
            let before = state.exchanges.borrow().get(&id).and_then(|exchange| exchange.session.clone());
            let before = before.and_then(|text| serde_json::from_str::<Map<_, _>>(&text).ok()).unwrap_or_default();
            if now == before {
                return Ok(());
            }
            let cookie = state.host.seal_session(&request, &now).map_err(|problem| throw(&ctx, 500, &problem))?;
            if let Some(exchange) = state.exchanges.borrow_mut().get_mut(&id) {
                exchange.session_cookie = Some(cookie);
            }
            Ok::<_, rquickjs::Error>(())
        })?;
        let state = self.state();
        self.put("sign", move |value: String| state.host.sign(&value))?;
        let state = self.state();
        self.put("unsign", move |value: String| state.host.unsign(&value))
    }

    fn failures(&self) -> Result<()> {
        let state = self.state();
        let fail =
            move |ctx: Ctx<'js>, id: u32, status: u16, mut message: String, detail: String, errors: Opt<Value<'js>>| {
                let request = state.request(&ctx, id)?;
                let mut errors = match errors.0 {
                    Some(errors) if !errors.is_undefined() => to_json(&state, &ctx, &errors)?,
                    _ => serde_json::Value::Null,
                };
                let mut status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                if state.exhausted.get() {
                    status = StatusCode::SERVICE_UNAVAILABLE;
                }
                if status.is_server_error() {
                    let (name, method, target) = (request.id, &request.method, target(&request.uri));
                    state.log("error", &format!("request {name} {method} {target}: {detail}"));
                }
                state.host.say_again(&mut message, &mut errors, &request);
                state.end(id, Outcome::Failed(failure(&request, status, &message, errors)));
                Ok::<_, rquickjs::Error>(())
            };
        self.put("fail", fail)?;
        let state = self.state();
        self.put("lost", move |ctx: Ctx<'js>, id: u32, detail: String| {
            let name = state.request(&ctx, id).map(|request| request.id.to_string()).unwrap_or_default();
            state.log("error", &format!("request {name}, after it was answered: {detail}"));
        })
    }

    fn answers(&self) -> Result<()> {
        self.failures()?;
        let state = self.state();
        self.put("json", move |ctx: Ctx<'js>, id: u32, status: u16, headers: Value<'js>, value: Value<'js>| {
            let mut out = Vec::with_capacity(1024);
            if !write_json(&state, &ctx, &value, &mut out)? {
                out.extend_from_slice(b"null");
            }
            answer(&state, &ctx, id, status, &headers, Some("application/json; charset=utf-8"), out.into())
        })?;
        let state = self.state();
        self.put("stringify", move |ctx: Ctx<'js>, value: Value<'js>| {
            let mut out = Vec::new();
            let some = write_json(&state, &ctx, &value, &mut out)?;
            Ok::<_, rquickjs::Error>(some.then(|| String::from_utf8_lossy(&out).into_owned()))
        })?;
        let state = self.state();
        let answer_now =
            move |ctx: Ctx<'js>, id: u32, status: u16, headers: Value<'js>, kind: Option<String>, body: Value<'js>| {
                let bytes = body_of(&state, &ctx, &body)?;
                answer(&state, &ctx, id, status, &headers, kind.as_deref(), bytes)
            };
        self.put("answer", answer_now)?;
        let state = self.state();
        self.put("fall", move |ctx: Ctx<'js>, id: u32, at: i32, headers: Value<'js>| {
            let headers = headers_of(&ctx, &headers)?;
            let native = usize::try_from(at).ok().and_then(|at| state.layers.borrow().0.get(at)?.native);
            state.end(id, native.map_or(Outcome::Nothing(headers.clone()), |native| Outcome::Native(native, headers)));
            Ok::<_, rquickjs::Error>(())
        })?;
        self.put("reason", |status: u16| {
            StatusCode::from_u16(status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or("Unknown")
                .to_owned()
        })?;
        let state = self.state();
        self.put("hasView", move |view: String| state.host.has_view(&view))?;
        let state = self.state();
        self.put("render", move |ctx: Ctx<'js>, id: u32, view: String, values: Value<'js>| {
            let request = state.request(&ctx, id)?;
            let values = to_json(&state, &ctx, &values)?;
            state.host.render(&view, values, &request).map_err(|problem| throw(&ctx, 500, &problem))
        })
    }

    fn declarations(&self) -> Result<()> {
        let state = self.state();
        self.put("loading", move || state.loading.get())?;
        let state = self.state();
        let layer = move |ctx: Ctx<'js>,
                          method: String,
                          path: String,
                          prefix: bool,
                          kind: Option<String>,
                          options: Value<'js>,
                          for_errors: bool| {
            let mut declared = state.declared.borrow_mut();
            let native = match kind {
                Some(kind) => {
                    let options = object_of(to_json(&state, &ctx, &options)?);
                    declared.natives.push(Native { kind, path: path.clone(), options });
                    Some(declared.natives.len() - 1)
                }
                None => None,
            };
            let methods = match method.as_str() {
                "all" => routes::ALL,
                name => routes::bit(&name.to_uppercase().parse().unwrap_or_default()),
            };
            let pattern = Pattern::new(&path, prefix);
            state.layers.borrow_mut().0.push(Layer { methods, pattern, native, for_errors });
            Ok::<_, rquickjs::Error>(())
        };
        self.put("layer", layer)?;
        let state = self.state();
        self.put("declare", move |ctx: Ctx<'js>, kind: String, path: String, options: Value<'js>| {
            let options = object_of(to_json(&state, &ctx, &options)?);
            state.declared.borrow_mut().natives.push(Native { kind, path, options });
            Ok::<_, rquickjs::Error>(())
        })?;
        let state = self.state();
        self.put("settings", move |ctx: Ctx<'js>, settings: Value<'js>| {
            state.declared.borrow_mut().settings = object_of(to_json(&state, &ctx, &settings)?);
            Ok::<_, rquickjs::Error>(())
        })?;
        let state = self.state();
        self.put("job", move |ctx: Ctx<'js>, kind: String, when: String| {
            let milliseconds = || when.parse::<f64>().unwrap_or(0.0).max(0.0) as u64;
            let job = match kind.as_str() {
                "cron" => {
                    if let Err(problem) = when.parse::<croner::Cron>() {
                        return Err(Exception::throw_type(&ctx, &format!("\"{when}\" is no schedule: {problem}")));
                    }
                    Job::Cron(when)
                }
                "every" => Job::Every(milliseconds()),
                _ => Job::Once(milliseconds()),
            };
            state.declared.borrow_mut().jobs.push(job);
            Ok::<_, rquickjs::Error>(())
        })?;
        let state = self.state();
        self.put("next", move |ctx: Ctx<'js>, id: u32, from: u32, errors: bool| {
            let Some(at) = state.reach(id, from as usize, errors) else { return Ok(-1) };
            if state.role == super::state::Role::Inline && state.slow.borrow().contains(&at) {
                state.on_worker(&ctx)?;
            }
            Ok::<_, rquickjs::Error>(at as i32)
        })
    }

    fn program(&self) -> Result<()> {
        // As `Object.defineProperty` with a plain property, without an object that describes it.
        self.put("put", |object: Object<'js>, name: Value<'js>, value: Value<'js>| {
            object.prop(name, rquickjs::object::Property::from(value).writable().enumerable().configurable())
        })?;
        let state = self.state();
        self.put("log", move |level: String, text: String| state.log(&level, &text))?;
        self.put("prelude", |ctx: Ctx<'js>, name: String| super::prelude::part(&ctx, &name))
    }

    fn waits(&self) -> Result<()> {
        let state = self.state();
        self.put("timer", move |ctx: Ctx<'js>, after: f64, again: bool| {
            state.on_worker(&ctx)?;
            let id = state.number();
            let after = std::time::Duration::from_millis(after as u64);
            state.effects.borrow_mut().push(super::state::Effect::Timer { id, after, again });
            Ok::<_, rquickjs::Error>(id)
        })?;
        let state = self.state();
        self.put("clear", move |id: u32| state.effects.borrow_mut().push(super::state::Effect::Clear(id)))?;
        let state = self.state();
        self.put("jobDone", move |id: u32, problem: Option<String>| state.jobs_done.borrow_mut().push((id, problem)))
    }
}

/// Path and query of a request, as they came.
fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |both| both.as_str())
}

/// All values of a header in one text.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?.into_owned();
    let separator = if name == "cookie" { "; " } else { ", " };
    Some(values.fold(first, |all, value| all + separator + &value))
}

/// Pairs as `[name, value, name, value ...]`.
pub(super) fn flat<'js>(ctx: &Ctx<'js>, pairs: Vec<(String, String)>) -> Result<Array<'js>> {
    let list = Array::new(ctx.clone())?;
    for (at, (name, value)) in pairs.into_iter().enumerate() {
        list.set(2 * at, name)?;
        list.set(2 * at + 1, value)?;
    }
    Ok(list)
}

fn object_of(value: serde_json::Value) -> Map<String, serde_json::Value> {
    match value {
        serde_json::Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Appends a value's JSON; false when it has none.
pub fn write_json<'js>(state: &State, ctx: &Ctx<'js>, value: &Value<'js>, out: &mut Vec<u8>) -> Result<bool> {
    match state.serialiser.get() {
        Some(serialiser) => serialiser.write(ctx, value, out),
        None => Err(Exception::throw_internal(ctx, "the engine is not ready")),
    }
}

/// A value as data of Rust; null when it has no JSON form.
pub fn to_json<'js>(state: &State, ctx: &Ctx<'js>, value: &Value<'js>) -> Result<serde_json::Value> {
    let mut out = Vec::new();
    if !write_json(state, ctx, value, &mut out)? {
        return Ok(serde_json::Value::Null);
    }
    serde_json::from_slice(&out).map_err(|problem| Exception::throw_range(ctx, &problem.to_string()))
}

/// The bytes of a body: text, bytes, or nothing.
fn body_of<'js>(state: &State, ctx: &Ctx<'js>, body: &Value<'js>) -> Result<Bytes> {
    let bytes: Bytes = if body.is_undefined() || body.is_null() {
        Bytes::new()
    } else if let Some(bytes) = quickjs::bytes_of(body) {
        bytes.into()
    } else {
        let text: rquickjs::convert::Coerced<String> = body.get()?;
        text.0.into()
    };
    let most = state.host.limits().body;
    if bytes.len() > most {
        return Err(Exception::throw_range(ctx, &format!("the answer is larger than {most} bytes")));
    }
    Ok(bytes)
}

pub(super) fn code(ctx: &Ctx<'_>, status: u16) -> Result<StatusCode> {
    match StatusCode::from_u16(status) {
        Ok(code) if status >= 200 => Ok(code),
        _ => Err(Exception::throw_range(ctx, &format!("{status} is no status of an answer"))),
    }
}

/// Headers of `{ name: 'value', other: ['a', 'b'] }`.
pub(super) fn headers_of<'js>(ctx: &Ctx<'js>, headers: &Value<'js>) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    let Some(object) = headers.as_object() else { return Ok(map) };
    for entry in object.props::<String, Value>() {
        let (name, value) = entry?;
        let wrong = |what: &str| {
            Exception::throw_type(
                ctx,
                &format!("\"{name}\" cannot be a header: its {what} has characters that are not allowed"),
            )
        };
        let key = HeaderName::try_from(&name).map_err(|_| wrong("name"))?;
        let values: Vec<rquickjs::convert::Coerced<String>> = match value.as_array() {
            Some(list) => list.iter().collect::<Result<_>>()?,
            None if value.is_undefined() || value.is_null() => continue,
            None => vec![value.get()?],
        };
        for text in values {
            map.append(key.clone(), HeaderValue::from_bytes(text.0.as_bytes()).map_err(|_| wrong("value"))?);
        }
    }
    Ok(map)
}

/// Ends a request with a body.
pub fn answer<'js>(
    state: &State,
    ctx: &Ctx<'js>,
    id: u32,
    status: u16,
    headers: &Value<'js>,
    kind: Option<&str>,
    body: Bytes,
) -> Result<()> {
    let mut headers = headers_of(ctx, headers)?;
    if let Some(kind) = kind
        && !headers.contains_key(header::CONTENT_TYPE)
    {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_str(kind).unwrap_or(HeaderValue::from_static("text/plain")),
        );
    }
    let body = if body.is_empty() { Body::Empty } else { Body::Bytes(body) };
    state.end(id, Outcome::Answer(Response { status: code(ctx, status)?, headers, body }));
    Ok(())
}
