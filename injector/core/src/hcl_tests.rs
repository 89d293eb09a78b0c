//! The language, its JSON twin, and what is refused.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn read(text: &str) -> serde_json::Value {
    parse(text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", error.line)).to_json()
}

fn refused(text: &str) -> (usize, String) {
    let error = parse(text).expect_err(text);
    (error.line, error.what)
}

#[test]
fn reads_attributes_of_every_kind() {
    let text = r#"
        # one kind of comment
        string = "a\tb \"c\" \\ \u00e9 \x41 \101"  // another
        number = 12
        negative = -3
        hex = 0xff
        float = 0.9  /* a third,
        of two lines */
        yes = true
        no = false
        "quoted key" = "x"
        list = ["a", 1, true, ["b"], { c = 1 },]
        object = { a = "1", b = 2 }
        dotted.name-x = "y"
    "#;
    let want = json!({
        "string": "a\tb \"c\" \\ \u{e9} A A", "number": 12, "negative": -3, "hex": 255, "float": 0.9, "yes": true,
        "no": false, "quoted key": "x", "list": ["a", 1, true, ["b"], {"c": 1}], "object": {"a": "1", "b": 2},
        "dotted.name-x": "y",
    });
    assert_eq!(read(text), want);
}

#[test]
fn a_block_is_a_map_and_blocks_are_a_list() {
    assert_eq!(read("a { b = 1 }"), json!({"a": {"b": 1}}));
    assert_eq!(read("a { b = 1 }\na { b = 2 }\na = { b = 3 }"), json!({"a": [{"b": 1}, {"b": 2}, {"b": 3}]}));
    assert_eq!(read("a \"x\" y { b = 1 }"), json!({"a": {"x": {"y": {"b": 1}}}}));
    assert_eq!(read("a \"x\" {}\na \"z\" {}"), json!({"a": [{"x": {}}, {"z": {}}]}));
    assert_eq!(read(""), json!({}));
    assert_eq!(read("a = [{ b = 1 }, { b = 2 }]"), read("{\"a\": [{\"b\": 1}, {\"b\": 2}]}"));
}

#[test]
fn reads_heredocs() {
    assert_eq!(read("a = <<EOT\n{{ x \"y\" }}\n  z\nEOT\nb = 1"), json!({"a": "{{ x \"y\" }}\n  z\n", "b": 1}));
    assert_eq!(read("a = <<-EOT\n    x\n      y\n    EOT\n"), json!({"a": "x\n  y\n"}));
    // A line with less than the marker's indentation keeps them all as they are.
    assert_eq!(read("a = <<-EOT\n    x\n y\n    EOT"), json!({"a": "    x\n y\n"}));
    assert_eq!(read("a = <<EOT\r\nx\r\nEOT\r\n"), json!({"a": "x\r\n"}));
    assert_eq!(read("a = <<EOT\nEOT"), json!({"a": ""}));
}

#[test]
fn leaves_interpolation_alone() {
    assert_eq!(read(r#"a = "x ${f("y{}")} $z""#), json!({"a": "x ${f(\"y{}\")} $z"}));
}

#[test]
fn keeps_lines() {
    let node = parse("a = 1\n/*\n*/ b \"l\" {\n  c = <<X\n1\n2\nX\n  d = [\n1]\n}").unwrap();
    let Kind::Map(entries) = &node.kind else { panic!("a map") };
    assert_eq!((entries[1].0.line, entries[1].1.line), (3, 3));
    let Kind::Map(label) = &entries[1].1.kind else { panic!("a map") };
    let Kind::Map(inner) = &label[0].1.kind else { panic!("a map") };
    assert_eq!((inner[0].0.line, inner[1].0.line), (4, 8));
}

#[test]
fn modes_stay_octal() {
    let node = parse("mode = 0640").unwrap();
    let Kind::Map(entries) = &node.kind else { panic!("a map") };
    assert_eq!(entries[0].1.kind, Kind::Scalar { text: "0640".to_owned(), quoted: false });
}

#[test]
fn says_the_line_of_each_mistake() {
    for (text, line, what) in [
        ("a = 1\na = 2", 2, "`a` is given twice, first on line 1"),
        ("a { }\n\na = 2", 3, "twice"),
        ("a = b", 1, "`b` is no value: text stands in quotes"),
        ("\na = 1x", 2, "`1x` is no number"),
        ("a = 1.2.3", 1, "no number"),
        ("a = \"x\ny\"", 1, "ends with the line"),
        ("a = \"x", 1, "never closed"),
        ("a = \"${x\"", 1, "`${` in this text is never closed"),
        ("a = \"\\q\"", 1, "escape"),
        ("a = \"\\ud800\"", 1, "escape"),
        ("a = <<EOT\nx\n", 1, "never closed by a line with `EOT`"),
        ("a = <<\nx\n", 1, "no marker"),
        ("a = <<EOT x\nEOT\n", 1, "begins on the line after"),
        ("a = < 1", 1, "found `<`"),
        ("\n/* x", 2, "comment"),
        ("a {\n\n", 1, "the `{` is never closed"),
        ("a = [\n1", 1, "the `[` is never closed"),
        ("a = [1 2]", 1, "expected `,` or `]`"),
        ("}", 1, "closes nothing"),
        ("a \"b\" = 1", 1, "expected `=` or `{` behind `a`"),
        ("a: 1", 1, "expected `=` or `{` behind `a`"),
        ("a =", 1, "text ends"),
        ("= 1", 1, "name of a key, and found `=`"),
        ("a = ,", 1, "found `,`"),
    ] {
        let (at, why) = refused(text);
        assert!(at == line && why.contains(what), "{text:?}: line {at}: {why}");
    }
}

#[test]
fn depth_and_size_have_limits() {
    for text in ["a = ".to_owned() + &"[".repeat(100), "a {".repeat(100), "a ".repeat(100) + "{"] {
        assert!(refused(&text).1.contains("deeper"), "{text}");
    }
    for text in [format!("{{\"a\":{}", "[".repeat(100)), "{\"a\":".repeat(100)] {
        assert!(refused(&text).1.contains("deeper"), "{text}");
    }
    assert!(refused(&"#".repeat(MAX_LENGTH + 1)).1.contains("limit"));
}

#[test]
fn reads_json_by_its_brace() {
    let text = "\u{feff} \n{\"a\":\t\"\\ud83d\\ude00\\u003c\\/\", \"b\": [1.5, null, true], \"c\": {}}";
    assert_eq!(read(text), json!({"a": "\u{1f600}</", "b": [1.5, null, true], "c": {}}));
}

#[test]
fn refuses_what_is_no_json() {
    for (text, line, what) in [
        ("{\"a\": 1,\n\"a\": 2}", 2, "twice"),
        ("{\"a\": 1,}", 1, "key in quotes"),
        ("{a: 1}", 1, "key in quotes"),
        ("{\"a\" 1}", 1, "expected `:`"),
        ("{\n\"a\": 1", 1, "the `{` is never closed"),
        ("{\"a\": 01}", 1, "no value in JSON"),
        ("{\"a\": x}", 1, "no value in JSON"),
        ("{\"a\": 'x'}", 1, "no value in JSON"),
        ("{\"a\": \"x\ny\"}", 1, "control character"),
        ("{\"a\": \"x", 1, "never closed"),
        ("{\"a\":", 1, "text ends"),
        ("{}\n{}", 2, "follows the end"),
        ("{\"a\": [1 2]}", 1, "expected `,` or `]`"),
    ] {
        let (at, why) = refused(text);
        assert!(at == line && why.contains(what), "{text:?}: line {at}: {why}");
    }
}

const SOUP: &[&str] = &[
    "a", "b-c", "\"x\"", "\"", "=", "{", "}", "[", "]", ",", "\n", " ", "<<EOT\n", "<<-E\n", "EOT\n", "  E\n", "#",
    "//", "/*", "*/", "${", "\\", "0x1", "07", "-1.5e3", "true", "null", ":", "\u{e9}", "\r\n", "\t", "<", "-",
];

proptest! {
    #[test]
    fn never_panics_on_token_soup(tokens in prop::collection::vec(prop::sample::select(SOUP), 0..60)) {
        let text = tokens.concat();
        let _ = parse(&text);
        let _ = parse(&format!("{{{text}"));
        let _ = parse(&format!("a = {text}"));
    }

    #[test]
    fn never_panics_on_any_text(text in "[\\PC\n\t]{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn errors_name_a_line_of_the_text(tokens in prop::collection::vec(prop::sample::select(SOUP), 0..60)) {
        let text = tokens.concat();
        if let Err(error) = parse(&text) {
            prop_assert!((1..=text.matches('\n').count() + 1).contains(&error.line));
        }
    }

    #[test]
    fn reads_any_json_string_back(text in "\\PC{0,60}") {
        let json = json!({ "k": text });
        prop_assert_eq!(parse(&json.to_string()).unwrap().to_json(), json);
    }

    #[test]
    fn reads_any_escaped_string_back(text in "[^$]{0,60}") {
        let escaped: String = text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
        prop_assert_eq!(parse(&format!("k = \"{escaped}\"")).unwrap().to_json(), json!({ "k": text }));
    }
}
