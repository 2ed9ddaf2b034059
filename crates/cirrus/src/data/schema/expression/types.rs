//! Which types go together, and how values are brought to one.

use super::{Node, Type};
use crate::data::{decimal, moment};

/// `None` as a type is that of `null`, which goes with all.
pub(super) type Typed = (Node, Option<Type>);

/// Brings a value to a type, when that makes sense.
pub(super) fn convert((node, kind): Typed, wanted: Type) -> Option<Typed> {
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

pub(super) fn scaled(node: Node, from: u8, to: u8) -> Node {
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

pub(super) fn power(scale: u8) -> i64 {
    decimal::power(scale)
}

pub(super) fn raw(sql: &str) -> Node {
    Node::Raw(sql.to_owned())
}

pub(super) fn join(parts: Vec<Node>) -> Node {
    Node::Join(parts)
}

pub(super) fn called(name: &str, values: Vec<Typed>, kind: Option<Type>) -> Result<Typed, String> {
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

pub(super) fn of_scale(scale: u8) -> Type {
    if scale == 0 { Type::Integer } else { Type::Decimal(scale) }
}

pub(super) fn number((_, kind): &Typed, of: &str) -> Result<u8, String> {
    match kind {
        None => Ok(0),
        Some(kind) => kind.scale().ok_or_else(|| format!("`{of}` wants numbers, not a value of type {}", kind.word())),
    }
}

/// Two values brought to one type.
pub(super) fn same(left: Typed, right: Typed) -> Result<(Node, Node, Option<Type>), String> {
    let (mut nodes, kind) = alike(vec![left, right])?;
    let right = nodes.pop().unwrap_or(raw("NULL"));
    let left = nodes.pop().unwrap_or(raw("NULL"));
    Ok((left, right, kind))
}

/// Values brought to one type: the largest scale of numbers, or the type of those that are not literals.
pub(super) fn alike(values: Vec<Typed>) -> Result<(Vec<Node>, Option<Type>), String> {
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
