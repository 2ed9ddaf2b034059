//! The texts of all pages, in Fluent: real plurals, and a translator needs no program.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use super::{DesignError, Language, format, templates};

macro_rules! embedded {
    ($($file:literal),+) => {
        &[$(
            (Language::En, concat!("texts/en/", $file), include_str!(concat!("texts/en/", $file))),
            (Language::Es, concat!("texts/es/", $file), include_str!(concat!("texts/es/", $file))),
        )+]
    };
}

/// Every file of texts; each exists once in every language.
const EMBEDDED: &[(Language, &str, &str)] = embedded![
    "design.ftl",
    "styleguide.ftl",
    "entry.ftl",
    "console.ftl",
    "deployments.ftl",
    "docs.ftl",
    "installations.ftl",
    "platform.ftl",
    "portal.ftl",
    "usage.ftl",
    "refusals.ftl",
    "archive.ftl",
    "security.ftl",
    "support.ftl",
    "webhooks.ftl",
    "branding.ftl",
    "audit.ftl"
];

/// Every text of every language.
pub struct Texts {
    bundles: Vec<(Language, FluentBundle<FluentResource>)>,
}

impl Texts {
    /// Reads them; where the sources are at hand in a debug build, as they are now.
    pub fn load() -> Result<Self, DesignError> {
        let bundles = Language::ALL.iter().map(|language| Ok((*language, bundle(*language)?)));
        Ok(Self { bundles: bundles.collect::<Result<_, DesignError>>()? })
    }

    /// The text of a key. The error says which text is missing, or which argument it wants.
    pub fn get(&self, language: Language, key: &str, args: &FluentArgs<'_>) -> Result<String, String> {
        let found = self.bundles.iter().find(|(one, _)| *one == language);
        let pattern = found.and_then(|(_, bundle)| Some((bundle, bundle.get_message(key)?.value()?)));
        let (bundle, pattern) = pattern.ok_or_else(|| format!("there is no text \"{key}\" in {}", language.code()))?;
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
        match errors.first() {
            None => Ok(text),
            Some(error) => Err(format!("the text \"{key}\" in {}: {error}", language.code())),
        }
    }

    /// A text without arguments, if there is one of that key.
    pub fn maybe(&self, language: Language, key: &str) -> Option<String> {
        self.get(language, key, &FluentArgs::new()).ok()
    }

    /// A text without arguments, for what Rust and not a template says. A key that is missing is shown as it is.
    pub fn plain(&self, language: Language, key: &str) -> String {
        self.get(language, key, &FluentArgs::new()).unwrap_or_else(|error| missing(key, &error))
    }

    /// A text with one argument, a number or a text.
    pub fn with<'a>(&self, language: Language, key: &str, name: &'a str, value: impl Into<FluentValue<'a>>) -> String {
        let mut args = FluentArgs::new();
        args.set(name, value);
        self.get(language, key, &args).unwrap_or_else(|error| missing(key, &error))
    }
}

/// What is shown instead of a text that is missing: better its name than no page.
pub fn missing(key: &str, why: &str) -> String {
    tracing::error!(%why, "a text of the console is missing");
    key.to_owned()
}

fn bundle(language: Language) -> Result<FluentBundle<FluentResource>, DesignError> {
    let locale = language.code().parse().expect("every language has a valid tag");
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    // Marks around arguments for mixed directions of writing; both languages are written the same way.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(match language {
        Language::En => |value, _| number(Language::En, value),
        Language::Es => |value, _| number(Language::Es, value),
    }));
    for (_, name, embedded) in EMBEDDED.iter().filter(|(one, ..)| *one == language) {
        let wrong = |why: String| DesignError::Texts { name: (*name).into(), why };
        let resource = FluentResource::try_new(templates::current(name, embedded).into_owned());
        let resource = resource.map_err(|(_, errors)| wrong(format!("{errors:?}")))?;
        bundle.add_resource(resource).map_err(|errors| wrong(format!("{errors:?}")))?;
    }
    Ok(bundle)
}

/// Numbers within texts, as the language writes them.
fn number(language: Language, value: &FluentValue<'_>) -> Option<String> {
    match value {
        FluentValue::Number(number) => Some(format::number(language, number.value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_and_numbers_are_those_of_the_language() {
        let texts = Texts::load().unwrap();
        assert_eq!(texts.with(Language::En, "ago-minutes", "n", 1), "1 minute ago");
        assert_eq!(texts.with(Language::En, "ago-minutes", "n", 5), "5 minutes ago");
        assert_eq!(texts.with(Language::Es, "ago-minutes", "n", 1), "hace 1 minuto");
        assert_eq!(texts.with(Language::Es, "ago-years", "n", 12_345), "hace 12.345 años");
    }

    #[test]
    fn a_text_or_an_argument_that_is_missing_is_named() {
        let texts = Texts::load().unwrap();
        let error = texts.get(Language::Es, "no-such", &FluentArgs::new()).unwrap_err();
        assert_eq!(error, "there is no text \"no-such\" in es");
        let error = texts.get(Language::En, "ago-minutes", &FluentArgs::new()).unwrap_err();
        assert!(error.contains("$n"), "{error}");
    }
}
