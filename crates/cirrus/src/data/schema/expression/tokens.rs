//! The text of an expression cut into tokens; what is none is refused here.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Digits and perhaps a point.
    Number(String),
    /// A text, without its quotes.
    Text(String),
    /// A field, a function or a word such as `and`.
    Word(String),
    /// An operator or punctuation.
    Sign(&'static str),
}

impl Token {
    pub(super) fn shown(&self) -> String {
        match self {
            Token::Number(text) | Token::Word(text) => format!("`{text}`"),
            Token::Text(text) => format!("'{text}'"),
            Token::Sign(sign) => format!("`{sign}`"),
        }
    }
}

const SIGNS: [&str; 18] =
    ["<=", ">=", "<>", "!=", "==", "||", "+", "-", "*", "/", "%", "(", ")", ",", "<", ">", "=", ";"];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length;
        if first.is_ascii_digit() {
            length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            tokens.push(Token::Number(rest[..length].to_owned()));
        } else if first.is_ascii_alphabetic() || first == '_' {
            length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..length].to_owned()));
        } else if first == '\'' {
            let end = rest[1..].find('\'').ok_or("a text has no closing '")?;
            length = end + 2;
            if rest[length..].starts_with('\'') {
                return Err("a text in an expression cannot contain '".to_owned());
            }
            tokens.push(Token::Text(rest[1..=end].to_owned()));
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            length = sign.len();
            tokens.push(Token::Sign(sign));
        } else {
            return Err(format!("the character {first:?} means nothing in an expression"));
        }
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}
