//! Functions of sprig that people use, under the names that consul-template gives them: `sprig_NAME`.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::quote;
use super::data::{json, parse_json};
use super::{
    ANY, Function, MAX_TEXT, Outcome, Value, bytes_of, count_of, encode, function, list_of, map_of, math, same, shown,
    sprig_lists, text, text_of,
};

pub(super) const TABLE: &[Function] = &[
    function("sprig_b64enc", 1, 1, |a, _| Ok(Value::text(STANDARD.encode(bytes_of(&a[0])?)))),
    function("sprig_b64dec", 1, 1, |a, _| encode::decode(&STANDARD, &a[0])),
    function("sprig_sha256sum", 1, 1, |a, around| {
        Ok(Value::text(encode::hex(&around.outside().sha256(bytes_of(&a[0])?))))
    }),
    function("sprig_quote", 0, ANY, |a, _| Ok(words(a, |word| quote::text(word, false)))),
    function("sprig_squote", 0, ANY, |a, _| Ok(words(a, |word| format!("'{}'", String::from_utf8_lossy(word))))),
    function("sprig_cat", 0, ANY, |a, _| Ok(words(a, |word| String::from_utf8_lossy(word).into_owned()))),
    function("sprig_default", 1, 2, |a, _| {
        Ok(if a.len() == 2 && a[1].is_true() { a[1].clone() } else { a[0].clone() })
    }),
    function("sprig_empty", 1, 1, |a, _| Ok(Value::Bool(!a[0].is_true()))),
    function("sprig_coalesce", 0, ANY, |a, _| Ok(a.iter().find(|one| one.is_true()).cloned().unwrap_or_default())),
    function("sprig_ternary", 3, 3, |a, _| match a[2] {
        Value::Bool(truth) => Ok(if truth { a[0].clone() } else { a[1].clone() }),
        ref other => Err(format!("{} is given where a truth belongs", other.kind())),
    }),
    function("sprig_trim", 1, 1, |a, _| Ok(Value::text(text_of(&a[0])?.trim()))),
    function("sprig_trimAll", 2, 2, |a, _| Ok(Value::text(text::trim(text_of(&a[1])?, text_of(&a[0])?)))),
    function("sprig_trimPrefix", 2, 2, |a, _| {
        let (prefix, text) = (text_of(&a[0])?, text_of(&a[1])?);
        Ok(Value::text(text.strip_prefix(prefix).unwrap_or(text)))
    }),
    function("sprig_trimSuffix", 2, 2, |a, _| {
        let (suffix, text) = (text_of(&a[0])?, text_of(&a[1])?);
        Ok(Value::text(text.strip_suffix(suffix).unwrap_or(text)))
    }),
    function("sprig_replace", 3, 3, |a, _| text::replace(text_of(&a[0])?, text_of(&a[1])?, text_of(&a[2])?)),
    function("sprig_indent", 2, 2, |a, _| every_line(count_of(&a[0])?, text_of(&a[1])?)),
    function("sprig_nindent", 2, 2, |a, _| {
        let indented = every_line(count_of(&a[0])?, text_of(&a[1])?)?;
        Ok(Value::text(format!("\n{}", indented.as_str().unwrap_or_default())))
    }),
    function("sprig_upper", 1, 1, |a, _| Ok(Value::text(text::upper(text_of(&a[0])?)))),
    function("sprig_lower", 1, 1, |a, _| Ok(Value::text(text_of(&a[0])?.to_lowercase()))),
    function("sprig_title", 1, 1, |a, _| Ok(Value::text(text::title(text_of(&a[0])?)))),
    function("sprig_nospace", 1, 1, |a, _| Ok(Value::text(text_of(&a[0])?.split_whitespace().collect::<String>()))),
    function("sprig_trunc", 2, 2, |a, _| {
        let text = text_of(&a[1])?;
        let Value::Int(count) = a[0] else {
            return Err(format!("{} is given where a whole number belongs", a[0].kind()));
        };
        let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        let cut = if size >= text.len() {
            Some(text)
        } else if count < 0 {
            text.get(text.len() - size..)
        } else {
            text.get(..size)
        };
        cut.map(Value::text).ok_or_else(|| "it would cut a character in two".to_owned())
    }),
    function("sprig_substr", 3, 3, |a, _| {
        let text = text_of(&a[2])?;
        let end = |value: &Value, other: usize| match value {
            Value::Int(at) => Ok(usize::try_from(*at).map_or(other, |at| at.min(text.len()))),
            value => Err(format!("{} is given where a whole number belongs", value.kind())),
        };
        let (from, to) = (end(&a[0], 0)?, end(&a[1], text.len())?);
        text.get(from..to).map(Value::text).ok_or_else(|| "its ends do not fit the text".to_owned())
    }),
    function("sprig_contains", 2, 2, |a, _| Ok(Value::Bool(text_of(&a[1])?.contains(text_of(&a[0])?)))),
    function("sprig_hasPrefix", 2, 2, |a, _| Ok(Value::Bool(text_of(&a[1])?.starts_with(text_of(&a[0])?)))),
    function("sprig_hasSuffix", 2, 2, |a, _| Ok(Value::Bool(text_of(&a[1])?.ends_with(text_of(&a[0])?)))),
    function("sprig_repeat", 2, 2, |a, _| {
        let (count, text) = (count_of(&a[0])?, text_of(&a[1])?);
        if text.len().saturating_mul(count) > MAX_TEXT {
            return Err("what it would make is too large".to_owned());
        }
        Ok(Value::text(text.repeat(count)))
    }),
    function("sprig_regexMatch", 2, 2, |a, _| Ok(Value::Bool(text::regex(text_of(&a[0])?)?.is_match(text_of(&a[1])?)))),
    function("sprig_regexFind", 2, 2, |a, _| {
        Ok(Value::text(text::regex(text_of(&a[0])?)?.find(text_of(&a[1])?).map_or("", |found| found.as_str())))
    }),
    function("sprig_regexReplaceAll", 3, 3, |a, _| {
        Ok(Value::text(text::regex(text_of(&a[0])?)?.replace_all(text_of(&a[1])?, text_of(&a[2])?).into_owned()))
    }),
    function("sprig_splitList", 2, 2, |a, _| Ok(Value::texts(text_of(&a[1])?.split(text_of(&a[0])?)))),
    function("sprig_join", 2, 2, |a, _| Ok(Value::text(sprig_lists::texts(&a[1]).join(bytes_of(&a[0])?)))),
    function("sprig_toString", 1, 1, |a, _| match &a[0] {
        Value::Missing | Value::Nil => Ok(Value::text("<nil>")),
        other => Ok(Value::text(shown(other))),
    }),
    function("sprig_list", 0, ANY, |a, _| Ok(Value::list(a.to_vec()))),
    function("sprig_first", 1, 1, |a, _| Ok(list_of(&a[0])?.first().cloned().unwrap_or_default())),
    function("sprig_last", 1, 1, |a, _| Ok(list_of(&a[0])?.last().cloned().unwrap_or_default())),
    function("sprig_rest", 1, 1, |a, _| Ok(Value::list(list_of(&a[0])?.get(1..).unwrap_or_default().to_vec()))),
    function("sprig_initial", 1, 1, |a, _| {
        let items = list_of(&a[0])?;
        Ok(Value::list(items[..items.len().saturating_sub(1)].to_vec()))
    }),
    function("sprig_has", 2, 2, |a, _| Ok(Value::Bool(list_of(&a[1])?.iter().any(|item| same(item, &a[0]))))),
    function("sprig_without", 1, ANY, |a, _| {
        let kept = list_of(&a[0])?.iter().filter(|item| !a[1..].iter().any(|other| same(item, other)));
        Ok(Value::list(kept.cloned().collect()))
    }),
    function("sprig_compact", 1, 1, |a, _| {
        Ok(Value::list(list_of(&a[0])?.iter().filter(|item| item.is_true()).cloned().collect()))
    }),
    function("sprig_uniq", 1, 1, |a, _| {
        let mut seen: Vec<Value> = Vec::new();
        for item in list_of(&a[0])? {
            if !seen.iter().any(|other| same(other, item)) {
                seen.push(item.clone());
            }
        }
        Ok(Value::list(seen))
    }),
    function("sprig_sortAlpha", 1, 1, |a, _| {
        let mut all: Vec<Vec<u8>> = list_of(&a[0])?.iter().map(shown).collect();
        all.sort_unstable();
        Ok(Value::texts(all))
    }),
    function("sprig_dict", 0, ANY, |a, _| {
        let pairs = a.chunks(2).map(|pair| {
            let name = String::from_utf8_lossy(&shown(&pair[0])).into_owned();
            (name, pair.get(1).cloned().unwrap_or_else(|| Value::text("")))
        });
        Ok(Value::map(pairs.collect()))
    }),
    function("sprig_get", 2, 2, |a, _| {
        Ok(map_of(&a[0])?.get(text_of(&a[1])?).cloned().unwrap_or_else(|| Value::text("")))
    }),
    function("sprig_hasKey", 2, 2, |a, _| Ok(Value::Bool(map_of(&a[0])?.contains_key(text_of(&a[1])?)))),
    function("sprig_keys", 1, ANY, |a, _| {
        let mut names = Vec::new();
        for map in a {
            names.extend(map_of(map)?.keys().map(String::as_str));
        }
        Ok(Value::texts(names))
    }),
    function("sprig_values", 1, 1, |a, _| Ok(Value::list(map_of(&a[0])?.values().cloned().collect()))),
    function("sprig_pick", 1, ANY, |a, _| chosen(a, true)),
    function("sprig_omit", 1, ANY, |a, _| chosen(a, false)),
    function("sprig_set", 3, 3, |a, _| {
        let mut map = map_of(&a[0])?.clone();
        map.insert(text_of(&a[1])?.to_owned(), a[2].clone());
        Ok(Value::Map(Rc::new(map)))
    }),
    function("sprig_toJson", 1, 1, |a, _| json(&a[0], None, true)),
    function("sprig_toRawJson", 1, 1, |a, _| json(&a[0], None, false)),
    function("sprig_toPrettyJson", 1, 1, |a, _| json(&a[0], Some("  "), true)),
    function("sprig_fromJson", 1, 1, |a, _| parse_json(text_of(&a[0])?).or_else(|_| Ok(Value::Nil))),
    function("sprig_mustFromJson", 1, 1, |a, _| parse_json(text_of(&a[0])?)),
    function("sprig_atoi", 1, 1, |a, _| Ok(Value::Int(text_of(&a[0])?.parse().unwrap_or(0)))),
    function("sprig_int", 1, 1, |a, _| number(&a[0])),
    function("sprig_int64", 1, 1, |a, _| number(&a[0])),
    function("sprig_add", 0, ANY, |a, _| fold(a, 0, i64::checked_add)),
    function("sprig_add1", 1, 1, |a, _| math::two(&number(&a[0])?, &Value::Int(1), i64::checked_add, |x, y| x + y)),
    function("sprig_mul", 1, ANY, |a, _| fold(a, 1, i64::checked_mul)),
    function("sprig_sub", 2, 2, |a, _| math::two(&number(&a[0])?, &number(&a[1])?, i64::checked_sub, |x, y| x - y)),
    function("sprig_div", 2, 2, |a, _| math::two(&number(&a[0])?, &number(&a[1])?, i64::checked_div, |x, y| x / y)),
    function("sprig_mod", 2, 2, |a, _| math::two(&number(&a[0])?, &number(&a[1])?, i64::checked_rem, |x, y| x % y)),
    function("sprig_kindOf", 1, 1, |a, _| Ok(Value::text(sprig_lists::kind_of(&a[0])))),
    function("sprig_max", 1, ANY, |a, _| fold(&a[1..], first(a)?, |x, y| Some(x.max(y)))),
    function("sprig_biggest", 1, ANY, |a, _| fold(&a[1..], first(a)?, |x, y| Some(x.max(y)))),
    function("sprig_min", 1, ANY, |a, _| fold(&a[1..], first(a)?, |x, y| Some(x.min(y)))),
];

/// Writes every argument that is there, with a space between.
fn words(arguments: &[Value], write: fn(&[u8]) -> String) -> Value {
    let there = arguments.iter().filter(|one| !matches!(one, Value::Missing | Value::Nil));
    Value::text(there.map(|one| write(&shown(one))).collect::<Vec<_>>().join(" "))
}

/// Puts spaces before every line, empty ones as well.
fn every_line(spaces: usize, text: &str) -> Outcome {
    if spaces.saturating_mul(1 + text.matches('\n').count()) > MAX_TEXT {
        return Err("what it would make is too large".to_owned());
    }
    let space = " ".repeat(spaces);
    Ok(Value::text(format!("{space}{}", text.replace('\n', &format!("\n{space}")))))
}

fn chosen(arguments: &[Value], kept: bool) -> Outcome {
    let names = arguments[1..].iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
    let entries = map_of(&arguments[0])?.iter().filter(|(name, _)| names.contains(&name.as_str()) == kept);
    Ok(Value::map(entries.map(|(name, value)| (name.clone(), value.clone())).collect()))
}

/// Makes a whole number of anything, and 0 of what is none.
fn number(value: &Value) -> Outcome {
    #[expect(clippy::cast_possible_truncation, reason = "it is what Go does with a number that has a fraction")]
    Ok(Value::Int(match value {
        Value::Int(number) => *number,
        Value::Float(number) => *number as i64,
        Value::Bool(truth) => i64::from(*truth),
        other => other.as_str().and_then(|text| text.parse().ok()).unwrap_or(0),
    }))
}

fn first(arguments: &[Value]) -> Result<i64, String> {
    match number(&arguments[0])? {
        Value::Int(number) => Ok(number),
        other => Err(format!("{} is given where a whole number belongs", other.kind())),
    }
}

fn fold(arguments: &[Value], first: i64, with: fn(i64, i64) -> Option<i64>) -> Outcome {
    let mut sum = first;
    for argument in arguments {
        if let Value::Int(one) = number(argument)? {
            sum = with(sum, one).ok_or("the result is no number")?;
        }
    }
    Ok(Value::Int(sum))
}
