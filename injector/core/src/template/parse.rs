//! From tokens to the tree of a template. Names of functions and variables are checked here, so that a mistake is found
//! before anything is fetched.

use std::collections::BTreeMap;

use super::error::TemplateError;
use super::lex::{Action, Kind, Piece, Token, pieces};
use super::{builtin, functions};

/// How deep blocks and parentheses may nest.
const MAX_DEPTH: usize = 100;
/// How long a template may be, in bytes.
const MAX_LENGTH: usize = 1 << 20;

type Result<T> = std::result::Result<T, TemplateError>;

/// A template and those that it defines, by their names; the one without a name is the template itself.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) bodies: BTreeMap<String, Vec<Node>>,
}

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Print(Pipeline),
    If { pipeline: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    With { pipeline: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    Range { pipeline: Pipeline, each: Vec<Node>, otherwise: Vec<Node> },
    Template { line: usize, name: String, pipeline: Option<Pipeline> },
    Break,
    Continue,
}

/// Commands, each of which gives its result to the next, and the variables that take the last one's.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) line: usize,
    pub(super) variables: Vec<String>,
    /// Whether the variables are new, or were there before.
    pub(super) declares: bool,
    pub(super) commands: Vec<Vec<Expr>>,
}

#[derive(Debug)]
pub(super) struct Expr {
    pub(super) line: usize,
    pub(super) kind: ExprKind,
}

#[derive(Debug)]
pub(super) enum ExprKind {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Function(String),
    Variable(String),
    Pipeline(Box<Pipeline>),
    /// Fields of something, outermost first.
    Fields(Box<Expr>, Vec<String>),
}

/// Parses a template.
pub(super) fn parse(text: &str, left: &str, right: &str) -> Result<Tree> {
    if text.len() > MAX_LENGTH {
        return Err(TemplateError::new(1, format!("the template is larger than {MAX_LENGTH} bytes")));
    }
    if left.is_empty() || right.is_empty() {
        return Err(TemplateError::new(1, "a delimiter is empty"));
    }
    let mut parser = Parser {
        pieces: pieces(text, left, right)?.into_iter(),
        tree: Tree::default(),
        variables: vec![String::new()],
        loops: 0,
        depth: 0,
    };
    let (body, end) = parser.body()?;
    if let Some(end) = end {
        return Err(TemplateError::new(end.line, format!("`{}` belongs to nothing", end.word)));
    }
    parser.tree.bodies.insert(String::new(), body);
    Ok(parser.tree)
}

/// What ended a body: `end`, or an `else` with what follows it.
struct End {
    line: usize,
    word: &'static str,
    rest: Vec<Token>,
}

struct Parser<'t> {
    pieces: std::vec::IntoIter<Piece<'t>>,
    tree: Tree,
    /// The variables that can be seen, innermost last; the empty name is `$`.
    variables: Vec<String>,
    loops: usize,
    depth: usize,
}

impl Parser<'_> {
    fn deeper(&mut self, line: usize) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TemplateError::new(line, format!("the template nests deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    /// Reads nodes up to an `end` or `else` that is not theirs.
    fn body(&mut self) -> Result<(Vec<Node>, Option<End>)> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            match piece {
                Piece::Text(text) => nodes.push(Node::Text(text.to_owned())),
                Piece::Action(Action { line, tokens }) => {
                    let word = match tokens.first().map(|token| &token.kind) {
                        None => return Err(TemplateError::new(line, "an action is empty")),
                        Some(Kind::Word(word)) => word.as_str(),
                        Some(_) => "",
                    };
                    let rest = || tokens[1..].to_vec();
                    match word {
                        "end" | "else" => {
                            let rest = rest();
                            if word == "end" && !rest.is_empty() {
                                return Err(TemplateError::new(line, "something stands behind `end`"));
                            }
                            let word = if word == "end" { "end" } else { "else" };
                            return Ok((nodes, Some(End { line, word, rest })));
                        }
                        "if" | "with" | "range" => nodes.push(self.control(word, line, rest())?),
                        "define" => self.define(line, &tokens[1..])?,
                        "block" => nodes.push(self.block(line, &tokens[1..])?),
                        "template" => nodes.push(self.template(line, &tokens[1..])?),
                        "break" | "continue" if tokens.len() == 1 => {
                            if self.loops == 0 {
                                return Err(TemplateError::new(line, format!("`{word}` stands in no `range`")));
                            }
                            nodes.push(if word == "break" { Node::Break } else { Node::Continue });
                        }
                        _ => nodes.push(Node::Print(self.pipeline(line, tokens, false)?)),
                    }
                }
            }
        }
        Ok((nodes, None))
    }

    /// Reads a body that has to end, and what ended it.
    fn closed(&mut self, word: &str, line: usize) -> Result<(Vec<Node>, End)> {
        let (nodes, end) = self.body()?;
        match end {
            Some(end) => Ok((nodes, end)),
            None => Err(TemplateError::new(line, format!("`{word}` has no `end`"))),
        }
    }

    fn control(&mut self, word: &str, line: usize, tokens: Vec<Token>) -> Result<Node> {
        self.deeper(line)?;
        let seen = self.variables.len();
        let pipeline = self.pipeline(line, tokens, word == "range")?;
        self.loops += usize::from(word == "range");
        let (then, end) = self.closed(word, line)?;
        self.loops -= usize::from(word == "range");
        self.variables.truncate(seen + pipeline.variables.len() * usize::from(pipeline.declares));
        let otherwise = if end.word == "end" { Vec::new() } else { self.otherwise(word, &end)? };
        self.variables.truncate(seen);
        self.depth -= 1;
        Ok(match word {
            "if" => Node::If { pipeline, then, otherwise },
            "with" => Node::With { pipeline, then, otherwise },
            _ => Node::Range { pipeline, each: then, otherwise },
        })
    }

    /// Reads what stands behind `else`: another `if` or `with`, or a body of its own.
    fn otherwise(&mut self, word: &str, end: &End) -> Result<Vec<Node>> {
        match end.rest.first().map(|token| token.kind.clone()) {
            None => {
                let (nodes, last) = self.closed(word, end.line)?;
                if last.word == "else" {
                    return Err(TemplateError::new(last.line, "a second `else` stands behind the first"));
                }
                Ok(nodes)
            }
            Some(Kind::Word(next)) if next == word && word != "range" => {
                Ok(vec![self.control(word, end.line, end.rest[1..].to_vec())?])
            }
            Some(_) => Err(TemplateError::new(end.line, format!("something stands behind the `else` of `{word}`"))),
        }
    }

    fn name(line: usize, tokens: &[Token]) -> Result<String> {
        match tokens.first().map(|token| &token.kind) {
            Some(Kind::Text(name)) => Ok(name.clone()),
            _ => Err(TemplateError::new(line, "the name of a template must be a string")),
        }
    }

    fn define(&mut self, line: usize, tokens: &[Token]) -> Result<()> {
        let name = Self::name(line, tokens)?;
        if tokens.len() > 1 || self.depth > 0 {
            return Err(TemplateError::new(line, "`define` takes a name alone, and stands in no other block"));
        }
        self.named(name, line, "define")
    }

    /// Reads the body of a template of its own, which sees no variables but its `$`.
    fn named(&mut self, name: String, line: usize, word: &str) -> Result<()> {
        self.deeper(line)?;
        let outside = std::mem::replace(&mut self.variables, vec![String::new()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.closed(word, line)?;
        (self.variables, self.loops) = (outside, loops);
        self.depth -= 1;
        if end.word != "end" {
            return Err(TemplateError::new(end.line, format!("`else` stands in `{word}`")));
        }
        self.tree.bodies.insert(name, body);
        Ok(())
    }

    fn block(&mut self, line: usize, tokens: &[Token]) -> Result<Node> {
        let name = Self::name(line, tokens)?;
        let pipeline = Some(self.pipeline(line, tokens[1..].to_vec(), false)?);
        self.named(name.clone(), line, "block")?;
        Ok(Node::Template { line, name, pipeline })
    }

    fn template(&mut self, line: usize, tokens: &[Token]) -> Result<Node> {
        let name = Self::name(line, tokens)?;
        let rest = tokens[1..].to_vec();
        let pipeline = if rest.is_empty() { None } else { Some(self.pipeline(line, rest, false)?) };
        Ok(Node::Template { line, name, pipeline })
    }

    fn pipeline(&mut self, line: usize, tokens: Vec<Token>, range: bool) -> Result<Pipeline> {
        let mut tokens = Tokens { tokens: tokens.into_iter().peekable(), line };
        let pipeline = self.commands(&mut tokens, range)?;
        match tokens.tokens.next() {
            None => Ok(pipeline),
            Some(token) => Err(TemplateError::new(token.line, "something cannot stand here")),
        }
    }

    fn commands(&mut self, tokens: &mut Tokens, range: bool) -> Result<Pipeline> {
        let line = tokens.line;
        self.deeper(line)?;
        let (variables, declares) = self.declared(tokens, range)?;
        let mut commands = Vec::new();
        loop {
            let mut command = Vec::new();
            while let Some(token) = tokens.tokens.peek() {
                match token.kind {
                    Kind::Pipe | Kind::Close => break,
                    _ => command.push(self.operand(tokens)?),
                }
            }
            if command.is_empty() {
                return Err(TemplateError::new(line, "a command is missing"));
            }
            if !commands.is_empty()
                && !matches!(command[0].kind, ExprKind::Function(_) | ExprKind::Fields(..) | ExprKind::Variable(_))
            {
                return Err(TemplateError::new(line, "what stands behind `|` must be a function"));
            }
            commands.push(command);
            if tokens.tokens.next_if(|token| token.kind == Kind::Pipe).is_none() {
                break;
            }
        }
        // Variables can be seen behind the pipeline that declares them, not in it.
        if declares {
            self.variables.extend(variables.iter().cloned());
        } else if let Some(unknown) = variables.iter().find(|name| !self.variables.contains(name)) {
            return Err(TemplateError::new(line, format!("there is no variable `${unknown}`")));
        }
        self.depth -= 1;
        Ok(Pipeline { line, variables, declares, commands })
    }

    /// Reads `$x :=`, `$x =` and, in a `range`, `$i, $x :=`.
    fn declared(&mut self, tokens: &mut Tokens, range: bool) -> Result<(Vec<String>, bool)> {
        let ahead: Vec<Token> = tokens.tokens.clone().take(4).collect();
        let kinds: Vec<&Kind> = ahead.iter().map(|token| &token.kind).collect();
        let (names, used) = match kinds.as_slice() {
            [Kind::Variable(one), Kind::Declare | Kind::Assign, ..] => (vec![one.clone()], 2),
            [Kind::Variable(one), Kind::Comma, Kind::Variable(two), Kind::Declare | Kind::Assign] if range => {
                (vec![one.clone(), two.clone()], 4)
            }
            _ => return Ok((Vec::new(), false)),
        };
        let declares = *kinds[used - 1] == Kind::Declare;
        for _ in 0..used {
            tokens.tokens.next();
        }
        Ok((names, declares))
    }

    fn operand(&mut self, tokens: &mut Tokens) -> Result<Expr> {
        let Some(Token { kind, line, .. }) = tokens.tokens.next() else {
            return Err(TemplateError::new(tokens.line, "something is missing"));
        };
        tokens.line = line;
        let kind = match kind {
            Kind::Dot => ExprKind::Dot,
            Kind::Field(name) => ExprKind::Fields(Box::new(Expr { line, kind: ExprKind::Dot }), vec![name]),
            Kind::Variable(name) if self.variables.contains(&name) => ExprKind::Variable(name),
            Kind::Variable(name) => return Err(TemplateError::new(line, format!("there is no variable `${name}`"))),
            Kind::Text(text) => ExprKind::Text(text),
            Kind::Int(number) => ExprKind::Int(number),
            Kind::Float(number) => ExprKind::Float(number),
            Kind::Word(word) => match word.as_str() {
                "true" => ExprKind::Bool(true),
                "false" => ExprKind::Bool(false),
                "nil" => ExprKind::Nil,
                _ => ExprKind::Function(function(line, word)?),
            },
            Kind::Open => {
                let inner = self.commands(tokens, false)?;
                if tokens.tokens.next_if(|token| token.kind == Kind::Close).is_none() {
                    return Err(TemplateError::new(line, "a parenthesis is not closed"));
                }
                ExprKind::Pipeline(Box::new(inner))
            }
            Kind::Pipe | Kind::Close | Kind::Comma | Kind::Declare | Kind::Assign => {
                return Err(TemplateError::new(line, "something cannot stand here"));
            }
        };
        self.fields(Expr { line, kind }, tokens)
    }

    /// Takes the fields that follow at once: `.a.b`, `$x.y`, `(index . 0).z`.
    fn fields(&mut self, of: Expr, tokens: &mut Tokens) -> Result<Expr> {
        let mut names = Vec::new();
        while let Some(token) = tokens.tokens.next_if(|token| !token.apart && matches!(token.kind, Kind::Field(_))) {
            if let Kind::Field(name) = token.kind {
                names.push(name);
            }
        }
        if let Some(token) = tokens.tokens.peek()
            && !token.apart
            && !matches!(token.kind, Kind::Pipe | Kind::Close | Kind::Comma | Kind::Declare | Kind::Assign)
        {
            // What people write for a key with a minus in it.
            return Err(TemplateError::new(token.line, "two things stand together with no space between them")
                .hint("a key that is no name is had by `index`: index .Data.data \"a-b\""));
        }
        let line = of.line;
        match (of.kind, names) {
            (kind, names) if names.is_empty() => Ok(Expr { line, kind }),
            (ExprKind::Nil | ExprKind::Bool(_) | ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Text(_), _) => {
                Err(TemplateError::new(line, "a literal has no fields"))
            }
            (ExprKind::Fields(inner, mut first), names) => {
                first.extend(names);
                Ok(Expr { line, kind: ExprKind::Fields(inner, first) })
            }
            (kind, names) => Ok(Expr { line, kind: ExprKind::Fields(Box::new(Expr { line, kind }), names) }),
        }
    }
}

struct Tokens {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    line: usize,
}

/// Checks that a function exists.
fn function(line: usize, name: String) -> Result<String> {
    if builtin::is_known(&name) || functions::is_known(&name) {
        return Ok(name);
    }
    let error =
        TemplateError::new(line, format!("there is no function `{}`", name.chars().take(40).collect::<String>()));
    Err(match functions::refused(&name) {
        Some(hint) => error.hint(hint),
        None => error,
    })
}
