//! What each mistake says, and on which line.

use super::*;
use proptest::prelude::*;

/// Text of HCL, the line of the mistake, what is said, and a part of the hint.
type Case = (&'static str, usize, &'static str, &'static str);

fn check(cases: &[Case]) {
    for (text, line, what, hint) in cases {
        let error = hcl(text).expect_err(text);
        assert!(error.line == Some(*line) && error.what.contains(what), "{text}\n{error}");
        assert!(error.hint.unwrap_or_default().contains(hint), "{text}\n{}", error.what);
    }
}

#[test]
fn a_key_that_does_not_exist_names_the_one_that_was_meant() {
    check(&[
        ("\nexit_after_aut = true", 2, "has no key `exit_after_aut`", "did you mean `exit_after_auth`?"),
        ("templates {}", 1, "has no key `templates`", "did you mean `template`?"),
        ("vault {\n adress = \"x\"\n}", 2, "`vault` has no key `adress`", "did you mean `address`?"),
        ("vault { retry { tries = 1 } }", 1, "`retry` has no key `tries`", "`num_retries`"),
        ("cache { use_auto_auth_tokn = true }", 1, "`cache` has no key", "`use_auto_auth_token`?"),
        ("cache { persist \"kubernetes\" { pth = \"/\" } }", 1, "`persist` has no key", "`path`?"),
        ("api_proxy { x = 1 }", 1, "`api_proxy` has no key `x`", "`use_auto_auth_token`"),
        ("template { destinaton = \"/d\" contents = \"x\" }", 1, "no key `destinaton`", "`destination`?"),
        ("template { contnts = \"x\" destination = \"/d\" }", 1, "no key `contnts`", "`contents`?"),
        ("template { contents = \"x\" destination = \"/d\"\n exec { comand = \"a\" } }", 2, "`comand`", "`command`?"),
        ("env_template \"A\" { contents = \"x\" destination = \"/d\" }", 1, "`A` has no key `destination`", ""),
        (
            "exec { command = [\"a\"] restart_on_secret_change = \"never\" }",
            1,
            "no key",
            "`restart_on_secret_changes`?",
        ),
        ("template_config { lease_renewal_treshold = 0.5 }", 1, "no key", "`lease_renewal_threshold`?"),
    ]);
}

#[test]
fn a_login_that_cannot_work_is_an_error() {
    check(&[
        ("auto_auth {}", 1, "`auto_auth` lacks `method`", ""),
        ("auto_auth {\n method {}\n}", 2, "`method` lacks `type`", "write `method \"TYPE\""),
        ("auto_auth { method \"kubernets\" {} }", 1, "`kubernets` cannot be used", "did you mean `kubernetes`?"),
        ("auto_auth { method \"gcp\" {} }", 1, "`gcp` cannot be used", "`token_file` works with anything"),
        ("auto_auth { method \"kubernetes\" {} }", 1, "method `kubernetes` lacks `role`", ""),
        ("auto_auth { method \"kubernetes\" { config = { roll = \"x\" } } }", 1, "no key `roll`", "`role`?"),
        ("auto_auth { method \"kubernetes\" { config = { role = [] } } }", 1, "`role` must be a value", ""),
        ("auto_auth { method \"jwt\" { type = \"cert\" } }", 1, "label `jwt` and another `type`", ""),
        ("auto_auth {\n method \"cert\" {}\n method \"jwt\" {}\n}", 3, "`method` is given more than once", ""),
        ("auto_auth { method \"cert\" { mount_path = \"cert\" } }", 1, "does not begin with `auth/`", ""),
        ("auto_auth { method \"cert\" { mount_path = \"auth/../sys\" } }", 1, "no path of a mount", ""),
        ("auto_auth { method \"cert\" { mount_path = \"auth/a?b\" } }", 1, "no path of a mount", ""),
        ("auto_auth { method \"cert\" { config = { client_cert = \"/c\" } } }", 1, "go together", ""),
        ("auto_auth { method \"cert\" { min_backoff = \"10m\" } }", 1, "longer than `max_backoff`", ""),
        ("auto_auth { method \"cert\" { max_backoff = \"soon\" } }", 1, "`max_backoff`: `soon` is not a duration", ""),
        ("auto_auth { method \"cert\" { namespace = \"a b\" } }", 1, "`namespace`: only printable", ""),
        (
            "auto_auth { method \"token_file\" { config = { token_file_path = \"a\\nb\" } } }",
            1,
            "control characters",
            "",
        ),
        ("auto_auth { method \"aws\" { config = { role = \"r\" type = \"sts\" } } }", 1, "neither iam nor ec2", ""),
        (
            "auto_auth { method \"aws\" { config = { role = \"r\" type = \"iam\"\n secret_key = \"x\" } } }",
            2,
            "`secret_key` is a secret",
            "identity of the pod",
        ),
        (
            "auto_auth { method \"cert\" {} }\nauto_auth { method \"cert\" {} }",
            2,
            "`auto_auth` is given more than once",
            "",
        ),
    ]);
    let error = VaultAgentConfig::parse("vault {}", "agent.hcl").unwrap_err();
    assert_eq!(
        error.to_string(),
        "agent.hcl:1: the configuration lacks `auto_auth`, and nothing can be read without a login"
    );
}

#[test]
fn a_sink_that_would_say_more_than_it_should_is_an_error() {
    for (sink, what) in [
        ("sink \"file\" { dh_type = \"curve25519\" dh_path = \"/p\" config = { path = \"/a\" } }", "never encrypted"),
        ("sink \"file\" { aad = \"x\" config = { path = \"/a\" } }", "never encrypted"),
        ("sink \"file\" { derive_key = true config = { path = \"/a\" } }", "never encrypted"),
        ("sink \"http\" { config = { path = \"/a\" } }", "no sink of the type `http`"),
        ("sink \"file\" {}", "lacks `config`"),
        ("sink {}", "lacks `type`"),
        ("sink \"file\" { config = {} }", "lacks `path`"),
        ("sink \"file\" { config = { path = \"/a\" mode = 640 } }", "640 is a decimal number"),
        ("sink \"file\" { config = { path = \"/a\" mode = \"0040\" } }", "the owner cannot read"),
        ("sink \"file\" { config = { path = \"/a\" uid = \"root\" } }", "`uid`: `root` is not a number"),
        ("sinks { sink \"file\" { config = { path = \"/a\" } } x = 1 }", "`sinks` has no key `x`"),
    ] {
        let text = format!("auto_auth {{\n method \"cert\" {{}}\n {sink}\n}}");
        let error = hcl(&text).expect_err(&text);
        assert!(error.line == Some(3) && error.what.contains(what), "{sink}\n{error}");
    }
}

#[test]
fn a_template_that_cannot_be_rendered_is_an_error() {
    for (keys, what) in [
        ("contents = \"x\"", "lacks `destination`"),
        ("destination = \"/d\"", "lacks `contents` or `source`"),
        ("contents = \"x\" source = \"/s\" destination = \"/d\"", "both `contents` and `source`"),
        ("contents = \"x\" destination = \"/d\" perms = \"999\"", "`perms`"),
        ("contents = \"x\" destination = \"/d\" wait { min = \"9s\" max = \"1s\" }", "`wait` is longer"),
        ("contents = \"x\" destination = \"/d\" wait = \"x\"", "`wait`: `x` is not a duration"),
        ("contents = \"x\" destination = \"/d\" user = \"a:b\"", "no name of an account"),
        ("contents = \"x\" destination = \"/d\" user = \"a\" uid = 1", "both `user` and `uid`"),
        ("contents = \"x\" destination = \"/d\" command = \"a\" exec { command = \"b\" }", "both `command` and `exec`"),
        ("contents = \"x\" destination = \"/d\" command = []", "`command` is an empty list"),
        ("contents = \"x\" destination = \"/d\" command = [\"a\", [\"b\"]]", "an argument of a command"),
        ("contents = \"x\" destination = \"/d\" backup = \"maybe\"", "neither true nor false"),
    ] {
        let text = format!("\ntemplate {{ {keys} }}");
        let error = hcl(&text).expect_err(&text);
        assert!(error.line == Some(2) && error.what.contains(what), "{keys}\n{error}");
    }
}

#[test]
fn a_command_that_only_a_shell_can_run_gives_the_way_out() {
    for command in ["a | b", "a; b", "a && b", "a $(b)", "a `b`", "a > /f", "a < /f", "cd /x"] {
        let text = format!("template {{\n contents = \"x\"\n destination = \"/d\"\n command = \"{command}\"\n}}");
        let error = hcl(&text).expect_err(command);
        assert!(error.line == Some(4) && error.hint.unwrap().contains("[\"sh\", \"-c\""), "{command}");
    }
}

#[test]
fn other_mistakes_have_their_lines() {
    check(&[
        ("env_template { contents = \"x\" }", 1, "lacks the name of its variable", "env_template \"NAME\""),
        ("env_template \"A-B\" { contents = \"x\" }", 1, "variable name `A-B`", ""),
        (
            "env_template \"A\" { contents = \"x\" }\nenv_template \"A\" { contents = \"y\" }",
            2,
            "`A` is given twice",
            "",
        ),
        ("env_template \"A\" { contents = \"x\" }", 1, "no `exec` to start", "exec { command"),
        ("exec {}", 1, "`exec` lacks `command`", ""),
        ("exec { command = [\"a\"] restart_stop_signal = \"SIGFOO\" }", 1, "`SIGFOO` is none of", ""),
        ("exec { command = [\"a\"] restart_on_secret_changes = \"maybe\" }", 1, "neither always nor never", ""),
        ("vault { address = \"vault\" }", 1, "neither https:// nor http://", "https://HOST:PORT"),
        ("vault {}\nvault {}", 2, "`vault` is given more than once", ""),
        ("vault = 1", 1, "`vault` must be a map", ""),
        ("log_level = \"loud\"", 1, "`loud` is none of", ""),
        ("log_format = \"xml\"", 1, "neither standard nor json", ""),
        ("template_config { lease_renewal_threshold = 1.5 }", 1, "above 0 and at most 1", ""),
        ("template_config { lease_renewal_threshold = \"nan\" }", 1, "above 0 and at most 1", ""),
        ("template_config { static_secret_render_interval = \"10ms\" }", 1, "the least is 1s", ""),
        ("exit_after_auth = \"yes\"", 1, "`exit_after_auth`: `yes` is neither true nor false", ""),
        ("exit_after_auth = yes", 1, "`yes` is no value", ""),
    ]);
}

#[test]
fn a_json_mistake_has_its_line_too() {
    let error = VaultAgentConfig::parse("{\n\"auto_auth\": {\n\"metod\": {}}}", "agent.json").unwrap_err();
    assert_eq!((error.line, error.hint.as_deref()), (Some(3), Some("did you mean `method`?")));
    let error = VaultAgentConfig::parse("{\n\"auto_auth\": {\n}", "agent.json").unwrap_err();
    assert_eq!(error.to_string(), "agent.json:1: the `{` is never closed");
}

/// Pieces of configurations, in no order.
const SOUP: &[&str] = &[
    "auto_auth",
    "method",
    "sink",
    "template",
    "env_template",
    "exec",
    "vault",
    "cache",
    "listener",
    "config",
    "\"file\"",
    "\"kubernetes\"",
    " {\n",
    "}\n",
    " = ",
    "\"x\"",
    "[",
    "]",
    ",",
    "1",
    "true",
    "type",
    "role",
    "command",
    "contents",
    "destination",
    "wait",
    "perms",
    "0",
    "persist",
    "\"a | b\"",
];

proptest! {
    #[test]
    fn never_panics(tokens in prop::collection::vec(prop::sample::select(SOUP), 0..40)) {
        let _ = hcl(&tokens.join(" ")).map(|config| config.translate(|_| Some("x".to_owned())));
    }

    #[test]
    fn never_panics_within_a_block(
        block in prop::sample::select(vec!["template", "exec", "vault", "env_template \"A\"", "template_config", "cache"]),
        pairs in prop::collection::vec((prop::sample::select(SOUP), prop::sample::select(vec![
            "\"x\"", "1", "true", "[]", "{}", "[{}]", "\"\"", "[\"a\"]", "0640", "-1", "\"9999999999h\"",
        ])), 0..6),
    ) {
        let body: String = pairs.iter().map(|(key, value)| format!("{} = {value}\n", key.trim())).collect();
        let _ = hcl(&format!("{block} {{\n{body}}}"));
    }
}
