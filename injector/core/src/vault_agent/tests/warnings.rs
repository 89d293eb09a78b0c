//! What has no counterpart is said, once and in place; and the variables around a configuration.

use super::*;

/// Warnings of both forms, which must say the same.
fn warned(in_hcl: &str, in_json: &str) -> Vec<String> {
    same(in_hcl, in_json).warnings.into_iter().map(|warning| warning.what).collect()
}

fn with(config: &str, variables: &[(&str, &str)]) -> Result<Translation, ConfigError> {
    let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    hcl(config).unwrap().translate(lookup)
}

#[test]
fn servers_have_no_counterpart() {
    let all = warned(
        r#"
            cache { use_auto_auth_token = true persist "kubernetes" { path = "/vault/agent-cache" } }
            api_proxy { use_auto_auth_token = "force" }
            listener "tcp" { address = "127.0.0.1:8200" tls_disable = true }
            listener "unix" { address = "/run/vault.sock" }
            telemetry { disable_hostname = true }
        "#,
        r#""cache": {"use_auto_auth_token": true, "persist": {"type": "kubernetes", "path": "/vault/agent-cache"}},
           "api_proxy": {"use_auto_auth_token": "force"},
           "listener": [{"tcp": {"address": "127.0.0.1:8200", "tls_disable": true}},
                        {"type": "unix", "address": "/run/vault.sock"}],
           "telemetry": {"disable_hostname": true}"#,
    );
    let keys: Vec<_> = all.iter().filter_map(|what| what.split('`').nth(1)).collect();
    assert_eq!(keys, ["api_proxy", "cache", "listener", "listener", "telemetry"]);
    assert!(all[0].ends_with(
        "has no counterpart: nothing is proxied or cached for others, and the app reads files or variables"
    ));
}

#[test]
fn a_block_without_anything_in_it_is_still_said() {
    assert_eq!(warned("cache {}\nlistener {}", r#""cache": {}, "listener": {}"#).len(), 2);
}

#[test]
fn each_key_is_named() {
    for (in_hcl, in_json, key) in [
        ("log_file = \"/l\"", r#""log_file": "/l""#, "log_file"),
        ("log_rotate_bytes = 1", r#""log_rotate_bytes": 1"#, "log_rotate_bytes"),
        ("log_rotate_duration = \"1h\"", r#""log_rotate_duration": "1h""#, "log_rotate_duration"),
        ("log_rotate_max_files = 2", r#""log_rotate_max_files": 2"#, "log_rotate_max_files"),
        ("disable_keep_alives = [\"auto-auth\"]", r#""disable_keep_alives": ["auto-auth"]"#, "disable_keep_alives"),
        (
            "disable_idle_connections = [\"caching\"]",
            r#""disable_idle_connections": ["caching"]"#,
            "disable_idle_connections",
        ),
        ("vault { ca_path = \"/ca.d\" }", r#""vault": {"ca_path": "/ca.d"}"#, "ca_path"),
        ("vault { retry { num_retries = 5 } }", r#""vault": {"retry": {"num_retries": 5}}"#, "num_retries"),
        (
            "template_config { max_connections_per_host = 10 }",
            r#""template_config": {"max_connections_per_host": 10}"#,
            "max_connections_per_host",
        ),
        (
            "auto_auth { enable_reauth_on_new_credentials = true method \"cert\" {} }",
            r#""auto_auth": {"enable_reauth_on_new_credentials": true, "method": {"type": "cert"}}"#,
            "enable_reauth_on_new_credentials",
        ),
        (
            "auto_auth { method \"jwt\" { config = { path = \"/j\" role = \"r\" jwt_read_period = \"1m\" } } }",
            r#""auto_auth": {"method": {"jwt": {"config": {"path": "/j", "role": "r", "jwt_read_period": "1m"}}}}"#,
            "jwt_read_period",
        ),
        (
            "auto_auth { method \"aws\" { config = { role = \"r\" type = \"iam\" nonce = \"n\" } } }",
            r#""auto_auth": {"method": {"aws": {"config": {"role": "r", "type": "iam", "nonce": "n"}}}}"#,
            "nonce",
        ),
        (
            "exec { command = [\"/a\"] child_process_stdout = \"/o\" }",
            r#""exec": {"command": ["/a"], "child_process_stdout": "/o"}"#,
            "child_process_stdout",
        ),
    ] {
        let all = warned(in_hcl, in_json);
        assert!(
            matches!(all.as_slice(), [one] if one.starts_with(&format!("`{key}` has no counterpart: "))),
            "{all:?}"
        );
    }
}

#[test]
fn each_key_of_a_template_is_named() {
    for (key, in_hcl, in_json) in [
        ("backup", "backup = true", r#""backup": true"#),
        ("error_fatal", "error_fatal = false", r#""error_fatal": false"#),
        ("sandbox_path", "sandbox_path = \"/s\"", r#""sandbox_path": "/s""#),
        ("function_denylist", "function_denylist = [\"env\"]", r#""function_denylist": ["env"]"#),
        ("splay", "exec { command = [\"a\"] splay = \"1s\" }", r#""exec": {"command": ["a"], "splay": "1s"}"#),
        (
            "kill_signal",
            "exec { command = [\"a\"] kill_signal = \"SIGTERM\" }",
            r#""exec": {"command": ["a"], "kill_signal": "SIGTERM"}"#,
        ),
    ] {
        let all = warned(
            &format!("template {{ contents = \"x\" destination = \"/d\" {in_hcl} }}"),
            &format!(r#""template": {{"contents": "x", "destination": "/d", {in_json}}}"#),
        );
        assert!(
            matches!(all.as_slice(), [one] if one.starts_with(&format!("`{key}` has no counterpart: "))),
            "{all:?}"
        );
    }
}

#[test]
fn what_asks_for_nothing_is_not_said() {
    let quiet = "vault { ca_path = \"\" }\ndisable_keep_alives = []\nauto_auth { \
                 enable_reauth_on_new_credentials = false method \"cert\" {} }";
    assert_eq!(asked(hcl(quiet)).warnings, []);
}

#[test]
fn a_command_that_needs_a_shell_is_said() {
    let all = warned(
        "template { contents = \"x\" destination = \"/d\" command = \"kill -HUP $PID\" }",
        r#""template": {"contents": "x", "destination": "/d", "command": "kill -HUP $PID"}"#,
    );
    assert_eq!(
        all,
        ["`command` is split into words and run without a shell, so the variable in it stays as it is written"]
    );
}

#[test]
fn a_mode_in_decimal_is_said() {
    let all = warned(
        "template { contents = \"x\" destination = \"/d\" perms = 420 }",
        r#""template": {"contents": "x", "destination": "/d", "perms": 420}"#,
    );
    assert_eq!(all, ["`perms` = 420 is a decimal number, and means 0644; in quotes it would be octal"]);
}

#[test]
fn an_address_in_the_clear_is_said_wherever_it_stands() {
    let in_file = with("vault { address = \"http://vault:8200\" }", &[]).unwrap();
    let around = with("", &[("VAULT_ADDR", "http://vault:8200")]).unwrap();
    for asked in [&in_file, &around] {
        let [warning] = asked.warnings.as_slice() else { panic!("{:?}", asked.warnings) };
        assert!(warning.what.contains("in the clear"), "{warning:?}");
    }
    assert_eq!((in_file.warnings[0].line, around.warnings[0].line), (Some(1), None));
    assert_eq!(with("vault { address = \"http://127.0.0.1:8200\" }", &[]).unwrap().warnings, []);
}

#[test]
fn warnings_come_in_the_order_of_lines() {
    let config = hcl("telemetry {}\n\nlog_file = \"/l\"\nvault { ca_path = \"/c\" }\ncache {}\n").unwrap();
    let lines: Vec<_> = config.warnings.iter().map(|warning| warning.line).collect();
    assert_eq!(lines, [Some(1), Some(3), Some(4), Some(5)]);
}

#[test]
fn variables_fill_what_the_file_leaves_out() {
    let all = [
        ("VAULT_ADDR", "https://v.example.com"),
        ("VAULT_NAMESPACE", "team-a/"),
        ("VAULT_CACERT", "/ca.pem"),
        ("VAULT_CLIENT_CERT", "/c.pem"),
        ("VAULT_CLIENT_KEY", "/k.pem"),
        ("VAULT_TLS_SERVER_NAME", "vault.internal"),
        ("VAULT_SKIP_VERIFY", "1"),
    ];
    let asked = with("", &all).unwrap();
    let want = VaultServer {
        address: Address::parse("https://v.example.com", crate::config::PlainHttp::LoopbackOnly).unwrap(),
        namespace: Some("team-a".into()),
        ca: Some(Ca::File("/ca.pem".into())),
        client: Some(ClientCert { cert: "/c.pem".into(), key: "/k.pem".into() }),
        server_name: Some("vault.internal".into()),
        tls_skip_verify: true,
    };
    assert_eq!((asked.vault, asked.warnings), (want, vec![]));
    let pem = with("", &[all[0], all[2], ("VAULT_CACERT_BYTES", "PEM")]).unwrap();
    assert_eq!(pem.vault.ca, Some(Ca::Pem("PEM".into())));
    let both = with("vault { ca_cert = \"/own.pem\" }", &[all[0], ("VAULT_CACERT_BYTES", "PEM")]).unwrap();
    assert_eq!((both.vault.ca, both.warnings.len()), (Some(Ca::Pem("PEM".into())), 0));
}

#[test]
fn a_variable_stands_before_the_file_as_it_does_for_vault_agent() {
    let file = "vault {\n address = \"https://a\"\n namespace = \"n\"\n}";
    let asked = with(file, &[("VAULT_ADDR", "https://b"), ("VAULT_NAMESPACE", "/n"), ("VAULT_CACERT", "")]).unwrap();
    assert_eq!((asked.vault.address.host.as_str(), asked.vault.namespace.as_deref()), ("b", Some("n")));
    assert_eq!((asked.vault.ca, asked.warnings), (None, vec![]));
}

#[test]
fn variables_without_a_counterpart_are_said() {
    let asked = with("", &[("VAULT_ADDR", ADDRESS), ("VAULT_CAPATH", "/c"), ("VAULT_MAX_RETRIES", "5")]).unwrap();
    assert_eq!(asked.warnings.len(), 2);
    let nowhere = with("", &[]).unwrap();
    assert_eq!(nowhere.vault.address.to_string(), "https://127.0.0.1:8200");
    assert!(nowhere.warnings[0].what.starts_with("no address is given"));
}

#[test]
fn variables_that_cannot_be_read_are_errors() {
    for (name, value) in [("VAULT_ADDR", "vault"), ("VAULT_SKIP_VERIFY", "maybe"), ("VAULT_NAMESPACE", "a\r\nb")] {
        let error = with("", &[(name, value)]).unwrap_err();
        assert!(error.to_string().starts_with(&format!("variable {name}: ")), "{error}");
    }
    for (name, missing) in [("VAULT_CLIENT_CERT", "key"), ("VAULT_CLIENT_KEY", "certificate")] {
        let error = with("", &[(name, "/x")]).unwrap_err();
        assert!(error.what.ends_with(&format!("without its {missing}")), "{error}");
    }
    assert_eq!(with("\nvault { client_key = \"/k\" }", &[]).unwrap_err().line, Some(2));
    with("vault { client_key = \"/k\" }", &[("VAULT_CLIENT_CERT", "/c")]).unwrap();
}
