//! What is known of a template before anything is fetched for it: what stands in it, what the environment says, and what
//! functions of text make of these. What comes out of a secret is not known, and neither is what depends on it.

use std::collections::BTreeMap;

use super::builtin;
use super::functions;
use super::parse::{Expr, ExprKind, Pipeline};
use super::value::Value;

/// The environment of the process that will render.
pub type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// Functions of Go that need nothing but their arguments.
const BUILTIN: &[&str] = &["printf", "print", "index", "slice", "len", "urlquery", "not", "eq", "ne"];

/// The most that a value may hold to be known, in bytes: no path is longer, and what grows from line to line is let go.
const MAX_VALUE: usize = 4096;
/// The most arguments of a call.
const MAX_ARGUMENTS: usize = 64;

/// What is known at a place of the template.
pub(super) struct Known<'v> {
    /// What `.` is.
    pub(super) dot: Option<Value>,
    /// Variables of the template; none where one was set twice.
    set: BTreeMap<String, Option<Value>>,
    environment: Option<Variables<'v>>,
}

/// What the variables were before a round of a loop.
pub(super) struct Before(BTreeMap<String, Option<Value>>);

impl<'v> Known<'v> {
    pub(super) fn new(environment: Option<Variables<'v>>) -> Self {
        Self { dot: None, set: BTreeMap::new(), environment }
    }

    /// Sets a variable. One that was set before is known no more: which of both it is may depend on a secret.
    pub(super) fn set(&mut self, name: &str, value: Option<Value>) {
        let set_before = self.set.contains_key(name);
        self.set.insert(name.to_owned(), if set_before { None } else { value });
    }

    /// A variable is one of several things.
    pub(super) fn forget(&mut self, name: &str) {
        self.set.insert(name.to_owned(), None);
    }

    /// The variable of a loop is this in one round.
    pub(super) fn is_now(&mut self, name: &str, value: Value) {
        self.set.insert(name.to_owned(), Some(value));
    }

    /// Begins a round of a loop.
    pub(super) fn enter(&self) -> Before {
        Before(self.set.clone())
    }

    /// Ends it: what was set in it and not before may be set again in the next, and what it has changed is known no more.
    /// The loop's own variables are what they were.
    pub(super) fn leave(&mut self, before: Before, own: &[String]) {
        let mut then = before.0;
        for (name, value) in &mut then {
            if !own.contains(name) && self.set.get(name).is_none_or(Option::is_none) {
                *value = None;
            }
        }
        self.set = then;
    }

    pub(super) fn value(&self, expr: &Expr) -> Option<Value> {
        match &expr.kind {
            ExprKind::Dot => self.dot.clone(),
            ExprKind::Bool(truth) => Some(Value::Bool(*truth)),
            ExprKind::Text(text) => Some(Value::text(text.as_str())),
            ExprKind::Int(number) => Some(Value::Int(*number)),
            ExprKind::Variable(name) => self.set.get(name).cloned().flatten(),
            ExprKind::Pipeline(inner) if inner.variables.is_empty() => self.pipeline(inner),
            // A function without arguments is called where it stands.
            ExprKind::Function(_) => self.command(std::slice::from_ref(expr), None),
            _ => None,
        }
    }

    pub(super) fn pipeline(&self, pipeline: &Pipeline) -> Option<Value> {
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, last));
        }
        last.flatten()
    }

    /// What a command gives that is given, as its last argument, what the one before it has given.
    pub(super) fn command(&self, command: &[Expr], last: Option<Option<Value>>) -> Option<Value> {
        let (first, rest) = command.split_first().filter(|(_, rest)| rest.len() < MAX_ARGUMENTS)?;
        let ExprKind::Function(name) = &first.kind else {
            return if rest.is_empty() && last.is_none() { self.value(first) } else { None };
        };
        let given = rest.iter().map(|expr| self.value(expr)).chain(last);
        let arguments = given.collect::<Option<Vec<Value>>>()?;
        let value = match (name.as_str(), arguments.as_slice()) {
            ("env", [name]) => Some(Value::text(self.environment?(name.as_str()?).unwrap_or_default())),
            ("mustEnv", [name]) => self.environment?(name.as_str()?).map(Value::text),
            ("envOrDefault", [name, other]) => Some(match self.environment?(name.as_str()?) {
                Some(set) => Value::text(set),
                None => other.clone(),
            }),
            (name, arguments) if BUILTIN.contains(&name) => builtin::call(name, arguments).ok(),
            (name, arguments) => functions::of_text(name, arguments),
        };
        value.filter(|value| size(value).is_some_and(|size| size <= MAX_VALUE))
    }

    /// The items of a loop with their keys; none where they are not known.
    pub(super) fn entries(&self, pipeline: &Pipeline) -> Option<Vec<(Value, Value)>> {
        match self.pipeline(pipeline)? {
            Value::List(items) => Some((0..).map(Value::Int).zip(items.iter().cloned()).collect()),
            Value::Texts(entries) => {
                Some(entries.iter().map(|(name, value)| (Value::text(name.as_str()), value.clone())).collect())
            }
            _ => None,
        }
    }
}

/// How much a value holds; none if it is nothing that is kept.
fn size(value: &Value) -> Option<usize> {
    let scalar = |value: &Value| match value {
        Value::Text(text) => Some(1 + text.expose().len()),
        Value::Bool(_) | Value::Int(_) => Some(1),
        _ => None,
    };
    match value {
        Value::List(items) => items.iter().map(scalar).sum(),
        Value::Texts(entries) => entries.iter().map(|(name, value)| Some(name.len() + scalar(value)?)).sum(),
        other => scalar(other),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Template;

    fn asked(text: &str) -> Result<Vec<String>, String> {
        let set = |name: &str| match name {
            "ENV" => Some("prod".to_owned()),
            "APP" => Some("Web".to_owned()),
            _ => None,
        };
        let template = Template::parse_among(text, None, Some(&set)).map_err(|error| error.what)?;
        Ok(template.secrets().iter().map(|call| call.path.clone()).collect())
    }

    #[test]
    fn a_path_may_hold_what_the_environment_says_and_what_functions_make_of_it() {
        for (text, paths) in [
            (r#"{{ with secret (printf "kv/%s/db" (env "ENV")) }}{{ end }}"#, &["kv/prod/db"][..]),
            (r#"{{ $e := env "ENV" }}{{ $p := print "kv/" $e }}{{ secret $p }}"#, &["kv/prod"]),
            (r#"{{ env "APP" | toLower | printf "kv/%s" | secret }}"#, &["kv/web"]),
            (
                r#"{{ secret (envOrDefault "NO" "kv/a") }}{{ secret (env "ENV" | printf "kv/%s") }}"#,
                &["kv/a", "kv/prod"],
            ),
            (r#"{{ with env "APP" }}{{ secret (printf "kv/%s" .) }}{{ end }}"#, &["kv/Web"]),
            (r#"{{ range $n := "a,b" | split "," }}{{ secret (printf "kv/%s" $n) }}{{ end }}"#, &["kv/a", "kv/b"]),
            (r#"{{ range sprig_list "a" "b" }}{{ $p := print "kv/" . }}{{ secret $p }}{{ end }}"#, &["kv/a", "kv/b"]),
            (r#"{{ if eq (env "ENV") "prod" }}{{ secret "kv/p" }}{{ else }}{{ secret "kv/d" }}{{ end }}"#, &["kv/p"]),
            (r#"{{ if env "NO" }}{{ secret "kv/a" }}{{ else }}{{ secret "kv/b" }}{{ end }}"#, &["kv/b"]),
            // Which of both it is depends on a secret.
            (r#"{{ if (secret "a").x }}{{ secret "b" }}{{ else }}{{ secret "c" }}{{ end }}"#, &["a", "b", "c"]),
        ] {
            assert_eq!(
                asked(text).as_deref(),
                Ok(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
    }

    /// What is known beforehand, and whether there is more.
    fn further(text: &str) -> (Vec<String>, bool) {
        let template =
            Template::parse_among(text, None, Some(&|name| (name == "ENV").then(|| "prod".to_owned()))).unwrap();
        (template.secrets().iter().map(|call| call.path.clone()).collect(), template.asks_further())
    }

    #[test]
    fn what_is_not_known_is_asked_for_later() {
        for (text, known) in [
            (r#"{{ secret (secret "a").Data.path }}"#, &["a"][..]),
            (r#"{{ with secret "a" }}{{ secret .Data.path }}{{ secret (printf "%s" .) }}{{ end }}"#, &["a"]),
            (r#"{{ secret (printf "kv/%s" (mustEnv "NO")) }}"#, &[]),
            (r#"{{ $p := "a" }}{{ if .x }}{{ $p = "b" }}{{ end }}{{ secret $p }}"#, &[]),
            (r#"{{ range $n := (secret "a").list }}{{ secret $n }}{{ end }}"#, &["a"]),
            (r#"{{ range secrets "a/" }}{{ with secret (printf "a/%s" .) }}{{ .Data.x }}{{ end }}{{ end }}"#, &["a"]),
            (r#"{{ $p := "a" }}{{ range sprig_list 1 2 }}{{ secret $p }}{{ $p = "b" }}{{ end }}"#, &["a"]),
            (r#"{{ range $i, $n := 3 }}{{ secret $n }}{{ end }}"#, &[]),
            (r#"{{ secret (file "/etc/path") }}"#, &[]),
        ] {
            let known: Vec<String> = known.iter().map(|path| (*path).to_owned()).collect();
            assert_eq!(further(text), (known, true), "{text}");
        }
        for text in [r#"{{ range secrets "a" }}{{ . }}{{ end }}"#, r#"{{ secret (printf "%s/a" (env "ENV")) }}"#, "x"] {
            assert!(!further(text).1, "{text}");
        }
        // Without an environment no variable is known.
        assert!(Template::parse(r#"{{ secret (env "ENV") }}"#, None).unwrap().asks_further());
        // Loops that go far are not gone through, and what grows is let go.
        let far = "{{ range loop 4000 }}{{ range loop 4000 }}CALL{{ end }}{{ end }}";
        assert_eq!(asked(&far.replace("CALL", "{{ . }}")), Ok(Vec::new()));
        assert!(further(&far.replace("CALL", r#"{{ secret (printf "kv/%d" .) }}"#)).1);
        let grows: String = (1..60).map(|at| format!("{{{{ $a{at} := print $a{0} $a{0} }}}}", at - 1)).collect();
        assert_eq!(asked(&format!(r#"{{{{ $a0 := "x" }}}}{grows}"#)), Ok(Vec::new()));
        assert!(further(&format!(r#"{{{{ $a0 := "x" }}}}{grows}{{{{ secret $a59 }}}}"#)).1);
    }
}
