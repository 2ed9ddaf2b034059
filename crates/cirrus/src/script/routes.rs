//! The ordered list of what `app.js` declared: middleware, routes and native parts, and which of them a request
//! reaches. Patterns that are more than segments (regular expressions, `:a-:b`) are tested by JavaScript itself.

use http::Method;

use super::urls;

/// Everything but what a pattern says.
pub const ALL: u16 = u16::MAX;

/// The bit of a method; a method that nobody declares has none but is reached by `use` and `all`.
pub fn bit(method: &Method) -> u16 {
    match method.as_str() {
        "GET" => 1,
        "POST" => 2,
        "PUT" => 4,
        "PATCH" => 8,
        "DELETE" => 16,
        "HEAD" => 32,
        "OPTIONS" => 64,
        _ => 128,
    }
}

/// What a path must look like.
#[derive(Debug, Default)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// More may follow (`app.use`).
    prefix: bool,
}

#[derive(Debug)]
enum Segment {
    Literal(Box<str>),
    Param,
    Optional,
    Rest,
}

impl Pattern {
    /// Reads `/users/:id?`, `/files/*`. With `prefix`, longer paths match too.
    pub fn new(path: &str, prefix: bool) -> Self {
        let segments = pieces(path)
            .map(|piece| match piece {
                _ if piece.starts_with('*') => Segment::Rest,
                _ if piece.starts_with(':') && piece.ends_with('?') => Segment::Optional,
                _ if piece.starts_with(':') => Segment::Param,
                _ => Segment::Literal(piece.into()),
            })
            .collect();
        Self { segments, prefix }
    }

    /// Whether `path` (still percent-encoded) fits; its parameters, decoded, go to `params`.
    fn fits(&self, path: &str, params: &mut Vec<Option<String>>) -> bool {
        params.clear();
        let mut rest = pieces(path);
        for segment in &self.segments {
            if let Segment::Rest = segment {
                let remaining: Vec<_> = rest.map(urls::decode).collect();
                params.push(Some(remaining.join("/")));
                return true;
            }
            match (segment, rest.next()) {
                (Segment::Literal(text), Some(piece)) if same(text, piece) => {}
                (Segment::Param | Segment::Optional, Some(piece)) if !piece.is_empty() => {
                    params.push(Some(urls::decode(piece).into_owned()));
                }
                (Segment::Optional, None) => params.push(None),
                _ => return false,
            }
        }
        self.prefix || rest.next().is_none()
    }
}

/// The segments of a path, without regard to a slash at its end.
fn pieces(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let none = path.is_empty();
    path.split('/').filter(move |_| !none)
}

fn same(literal: &str, piece: &str) -> bool {
    literal.eq_ignore_ascii_case(piece) || (piece.contains('%') && urls::decode(piece).eq_ignore_ascii_case(literal))
}

/// One entry of the list.
#[derive(Debug)]
pub struct Layer {
    /// Bits of the methods that reach it.
    pub methods: u16,
    /// The paths that reach it.
    pub pattern: Pattern,
    /// The native declaration it stands for; JavaScript otherwise.
    pub native: Option<usize>,
    /// Only an error reaches it.
    pub for_errors: bool,
}

/// The list, in the order of declaration.
#[derive(Debug, Default)]
pub struct Layers(pub Vec<Layer>);

impl Layers {
    /// The first layer at or after `from` that this request reaches, and the parameters of its path.
    pub fn next(
        &self,
        method: u16,
        path: &str,
        from: usize,
        errors: bool,
        params: &mut Vec<Option<String>>,
    ) -> Option<usize> {
        let method = if method == 32 { 32 | 1 } else { method };
        (from..self.0.len()).find(|at| {
            let layer = &self.0[*at];
            layer.for_errors == errors && layer.methods & method != 0 && layer.pattern.fits(path, params)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, prefix: bool, path: &str) -> Option<Vec<Option<String>>> {
        let mut params = Vec::new();
        Pattern::new(pattern, prefix).fits(path, &mut params).then_some(params)
    }

    #[test]
    fn patterns_fit_paths() {
        assert_eq!(fits("/tareas", false, "/Tareas/"), Some(vec![]));
        assert_eq!(fits("/tareas", false, "/tareas/1"), None);
        assert_eq!(fits("/tareas", true, "/tareas/1"), Some(vec![]));
        assert_eq!(fits("/tareas", true, "/tareas1"), None);
        assert_eq!(fits("/", true, "/x/y"), Some(vec![]));
        assert_eq!(fits("/", false, "/"), Some(vec![]));
        assert_eq!(fits("/", false, "/x"), None);
        assert_eq!(fits("/u/:id", false, "/u/a%20b%2Fc"), Some(vec![Some("a b/c".into())]));
        assert_eq!(fits("/u/:id", false, "/u//"), None);
        assert_eq!(fits("/u/:id?", false, "/u"), Some(vec![None]));
        assert_eq!(fits("/f/*", false, "/f/a/b.txt"), Some(vec![Some("a/b.txt".into())]));
        assert_eq!(fits("/año", false, "/a%C3%B1o"), Some(vec![]));
    }
}
