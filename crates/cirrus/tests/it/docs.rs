//! The examples of `docs/cirrus/`: the marked blocks of one page are one application, and its requests are sent and
//! their answers compared, so that no page shows what does not work.
//!
//! A block's mark says what becomes of it: `app`, `schema` and `config` are added to `app.js`, `schema.toml` and
//! `cirrus.toml`; a path is a file; `part` is no whole file and only shown. A block of `http` is a request and the answer
//! it must get.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::web::world::{Answer, App, Server, cirrus, run};

/// Languages of blocks that people type or read, and that need no mark.
const FOR_PEOPLE: [&str; 5] = ["console", "sh", "text", "nginx", "sql"];

struct Block<'a> {
    line: usize,
    language: &'a str,
    mark: Option<&'a str>,
    text: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cirrus")
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(info) => {
                let mut words = info.split_whitespace();
                let (language, mark) = (words.next().unwrap_or(""), words.next());
                blocks.push(Block { line: number + 1, language, mark, text: String::new() });
                open = true;
            }
            None if open => {
                let block = blocks.last_mut().expect("a block is open");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "a block has no end");
    blocks
}

/// The files of an application, and a server of them when one is needed.
struct Example {
    app: App,
    server: Option<Server>,
    cookies: BTreeMap<String, String>,
}

impl Example {
    /// Of this page: the guide begins with what `cirrus new` makes, the others with nothing.
    fn new(page: &str) -> Self {
        let app = App::new(&[("schema.toml", "")]);
        if page == "guide.md" {
            let beginning = app.path().join("beginning");
            assert!(run(&["new", beginning.to_str().unwrap()], "").0);
            let copied = Command::new("cp").arg("-r").arg(beginning.join(".")).arg(app.path()).status();
            assert!(copied.unwrap().success());
            fs::remove_dir_all(beginning).unwrap();
        }
        Self { app, server: None, cookies: BTreeMap::new() }
    }

    /// A file, or an addition to one. The server begins again, over the same data.
    fn write(&mut self, mark: &str, text: &str) {
        self.server = None;
        let name = match mark {
            "app" => "app.js",
            "schema" => "schema.toml",
            "config" => "cirrus.toml",
            file => return self.app.write(file, text),
        };
        let former = fs::read_to_string(self.app.path().join(name)).unwrap_or_default();
        self.app.write(name, &format!("{former}\n{text}"));
    }

    fn send(&mut self, request: &str) -> Answer {
        let app = &self.app;
        let server = self.server.get_or_insert_with(|| {
            let mut command = cirrus();
            command.arg("serve").arg(app.path()).args(["--listen", "127.0.0.1:0", "--no-reload"]);
            Server::start(command)
        });
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        let mut lines = head.lines();
        let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
        let mut body = body.trim_end().to_owned();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            let value = match name {
                "cookie" => {
                    self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
                }
                _ => value.trim().to_owned(),
            };
            headers.push((name.to_owned(), value));
        }
        let kind = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.clone());
        match kind {
            Some(kind) if kind.starts_with("multipart/") => body = body.replace('\n', "\r\n") + "\r\n",
            None if !body.is_empty() => headers.push(("content-type".into(), "application/json".into())),
            _ => {}
        }
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let answer = if target == "/cambios" {
            head_of(server, method, target)
        } else {
            server.send(method, target, &headers, body.as_bytes())
        };
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// The beginning of an answer without end.
fn head_of(server: &Server, method: &str, target: &str) -> Answer {
    use std::io::Write as _;
    let mut stream = server.connect();
    write!(stream, "{method} {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    let lines: Vec<String> = lines.collect();
    let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &String| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Answer { status, headers: lines[1..].iter().map(header).collect(), body: Vec::new() }
}

/// Whether the answer has what the page shows of it: of an object the members that are shown.
fn shows(shown: &Value, found: &Value) -> bool {
    match (shown, found) {
        (Value::Object(shown), Value::Object(found)) => {
            shown.iter().all(|(name, value)| found.get(name).is_some_and(|found| shows(value, found)))
        }
        (Value::Array(shown), Value::Array(found)) => {
            shown.len() == found.len() && shown.iter().zip(found).all(|(shown, found)| shows(shown, found))
        }
        _ => shown == found,
    }
}

/// What is wrong with an answer.
fn difference(shown: &str, answer: &Answer) -> Option<String> {
    let (head, body) = shown.split_once("\n\n").unwrap_or((shown, ""));
    let mut lines = head.trim().lines();
    let status = lines.next().unwrap().split(' ').next().unwrap();
    if status != answer.status.to_string() {
        return Some(format!("the status is {}", answer.status));
    }
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let found = answer.headers.iter().any(|(found, all)| found == name && all.contains(value.trim()));
        if !found {
            return Some(format!("there is no header {line}"));
        }
    }
    let text = answer.text();
    match serde_json::from_str::<Value>(body) {
        Ok(shown) => {
            let found = serde_json::from_str(&text).unwrap_or(Value::Null);
            (!shows(&shown, &found)).then(|| "the body is another".to_owned())
        }
        Err(_) => body.lines().map(str::trim).find(|line| !text.contains(line)).map(|line| format!("no {line:?}")),
    }
}

fn wrong(page: &str) -> Vec<String> {
    let text = fs::read_to_string(directory().join(page)).unwrap();
    let mut example = Example::new(page);
    let mut wrong = Vec::new();
    for block in blocks(&text) {
        let Block { line, language, mark, text } = block;
        match (language, mark) {
            ("http", None) => {
                let Some((request, shown)) = text.split_once("\nHTTP/1.1 ") else {
                    wrong.push(format!("{page}:{line}: a request without an answer"));
                    continue;
                };
                let answer = example.send(request);
                if let Some(problem) = difference(shown, &answer) {
                    wrong.push(format!("{page}:{line}: {problem}: {:?} {}", answer.headers, answer.text()));
                }
            }
            (_, Some("part")) => {}
            (_, Some(mark)) => example.write(mark, &text),
            (language, None) if FOR_PEOPLE.contains(&language) => {}
            (language, None) => wrong.push(format!("{page}:{line}: this block of {language:?} has no mark")),
        }
    }
    wrong
}

#[test]
fn the_examples_of_every_page_do_what_the_pages_say() {
    let mut pages: Vec<String> =
        fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    pages.retain(|page| page.ends_with(".md"));
    pages.sort();
    assert!(pages.len() > 5, "{pages:?}");
    let wrong: Vec<String> = pages.iter().flat_map(|page| wrong(page)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            assert!(link.contains("://") || directory().join(file).exists(), "{}: {link}", path.display());
        }
    }
}

#[test]
fn every_key_of_the_configuration_is_told() {
    let page = fs::read_to_string(directory().join("configuration.md")).unwrap();
    let told: Vec<&str> = page.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_').collect();
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config.rs")).unwrap();
    let keys = source.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(": "));
    let keys = keys.map(|(name, _)| name).filter(|name| !name.starts_with("fn "));
    let missing: Vec<_> = keys.filter(|name| !told.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Lists what the objects of an application have.
const NAMES: &str = r#"
const own = (object) => {
  const names = new Set();
  for (let at = object; at && at !== Object.prototype && at !== Function.prototype; at = Object.getPrototypeOf(at))
    Object.getOwnPropertyNames(at).forEach((name) => names.add(name));
  return [...names];
};
app.get('/names', (req, res) => {
  const table = db.table('apuntes');
  res.json([app, req, res, db, table, table.balance('saldo'), Decimal('1'), mail, users].flatMap(own));
});
"#;
/// What is the matter of the prelude alone.
const INSIDE: [&str; 9] = ["constructor", "length", "native", "stack", "done", "ask", "find_", "lazy", "valueOf"];

#[test]
fn every_name_that_an_application_may_use_is_told() {
    let schema = "[tables.apuntes.fields]\ncuenta = { type = \"text\", required = true }\n\
                  mes = { type = \"integer\", required = true }\n[tables.apuntes.balances.saldo]\n\
                  group = [\"cuenta\"]\norder = [\"mes\"]\namount = \"mes\"\n";
    let app = App::new(&[("schema.toml", schema), ("app.js", NAMES)]);
    let names = app.serve().get("/names").value();
    let text = |page: &str| fs::read_to_string(directory().join(page)).unwrap();
    let pages = ["data.md", "routes.md", "pages.md"].map(text).join(" ");
    let told: Vec<&str> = pages.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let names: Vec<&str> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(names.contains(&"resource") && names.contains(&"trial"), "{names:?}");
    let missing: Vec<_> =
        names.iter().filter(|name| name.len() > 2 && !INSIDE.contains(name) && !told.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
