//! What functions give, as Go's own do.

use super::super::{MissingKey, Template, TemplateError};
use super::*;
use crate::secret::Secret;
use crate::template::{CallKind, SecretCall};
use proptest::prelude::*;

/// A world with one secret.
pub(in crate::template) struct World;

const DATA: &str = r#"{"Data": {"data": {"user": "u", "pass": "p\"w$`'d\n<é>", "port": 5432, "on": true, "none": null, "list": ["a", "b"], "map": {"x": "1", "y": {"z": 2}}}, "metadata": {"version": 3}}, "LeaseID": "", "LeaseDuration": 0, "Renewable": false}"#;

impl Context for World {
    fn root(&self) -> Value {
        Value::from_json(r#"{"db": {"password": "x y"}}"#).unwrap()
    }

    fn secret(&self, call: &SecretCall) -> Option<Value> {
        (call.path == "secret/data/web" && call.kind == CallKind::Secret).then(|| Value::from_json(DATA).unwrap())
    }

    fn outside(&self) -> &dyn Outside {
        self
    }
}

impl Outside for World {
    fn env(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home/x".to_owned())
    }

    fn file(&self, path: &str) -> Result<Secret, String> {
        if path == "/f" { Ok(Secret::from("of f".to_owned())) } else { Err("it cannot be read".to_owned()) }
    }

    fn sha256(&self, _: &[u8]) -> [u8; 32] {
        [0xab; 32]
    }

    fn sha1(&self, _: &[u8]) -> [u8; 20] {
        [0x1a; 20]
    }

    fn sha512(&self, _: &[u8]) -> [u8; 64] {
        [0x5b; 64]
    }

    fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> [u8; 32] {
        [0xcd; 32]
    }

    fn now(&self) -> (i64, u32) {
        (0, 0)
    }
}

fn render(text: &str) -> Result<String, TemplateError> {
    let template = Template::parse(text, None)?;
    let out = template.render(&World, MissingKey::NoValue)?;
    Ok(String::from_utf8(out.expose().to_vec()).unwrap())
}

#[test]
fn templates_say_what_go_says() {
    let secret = r#"{{ with secret "secret/data/web" }}"#;
    for (template, expected) in [
        ("a{{/* c */}}b {{- 1 -}} c", "ab1c"),
        ("{{ .db.password }}", "x y"),
        ("{{ .db.none }}|{{ .db.none | printf \"%v\" }}|{{ nil }}", "<no value>|<nil>|<no value>"),
        ("{{ if .db.none }}a{{ else if .db.password }}b{{ else }}c{{ end }}", "b"),
        (
            "{{ range $i, $e := parseJSON `[\"a\",\"b\"]` }}{{ if $i }},{{ end }}{{ $i }}={{ $e }}{{ else }}none{{ end }}",
            "0=a,1=b",
        ),
        ("{{ range 3 }}{{ . }}{{ end }}{{ range loop 2 4 }}{{ . }}{{ end }}", "01223"),
        ("{{ range $k, $v := .db }}{{ $k }}={{ $v }}{{ end }}", "password=x y"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}", "2"),
        (
            "{{ range loop 5 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}",
            "02",
        ),
        (
            "{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .db.password }}{{ executeTemplate \"t\" 1 | toUpper }}",
            "<x y><1>",
        ),
        ("{{ block \"b\" .db }}{{ .password }}{{ end }}", "x y"),
        ("{{ with $x := .db }}{{ $x.password }}{{ $.db.password }}{{ end }}", "x yx y"),
        ("{{ and 1 0 2 }}{{ or 0 \"\" 3 }}{{ not 0 }}", "03true"),
        ("{{ eq 1 2 1 }}{{ ne \"a\" \"b\" }}{{ lt 1 2 }}{{ ge 2.0 2.5 }}", "truetruetruefalse"),
        ("{{ len \"é\" }}{{ len .db }}{{ index .db \"password\" }}{{ slice \"abcd\" 1 3 }}", "21x ybc"),
        ("{{ print 1 2 \"a\" 3 }}{{ println \"x\" 1 }}", "1 2a3x 1\n"),
        (
            "{{ printf \"%05d|%-4s|%q|%x|%.2f|%v|%+d|%t\" 42 \"ab\" \"c\\n\" \"hi\" 3.14159 true 5 false }}",
            "00042|ab  |\"c\\n\"|6869|3.14|true|+5|false",
        ),
        (
            "{{ printf \"%d\" \"x\" }}{{ printf \"%s\" }}{{ printf \"a\" 1 }}",
            "%!d(string=x)%!s(MISSING)a%!(EXTRA int=1)",
        ),
        ("{{ html \"<a&'>\" }}{{ urlquery \"a b/é\" }}{{ js \"a'<\" }}", "&lt;a&amp;&#39;&gt;a+b%2F%C3%A9a\\'\\u003C"),
        ("{{ \"a,b\" | split \",\" | join \"-\" }}{{ base64Encode \"hi\" }}{{ base64Decode \"aGk=\" }}", "a-baGk=hi"),
        ("{{ 3 | subtract 1 }}{{ 10 | divide 2 }}{{ 7 | modulo 4 }}{{ add 1 2 }}", "2533"),
        (
            "{{ scratch.Set \"a\" 1 }}{{ scratch.Get \"a\" }}{{ scratch.MapSet \"m\" \"k\" \"v\" }}{{ range scratch.MapValues \"m\" }}{{ . }}{{ end }}{{ scratch.Key \"b\" }}",
            "1vfalse",
        ),
        ("{{ env \"HOME\" }}{{ envOrDefault \"NO\" \"d\" }}{{ file \"/f\" }}", "/home/xdof f"),
        ("{{ timestamp }} {{ timestamp \"unix\" }}", "1970-01-01T00:00:00Z 0"),
        (
            "{{ sprig_quote \"a\\\"b\" }}{{ sprig_default \"d\" \"\" }}{{ \"x\" | sprig_b64enc }}{{ sprig_nindent 2 \"a\\nb\" }}",
            "\"a\\\"b\"deA==\n  a\n  b",
        ),
        (
            "{{ shellQuote \"it's\" }}{{ 'a' }}{{ 0x10 }}{{ 1_000 }}{{ 1.50 }}{{ nil | printf \"%v\" }}",
            "'it'\\''s'97161000 1.5<nil>",
        ),
        ("{{ (index (parseJSON `[{\"a\": 1.5}]`) 0).a }}", "1.5"),
        ("{{ \"{{\" }}{{`{{ raw }}`}}", "{{{{ raw }}"),
    ] {
        let expected = expected.replace("161000 1.5", "1610001.5");
        assert_eq!(render(template).unwrap_or_else(|error| panic!("{template}: {error}")), expected, "{template}");
    }
    for (inside, expected) in [
        ("{{ .Data.data.user }}:{{ .Data.data.port }}", "u:5432"),
        ("{{ range $k, $v := .Data.data.map }}{{ $k }}={{ $v }};{{ end }}", "x=1;y=map[z:2];"),
        ("{{ .Data.data.list }}{{ print .Data.data.none }}{{ .Data.data.map }}", "[a b]<nil>map[x:1 y:map[z:2]]"),
        (
            "{{ .Data.data | toJSON }}",
            "{\"list\":[\"a\",\"b\"],\"map\":{\"x\":\"1\",\"y\":{\"z\":2}},\"none\":null,\"on\":true,\"pass\":\"p\\\"w$`'d\\n\\u003cé\\u003e\",\"port\":5432,\"user\":\"u\"}",
        ),
        ("{{ .Data.data.map | toJSONPretty }}", "{\n  \"x\": \"1\",\n  \"y\": {\n    \"z\": 2\n  }\n}"),
        ("{{ .Data.data.map | toYAML }}", "x: \"1\"\n\"y\":\n  z: 2"),
        ("{{ .Data.data.list | toYAML }}", "- a\n- b"),
        ("{{ .Data.data.map | toTOML }}", "x = \"1\"\n\n[y]\n  z = 2"),
    ] {
        let template = format!("{secret}{inside}{{{{ end }}}}");
        assert_eq!(render(&template).unwrap_or_else(|error| panic!("{template}: {error}")), expected, "{template}");
    }
}

#[test]
fn mistakes_are_said_with_their_line_and_without_values() {
    for (template, line, part) in [
        ("\n{{ nothing }}", 2, "no function `nothing`"),
        ("{{ if 1 }}", 1, "no `end`"),
        ("{{ end }}", 1, "belongs to nothing"),
        ("{{ $x }}", 1, "no variable `$x`"),
        ("{{ .a", 1, "does not end"),
        ("{{ .Data.a-b }}", 1, "not a number"),
        ("{{ .Data.a\"b\" }}", 1, "no space between"),
        ("{{ \"a }}", 1, "string does not end"),
        ("{{ key \"a\" }}", 1, "no function `key`"),
        ("{{ writeToFile 1 }}", 1, "not known before"),
        ("{{ writeToFile .db.password \"\" \"\" \"0400\" \"x\" }}", 1, "not known before"),
        ("{{ writeToFile \"/a\" \"\" \"\" \"0400\" 1 }}", 1, "int is given"),
        ("{{ writeToFile \"/a\" \"\" \"\" \"0400\" }}", 1, "it takes a path"),
        ("{{ writtenTo \"/a\" }}", 1, "written nothing there"),
        (
            "{{ range loop 100 }}{{ writeToFile \"/a\" \"\" \"\" \"0400\" \"append\" (printf \"%90000d\" 1) }}{{ end }}",
            1,
            "writes more than",
        ),
        ("{{ break }}", 1, "in no `range`"),
        ("{{ secret .db.password }}", 1, "has not been fetched"),
        ("a\n{{ secret \"other\" }}", 2, "has not been fetched"),
        ("{{ .db.password.x }}", 1, "string has no field `x`"),
        ("{{ .no.x }}", 1, "nothing that `.x`"),
        ("{{ eq 1 \"a\" }}", 1, "cannot be compared"),
        ("{{ index .db 1 }}", 1, "no key of a map"),
        ("{{ mustEnv \"NO\" }}", 1, "no variable NO"),
        ("{{ required \"the password is missing\" .db.no }}", 1, "the password is missing"),
        ("{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}", 1, "deeper than"),
        ("{{ range loop 100000 }}{{ range loop 100000 }}{{ end }}{{ end }}", 1, "more than"),
        ("{{ range loop 1000000 }}{{ printf \"%90000d\" . }}{{ end }}", 1, "more than"),
        ("{{ base64Decode \"xyzzy!\" }}", 1, "not base64"),
    ] {
        let error = render(template).err().unwrap_or_else(|| panic!("{template}"));
        assert_eq!(error.line, line, "{template}: {error}");
        assert!(error.what.contains(part), "{template}: {error}");
        assert!(!error.what.contains("xyzzy") && !error.what.contains("x y"), "{error}");
    }
    let strict = Template::parse("{{ .db.pasword }}", None).unwrap().render(&World, MissingKey::Error).unwrap_err();
    assert_eq!(
        (strict.what.as_str(), strict.hint.as_deref()),
        ("there is no key `pasword`", Some("the keys are password"))
    );
}

#[test]
fn what_a_template_asks_for_is_known_before_it_is_rendered() {
    let template = Template::parse(
        "{{ $env := `prod` }}{{ with secret (printf `secret/data/%s` $env) }}{{ end }}{{ (secret `b`).Data }}
         {{ with pkiCert `pki/issue/web` `common_name=a` `ttl=1h` }}{{ .Cert }}{{ end }}{{ `c` | secret }}{{ secret `b` }}",
        None,
    );
    let template = template.unwrap();
    let paths: Vec<&str> = template.secrets().iter().map(|call| call.path.as_str()).collect();
    assert_eq!(paths, ["b", "c", "pki/issue/web", "secret/data/prod"]);
    assert_eq!(
        template.secrets()[2].arguments,
        [("common_name".to_owned(), "a".to_owned()), ("ttl".to_owned(), "1h".to_owned())]
    );
}

#[test]
fn every_function_that_must_is_one_that_there_is() {
    for name in MUST {
        let name = format!("sprig_must{name}");
        assert!(is_known(&name), "{name}");
    }
    assert!(!is_known("sprig_mustQuote"));
}

fn a_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-5i64..5).prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        "\\PC{0,8}".prop_map(Value::text),
        "[a-z:\\-\\n #'\"]{0,12}".prop_map(Value::text),
        proptest::collection::vec("[a-c]{0,2}".prop_map(Value::text), 0..4).prop_map(Value::list),
        proptest::collection::btree_map("[a-c0-9]{0,3}", "\\PC{0,4}".prop_map(Value::text), 0..4).prop_map(Value::map),
    ]
}

proptest! {
    #[test]
    fn no_function_panics(arguments in proptest::collection::vec(a_value(), 0..5)) {
        let around = Surroundings::new(&World);
        for function in TABLES.iter().flat_map(|table| table.iter()) {
            let _ = call(function.name, &arguments, &around);
            let _ = of_text(function.name, &arguments);
        }
        for name in ["not", "eq", "ne", "lt", "le", "len", "index", "slice", "print", "println", "printf", "html", "js", "urlquery"] {
            let _ = super::super::builtin::call(name, &arguments);
        }
    }

    #[test]
    fn no_template_panics(soup in proptest::collection::vec(prop_oneof![
        Just("{{"), Just("}}"), Just("{{- "), Just(" -}}"), Just("if "), Just("end"), Just("range "), Just("with "), Just("else "), Just("."), Just(".a"),
        Just("$x"), Just(" := "), Just("|"), Just("("), Just(")"), Just("\"s\""), Just("1"), Just("printf "), Just("define "), Just("/*"), Just("*/"), Just("\n"), Just("secret "), Just(", "), Just("é"),
    ], 0..30)) {
        let _ = render(&soup.concat());
    }

    /// A format is an error or text, whatever it is made of.
    #[test]
    fn no_format_breaks_it(format in "(%|[-+# 0]|[1-9]{1,2}|\\*|\\.|\\[[0-3x]?\\]?|[vTtdboOxXcqUeEfFgGspz%]|[a é]){0,12}", pick in 0..5usize) {
        let value = ["-7", "2.5", "\"é\\x00\"", "(sprig_list nil 1 (sprig_dict \"a\" 1.5))", "nil"][pick];
        let _ = render(&format!("{{{{ printf {format:?} {value} 3 {value} }}}}"));
    }

    /// YAML is read back as what it was, by a reader of YAML 1.2.
    #[test]
    fn yaml_is_read_back(map in proptest::collection::btree_map("[a-z]{1,4}", "[ -~é\n]{0,12}", 1..4)) {
        let value = Value::map(map.iter().map(|(name, text)| (name.clone(), Value::text(text.as_str()))).collect());
        let yaml = call("toYAML", &[value], &Surroundings::new(&World)).unwrap();
        let back = crate::yaml::Node::parse(yaml.as_str().unwrap()).map_err(|error| error.to_string());
        let back = back.map(|node| node.to_json());
        let expected: serde_json::Value = serde_json::json!(map);
        // What ends the document is trimmed, as consul-template does it.
        let last = map.values().next_back().unwrap();
        prop_assume!(!last.ends_with(['\n', ' ']));
        prop_assert_eq!(back, Ok(expected), "{}", yaml.as_str().unwrap());
    }
}

#[test]
fn what_is_of_consul_or_draws_at_random_is_refused_with_the_way_out() {
    for (call, way) in [
        ("byKey .", "put the value into Vault"),
        ("explode .", "put the value into Vault"),
        ("sockaddr \"GetPrivateIP\"", "POD_IP"),
        ("spew_dump .", "toJSONPretty"),
        ("sprig_genPrivateKey \"rsa\"", "have the store make it"),
        ("sprig_randAlphaNum 9", "have the store make it"),
        ("sprig_date \"2006\" .", "`timestamp`"),
        ("sprig_semver \"1.2.3\"", "other functions"),
    ] {
        let error = Template::parse(&format!("{{{{ {call} }}}}"), None).unwrap_err();
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains(way)), "{call}: {error:?}");
    }
}

#[test]
fn a_map_that_is_changed_is_changed_in_its_variable() {
    let text = "{{ $m := sprig_dict \"a\" 1 }}{{ if true }}{{ $_ := sprig_set $m \"b\" 2 }}{{ end }}{{ sprig_unset $m \"a\" | len }}{{ toJSON $m }}";
    assert_eq!(render(text).unwrap(), "1{\"b\":2}");
}

#[test]
fn a_map_that_is_changed_is_changed_for_all_that_hold_it() {
    let text = "{{ $m := sprig_dict \"a\" (sprig_dict \"b\" 1) }}{{ $n := $m.a }}{{ $l := sprig_list $m }}\
        {{ $_ := sprig_set $m.a \"c\" 2 }}{{ toJSON $n }}{{ toJSON $l }}\
        {{ $_ := sprig_unset (index $l 0).a \"b\" }}{{ toJSON $n }}{{ toJSON $m }}";
    assert_eq!(render(text).unwrap(), r#"{"b":1,"c":2}[{"a":{"b":1,"c":2}}]{"c":2}{"a":{"c":2}}"#);
    // Go would write on and on.
    for into_itself in ["sprig_set $m \"self\" $m", "sprig_set $m.a \"up\" (sprig_list $m)"] {
        let text = format!("{{{{ $m := sprig_dict \"a\" (sprig_dict) }}}}{{{{ $_ := {into_itself} }}}}");
        assert!(render(&text).unwrap_err().what.contains("into itself"), "{text}");
    }
    // As many changes as entries take no longer for each.
    let text = "{{ $m := sprig_dict }}{{ range loop 20000 }}{{ $_ := sprig_set $m (print .) . }}{{ end }}{{ len $m }}";
    assert_eq!(render(text).unwrap(), "20000");
}

#[test]
fn what_would_count_or_cut_beyond_all_bounds_is_an_error() {
    for call in [
        "sprig_until 9000000",
        "sprig_untilStep 0 9000000000000000000 1",
        "sprig_untilStep 1 -9223372036854775807 -1",
        "sprig_untilStep 9223372036854775807 -9223372036854775807 -1",
        "sprig_seq 1 9223372036854775807",
        "sprig_slice (sprig_list 1) 3",
        "sprig_chunk -1 (sprig_list 1)",
        "sprig_b32dec \"x\"",
        "sprig_b32dec \"MZXW6Y==\"",
        "sprig_splitn \",\" -1 \"a\"",
        "sprig_fail \"no\"",
        "printf \"%100001d\" 1",
        "printf \"%*d\" 200000 1",
        "printf \"%99999v\" (loop 100000)",
    ] {
        assert!(render(&format!("{{{{ {call} }}}}")).is_err(), "{call}");
    }
}

#[test]
fn what_is_written_to_a_file_is_not_in_the_output_and_can_be_had_in_its_place() {
    let text = "a{{ .db.password | writeToFile `/k` `` `` `0400` }}b{{ `one` | writeToFile `/k` `u` `g` `0440` `newline` }}c\
        {{ `two` | writeToFile `/k` `` `` `0400` `append,newline` }}";
    assert_eq!(render(text).unwrap(), "abc");
    assert_eq!(render(&format!("{text}{{{{ writtenTo `/k` }}}}")).unwrap(), "one\ntwo\n");
    let template = Template::parse(text, None).unwrap();
    let [write] = template.writes() else { panic!("{template:?}") };
    assert_eq!((write.path.as_str(), write.mode.as_str()), ("/k", "0400"), "what is said last");
}

#[test]
fn a_map_of_texts_is_one_to_go_and_no_map_of_anything() {
    for (text, expected) in [
        (
            "{{ printf `%T %#v` (sprig_split `,` `a,b`) (splitToMap `,` `:` `b:1,a:2`) }}",
            "map[string]string map[string]string{\"a\":\"2\", \"b\":\"1\"}",
        ),
        (
            "{{ $m := sprig_split `,` `a,b` }}{{ $m }} {{ $m._1 }} {{ index $m `_0` }}{{ index $m `_9` }} {{ len $m }}",
            "map[_0:a _1:b] b a 2",
        ),
        (
            "{{ range $k, $v := sprig_splitn `,` 2 `a,b,c` }}{{ $k }}={{ $v }};{{ end }}{{ sprig_typeOf (sprig_split `,` ``) }}",
            "_0=a;_1=b,c;map[string]string",
        ),
        (
            "{{ sprig_split `,` `a` | toJSON }}{{ printf `%d` (sprig_split `,` `x`) }}",
            "{\"_0\":\"a\"}map[%!d(string=_0):%!d(string=x)]",
        ),
    ] {
        assert_eq!(render(text).unwrap(), expected, "{text}");
    }
    assert!(render("{{ sprig_keys (sprig_split `,` `a`) }}").unwrap_err().what.contains("map[string]string is given"));
    let lax = Template::parse("<{{ (sprig_split `,` `a`)._7 }}>", None).unwrap().render(&World, MissingKey::NoValue);
    assert_eq!(lax.unwrap().expose(), b"<>");
}
