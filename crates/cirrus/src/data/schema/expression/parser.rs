//! The grammar: `or` below `and` below `not` below comparisons below `||` below sums below products.

use super::tokens::Token;
use super::types::{Typed, alike, join, number, of_scale, raw, same, scaled};
use super::{DIVISION, MAX_DEPTH, Node, Type};
use crate::data::decimal;

/// Reads tokens from left to right, by precedence.
pub(super) struct Parser<'p> {
    pub(super) tokens: &'p [Token],
    pub(super) at: usize,
    pub(super) field: &'p dyn Fn(&str) -> Option<Type>,
    pub(super) fields: Vec<String>,
    pub(super) depth: u32,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn sign(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        match self.peek() {
            Some(Token::Sign(sign)) if signs.contains(sign) => {
                let sign = *sign;
                self.at += 1;
                Some(sign)
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(given)) if given.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_sign(&mut self, sign: &'static str) -> Result<(), String> {
        self.sign(&[sign]).map(drop).ok_or_else(|| self.missing(&format!("`{sign}`")))
    }

    fn expect_word(&mut self, word: &str) -> Result<(), String> {
        if self.word(word) { Ok(()) } else { Err(self.missing(&format!("`{word}`"))) }
    }

    fn missing(&self, what: &str) -> String {
        match self.peek() {
            Some(token) => format!("{what} is expected before {}", token.shown()),
            None => format!("{what} is missing at the end"),
        }
    }

    pub(super) fn truth(&self, (node, kind): Typed, of: &str) -> Result<Node, String> {
        match kind {
            None | Some(Type::Boolean) => Ok(node),
            Some(kind) => Err(format!("`{of}` wants conditions, not a value of type {}", kind.word())),
        }
    }

    pub(super) fn either(&mut self) -> Result<Typed, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the expression nests deeper than {MAX_DEPTH}"));
        }
        let mut left = self.both()?;
        while self.word("or") {
            let right = self.both()?;
            let parts = vec![raw("("), self.truth(left, "or")?, raw(" OR "), self.truth(right, "or")?, raw(")")];
            left = (join(parts), Some(Type::Boolean));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn both(&mut self) -> Result<Typed, String> {
        let mut left = self.not()?;
        while self.word("and") {
            let right = self.not()?;
            let parts = vec![raw("("), self.truth(left, "and")?, raw(" AND "), self.truth(right, "and")?, raw(")")];
            left = (join(parts), Some(Type::Boolean));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Typed, String> {
        let mut negated = false;
        while self.word("not") {
            negated = !negated;
        }
        let value = self.comparison()?;
        if !negated {
            return Ok(value);
        }
        Ok((join(vec![raw("(NOT "), self.truth(value, "not")?, raw(")")]), Some(Type::Boolean)))
    }

    fn comparison(&mut self) -> Result<Typed, String> {
        let left = self.concatenation()?;
        if let Some(sign) = self.sign(&["=", "==", "<>", "!=", "<", "<=", ">", ">="]) {
            let right = self.concatenation()?;
            let sql = match sign {
                "==" => "=",
                "!=" => "<>",
                sign => sign,
            };
            return self.compared(left, sql, right);
        }
        if self.word("is") {
            let sql = if self.word("not") { " IS NOT NULL)" } else { " IS NULL)" };
            self.expect_word("null")?;
            return Ok((join(vec![raw("("), left.0, raw(sql)]), Some(Type::Boolean)));
        }
        let negated = self.word("not");
        if self.word("in") {
            return self.one_of(left, negated);
        }
        if self.word("between") {
            let low = self.concatenation()?;
            self.expect_word("and")?;
            let high = self.concatenation()?;
            let above = self.compared(left.clone(), ">=", low)?;
            let below = self.compared(left, "<=", high)?;
            let start = if negated { "(NOT (" } else { "((" };
            return Ok((join(vec![raw(start), above.0, raw(" AND "), below.0, raw("))")]), Some(Type::Boolean)));
        }
        if negated { Err(self.missing("`in` or `between`")) } else { Ok(left) }
    }

    fn compared(&self, left: Typed, sql: &str, right: Typed) -> Result<Typed, String> {
        let (left, right, _) = same(left, right)?;
        Ok((join(vec![raw("("), left, raw(&format!(" {sql} ")), right, raw(")")]), Some(Type::Boolean)))
    }

    fn one_of(&mut self, left: Typed, negated: bool) -> Result<Typed, String> {
        self.expect_sign("(")?;
        let mut parts = vec![raw(if negated { "(NOT (" } else { "((" })];
        loop {
            let value = self.concatenation()?;
            parts.push(self.compared(left.clone(), "=", value)?.0);
            if self.sign(&[","]).is_none() {
                break;
            }
            parts.push(raw(" OR "));
        }
        self.expect_sign(")")?;
        parts.push(raw("))"));
        Ok((join(parts), Some(Type::Boolean)))
    }

    fn concatenation(&mut self) -> Result<Typed, String> {
        let mut left = self.sum()?;
        while self.sign(&["||"]).is_some() {
            let right = self.sum()?;
            for (_, kind) in [&left, &right] {
                if matches!(kind, Some(Type::Decimal(_) | Type::Boolean | Type::Blob)) {
                    return Err("`||` joins texts, integers, dates and times".to_owned());
                }
            }
            left = (join(vec![raw("("), left.0, raw(" || "), right.0, raw(")")]), Some(Type::Text));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Typed, String> {
        let mut left = self.product()?;
        while let Some(sign) = self.sign(&["+", "-"]) {
            let right = self.product()?;
            let (a, b) = (number(&left, sign)?, number(&right, sign)?);
            let scale = a.max(b);
            let parts = vec![
                raw("("),
                scaled(left.0, a, scale),
                raw(&format!(" {sign} ")),
                scaled(right.0, b, scale),
                raw(")"),
            ];
            left = (join(parts), Some(of_scale(scale)));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Typed, String> {
        let mut left = self.unary()?;
        while let Some(sign) = self.sign(&["*", "/", "%"]) {
            let right = self.unary()?;
            let (a, b) = (number(&left, sign)?, number(&right, sign)?);
            left = match sign {
                "*" => {
                    let scale = a + b;
                    if scale > 18 {
                        return Err("the product would have more than 18 decimals: round its factors".to_owned());
                    }
                    (join(vec![raw("("), left.0, raw(" * "), right.0, raw(")")]), Some(of_scale(scale)))
                }
                "/" => {
                    let scale = (a.max(b) + DIVISION).min(12);
                    // above * 10^(scale - a + b) / below has the wanted scale.
                    let above = scaled(left.0, a, (scale + b).max(a));
                    (Node::Divide(Box::new(above), Box::new(right.0)), Some(of_scale(scale)))
                }
                _ => {
                    let scale = a.max(b);
                    let (left, right) = (scaled(left.0, a, scale), scaled(right.0, b, scale));
                    (join(vec![raw("("), left, raw(" % "), right, raw(")")]), Some(of_scale(scale)))
                }
            };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Typed, String> {
        let mut negative = false;
        while let Some(sign) = self.sign(&["-", "+"]) {
            negative ^= sign == "-";
        }
        let value = self.atom()?;
        if !negative {
            return Ok(value);
        }
        number(&value, "-")?;
        Ok((join(vec![raw("(-"), value.0, raw(")")]), value.1))
    }

    fn atom(&mut self) -> Result<Typed, String> {
        if self.sign(&["("]).is_some() {
            let inner = self.either()?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        let Some(token) = self.peek().cloned() else { return Err(self.missing("a value")) };
        self.at += 1;
        match token {
            Token::Number(text) => {
                let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                let scale = u8::try_from(scale).ok().filter(|scale| *scale <= decimal::MAX_SCALE);
                let units = scale.and_then(|scale| decimal::parse(&text, scale).ok());
                match (scale, units) {
                    (Some(scale), Some(units)) => Ok((Node::Raw(units.to_string()), Some(of_scale(scale)))),
                    _ => Err(format!("`{text}` is not a number that can be kept exactly")),
                }
            }
            Token::Text(text) => Ok((Node::Raw(format!("'{text}'")), Some(Type::Text))),
            Token::Sign(_) => {
                self.at -= 1;
                Err(self.missing("a value"))
            }
            Token::Word(word) => self.named(word),
        }
    }

    fn named(&mut self, word: String) -> Result<Typed, String> {
        let lower = word.to_ascii_lowercase();
        if self.sign(&["("]).is_some() {
            return self.call(&lower);
        }
        if let Some(kind) = (self.field)(&word) {
            self.fields.push(word.clone());
            return Ok((Node::Field(word), Some(kind)));
        }
        match lower.as_str() {
            "null" => Ok((raw("NULL"), None)),
            "true" => Ok((raw("1"), Some(Type::Boolean))),
            "false" => Ok((raw("0"), Some(Type::Boolean))),
            "case" => self.case(),
            _ => Err(format!("there is no field `{word}` here")),
        }
    }

    fn case(&mut self) -> Result<Typed, String> {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        while self.word("when") {
            let condition = self.either()?;
            conditions.push(self.truth(condition, "when")?);
            self.expect_word("then")?;
            values.push(self.either()?);
        }
        if conditions.is_empty() {
            return Err(self.missing("`when`"));
        }
        values.push(if self.word("else") { self.either()? } else { (raw("NULL"), None) });
        self.expect_word("end")?;
        let (mut values, kind) = alike(values)?;
        let otherwise = values.pop().unwrap_or(raw("NULL"));
        let mut parts = vec![raw("(CASE")];
        for (condition, value) in conditions.into_iter().zip(values) {
            parts.extend([raw(" WHEN "), condition, raw(" THEN "), value]);
        }
        parts.extend([raw(" ELSE "), otherwise, raw(" END)")]);
        Ok((join(parts), kind))
    }
}
