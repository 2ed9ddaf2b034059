//! stub
use serde_json::{Value, json};
use super::resource::Resource;
use crate::app::App;
/// doc
pub fn document<'a>(_app: &App, _resources: impl Iterator<Item = &'a Resource>) -> Value { json!({}) }
