//! The same configuration in HCL and in JSON.

use super::*;
use std::path::Path;

const SECOND: Duration = Duration::from_secs(1);

fn method(in_hcl: &str, in_json: &str) -> Login {
    let in_hcl = format!("auto_auth {{ {in_hcl} }}");
    let in_json = format!("\"auto_auth\": {{ {in_json} }}");
    same_in_full(&in_hcl, &in_json).login
}

fn template(in_hcl: &str, in_json: &str) -> Template {
    let in_hcl = format!("template {{\n contents = \"x\"\n destination = \"/d\"\n {in_hcl}\n}}");
    let in_json = format!(r#""template": [{{"contents": "x", "destination": "/d", {in_json}}}]"#);
    same_in_full(&in_hcl, &in_json).templates.remove(0)
}

#[test]
fn a_login_alone_has_the_defaults() {
    let asked = same_in_full("", "");
    assert_eq!(asked.vault.address.to_string(), ADDRESS);
    assert_eq!(asked.template_config, TemplateConfig::default());
    assert_eq!((asked.exit_after_auth, asked.log_level, asked.log_format), (false, LogLevel::Info, LogFormat::Text));
    let Method::Kubernetes { role, token_path } = asked.login.method else { panic!("kubernetes") };
    assert_eq!(role, "web");
    assert_eq!(token_path, Path::new("/var/run/secrets/kubernetes.io/serviceaccount/token"));
    assert_eq!(
        (asked.login.mount.as_str(), asked.login.min_backoff, asked.login.max_backoff),
        ("kubernetes", SECOND, 300 * SECOND)
    );
}

#[test]
fn the_server() {
    let asked = same_in_full(
        r#"vault {
            address         = "https://vault.example.com:8200"
            namespace       = "team-a/"
            ca_cert         = "/tls/ca.pem"
            client_cert     = "/tls/me.pem"
            client_key      = "/tls/me.key"
            tls_server_name = "vault.internal"
            tls_skip_verify = "true"
        }"#,
        r#""vault": [{"address": "https://vault.example.com:8200/", "namespace": "team-a", "ca_cert": "/tls/ca.pem",
            "client_cert": "/tls/me.pem", "client_key": "/tls/me.key", "tls_server_name": "vault.internal",
            "tls_skip_verify": true, "ca_path": ""}]"#,
    );
    let want = VaultServer {
        address: Address::parse(ADDRESS, crate::config::PlainHttp::LoopbackOnly).unwrap(),
        namespace: Some("team-a".into()),
        ca: Some(Ca::File("/tls/ca.pem".into())),
        client: Some(ClientCert { cert: "/tls/me.pem".into(), key: "/tls/me.key".into() }),
        server_name: Some("vault.internal".into()),
        tls_skip_verify: true,
    };
    assert_eq!(asked.vault, want);
}

#[test]
fn what_the_whole_agent_does() {
    let asked = same_in_full(
        r#"
            exit_after_auth = true
            pid_file   = "/run/agent.pid"
            log_level  = "DEBUG"
            log_format = "json"
            template_config {
                exit_on_retry_failure         = true
                static_secret_render_interval = "90s"
                lease_renewal_threshold       = 0.75
            }"#,
        r#""exit_after_auth": true, "pid_file": "/run/agent.pid", "log_level": "debug", "log_format": "json",
           "template_config": {"exit_on_retry_failure": true, "static_secret_render_interval": 90,
           "lease_renewal_threshold": 0.75}"#,
    );
    assert!(asked.exit_after_auth);
    assert_eq!(asked.pid_file.as_deref(), Some(Path::new("/run/agent.pid")));
    assert_eq!((asked.log_level, asked.log_format), (LogLevel::Debug, LogFormat::Json));
    let config = TemplateConfig {
        exit_on_retry_failure: true,
        static_secret_render_interval: 90 * SECOND,
        lease_renewal_threshold: 0.75,
    };
    assert_eq!(asked.template_config, config);
}

#[test]
fn kubernetes_in_every_form_of_a_block() {
    let label = method(
        r#"method "kubernetes" { mount_path = "auth/clusters/eu/" config = { role = "web", token_path = "/t" } }"#,
        r#""method": {"kubernetes": {"mount_path": "auth/clusters/eu", "config": {"role": "web", "token_path": "/t"}}}"#,
    );
    let typed = method(
        r#"method { type = "kubernetes" mount_path = "auth/clusters/eu" config { role = "web" token_path = "/t" } }"#,
        r#""method": [{"type": "kubernetes", "mount_path": "auth/clusters/eu",
                       "config": [{"role": "web", "token_path": "/t"}]}]"#,
    );
    let both = method(
        r#"method "kubernetes" { type = "Kubernetes" mount_path = "auth/clusters/eu"
           config = { role = "web" token_path = "/t" } }"#,
        r#""method": [{"kubernetes": [{"type": "kubernetes", "mount_path": "auth/clusters/eu",
                       "config": {"role": "web", "token_path": "/t"}}]}]"#,
    );
    assert_eq!(label.mount, "clusters/eu");
    assert_eq!(label.method, Method::Kubernetes { role: "web".into(), token_path: "/t".into() });
    assert!(label == typed && label == both);
}

#[test]
fn pauses_namespace_and_wrapping_of_a_login() {
    let login = method(
        r#"method "kubernetes" {
            namespace = "/team-a/" wrap_ttl = "5m" min_backoff = "2s" max_backoff = 60 exit_on_err = true
            config = { role = "web" }
        }"#,
        r#""method": {"type": "kubernetes", "namespace": "team-a", "wrap_ttl": 300, "min_backoff": 2,
            "max_backoff": "1m", "exit_on_err": true, "config": {"role": "web"}}"#,
    );
    assert_eq!(login.namespace.as_deref(), Some("team-a"));
    assert_eq!((login.wrap_ttl, login.exit_on_err), (Some(300 * SECOND), true));
    assert_eq!((login.min_backoff, login.max_backoff), (2 * SECOND, 60 * SECOND));
}

#[test]
fn approle() {
    let whole = method(
        r#"method "approle" {
            mount_path = "auth/apps"
            config = {
                role_id_file_path                   = "/id"
                secret_id_file_path                 = "/sid"
                secret_id_response_wrapping_path    = "auth/apps/role/web/secret-id"
                remove_secret_id_file_after_reading = false
            }
        }"#,
        r#""method": {"type": "approle", "mount_path": "auth/apps", "config": {"role_id_file_path": "/id",
            "secret_id_file_path": "/sid", "secret_id_response_wrapping_path": "auth/apps/role/web/secret-id",
            "remove_secret_id_file_after_reading": "false"}}"#,
    );
    let want = Method::AppRole {
        role_id_file_path: "/id".into(),
        secret_id_file_path: Some("/sid".into()),
        secret_id_response_wrapping_path: Some("auth/apps/role/web/secret-id".into()),
        remove_secret_id_file_after_reading: false,
    };
    assert_eq!((whole.method, whole.mount.as_str()), (want, "apps"));
    let short = method(
        r#"method "approle" { config = { role_id_file_path = "/id" } }"#,
        r#""method": {"approle": {"config": {"role_id_file_path": "/id"}}}"#,
    );
    let Method::AppRole { secret_id_file_path: None, remove_secret_id_file_after_reading: true, .. } = short.method
    else {
        panic!("{short:?}")
    };
}

#[test]
fn jwt_cert_and_token_file() {
    let jwt = method(
        r#"method "jwt" { config = { path = "/jwt" role = "web" remove_jwt_after_reading = false } }"#,
        r#""method": {"type": "jwt", "config": {"path": "/jwt", "role": "web", "remove_jwt_after_reading": false}}"#,
    );
    let want = Method::Jwt {
        path: "/jwt".into(),
        role: "web".into(),
        remove_jwt_after_reading: false,
        remove_jwt_follows_symlinks: false,
    };
    assert_eq!(jwt.method, want);
    let cert = method(
        r#"method "cert" { config = { name = "web" ca_cert = "/ca" client_cert = "/c" client_key = "/k" reload = true } }"#,
        r#""method": {"type": "cert", "config": {"name": "web", "ca_cert": "/ca", "client_cert": "/c",
            "client_key": "/k", "reload": true}}"#,
    );
    let want = Method::Cert {
        name: Some("web".into()),
        ca_cert: Some("/ca".into()),
        client_cert: Some("/c".into()),
        client_key: Some("/k".into()),
        reload: true,
    };
    assert_eq!(cert.method, want);
    let bare = method(r#"method "cert" {}"#, r#""method": {"cert": {}}"#);
    assert_eq!(bare.mount, "cert");
    let token = method(
        r#"method "token_file" { config = { token_file_path = "/home/me/.vault-token" } }"#,
        r#""method": {"type": "token_file", "config": {"token_file_path": "/home/me/.vault-token"}}"#,
    );
    assert_eq!(token.method, Method::TokenFile { token_file_path: "/home/me/.vault-token".into() });
}

#[test]
fn aws() {
    let iam = method(
        r#"method "aws" { config = { type = "iam" role = "web" region = "eu-central-1" header_value = "vault" } }"#,
        r#""method": {"type": "aws", "config": {"type": "iam", "role": "web", "region": "eu-central-1",
            "header_value": "vault"}}"#,
    );
    let want = Method::Aws {
        role: "web".into(),
        proof: AwsProof::Iam { region: Some("eu-central-1".into()), header_value: Some("vault".into()) },
    };
    assert_eq!(iam.method, want);
    let ec2 = method(
        r#"method "aws" { config = { type = "ec2" role = "web" nonce = "n" } }"#,
        r#""method": {"aws": {"config": {"type": "ec2", "role": "web", "nonce": "n"}}}"#,
    );
    let Method::Aws { proof: AwsProof::Ec2 { nonce: Some(_) }, .. } = ec2.method else { panic!("{ec2:?}") };
}

#[test]
fn sinks_in_every_form_of_a_block() {
    const METHOD: &str = r#"method "kubernetes" { config = { role = "web" } }"#;
    const JSON: &str = r#""method": {"type": "kubernetes", "config": {"role": "web"}}"#;
    let two = same_in_full(
        &format!(
            r#"auto_auth {{
                {METHOD}
                sink "file" {{ config = {{ path = "/a" mode = 0600 uid = 100 gid = 1000 }} }}
                sink {{ type = "file" wrap_ttl = "5m" derive_key = false config {{ path = "/b" }} }}
            }}"#
        ),
        &format!(
            r#""auto_auth": {{{JSON}, "sink": [
                {{"file": {{"config": {{"path": "/a", "mode": "0600", "uid": 100, "gid": 1000}}}}}},
                {{"type": "file", "wrap_ttl": 300, "config": {{"path": "/b"}}}}]}}"#
        ),
    );
    assert_eq!((two.sinks[0].mode.bits(), two.sinks[0].uid, two.sinks[0].gid), (0o600, Some(100), Some(1000)));
    assert_eq!((two.sinks[1].mode.bits(), two.sinks[1].wrap_ttl), (0o640, Some(300 * SECOND)));
    let nested = same_in_full(
        &format!(r#"auto_auth {{ {METHOD} sinks {{ sink {{ type = "file" config = {{ path = "/a" }} }} }} }}"#),
        &format!(r#""auto_auth": {{{JSON}, "sink": {{"type": "file", "config": {{"path": "/a"}}}}}}"#),
    );
    let listed = same_in_full(
        &format!(r#"auto_auth {{ {METHOD} sinks = [{{ type = "file" config = {{ path = "/a" }} }}] }}"#),
        &format!(r#""auto_auth": {{{JSON}, "sinks": [{{"file": {{"config": {{"path": "/a"}}}}}}]}}"#),
    );
    assert_eq!(nested.sinks.len(), 1);
    assert_eq!(nested, listed);
}

#[test]
fn a_template_from_a_heredoc() {
    let asked = same_in_full(
        "template {\n  destination = \"/vault/secrets/db\"\n  contents = <<-EOT\n    {{- with secret \"kv/db\" }}\n    \
         {{ .Data.data.password }}\n    {{- end }}\n    EOT\n}",
        r#""template": {"destination": "/vault/secrets/db",
            "contents": "{{- with secret \"kv/db\" }}\n{{ .Data.data.password }}\n{{- end }}\n"}"#,
    );
    let [template] = asked.templates.as_slice() else { panic!("one") };
    assert!(template.create_dest_dirs && template.perms.is_none() && template.command.is_none());
    assert_eq!((template.body.left_delimiter.as_str(), template.body.right_delimiter.as_str()), ("{{", "}}"));
}

#[test]
fn templates_keep_their_order() {
    let asked = same_in_full(
        r#"
            template { source = "/t/a.tpl" destination = "/a" }
            template { source = "/t/b.tpl" destination = "/b" left_delimiter = "<<" right_delimiter = ">>" }
        "#,
        r#""template": [{"source": "/t/a.tpl", "destination": "/a"},
            {"source": "/t/b.tpl", "destination": "/b", "left_delimiter": "<<", "right_delimiter": ">>", "contents": ""}]"#,
    );
    let destinations: Vec<_> = asked.templates.iter().map(|template| template.destination.as_path()).collect();
    assert_eq!(destinations, [Path::new("/a"), Path::new("/b")]);
    assert_eq!(asked.templates[1].body.left_delimiter, "<<");
    assert_eq!(asked.templates[0].body.text, TemplateText::Source("/t/a.tpl".into()));
}

#[test]
fn a_template_with_every_key() {
    let whole = template(
        r#"
            create_dest_dirs     = false
            error_on_missing_key = true
            error_fatal          = true
            backup               = false
            perms                = "0640"
            user                 = "app"
            group                = 2000
            command              = "pkill -HUP 'my app'"
            command_timeout      = "10s"
            wait { min = "2s" max = "6s" }
        "#,
        r#""create_dest_dirs": false, "error_on_missing_key": true, "perms": "640", "user": "app", "group": "2000",
            "command": ["pkill", "-HUP", "my app"], "command_timeout": 10, "wait": [{"min": "2s", "max": "6s"}]"#,
    );
    assert!(!whole.create_dest_dirs && whole.body.error_on_missing_key);
    assert_eq!(whole.perms.map(Mode::bits), Some(0o640));
    assert_eq!((whole.user, whole.group), (Some(Account::Name("app".into())), Some(Account::Id(2000))));
    let argv = ["pkill", "-HUP", "my app"].map(str::to_owned).to_vec();
    assert_eq!(whole.command, Some(Command { argv, timeout: 10 * SECOND }));
    assert_eq!(whole.wait, Some(Wait { min: 2 * SECOND, max: 6 * SECOND }));
}

#[test]
fn the_command_of_a_template_as_exec() {
    let listed = template(
        r#"exec { command = ["sh", "-c", "a | b", ""] timeout = "5s" }"#,
        r#""exec": {"command": ["sh", "-c", "a | b", ""], "timeout": "5s"}"#,
    );
    let argv = ["sh", "-c", "a | b", ""].map(str::to_owned).to_vec();
    assert_eq!(listed.command, Some(Command { argv, timeout: 5 * SECOND }));
    let lined = template(r#"exec { command = ["kill -HUP 1"] }"#, r#""exec": [{"command": "kill -HUP 1"}]"#);
    assert_eq!(lined.command.map(|command| (command.argv.len(), command.timeout)), Some((3, 30 * SECOND)));
    let off = template(r#"exec { command = ["a"] enabled = false }"#, r#""command": """#);
    assert_eq!(off.command, None);
}

#[test]
fn owners_and_waits_in_their_older_forms() {
    let older = template("uid = 100\n gid = -1\n wait = \"2s\"", r#""user": "100", "wait": {"min": 2, "max": "8s"}"#);
    assert_eq!((older.user, older.group), (Some(Account::Id(100)), None));
    assert_eq!(older.wait, Some(Wait { min: 2 * SECOND, max: 8 * SECOND }));
    let off = template(r#"wait { min = "1s" enabled = false }"#, r#""wait": null"#);
    assert_eq!(off.wait, None);
    let short = template(r#"wait = "1s:3s""#, r#""wait": {"min": "1s", "max": "3s"}"#);
    assert_eq!(short.wait.map(|wait| wait.max), Some(3 * SECOND));
}

#[test]
fn a_child_process_with_variables() {
    let asked = same_in_full(
        r#"
            env_template "DB_PASSWORD" {
                contents = "{{ with secret \"kv/db\" }}{{ .Data.data.password }}{{ end }}"
                error_on_missing_key = true
            }
            env_template "DB_USER" { source = "/t/user.tpl" }
            exec {
                command                   = ["/app", "--serve"]
                restart_on_secret_changes = "never"
                restart_stop_signal       = "SIGINT"
            }
        "#,
        r#""env_template": [
              {"DB_PASSWORD": {"contents": "{{ with secret \"kv/db\" }}{{ .Data.data.password }}{{ end }}",
                               "error_on_missing_key": true}},
              {"DB_USER": [{"source": "/t/user.tpl"}]}],
           "exec": {"command": "/app --serve", "restart_on_secret_changes": "never", "restart_stop_signal": "INT"}"#,
    );
    let names: Vec<_> = asked.env_templates.iter().map(|template| template.name.as_str()).collect();
    assert_eq!(names, ["DB_PASSWORD", "DB_USER"]);
    let exec = asked.exec.unwrap();
    assert_eq!(exec.argv, ["/app", "--serve"]);
    assert_eq!((exec.restart_on_secret_changes, exec.restart_stop_signal), (Restart::Never, Signal::Int));
}

#[test]
fn variables_in_one_object_of_json() {
    let asked = same_in_full(
        "env_template \"A\" { contents = \"1\" }\nenv_template \"B\" { contents = \"2\" }\nexec { command = [\"/app\"] }",
        r#""env_template": {"A": {"contents": "1"}, "B": {"contents": "2"}}, "exec": [{"command": ["/app"]}]"#,
    );
    assert_eq!(asked.env_templates.len(), 2);
    let exec = asked.exec.unwrap();
    assert_eq!((exec.restart_on_secret_changes, exec.restart_stop_signal), (Restart::Always, Signal::Term));
}

/// What the injector puts into `VAULT_CONFIG`, once its base64 is taken off.
#[test]
fn what_the_injector_writes() {
    let text = r#"{"auto_auth":{"method":{"type":"kubernetes","mount_path":"auth/kubernetes","config":{"role":"web",
        "token_path":"/var/run/secrets/kubernetes.io/serviceaccount/token"}},"sink":[{"type":"file","config":{"path":
        "/home/vault/.vault-token"}}]},"exit_after_auth":false,"pid_file":"/home/vault/.pid","vault":{"address":
        "https://vault.example.com:8200"},"template":[{"destination":"/vault/secrets/db","contents":
        "{{ with secret \"kv/db\" }}{{ range $k, $v := .Data }}{{ $k }}: {{ $v }}\n{{ end }}{{ end }}",
        "left_delimiter":"{{","right_delimiter":"}}"}],"template_config":{"exit_on_retry_failure":true}}"#;
    let asked = asked(VaultAgentConfig::parse(text, "VAULT_CONFIG"));
    assert_eq!(asked.warnings, []);
    assert_eq!((asked.login.mount.as_str(), asked.sinks.len()), ("kubernetes", 1));
    assert_eq!(asked.templates[0].destination, Path::new("/vault/secrets/db"));
    assert!(asked.template_config.exit_on_retry_failure && !asked.exit_after_auth);
    let in_hcl = r#"
        auto_auth {
            method "kubernetes" { config = { role = "web" } }
            sink "file" { config = { path = "/home/vault/.vault-token" } }
        }
        pid_file = "/home/vault/.pid"
        vault { address = "https://vault.example.com:8200" }
        template {
            destination = "/vault/secrets/db"
            contents = "{{ with secret \"kv/db\" }}{{ range $k, $v := .Data }}{{ $k }}: {{ $v }}\n{{ end }}{{ end }}"
        }
        template_config { exit_on_retry_failure = true }
    "#;
    assert_eq!(asked, super::asked(hcl(in_hcl)));
}
