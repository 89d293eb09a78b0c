//! What consul-template adds to Go's functions, and what we add to those. Each stands once in the table of its theme,
//! with how many arguments it takes; an error says what is wrong with an argument, never what it is.

mod collect;
mod data;
mod encode;
mod math;
mod sprig;
mod sprig_cases;
mod sprig_lists;
mod sprig_text;
mod sprig_time;
mod sprig_url;
mod sprig_words;
mod text;
mod time;
mod toml;

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::print::print;
use super::value::Value;
use super::{Context, Outside, SecretCall};

/// What functions can reach beside their arguments.
pub(super) struct Surroundings<'a> {
    context: &'a dyn Context,
    scratch: RefCell<BTreeMap<String, Value>>,
}

impl<'a> Surroundings<'a> {
    pub(super) fn new(context: &'a dyn Context) -> Self {
        Self { context, scratch: RefCell::default() }
    }

    fn outside(&self) -> &dyn Outside {
        self.context.outside()
    }
}

type Outcome = Result<Value, String>;

/// A function, and how many arguments it takes.
struct Function {
    name: &'static str,
    least: usize,
    most: usize,
    call: fn(&[Value], &Surroundings<'_>) -> Outcome,
}

/// Any number of arguments.
const ANY: usize = usize::MAX;
/// The most that a function may make, in bytes.
const MAX_TEXT: usize = 4 << 20;

const fn function(
    name: &'static str,
    least: usize,
    most: usize,
    call: fn(&[Value], &Surroundings<'_>) -> Outcome,
) -> Function {
    Function { name, least, most, call }
}

/// Functions that the renderer calls by itself.
const OF_THE_RENDERER: &[&str] =
    &["secret", "secrets", "pkiCert", "executeTemplate", "scratch", "writeToFile", "writtenTo"];

const TABLES: &[&[Function]] = &[
    text::TABLE,
    encode::TABLE,
    collect::TABLE,
    math::TABLE,
    data::TABLE,
    time::TABLE,
    sprig::TABLE,
    sprig_cases::TABLE,
    sprig_lists::TABLE,
    sprig_text::TABLE,
    sprig_time::TABLE,
    sprig_url::TABLE,
    sprig_words::TABLE,
];

fn find(name: &str) -> Option<&'static Function> {
    let of_that_name = |name: &str| TABLES.iter().flat_map(|table| table.iter()).find(|function| function.name == name);
    of_that_name(name).or_else(|| of_that_name(&without_must(name)?))
}

/// Sprig has functions twice: one gives an error where the other panics, and rendering ends in both. Ours give errors.
const MUST: &[&str] = &[
    "Compact",
    "First",
    "Rest",
    "Last",
    "Initial",
    "Reverse",
    "Uniq",
    "Without",
    "Has",
    "Slice",
    "Chunk",
    "ToJson",
    "ToPrettyJson",
    "ToRawJson",
    "RegexFind",
    "RegexFindAll",
    "RegexReplaceAll",
    "RegexReplaceAllLiteral",
    "RegexSplit",
];

fn without_must(name: &str) -> Option<String> {
    let rest = name.strip_prefix("sprig_must").filter(|rest| MUST.contains(rest))?;
    let (first, others) = rest.split_at(1);
    Some(format!("sprig_{}{others}", first.to_lowercase()))
}

/// Tells whether there is a function of that name.
pub(super) fn is_known(name: &str) -> bool {
    OF_THE_RENDERER.contains(&name) || find(name).is_some()
}

/// Functions besides those of `text` that need nothing but their arguments, and are used to put paths together.
const OF_PATHS: &[&str] = &[
    "sprig_default",
    "sprig_lower",
    "sprig_upper",
    "sprig_trim",
    "sprig_trimAll",
    "sprig_trimPrefix",
    "sprig_trimSuffix",
    "sprig_replace",
    "sprig_list",
    "sprig_splitList",
    "sprig_join",
    "sprig_trunc",
    "sprig_coalesce",
    "sprig_ternary",
    "loop",
];

/// Calls one of those; none if it is another, or cannot do it.
pub(super) fn of_text(name: &str, arguments: &[Value]) -> Option<Value> {
    let of_paths = || find(name).filter(|_| OF_PATHS.contains(&name));
    text::TABLE.iter().find(|function| function.name == name).or_else(of_paths)?;
    call(name, arguments, &Surroundings::new(&Nothing)).ok()
}

/// No surroundings at all, for functions that ask for none.
struct Nothing;

impl Context for Nothing {
    fn root(&self) -> Value {
        Value::Nil
    }

    fn secret(&self, _: &SecretCall) -> Option<Value> {
        None
    }

    fn outside(&self) -> &dyn Outside {
        unreachable!("functions of their arguments alone ask for nothing")
    }
}

/// Says what to do in place of a function that consul-template has and we have not.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    match name {
        "plugin" => Some("nothing is run while a template is rendered"),
        "key" | "keyExists" | "keyExistsGet" | "keyOrDefault" | "ls" | "safeLs" | "tree" | "safeTree" | "service"
        | "services" | "node" | "nodes" | "datacenters" | "caRoots" | "caLeaf" | "connect" | "peerings"
        | "partitions" | "nomadService" | "nomadServices" | "nomadVar" | "nomadVarList" | "nomadVarExists"
        | "exportedServices" | "byKey" | "byTag" | "byMeta" | "byPort" | "explode" | "nomadVarListSafe"
        | "safeNode" => Some("nothing is read from Consul or Nomad: put the value into Vault, or into a file"),
        "sockaddr" => Some("hand the pod's address to the agent as a variable, and write `env \"POD_IP\"`"),
        "spew_dump" | "spew_printf" | "spew_sdump" | "spew_sprintf" => {
            Some("it shows values as Go has them in memory: use `toJSONPretty`, or `printf \"%v\"`")
        }
        _ if name.starts_with("sprig_") => Some(of_sprig(&name["sprig_".len()..])),
        _ => None,
    }
}

/// Says what to do in place of a function of sprig.
fn of_sprig(name: &str) -> &'static str {
    let makes =
        ["gen", "rand", "derive", "encrypt", "decrypt", "htpasswd", "bcrypt", "buildCustomCert", "uuid", "shuffle"];
    let reads = ["date", "now", "html", "ago", "duration", "toDate", "unixEpoch", "env", "expandenv", "getHostByName"];
    if makes.iter().any(|one| name.starts_with(one)) {
        "a rendering makes no keys and draws nothing at random, so that the same secret gives the same file: have the store make it"
    } else if reads.iter().any(|one| name.starts_with(one)) {
        "consul-template's own functions do it: `timestamp`, `env`"
    } else {
        "write it with other functions, or render it where the value is put into the store"
    }
}

/// Calls a function.
pub(super) fn call(name: &str, arguments: &[Value], around: &Surroundings<'_>) -> Outcome {
    let function = find(name).ok_or_else(|| "there is no such function".to_owned())?;
    if arguments.len() < function.least || arguments.len() > function.most {
        return Err(match (function.least, function.most) {
            (least, ANY) => format!("it takes at least {least} arguments, and is given {}", arguments.len()),
            (least, most) if least == most => format!("it takes {least} arguments, and is given {}", arguments.len()),
            (least, most) => format!("it takes {least} to {most} arguments, and is given {}", arguments.len()),
        });
    }
    (function.call)(arguments, around)
}

/// Gives an argument that must be text.
fn text_of(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("{} is given where text belongs", value.kind()))
}

/// Gives the bytes of an argument that must be text.
fn bytes_of(value: &Value) -> Result<&[u8], String> {
    match value {
        Value::Text(text) => Ok(text.expose()),
        other => text_of(other).map(str::as_bytes),
    }
}

/// Gives an argument as text, whatever it is.
fn shown(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    if !matches!(value, Value::Missing | Value::Nil) {
        print(value, &mut out);
    }
    out
}

fn list_of(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::List(items) => Ok(items),
        Value::Missing | Value::Nil => Ok(&[]),
        other => Err(format!("{} is given where a list belongs", other.kind())),
    }
}

fn map_of(value: &Value) -> Result<&BTreeMap<String, Value>, String> {
    match value {
        Value::Map(entries) => Ok(entries),
        other => Err(format!("{} is given where a map belongs", other.kind())),
    }
}

fn count_of(value: &Value) -> Result<usize, String> {
    match value {
        Value::Int(number) => usize::try_from(*number).map_err(|_| "a negative number is given".to_owned()),
        other => Err(format!("{} is given where a whole number belongs", other.kind())),
    }
}

/// Tells whether two values are the same, whatever they are.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other.iter()).all(|(a, b)| same(a, b))
        }
        (Value::Map(one), Value::Map(other)) | (Value::Texts(one), Value::Texts(other)) => {
            one.len() == other.len() && one.iter().zip(other.iter()).all(|((a, x), (b, y))| a == b && same(x, y))
        }
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Int(one), Value::Int(other)) => one == other,
        (Value::Float(one), Value::Float(other)) => (one - other).abs() == 0.0,
        (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => true,
        _ => bytes_of(one).is_ok_and(|one| bytes_of(other).is_ok_and(|other| one == other)),
    }
}

#[cfg(test)]
pub(in crate::template) mod tests;
