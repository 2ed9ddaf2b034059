//! What people write, as markup that can do nothing but be read: Markdown without raw HTML, whose links lead to the web or
//! to where the caller says, and whose pictures are those that the caller shows.

use std::collections::HashMap;

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

use super::design::escaped;

/// What leads somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A link.
    Link,
    /// A picture that is shown.
    Picture,
}

/// How a text is shown.
pub struct Style<F> {
    /// How much smaller a heading is than what was written: within a page that has a title, `#` is no title.
    pub headings: u8,
    /// Whether a line ends where its writer ended it, as in a letter.
    pub lines: bool,
    /// Where a link or a picture really leads; what leads nowhere is shown as text.
    pub resolve: F,
}

/// What somebody wrote to somebody: a letter, an answer. Pictures of elsewhere are links, so that nobody learns who reads.
pub fn letter(text: &str) -> String {
    let resolve = |target, to: &str| (target == Target::Link).then(|| web(to)).flatten();
    render(text, Style { headings: 2, lines: true, resolve })
}

/// A page of documentation, whose headings can be led to: `pages` and `images` are where the other pages of the same
/// documentation and its pictures are, without a slash at the end.
pub fn document(text: &str, pages: &str, images: &str) -> String {
    let resolve = |target, to: &str| match target {
        Target::Picture => picture_name(to).map(|name| format!("{images}/{name}")),
        Target::Link => web(to).or_else(|| match to.strip_prefix('#') {
            Some(fragment) => Some(format!("#{}", anchor(fragment))),
            None => page_name(to).map(|(name, fragment)| {
                let fragment = fragment.map(|one| format!("#{}", anchor(one))).unwrap_or_default();
                format!("{pages}/{name}{fragment}")
            }),
        }),
    };
    let mut all = events(text, Style { headings: 1, lines: false, resolve });
    name_headings(&mut all);
    html_of(all)
}

/// An address of the web or of mail.
pub fn web(to: &str) -> Option<String> {
    let scheme = to.split_once(':')?.0.to_ascii_lowercase();
    let fine = matches!(scheme.as_str(), "http" | "https" | "mailto") && !to.contains(|c: char| c.is_control());
    fine.then(|| to.to_owned())
}

/// The text as markup.
pub fn render<F: Fn(Target, &str) -> Option<String>>(text: &str, style: Style<F>) -> String {
    html_of(events(text, style))
}

fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS)
}

fn events<F: Fn(Target, &str) -> Option<String>>(text: &str, style: Style<F>) -> Vec<Event<'_>> {
    let mut writer = Writer { style, open: Vec::new(), code: false };
    let mut events = Vec::new();
    for event in parser(text) {
        writer.take(event, &mut events);
    }
    events
}

fn html_of(events: Vec<Event<'_>>) -> String {
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    out
}

/// The words of a text, for a search.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for event in parser(text) {
        match event {
            Event::Text(words) | Event::Code(words) => out.push_str(&words),
            Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::TableCell) => out.push(' '),
            Event::End(
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock | TagEnd::TableRow,
            ) => {
                out.push('\n');
            }
            _ => {}
        }
    }
    out
}

struct Writer<F> {
    style: Style<F>,
    /// The links and pictures that are open.
    open: Vec<Open>,
    /// Within code nothing is a link.
    code: bool,
}

/// As what a link or a picture is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Link,
    Picture,
}

impl<F: Fn(Target, &str) -> Option<String>> Writer<F> {
    fn take<'a>(&mut self, event: Event<'a>, out: &mut Vec<Event<'a>>) {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => out.push(Event::Text(text)),
            Event::SoftBreak if self.style.lines => out.push(Event::HardBreak),
            Event::Start(Tag::Heading { level, .. }) => {
                let level = smaller(level, self.style.headings);
                out.push(Event::Start(Tag::Heading { level, id: None, classes: Vec::new(), attrs: Vec::new() }));
            }
            Event::End(TagEnd::Heading(level)) => {
                out.push(Event::End(TagEnd::Heading(smaller(level, self.style.headings))));
            }
            Event::Start(Tag::Link { dest_url, link_type, .. }) => {
                let mail = link_type == LinkType::Email;
                let to = if mail { format!("mailto:{dest_url}") } else { dest_url.to_string() };
                self.open_link(&to, out);
            }
            Event::Start(Tag::Image { dest_url, link_type, title, id }) => {
                match (self.style.resolve)(Target::Picture, &dest_url) {
                    Some(to) => {
                        self.open.push(Open::Picture);
                        out.push(Event::Start(Tag::Image { link_type, dest_url: to.into(), title, id }));
                    }
                    None => self.open_link(&dest_url, out),
                }
            }
            Event::End(TagEnd::Link | TagEnd::Image) => self.close(out),
            // A field that nobody can name or change is none.
            Event::TaskListMarker(done) => out.push(Event::Text(if done { "☑ " } else { "☐ " }.into())),
            Event::Start(Tag::CodeBlock(kind)) => {
                self.code = true;
                out.push(Event::Start(Tag::CodeBlock(kind)));
            }
            Event::End(TagEnd::CodeBlock) => {
                self.code = false;
                out.push(Event::End(TagEnd::CodeBlock));
            }
            Event::Text(text) if !self.code && self.open.is_empty() && text.contains("://") => {
                self.find_links(&text, out)
            }
            other => out.push(other),
        }
    }

    fn open_link(&mut self, to: &str, out: &mut Vec<Event<'_>>) {
        // A link within another or within a picture is none.
        let within = self.open.iter().any(|one| *one != Open::Text);
        let to = if within { None } else { (self.style.resolve)(Target::Link, to) };
        self.open.push(if to.is_some() { Open::Link } else { Open::Text });
        if let Some(to) = to {
            let foreign = if to.contains("://") { " rel=\"nofollow noopener noreferrer\"" } else { "" };
            out.push(Event::InlineHtml(format!("<a href=\"{}\"{foreign}>", escaped(&to)).into()));
        }
    }

    fn close(&mut self, out: &mut Vec<Event<'_>>) {
        match self.open.pop() {
            Some(Open::Link) => out.push(Event::InlineHtml(CowStr::Borrowed("</a>"))),
            Some(Open::Picture) => out.push(Event::End(TagEnd::Image)),
            Some(Open::Text) | None => {}
        }
    }

    /// Addresses that somebody wrote as they are.
    fn find_links<'a>(&mut self, text: &str, out: &mut Vec<Event<'a>>) {
        for word in text.split_inclusive(char::is_whitespace) {
            let begin = ["https://", "http://"].into_iter().find_map(|scheme| word.find(scheme));
            let Some(begin) = begin else {
                out.push(Event::Text(word.to_owned().into()));
                continue;
            };
            let (before, rest) = word.split_at(begin);
            let address = rest.trim_end_matches(|c: char| c.is_whitespace() || ".,;:!?)]}>\"'*_".contains(c));
            out.push(Event::Text(before.to_owned().into()));
            self.open_link(address, out);
            out.push(Event::Text(address.to_owned().into()));
            self.close(out);
            out.push(Event::Text(rest[address.len()..].to_owned().into()));
        }
    }
}

fn smaller(level: HeadingLevel, by: u8) -> HeadingLevel {
    let level = (level as usize + usize::from(by)).min(6);
    HeadingLevel::try_from(level).unwrap_or(HeadingLevel::H6)
}

/// Gives each heading an id of its own.
fn name_headings(all: &mut [Event<'_>]) {
    let mut seen = HashMap::new();
    let starts: Vec<usize> =
        (0..all.len()).filter(|at| matches!(all[*at], Event::Start(Tag::Heading { .. }))).collect();
    for start in starts {
        let end = all[start..].iter().position(|event| matches!(event, Event::End(TagEnd::Heading(_))));
        let name = unique(&mut seen, anchor(&words_of(&all[start..start + end.unwrap_or(0)])));
        if let Event::Start(Tag::Heading { id, .. }) = &mut all[start] {
            *id = Some(name.into());
        }
    }
}

fn words_of(events: &[Event<'_>]) -> String {
    let words = events.iter().filter_map(|event| match event {
        Event::Text(words) | Event::Code(words) => Some(words.as_ref()),
        Event::SoftBreak | Event::HardBreak => Some(" "),
        _ => None,
    });
    words.collect()
}

fn anchor(words: &str) -> String {
    let mut id = String::with_capacity(words.len());
    for c in words.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            id.push(c);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    // Beside the ids of the page itself.
    format!("s-{}", id.trim_end_matches('-'))
}

fn unique(seen: &mut HashMap<String, u32>, id: String) -> String {
    let count = seen.entry(id.clone()).or_default();
    *count += 1;
    if *count == 1 { id } else { format!("{id}-{count}") }
}

/// The page that a relative link means: `../guide/Install.md#first` is `install`. An address of another kind is none.
fn page_name(to: &str) -> Option<(String, Option<&str>)> {
    let (path, fragment) = to.split_once('#').map_or((to, None), |(path, fragment)| (path, Some(fragment)));
    let mut parts = path.split('/').rev().filter(|part| !matches!(*part, "." | ".."));
    let last = parts.next()?;
    let name = last.strip_suffix(".md").unwrap_or(last);
    let name = if matches!(name, "index" | "README") { parts.next().unwrap_or("index") } else { name };
    // Numbers only order the files of a directory.
    let unnumbered = name.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['-', '_']);
    let name = unnumbered.filter(|_| name.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(name);
    let fine = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    fine.then(|| (name.to_ascii_lowercase().replace('_', "-"), fragment))
}

/// The picture that a relative link means: `../images/a.png` is `a.png`.
fn picture_name(to: &str) -> Option<&str> {
    let name = to.rsplit('/').next().filter(|name| !name.is_empty())?;
    let fine = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (fine && !to.contains(':') && !to.starts_with("//")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_somebody_writes_is_markup_of_theirs() {
        for bad in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<a href=\"javascript:alert(1)\">x</a>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
            "[x](vbscript:x)",
            "<javascript:alert(1)>",
            "![x](javascript:alert(1))",
            "![x](\"onerror=alert(1))",
            "[x](https://a.example/\"onclick=\"alert(1))",
            "https://a.example/\"onclick=\"alert(1)",
            "[x]: javascript:alert(1)\n\n[x]",
            "`<b>`\n\n```\n<script>\n```\n",
            "<!-- x --><style>*{}</style>",
        ] {
            let html = letter(bad);
            for tag in html.split('<').skip(1) {
                let tag = tag.split('>').next().unwrap().to_lowercase();
                for sign in ["script", "img", "style", "!--", "onclick=\"", "onerror=", "href=\"data", "href=\"vb"] {
                    assert!(!tag.contains(sign), "{bad}: {html}");
                }
            }
        }
    }

    #[test]
    fn a_letter_is_shown_as_it_was_meant() {
        assert_eq!(letter("a\nb"), "<p>a<br />\nb</p>\n");
        assert_eq!(letter("# Head"), "<h3>Head</h3>\n");
        let link = "<p>see <a href=\"https://a.example/x?y=1&amp;z=2\" rel=\"nofollow noopener noreferrer\">\
                    https://a.example/x?y=1&amp;z=2</a>.</p>\n";
        assert_eq!(letter("see https://a.example/x?y=1&z=2."), link);
        assert!(letter("`https://a.example`").contains("<code>https://a.example</code>"));
        let picture = letter("![a face](https://a.example/face.png)");
        assert!(
            picture.contains("<a href=\"https://a.example/face.png\"") && picture.contains("a face</a>"),
            "{picture}"
        );
        assert!(letter("mail <me@a.example>").contains("<a href=\"mailto:me@a.example\">me@a.example</a>"));
        assert_eq!(letter("[x](/somewhere)"), "<p>x</p>\n");
        assert!(letter("[![x](https://a.example/x.png)](https://b.example)").matches("<a ").count() == 1);
        assert!(letter("a | b\n--|--\n1 | 2\n").contains("<td>2</td>"));
    }

    #[test]
    fn links_and_pictures_of_documentation_are_those_of_its_place() {
        let html = |text: &str| document(text, "/d", "/i");
        for (link, to) in [
            ("install", "/d/install"),
            ("../guide/First_steps.md#The end", "/d/first-steps#s-the-end"),
            ("guide/index.md", "/d/guide"),
            ("../index.md", "/d/index"),
            ("03-more.md", "/d/more"),
            ("#Año nuevo", "#s-año-nuevo"),
            ("mailto:a@b.example", "mailto:a@b.example"),
            ("https://a.example/?q=1", "https://a.example/?q=1"),
        ] {
            let html = html(&format!("[x](<{link}>)"));
            assert!(html.contains(&format!("<a href=\"{to}\"")), "{link}: {html}");
        }
        for nowhere in ["/p/acme/tokens?x", "a b.md", "javascript:alert(1)", "//evil.example/a?b"] {
            assert_eq!(html(&format!("[x](<{nowhere}>)")), "<p>x</p>\n", "{nowhere}");
        }
        assert!(html("![A](images/a1.png)").contains("<img src=\"/i/a1.png\" alt=\"A\""));
        assert!(html("![q](https://x.example/q.png)").contains("<a href=\"https://x.example/q.png\""));
        assert!(!html("![q](//x.example/q.png)").contains("<img"));
    }

    #[test]
    fn headings_stand_below_the_title_and_can_be_led_to() {
        let html = document("# Año *nuevo*\n\n## Año nuevo\n\n### `x`", "/d", "/i");
        for heading in ["<h2 id=\"s-año-nuevo\">", "<h3 id=\"s-año-nuevo-2\">", "<h4 id=\"s-x\">"] {
            assert!(html.contains(heading), "{html}");
        }
    }

    #[test]
    fn words_are_found_without_marks() {
        let words: String = plain("# A *b*\n\n`c` [d](x)\ne\n\n|f|g|\n|-|-|\n|h|i|").split_whitespace().collect();
        assert_eq!(words, "Abcdefghi");
    }

    #[test]
    fn what_is_deeply_nested_does_not_end_the_program() {
        for text in ["> ".repeat(5_000), "[".repeat(9_000), "- ".repeat(4_000), "*".repeat(9_999), "![".repeat(4_000)] {
            assert!(letter(&text).len() < 2_000_000);
        }
    }
}
