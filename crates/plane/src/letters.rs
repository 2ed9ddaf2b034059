//! Letters to people: written in their language, kept until they are sent.

use domain::Slug;
use fluent_bundle::FluentArgs;

use crate::Plane;
use crate::problem::{Answer, Refusal};
use crate::store::mails::{Headers, Sender};
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
            Sender { name: look.mail_name.or(look.name), reply_to: look.reply_to }
        }
    };
    mails::create(tx, &sender, letter.to, &subject, &body, headers, plane.now()).await?;
    Ok(())
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
