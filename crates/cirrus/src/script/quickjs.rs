//! The one file that talks to QuickJS beneath `rquickjs`: JavaScript values to JSON bytes, and rows of SQLite to
//! JavaScript objects, without a detour. Measured: 70 us for 10 rows instead of 137.
#![allow(unsafe_code)]

mod memory;

pub use memory::Memory;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr::NonNull;

use rquickjs::{Ctx, Error, Exception, Result, Value, qjs};
use rusqlite::types::ValueRef;

use crate::data::{SAFE_INTEGER, base64, decimal, rows::Columns, schema::Type};
use crate::json;

/// Deeper values are refused: the serialiser is recursive and so is the stack of whoever reads the answer.
const DEPTH: usize = 512;
/// Property names remembered with their JSON text.
const NAMES: usize = 2048;

/// Reads a tag. `qjs` declares tags as the C compiler sees them.
fn tag(value: qjs::JSValue) -> i32 {
    // SAFETY: looks only at the bits of the value.
    unsafe { qjs::JS_VALUE_GET_NORM_TAG(value) }
}

/// Property names as `"name":`, and the classes that `JSON.stringify` treats in their own way. Belongs to one runtime:
/// `release` before the runtime ends.
pub struct Serialiser {
    names: RefCell<HashMap<u32, Box<[u8]>>>,
    to_json: u32,
    raw_json: u32,
    class: Classes,
    limit: usize,
    /// Addresses of the stack below this one are not for us.
    floor: usize,
}

struct Classes {
    number: u32,
    string: u32,
    boolean: u32,
    big_int: u32,
    raw: Option<u32>,
}

impl Serialiser {
    /// For the runtime of `ctx`; texts beyond `limit` bytes are refused, and so are values that would need more than
    /// `stack` bytes of the stack, from here on.
    pub fn new(ctx: &Ctx<'_>, limit: usize, stack: usize) -> Result<Self> {
        let class_of = |source: &str| -> Result<u32> {
            let value: Value = ctx.eval(source)?;
            // SAFETY: the value is alive.
            Ok(unsafe { qjs::JS_GetClassID(value.as_raw()) })
        };
        let class = Classes {
            number: class_of("Object(1)")?,
            string: class_of("Object('')")?,
            boolean: class_of("Object(true)")?,
            big_int: class_of("Object(1n)")?,
            raw: ctx.eval::<bool, _>("'rawJSON' in JSON")?.then(|| class_of("JSON.rawJSON('1')")).transpose()?,
        };
        let to_json = atom(ctx, "toJSON")?;
        let raw_json = atom(ctx, "rawJSON").inspect_err(|_| free_atom(ctx, to_json))?;
        let floor = stack_address().saturating_sub(stack);
        Ok(Self { names: RefCell::default(), to_json, raw_json, class, limit, floor })
    }

    /// Gives its atoms back: a live one when the runtime ends is an abort of the process.
    pub fn release(&self, ctx: &Ctx<'_>) {
        let names = self.names.borrow_mut().drain().map(|(name, _)| name).collect::<Vec<_>>();
        names.into_iter().chain([self.to_json, self.raw_json]).for_each(|name| free_atom(ctx, name));
    }

    /// Appends what `JSON.stringify(value)` gives; false when that is `undefined`.
    pub fn write<'js>(&self, ctx: &Ctx<'js>, value: &Value<'js>, out: &mut Vec<u8>) -> Result<bool> {
        let start = out.len();
        let mut walk = Walk { own: self, ctx, context: ctx.as_raw().as_ptr(), out, start, path: Vec::new() };
        // SAFETY: the duplicate is owned by `element`, which frees it.
        let result = unsafe { walk.element(qjs::JS_DupValue(walk.context, value.as_raw()), Key::Root) };
        if result.is_err() {
            out.truncate(start);
        }
        result
    }
}

/// How a value is named in its holder: what `toJSON` is told.
#[derive(Clone, Copy)]
enum Key {
    Root,
    Index(u32),
    Name(u32),
}

struct Walk<'a, 'js> {
    own: &'a Serialiser,
    ctx: &'a Ctx<'js>,
    context: *mut qjs::JSContext,
    out: &'a mut Vec<u8>,
    start: usize,
    path: Vec<*mut std::ffi::c_void>,
}

impl Walk<'_, '_> {
    /// Writes one value, which it frees; false when there is nothing to write (undefined, a function, a symbol).
    unsafe fn element(&mut self, value: qjs::JSValue, key: Key) -> Result<bool> {
        // SAFETY: `value` is owned here; `replaced` gives an owned value back, freed at the end on all paths.
        unsafe {
            let value = self.replaced(value, key)?;
            let result = self.plain(value);
            qjs::JS_FreeValue(self.context, value);
            result
        }
    }

    /// The value, or what its `toJSON` gives instead.
    unsafe fn replaced(&mut self, value: qjs::JSValue, key: Key) -> Result<qjs::JSValue> {
        if !matches!(tag(value), qjs::JS_TAG_OBJECT | qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT) {
            return Ok(value);
        }
        // SAFETY: `value` is alive; whatever is got is freed; the result is owned by the caller.
        unsafe {
            let method = qjs::JS_GetProperty(self.context, value, self.own.to_json);
            if tag(method) == qjs::JS_TAG_UNDEFINED {
                return Ok(value);
            }
            if tag(method) == qjs::JS_TAG_EXCEPTION {
                qjs::JS_FreeValue(self.context, value);
                return Err(Error::Exception);
            }
            if !qjs::JS_IsFunction(self.context, method) {
                qjs::JS_FreeValue(self.context, method);
                return Ok(value);
            }
            let mut name = match key {
                Key::Root => qjs::JS_NewStringLen(self.context, c"".as_ptr(), 0),
                Key::Index(index) => {
                    let text = index.to_string();
                    qjs::JS_NewStringLen(self.context, text.as_ptr().cast(), text.len() as _)
                }
                Key::Name(atom) => qjs::JS_AtomToString(self.context, atom),
            };
            let replaced = match tag(name) {
                qjs::JS_TAG_EXCEPTION => name,
                _ => qjs::JS_Call(self.context, method, value, 1, &mut name),
            };
            qjs::JS_FreeValue(self.context, name);
            qjs::JS_FreeValue(self.context, method);
            qjs::JS_FreeValue(self.context, value);
            if tag(replaced) == qjs::JS_TAG_EXCEPTION { Err(Error::Exception) } else { Ok(replaced) }
        }
    }

    unsafe fn plain(&mut self, value: qjs::JSValue) -> Result<bool> {
        if self.out.len() - self.start > self.own.limit {
            return Err(self.too_large());
        }
        // SAFETY: `value` is alive during the call; its tag was looked at before its content is.
        unsafe {
            match tag(value) {
                qjs::JS_TAG_INT => json::write_integer(self.out, i64::from(qjs::JS_VALUE_GET_INT(value))),
                qjs::JS_TAG_BOOL => {
                    self.out.extend_from_slice(if qjs::JS_VALUE_GET_BOOL(value) { b"true" } else { b"false" })
                }
                qjs::JS_TAG_NULL => self.out.extend_from_slice(b"null"),
                qjs::JS_TAG_FLOAT64 => self.float(qjs::JS_VALUE_GET_FLOAT64(value), value)?,
                qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE => self.text(value, true)?,
                qjs::JS_TAG_OBJECT => return self.object(value),
                qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT => {
                    return Err(Exception::throw_type(self.ctx, "a BigInt has no JSON form; use String(value)"));
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn too_large(&self) -> Error {
        Exception::throw_range(self.ctx, &format!("the answer is larger than {} bytes", self.own.limit))
    }

    unsafe fn float(&mut self, number: f64, value: qjs::JSValue) -> Result<()> {
        if !number.is_finite() {
            self.out.extend_from_slice(b"null");
        } else if number.fract() == 0.0 && number.abs() < 9e15 {
            json::write_integer(self.out, number as i64);
        } else {
            // SAFETY: a number is a value without a reference; QuickJS writes it as the standard says.
            unsafe { self.text(value, false)? };
        }
        Ok(())
    }

    /// Writes a value's text: quoted, or as it is (numbers).
    unsafe fn text(&mut self, value: qjs::JSValue, quoted: bool) -> Result<()> {
        // SAFETY: the C string is used while it lives and freed once.
        unsafe {
            let mut length: qjs::size_t = 0;
            let text = qjs::JS_ToCStringLen2(self.context, &mut length, value, false);
            if text.is_null() {
                return Err(Error::Exception);
            }
            let bytes = std::slice::from_raw_parts(text.cast::<u8>(), length as usize);
            if self.out.len() - self.start + bytes.len() > self.own.limit {
                qjs::JS_FreeCString(self.context, text);
                return Err(self.too_large());
            }
            if quoted {
                json::write_string(self.out, bytes);
            } else {
                self.out.extend_from_slice(bytes);
            }
            qjs::JS_FreeCString(self.context, text);
        }
        Ok(())
    }

    unsafe fn object(&mut self, value: qjs::JSValue) -> Result<bool> {
        // SAFETY: `value` is an object that the caller keeps alive.
        unsafe {
            if qjs::JS_IsFunction(self.context, value) {
                return Ok(false);
            }
            let class = qjs::JS_GetClassID(value);
            let own = &self.own.class;
            if class == own.string || class == own.number || class == own.boolean || class == own.big_int {
                return self.boxed(value, class);
            }
            if Some(class) == own.raw {
                let raw = qjs::JS_GetProperty(self.context, value, self.own.raw_json);
                let result = self.text(raw, false);
                qjs::JS_FreeValue(self.context, raw);
                return result.map(|()| true);
            }
            let pointer = qjs::JS_VALUE_GET_PTR(value);
            if self.path.contains(&pointer) {
                return Err(Exception::throw_type(self.ctx, "circular reference: the value contains itself"));
            }
            if self.path.len() >= DEPTH || stack_address() < self.own.floor {
                return Err(Exception::throw_range(self.ctx, "the value is nested too deeply"));
            }
            self.path.push(pointer);
            if is_array(self.context, value)? {
                self.array(value)?;
            } else {
                self.members(value)?;
            }
            self.path.pop();
        }
        Ok(true)
    }

    /// `new String('x')` and its like are written as what they hold.
    unsafe fn boxed(&mut self, value: qjs::JSValue, class: u32) -> Result<bool> {
        let own = &self.own.class;
        let name = if class == own.string { "String" } else { "Number" };
        if class == own.boolean || class == own.big_int {
            // SAFETY: a duplicate handed over to `Value`, which frees it.
            let held = unsafe { Value::from_raw(self.ctx.clone(), qjs::JS_DupValue(self.context, value)) };
            let value_of: rquickjs::Function = held.get::<rquickjs::Object>()?.get("valueOf")?;
            let inner: Value = value_of.call((rquickjs::function::This(held),))?;
            // SAFETY: `inner` lives until the end of the call.
            return unsafe { self.plain(inner.as_raw()) };
        }
        let convert: rquickjs::Function = self.ctx.globals().get(name)?;
        // SAFETY: a duplicate handed over to `Value`, which frees it.
        let held = unsafe { Value::from_raw(self.ctx.clone(), qjs::JS_DupValue(self.context, value)) };
        let inner: Value = convert.call((held,))?;
        // SAFETY: `inner` lives until the end of the call.
        unsafe { self.plain(inner.as_raw()) }
    }

    unsafe fn array(&mut self, value: qjs::JSValue) -> Result<()> {
        // SAFETY: `value` is alive; every element is handed to `element`, which frees it.
        unsafe {
            let mut length: i64 = 0;
            if qjs::JS_GetLength(self.context, value, &mut length) < 0 {
                return Err(Error::Exception);
            }
            self.out.push(b'[');
            for index in 0..u32::try_from(length).unwrap_or(u32::MAX) {
                if index > 0 {
                    self.out.push(b',');
                }
                let element = qjs::JS_GetPropertyUint32(self.context, value, index);
                if tag(element) == qjs::JS_TAG_EXCEPTION {
                    return Err(Error::Exception);
                }
                if !self.element(element, Key::Index(index))? {
                    self.out.extend_from_slice(b"null");
                    self.plain(qjs::JS_UNDEFINED)?;
                }
            }
            self.out.push(b']');
        }
        Ok(())
    }

    unsafe fn members(&mut self, value: qjs::JSValue) -> Result<()> {
        let mut table: *mut qjs::JSPropertyEnum = std::ptr::null_mut();
        let mut count: u32 = 0;
        let what = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY) as i32;
        // SAFETY: `table` is filled with `count` entries when the call succeeds, and freed with them.
        unsafe {
            if qjs::JS_GetOwnPropertyNames(self.context, &mut table, &mut count, value, what) < 0 {
                return Err(Error::Exception);
            }
            let result = self.each_member(value, table, count as usize);
            qjs::JS_FreePropertyEnum(self.context, table, count);
            result
        }
    }

    unsafe fn each_member(&mut self, value: qjs::JSValue, table: *mut qjs::JSPropertyEnum, count: usize) -> Result<()> {
        self.out.push(b'{');
        let mut any = false;
        for i in 0..count {
            // SAFETY: `i < count`; the atom is kept alive by the table, the value is freed by `element`.
            unsafe {
                let name = (*table.add(i)).atom;
                let member = qjs::JS_GetProperty(self.context, value, name);
                match tag(member) {
                    qjs::JS_TAG_EXCEPTION => return Err(Error::Exception),
                    qjs::JS_TAG_UNDEFINED => continue,
                    _ => {}
                }
                let before = self.out.len();
                if any {
                    self.out.push(b',');
                }
                self.name(name)?;
                if self.element(member, Key::Name(name))? {
                    any = true;
                } else {
                    self.out.truncate(before);
                }
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    /// `"name":`, from memory when it was written before.
    unsafe fn name(&mut self, atom: u32) -> Result<()> {
        if let Some(text) = self.own.names.borrow().get(&atom) {
            self.out.extend_from_slice(text);
            return Ok(());
        }
        let start = self.out.len();
        // SAFETY: the atom is alive; the C string is used while it lives and freed once; a remembered atom is
        // duplicated.
        unsafe {
            let mut length: qjs::size_t = 0;
            let text = qjs::JS_AtomToCStringLen(self.context, &mut length, atom);
            if text.is_null() {
                return Err(Error::Exception);
            }
            json::write_string(self.out, std::slice::from_raw_parts(text.cast::<u8>(), length as usize));
            qjs::JS_FreeCString(self.context, text);
            self.out.push(b':');
            let mut names = self.own.names.borrow_mut();
            if names.len() < NAMES && self.out.len() - start < 80 {
                names.insert(qjs::JS_DupAtom(self.context, atom), self.out[start..].into());
            }
        }
        Ok(())
    }
}

/// Arrays, also behind a proxy; an exception when the proxy was revoked.
unsafe fn is_array(context: *mut qjs::JSContext, value: qjs::JSValue) -> Result<bool> {
    // SAFETY: looks at the class of a live object. A proxy hands its target out as a value of its own, which is freed
    // and stays alive as long as the proxy, which `value` keeps.
    unsafe {
        let mut at = value;
        while qjs::JS_IsProxy(at) {
            at = qjs::JS_GetProxyTarget(context, at);
            if tag(at) == qjs::JS_TAG_EXCEPTION {
                return Err(Error::Exception);
            }
            qjs::JS_FreeValue(context, at);
        }
        Ok(qjs::JS_IsArray(at))
    }
}

/// Where the stack of this thread has got to.
fn stack_address() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// Throws an error that JavaScript cannot catch: the run ends here.
pub fn throw_uncatchable(ctx: &Ctx<'_>, message: &str) -> Error {
    let error = Exception::throw_internal(ctx, message);
    let context = ctx.as_raw().as_ptr();
    // SAFETY: the exception that was just thrown is taken out, marked, and handed back.
    unsafe {
        let thrown = qjs::JS_GetException(context);
        qjs::JS_SetUncatchableError(context, thrown);
        qjs::JS_Throw(context, thrown);
    }
    error
}

/// What a module exports as its default, from the bytecode that `build.rs` made of it.
pub fn default_export<'js>(ctx: &Ctx<'js>, bytecode: &'static [u8]) -> Result<rquickjs::Function<'js>> {
    // SAFETY: part of this program, written by the same version of QuickJS; nothing from outside comes here.
    let module = unsafe { rquickjs::Module::load(ctx.clone(), bytecode) }?;
    let (module, evaluated) = module.eval()?;
    evaluated.finish::<()>()?;
    module.get("default")
}

/// The bytes of a `Uint8Array` or an `ArrayBuffer`, copied.
pub fn bytes_of(value: &Value<'_>) -> Option<Vec<u8>> {
    let object = value.as_object()?;
    if let Some(buffer) = object.as_array_buffer() {
        // SAFETY: copied before any JavaScript runs.
        return unsafe { buffer.as_bytes() }.map(<[u8]>::to_vec);
    }
    let array = rquickjs::TypedArray::<u8>::from_value(value.clone()).ok()?;
    // SAFETY: copied before any JavaScript runs.
    unsafe { array.as_bytes() }.map(<[u8]>::to_vec)
}

/// An atom that the caller must free.
fn atom(ctx: &Ctx<'_>, name: &str) -> Result<u32> {
    // SAFETY: `name` is read during the call.
    let atom = unsafe { qjs::JS_NewAtomLen(ctx.as_raw().as_ptr(), name.as_ptr().cast(), name.len() as _) };
    if atom == qjs::JS_ATOM_NULL { Err(Error::Exception) } else { Ok(atom) }
}

/// Gives an atom back, which the caller must own and forget.
fn free_atom(ctx: &Ctx<'_>, atom: u32) {
    // SAFETY: only called with atoms that `atom` or `JS_DupAtom` made, each once.
    unsafe { qjs::JS_FreeAtom(ctx.as_raw().as_ptr(), atom) };
}

/// Property names of rows as atoms, made once for each shape of query. Belongs to one runtime: `release` before it
/// ends.
pub struct Names(Vec<u32>);

impl Names {
    /// The names of these columns.
    pub fn new(ctx: &Ctx<'_>, columns: &Columns) -> Result<Self> {
        let mut names = Self(Vec::new());
        for (name, _) in columns.iter() {
            match atom(ctx, name) {
                Ok(atom) => names.0.push(atom),
                Err(error) => {
                    names.release(ctx);
                    return Err(error);
                }
            }
        }
        Ok(names)
    }

    /// Gives the atoms back.
    pub fn release(self, ctx: &Ctx<'_>) {
        self.0.into_iter().for_each(|name| free_atom(ctx, name));
    }
}

/// All rows that are left as an array of objects.
pub fn rows_to_array<'js>(
    ctx: &Ctx<'js>,
    rows: &mut rusqlite::Rows<'_>,
    columns: &Columns,
    names: &Names,
) -> std::result::Result<Value<'js>, RowsError> {
    let context = ctx.as_raw().as_ptr();
    let kinds: Vec<Type> = columns.iter().map(|(_, kind)| kind).collect();
    let mut made = Made { context, values: Vec::new() };
    while let Some(row) = rows.next()? {
        // SAFETY: the object is owned by `made` until the array takes it; every value is owned by the object as soon as
        // it is made. Defined, not set: no setter of the author's may run here.
        unsafe {
            let object = qjs::JS_NewObject(context);
            if tag(object) == qjs::JS_TAG_EXCEPTION {
                return Err(RowsError::Script(Error::Exception));
            }
            made.values.push(object);
            for (place, (name, kind)) in names.0.iter().zip(&kinds).enumerate() {
                let value = cell(context, row.get_ref(place)?, *kind);
                if tag(value) == qjs::JS_TAG_EXCEPTION
                    || qjs::JS_DefinePropertyValue(context, object, *name, value, qjs::JS_PROP_C_W_E as i32) < 0
                {
                    return Err(RowsError::Script(Error::Exception));
                }
            }
        }
    }
    let values = std::mem::take(&mut made.values);
    let count = i32::try_from(values.len()).unwrap_or(i32::MAX);
    // SAFETY: the array takes the values over, or frees them when it fails.
    unsafe {
        let array = qjs::JS_NewArrayFrom(context, count, values.as_ptr());
        if tag(array) == qjs::JS_TAG_EXCEPTION {
            return Err(RowsError::Script(Error::Exception));
        }
        Ok(Value::from_raw(ctx.clone(), array))
    }
}

/// Why rows did not become objects.
#[derive(Debug)]
pub enum RowsError {
    /// SQLite.
    Database(rusqlite::Error),
    /// JavaScript, most likely for want of memory; the exception is pending.
    Script(Error),
}

impl From<rusqlite::Error> for RowsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Objects that nobody else holds yet.
struct Made {
    context: *mut qjs::JSContext,
    values: Vec<qjs::JSValue>,
}

impl Drop for Made {
    fn drop(&mut self) {
        for value in self.values.drain(..) {
            // SAFETY: each is owned here and leaves here.
            unsafe { qjs::JS_FreeValue(self.context, value) };
        }
    }
}

/// A value of a row, in the forms of `data::rows`: decimals and large integers are strings, blobs base64.
unsafe fn cell(context: *mut qjs::JSContext, value: ValueRef<'_>, kind: Type) -> qjs::JSValue {
    // SAFETY: the text is read during the call.
    let text = |text: &[u8]| unsafe { qjs::JS_NewStringLen(context, text.as_ptr().cast(), text.len() as _) };
    match value {
        ValueRef::Null => qjs::JS_NULL,
        ValueRef::Integer(n) => match kind {
            Type::Boolean => qjs::JS_MKVAL(qjs::JS_TAG_BOOL, i32::from(n != 0)),
            Type::Decimal(scale) => text(decimal::text(n, scale).as_bytes()),
            _ => match i32::try_from(n) {
                Ok(small) => qjs::JS_MKVAL(qjs::JS_TAG_INT, small),
                Err(_) if n.abs() <= SAFE_INTEGER => qjs::JS_NewFloat64(n as f64),
                Err(_) => text(n.to_string().as_bytes()),
            },
        },
        ValueRef::Real(n) => qjs::JS_NewFloat64(n),
        ValueRef::Text(bytes) if std::str::from_utf8(bytes).is_err() => text(String::from_utf8_lossy(bytes).as_bytes()),
        ValueRef::Text(bytes) => text(bytes),
        ValueRef::Blob(bytes) => text(base64::encode(bytes).as_bytes()),
    }
}

/// Where a trigger, called by the data layer in the middle of a native function, finds the context that it runs in.
#[derive(Default)]
pub struct Entered(Cell<Option<NonNull<qjs::JSContext>>>);

impl Entered {
    /// Runs `work`, within which `current` finds `ctx`.
    pub fn during<R>(&self, ctx: &Ctx<'_>, work: impl FnOnce() -> R) -> R {
        struct Back<'a>(&'a Entered, Option<NonNull<qjs::JSContext>>);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.0.set(self.1);
            }
        }
        let _back = Back(self, self.0.replace(Some(ctx.as_raw())));
        work()
    }

    /// Runs `work` with the context of the `during` around it; `None` outside of one.
    pub fn current<R>(&self, work: impl for<'js> FnOnce(Ctx<'js>) -> R) -> Option<R> {
        let pointer = self.0.get()?;
        // SAFETY: the pointer is only there while `during` borrows a living `Ctx` of this thread; `Ctx` counts its
        // references itself, and the lifetime of the one made here ends with `work`.
        Some(work(unsafe { Ctx::from_raw(pointer) }))
    }
}

#[cfg(test)]
mod tests {
    use rquickjs::{Context, Runtime};

    use super::*;

    /// Random values with everything that `JSON.stringify` treats in its own way.
    const VALUES: &str = include_str!("prelude/random_values.js");

    fn with_serialiser(limit: usize, work: impl for<'js> FnOnce(&Ctx<'js>, &Serialiser)) {
        let runtime = Runtime::new().unwrap();
        let context = Context::full(&runtime).unwrap();
        context.with(|ctx| {
            let serialiser = Serialiser::new(&ctx, limit, 4 << 20).unwrap();
            work(&ctx, &serialiser);
            serialiser.release(&ctx);
        });
    }

    #[test]
    fn the_same_text_as_json_stringify() {
        with_serialiser(1 << 20, |ctx, serialiser| {
            let make: rquickjs::Function = ctx.eval(VALUES).unwrap();
            for seed in 0..5000_u32 {
                let value: Value = make.call((seed,)).unwrap();
                let expected = ctx.json_stringify(value.clone()).unwrap().map(|text| text.to_string().unwrap());
                let mut out = Vec::new();
                let some = serialiser.write(ctx, &value, &mut out).unwrap();
                let own = some.then(|| String::from_utf8(out).unwrap());
                assert_eq!(own, expected, "seed {seed}");
            }
        });
    }

    #[test]
    fn what_has_no_json_is_an_error_and_nothing_is_written() {
        with_serialiser(1000, |ctx, serialiser| {
            for source in [
                "(() => { const a = {}; a.b = [a]; return a; })()",
                "[1n]",
                "({ a: { toJSON() { throw new Error('x'); } } })",
                "({ get a() { throw new Error('x'); } })",
                "(() => { let a = 1; for (let i = 0; i < 600; i++) a = [a]; return a; })()",
                "new Array(4e9)",
                "'x'.repeat(2000)",
                "new Proxy({}, { ownKeys() { throw new Error('x'); } })",
            ] {
                let value: Value = ctx.eval(source).unwrap();
                let mut out = b"before".to_vec();
                assert!(serialiser.write(ctx, &value, &mut out).is_err(), "{source}");
                ctx.catch();
                assert_eq!(out, b"before", "{source}");
            }
        });
    }
}
