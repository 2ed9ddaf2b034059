//! What is said of a refused field, in the languages that we speak. An application may have words of its own for it, in
//! any language (`web::i18n`).

/// Key, English, Spanish. The key is the code of a refusal, or the code and the `kind` among its values; what stands in
/// braces is among its values too.
const REFUSALS: [(&str, &str, &str); 30] = [
    ("required", "a value is required", "hace falta un valor"),
    ("type.text", "a text is expected, not {value}", "se espera un texto, no {value}"),
    ("type.integer", "a whole number is expected, not {value}", "se espera un número entero, no {value}"),
    (
        "type.decimal",
        "a number of at most {scale} decimals is expected, not {value}",
        "se espera un número de {scale} decimales como mucho, no {value}",
    ),
    ("type.boolean", "true or false is expected, not {value}", "se espera verdadero o falso, no {value}"),
    (
        "type.date",
        "a date such as 2026-11-23 is expected, not {value}",
        "se espera una fecha como 2026-11-23, no {value}",
    ),
    ("type.time", "a time such as 09:30:00 is expected, not {value}", "se espera una hora como 09:30:00, no {value}"),
    (
        "type.timestamp",
        "an instant such as 2026-11-23T09:30:00Z is expected, not {value}",
        "se espera un instante como 2026-11-23T09:30:00Z, no {value}",
    ),
    ("type.blob", "bytes in base64 are expected, not {value}", "se esperan bytes en base64, no {value}"),
    ("type.nul", "a text cannot contain the character NUL", "un texto no puede contener el carácter NUL"),
    ("type.id", "the number of a row is 1 or more", "el número de una fila es 1 o mayor"),
    ("type.file", "the file cannot be read: {problem}", "el archivo no se puede leer: {problem}"),
    ("too_long.text", "it has {length} characters, more than {max}", "tiene {length} caracteres, más de {max}"),
    ("too_long.blob", "it has {length} bytes, more than {max}", "tiene {length} bytes, más de {max}"),
    ("too_short", "it has {length} characters, fewer than {min}", "tiene {length} caracteres, menos de {min}"),
    ("too_large", "it does not fit in 64 bits", "no cabe en 64 bits"),
    ("too_precise", "it has more than {scale} decimals", "tiene más de {scale} decimales"),
    ("range", "{value} is not between {min} and {max}", "{value} no está entre {min} y {max}"),
    ("choice", "{value} is none of {of}", "{value} no es ninguno de {of}"),
    ("link", "{table} has no row {value}", "{table} no tiene ninguna fila {value}"),
    ("check", "{value} does not meet {rule}", "{value} no cumple {rule}"),
    ("check.bounds", "{value} is beyond its bounds", "{value} está fuera de sus límites"),
    ("total", "with it, {total} would not meet {rule}", "con ello, {total} no cumpliría {rule}"),
    ("total.bounds", "with it, {total} would be beyond its bounds", "con ello, {total} estaría fuera de sus límites"),
    ("unique.one", "another row has {value} already", "otra fila tiene ya {value}"),
    (
        "unique.several",
        "another row has the same {fields} already",
        "otra fila tiene ya los mismos valores de {fields}",
    ),
    ("unknown", "{table} has no such field", "{table} no tiene ese campo"),
    ("read_only.id", "the number of a row cannot change", "el número de una fila no puede cambiar"),
    (
        "read_only.formula",
        "it is computed from other fields and cannot be given",
        "se calcula a partir de otros campos y no se puede dar",
    ),
    (
        "read_only.total",
        "it is a total that other rows add to and cannot be given",
        "es un total al que suman otras filas y no se puede dar",
    ),
];

/// The languages that we speak; the first one where nobody asks for another.
pub const LANGUAGES: [&str; 2] = ["en", "es"];

/// Our words for the first of these keys.
pub fn ours(language: &str, keys: &[String]) -> Option<&'static str> {
    let (_, english, spanish) = keys.iter().find_map(|key| REFUSALS.iter().find(|(known, ..)| known == key))?;
    match language {
        "en" => Some(english),
        "es" => Some(spanish),
        _ => None,
    }
}

/// What is said of a refusal: the text that `words` has for one of its keys (with its kind, and without), filled in;
/// the code itself where there is none.
pub fn said<'w>(
    code: &str,
    value: impl Fn(&str) -> Option<String>,
    words: impl FnOnce(&[String]) -> Option<&'w str>,
) -> String {
    let narrow = value("kind").map(|kind| format!("{code}.{kind}"));
    let keys: Vec<String> = narrow.into_iter().chain([code.to_owned()]).collect();
    words(&keys).map_or_else(|| code.to_owned(), |text| fill(text, value))
}

/// The same in our English.
pub fn english(code: &str, value: impl Fn(&str) -> Option<String>) -> String {
    said(code, value, |keys| ours(LANGUAGES[0], keys))
}

/// A text with its `{name}`s filled in; those that there are no values for stay.
pub fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}') {
            Some((name, after)) => {
                match value(name) {
                    Some(value) => filled.push_str(&value),
                    None => filled.extend(["{", name, "}"]),
                }
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_fill_in_the_same() {
        let names = |text: &str| {
            let mut names: Vec<_> =
                text.split('{').skip(1).map(|part| part.split('}').next().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        for (key, english, spanish) in REFUSALS {
            assert_eq!(names(english), names(spanish), "{key}");
            assert_ne!(english, spanish, "{key}");
        }
    }
}
