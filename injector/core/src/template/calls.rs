//! Finds the secrets that a template asks for, and the files that it writes, before anything is rendered: `secret "PATH"`,
//! `pkiCert "PATH"`, `secrets "PATH"` and `writeToFile "PATH"` with arguments that are known by then (see `known`). That a
//! template asks for more than these is told: it has to be rendered to find out what.

use std::collections::BTreeSet;

use super::error::TemplateError;
use super::known::{Known, Variables};
use super::parse::{Expr, ExprKind, Node, Pipeline, Tree};
use super::render::secret_call;
use super::{CallKind, SecretCall, Value, Write};

/// The most rounds of loops that are gone through one by one.
const MAX_ROUNDS: usize = 10_000;

/// What has to be known of a template before it is rendered.
pub(super) struct Calls {
    /// What it asks for, each once.
    pub(super) secrets: Vec<SecretCall>,
    /// The files that it writes beside its own, each once.
    pub(super) writes: Vec<Write>,
    /// Whether its own is one of these, which it takes by `writtenTo`.
    pub(super) takes_written: bool,
    /// Whether it asks for more, by paths that are not known yet.
    pub(super) asks_further: bool,
}

pub(super) fn find(tree: &Tree, variables: Option<Variables<'_>>) -> Result<Calls, TemplateError> {
    let mut finder = Finder {
        found: Vec::new(),
        writes: Vec::new(),
        takes_written: false,
        asks_further: false,
        known: Known::new(variables),
        rounds: 0,
    };
    for body in tree.bodies.values() {
        finder.nodes(body)?;
    }
    finder.found.sort();
    finder.found.dedup();
    let Finder { found: secrets, writes, takes_written, asks_further, .. } = finder;
    Ok(Calls { secrets, writes, takes_written, asks_further })
}

struct Finder<'v> {
    found: Vec<SecretCall>,
    writes: Vec<Write>,
    takes_written: bool,
    asks_further: bool,
    known: Known<'v>,
    rounds: usize,
}

impl Finder<'_> {
    fn nodes(&mut self, nodes: &[Node]) -> Result<(), TemplateError> {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Print(pipeline) => self.pipeline(pipeline)?,
                // What is known not to be rendered asks for nothing.
                Node::If { pipeline, then, otherwise } => {
                    self.pipeline(pipeline)?;
                    let truth = self.known.pipeline(pipeline).map(|value| value.is_true());
                    if truth != Some(false) {
                        self.nodes(then)?;
                    }
                    if truth != Some(true) {
                        self.nodes(otherwise)?;
                    }
                }
                Node::With { pipeline, then, otherwise } => {
                    self.pipeline(pipeline)?;
                    let dot = self.known.pipeline(pipeline);
                    let truth = dot.as_ref().map(Value::is_true);
                    if truth != Some(false) {
                        self.under(dot, then)?;
                    }
                    if truth != Some(true) {
                        self.nodes(otherwise)?;
                    }
                }
                Node::Range { pipeline, each, otherwise } => {
                    self.commands(pipeline)?;
                    self.range(pipeline, each)?;
                    self.nodes(otherwise)?;
                }
                Node::Template { pipeline, .. } => pipeline.iter().try_for_each(|pipeline| self.pipeline(pipeline))?,
            }
        }
        Ok(())
    }

    fn under(&mut self, dot: Option<Value>, nodes: &[Node]) -> Result<(), TemplateError> {
        let outside = std::mem::replace(&mut self.known.dot, dot);
        let done = self.nodes(nodes);
        self.known.dot = outside;
        done
    }

    /// Goes through a loop: once for each item where these are known, else once for all.
    fn range(&mut self, pipeline: &Pipeline, each: &[Node]) -> Result<(), TemplateError> {
        let entries = self.known.entries(pipeline);
        let Some(entries) = entries.filter(|entries| self.rounds + entries.len() <= MAX_ROUNDS) else {
            pipeline.variables.iter().for_each(|name| self.known.forget(name));
            return self.under(None, each);
        };
        for (key, value) in entries {
            self.rounds += 1;
            let before = self.known.enter();
            match pipeline.variables.as_slice() {
                [] => {}
                [one] => self.known.is_now(one, value.clone()),
                [first, second, ..] => {
                    self.known.is_now(first, key);
                    self.known.is_now(second, value.clone());
                }
            }
            self.under(Some(value), each)?;
            self.known.leave(before, if pipeline.declares { &pipeline.variables } else { &[] });
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<(), TemplateError> {
        self.commands(pipeline)?;
        let value = self.known.pipeline(pipeline);
        pipeline.variables.iter().for_each(|name| self.known.set(name, value.clone()));
        Ok(())
    }

    fn commands(&mut self, pipeline: &Pipeline) -> Result<(), TemplateError> {
        let mut last: Option<Option<Value>> = None;
        for command in &pipeline.commands {
            for expr in command {
                self.inside(expr)?;
            }
            self.command(command, last.as_ref())?;
            last = Some(self.known.command(command, last));
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
        let ExprKind::Function(name) = &first.kind else { return Ok(()) };
        let kind = match (CallKind::of(name), name.as_str()) {
            (Some(kind), _) => kind,
            (None, "writeToFile") => return self.write(first.line, rest),
            (None, "writtenTo") => {
                self.takes_written = true;
                return Ok(());
            }
            _ => return Ok(()),
        };
        let given = rest.iter().map(|expr| self.known.value(expr)).chain(last.cloned());
        let Some(arguments) = given.collect::<Option<Vec<Value>>>() else {
            self.asks_further = true;
            return Ok(());
        };
        self.found.push(secret_call(kind, &arguments).map_err(|what| TemplateError::new(first.line, what))?);
        Ok(())
    }

    fn write(&mut self, line: usize, given: &[Expr]) -> Result<(), TemplateError> {
        let text = |expr: &Expr| self.known.value(expr)?.as_str().map(str::to_owned);
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
