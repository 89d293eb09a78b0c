//! Numbers: parsed and computed with. As in consul-template the first argument of two is the second operand, so that
//! `3 | subtract 1` reads as it is meant.

use super::{Function, Outcome, Value, function, text_of};

pub(super) const TABLE: &[Function] = &[
    function("add", 2, 2, |a, _| two(&a[1], &a[0], i64::checked_add, |x, y| x + y)),
    function("subtract", 2, 2, |a, _| two(&a[1], &a[0], i64::checked_sub, |x, y| x - y)),
    function("multiply", 2, 2, |a, _| two(&a[1], &a[0], i64::checked_mul, |x, y| x * y)),
    function("divide", 2, 2, |a, _| two(&a[1], &a[0], i64::checked_div, |x, y| x / y)),
    function("modulo", 2, 2, |a, _| two(&a[1], &a[0], i64::checked_rem, |x, y| x % y)),
    function("minimum", 2, 2, |a, _| two(&a[1], &a[0], |x, y| Some(x.min(y)), f64::min)),
    function("maximum", 2, 2, |a, _| two(&a[1], &a[0], |x, y| Some(x.max(y)), f64::max)),
    function("parseBool", 1, 1, |a, _| match text_of(&a[0])? {
        "" | "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
        _ => Err("what it is given is no truth".to_owned()),
    }),
    function("parseInt", 1, 1, |a, _| whole(text_of(&a[0])?)),
    function("parseUint", 1, 1, |a, _| match whole(text_of(&a[0])?)? {
        Value::Int(number) if number >= 0 => Ok(Value::Int(number)),
        _ => Err("what it is given is negative".to_owned()),
    }),
    function("parseFloat", 1, 1, |a, _| match text_of(&a[0])? {
        "" => Ok(Value::Float(0.0)),
        text => text.parse().map(Value::Float).map_err(|_| "what it is given is no number".to_owned()),
    }),
];

pub(super) fn whole(text: &str) -> Outcome {
    if text.is_empty() {
        return Ok(Value::Int(0));
    }
    text.parse().map(Value::Int).map_err(|_| "what it is given is no whole number".to_owned())
}

pub(super) fn two(
    one: &Value,
    other: &Value,
    whole: fn(i64, i64) -> Option<i64>,
    broken: fn(f64, f64) -> f64,
) -> Outcome {
    #[expect(clippy::cast_precision_loss, reason = "it is what Go does with a whole number and one with a fraction")]
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => {
            whole(*one, *other).map(Value::Int).ok_or_else(|| "the result is no number".to_owned())
        }
        (Value::Float(one), Value::Float(other)) => Ok(Value::Float(broken(*one, *other))),
        (Value::Int(one), Value::Float(other)) => Ok(Value::Float(broken(*one as f64, *other))),
        (Value::Float(one), Value::Int(other)) => Ok(Value::Float(broken(*one, *other as f64))),
        _ => Err(format!("{} and {} cannot be computed with", one.kind(), other.kind())),
    }
}
