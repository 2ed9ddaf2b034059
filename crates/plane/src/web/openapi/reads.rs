//! What a handler reads of a request, known from the types of its arguments: what has no schema is no argument.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use http::HeaderMap;
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};

use crate::Plane;
use crate::operations::Actor;
use crate::strangers::Peer;
use crate::web::{Json, Path, Query};

/// What is read.
pub struct Input<'a> {
    schemas: &'a mut SchemaGenerator,
    /// The JSON body.
    pub body: Option<Schema>,
    /// The query, as an object.
    pub query: Option<Schema>,
}

impl<'a> Input<'a> {
    /// Nothing yet.
    pub fn new(schemas: &'a mut SchemaGenerator) -> Self {
        Self { schemas, body: None, query: None }
    }
}

/// An argument of a handler, or all of them.
pub trait Reads {
    /// Adds what it reads.
    fn reads(_: &mut Input<'_>) {}
}

impl Reads for State<Arc<Plane>> {}
impl Reads for Actor {}
impl Reads for Body {}
impl Reads for HeaderMap {}
impl Reads for Peer {}
impl Reads for Request {}
/// The parts of the path are text, which the pattern names.
impl<T> Reads for Path<T> {}

impl<T: JsonSchema> Reads for Json<T> {
    fn reads(input: &mut Input<'_>) {
        input.body = Some(input.schemas.subschema_for::<T>());
    }
}

impl<T: JsonSchema> Reads for Query<T> {
    fn reads(input: &mut Input<'_>) {
        input.query = Some(T::json_schema(input.schemas));
    }
}

/// The arguments of a handler as axum puts them: after a mark for whether the last one takes the body.
macro_rules! arguments {
    ($($argument:ident),*) => {
        impl<Mark, $($argument: Reads),*> Reads for (Mark, $($argument),*) {
            fn reads(_input: &mut Input<'_>) {
                $($argument::reads(_input);)*
            }
        }
    };
}

arguments!(A);
arguments!(A, B);
arguments!(A, B, C);
arguments!(A, B, C, D);
arguments!(A, B, C, D, E);
arguments!(A, B, C, D, E, F);
