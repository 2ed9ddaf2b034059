//! A real browser: Chromium without a window, by chromedriver. WebDriver is JSON over HTTP, so this little is all it
//! takes.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// What a loaded machine may take for anything at all.
const PATIENCE: Duration = Duration::from_secs(90);
/// What WebDriver calls a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A window's size in CSS pixels, with a name for its pictures.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// What its pictures are called.
    pub name: &'static str,
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
}

/// A phone held upright.
pub const PHONE: Size = Size { name: "phone", width: 390, height: 844 };
/// A small laptop.
pub const DESKTOP: Size = Size { name: "desktop", width: 1280, height: 800 };

/// A browser with a profile of its own; it ends with the value.
pub struct Chromium {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// `language` is what the browser asks pages for.
    pub fn new(language: &str, size: Size) -> Self {
        Self::with(language, size, &[])
    }

    /// One to which an address such as `http://portal.example:8080` is on this machine and as safe as with HTTPS.
    pub fn trusting(language: &str, size: Size, origin: &str) -> Self {
        let host = origin.split("://").nth(1).and_then(|rest| rest.split(':').next()).expect("an address has a host");
        let name = format!("--host-resolver-rules=MAP {host} 127.0.0.1");
        Self::with(language, size, &[&name, &format!("--unsafely-treat-insecure-origin-as-secure={origin}")])
    }

    /// One to which every host name is on this machine, and every certificate in order.
    pub fn believing(language: &str, size: Size) -> Self {
        Self::with(language, size, &["--host-resolver-rules=MAP * 127.0.0.1", "--ignore-certificate-errors"])
    }

    fn with(language: &str, size: Size, more: &[&str]) -> Self {
        let spawned = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = spawned.unwrap_or_else(|error| {
            panic!("chromedriver: {error}. It is in the Debian package chromium-driver: scripts/need test")
        });
        let said = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut ports =
            said.filter_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        let port = ports.next().expect("chromedriver says its port");
        // What it says further has to go somewhere.
        std::thread::spawn(move || ports.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        browser.session = browser.begin(language, more);
        browser.resize(size);
        browser
    }

    fn begin(&self, language: &str, more: &[&str]) -> String {
        let profile = format!("--user-data-dir={}", self._profile.path().display());
        // Root may not have Chromium's own sandbox, and machines of tests have a small /dev/shm.
        let args = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", &profile];
        let args = [&args, more].concat();
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": args, "prefs": { "intl.accept_languages": language } },
        } } });
        let answer = self.request("POST", "/session", &capabilities);
        let answer = answer.unwrap_or_else(|error| panic!("{error} (Debian package chromium: scripts/need test)"));
        answer["sessionId"].as_str().expect("a session has a name").to_owned()
    }

    /// One request of WebDriver; an error is what it says.
    fn request(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).map_err(|error| error.to_string())?;
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).map_err(|error| format!("no answer from chromedriver: {error}"))?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let value = answer["value"].clone();
        match value.get("error") {
            Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
            None => Ok(value),
        }
    }

    fn post(&self, path: &str, body: Value) -> Result<Value, String> {
        self.request("POST", &format!("/session/{}{path}", self.session), &body)
    }

    /// A command of the DevTools protocol.
    pub fn devtools(&self, command: &str, params: Value) -> Value {
        let answer = self.post("/goog/cdp/execute", json!({ "cmd": command, "params": params }));
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Makes the window as large as that; a phone's also has touch.
    pub fn resize(&self, Size { name, width, height }: Size) {
        let mobile = name == PHONE.name;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
        self.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": mobile }));
    }

    /// As a person sees it who told the system to be `dark` or `light`.
    pub fn colours(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// What pages are told about the network; requests fail too.
    pub fn offline(&self, offline: bool) {
        let all = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.devtools("Network.enable", json!({}));
        self.devtools("Network.emulateNetworkConditions", all);
    }

    /// Opens a page and waits until all of it is loaded.
    pub fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// What a function's body returns, awaited where it is a promise; arguments are `arguments`.
    pub fn js(&self, body: &str, args: &[Value]) -> Value {
        self.try_js(body, args).unwrap_or_else(|error| panic!("{error}\nin: {body}"))
    }

    fn try_js(&self, body: &str, args: &[Value]) -> Result<Value, String> {
        self.post("/execute/sync", json!({ "script": body, "args": args }))
    }

    /// Waits until an expression is true. One that throws is not true yet: pages come and go.
    pub fn until(&self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        let mut last = Ok(Value::Null);
        while Instant::now() < until {
            last = self.try_js(&format!("return !!({expression})"), &[]);
            if last == Ok(Value::Bool(true)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let page = self.try_js("return location.href + '\\n' + document.body.innerText", &[]);
        let picture = self.picture("failed");
        panic!(
            "never true: {expression}\nlast: {last:?}\npage: {page:?}\nconsole: {:?}\nsee {picture:?}",
            self.console()
        );
    }

    /// Waits until the page says this somewhere that a person sees.
    pub fn until_said(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text)));
    }

    fn find(&self, selector: &str) -> String {
        self.until(&format!("document.querySelector({})", json!(selector)));
        let found = self.post("/element", json!({ "using": "css selector", "value": selector }));
        let found = found.unwrap_or_else(|error| panic!("{selector}: {error}"));
        found[ELEMENT].as_str().expect("a reference").to_owned()
    }

    /// Clicks where a person would; something that covers it is an error.
    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        let clicked = self.post(&format!("/element/{element}/click"), json!({}));
        clicked.unwrap_or_else(|error| panic!("{selector}: {error}\nsee {:?}", self.picture("failed")));
    }

    /// Clicks what leads to another page, and waits for that page: this one is marked and the other is not.
    pub fn follow(&self, selector: &str) {
        self.js("window.former = true", &[]);
        self.click(selector);
        self.until("!window.former && document.readyState === 'complete'");
    }

    /// Replaces what a field holds by typing.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        let done = self.post(&format!("/element/{element}/clear"), json!({}));
        done.and_then(|_| self.post(&format!("/element/{element}/value"), json!({ "text": text })))
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Gives a field for files one of them.
    pub fn choose(&self, selector: &str, file: &std::path::Path) {
        let element = self.find(selector);
        let done = self.post(&format!("/element/{element}/value"), json!({ "text": file.display().to_string() }));
        done.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Gives a field of a kind that has a picker (dates) or an option its value, as if it had been picked.
    pub fn pick(&self, selector: &str, value: &str) {
        self.find(selector);
        let body = "const field = document.querySelector(arguments[0]); field.value = arguments[1];
            for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }));
            return field.value";
        assert_eq!(self.js(body, &[json!(selector), json!(value)]), value, "{selector}");
    }

    /// Puts text where the cursor is, at once, as an input method does.
    pub fn insert(&self, text: &str) {
        self.devtools("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key with Control.
    pub fn control(&self, key: char) {
        let code = key.to_ascii_uppercase();
        let (code, number) = (format!("Key{code}"), code as u32);
        let event = |kind: &str| json!({ "type": kind, "modifiers": 2, "key": key, "code": code, "windowsVirtualKeyCode": number });
        self.devtools("Input.dispatchKeyEvent", event("rawKeyDown"));
        self.devtools("Input.dispatchKeyEvent", event("keyUp"));
    }

    /// Answers the question of `confirm()`.
    pub fn accept(&self) {
        self.post("/alert/accept", json!({})).expect("the page asks");
    }

    /// What the console has said since it was last asked: errors and warnings of scripts, of files that are missing and
    /// of what the page's own policy forbids.
    pub fn console(&self) -> Vec<String> {
        let said = self.post("/se/log", json!({ "type": "browser" })).unwrap();
        let bad = |entry: &&Value| ["SEVERE", "WARNING"].contains(&entry["level"].as_str().unwrap_or_default());
        said.as_array().unwrap().iter().filter(bad).map(|entry| entry["message"].to_string()).collect()
    }

    /// Presses a key that writes nothing, such as `Tab`, `Enter`, `Escape`; `shift` held down or not.
    pub fn key(&self, key: &str, shift: bool) {
        let (number, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            " " => (32, " "),
            other => panic!("{other}: give its number here"),
        };
        let event = |kind: &str| {
            let modifiers = if shift { 8 } else { 0 };
            json!({ "type": kind, "modifiers": modifiers, "key": key, "code": key, "text": text,
                "windowsVirtualKeyCode": number })
        };
        self.devtools("Input.dispatchKeyEvent", event(if text.is_empty() { "rawKeyDown" } else { "keyDown" }));
        self.devtools("Input.dispatchKeyEvent", event("keyUp"));
    }

    /// What axe finds wrong for people with disabilities, one line each: rule, element, why.
    pub fn axe(&self) -> Vec<String> {
        let script = crate::build_dir().parent().expect("target/<profile> has a parent").join("axe/axe.min.js");
        let script = fs::read_to_string(&script)
            .unwrap_or_else(|error| panic!("{}: {error}; scripts/need test fetches it with npm", script.display()));
        self.js(&format!("{script}; window.axe = axe;"), &[]);
        let run =
            "const options = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
            const { violations } = await axe.run(document, options);
            return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
                `${id}: ${target.join(' ')}: ${failureSummary}`));";
        let found = self.js(&format!("return (async () => {{ {run} }})()"), &[]);
        found.as_array().expect("a list").iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Takes a picture of the whole page, for people to look at.
    pub fn picture(&self, name: &str) -> PathBuf {
        use base64::Engine as _;
        let answer = self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let bytes = base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().unwrap()).unwrap();
        let directory = crate::build_dir().parent().expect("target/<profile> has a parent").join("tmp/pages");
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join(format!("{name}.png"));
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.request("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
