//! Letters to people: written in their language, kept until they are sent.

use domain::Slug;
use fluent_bundle::FluentArgs;
use lettre::message::Mailbox;

use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::mails::{Headers, Sender};
use crate::store::people::PersonRow;
use crate::store::{Tx, brands, mails};
use crate::web::design::Language;

/// A letter to be written.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// To whom.
    pub to: &'a str,
    /// What it says: the texts `<key>-subject` and `<key>-body`.
    pub key: &'a str,
    /// What stands in them.
    pub values: &'a [(&'a str, &'a str)],
}

/// Writes a letter of the platform, or of the publisher whose portal it is about, in whose name it goes out. Whoever
/// commits the transaction wakes the sender.
pub async fn send_as(
    plane: &Plane,
    tx: &Tx,
    publisher: Option<&Slug>,
    language: Language,
    letter: Letter<'_>,
) -> Answer<()> {
    send_in(plane, tx, publisher, language, letter, &Headers::default()).await
}

/// The same as part of a thread.
pub async fn send_in(
    plane: &Plane,
    tx: &Tx,
    publisher: Option<&Slug>,
    language: Language,
    letter: Letter<'_>,
    headers: &Headers,
) -> Answer<()> {
    let (subject, body) = write(plane, language, letter)?;
    let sender = match publisher {
        None => Sender::default(),
        Some(publisher) => {
            let look = brands::of(&**tx, publisher).await?.look;
            let name = look.mail_name.or(look.name).and_then(|name| sender_name(&name, &platform(plane)));
            Sender { name, reply_to: look.reply_to }
        }
    };
    mails::create(tx, &sender, letter.to, &subject, &body, headers, plane.now()).await?;
    Ok(())
}

/// Most characters of a publisher's name on a letter.
const NAME: usize = 60;

/// What letters of the platform itself carry as their sender's name.
fn platform(plane: &Plane) -> String {
    let settings = plane.settings.get();
    let from = settings.mail.as_ref().and_then(|mail| mail.from.parse::<Mailbox>().ok());
    let name = from.map(|from| from.name.unwrap_or_else(|| from.email.domain().to_owned()));
    name.unwrap_or_else(|| "vClouden".into())
}

/// The name that a publisher's letters carry: `Acme via vClouden`. Whoever chose it cannot look like the platform, like
/// another sender or like an address; nothing when nothing is left of it.
fn sender_name(chosen: &str, platform: &str) -> Option<String> {
    let plain = plain(chosen);
    let bare = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let (ours, theirs): (String, String) = (bare(platform), bare(&plain));
    let pretends = theirs.contains("vclouden") || ours.chars().count() > 2 && theirs.contains(&ours);
    (!theirs.is_empty() && !pretends).then(|| format!("{plain} via {platform}"))
}

/// A name without what is an address, quotes something, or is not seen.
pub fn plain(name: &str) -> String {
    let at = |c: char| matches!(c, '@' | '\u{ff20}' | '\u{fe6b}');
    let begins = |word: &str| word.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("www."));
    let link = |word: &str| word.contains("://") || begins(word) || word.contains('.') && word.contains('/');
    let address = |word: &str| word.contains(at) || link(word) || word.eq_ignore_ascii_case("via");
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
            || ('\u{200b}'..='\u{200f}').contains(&c)
            || ('\u{2028}'..='\u{202e}').contains(&c)
            || ('\u{2060}'..='\u{206f}').contains(&c)
            || ('\u{e0000}'..='\u{e007f}').contains(&c)
    };
    let quotes = |c: char| matches!(c, '"' | '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '\\');
    let seen: String = name.chars().filter(|c| !unseen(*c) || c.is_whitespace()).collect();
    let words = seen.split_whitespace().filter(|word| !address(word));
    let bare = words.map(|word| word.replace(quotes, " ")).collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = bare.split_whitespace().filter(|word| !word.eq_ignore_ascii_case("via")).collect();
    words.join(" ").chars().take(NAME).collect::<String>().trim_end().to_owned()
}

/// The language that somebody is written to in.
pub fn language_of(person: &PersonRow) -> Language {
    Language::of_tag(&person.language).unwrap_or_default()
}

/// Tells somebody about their account, where mail is set up; the letter has `name` and `site` besides the given values.
pub async fn tell(plane: &Plane, tx: &Tx, person: &PersonRow, key: &str, values: &[(&str, &str)]) -> Answer<()> {
    if !plane.mail_is_set_up() {
        return Ok(());
    }
    let site = plane.site(&**tx, person.realm.as_ref()).await?;
    let values = [&[("name", person.name.as_str()), ("site", &site)], values].concat();
    let letter = Letter { to: &person.mail, key, values: &values };
    send_as(plane, tx, person.realm.as_ref(), language_of(person), letter).await
}

/// Subject and body.
fn write(plane: &Plane, language: Language, letter: Letter<'_>) -> Answer<(String, String)> {
    let mut args = FluentArgs::new();
    for (name, value) in letter.values {
        args.set(*name, *value);
    }
    let texts = plane.pages.texts();
    let text = |part: &str| texts.get(language, &format!("{}-{part}", letter.key), &args).map_err(Refusal::internal);
    // A name may hold anything, a line of a header may not.
    Ok((text("subject")?.replace(['\r', '\n'], " "), text("body")?))
}

#[cfg(test)]
mod tests {
    use super::sender_name;

    #[test]
    fn the_name_of_a_sender_is_no_other_sender() {
        let name = |chosen: &str| sender_name(chosen, "Nube").unwrap_or_default();
        assert_eq!(name("Panadería El Sol, S.A."), "Panadería El Sol S.A. via Nube");
        assert_eq!(name("Acme via Nubank via Bank"), "Acme Nubank Bank via Nube");
        assert_eq!(name("Ana <ana@bank.example>"), "Ana via Nube");
        assert_eq!(name("\"Bank\" ceo\u{ff20}bank.example https://bank.example"), "Bank via Nube");
        assert_eq!(name("Bank WWW.bank.example bank.example/login c/o Sol"), "Bank c/o Sol via Nube");
        assert_eq!(name("A\u{202e}cm\u{200b}e\r\nBcc: x"), "Acme Bcc x via Nube");
        assert_eq!(name(&"x".repeat(200)), format!("{} via Nube", "x".repeat(60)));
        for platform in ["nube", "N.u-b\u{200b}e Security", "vClouden", "via <a@b.example>", "", "…"] {
            assert_eq!(name(platform), "", "{platform}");
        }
    }
}
