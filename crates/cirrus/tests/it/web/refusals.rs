//! What is wrong with a field, in the visitor's language: from a resource, from JavaScript, on a page.

use serde_json::{Value, json};

use super::world::{App, Browser, Server};

const SCHEMA: &str = r#"
[tables.grupos.fields]
nombre = { type = "text", required = true, min = 2, max = 5 }
suma   = { type = "decimal", scale = 2, check = "suma <= 100" }

[tables.cosas.fields]
codigo  = { type = "text", min = 2, max = 5 }
anio    = { type = "integer", min = 2000, max = 2100 }
serie   = { type = "text" }
numero  = { type = "integer" }
importe = { type = "decimal", scale = 2, default = "0.00", check = "importe >= 0" }
estado  = { type = "choice", of = ["nueva", "hecha"] }
hecha   = { type = "boolean" }
fecha   = { type = "date" }
hora    = { type = "time" }
momento = { type = "timestamp" }
adjunto = { type = "blob", max = 3 }
doble   = { type = "formula", of = "importe * 2", scale = 2 }
grupo   = { type = "link", to = "grupos" }
[tables.cosas.indexes]
codigo = { kind = "unique", fields = ["codigo"] }
serie  = { kind = "unique", fields = ["serie", "numero"] }
[[tables.cosas.accumulate]]
to = "grupo"
total = "suma"
add = "importe"
"#;

const JS: &str = "
    app.resource('cosas');
    app.resource('grupos');
    app.post('/js', (req, res) => res.json(db.table('cosas').create(req.body)));
    app.post('/say', (req, res) => {
        try { db.table('cosas').create(req.body); } catch (e) { res.json(req.say(e)); }
    });
    app.post('/own', (req, res) => {
        try { db.table('cosas').create(req.body); } catch (e) { e.errors[0].message = 'mine'; throw e; }
    });
";

fn app(files: &[(&str, &str)]) -> App {
    let app = App::new(files);
    app.write("schema.toml", SCHEMA);
    app.write("app.js", JS);
    app
}

fn refused(server: &Server, target: &str, language: &str, body: &Value) -> (u16, Value) {
    let headers = [("Content-Type", "application/json"), ("Accept-Language", language)];
    let answer = server.send("POST", target, &headers, body.to_string().as_bytes());
    (answer.status, answer.value())
}

/// A field and a value, and what is said of it in English and Spanish.
fn cases() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    vec![
        ("nombre", json!(null), "a value is required", "hace falta un valor"),
        ("codigo", json!("larguísimo"), "it has 10 characters, more than 5", "tiene 10 caracteres, más de 5"),
        ("codigo", json!("x"), "it has 1 characters, fewer than 2", "tiene 1 caracteres, menos de 2"),
        (
            "codigo",
            json!("a\0b"),
            "a text cannot contain the character NUL",
            "un texto no puede contener el carácter NUL",
        ),
        ("codigo", json!([1]), "a text is expected, not [1]", "se espera un texto, no [1]"),
        ("codigo", json!("aa"), "another row has \"aa\" already", "otra fila tiene ya \"aa\""),
        ("anio", json!(1999), "1999 is not between 2000 and 2100", "1999 no está entre 2000 y 2100"),
        ("anio", json!("x"), "a whole number is expected, not \"x\"", "se espera un número entero, no \"x\""),
        ("numero", json!("9".repeat(30)), "it does not fit in 64 bits", "no cabe en 64 bits"),
        ("importe", json!("-1"), "-1.00 does not meet importe >= 0", "-1.00 no cumple importe >= 0"),
        ("importe", json!("1.001"), "it has more than 2 decimals", "tiene más de 2 decimales"),
        (
            "importe",
            json!("x"),
            "a number of at most 2 decimals is expected, not \"x\"",
            "se espera un número de 2 decimales como mucho, no \"x\"",
        ),
        ("estado", json!("vieja"), "\"vieja\" is none of nueva, hecha", "\"vieja\" no es ninguno de nueva, hecha"),
        ("hecha", json!("x"), "true or false is expected, not \"x\"", "se espera verdadero o falso, no \"x\""),
        (
            "fecha",
            json!("ayer"),
            "a date such as 2026-11-23 is expected, not \"ayer\"",
            "se espera una fecha como 2026-11-23, no \"ayer\"",
        ),
        (
            "hora",
            json!("25:00"),
            "a time such as 09:30:00 is expected, not \"25:00\"",
            "se espera una hora como 09:30:00, no \"25:00\"",
        ),
        (
            "momento",
            json!(5),
            "an instant such as 2026-11-23T09:30:00Z is expected, not 5",
            "se espera un instante como 2026-11-23T09:30:00Z, no 5",
        ),
        ("adjunto", json!("&"), "bytes in base64 are expected, not \"&\"", "se esperan bytes en base64, no \"&\""),
        ("adjunto", json!("AAAAAAAA"), "it has 6 bytes, more than 3", "tiene 6 bytes, más de 3"),
        (
            "doble",
            json!("1"),
            "it is computed from other fields and cannot be given",
            "se calcula a partir de otros campos y no se puede dar",
        ),
        ("grupo", json!(9), "grupos has no row 9", "grupos no tiene ninguna fila 9"),
        ("color", json!(1), "cosas has no such field", "cosas no tiene ese campo"),
    ]
}

#[test]
fn every_refusal_is_said_in_english_and_in_spanish() {
    let app = app(&[("locales/es.toml", ""), ("locales/en.toml", "")]);
    let server = app.serve();
    assert_eq!(server.json("POST", "/cosas", &json!({ "codigo": "aa", "serie": "s", "numero": 1 })).status, 201);
    for (field, value, english, spanish) in cases() {
        let target = if field == "nombre" { "/grupos" } else { "/cosas" };
        let body = json!({ field: value });
        let (status, said) = refused(&server, target, "en", &body);
        let (_, dicho) = refused(&server, target, "es-MX,en;q=0.5", &body);
        assert!(status == 422 || status == 409, "{field} {value}: {said}");
        assert_eq!(said["errors"][0]["message"], english, "{said}");
        assert_eq!(dicho["errors"][0]["message"], spanish, "{dicho}");
        assert_eq!(dicho["errors"][0]["field"], field);
        for same in ["code", "values"] {
            assert_eq!(said["errors"][0][same], dicho["errors"][0][same], "{field} {value}");
        }
        let detail = dicho["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("{field}: {spanish}")), "{detail}");
        // A list does not come as far as the data layer.
        if target == "/cosas" && !value.is_array() {
            assert_eq!(refused(&server, "/js", "es", &body).1["errors"], dicho["errors"], "{field} {value}");
        }
    }
}

#[test]
fn refusals_of_several_fields_and_of_totals_name_them() {
    let app = app(&[("locales/es.toml", "")]);
    let server = app.serve();
    let row = json!({ "serie": "s", "numero": 1 });
    assert_eq!(server.json("POST", "/cosas", &row).status, 201);
    let (_, twice) = refused(&server, "/cosas", "es", &row);
    assert_eq!(twice["errors"][1]["message"], "otra fila tiene ya los mismos valores de serie, numero");
    assert_eq!(server.json("POST", "/grupos", &json!({ "nombre": "uno" })).status, 201);
    let (_, total) = refused(&server, "/cosas", "es", &json!({ "grupo": 1, "importe": "100.01" }));
    assert_eq!(total["errors"][0]["message"], "con ello, grupos.suma no cumpliría suma <= 100");
    assert_eq!(total["errors"][0]["values"], json!({ "total": "grupos.suma", "rule": "suma <= 100" }));
}

#[test]
fn an_application_has_words_of_its_own_and_other_languages() {
    let app = app(&[
        ("locales/es.toml", "[refusals]\ntoo_short = 'al menos {min}, por favor'"),
        ("locales/fr.toml", "[refusals]\ntype = 'pas {value}'\n"),
    ]);
    let server = app.serve();
    let said = |language: &str, body: Value| {
        let (_, said) = refused(&server, "/cosas", language, &body);
        said["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(said("es", json!({ "codigo": "x" })), "al menos 2, por favor");
    // What French does not say, the default language does: in words of its own, or in ours.
    assert_eq!(said("fr", json!({ "anio": "x" })), "pas \"x\"");
    assert_eq!(said("fr", json!({ "codigo": "x" })), "al menos 2, por favor");
    assert_eq!(said("fr", json!({ "anio": 1 })), "1 no está entre 2000 y 2100");
    let (_, own) = refused(&server, "/own", "es", &json!({ "codigo": "x" }));
    assert_eq!(own["errors"][0]["message"], "mine");
    let (status, told) = refused(&server, "/say", "es", &json!({ "codigo": "x" }));
    assert_eq!((status, told), (200, json!("cosas: codigo: al menos 2, por favor")));
}

#[test]
fn without_texts_of_its_own_an_application_speaks_english_unless_asked() {
    let app = app(&[]);
    let server = app.serve();
    for (language, message) in
        [("", "a value is required"), ("fr", "a value is required"), ("es", "hace falta un valor")]
    {
        let (status, said) = refused(&server, "/grupos", language, &json!({}));
        assert_eq!((status, &said["errors"][0]["message"]), (422, &json!(message)), "{language}");
    }
}

#[test]
fn a_page_shows_a_refusal_in_its_own_language() {
    let app = app(&[
        ("locales/es.toml", "a = 'b'"),
        ("locales/en.toml", "a = 'b'"),
        ("views/cosas/new.html", "<form>{{ csrf_field() }}[{{ errors.anio }}] {{ problem }}</form>"),
    ]);
    let server = app.serve();
    for (language, message) in [("es", "7 no está entre 2000 y 2100"), ("en", "7 is not between 2000 and 2100")] {
        let mut browser = Browser::default();
        browser.get(&server, &format!("/cosas/new?lang={language}"));
        let page = browser.post(&server, "/cosas/new", "/cosas", &[("anio", "7")]);
        assert_eq!(page.status, 422, "{page:?}");
        assert!(page.text().contains(&format!("[{message}] cosas: anio: {message}</form>")), "{}", page.text());
    }
}
