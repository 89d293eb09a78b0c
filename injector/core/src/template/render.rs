//! Renders a tree. Nothing is fetched, no value goes into an error, and a template that does not end is ended.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::builtin;
use super::error::TemplateError;
use super::functions::{self, Surroundings};
use super::further::{self, CHANGE_SCRATCH, CHANGE_THEIR_MAP, Further, SCRATCH};
use super::maps::{Change, Maps};
use super::parse::{Expr, ExprKind, Node, Pipeline, Tree};
use super::print::print;
use super::value::Value;
use super::{CallKind, Context, MissingKey, Rendering, SecretCall};
use crate::secret::Secret;

/// The most that a template may write, in bytes.
const MAX_OUTPUT: usize = 4 << 20;
/// How many steps a template may take.
const MAX_STEPS: usize = 10_000_000;
/// How many secrets a template may ask for while it is rendered.
const MAX_ASKED: usize = 1000;
/// How deep templates may call templates.
const MAX_CALLS: usize = 100;

type Result<T> = std::result::Result<T, TemplateError>;

pub(super) fn render(tree: &Tree, context: &dyn Context, missing: MissingKey) -> Result<Secret> {
    let (result, out, _) = run(tree, context, missing, None);
    result.map(|()| out)
}

pub(super) fn render_further(tree: &Tree, context: &dyn Context, missing: MissingKey) -> Result<Rendering> {
    let (result, out, further) = run(tree, context, missing, Some(Further::default()));
    let Further { asked, awaits, .. } = further.unwrap_or_default();
    // What went wrong may have done so for what is not there yet.
    if awaits {
        return Ok(Rendering { content: None, asked });
    }
    result.map(|()| Rendering { content: Some(out), asked })
}

fn run(
    tree: &Tree,
    context: &dyn Context,
    missing: MissingKey,
    further: Option<Further>,
) -> (Result<()>, Secret, Option<Further>) {
    let root = context.root();
    let mut run = Run {
        tree,
        context,
        around: Surroundings::new(context),
        maps: Maps::default(),
        missing,
        // What grows is moved, and the agent's allocator wipes what it leaves behind.
        out: Vec::with_capacity(4096),
        variables: vec![(String::new(), root.clone())],
        written: BTreeMap::new(),
        steps: 0,
        calls: 0,
        further,
    };
    let result = run.body(tree.bodies.get("").map(Vec::as_slice).unwrap_or_default(), &root);
    (result.map(|_| ()), Secret::from(run.out), run.further)
}

/// How a body ended.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Run<'r> {
    tree: &'r Tree,
    context: &'r dyn Context,
    around: Surroundings<'r>,
    maps: Maps,
    missing: MissingKey,
    out: Vec<u8>,
    variables: Vec<(String, Value)>,
    /// What `writeToFile` was given, by the path.
    written: BTreeMap<String, Vec<u8>>,
    steps: usize,
    calls: usize,
    /// Where more may be asked for than is at hand.
    further: Option<Further>,
}

impl Run<'_> {
    fn step(&mut self, line: usize) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(TemplateError::new(line, format!("the template takes more than {MAX_STEPS} steps")));
        }
        if self.out.len() > MAX_OUTPUT {
            return Err(TemplateError::new(line, format!("the template writes more than {MAX_OUTPUT} bytes")));
        }
        Ok(())
    }

    fn body(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        let seen = self.variables.len();
        let mut flow = Flow::On;
        for node in nodes {
            flow = match self.node(node, dot) {
                Err(error) if !self.passes_over(node) => return Err(error),
                Err(_) => Flow::On,
                Ok(flow) => flow,
            };
            if flow != Flow::On {
                break;
            }
        }
        self.variables.truncate(seen);
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow> {
        match node {
            Node::Text(text) => {
                self.step(0)?;
                self.out.extend_from_slice(text.as_bytes());
            }
            Node::Print(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                // What is nothing by itself is written as what is missing; within a list it is `<nil>`.
                let value = if matches!(value, Value::Nil) { Value::Missing } else { value };
                if pipeline.variables.is_empty() {
                    let value = self.whole(&value);
                    print(&value, &mut self.out);
                }
            }
            Node::If { pipeline, then, otherwise } => {
                let seen = self.variables.len();
                let value = self.pipeline(pipeline, dot)?;
                let truth = self.is_true(&value);
                let flow = self.body(if truth { then } else { otherwise }, dot);
                self.variables.truncate(seen);
                return flow;
            }
            Node::With { pipeline, then, otherwise } => {
                let seen = self.variables.len();
                let value = self.pipeline(pipeline, dot)?;
                let flow = if self.is_true(&value) { self.body(then, &value) } else { self.body(otherwise, dot) };
                self.variables.truncate(seen);
                return flow;
            }
            Node::Range { pipeline, each, otherwise } => {
                let seen = self.variables.len();
                let flow = self.range(pipeline, each, otherwise, dot);
                self.variables.truncate(seen);
                return flow;
            }
            Node::Template { line, name, pipeline } => {
                let value = match pipeline {
                    Some(pipeline) => self.pipeline(pipeline, dot)?,
                    None => Value::Nil,
                };
                self.template(*line, name, &value)?;
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    /// Whether the rendering goes on behind a part that has failed: one that waits for what is not at hand. What it would
    /// have left behind is not known then.
    fn passes_over(&mut self, node: &Node) -> bool {
        let Some(further) = self.further.as_mut().filter(|further| further.waiting) else { return false };
        further.waiting = false;
        further.passed += 1;
        further::traces(node, &mut further.unsure);
        if let Node::Print(Pipeline { variables, declares: true, .. }) = node {
            self.variables.extend(variables.iter().map(|name| (name.clone(), Value::Nil)));
        }
        true
    }

    /// Fails where a variable may be another, once all is at hand.
    fn is_sure(&mut self, line: usize, name: &str) -> Result<()> {
        match &mut self.further {
            Some(further) if further.unsure.contains(name) => {
                Err(further.await_it(TemplateError::new(line, "a variable is not known yet")))
            }
            _ => Ok(()),
        }
    }

    fn template(&mut self, line: usize, name: &str, dot: &Value) -> Result<()> {
        let tree = self.tree;
        let Some(body) = tree.bodies.get(name).filter(|_| !name.is_empty()) else {
            return Err(TemplateError::new(line, format!("there is no template `{}`", name.escape_debug())));
        };
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err(TemplateError::new(line, format!("templates call each other deeper than {MAX_CALLS}")));
        }
        let outside = std::mem::replace(&mut self.variables, vec![(String::new(), dot.clone())]);
        let result = self.body(body, dot);
        self.variables = outside;
        self.calls -= 1;
        result.map(|_| ())
    }

    fn range(&mut self, pipeline: &Pipeline, each: &[Node], otherwise: &[Node], dot: &Value) -> Result<Flow> {
        let over = self.commands(pipeline, dot)?;
        let entries: Vec<(Value, Value)> = match &over {
            Value::Missing | Value::Nil => Vec::new(),
            Value::List(items) => (0..).zip(items.iter()).map(|(at, item)| (Value::Int(at), item.clone())).collect(),
            Value::Map(entries) => {
                let entries = self.maps.now(entries);
                entries.iter().map(|(name, value)| (Value::text(name.as_str()), value.clone())).collect()
            }
            Value::Texts(entries) => {
                entries.iter().map(|(name, value)| (Value::text(name.as_str()), value.clone())).collect()
            }
            Value::Int(count) if usize::try_from(*count).is_ok_and(|count| count > MAX_STEPS) => {
                return Err(TemplateError::new(pipeline.line, "`range` counts too far"));
            }
            Value::Int(count) => (0..*count).map(|at| (Value::Int(at), Value::Int(at))).collect(),
            other => {
                return Err(TemplateError::new(pipeline.line, format!("`range` cannot go over {}", other.kind())));
            }
        };
        if entries.is_empty() {
            return self.body(otherwise, dot);
        }
        let seen = self.variables.len();
        for (key, value) in entries {
            self.step(pipeline.line)?;
            match pipeline.variables.as_slice() {
                [] => {}
                [one] => self.set(pipeline, one, value.clone()),
                [first, second, ..] => {
                    self.set(pipeline, first, key);
                    self.set(pipeline, second, value.clone());
                }
            }
            let flow = self.body(each, &value)?;
            if pipeline.declares {
                self.variables.truncate(seen);
            }
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn set(&mut self, pipeline: &Pipeline, name: &str, value: Value) {
        if let Some(further) = &mut self.further {
            further.unsure.remove(name);
        }
        if pipeline.declares {
            self.variables.push((name.to_owned(), value));
        } else if let Some((_, place)) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            *place = value;
        }
    }

    /// Gives the result of a pipeline, and puts it into its variable if it has one.
    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value> {
        let value = self.commands(pipeline, dot)?;
        if let Some(name) = pipeline.variables.first() {
            self.set(pipeline, name, value.clone());
        }
        Ok(value)
    }

    fn commands(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value> {
        let mut last = None;
        for command in &pipeline.commands {
            self.step(pipeline.line)?;
            last = Some(self.command(command, dot, last)?);
        }
        Ok(last.unwrap_or_default())
    }

    fn command(&mut self, command: &[Expr], dot: &Value, last: Option<Value>) -> Result<Value> {
        let Some((first, rest)) = command.split_first() else { return Ok(Value::Nil) };
        match &first.kind {
            ExprKind::Function(name) => self.call(first.line, name, rest, dot, last),
            // The only thing with methods.
            ExprKind::Fields(inner, names) if names.len() == 1 && is_scratch(inner) => {
                self.call(first.line, &format!("scratch.{}", names[0]), rest, dot, last)
            }
            _ if rest.is_empty() && last.is_none() => self.value(first, dot),
            _ => Err(TemplateError::new(first.line, "something that is no function is given an argument")),
        }
    }

    fn call(&mut self, line: usize, name: &str, rest: &[Expr], dot: &Value, last: Option<Value>) -> Result<Value> {
        if name.strip_prefix("scratch.").is_some_and(|of| !CHANGE_SCRATCH.contains(&of)) {
            self.is_sure(line, SCRATCH)?;
        }
        if matches!(name, "and" | "or") {
            return self.and_or(line, name, rest, dot, last);
        }
        let mut arguments = rest.iter().map(|expr| self.value(expr, dot)).collect::<Result<Vec<_>>>()?;
        arguments.extend(last);
        let failed = |what: String| TemplateError::new(line, format!("`{name}`: {what}"));
        match name {
            "secret" | "pkiCert" | "secrets" => {
                let kind = CallKind::of(name).unwrap_or(CallKind::Secret);
                let call = secret_call(kind, &arguments).map_err(failed)?;
                let found = self.context.secret(&call);
                // A path may come out of a secret, and is not told.
                let failure = || failed("what it asks for has not been fetched".to_owned());
                match &mut self.further {
                    None => found.ok_or_else(failure),
                    Some(further) => {
                        let error = failure();
                        if further.asked.len() >= MAX_ASKED && !further.asked.contains(&call) {
                            return Err(failed(format!("the template asks for more than {MAX_ASKED} secrets")));
                        }
                        further.asked.insert(call);
                        found.ok_or_else(|| further.await_it(error))
                    }
                }
            }
            "executeTemplate" => {
                let mut arguments = arguments.into_iter();
                let template = arguments.next();
                let Some(template) = template.as_ref().and_then(Value::as_str) else {
                    return Err(failed("it needs the name of a template".to_owned()));
                };
                let before = std::mem::take(&mut self.out);
                let passed = self.further.as_ref().map_or(0, |further| further.passed);
                let result = self.template(line, template, &arguments.next().unwrap_or_default());
                let out = std::mem::replace(&mut self.out, before);
                match &mut self.further {
                    // It lacks something, and so does whatever is made of it.
                    Some(further) if further.passed > passed => {
                        Err(further.await_it(failed("it is not known yet".to_owned())))
                    }
                    _ => result.map(|()| Value::Text(Rc::new(Secret::from(out)))),
                }
            }
            "writeToFile" => self.write_to_file(&arguments).map_err(failed),
            "writtenTo" => {
                let written = match arguments.as_slice() {
                    [path] => path.as_str().and_then(|path| self.written.get(path)).cloned(),
                    _ => return Err(failed("it needs a path".to_owned())),
                };
                // In the place of all that the template has written itself.
                self.out.clear();
                written.map(Value::text).ok_or_else(|| failed("the template has written nothing there".to_owned()))
            }
            _ => {
                let change = match (name, arguments.as_slice()) {
                    // What is put there stays one with what the template has of it.
                    ("sprig_set", [Value::Map(map), key, value]) => {
                        key.as_str().map(|key| (map, Change::Set(key.to_owned(), value.clone())))
                    }
                    ("sprig_unset", [Value::Map(map), key]) => {
                        key.as_str().map(|key| (map, Change::Unset(key.to_owned())))
                    }
                    _ => None,
                };
                if let Some((map, change)) = change {
                    self.maps.change(map, change).map_err(failed)?;
                    return Ok(Value::Map(Rc::clone(map)));
                }
                let whole: Vec<Value> = arguments.iter().map(|argument| self.whole(argument)).collect();
                if builtin::is_known(name) {
                    return builtin::call(name, &whole).map_err(failed);
                }
                let value = functions::call(name, &whole, &self.around).map_err(failed)?;
                match (arguments.first(), value) {
                    (Some(Value::Map(map)), Value::Map(all)) if CHANGE_THEIR_MAP.contains(&name) => {
                        self.maps.change(map, Change::All(all)).map_err(failed)?;
                        Ok(Value::Map(Rc::clone(map)))
                    }
                    (_, value) => Ok(value),
                }
            }
        }
    }

    /// Keeps what is to be in another file: `writeToFile PATH USER GROUP MODE [FLAGS] CONTENT`.
    fn write_to_file(&mut self, arguments: &[Value]) -> std::result::Result<Value, String> {
        let ([path, _, _, _, content] | [path, _, _, _, _, content]) = arguments else {
            return Err("it takes a path, a user, a group, a mode, flags if need be, and what to write".to_owned());
        };
        let path = path.as_str().ok_or("its path must be text")?;
        let flags = if arguments.len() == 6 { arguments[4].as_str().unwrap_or_default() } else { "" };
        let content: &[u8] = match content {
            Value::Text(text) => text.expose(),
            Value::Number(number) => number.as_bytes(),
            other => return Err(format!("{} is given where text belongs", other.kind())),
        };
        let kept: usize = self.written.values().map(Vec::len).sum();
        if kept + content.len() > MAX_OUTPUT {
            return Err(format!("it writes more than {MAX_OUTPUT} bytes"));
        }
        let file = self.written.entry(path.to_owned()).or_default();
        if !flags.contains("append") {
            file.clear();
        }
        file.extend_from_slice(content);
        if flags.contains("newline") {
            file.push(b'\n');
        }
        Ok(Value::text(""))
    }

    /// Gives a value with all that has changed in it.
    fn whole(&mut self, value: &Value) -> Value {
        self.maps.whole(value, &mut self.steps)
    }

    fn is_true(&self, value: &Value) -> bool {
        match value {
            Value::Map(map) => !self.maps.now(map).is_empty(),
            other => other.is_true(),
        }
    }

    /// `and` and `or` look at no more arguments than they need.
    fn and_or(&mut self, line: usize, name: &str, rest: &[Expr], dot: &Value, last: Option<Value>) -> Result<Value> {
        let mut value = None;
        for expr in rest {
            let one = self.value(expr, dot)?;
            if self.is_true(&one) == (name == "or") {
                return Ok(one);
            }
            value = Some(one);
        }
        let value = last.or(value);
        value.ok_or_else(|| TemplateError::new(line, format!("`{name}` needs an argument")))
    }

    fn value(&mut self, expr: &Expr, dot: &Value) -> Result<Value> {
        self.step(expr.line)?;
        Ok(match &expr.kind {
            ExprKind::Dot => dot.clone(),
            ExprKind::Nil => Value::Nil,
            ExprKind::Bool(truth) => Value::Bool(*truth),
            ExprKind::Int(number) => Value::Int(*number),
            ExprKind::Float(number) => Value::Float(*number),
            ExprKind::Text(text) => Value::text(text.as_str()),
            ExprKind::Function(name) => self.call(expr.line, name, &[], dot, None)?,
            ExprKind::Variable(name) => {
                self.is_sure(expr.line, name)?;
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone()).unwrap_or_default()
            }
            ExprKind::Pipeline(inner) => {
                let seen = self.variables.len();
                let value = self.pipeline(inner, dot)?;
                self.variables.truncate(seen);
                value
            }
            ExprKind::Fields(inner, names) if is_scratch(inner) && names.len() == 1 => {
                self.call(expr.line, &format!("scratch.{}", names[0]), &[], dot, None)?
            }
            ExprKind::Fields(inner, names) => {
                let mut value = self.value(inner, dot)?;
                for name in names {
                    value = self.field(expr.line, &value, name)?;
                }
                value
            }
        })
    }

    fn field(&self, line: usize, of: &Value, name: &str) -> Result<Value> {
        match of {
            Value::Map(entries) => {
                let entries = self.maps.now(entries);
                match (entries.get(name), self.missing) {
                    (Some(value), _) => Ok(value.clone()),
                    // What a map of anything has nowhere is nothing: a field of that is an error, as in Go.
                    (None, MissingKey::NoValue) => Ok(Value::Nil),
                    (None, MissingKey::Error) => Err(missing(line, entries, name)),
                }
            }
            Value::Texts(entries) => match (entries.get(name), self.missing) {
                (Some(value), _) => Ok(value.clone()),
                (None, MissingKey::NoValue) => Ok(Value::text("")),
                (None, MissingKey::Error) => Err(missing(line, entries, name)),
            },
            // Where there are no data, whatever is asked of them is not there.
            Value::Missing if self.missing == MissingKey::NoValue => Ok(Value::Missing),
            Value::Missing | Value::Nil => {
                Err(TemplateError::new(line, format!("there is nothing that `.{name}` could be of")))
            }
            other => Err(TemplateError::new(line, format!("{} has no field `{name}`", other.kind()))),
        }
    }
}

fn is_scratch(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Function(name) if name == "scratch")
}

/// Says which key is missing, and the way out that is most often the one.
fn missing(line: usize, entries: &BTreeMap<String, Value>, name: &str) -> TemplateError {
    let error = TemplateError::new(line, format!("there is no key `{}`", name.escape_debug()));
    if name != "data" && entries.contains_key("data") && entries.contains_key("metadata") {
        return error.hint(format!("the engine keeps versions: write .Data.data.{name}"));
    }
    let names: Vec<String> = entries.keys().take(20).map(|name| name.escape_debug().to_string()).collect();
    if names.is_empty() { error } else { error.hint(format!("the keys are {}", names.join(", "))) }
}

/// Puts together what `secret`, `pkiCert` and `secrets` ask for: a path, and then `NAME=VALUE` each.
pub(super) fn secret_call(kind: CallKind, arguments: &[Value]) -> std::result::Result<SecretCall, String> {
    let mut texts = arguments.iter().map(|argument| argument.as_str().ok_or("its arguments must be text".to_owned()));
    let path = texts.next().ok_or("it needs a path")??.trim_matches('/').to_owned();
    if path.is_empty() {
        return Err("its path is empty".to_owned());
    }
    if kind == CallKind::List && arguments.len() > 1 {
        return Err("it takes a path and nothing else".to_owned());
    }
    let named = texts.map(|text| {
        let (name, value) = text?.split_once('=').ok_or("its arguments behind the path must be NAME=VALUE")?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    Ok(SecretCall { path, arguments: named.collect::<std::result::Result<_, String>>()?, kind })
}
