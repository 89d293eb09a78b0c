//! Templates that ask for more while they are rendered: by a path that comes out of another secret, a list, or a file.
//!
//! Such a template is rendered with what is at hand. A part that asks for more fails, and is passed over; the parts behind
//! it are rendered, so that they ask too. What the part would have left behind, in a variable, a map or `scratch`, is not
//! known then, and a part that reads it is passed over as well: nothing is asked for that the whole template would not ask
//! for. What was written is thrown away, and it is rendered again once more is at hand.

use std::collections::BTreeSet;

use super::SecretCall;
use super::error::TemplateError;
use super::parse::{Expr, ExprKind, Node, Pipeline};

/// The name under which `scratch` is not known; no variable has it.
pub(super) const SCRATCH: &str = "scratch";
/// The methods of `scratch` that give nothing of what is in it.
pub(super) const CHANGE_SCRATCH: &[&str] = &["Set", "SetX", "MapSet", "MapSetX"];
/// Functions that put what they give into the map that is their first argument.
pub(super) const CHANGE_THEIR_MAP: &[&str] =
    &["sprig_merge", "sprig_mustMerge", "sprig_mergeOverwrite", "sprig_mustMergeOverwrite"];
/// Functions that change a single entry of it.
const CHANGE_AN_ENTRY: &[&str] = &["sprig_set", "sprig_unset"];

/// What a rendering has asked for, and what it could not know.
#[derive(Default)]
pub(super) struct Further {
    /// All that was asked for.
    pub(super) asked: BTreeSet<SecretCall>,
    /// Whether anything of it is not at hand.
    pub(super) awaits: bool,
    /// Whether the error that is on its way up is for that.
    pub(super) waiting: bool,
    /// How many parts were passed over.
    pub(super) passed: usize,
    /// The variables that would have been set by such.
    pub(super) unsure: BTreeSet<String>,
}

impl Further {
    /// Marks an error as one that goes away once all is at hand.
    pub(super) fn await_it(&mut self, error: TemplateError) -> TemplateError {
        self.awaits = true;
        self.waiting = true;
        error
    }
}

/// Collects what a part would have left behind: the variables that it sets, or whose maps it changes.
pub(super) fn traces(node: &Node, unsure: &mut BTreeSet<String>) {
    match node {
        Node::Text(_) | Node::Break | Node::Continue => {}
        Node::Print(pipeline) => of_pipeline(pipeline, unsure),
        Node::If { pipeline, then, otherwise }
        | Node::With { pipeline, then, otherwise }
        | Node::Range { pipeline, each: then, otherwise } => {
            of_pipeline(pipeline, unsure);
            then.iter().chain(otherwise).for_each(|node| traces(node, unsure));
        }
        // A template has variables of its own, and `scratch` in common with all.
        Node::Template { .. } => drop(unsure.insert(SCRATCH.to_owned())),
    }
}

fn of_pipeline(pipeline: &Pipeline, unsure: &mut BTreeSet<String>) {
    unsure.extend(pipeline.variables.iter().cloned());
    for command in &pipeline.commands {
        match command.first().map(|first| &first.kind) {
            Some(ExprKind::Fields(inner, _)) if matches!(&inner.kind, ExprKind::Function(name) if name == SCRATCH) => {
                unsure.insert(SCRATCH.to_owned());
            }
            Some(ExprKind::Function(name)) if name == "executeTemplate" => drop(unsure.insert(SCRATCH.to_owned())),
            Some(ExprKind::Function(name)) if changes_a_map(name) => {
                let maps = command.iter().filter_map(|expr| match &expr.kind {
                    ExprKind::Variable(name) => Some(name.clone()),
                    _ => None,
                });
                unsure.extend(maps);
            }
            _ => {}
        }
        command.iter().for_each(|expr| of_expr(expr, unsure));
    }
}

fn of_expr(expr: &Expr, unsure: &mut BTreeSet<String>) {
    match &expr.kind {
        ExprKind::Pipeline(inner) => of_pipeline(inner, unsure),
        ExprKind::Fields(inner, _) => of_expr(inner, unsure),
        _ => {}
    }
}

fn changes_a_map(function: &str) -> bool {
    CHANGE_THEIR_MAP.contains(&function) || CHANGE_AN_ENTRY.contains(&function)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::functions::tests::World;
    use super::super::{CallKind, Context, Items, MissingKey, Outside, Template, Value};
    use super::*;

    /// Some of what a store has.
    struct Held<'h>(BTreeMap<&'h str, &'h str>);

    impl Context for Held<'_> {
        fn root(&self) -> Value {
            Value::Nil
        }

        fn secret(&self, call: &SecretCall) -> Option<Value> {
            let value = Value::from_json(self.0.get(call.path.as_str())?)?;
            match (call.kind, value) {
                (CallKind::List, Value::List(items)) => Some(Value::list_of(Items::Text, items.to_vec())),
                (_, value) => Some(value),
            }
        }

        fn outside(&self) -> &dyn Outside {
            &World
        }
    }

    /// Renders again and again, each time with what was asked for, and tells what was asked for anew in each round.
    fn rounds(text: &str, store: &[(&str, &str)]) -> (String, Vec<Vec<String>>) {
        let template = Template::parse(text, None).unwrap();
        let (mut held, mut rounds) = (BTreeMap::new(), Vec::new());
        loop {
            let rendering = template.render_further(&Held(held.clone()), MissingKey::Error).unwrap();
            let asked: Vec<&str> = rendering.asked.iter().map(|call| call.path.as_str()).collect();
            if let Some(content) = rendering.content {
                assert!(asked.iter().all(|path| held.contains_key(path)), "{text}");
                return (content.expose_str().unwrap().to_owned(), rounds);
            }
            let new: Vec<&str> = asked.into_iter().filter(|path| !held.contains_key(path)).collect();
            assert!(!new.is_empty() && rounds.len() < 10, "{text}");
            for path in &new {
                let (path, value) = store.iter().find(|(at, _)| at == path).unwrap_or_else(|| panic!("{text}: {path}"));
                held.insert(*path, *value);
            }
            rounds.push(new.into_iter().map(str::to_owned).collect());
        }
    }

    #[test]
    fn each_round_asks_for_all_that_is_known_by_then_and_for_nothing_else() {
        let store = [
            ("l", r#"["a", "b", "c/"]"#),
            ("l/a", r#"{"Data": {"x": "1", "to": "l/b"}}"#),
            ("l/b", r#"{"Data": {"x": "2"}}"#),
            ("other", r#"{"Data": {"x": "3"}}"#),
        ];
        for (text, out, expected) in [
            (
                r#"{{ range secrets "l/" }}{{ if not (sprig_hasSuffix "/" .) }}{{ with secret (printf "l/%s" .) }}{{ .Data.x }},{{ end }}{{ end }}{{ end }}{{ with secret "other" }}{{ .Data.x }}{{ end }}"#,
                "1,2,3",
                &[&["l", "other"][..], &["l/a", "l/b"]][..],
            ),
            (
                r#"{{ with secret "l/a" }}{{ with secret .Data.to }}{{ .Data.x }}{{ end }}{{ end }}"#,
                "2",
                &[&["l/a"], &["l/b"]],
            ),
            // An `else` is for what is empty, and not for what is not there yet.
            (r#"{{ with secret "l/a" }}{{ .Data.x }}{{ else }}{{ secret "no" }}{{ end }}"#, "1", &[&["l/a"]]),
            (r#"{{ range secrets "l" }}{{ else }}{{ secret "no" }}{{ end }}x"#, "x", &[&["l"]]),
            // What would have been set is not known.
            (
                r#"{{ $p := "no" }}{{ with secret "l/a" }}{{ $p = .Data.to }}{{ end }}{{ with secret $p }}{{ .Data.x }}{{ end }}"#,
                "2",
                &[&["l/a"], &["l/b"]],
            ),
            (
                r#"{{ $p := (secret "l/a").Data.to }}{{ (secret (print $p)).Data.x }}{{ (secret "other").Data.x }}"#,
                "23",
                &[&["l/a", "other"], &["l/b"]],
            ),
            (
                r#"{{ scratch.Set "p" "no" }}{{ with secret "l/a" }}{{ scratch.Set "p" .Data.to }}{{ end }}{{ with secret (scratch.Get "p") }}{{ .Data.x }}{{ end }}"#,
                "2",
                &[&["l/a"], &["l/b"]],
            ),
            (
                r#"{{ define "p" }}{{ (secret "l/a").Data.to }}{{ end }}{{ with secret (executeTemplate "p") }}{{ .Data.x }}{{ end }}"#,
                "2",
                &[&["l/a"], &["l/b"]],
            ),
            (
                r#"{{ $d := sprig_dict "p" "no" }}{{ with secret "l/a" }}{{ $x := sprig_set $d "p" .Data.to }}{{ end }}{{ with secret $d.p }}{{ .Data.x }}{{ end }}"#,
                "2",
                &[&["l/a"], &["l/b"]],
            ),
            // One that is set anew is known again, and so is one of a loop.
            (
                r#"{{ $p := (secret "l/a").Data.to }}{{ $p = "other" }}{{ (secret $p).Data.x }}{{ $q := $p }}{{ range $q := sprig_list "l/b" }}{{ (secret $q).Data.x }}{{ end }}"#,
                "32",
                &[&["l/a", "l/b", "other"]],
            ),
            // All of a loop at once, though what it makes goes into one thing.
            (
                r#"{{ range secrets "l" }}{{ if ne . "c/" }}{{ with secret (print "l/" .) }}{{ scratch.MapSet "m" .Data.x "y" }}{{ end }}{{ end }}{{ end }}{{ range $k, $v := scratch.Get "m" }}{{ $k }}{{ $v }}{{ end }}"#,
                "1y2y",
                &[&["l"], &["l/a", "l/b"]],
            ),
        ] {
            let expected: Vec<Vec<String>> =
                expected.iter().map(|round| round.iter().map(|path| (*path).to_owned()).collect()).collect();
            assert_eq!(rounds(text, &store), (out.to_owned(), expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_by_itself_is_told_once_nothing_is_awaited() {
        let template = Template::parse(r#"{{ (secret "a").Data.x }}{{ required "no" "" }}"#, None).unwrap();
        let render = |held: &[(&'static str, &'static str)]| {
            template.render_further(&Held(held.iter().copied().collect()), MissingKey::Error)
        };
        assert!(render(&[]).unwrap().content.is_none());
        let error = render(&[("a", r#"{"Data": {"x": "1"}}"#)]).unwrap_err();
        assert!(error.what.contains("required"), "{error}");
        let error = render(&[("a", r#"{"Data": {}}"#)]).unwrap_err();
        assert_eq!(error.what, "there is no key `x`");
        // More than anybody needs.
        let many = Template::parse(r#"{{ range loop 2000 }}{{ secret (printf "%d" .) }}{{ end }}"#, None).unwrap();
        let rendering = many.render_further(&Held(BTreeMap::new()), MissingKey::Error).unwrap();
        assert_eq!((rendering.asked.len(), rendering.content.is_none()), (1000, true));
    }

    #[test]
    fn a_list_takes_a_path_alone() {
        for text in [r#"{{ secrets "" }}"#, r#"{{ secrets "a" "b=c" }}"#, r#"{{ secrets 1 }}"#] {
            assert!(Template::parse(text, None).is_err(), "{text}");
        }
    }
}
