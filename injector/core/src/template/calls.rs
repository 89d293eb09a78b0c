//! Finds the secrets that a template asks for, and the files that it writes, before anything is rendered: `secret "PATH"`,
//! `pkiCert "PATH"` and `writeToFile "PATH"` with arguments that stand in the template, by themselves, in `printf`, or in a
//! variable.

use std::collections::{BTreeMap, BTreeSet};

use super::error::TemplateError;
use super::parse::{Expr, ExprKind, Node, Pipeline, Tree};
use super::printf::printf;
use super::render::secret_call;
use super::{CallKind, SecretCall, Value, Write};

/// What has to be known of a template before it is rendered.
pub(super) struct Calls {
    /// What it asks for, each once.
    pub(super) secrets: Vec<SecretCall>,
    /// The files that it writes beside its own, each once.
    pub(super) writes: Vec<Write>,
    /// Whether its own is one of these, which it takes by `writtenTo`.
    pub(super) takes_written: bool,
}

pub(super) fn find(tree: &Tree) -> Result<Calls, TemplateError> {
    let mut finder = Finder { found: Vec::new(), writes: Vec::new(), takes_written: false, known: BTreeMap::new() };
    for body in tree.bodies.values() {
        finder.nodes(body)?;
    }
    finder.found.sort();
    finder.found.dedup();
    Ok(Calls { secrets: finder.found, writes: finder.writes, takes_written: finder.takes_written })
}

struct Finder {
    found: Vec<SecretCall>,
    writes: Vec<Write>,
    takes_written: bool,
    /// Variables whose value stands in the template; none where it was set twice.
    known: BTreeMap<String, Option<Value>>,
}

impl Finder {
    fn nodes(&mut self, nodes: &[Node]) -> Result<(), TemplateError> {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Print(pipeline) => self.pipeline(pipeline)?,
                Node::If { pipeline, then, otherwise }
                | Node::With { pipeline, then, otherwise }
                | Node::Range { pipeline, each: then, otherwise } => {
                    self.pipeline(pipeline)?;
                    self.nodes(then)?;
                    self.nodes(otherwise)?;
                }
                Node::Template { pipeline, .. } => pipeline.iter().try_for_each(|pipeline| self.pipeline(pipeline))?,
            }
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<(), TemplateError> {
        let mut last: Option<Option<Value>> = None;
        for command in &pipeline.commands {
            for expr in command {
                self.inside(expr)?;
            }
            self.command(command, last.as_ref())?;
            last = Some(self.constant(command));
        }
        for name in &pipeline.variables {
            let value = last.clone().flatten();
            let set_before = self.known.contains_key(name);
            self.known.insert(name.clone(), if set_before { None } else { value });
        }
        Ok(())
    }

    /// Looks into parentheses.
    fn inside(&mut self, expr: &Expr) -> Result<(), TemplateError> {
        match &expr.kind {
            ExprKind::Pipeline(inner) => self.pipeline(inner),
            ExprKind::Fields(inner, _) => self.inside(inner),
            _ => Ok(()),
        }
    }

    fn command(&mut self, command: &[Expr], last: Option<&Option<Value>>) -> Result<(), TemplateError> {
        let Some((first, rest)) = command.split_first() else { return Ok(()) };
        let kind = match &first.kind {
            ExprKind::Function(name) if name == "secret" => CallKind::Secret,
            ExprKind::Function(name) if name == "pkiCert" => CallKind::PkiCert,
            ExprKind::Function(name) if name == "writeToFile" => return self.write(first.line, rest),
            ExprKind::Function(name) if name == "writtenTo" => {
                self.takes_written = true;
                return Ok(());
            }
            _ => return Ok(()),
        };
        let given = rest.iter().map(|expr| self.value(expr)).chain(last.cloned());
        let Some(arguments) = given.collect::<Option<Vec<Value>>>() else {
            return Err(TemplateError::new(first.line, "the path of a secret is not known before it is rendered")
                .hint("write it as a string; `printf` of strings and variables that are set once will do as well"));
        };
        self.found.push(secret_call(kind, &arguments).map_err(|what| TemplateError::new(first.line, what))?);
        Ok(())
    }

    fn write(&mut self, line: usize, given: &[Expr]) -> Result<(), TemplateError> {
        let text = |expr: &Expr| self.value(expr)?.as_str().map(str::to_owned);
        let known = given.get(..4).and_then(|given| given.iter().map(text).collect::<Option<Vec<String>>>());
        let Some([path, user, group, mode]) = known.and_then(|known| <[String; 4]>::try_from(known).ok()) else {
            return Err(TemplateError::new(line, "where `writeToFile` writes is not known before it is rendered")
                .hint("write the path, the user, the group and the mode as strings"));
        };
        // The last that is said of a file holds, as it is written last.
        self.writes.retain(|write| write.path != path);
        self.writes.push(Write { path, user, group, mode });
        Ok(())
    }

    fn value(&self, expr: &Expr) -> Option<Value> {
        match &expr.kind {
            ExprKind::Text(text) => Some(Value::text(text.as_str())),
            ExprKind::Int(number) => Some(Value::Int(*number)),
            ExprKind::Variable(name) => self.known.get(name).cloned().flatten(),
            ExprKind::Pipeline(inner) => match inner.commands.as_slice() {
                [command] if inner.variables.is_empty() => self.constant(command),
                _ => None,
            },
            _ => None,
        }
    }

    /// Gives the value of a command that needs nothing from outside.
    fn constant(&self, command: &[Expr]) -> Option<Value> {
        match command {
            [one] => self.value(one),
            [Expr { kind: ExprKind::Function(name), .. }, format, rest @ ..] if name == "printf" => {
                let rest = rest.iter().map(|expr| self.value(expr)).collect::<Option<Vec<_>>>()?;
                printf(self.value(format)?.as_str()?, &rest).ok().map(Value::text)
            }
            _ => None,
        }
    }
}

/// Collects every name that may be one of the data: fields of `.` and `$`, and strings.
pub(super) fn mentions(tree: &Tree) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    tree.bodies.values().for_each(|body| mentioned(body, &mut names));
    names
}

fn mentioned<'t>(nodes: &'t [Node], names: &mut BTreeSet<&'t str>) {
    for node in nodes {
        match node {
            Node::Text(_) | Node::Break | Node::Continue => {}
            Node::Print(pipeline) => in_pipeline(pipeline, names),
            Node::If { pipeline, then, otherwise }
            | Node::With { pipeline, then, otherwise }
            | Node::Range { pipeline, each: then, otherwise } => {
                in_pipeline(pipeline, names);
                mentioned(then, names);
                mentioned(otherwise, names);
            }
            Node::Template { pipeline, .. } => pipeline.iter().for_each(|pipeline| in_pipeline(pipeline, names)),
        }
    }
}

fn in_pipeline<'t>(pipeline: &'t Pipeline, names: &mut BTreeSet<&'t str>) {
    pipeline.commands.iter().flatten().for_each(|expr| in_expr(expr, names));
}

fn in_expr<'t>(expr: &'t Expr, names: &mut BTreeSet<&'t str>) {
    match &expr.kind {
        ExprKind::Text(text) => {
            names.insert(text);
        }
        ExprKind::Pipeline(inner) => in_pipeline(inner, names),
        ExprKind::Fields(inner, fields) => {
            if matches!(&inner.kind, ExprKind::Dot | ExprKind::Variable(_)) {
                names.extend(fields.first().map(String::as_str));
            }
            in_expr(inner, names);
        }
        _ => {}
    }
}
