//! Modules of the application: `import` and `require`, never outside of its directory.

use std::fs;
use std::path::{Component, Path, PathBuf};

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Exception, Module, Result};

/// The largest source file.
const SIZE: u64 = 4 << 20;
/// What `import` and `require` find without a file.
pub const BUILT_IN: [&str; 2] = ["express", "cirrus"];

/// Where modules are found: one directory.
#[derive(Clone, Debug)]
pub struct Modules {
    root: PathBuf,
}

impl Modules {
    /// Modules of the application in `directory`.
    pub fn new(directory: &Path) -> Self {
        Self { root: directory.canonicalize().unwrap_or_else(|_| directory.to_owned()) }
    }

    /// The name of a module, relative to the directory, as `specifier` means it in `base` (a name of the same kind).
    pub fn resolve(&self, base: &str, specifier: &str) -> std::result::Result<String, String> {
        if BUILT_IN.contains(&specifier) {
            return Ok(specifier.to_owned());
        }
        let start = if specifier.starts_with("./") || specifier.starts_with("../") {
            Path::new(base).parent().unwrap_or(Path::new("")).join(specifier)
        } else if let Some(absolute) = specifier.strip_prefix('/') {
            PathBuf::from(absolute)
        } else {
            return Err(format!(
                "there is no module \"{specifier}\": files begin with ./ or ../, packages of npm are not looked up"
            ));
        };
        let outside = || format!("\"{specifier}\" is outside of the application's directory");
        let text = normal(&start).map_err(|Outside| outside())?;
        let tries = [
            text.clone(),
            format!("{text}.js"),
            format!("{text}.mjs"),
            format!("{text}.json"),
            format!("{text}/index.js"),
        ];
        for name in tries {
            match self.inside(&name) {
                Ok(found) if found.is_file() => return Ok(name),
                Err(Outside) => return Err(outside()),
                Ok(_) => {}
            }
        }
        Err(format!("there is no file for \"{specifier}\" (looked for {text}, .js, .mjs, .json and {text}/index.js)"))
    }

    /// The text of a module by its name.
    pub fn read(&self, name: &str) -> std::result::Result<String, String> {
        let path = self.inside(name).map_err(|Outside| format!("{name} is outside of the application's directory"))?;
        let length = fs::metadata(&path).map_err(|error| format!("{name}: {error}"))?.len();
        if length > SIZE {
            return Err(format!("{name} is larger than {SIZE} bytes"));
        }
        fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))
    }

    /// The path of a name with all links followed; a link that leads out is refused.
    pub fn inside(&self, name: &str) -> std::result::Result<PathBuf, Outside> {
        let path = self.root.join(name);
        match path.canonicalize() {
            Ok(real) if real.starts_with(&self.root) => Ok(real),
            Ok(_) => Err(Outside),
            Err(_) => Ok(path),
        }
    }
}

/// A path without `.` and `..`, relative to the application's directory.
pub fn normal(path: &Path) -> std::result::Result<String, Outside> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir if normal.pop() => {}
            Component::CurDir => {}
            _ => return Err(Outside),
        }
    }
    Ok(normal.to_string_lossy().into_owned())
}

/// A path leads out of the directory.
#[derive(Debug)]
pub struct Outside;

/// Whether a source is an ES module: it imports, exports, or awaits at its top level.
pub fn is_module(name: &str, source: &str) -> bool {
    if name.ends_with(".mjs") {
        return true;
    }
    !name.ends_with(".cjs")
        && source.lines().any(|line| {
            let follows = |word: &str| {
                line.strip_prefix(word)
                    .and_then(|rest| rest.chars().next())
                    .is_some_and(|next| next.is_whitespace() || "{*\"'".contains(next))
            };
            follows("import")
                || follows("export")
                || (line.starts_with("await ") || line.contains("= await ") && !line.starts_with([' ', '\t']))
        })
}

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        Modules::resolve(self, base, name).map_err(|problem| Exception::throw_reference(ctx, &problem))
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        if BUILT_IN.contains(&name) {
            let source = "const e = globalThis.express; export default e; export { e as express }; \
                          export const Router = e.Router, app = globalThis.app, json = e.json, \
                          urlencoded = e.urlencoded, db = globalThis.db";
            return Module::declare(ctx.clone(), name, source);
        }
        let source = self.read(name).map_err(|problem| Exception::throw_reference(ctx, &problem))?;
        if name.ends_with(".json") {
            let value: serde_json::Value = serde_json::from_str(&source)
                .map_err(|problem| Exception::throw_syntax(ctx, &format!("{name}: {problem}")))?;
            return Module::declare(ctx.clone(), name, format!("export default {value};"));
        }
        if !is_module(name, &source) {
            // A CommonJS file: its exports are the default export.
            let name_text = serde_json::Value::from(format!("/{name}"));
            return Module::declare(ctx.clone(), name, format!("export default globalThis.require({name_text});"));
        }
        Module::declare(ctx.clone(), name, source)
    }
}

/// Turns a failure of ours into an exception.
pub fn raise(ctx: &Ctx<'_>, problem: &str) -> Error {
    Exception::throw_reference(ctx, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_from_scripts() {
        assert!(is_module("a.js", "import x from './y'\n"));
        assert!(is_module("a.js", "const a = 1;\nexport { a }"));
        assert!(is_module("a.js", "const a = await f()"));
        assert!(!is_module("a.js", "importante = 1; async () => {\n  const a = await f() }"));
    }

    #[test]
    fn nothing_outside_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("app");
        fs::create_dir_all(root.join("lib")).unwrap();
        fs::write(root.join("lib/a.js"), "").unwrap();
        fs::write(root.join("b.js"), "").unwrap();
        fs::write(directory.path().join("secret.js"), "").unwrap();
        std::os::unix::fs::symlink(directory.path().join("secret.js"), root.join("link.js")).unwrap();
        let modules = Modules::new(&root);
        assert_eq!(modules.resolve("app.js", "./lib/a").unwrap(), "lib/a.js");
        assert_eq!(modules.resolve("lib/a.js", "../b.js").unwrap(), "b.js");
        for bad in ["../secret.js", "./link.js", "/../secret.js", "./lib/../../secret.js"] {
            assert!(modules.resolve("app.js", bad).unwrap_err().contains("outside"), "{bad}");
        }
    }
}
