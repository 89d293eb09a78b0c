//! Files of a configuration: a value as it is, a template, or several values in a format.

use std::collections::BTreeMap;

use super::decode::{known, value};
use super::map::{Fault, Map, Result, closest, entries, list, parse, text};
use super::template::Implied;
use super::{Content, FileName, FileSpec, Mode, SecretSpec, Source, VolumeSpec};
use crate::format::{Format, Part};
use crate::reference::{Name, ValueRef, shorten};
use crate::yaml::{Kind, Node};

/// What files are called, which is not always what their formats are.
const ENDINGS: [(&str, Format); 5] = [
    ("yml", Format::Yaml),
    ("env", Format::Dotenv),
    ("sh", Format::Shell),
    ("p12", Format::Pkcs12),
    ("pfx", Format::Pkcs12),
];

/// Reads all files.
pub(super) fn files(
    node: &Node,
    volumes: &BTreeMap<Name, VolumeSpec>,
    secrets: &BTreeMap<Name, SecretSpec>,
    implied: &mut Implied<'_>,
) -> Result<BTreeMap<FileName, FileSpec>> {
    let mut files: BTreeMap<FileName, FileSpec> = BTreeMap::new();
    for (key, node) in entries(node, "files")? {
        let name = FileName::parse(&key.text).map_err(|why| Fault::new(key.line, why))?;
        if let Some(volume) = name.volume().filter(|volume| !volumes.contains_key(*volume)) {
            let names: Vec<&str> = volumes.keys().map(Name::as_str).collect();
            let fault = Fault::new(key.line, format!("there is no volume `{volume}`, which `{name}` is to be in"));
            return Err(if names.is_empty() {
                fault.hint(format!("add it under `volumes`: `{volume}: {{ path: /run/secrets/{volume} }}`"))
            } else {
                fault.hint(format!("the volumes with a name are {}", list(&names)))
            });
        }
        let clash = files.keys().filter(|other| other.volume() == name.volume()).find(|other| {
            other.folders().any(|folder| folder == name.path()) || name.folders().any(|folder| folder == other.path())
        });
        if let Some(other) = clash {
            return Err(Fault::new(
                key.line,
                format!("`{name}` and `{other}` cannot both be there: one is a folder of the other"),
            ));
        }
        let spec = file(&name, node, secrets, implied)?;
        files.insert(name, spec);
    }
    Ok(files)
}

fn file(
    name: &FileName,
    node: &Node,
    secrets: &BTreeMap<Name, SecretSpec>,
    implied: &mut Implied<'_>,
) -> Result<FileSpec> {
    let what = format!("the file `{name}`");
    if let Kind::Scalar { .. } = node.kind {
        return Ok(FileSpec { content: Content::Raw(value(node, &name.to_string(), secrets)?), mode: None });
    }
    let mut map = Map::open(node, what.as_str())?;
    let line = map.line();
    let (format, raw, secret, values, with, mode) =
        (map.get("format"), map.get("value"), map.get("secret"), map.get("values"), map.get("with"), map.get("mode"));
    let mode = mode.map(|node| Ok((node.line, parse(node, "mode", Mode::parse)?))).transpose()?;
    let spec = |content| FileSpec { content, mode: mode.map(|(_, mode)| mode) };
    if let Some(node) = map.get("template") {
        let template = implied.decode(node, &mut map, secrets)?;
        map.finish()?;
        if format.or(raw).or(secret).or(values).or(with).is_some() {
            return Err(Fault::new(line, format!("{what} has a `template`, and something else besides")));
        }
        return Ok(spec(Content::Template(template)));
    }
    map.finish()?;
    let format = match format {
        Some(node) => kind(node, &what)?,
        None if raw.is_some() => None,
        None => return Err(Fault::new(line, format!("{what} lacks `format`")).hint(formats())),
    };
    let Some(format) = format else {
        return match (raw, secret.or(values).or(with)) {
            (Some(node), None) => Ok(spec(Content::Raw(value(node, "value", secrets)?))),
            _ => Err(Fault::new(line, format!("{what} is raw and needs `value`, and nothing else"))
                .hint("write `value: SECRET#FIELD`")),
        };
    };
    let with = match with {
        Some(node) => fixed(format, node)?,
        None => BTreeMap::new(),
    };
    let source = match (raw, secret, values) {
        (None, Some(node), None) => {
            let name = parse(node, "secret", Name::parse)?;
            known(&name, node, secrets)?;
            Source::Secret(name)
        }
        (None, None, Some(node)) => Source::Values(chosen(format, node, &with, secrets)?),
        _ => return Err(Fault::new(line, format!("{what} needs one of `secret` and `values`"))),
    };
    Ok(FileSpec { content: Content::Fields { format, source, with }, mode: self::mode(format, mode)? })
}

/// Reads the name of a format; none is raw.
fn kind(node: &Node, what: &str) -> Result<Option<Format>> {
    let name = text(node, "format")?;
    if name == "raw" {
        return Ok(None);
    }
    Format::find(name).map(Some).ok_or_else(|| {
        let fault = Fault::new(node.line, format!("{what} has the unknown format `{}`", shorten(name)));
        let ending = ENDINGS.iter().find(|(ending, _)| *ending == name).map(|(_, format)| format.name());
        match ending.or_else(|| closest(name, &names())) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint(formats()),
        }
    })
}

fn names() -> Vec<&'static str> {
    ["raw"].into_iter().chain(Format::ALL.iter().map(|format| format.name())).collect()
}

fn formats() -> String {
    format!("the formats are {}", list(&names()))
}

/// Reads what the configuration gives itself.
fn fixed(format: Format, node: &Node) -> Result<BTreeMap<String, String>> {
    let mut with = BTreeMap::new();
    for (key, node) in entries(node, "with")? {
        check(format, &key.text, key.line, with.keys())?;
        if format.part(&key.text).is_some_and(Part::is_secret) {
            return Err(Fault::new(
                key.line,
                format!("`{}` stands in `with`, which is for what is no secret", key.text),
            )
            .hint("give it under `values`, from a store"));
        }
        with.insert(key.text.clone(), text(node, &key.text)?.to_owned());
    }
    Ok(with)
}

/// Reads which value goes where.
fn chosen(
    format: Format,
    node: &Node,
    with: &BTreeMap<String, String>,
    secrets: &BTreeMap<Name, SecretSpec>,
) -> Result<BTreeMap<String, ValueRef>> {
    let mut values = BTreeMap::new();
    for (key, node) in entries(node, "values")? {
        check(format, &key.text, key.line, values.keys().chain(with.keys()))?;
        values.insert(key.text.clone(), value(node, &key.text, secrets)?);
    }
    if values.is_empty() {
        return Err(Fault::new(node.line, "`values` is empty"));
    }
    let given = |part: &&Part| values.keys().chain(with.keys()).any(|name| part.is(name));
    let mut needed = format.parts().unwrap_or_default().iter().filter(|part| part.is_needed());
    if let Some(part) = needed.find(|part| !given(part)) {
        return Err(Fault::new(node.line, format!("the format {} lacks `{}`", format.name(), part.name()))
            .hint(format!("{}, under `values` or, if it is no secret, under `with`", format.needs())));
    }
    Ok(values)
}

/// Looks whether a name has a place in a format, and nothing else is there already.
fn check<'n>(format: Format, name: &str, line: usize, mut others: impl Iterator<Item = &'n String>) -> Result<()> {
    format.check_name(name).map_err(|(what, hint)| Fault { line, what, hint })?;
    let part = format.part(name);
    match others.find(|other| *other == name || part.is_some_and(|part| part.is(other))) {
        Some(other) => {
            Err(Fault::new(line, format!("`{}` and `{}` are the same place", shorten(other), shorten(name))))
        }
        None => Ok(()),
    }
}

fn mode(format: Format, mode: Option<(usize, Mode)>) -> Result<Option<Mode>> {
    if !format.is_for_its_owner() {
        return Ok(mode.map(|(_, mode)| mode));
    }
    match mode {
        Some((line, mode)) if mode.bits() & 0o077 != 0 => Err(Fault::new(
            line,
            format!("{mode} lets others read the file, and then the readers of {} ignore it", format.name()),
        )
        .hint("leave `mode` out, or write \"0400\"")),
        Some((_, mode)) => Ok(Some(mode)),
        None => Ok(Some(Mode::OWNER)),
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
