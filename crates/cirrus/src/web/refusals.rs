//! Refused fields in the visitor's language: in responses, in pages, and in what JavaScript lets pass of the data
//! layer.

use serde_json::Value as Json;

use super::{Request, i18n::Locales};
use crate::data::{Error, Fault, of_fields};
use crate::words;

/// Faults as the `errors` of a problem.
pub fn errors(locales: &Locales, request: &Request, faults: &[Fault]) -> Json {
    faults.iter().map(|fault| fault.to_json(&of(locales, request, fault))).collect()
}

/// What an error says.
pub fn told(locales: &Locales, request: &Request, error: &Error) -> String {
    match error {
        Error::Validation { table, faults } => of_fields(table, faults, |fault| of(locales, request, fault)),
        other => other.to_string(),
    }
}

/// What a fault says.
pub fn of(locales: &Locales, request: &Request, fault: &Fault) -> String {
    locales.refusal(request, fault.code, |name| fault.value(name))
}

/// JavaScript was told of faults in English. What it lets pass unchanged is said again; an author's own words stay.
pub fn again(locales: &Locales, request: &Request, detail: &mut String, errors: &mut Json) {
    for error in errors.as_array_mut().into_iter().flatten() {
        let (Some(code), Some(message)) = (error["code"].as_str(), error["message"].as_str()) else { continue };
        let value = |name: &str| error["values"][name].as_str().map(str::to_owned);
        if words::english(code, value) == message {
            let said = locales.refusal(request, code, value);
            *detail = detail.replace(message, &said);
            error["message"] = said.into();
        }
    }
}
