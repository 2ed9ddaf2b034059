//! What an operation is doing, in words of the person who looks.

use minijinja::{Value, context};
use nimbus_api::StepReport;

use super::design::Language;
use crate::Plane;
use crate::progress::HowFar;

/// The name of a step. One that a newer server has is shown as it calls it.
pub fn name(plane: &Plane, language: Language, step: &str) -> String {
    plane.pages.texts().maybe(language, &format!("step-{step}")).unwrap_or_else(|| step.to_owned())
}

/// What is being done at this moment, such as `Putting back: switching the version`; nothing before the first step.
pub fn now(plane: &Plane, language: Language, far: &HowFar) -> Option<String> {
    let step = name(plane, language, far.step.as_deref()?);
    Some(if far.undoing { plane.pages.texts().with(language, "step-undo", "step", step) } else { step })
}

/// How far work on an installation is, as its page shows it.
pub fn doing(plane: &Plane, language: Language, verb: &str, steps: &[StepReport], waits: bool) -> Value {
    let far = HowFar::of(verb, steps);
    context! { verb, text => now(plane, language, &far), done => far.done, total => far.total, waits }
}
