//! Lists and maps, and the scratch pad.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Function, Outcome, Surroundings, Value, function, list_of, map_of, same, text_of};

/// How far `loop` counts at most.
const MAX_LOOP: i64 = 1_000_000;

pub(super) const TABLE: &[Function] = &[
    function("in", 2, 2, |a, _| contains(&a[0], &a[1])),
    function("contains", 2, 2, |a, _| contains(&a[1], &a[0])),
    function("containsAll", 2, 2, |a, _| many(&a[0], &a[1], |found, all| found == all)),
    function("containsAny", 2, 2, |a, _| many(&a[0], &a[1], |found, _| found > 0)),
    function("containsNone", 2, 2, |a, _| many(&a[0], &a[1], |found, _| found == 0)),
    function("containsNotAll", 2, 2, |a, _| many(&a[0], &a[1], |found, all| found < all)),
    function("loop", 1, 2, |a, _| {
        let number = |value: &Value| match value {
            Value::Int(number) => Ok(*number),
            other => other
                .as_str()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| format!("{} is given where a whole number belongs", other.kind())),
        };
        let (from, to) = if a.len() == 1 { (0, number(&a[0])?) } else { (number(&a[0])?, number(&a[1])?) };
        if to.saturating_sub(from) > MAX_LOOP {
            return Err(format!("it counts further than {MAX_LOOP}"));
        }
        Ok(Value::list((from..to).map(Value::Int).collect()))
    }),
    function("mergeMap", 2, 2, |a, _| Ok(merged(map_of(&a[1])?, map_of(&a[0])?))),
    function("mergeMapWithOverride", 2, 2, |a, _| Ok(merged(map_of(&a[0])?, map_of(&a[1])?))),
    function("explodeMap", 1, 1, |a, _| explode(map_of(&a[0])?)),
    function("scratch.Key", 1, 1, |a, s| Ok(Value::Bool(s.scratch.borrow().contains_key(text_of(&a[0])?)))),
    function("scratch.Get", 1, 1, |a, s| Ok(s.scratch.borrow().get(text_of(&a[0])?).cloned().unwrap_or(Value::Nil))),
    function("scratch.Set", 2, 2, |a, s| set(&a[0], &a[1], s)),
    function("scratch.SetX", 2, 2, |a, s| {
        if s.scratch.borrow().contains_key(text_of(&a[0])?) { Ok(Value::text("")) } else { set(&a[0], &a[1], s) }
    }),
    function("scratch.MapSet", 3, 3, |a, s| map_set(a, s, true)),
    function("scratch.MapSetX", 3, 3, |a, s| map_set(a, s, false)),
    function("scratch.MapValues", 1, 1, |a, s| {
        let scratch = s.scratch.borrow();
        let entries = scratch.get(text_of(&a[0])?).map(map_of).transpose()?;
        Ok(entries.map_or(Value::Nil, |entries| Value::list(entries.values().cloned().collect())))
    }),
];

fn contains(of: &Value, what: &Value) -> Outcome {
    Ok(Value::Bool(match of {
        Value::List(items) => items.iter().any(|item| same(item, what)),
        Value::Map(entries) | Value::Texts(entries) => what.as_str().is_some_and(|name| entries.contains_key(name)),
        other => text_of(other)?.contains(text_of(what)?),
    }))
}

fn many(wanted: &Value, of: &Value, fits: fn(usize, usize) -> bool) -> Outcome {
    let (wanted, of) = (list_of(wanted)?, list_of(of)?);
    let found = wanted.iter().filter(|one| of.iter().any(|item| same(item, one))).count();
    Ok(Value::Bool(fits(found, wanted.len())))
}

/// Puts the second map over the first, maps within included.
fn merged(under: &BTreeMap<String, Value>, over: &BTreeMap<String, Value>) -> Value {
    let mut all = under.clone();
    for (name, value) in over {
        let value = match (all.get(name), value) {
            (Some(Value::Map(under)), Value::Map(over)) => merged(under, over),
            _ => value.clone(),
        };
        all.insert(name.clone(), value);
    }
    Value::map(all)
}

/// Makes a tree of keys with slashes.
fn explode(flat: &BTreeMap<String, Value>) -> Outcome {
    let mut tree = BTreeMap::new();
    for (name, value) in flat {
        put(&mut tree, name, value)?;
    }
    Ok(Value::map(tree))
}

fn put(tree: &mut BTreeMap<String, Value>, path: &str, value: &Value) -> Result<(), String> {
    match path.split_once('/') {
        None => {
            tree.insert(path.to_owned(), value.clone());
            Ok(())
        }
        Some((first, rest)) => {
            let below = tree.entry(first.to_owned()).or_insert_with(|| Value::map(BTreeMap::new()));
            match below {
                Value::Map(entries) => put(Rc::make_mut(entries), rest, value),
                _ => Err("a key is both a value and the beginning of another".to_owned()),
            }
        }
    }
}

fn set(name: &Value, value: &Value, around: &Surroundings<'_>) -> Outcome {
    around.scratch.borrow_mut().insert(text_of(name)?.to_owned(), value.clone());
    Ok(Value::text(""))
}

fn map_set(arguments: &[Value], around: &Surroundings<'_>, over: bool) -> Outcome {
    let (map, name) = (text_of(&arguments[0])?, text_of(&arguments[1])?);
    let mut scratch = around.scratch.borrow_mut();
    match scratch.entry(map.to_owned()).or_insert_with(|| Value::map(BTreeMap::new())) {
        Value::Map(entries) if over || !entries.contains_key(name) => {
            Rc::make_mut(entries).insert(name.to_owned(), arguments[2].clone());
        }
        Value::Map(_) => {}
        other => return Err(format!("what is there is {} and no map", other.kind())),
    }
    Ok(Value::text(""))
}
