//! Each format: what is found in it, by which rule, and the way to it.

use base64::Engine as _;
use oakum_patterns::{Engine, Rule};
use proptest::prelude::*;

use super::{Format, read};

fn b64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// What is found in a file: the rule, the key path, and the text at its place.
fn found(name: &str, text: &str) -> Vec<(String, String, String)> {
    let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
    let format = Format::of_path(name.as_bytes()).unwrap();
    let found = read(&engine, format, text.as_bytes(), &[]).found;
    let shown = |f: &super::Found<'_>| (f.rule.id.to_string(), f.key.clone(), text[f.range.clone()].to_owned());
    found.iter().map(shown).collect()
}

fn finds(name: &str, text: &str, rule: &str, key: &str, written: &str) {
    let all = found(name, text);
    assert!(all.contains(&(rule.into(), key.into(), written.into())), "{name}: {all:?}");
}

#[test]
fn the_place_on_a_line_tells() {
    finds(".pgpass", "db.example.com:5432:*:app:walnut\\:h", "connection.pgpass", "password", "walnut\\:h");
    let netrc = "machine git.example.com\n  login password\n  password walnuth\n";
    finds(".netrc", netrc, "http.netrc", "[\"git.example.com\"].password", "walnuth");
    assert_eq!(found(".netrc", netrc).len(), 1);
    assert_eq!(found(".netrc", &format!("{netrc}default login anonymous password anna@example.com\n")).len(), 1);
    finds(".git-credentials", "https://anna:walnuth@git.example.com", "url.password", "git.example.com", "walnuth");
    let hash = format!("$6${}", "aB3.".repeat(8));
    finds("etc/shadow", &format!("root:{hash}:19000:0:::\ndaemon:*:1:::"), "unix.shadow-hash", "root", &hash);
    finds(".htpasswd", &format!("anna:{hash}"), "http.htpasswd", "anna", &hash);
    finds("userlist.txt", "; users\n\"shop\" \"walnut h\"\n", "daemon.pool-user", "shop", "walnut h");
    let relay = "# to\n[smtp.example.com]:587 anna@example.com:walnut:h\n";
    finds("postfix/sasl_passwd", relay, "daemon.relay", "[smtp.example.com]", "walnut:h");
    finds("exim4/passwd.client", "smtp.example.com:anna:walnuth", "daemon.relay", "smtp.example.com", "walnuth");
    finds("rsyncd.secrets", "anna:walnuth\n", "generic.password", "anna", "walnuth");
    finds("chap-secrets", "# a\n\"anna\" * \"walnut h\" *\n", "generic.password", "anna", "walnut h");
    finds("ppp/pap-secrets", "anna\t*\twalnuth\n", "generic.password", "anna", "walnuth");
    finds(".erlang.cookie", "WALNUTHARBOR\n", "generic.secret", "cookie", "WALNUTHARBOR");
}

#[test]
fn registries_are_signed_in_to() {
    finds(".npmrc", "//r.example.com/:_authToken=walnuth", "npm.auth-token", "//r.example.com/:_authToken", "walnuth");
    let auth = b64("anna:walnut");
    let docker = format!("{{\"auths\": {{\"r.example.com\": {{\"auth\": \"{auth}\"}}, \"q.example.com\": {{}}}}}}");
    finds("config.json", &docker, "dockerhub.registry-auth", "auths[\"r.example.com\"].auth", &auth);
    assert!(found("config.json", &docker.replace(&auth, &b64("anna:"))).is_empty());
}

#[test]
fn a_kubernetes_secret_is_decoded_whatever_its_order() {
    let value = b64("walnut");
    let yaml = format!("data:\n  db-password: {value}\n  username: {}\nkind: Secret\napiVersion: v1\n", b64("anna"));
    assert_eq!(found("s.yaml", &yaml), [("kubernetes.secret-value".into(), "data.db-password".into(), value.clone())]);
    let list = "{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"stringData\": {\"token\": \"walnuth\"}}]}";
    finds("s.json", list, "kubernetes.secret-value", "items[0].stringData.token", "walnuth");
    assert!(found("s.yaml", &yaml.replace("Secret", "SealedSecret")).is_empty());
    assert!(found("s.yaml", &yaml.replace(&value, "{{ .Values.password | b64enc }}")).is_empty());
}

#[test]
fn a_kubeconfig_tells_who_signs_in_how() {
    let text = "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    token: walnuth\n    password: walnuts\n";
    finds(".kube/config", text, "generic.token", "users[0].user.token", "walnuth");
    finds(".kube/config", text, "generic.password", "users[0].user.password", "walnuts");
}

#[test]
fn a_word_is_the_password_of_a_login() {
    let text = "spring:\n  datasource:\n    url: jdbc:h2:mem:a\n    username: anna\n    password: walnutharbor\n";
    finds("application.yml", text, "generic.password", "spring.datasource.password", "walnutharbor");
    // A translation has a name beside it too.
    assert!(
        found("de.json", r#"{"login": {"username": "Benutzer", "password": "Passwort"}}"#)
            .iter()
            .all(|f| f.0.is_empty())
    );
    finds("a.properties", "db.password=Wal\\\n  nut!942\n", "generic.password", "db.password", "Wal\\\n  nut!942");
    finds(
        "app.service",
        "[Service]\nEnvironment=\"DB_PASSWORD=walnutharbor\"\n",
        "generic.password",
        "[\"Service.Environment\"].DB_PASSWORD",
        "walnutharbor",
    );
    finds("a.toml", "[db]\npassword = 'Walnut!942'\n", "generic.password", "db.password", "Walnut!942");
    finds(
        "web.config",
        "<a><add key=\"DbPassword\" value=\"Walnut&amp;942\"/></a>",
        "generic.password",
        "a.add.DbPassword",
        "Walnut&amp;942",
    );
}

#[test]
fn the_way_to_a_value_says_what_it_is() {
    let hex = "0f1e2d3c4b5a69788796a5b4c3d2e1f0a1b2c3d4";
    let yaml = format!("credentials:\n  github:\n    - {hex}\ntokens: [{hex}]\nsecrets:\n  path: {hex}\n");
    finds("a.yml", &yaml, "generic.credential", "credentials.github[0]", hex);
    finds("a.yml", &yaml, "generic.token", "tokens[0]", hex);
    assert_eq!(found("a.yml", &yaml).len(), 2);
    finds("a.yml", "passwords:\n  anna: Walnut!9\n", "generic.password", "passwords.anna", "Walnut!9");
    finds("a.yml", "db:\n  password: |\n    Walnut!9\n", "generic.password", "db.password", "Walnut!9");
    let parameters = r#"{"parameters": {"adminPassword": {"type": "securestring", "defaultValue": "Walnut!9"}}}"#;
    finds("a.json", parameters, "generic.password", "parameters.adminPassword.defaultValue", "Walnut!9");
    let variable = "variable \"db_password\" {\n  type = string\n  default = \"Walnut!9\"\n}\n";
    finds("a.tf", variable, "generic.password", "db_password.default", "Walnut!9");
    let set =
        "resource \"helm_release\" \"a\" {\n  set {\n    name = \"auth.password\"\n    value = \"Walnut!9\"\n  }\n}\n";
    finds("a.tf", set, "generic.password", "a.set[\"auth.password\"]", "Walnut!9");
    assert!(found("a.tf", "variable \"password\" {\n  default = random(\"Walnut!9\")\n}\n").is_empty());
}

#[test]
fn elements_beside_each_other_are_name_and_value() {
    for text in [
        "<c><property>\n<name>a.ConnectionPassword</name>\n<value>Walnut!9</value></property></c>",
        "<c><property><name>x</name><key>aPassword</key><description>d</description><value>Walnut!9</value></property></c>",
        "<c><setting name=\"SmtpPassword\" serializeAs=\"String\">\n <value>Walnut!9</value></setting></c>",
        "<c><param-name>password</param-name><param-value>Walnut!9</param-value></c>",
        "<dict><key>user</key><string>x</string><key>password</key><string>Walnut!9</string></dict>",
        "<p><entry key=\"password\">Walnut!9</entry></p>",
    ] {
        let all = found("a.xml", text);
        assert!(
            matches!(&all[..], [(rule, _, value)] if rule == "generic.password" && value == "Walnut!9"),
            "{text} {all:?}"
        );
    }
    for text in [
        "<r><data name=\"password\"><value>geheim</value></data></r>",
        "<r><name>password</name><name>Walnut!9</name></r>",
    ] {
        assert!(found("a.xml", text).is_empty(), "{text}");
    }
}

#[test]
fn a_state_says_what_is_sensitive() {
    let text = r#"{"terraform_version": "1.5", "outputs": {"x": {"value": "walnuts", "type": "string", "sensitive": true}, "y": {"value": "walnuts", "type": "string"}}}"#;
    assert_eq!(
        found("a.tfstate", text),
        [("terraform.sensitive-value".into(), "outputs.x.value".into(), "walnuts".into())]
    );
}

#[test]
fn recordings_sign_in() {
    let har = r#"{"log": {"entries": [{"request": {"headers": [{"name": "authorization", "value": "Bearer walnut942x"}]}}]}}"#;
    finds("a.har", har, "http.recorded-header", "log.entries[0].request.headers[0].value", "walnut942x");
    let postman = r#"{"info": {"_postman_id": "1"}, "item": [{"request": {"auth": {"type": "basic", "basic": [{"key": "password", "value": "walnuts"}]}}}]}"#;
    finds("a.json", postman, "generic.password", "item[0].request.auth.basic[0].value", "walnuts");
}

#[test]
fn what_stands_for_another_is_no_credential() {
    for value in ["${DB_PASSWORD}", "{{ password }}", "ENC[AES256_GCM,data:abc=]", "changeme", "", "vault:secret/db#p"]
    {
        assert!(found(".pgpass", &format!("h:1:d:u:{value}")).is_empty(), "{value}");
    }
    assert!(
        found("a.yml", "db:\n  host: a\n  user: anna\n  password: !vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    6162\n")
            .is_empty()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No reader panics, and each place is in the text.
    #[test]
    fn any_text_is_read(text in r#"[\x00-\x7f]{0,40}|(insert into a\(|values \(|variable |<<E\n|kind: |apiVersion|Secret|data|password|: |\n|  |- |\{|\}|\[|"|'|\\|=|<|>|/|\||ä|!v|&a|\*a|\{\{|\}\}|,|#|:|walnut|"auths"){0,40}"#) {
        let engine = Engine::new(Vec::new()).unwrap();
        for name in ["a.json", "a.yml", "a.tf", "a.sql", "a.toml", "a.xml", "a.ini", "a.properties", ".env", ".npmrc", ".netrc", ".pgpass",
            ".git-credentials", ".htpasswd", "shadow"] {
            let format = Format::of_path(name.as_bytes()).unwrap();
            let plain = [0..text.len().min(1), text.len() / 2..text.len()];
            let found = read(&engine, format, text.as_bytes(), &plain).found;
            prop_assert!(found.iter().all(|f| f.range.start <= f.range.end && f.range.end <= text.len()));
        }
    }
}
