//! What people write, as markup that can do nothing but be read: Markdown without raw HTML, whose links lead to the web or
//! to where the caller says, and whose pictures are those that the caller shows.

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

/// An address of the web or of mail.
pub fn web(to: &str) -> Option<String> {
    let scheme = to.split_once(':')?.0.to_ascii_lowercase();
    let fine = matches!(scheme.as_str(), "http" | "https" | "mailto") && !to.contains(|c: char| c.is_control());
    fine.then(|| to.to_owned())
}

/// The text as markup.
pub fn render<F: Fn(Target, &str) -> Option<String>>(text: &str, style: Style<F>) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer { style, open: Vec::new(), code: false };
    let mut events = Vec::new();
    for event in Parser::new_ext(text, options) {
        writer.take(event, &mut events);
    }
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, events.into_iter());
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
    fn whoever_shows_documentation_says_where_its_links_and_pictures_are() {
        let resolve = |target, to: &str| match target {
            Target::Picture => (!to.contains("://")).then(|| format!("/pictures/{to}")),
            Target::Link => web(to).or_else(|| Some(format!("/docs/{to}"))),
        };
        let html =
            render("[a](b) ![p](p.png) ![q](https://x.example/q)\nc", Style { headings: 1, lines: false, resolve });
        assert!(html.contains("<a href=\"/docs/b\">a</a>"), "{html}");
        assert!(html.contains("<img src=\"/pictures/p.png\" alt=\"p\" />"), "{html}");
        assert!(html.contains("<a href=\"https://x.example/q\"") && !html.contains("<br"), "{html}");
    }

    #[test]
    fn what_is_deeply_nested_does_not_end_the_program() {
        for text in ["> ".repeat(5_000), "[".repeat(9_000), "- ".repeat(4_000), "*".repeat(9_999), "![".repeat(4_000)] {
            assert!(letter(&text).len() < 2_000_000);
        }
    }
}
