//! More of sprig: lists and maps, counting, and what a value is.

use std::collections::BTreeMap;

use super::super::list::Items;
use super::{ANY, Function, Outcome, Value, count_of, function, list_of, map_of, same, shown, text_of};

/// The most that a list may be made to hold.
const MAX_ITEMS: u64 = 1_000_000;

pub(super) const TABLE: &[Function] = &[
    function("sprig_tuple", 0, ANY, |a, _| Ok(Value::list(a.to_vec()))),
    function("sprig_append", 2, 2, |a, _| appended(a)),
    function("sprig_push", 2, 2, |a, _| appended(a)),
    function("sprig_mustAppend", 2, 2, |a, _| appended(a)),
    function("sprig_mustPush", 2, 2, |a, _| appended(a)),
    function("sprig_prepend", 2, 2, |a, _| prepended(a)),
    function("sprig_mustPrepend", 2, 2, |a, _| prepended(a)),
    function("sprig_reverse", 1, 1, |a, _| Ok(Value::list(list_of(&a[0])?.iter().rev().cloned().collect()))),
    function("sprig_concat", 0, ANY, |a, _| {
        let lists = a.iter().map(list_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Value::list(lists.concat()))
    }),
    function("sprig_slice", 1, 3, |a, _| {
        let items = list_of(&a[0])?;
        let of = if let Value::List(list) = &a[0] { list.of() } else { Items::Any };
        let end = |at: usize, other: usize| a.get(at).map_or(Ok(other), count_of);
        let (from, to) = (end(1, 0)?, end(2, items.len())?);
        items
            .get(from..to)
            .map(|part| Value::list_of(of, part.to_vec()))
            .ok_or_else(|| "its ends do not fit the list".to_owned())
    }),
    function("sprig_chunk", 2, 2, |a, _| {
        let size = count_of(&a[0])?.max(1);
        let parts = list_of(&a[1])?.chunks(size).map(|part| Value::list(part.to_vec()));
        Ok(Value::list_of(Items::Lists, parts.collect()))
    }),
    function("sprig_toStrings", 1, 1, |a, _| Ok(Value::texts(texts(&a[0])))),
    function("sprig_until", 1, 1, |a, _| {
        let to = whole(&a[0])?;
        Ok(ints(steps(0, to, if to < 0 { -1 } else { 1 })?))
    }),
    function("sprig_untilStep", 3, 3, |a, _| Ok(ints(steps(whole(&a[0])?, whole(&a[1])?, whole(&a[2])?)?))),
    function("sprig_seq", 0, 3, |a, _| {
        let numbers = a.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
        let (from, step, to) = match numbers[..] {
            [] => return Ok(Value::text("")),
            [to] => (1, None, to),
            [from, to] => (from, None, to),
            [from, step, to, ..] => (from, Some(step), to),
        };
        let down = to < from;
        if down && step.is_some_and(|step| step > 0) {
            return Ok(Value::text(""));
        }
        // Its end is part of it.
        let by = if down { -1 } else { 1 };
        let counted = steps(from, to.checked_add(by).ok_or("it counts too far")?, step.unwrap_or(by))?;
        Ok(Value::text(counted.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")))
    }),
    function("sprig_all", 0, ANY, |a, _| Ok(Value::Bool(a.iter().all(Value::is_true)))),
    function("sprig_any", 0, ANY, |a, _| Ok(Value::Bool(a.iter().any(Value::is_true)))),
    function("sprig_deepEqual", 2, 2, |a, _| Ok(Value::Bool(a[0].kind() == a[1].kind() && same(&a[0], &a[1])))),
    function("sprig_deepCopy", 1, 1, |a, _| Ok(copied(&a[0]))),
    function("sprig_mustDeepCopy", 1, 1, |a, _| Ok(copied(&a[0]))),
    function("sprig_typeOf", 1, 1, |a, _| Ok(Value::text(type_of(&a[0])))),
    function("sprig_typeIs", 2, 2, |a, _| Ok(Value::Bool(text_of(&a[0])? == type_of(&a[1])))),
    function("sprig_kindIs", 2, 2, |a, _| Ok(Value::Bool(text_of(&a[0])? == kind_of(&a[1])))),
    function("sprig_unset", 2, 2, |a, _| {
        let mut map = map_of(&a[0])?.clone();
        map.remove(text_of(&a[1])?);
        Ok(Value::map(map))
    }),
    function("sprig_pluck", 1, ANY, |a, _| {
        let name = text_of(&a[0])?;
        let maps = a[1..].iter().map(map_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Value::list(maps.into_iter().filter_map(|map| map.get(name).cloned()).collect()))
    }),
    function("sprig_dig", 3, ANY, |a, _| {
        let [names @ .., other, map] = a else { return Err("it takes names, another value and a map".to_owned()) };
        let mut here = map;
        for name in names {
            match map_of(here)?.get(text_of(name)?) {
                Some(below) => here = below,
                None => return Ok(other.clone()),
            }
        }
        Ok(here.clone())
    }),
    function("sprig_merge", 1, ANY, |a, _| merged(a, Over::No)),
    function("sprig_mustMerge", 1, ANY, |a, _| merged(a, Over::No)),
    function("sprig_mergeOverwrite", 1, ANY, |a, _| merged(a, Over::Yes)),
    function("sprig_mustMergeOverwrite", 1, ANY, |a, _| merged(a, Over::Yes)),
];

fn ints(numbers: Vec<i64>) -> Value {
    Value::list_of(Items::Int, numbers.into_iter().map(Value::Int).collect())
}

/// Makes maps of their own, which do not change with the ones that they were.
fn copied(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::list_of(items.of(), items.iter().map(copied).collect()),
        Value::Map(entries) => Value::map(entries.iter().map(|(name, value)| (name.clone(), copied(value))).collect()),
        other => other.clone(),
    }
}

/// Which of two values stays where both maps have one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    No,
    Yes,
}

/// Puts maps together, and maps within them. What is empty never takes the place of something.
fn merged(maps: &[Value], over: Over) -> Outcome {
    let mut maps = maps.iter().map(map_of);
    let mut all = maps.next().transpose()?.cloned().unwrap_or_default();
    maps.try_for_each(|map| map.map(|map| merge(&mut all, map, over)))?;
    Ok(Value::map(all))
}

fn merge(all: &mut BTreeMap<String, Value>, map: &BTreeMap<String, Value>, over: Over) {
    for (name, value) in map {
        let new = match (all.get(name), value) {
            (Some(Value::Map(under)), Value::Map(more)) => {
                let mut under = BTreeMap::clone(under);
                merge(&mut under, more, over);
                Value::map(under)
            }
            (Some(there), _) if there.is_true() && (over == Over::No || !value.is_true()) => continue,
            _ => value.clone(),
        };
        all.insert(name.clone(), new);
    }
}

fn appended(arguments: &[Value]) -> Outcome {
    let mut items = list_of(&arguments[0])?.to_vec();
    items.push(arguments[1].clone());
    Ok(Value::list(items))
}

fn prepended(arguments: &[Value]) -> Outcome {
    let mut items = vec![arguments[1].clone()];
    items.extend_from_slice(list_of(&arguments[0])?);
    Ok(Value::list(items))
}

/// Gives every item as text, without those that are nothing; what is no list is the only one.
pub(super) fn texts(value: &Value) -> Vec<Vec<u8>> {
    match value {
        Value::List(items) => {
            items.iter().filter(|item| !matches!(item, Value::Nil | Value::Missing)).map(shown).collect()
        }
        Value::Nil | Value::Missing => Vec::new(),
        other => vec![shown(other)],
    }
}

fn whole(value: &Value) -> Result<i64, String> {
    match value {
        Value::Int(number) => Ok(*number),
        other => Err(format!("{} is given where a whole number belongs", other.kind())),
    }
}

/// Counts from a number up or down to another, which is left out. In the wrong direction that is nothing.
fn steps(from: i64, to: i64, step: i64) -> Result<Vec<i64>, String> {
    if from == to || step == 0 || (to > from) != (step > 0) {
        return Ok(Vec::new());
    }
    if to.abs_diff(from) / step.unsigned_abs() > MAX_ITEMS {
        return Err(format!("it counts further than {MAX_ITEMS}"));
    }
    let on_the_way = |at: &i64| if step > 0 { *at < to } else { *at > to };
    Ok(std::iter::successors(Some(from), |at| at.checked_add(step)).take_while(on_the_way).collect())
}

/// Names a type as Go's `%T`.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Missing | Value::Nil => "<nil>",
        other => other.kind(),
    }
}

/// Names a kind as Go's `reflect` does.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Missing | Value::Nil => "invalid",
        Value::List(_) => "slice",
        Value::Map(_) | Value::Texts(_) => "map",
        Value::Number(_) => "string",
        other => other.kind(),
    }
}
