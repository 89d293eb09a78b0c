//! The blocks `template` and `env_template`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::read::Reader;
use super::values::{
    account, blocks, boolean, duration, given, labelled, one, optional, parsed, path, required, signal, string,
};
use super::{Account, Command, EnvTemplate, Template, TemplateBody, TemplateText, Wait};
use crate::config::EnvName;
use crate::config::map::{Fault, Map, Result, text};
use crate::yaml::{Kind, Node};

const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Keys of `exec` in a template that we read past, and what is done instead.
const EXEC_LOST: &[(&str, &str)] = &[
    ("env", "the command has the agent's own environment"),
    ("kill_timeout", "a command that takes too long is killed at once"),
    ("splay", "the command is run at once"),
];

impl Reader {
    pub(super) fn templates(&mut self, node: Option<&Node>) -> Result<Vec<Template>> {
        node.into_iter().flat_map(blocks).map(|node| self.template(node)).collect()
    }

    fn template(&mut self, node: &Node) -> Result<Template> {
        let mut map = Map::open(node, "`template`")?;
        let body = self.body(&mut map)?;
        let (user, group) = (self.owner(&mut map, "user", "uid")?, self.owner(&mut map, "group", "gid")?);
        let template = Template {
            body,
            destination: required(&mut map, "destination", path)?,
            create_dest_dirs: optional(&mut map, "create_dest_dirs", boolean)?.unwrap_or(true),
            perms: self.mode(&mut map, "perms")?,
            user,
            group,
            wait: given(&mut map, "wait").map(wait).transpose()?.flatten(),
            command: self.command(&mut map)?,
        };
        optional(&mut map, "backup", boolean)?;
        self.lost(&mut map, "backup", "no copy of the previous file is kept, since it holds a secret");
        map.finish()?;
        Ok(template)
    }

    pub(super) fn env_templates(&mut self, node: Option<&Node>) -> Result<Vec<EnvTemplate>> {
        let mut all = Vec::new();
        let mut seen = BTreeSet::new();
        for (label, node) in node.into_iter().flat_map(|node| labelled(node, &[])) {
            let Some(label) = label else {
                return Err(Fault::new(node.line, "`env_template` lacks the name of its variable")
                    .hint("write `env_template \"NAME\" { … }`"));
            };
            let name = EnvName::parse(&label.text).map_err(|why| Fault::new(label.line, why))?;
            if !seen.insert(name.clone()) {
                return Err(Fault::new(label.line, format!("the variable `{name}` is given twice")));
            }
            let mut map = Map::open(node, format!("`env_template` `{name}`"))?;
            let body = self.body(&mut map)?;
            map.finish()?;
            all.push(EnvTemplate { name, body });
        }
        Ok(all)
    }

    /// Reads what templates of both kinds have.
    fn body(&mut self, map: &mut Map<'_>) -> Result<TemplateBody> {
        let line = map.line();
        let (contents, source) = (optional(map, "contents", string)?, given(map, "source"));
        let text = match (contents, source) {
            (Some(contents), None) => TemplateText::Contents(contents),
            (None, Some(_)) => TemplateText::Source(required(map, "source", path)?),
            (None, None) => {
                let typo = map.need("contents").err().filter(|fault| fault.hint.is_some());
                return Err(typo.unwrap_or_else(|| Fault::new(line, "a template lacks `contents` or `source`")));
            }
            (Some(_), Some(source)) => {
                return Err(Fault::new(source.line, "a template has both `contents` and `source`"));
            }
        };
        let body = TemplateBody {
            text,
            left_delimiter: optional(map, "left_delimiter", string)?.unwrap_or_else(|| "{{".to_owned()),
            right_delimiter: optional(map, "right_delimiter", string)?.unwrap_or_else(|| "}}".to_owned()),
            error_on_missing_key: optional(map, "error_on_missing_key", boolean)?.unwrap_or(false),
        };
        let fatal = given(map, "error_fatal").map(|node| Ok((node.line, parsed(node, "error_fatal", boolean)?)));
        if let Some((line, false)) = fatal.transpose()? {
            self.warn(line, "`error_fatal` has no counterpart: a template that cannot be rendered is an error");
        }
        self.lost(map, "sandbox_path", "which files a template may read is up to the agent");
        for key in ["function_denylist", "function_blacklist"] {
            self.lost(map, key, "functions cannot be taken away from a single template");
        }
        Ok(body)
    }

    /// Reads an owner: by name or number, or under the older key that takes a number only.
    fn owner(&mut self, map: &mut Map<'_>, key: &'static str, older: &'static str) -> Result<Option<Account>> {
        let named = optional(map, key, account)?;
        // consul-template takes -1 for nobody in particular.
        let numbered = match given(map, older) {
            Some(node) if text(node, older)? == "-1" => None,
            _ => optional(map, older, super::values::number)?.map(Account::Id),
        };
        match (named, numbered) {
            (Some(_), Some(_)) => Err(Fault::new(map.line(), format!("`template` has both `{key}` and `{older}`"))),
            (named, numbered) => Ok(named.or(numbered)),
        }
    }

    fn command(&mut self, map: &mut Map<'_>) -> Result<Option<Command>> {
        let (line, exec) = (given(map, "command"), given(map, "exec"));
        let timeout = optional(map, "command_timeout", duration)?.unwrap_or(COMMAND_TIMEOUT);
        match (line, exec) {
            (None, None) => Ok(None),
            (Some(node), None) => Ok(Some(Command { argv: self.argv(node, "command")?, timeout })),
            (None, Some(node)) => self.exec_of_template(one(node, "exec")?, timeout),
            (Some(_), Some(node)) => Err(Fault::new(node.line, "`template` has both `command` and `exec`")),
        }
    }

    fn exec_of_template(&mut self, node: &Node, timeout: Duration) -> Result<Option<Command>> {
        let mut map = Map::open(node, "`exec`")?;
        let argv = self.argv(map.need("command")?, "command")?;
        let timeout = optional(&mut map, "timeout", duration)?.unwrap_or(timeout);
        let enabled = optional(&mut map, "enabled", boolean)?.unwrap_or(true);
        for (key, why) in EXEC_LOST {
            self.lost(&mut map, key, why);
        }
        for key in ["kill_signal", "reload_signal"] {
            optional(&mut map, key, signal)?;
            self.lost(&mut map, key, "the command is run to its end, and gets no signal but the last");
        }
        map.finish()?;
        Ok(enabled.then_some(Command { argv, timeout }))
    }
}

/// Reads `{ min = "2s", max = "10s" }` or `"2s:10s"`; without a maximum it is four times the minimum, as it is for
/// consul-template. None if it is switched off.
fn wait(node: &Node) -> Result<Option<Wait>> {
    let (min, max, enabled) = match &node.kind {
        Kind::Scalar { .. } => {
            let written = text(node, "wait")?;
            let (min, max) = written.split_once(':').map_or((written, None), |(min, max)| (min, Some(max)));
            let read = |text: &str| duration(text).map_err(|why| Fault::new(node.line, format!("`wait`: {why}")));
            (read(min)?, max.map(read).transpose()?, true)
        }
        _ => {
            let mut map = Map::open(one(node, "wait")?, "`wait`")?;
            let (min, max) = (required(&mut map, "min", duration)?, optional(&mut map, "max", duration)?);
            let enabled = optional(&mut map, "enabled", boolean)?.unwrap_or(true);
            map.finish()?;
            (min, max, enabled)
        }
    };
    let max = max.unwrap_or(min * 4);
    if min > max {
        return Err(Fault::new(node.line, "the least `wait` is longer than the longest"));
    }
    Ok(enabled.then_some(Wait { min, max }))
}
