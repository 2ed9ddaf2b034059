//! A letter that came in (RFC 5322), read without trusting anything about it: who sent it to which addresses, what they
//! wrote above what they quote, and the files that came with it. How much there may be of anything is limited.

use mail_parser::{Address, HeaderValue, MessageParser, MimeHeaders};

/// Most bytes of a letter.
pub const LETTER_BYTES: usize = 15 << 20;

/// Most parts of a letter; each begins with a header that says what it is.
const PARTS: usize = 200;

/// Most addresses of a letter that are looked at.
const ADDRESSES: usize = 100;

/// Most letters that a letter says that it answers.
const ANSWERS: usize = 20;

/// Stack of the thread that reads: what is nested comes back by as many calls.
const STACK: usize = 64 << 20;

/// What is above it in an answer is the answer; letters of tickets begin with a line that has it.
pub const MARK: &str = "##- ";

/// A letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// Its sender's address, in lower case.
    pub from: String,
    /// To whom it is, as far as it says so itself, in lower case.
    pub to: Vec<String>,
    /// Its id, with the angle brackets.
    pub id: Option<String>,
    /// The ids of the letters that it answers.
    pub answers: Vec<String>,
    /// What it is about.
    pub subject: String,
    /// What was written, without what was quoted.
    pub text: String,
    /// The files that came with it: name and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// How it shows that a machine sent it.
    pub automatic: Option<&'static str>,
}

/// Why a letter cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is too large.
    #[error("it has more than {LETTER_BYTES} bytes")]
    TooLarge,
    /// It has too many parts.
    #[error("it has more than {PARTS} parts")]
    TooManyParts,
    /// It is no letter.
    #[error("it is no letter with a sender")]
    NoLetter,
}

/// Reads a letter, on a thread of its own.
pub async fn read(raw: Vec<u8>) -> Result<Letter, Unreadable> {
    if raw.len() > LETTER_BYTES {
        return Err(Unreadable::TooLarge);
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let reader = std::thread::Builder::new().name("letter".into()).stack_size(STACK);
    // Nobody waits any more if the receiver is gone.
    let begun = reader.spawn(move || drop(sender.send(parse(raw))));
    begun.map_err(|_| Unreadable::NoLetter)?;
    receiver.await.unwrap_or(Err(Unreadable::NoLetter))
}

fn parse(mut raw: Vec<u8>) -> Result<Letter, Unreadable> {
    if disarm(&mut raw) > PARTS {
        return Err(Unreadable::TooManyParts);
    }
    let message = MessageParser::default().parse(&raw).ok_or(Unreadable::NoLetter)?;
    let from = message.from().and_then(only_address).ok_or(Unreadable::NoLetter)?;
    let mut to: Vec<String> = [message.to(), message.cc()].into_iter().flatten().flat_map(addresses).collect();
    for name in ["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"] {
        let values = message.headers_raw().filter(|(one, _)| one.eq_ignore_ascii_case(name));
        to.extend(values.map(|(_, value)| value.trim().trim_matches(['<', '>']).to_lowercase()));
    }
    to.truncate(ADDRESSES);
    let bodies = message.text_bodies().count();
    let text: Vec<String> = (0..bodies).filter_map(|at| message.body_text(at)).map(|text| text.into_owned()).collect();
    let files = message.attachments().map(|part| {
        let name = part.attachment_name().map_or_else(|| usual_name(part.content_type()), str::to_owned);
        (name, part.contents().to_vec())
    });
    let header = |name: &str| {
        let mut found = message.headers_raw().filter(|(one, _)| one.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim().to_lowercase())
    };
    Ok(Letter {
        id: message.message_id().map(bracketed),
        answers: [message.in_reply_to(), message.references()].into_iter().flat_map(ids).take(ANSWERS).collect(),
        subject: message.subject().unwrap_or("").chars().take(500).collect(),
        from,
        to,
        text: unquoted(&text.join("\n")),
        files: files.collect(),
        automatic: automatic(header),
    })
}

/// An id of a letter, which may have any length.
fn bracketed(id: &str) -> String {
    format!("<{}>", id.chars().take(250).collect::<String>())
}

fn ids(header: &HeaderValue<'_>) -> Vec<String> {
    match header {
        HeaderValue::Text(id) => vec![bracketed(id)],
        HeaderValue::TextList(all) => all.iter().rev().map(|id| bracketed(id)).collect(),
        _ => Vec::new(),
    }
}

/// Takes from a letter what would be read as a letter within it: it is a file like any other, and nothing nests. How many
/// parts it has at most.
fn disarm(raw: &mut [u8]) -> usize {
    const NAME: &[u8] = b"content-type";
    let (mut parts, mut at) = (0, 0);
    while at < raw.len() {
        let mut end = line_end(raw, at);
        if raw[at..end].get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
            parts += 1;
            // The lines that go on with it.
            while raw.get(end).is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
                end = line_end(raw, end);
            }
            let value = &mut raw[at + NAME.len()..end];
            let kind = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
            for word in [b"message".as_slice(), b"digest"] {
                for start in 0..kind.saturating_sub(word.len() - 1) {
                    if value[start..start + word.len()].eq_ignore_ascii_case(word) {
                        value[start] = b'x';
                    }
                }
            }
            // A comment could hide where the kind ends.
            value.iter_mut().filter(|byte| **byte == b'(').for_each(|byte| *byte = b'x');
        }
        at = end;
    }
    parts
}

/// Where the line ends that `from` is in, its end included.
fn line_end(raw: &[u8], from: usize) -> usize {
    raw[from..].iter().position(|byte| *byte == b'\n').map_or(raw.len(), |length| from + length + 1)
}

fn addresses(all: &Address<'_>) -> Vec<String> {
    all.iter().take(ADDRESSES).filter_map(|one| one.address()).map(str::to_lowercase).collect()
}

/// Who has several senders has none.
fn only_address(all: &Address<'_>) -> Option<String> {
    let mut all = addresses(all).into_iter();
    all.next().filter(|_| all.next().is_none())
}

fn usual_name(kind: Option<&mail_parser::ContentType<'_>>) -> String {
    let name = kind.map_or("", |kind| kind.subtype().unwrap_or(""));
    match name {
        "jpeg" | "png" | "gif" | "pdf" | "html" | "plain" => format!("file.{name}"),
        _ => "file".into(),
    }
}

/// How a letter shows that a machine sent it, which nobody must answer (RFC 3834).
fn automatic(header: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    let is = |name: &str, test: fn(&str) -> bool| header(name).is_some_and(|value| test(&value));
    if is("Auto-Submitted", |value| !value.starts_with("no")) {
        return Some("it was sent by a machine (Auto-Submitted)");
    }
    let bulk = ["bulk", "list", "junk", "auto_reply"];
    if header("Precedence").is_some_and(|value| bulk.contains(&value.as_str())) {
        return Some("it was sent to many (Precedence)");
    }
    if is("Return-Path", |value| value == "<>") || is("Content-Type", |value| value.starts_with("multipart/report")) {
        return Some("it tells of a letter that did not arrive");
    }
    let signs =
        ["List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "Feedback-Id"];
    signs.iter().any(|name| header(name).is_some()).then_some("it was sent by a machine or to many")
}

/// What somebody wrote, without the letter that they answer.
pub fn unquoted(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.iter().position(|line| begins_quote(line)).unwrap_or(lines.len());
    let mut kept = &lines[..end];
    // What only quotes at the end, and the line that says whom.
    while let Some((last, before)) = kept.split_last() {
        if !(last.trim().is_empty() || last.starts_with('>')) {
            break;
        }
        kept = before;
    }
    if kept.len() < lines.len() && lines[kept.len()..].iter().any(|line| line.contains('>') || line.contains(MARK)) {
        kept = without_attribution(kept);
    }
    let kept = kept.join("\n").trim().to_owned();
    // Whoever answered below what they quote wrote all the same.
    if kept.is_empty() { text.trim().to_owned() } else { kept }
}

/// Whether what is quoted begins there.
fn begins_quote(line: &str) -> bool {
    let bare = line.trim_start_matches(['>', ' ', '\t']);
    bare.starts_with(MARK)
        || ["-----Original Message-----", "-----Mensaje original-----", "----- Mensaje original -----"]
            .iter()
            .any(|mark| bare.starts_with(mark))
        || bare.len() > 20 && bare.trim_end().chars().all(|c| c == '_')
}

/// Without "On Monday Ana wrote:" at the end, which may take three lines.
fn without_attribution<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    let filled = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    let lines = &lines[..filled];
    let last = |count: usize| lines[lines.len() - count..].join(" ");
    let says = |text: &str| {
        let names = text.contains('@') || text.contains("wrote") || text.contains("escribi");
        text.trim_end().ends_with(':') && names
    };
    let begins = |text: &str| ["On ", "El ", "Am ", "Le "].iter().any(|word| text.starts_with(word));
    let counts = 1..=3.min(lines.len());
    let found = counts.clone().find(|count| says(&last(*count)) && begins(&last(*count)));
    let found = found.or_else(|| counts.take(1).find(|count| says(&last(*count))));
    found.map_or(lines, |count| &lines[..lines.len() - count])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str) -> Result<Letter, Unreadable> {
        parse(text.replace('\n', "\r\n").into_bytes())
    }

    #[test]
    fn what_is_quoted_is_cut() {
        let cases = [
            ("Yes.\n\nOn Mon, 2 Nov 2026, Ana <a@b.example> wrote:\n> ##- Write above\n> Is it?\n", "Yes."),
            ("Sí.\r\n\r\nEl lun, 2 nov 2026 a las 10:00, Ana\r\n(<a@b.example>) escribió:\r\n\r\n> ¿Va?\r\n", "Sí."),
            ("Top\n\n-----Original Message-----\nFrom: x\nText", "Top"),
            ("Top\n________________________________\nFrom: x\nText", "Top"),
            ("Hello\n\n##- Write your answer above this line -##\nAna writes:", "Hello"),
            ("One\n> quoted\nAnswer within", "One\n> quoted\nAnswer within"),
            ("> all quoted\n> and more", "> all quoted\n> and more"),
            ("a list:\n- x\n- y", "a list:\n- x\n- y"),
            ("On the list is:\nbread", "On the list is:\nbread"),
        ];
        for (text, wanted) in cases {
            assert_eq!(unquoted(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_letter_is_read_whatever_it_is_written_in() {
        let read = letter(
            "From: =?utf-8?Q?Luz_N=C3=BA=C3=B1ez?= <Luz@Sol.example>\nTo: support+ABC@d.example, b@c.example\n\
             Delivered-To: support+def@d.example\nMessage-ID: <1@sol.example>\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
             ma=C3=B1ana =F0=9F=98=80 y una l=C3=ADnea que es tan =\nlarga\n",
        )
        .unwrap();
        assert_eq!(read.from, "luz@sol.example");
        assert_eq!(read.to, ["support+abc@d.example", "b@c.example", "support+def@d.example"]);
        assert_eq!(read.id.as_deref(), Some("<1@sol.example>"));
        assert_eq!(read.text, "mañana 😀 y una línea que es tan larga");
        let html = letter(
            "From: a@b.example\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\n\
             PHA+SG9sYSwgPGI+bWHxYW5hPC9iPjwvcD48c2NyaXB0PmFsZXJ0KDEpPC9zY3JpcHQ+\n",
        )
        .unwrap();
        assert!(html.text.contains("Hola, mañana") && !html.text.contains("<b>"), "{}", html.text);
        let raw = [b"From: a@b.example\r\n\r\nma\xc3\xb1ana \xff".as_slice()].concat();
        assert!(parse(raw).unwrap().text.starts_with("mañana"));
        assert!(matches!(letter("Subject: nobody\n\nx"), Err(Unreadable::NoLetter)));
        assert!(matches!(letter("From: a@b.example, c@d.example\n\nx"), Err(Unreadable::NoLetter)));
    }

    #[test]
    fn machines_are_told_from_people() {
        for header in [
            "Auto-Submitted: auto-replied",
            "Precedence: bulk",
            "Return-Path: <>",
            "List-Id: <x.example>",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
            "X-Auto-Response-Suppress: All",
        ] {
            assert!(letter(&format!("From: a@b.example\n{header}\n\nx")).unwrap().automatic.is_some(), "{header}");
        }
        assert_eq!(letter("From: a@b.example\nAuto-Submitted: no\n\nx").unwrap().automatic, None);
    }

    #[test]
    fn what_is_nested_or_has_many_parts_does_not_end_the_program() {
        let head = "From: a@b.example\nContent-Type: message/rfc822\n\n";
        assert!(matches!(letter(&format!("{head}{}", head.repeat(100_000))), Err(Unreadable::TooManyParts)));
        for kind in [
            "message/rfc822",
            "MESSAGE/global",
            "message (x)/rfc822",
            "(;)message/rfc822",
            "multipart/digest; boundary=x",
        ] {
            let nested = format!("From: a@b.example\nContent-Type: {kind}\n\n").repeat(150);
            assert!(letter(&nested).is_ok(), "{kind}");
        }
        let folded = "From: a@b.example\nContent-Type:\n message/rfc822\n\n".repeat(150);
        assert!(letter(&folded).is_ok());
        let boundary = "From: a@b.example\nContent-Type: multipart/mixed; boundary=\"message-digest\"\n\n\
            --message-digest\n\nhello\n--message-digest\nContent-Type: message/rfc822\n\n\
            From: x@y.example\n\nwithin\n--message-digest--\n";
        let read = letter(boundary).unwrap();
        assert_eq!((read.text.as_str(), read.files.len()), ("hello", 1), "{read:?}");
    }
}
