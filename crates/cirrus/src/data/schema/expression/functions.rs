//! The functions an expression may call. Each says what it takes and what it yields; there are no others.

use super::parser::Parser;
use super::types::{Typed, alike, called, convert, join, number, of_scale, raw, scaled};
use super::{Node, Type};
use crate::data::decimal;

impl Parser<'_> {
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

    pub(super) fn call(&mut self, name: &str) -> Result<Typed, String> {
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
                "there is no function `{name}`; there are abs, coalesce, day, ifnull, iif, length, lower, max, min, \
                 month, nullif, replace, round, substr, trim, upper, year"
            )),
        }
    }
}
