//! Expressions over a row's fields: checks, formulas, amounts. A small typed language that looks like SQL and becomes SQL:
//! numbers are exact (integers and decimals of known scale, never binary fractions), names are fields of the table, and
//! nothing else gets through, so no text of the author reaches SQLite unread.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use super::super::{decimal, moment};

/// The longest expression, in bytes.
const MAX_TEXT: usize = 2000;
/// How deep parentheses and calls may nest.
const MAX_DEPTH: u32 = 30;
/// The longest SQL an expression may become, in bytes (rounding repeats its operand).
const MAX_SQL: usize = 64 << 10;
/// Digits after the point that a division keeps beyond its operands'.
const DIVISION: u8 = 4;
/// SQL that fails with "integer overflow" when it is reached.
const OVERFLOW: &str = "abs(-9223372036854775808)";

/// The type of a value or of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A 64-bit integer.
    Integer,
    /// An integer of 10^-scale.
    Decimal(u8),
    /// Text.
    Text,
    /// 1 or 0.
    Boolean,
    /// Text, `YYYY-MM-DD`.
    Date,
    /// Text, `HH:MM:SS`.
    Time,
    /// Text, RFC 3339 in UTC with milliseconds.
    Timestamp,
    /// Bytes.
    Blob,
}

impl Type {
    /// The word for it in `schema.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Type::Integer => "integer",
            Type::Decimal(_) => "decimal",
            Type::Text => "text",
            Type::Boolean => "boolean",
            Type::Date => "date",
            Type::Time => "time",
            Type::Timestamp => "timestamp",
            Type::Blob => "blob",
        }
    }

    /// The type of the column that holds it in SQLite.
    pub fn column(self) -> &'static str {
        match self {
            Type::Integer | Type::Decimal(_) | Type::Boolean => "INTEGER",
            Type::Blob => "BLOB",
            Type::Text | Type::Date | Type::Time | Type::Timestamp => "TEXT",
        }
    }

    /// Digits after the point, for numbers.
    pub fn scale(self) -> Option<u8> {
        match self {
            Type::Integer => Some(0),
            Type::Decimal(scale) => Some(scale),
            _ => None,
        }
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A validated expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
    node: Node,
    kind: Option<Type>,
    fields: Vec<String>,
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// `None` as a type is that of `null`, which goes with all.
type Typed = (Node, Option<Type>);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// SQL that stands for itself: literals, operators, function names, separators.
    Raw(String),
    /// A column.
    Field(String),
    /// Its parts one after the other.
    Join(Vec<Node>),
    /// Brought from a scale to a smaller one, rounded half away from zero.
    Round(Box<Node>, i64),
    /// An exact quotient, rounded half away from zero; nothing when divided by zero.
    Divide(Box<Node>, Box<Node>),
}

impl Expression {
    /// Reads an expression. `field` tells the type of each name it may use.
    pub fn parse(text: &str, field: &dyn Fn(&str) -> Option<Type>) -> Result<Expression, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("the expression is longer than {MAX_TEXT} bytes"));
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, at: 0, field, fields: Vec::new(), depth: 0 };
        let (node, kind) = parser.either()?;
        if let Some(token) = parser.peek() {
            return Err(format!("{} is not expected there", token.shown()));
        }
        let mut fields = parser.fields;
        fields.sort();
        fields.dedup();
        let expression = Expression { text: text.to_owned(), node, kind, fields };
        if expression.sql("NEW.").len() > MAX_SQL {
            return Err("the expression is too complicated: divide it into several formulas".to_owned());
        }
        Ok(expression)
    }

    /// As the author wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its type; `None` when it is always null.
    pub fn kind(&self) -> Option<Type> {
        self.kind
    }

    /// The fields it reads, each once.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// As SQL. `prefix` goes before each column: empty, `NEW.`, `OLD.` or `"alias".`.
    pub fn sql(&self, prefix: &str) -> String {
        let mut out = String::new();
        write_sql(&self.node, prefix, &mut out);
        out
    }

    /// As SQL of a type, rounded half away from zero where it has fewer decimals, and **failing with "integer overflow"**
    /// where it does not fit in 64 bits. (SQLite's integers turn into binary fractions when they overflow; there are no
    /// others here, so one is always the mark of it.) `None` when the types do not go together.
    pub fn sql_as(&self, wanted: Type, prefix: &str) -> Option<String> {
        let (node, _) = convert((self.node.clone(), self.kind), wanted)?;
        let mut sql = String::new();
        write_sql(&node, prefix, &mut sql);
        let plain = matches!(node, Node::Field(_) | Node::Raw(_));
        Some(match wanted {
            Type::Integer | Type::Decimal(_) if !plain => {
                format!("CASE typeof({sql}) WHEN 'real' THEN {OVERFLOW} ELSE {sql} END")
            }
            _ => sql,
        })
    }
}

/// Brings a value to a type, when that makes sense.
fn convert((node, kind): Typed, wanted: Type) -> Option<Typed> {
    let Some(kind) = kind else { return Some((node, Some(wanted))) };
    match (kind.scale(), wanted.scale()) {
        (Some(from), Some(to)) => Some((scaled(node, from, to), Some(wanted))),
        _ if kind == wanted => Some((node, Some(kind))),
        // Literals of dates and times are written as texts.
        (None, None) => match (&node, kind, wanted) {
            (Node::Raw(literal), Type::Text, Type::Date | Type::Time | Type::Timestamp) => {
                let text = literal.trim_matches('\'');
                let canonical = match wanted {
                    Type::Date => moment::date(text),
                    Type::Time => moment::time(text),
                    _ => moment::timestamp(text),
                }?;
                Some((Node::Raw(format!("'{canonical}'")), Some(wanted)))
            }
            (_, Type::Date | Type::Time | Type::Timestamp, Type::Text) => Some((node, Some(Type::Text))),
            _ => None,
        },
        _ => None,
    }
}

fn scaled(node: Node, from: u8, to: u8) -> Node {
    match from.cmp(&to) {
        std::cmp::Ordering::Equal => node,
        std::cmp::Ordering::Less => match (&node, power(to - from)) {
            (Node::Raw(literal), factor) if literal.parse::<i64>().is_ok_and(|n| n.checked_mul(factor).is_some()) => {
                Node::Raw((literal.parse::<i64>().unwrap_or(0) * factor).to_string())
            }
            (_, factor) => join(vec![raw("("), node, raw(&format!(" * {factor})"))]),
        },
        std::cmp::Ordering::Greater => Node::Round(Box::new(node), power(from - to)),
    }
}

fn power(scale: u8) -> i64 {
    decimal::power(scale)
}

fn raw(sql: &str) -> Node {
    Node::Raw(sql.to_owned())
}

fn join(parts: Vec<Node>) -> Node {
    Node::Join(parts)
}

fn write_sql(node: &Node, prefix: &str, out: &mut String) {
    let sql = |node: &Node| {
        let mut text = String::new();
        write_sql(node, prefix, &mut text);
        text
    };
    // Writing to a String cannot fail.
    let _ = match node {
        Node::Raw(sql) => out.write_str(sql),
        Node::Field(name) => write!(out, "{prefix}\"{name}\""),
        Node::Join(parts) => {
            parts.iter().for_each(|part| write_sql(part, prefix, out));
            Ok(())
        }
        Node::Round(value, divisor) => {
            let (x, half) = (sql(value), divisor / 2);
            write!(
                out,
                "(CASE WHEN typeof({x}) = 'real' THEN {OVERFLOW} WHEN {x} < 0 THEN ({x} - {half}) / {divisor} \
                 ELSE ({x} + {half}) / {divisor} END)"
            )
        }
        Node::Divide(above, below) => {
            let (n, d) = (sql(above), sql(below));
            write!(
                out,
                "(CASE WHEN typeof({n}) = 'real' OR typeof({d}) = 'real' THEN {OVERFLOW} WHEN {d} = 0 THEN NULL \
                 WHEN ({n} < 0) = ({d} < 0) THEN (2 * abs({n}) + abs({d})) / (2 * abs({d})) \
                 ELSE -((2 * abs({n}) + abs({d})) / (2 * abs({d}))) END)"
            )
        }
    };
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
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
    fn shown(&self) -> String {
        match self {
            Token::Number(text) | Token::Word(text) => format!("`{text}`"),
            Token::Text(text) => format!("'{text}'"),
            Token::Sign(sign) => format!("`{sign}`"),
        }
    }
}

const SIGNS: [&str; 18] =
    ["<=", ">=", "<>", "!=", "==", "||", "+", "-", "*", "/", "%", "(", ")", ",", "<", ">", "=", ";"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
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

struct Parser<'p> {
    tokens: &'p [Token],
    at: usize,
    field: &'p dyn Fn(&str) -> Option<Type>,
    fields: Vec<String>,
    depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn sign(&mut self, signs: &[&'static str]) -> Option<&'static str> {
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

    fn expect_sign(&mut self, sign: &'static str) -> Result<(), String> {
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

    fn truth(&self, (node, kind): Typed, of: &str) -> Result<Node, String> {
        match kind {
            None | Some(Type::Boolean) => Ok(node),
            Some(kind) => Err(format!("`{of}` wants conditions, not a value of type {}", kind.word())),
        }
    }

    fn either(&mut self) -> Result<Typed, String> {
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

    fn arguments(&mut self) -> Result<Vec<Typed>, String> {
        let mut values = Vec::new();
        if self.sign(&[")"]).is_some() {
            return Ok(values);
        }
        loop {
            values.push(self.either()?);
            if self.sign(&[","]).is_none() {
                break;
            }
        }
        self.expect_sign(")")?;
        Ok(values)
    }

    fn call(&mut self, name: &str) -> Result<Typed, String> {
        let mut values = self.arguments()?;
        let count = values.len();
        let wants = |least: usize, most: usize| {
            let fits = (least..=most).contains(&count);
            if fits { Ok(()) } else { Err(format!("`{name}` does not take {count} values")) }
        };
        match name {
            "abs" => {
                wants(1, 1)?;
                number(&values[0], name)?;
                let kind = values[0].1;
                called("abs", values, kind)
            }
            "round" => {
                wants(1, 2)?;
                let to = match values.get(1) {
                    None => 0,
                    Some((Node::Raw(literal), Some(Type::Integer))) => literal.parse().unwrap_or(u8::MAX),
                    Some(_) => u8::MAX,
                };
                if to > decimal::MAX_SCALE {
                    return Err("the second value of `round` is a number of decimals, 0 to 9".to_owned());
                }
                let from = number(&values[0], name)?;
                let node = scaled(values.swap_remove(0).0, from, to.min(from));
                Ok((node, Some(of_scale(to.min(from)))))
            }
            "coalesce" | "ifnull" | "min" | "max" | "nullif" => {
                wants(2, if matches!(name, "nullif" | "ifnull") { 2 } else { 20 })?;
                let (nodes, kind) = alike(values)?;
                called(name, nodes.into_iter().map(|node| (node, kind)).collect(), kind)
            }
            "iif" => {
                wants(3, 3)?;
                let condition = self.truth(values.remove(0), name)?;
                let (mut nodes, kind) = alike(values)?;
                nodes.insert(0, condition);
                called(name, nodes.into_iter().map(|node| (node, kind)).collect(), kind)
            }
            "length" | "lower" | "upper" | "trim" | "replace" | "substr" => {
                let (least, most) = match name {
                    "replace" => (3, 3),
                    "substr" => (2, 3),
                    _ => (1, 1),
                };
                wants(least, most)?;
                for (place, value) in values.iter().enumerate() {
                    let wanted = if name == "substr" && place > 0 { Type::Integer } else { Type::Text };
                    if convert(value.clone(), wanted).is_none() || value.1.is_some_and(|kind| kind.scale() > Some(0)) {
                        return Err(format!("`{name}` does not take a value of that type"));
                    }
                }
                called(name, values, Some(if name == "length" { Type::Integer } else { Type::Text }))
            }
            "year" | "month" | "day" => {
                wants(1, 1)?;
                let (node, kind) = values.swap_remove(0);
                if !matches!(kind, None | Some(Type::Date | Type::Timestamp)) {
                    return Err(format!("`{name}` takes a date or a timestamp"));
                }
                let part = match name {
                    "year" => ", 1, 4) AS INTEGER)",
                    "month" => ", 6, 2) AS INTEGER)",
                    _ => ", 9, 2) AS INTEGER)",
                };
                Ok((join(vec![raw("CAST(substr("), node, raw(part)]), Some(Type::Integer)))
            }
            _ => Err(format!(
                "there is no function `{name}`; there are abs, coalesce, day, ifnull, iif, length, lower, max, min, month, \
                 nullif, replace, round, substr, trim, upper, year"
            )),
        }
    }
}

fn called(name: &str, values: Vec<Typed>, kind: Option<Type>) -> Result<Typed, String> {
    let mut parts = vec![raw(&format!("{name}("))];
    for (place, (node, _)) in values.into_iter().enumerate() {
        if place > 0 {
            parts.push(raw(", "));
        }
        parts.push(node);
    }
    parts.push(raw(")"));
    Ok((join(parts), kind))
}

fn of_scale(scale: u8) -> Type {
    if scale == 0 { Type::Integer } else { Type::Decimal(scale) }
}

fn number((_, kind): &Typed, of: &str) -> Result<u8, String> {
    match kind {
        None => Ok(0),
        Some(kind) => kind.scale().ok_or_else(|| format!("`{of}` wants numbers, not a value of type {}", kind.word())),
    }
}

/// Two values brought to one type.
fn same(left: Typed, right: Typed) -> Result<(Node, Node, Option<Type>), String> {
    let (mut nodes, kind) = alike(vec![left, right])?;
    let right = nodes.pop().unwrap_or(raw("NULL"));
    let left = nodes.pop().unwrap_or(raw("NULL"));
    Ok((left, right, kind))
}

/// Values brought to one type: the largest scale of numbers, or the type of those that are not literals.
fn alike(values: Vec<Typed>) -> Result<(Vec<Node>, Option<Type>), String> {
    let mut wanted: Option<Type> = None;
    for (_, kind) in &values {
        wanted = match (wanted, *kind) {
            (wanted, None) => wanted,
            (None, kind) => kind,
            (Some(one), Some(other)) => match (one.scale(), other.scale()) {
                (Some(a), Some(b)) => Some(of_scale(a.max(b))),
                _ if one == Type::Text => Some(other),
                _ => Some(one),
            },
        };
    }
    let Some(wanted) = wanted else { return Ok((values.into_iter().map(|(node, _)| node).collect(), None)) };
    let mut nodes = Vec::with_capacity(values.len());
    for value in values {
        let word = value.1.map_or("null", Type::word);
        let (node, _) = convert(value, wanted)
            .ok_or_else(|| format!("a value of type {word} does not go with one of type {}", wanted.word()))?;
        nodes.push(node);
    }
    Ok((nodes, Some(wanted)))
}
