//! A command line as the words of a program and its arguments, split as POSIX says (Shell Command Language, 2.2 and
//! 2.3), and run without a shell: what only a shell could do is refused.

use super::read::Reader;
use crate::config::map::{Fault, Result, text};
use crate::reference::shorten;
use crate::yaml::{Kind, Node};

const WAY_OUT: &str = "put it into a script and name that, or, where there is a shell, write \
                       `exec { command = [\"sh\", \"-c\", \"…\"] }`";

/// Words that name nothing outside of a shell.
const BUILTINS: &[&str] = &[
    ".", ":", "alias", "case", "cd", "eval", "exec", "exit", "export", "for", "if", "read", "set", "shift", "source",
    "trap", "ulimit", "umask", "unset", "until", "wait", "while",
];

/// The words of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// At least one.
    pub(super) argv: Vec<String>,
    /// What a shell would have made something else of.
    pub(super) unexpanded: Option<&'static str>,
}

impl Reader {
    /// Reads a command: a list of words, or one line that is split into them. One word in a list is a line too, as it
    /// is for Vault Agent.
    pub(super) fn argv(&mut self, node: &Node, key: &str) -> Result<Vec<String>> {
        let line = match &node.kind {
            Kind::List(items) => match items.as_slice() {
                [] => return Err(Fault::new(node.line, format!("`{key}` is an empty list"))),
                [one] => one,
                [program, arguments @ ..] => {
                    let first = text(program, key)?.to_owned();
                    return std::iter::once(Ok(first)).chain(arguments.iter().map(argument)).collect();
                }
            },
            _ => node,
        };
        let words =
            split(text(line, key)?).map_err(|why| Fault::new(line.line, format!("`{key}` {why}")).hint(WAY_OUT))?;
        if let Some(what) = words.unexpanded {
            self.warn(
                line.line,
                format!("`{key}` is split into words and run without a shell, so {what} in it stays as it is written"),
            );
        }
        Ok(words.argv)
    }
}

/// Reads an argument, which may be empty.
fn argument(node: &Node) -> Result<String> {
    match &node.kind {
        Kind::Scalar { text, .. } => Ok(text.clone()),
        _ => {
            Err(Fault::new(node.line, format!("an argument of a command must be a value, and is {}", node.kind_name())))
        }
    }
}

/// Splits a line into words. The error is what follows "the command".
pub(super) fn split(line: &str) -> std::result::Result<Words, String> {
    let mut words = Words { argv: Vec::new(), unexpanded: None };
    // None between words, so that `''` is a word and a space is not.
    let mut word: Option<String> = None;
    let mut rest = line.trim().chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' => words.argv.extend(word.take()),
            '\'' => single(&mut rest, word.get_or_insert_default())?,
            '"' => double(&mut rest, word.get_or_insert_default(), &mut words.unexpanded)?,
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("ends with a backslash".to_owned()),
            },
            '|' | ';' | '&' | '<' | '>' | '(' | ')' => return Err(format!("holds `{c}`, which needs a shell")),
            '\n' | '\r' => return Err("holds more than one line, which needs a shell".to_owned()),
            '#' if word.is_none() => return Err("holds a comment, which needs a shell".to_owned()),
            '`' => return Err("holds a backtick, which needs a shell".to_owned()),
            '$' => dollar(&mut rest, word.get_or_insert_default(), &mut words.unexpanded)?,
            _ => {
                match c {
                    '*' | '?' | '[' => words.unexpanded = Some("the pattern of file names"),
                    '~' if word.is_none() => words.unexpanded = Some("`~`"),
                    _ => {}
                }
                word.get_or_insert_default().push(c);
            }
        }
    }
    words.argv.extend(word);
    check_program(&words.argv)?;
    Ok(words)
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn single(rest: &mut Rest<'_>, word: &mut String) -> std::result::Result<(), String> {
    for c in rest {
        match c {
            '\'' => return Ok(()),
            _ => word.push(c),
        }
    }
    Err("has a `'` that is never closed".to_owned())
}

fn double(
    rest: &mut Rest<'_>,
    word: &mut String,
    unexpanded: &mut Option<&'static str>,
) -> std::result::Result<(), String> {
    while let Some(c) = rest.next() {
        match c {
            '"' => return Ok(()),
            '`' => return Err("holds a backtick, which needs a shell".to_owned()),
            '$' => dollar(rest, word, unexpanded)?,
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(next @ ('$' | '`' | '"' | '\\')) => word.push(next),
                Some(next) => word.extend(['\\', next]),
                None => break,
            },
            _ => word.push(c),
        }
    }
    Err("has a `\"` that is never closed".to_owned())
}

/// Keeps a `$` that would begin a variable, and refuses one that would run something.
fn dollar(
    rest: &mut Rest<'_>,
    word: &mut String,
    unexpanded: &mut Option<&'static str>,
) -> std::result::Result<(), String> {
    match rest.peek() {
        Some('(') => return Err("holds `$(`, which needs a shell".to_owned()),
        Some(c) if c.is_ascii_alphanumeric() || matches!(c, '_' | '{' | '@' | '*' | '#' | '?' | '$' | '!' | '-') => {
            *unexpanded = Some("the variable");
        }
        _ => {}
    }
    word.push('$');
    Ok(())
}

fn check_program(argv: &[String]) -> std::result::Result<(), String> {
    let program = match argv.first() {
        None => return Err("is empty".to_owned()),
        Some(program) if program.is_empty() => return Err("names no program".to_owned()),
        Some(program) => program.as_str(),
    };
    if BUILTINS.contains(&program) {
        return Err(format!("begins with `{program}`, which only a shell knows"));
    }
    let assigns = program.split_once('=').is_some_and(|(name, _)| crate::config::EnvName::parse(name).is_ok());
    if assigns {
        return Err(format!(
            "begins with the assignment `{}`, which needs a shell or `env` before it",
            shorten(program)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap_or_else(|why| panic!("{line}: {why}")).argv
    }

    #[test]
    fn splits_as_posix_does() {
        assert_eq!(words(r#" kill -HUP  1 "#), ["kill", "-HUP", "1"]);
        assert_eq!(words(r#"a 'b  "c' d\ e "f 'g' \" \\ \x" ''"#), ["a", "b  \"c", "d e", "f 'g' \" \\ \\x", ""]);
        assert_eq!(words("a'b'\"c\"d\\\ne"), ["abcde"]);
        assert_eq!(words("a '|' \"&;\" \\> a#b $"), ["a", "|", "&;", ">", "a#b", "$"]);
        assert_eq!(words("a '$(x)' '`' \\$x"), ["a", "$(x)", "`", "$x"]);
    }

    #[test]
    fn refuses_what_needs_a_shell() {
        for (line, why) in [
            ("a | b", "`|`"),
            ("a; b", "`;`"),
            ("a && b", "`&`"),
            ("a &", "`&`"),
            ("a > f", "`>`"),
            ("a < f", "`<`"),
            ("a 2>&1", "`>`"),
            ("(a)", "`(`"),
            ("a $(b)", "`$(`"),
            ("a \"$(b)\"", "`$(`"),
            ("a `b`", "backtick"),
            ("a \"`b`\"", "backtick"),
            ("a\nb", "more than one line"),
            ("a # b", "comment"),
            ("cd /x", "only a shell knows"),
            ("A=b c", "assignment"),
            ("a 'b", "never closed"),
            ("a \"b\\", "never closed"),
            ("a \\", "backslash"),
            ("", "empty"),
            ("''", "no program"),
        ] {
            let what = split(line).expect_err(line);
            assert!(what.contains(why), "{line}: {what}");
        }
    }

    #[test]
    fn tells_what_stays_as_it_is() {
        for (line, what) in
            [("a $HOME", "variable"), ("a \"${B}\"", "variable"), ("a *.pid", "pattern"), ("a ~/x", "`~`")]
        {
            assert!(split(line).unwrap().unexpanded.expect(line).contains(what), "{line}");
        }
        for line in ["a b", "a '$HOME'", "a \\*", "a x~", "a \"*\""] {
            assert_eq!(split(line).unwrap().unexpanded, None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(program in "[^\\x00=]{1,12}", rest in prop::collection::vec("[^\\x00]{0,12}", 0..6)) {
            let argv = [vec![program], rest].concat();
            prop_assume!(check_program(&argv).is_ok());
            let quoted: Vec<_> = argv.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
            prop_assert_eq!(split(&quoted.join(" ")).unwrap(), Words { argv, unexpanded: None });
        }

        #[test]
        fn never_panics(line in "[a \\\\'\"$(){}|&;<>#`\n~*=]{0,40}") {
            let _ = split(&line);
        }
    }
}
