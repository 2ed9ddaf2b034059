//! Every page of the applications, small and large: nothing sticks out, nothing is missing, the console is quiet.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use driver::{DESKTOP, PHONE, Size};

/// What is wrong with the page that is shown, as sentences.
const FAULTS: &str = r#"
const [width] = arguments, faults = [];
const name = (el) => `<${el.tagName.toLowerCase()} id="${el.id}" class="${el.className}">`;
if (document.documentElement.scrollWidth > width) {
  const out = [...document.body.querySelectorAll('*')].filter((el) => el.getBoundingClientRect().right > width + 1);
  faults.push(`wider than the window: ${document.documentElement.scrollWidth}: ${out.slice(0, 3).map(name)}`);
}
for (const image of document.images) if (!image.complete || !image.naturalWidth) faults.push(`no image: ${image.src}`);
for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
  if (!field.labels.length && !field.ariaLabel) faults.push(`a field without a name: ${name(field)}`);
const seen = (el) => !el.closest('dialog:not([open]), [hidden], details:not([open])');
for (const button of document.querySelectorAll('button, a'))
  if (seen(button) && !(button.innerText.trim() || button.ariaLabel || button.title))
    faults.push(`a button without a name: ${button.outerHTML}`);
if (!document.title.trim()) faults.push('no title');
if (!document.documentElement.lang) faults.push('no language');
return faults;
"#;

/// Where the links of a page lead within the application.
const LINKS: &str = "return [...document.links].filter((a) => a.origin === location.origin)
    .map((a) => a.pathname).filter((path) => !/\\.\\w+$/.test(path))";

/// The same for pages of the same kind: `/kardex/3` is as `/kardex/4`.
fn kind(path: &str) -> String {
    let part = |part: &str| if part.starts_with(|c: char| c.is_ascii_digit()) { ":n".into() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<String>>().join("/")
}

fn faults(browser: &Chromium, size: Size) -> Vec<String> {
    let found = browser.js(FAULTS, &[size.width.into()]);
    let mut faults: Vec<String> = serde_json::from_value(found).unwrap();
    faults.extend(browser.console());
    faults
}

/// Looks at one of each kind of page that links lead to: kinds, and what is wrong with them.
fn look(name: &str) -> (Vec<String>, Vec<String>) {
    look_at(name, &application(name))
}

fn look_at(name: &str, app: &App) -> (Vec<String>, Vec<String>) {
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    let mut kinds = BTreeMap::from([("/".to_owned(), ())]);
    let mut waiting = VecDeque::from(["/".to_owned()]);
    let mut wrong = Vec::new();
    while let Some(path) = waiting.pop_front() {
        for (language, size, colours) in [("es", DESKTOP, "light"), ("en", PHONE, "light"), ("es", PHONE, "dark")] {
            browser.resize(size);
            browser.colours(colours);
            browser.open(&page(&server, &format!("{path}?lang={language}")));
            browser.js("return document.fonts.ready.then(() => true)", &[]);
            let picture = format!("{name}{}-{}-{language}-{colours}", kind(&path).replace(['/', ':'], "-"), size.name);
            browser.picture(&picture);
            wrong.extend(faults(&browser, size).into_iter().map(|fault| format!("{picture}: {fault}")));
        }
        let links: Vec<String> = serde_json::from_value(browser.js(LINKS, &[])).unwrap();
        for link in links {
            if kinds.insert(kind(&link), ()).is_none() {
                waiting.push_back(link);
            }
        }
    }
    (kinds.into_keys().collect(), wrong)
}

#[test]
fn tasks_fit_a_telephone_and_a_screen() {
    assert_eq!(look("tareas"), (vec!["/".to_owned(), "/editar/:n".to_owned()], Vec::new()));
}

#[test]
fn users_fit_a_telephone_and_a_screen() {
    assert_eq!(look("vbase"), (vec!["/".to_owned()], Vec::new()));
}

#[test]
fn documents_and_the_calendar_fit_a_telephone_and_a_screen() {
    let kinds = ["/", "/calendario", "/editar/:n"].map(str::to_owned).to_vec();
    assert_eq!(look("estudio"), (kinds, Vec::new()));
}

#[test]
fn the_ledger_fits_a_telephone_and_a_screen() {
    let (kinds, wrong) = look("libro-mayor");
    assert_eq!(wrong, Vec::<String>::new());
    for kind in ["/asientos/:n", "/asientos/nuevo", "/balance", "/cuenta/:n", "/kardex/:n"] {
        assert!(kinds.contains(&kind.to_owned()), "nobody finds {kind}: {kinds:?}");
    }
}

#[test]
fn what_cirrus_new_makes_fits_a_telephone_and_a_screen() {
    let app = App { dir: tempfile::tempdir().unwrap() };
    let directory = app.path().join("nueva");
    assert!(run(&["new", directory.to_str().unwrap()], "").0);
    copy(&directory, app.path());
    app.write("initial-data/tareas.csv", "titulo,hecha\nLlamar al contador,false\nRenovar el dominio,true\n");
    let kinds = ["/", "/tareas", "/tareas/:n/edit"].map(str::to_owned).to_vec();
    assert_eq!(look_at("new", &app), (kinds, Vec::new()));
}

/// What would be wrong is seen.
#[test]
fn a_page_with_faults_is_found_out() {
    let app = App::new(&[
        ("app.js", "app.get('/', (req, res) => res.render('mala'));"),
        (
            "views/mala.html",
            "<!doctype html><meta name=viewport content='width=device-width'><div style='width: 999px'>wide</div>
             <img src='/nothing.png'><input><a href='/'></a><script>window.never = 1</script>
             <script src='/mala.js'></script>",
        ),
        ("public/mala.js", "throw new Error('broken');"),
    ]);
    let server = app.serve();
    let browser = Chromium::new("es", PHONE);
    browser.open(&page(&server, "/"));
    let faults = faults(&browser, PHONE).join("\n");
    for part in [
        "wider",
        "no image",
        "field without",
        "button without",
        "no title",
        "no language",
        "Content Security",
        "broken",
        "404",
    ] {
        assert!(faults.contains(part), "{part} is not in {faults}");
    }
}
