//! What our agent is told to do, and what it cannot be told.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::{Around, Counterpart};
use super::*;
use crate::config::{Content, Injection, OnStale, Tell};
use crate::template::MissingKey;

/// A machine with an address of Vault, one group, one template and one program.
struct Machine;

impl Around for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        environment(name)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        match path.to_str() {
            Some("/etc/group") => Ok("root:x:0:\nweb:x:2000:a,b\n".to_owned()),
            Some("/t.tpl") => Ok("<< secret \"secret/web\" >>".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        (name == "nginx").then(|| "/usr/sbin/nginx".into())
    }
}

const CONTENTS: &str = r#"contents = "{{ with secret \"secret/data/web\" }}{{ .Data }}{{ end }}""#;

fn counterpart(text: &str) -> Result<Counterpart, ConfigError> {
    hcl(&text.replace("CONTENTS", CONTENTS))?.counterpart(&Machine)
}

fn warnings(found: &Counterpart) -> Vec<&str> {
    found.warnings.iter().map(|warning| warning.what.as_str()).collect()
}

#[test]
fn each_folder_of_destinations_is_a_volume_but_for_those_inside_another() {
    for (destinations, volumes, names) in [
        (&["/vault/secrets/a"][..], &["/vault/secrets"][..], &["a"][..]),
        (&["/vault/secrets/a", "/vault/secrets/b/c"], &["/vault/secrets"], &["a", "b/c"]),
        (&["/vault/secrets/b/c", "/vault/secrets/a"], &["/vault/secrets"], &["a", "b/c"]),
        (&["/run/x/a/one", "/run/x/b/two"], &["/run/x/a", "/run/x/b"], &["one", "v1:two"]),
        (&["/run/xa/one", "/run/x/two", "/run/x/z/1"], &["/run/xa", "/run/x"], &["one", "v1:two", "v1:z/1"]),
        (&["/a/b", "/c/d", "/e/f/g", "/e/h"], &["/a", "/c", "/e"], &["b", "v1:d", "v2:f/g", "v2:h"]),
    ] {
        let blocks: String =
            destinations.iter().map(|to| format!("template {{\n CONTENTS\n destination = \"{to}\"\n}}\n")).collect();
        let found = counterpart(&blocks).unwrap();
        let Injection { volume, volumes: others, files, .. } = &found.injection;
        assert_eq!([volume].into_iter().chain(others.values()).map(|one| &one.path).collect::<Vec<_>>(), volumes);
        assert_eq!(files.keys().map(ToString::to_string).collect::<Vec<_>>(), names);
        let paths: BTreeSet<PathBuf> = files.keys().map(|file| found.injection.path_of(file)).collect();
        assert_eq!(paths, destinations.iter().map(PathBuf::from).collect());
        assert_eq!(Injection::parse(&found.injection.to_json().to_string(), "c").unwrap().volumes, *others);
        assert_eq!(warnings(&found), [""; 0]);
    }
}

#[test]
fn each_part_has_its_counterpart() {
    let found = counterpart(
        "template {\n source = \"/t.tpl\"\n left_delimiter = \"<<\"\n right_delimiter = \">>\"\n destination = \"/v/a\"\n \
         perms = \"0640\"\n group = \"web\"\n error_on_missing_key = true\n command = \"nginx -s reload\"\n wait { min = \"2s\" }\n}\n\
         template_config {\n exit_on_retry_failure = true\n static_secret_render_interval = \"1m\"\n}\nexit_after_auth = true",
    )
    .unwrap();
    let Injection { volume, files, secrets, on_change, .. } = &found.injection;
    assert_eq!(volume.group, Some(2000));
    let file = &files.values().next().unwrap();
    assert_eq!(file.mode.unwrap().to_string(), "0640");
    let Content::Template(template) = &file.content else { panic!("{file:?}") };
    assert_eq!((template.missing, template.calls.len()), (MissingKey::Error, 1));
    let secret = secrets.values().next().unwrap();
    assert_eq!((secret.refresh, secret.on_stale), (Duration::from_secs(60), OnStale::Exit));
    // It may fail for five minutes, which begin with the next look.
    assert_eq!(secret.max_stale, Some(Duration::from_secs(360)));
    let [hook] = on_change.as_slice() else { panic!("{on_change:?}") };
    assert!(matches!(&hook.tell, Tell::Command { argv, .. } if argv == &["/usr/sbin/nginx", "-s", "reload"]));
    assert_eq!((hook.debounce, hook.at_start), (Duration::from_secs(2), true));
    assert!(found.once);
    let told = warnings(&found);
    assert!(told.len() == 1 && told[0].contains("/usr/sbin/nginx"), "{told:?}");
    // It is a configuration like any other.
    let back = Injection::parse(&found.injection.to_json().to_string(), "c").map_err(|error| error.to_string());
    assert_eq!(back.unwrap().files.len(), 1);
}

#[test]
fn what_a_template_finds_is_had_as_all_else_is_and_no_variable_finds_anything() {
    let list = r#"contents = "{{ range secrets \"secret/\" }}{{ with secret (print \"secret/data/\" .) }}{{ .Data }}{{ end }}{{ end }}""#;
    let found = counterpart(&format!(
        "template {{\n {list}\n destination = \"/a/b\"\n}}\ntemplate_config {{\n exit_on_retry_failure = true\n \
         static_secret_render_interval = \"1m\"\n}}"
    ))
    .unwrap();
    let further = found.injection.files.values().next().unwrap().further().unwrap();
    let pace = (further.pace.refresh, further.pace.gives_up);
    assert_eq!(pace, (Some(Duration::from_secs(60)), Some(Duration::from_secs(300))));
    assert_eq!(found.injection.secrets.len(), 1, "the list");
    let error =
        counterpart(&format!("env_template \"A\" {{ {list} }}\nexec {{\n command = [\"/app\"]\n}}")).unwrap_err();
    assert!(error.what.contains("not known before") && error.hint.is_some(), "{error}");
}

#[test]
fn a_child_comes_from_the_file() {
    let exec =
        "env_template \"A\" { CONTENTS }\nexec {\n command = [\"/app\", \"-v\"]\n restart_stop_signal = \"SIGINT\"\n}";
    let found = counterpart(exec).unwrap();
    assert_eq!(found.command.as_deref().unwrap(), ["/app", "-v"]);
    assert!(matches!(found.injection.on_change[0].tell, Tell::Restart(_)));
    assert_eq!(found.injection.env.len(), 1);
    let Tell::Restart(stop) = found.injection.on_change[0].tell else { panic!("{found:?}") };
    assert_eq!((stop.as_str(), warnings(&found)), ("INT", vec![]));
    let by_force = exec.replace("SIGINT", "SIGKILL");
    assert!(warnings(&counterpart(&by_force).unwrap())[0].contains("`restart_stop_signal`"));
}

#[test]
fn a_template_may_read_no_secret() {
    let found = counterpart("template {\n contents = \"none\"\n destination = \"/a/b\"\n}").unwrap();
    assert!(found.injection.secrets.is_empty() && found.injection.files.len() == 1);
    let found = counterpart("env_template \"A\" {\n contents = \"none\"\n}\nexec {\n command = [\"/app\"]\n}").unwrap();
    assert!(found.injection.secrets.is_empty() && found.injection.env.len() == 1);
}

#[test]
fn what_cannot_be_done_is_an_error_with_a_way_out() {
    for (text, part) in [
        ("template {\n CONTENTS\n destination = \"/a\"\n}", "in the root"),
        ("template {\n CONTENTS\n destination = \"/a/b:c\"\n}", "has a `:`"),
        ("template {\n CONTENTS\n destination = \"a/b\"\n}", "no whole path"),
        ("template {\n CONTENTS\n destination = \"/a/../b\"\n}", "no whole path"),
        ("template {\n CONTENTS\n destination = \"/a/b\"\n group = \"nobody-knows\"\n}", "no group `nobody-knows`"),
        ("template {\n CONTENTS\n destination = \"/a/b\"\n command = \"frob x\"\n}", "`frob`"),
        ("", "there is no template, and no sink"),
    ] {
        let error = counterpart(text).unwrap_err();
        assert!(error.what.contains(part) && error.hint.is_some(), "{error}: {:?}", error.hint);
    }
    for (text, part) in [
        ("template {\n source = \"/none\"\n destination = \"/a/b\"\n}", "/a/b: cannot read its template /none"),
        ("template {\n contents = \"{{ if\"\n destination = \"/a/b\"\n}", "/a/b: line 1 of the template"),
        (
            "template {\n CONTENTS\n destination = \"/a/b\"\n}\ntemplate {\n CONTENTS\n destination = \"/a/b\"\n}",
            "two templates",
        ),
    ] {
        let error = counterpart(text).unwrap_err();
        assert!(error.what.contains(part), "{error}");
    }
}

#[test]
fn it_is_told_from_our_own() {
    let told: BTreeMap<&str, bool> = BTreeMap::from([
        ("auto_auth {\n}", true),
        ("vault {}\n  auto_auth  {", true),
        ("auto_auth = {}", true),
        ("{\"auto_auth\": {}}", true),
        ("{\"exit_after_auth\": true, \"vault\": {}, \"auto_auth\" : {}}", true),
        ("{\"apiVersion\": \"oakum.dev/v1\", \"auto_auth\": {}}", false),
        ("{\"kind\": \"auto_auth\"}", false),
        ("{\n  \"vault\": {},\n  \"auto_auth\": {\n}}", true),
        ("apiVersion: oakum.dev/v1\nkind: Injection\n", false),
        ("apiVersion: oakum.dev/v1\nfiles: { a: { template: |\n auto_auth {\n", false),
        ("auto_authority: 1", false),
        ("# auto_auth {", false),
    ]);
    for (text, is) in told {
        assert_eq!(VaultAgentConfig::is_meant(text), is, "{text}");
    }
}

#[test]
fn what_a_template_writes_beside_its_own_file_is_a_file_too() {
    let text = r#"template {
        contents = "{{ with pkiCert \"pki/issue/web\" \"common_name=a\" }}{{ .Cert }}{{ .Key | writeToFile \"/vault/secrets/tls/key\" \"web\" \"2000\" \"0400\" \"newline\" }}{{ end }}"
        destination = "/vault/secrets/cert"
        command = "nginx -s reload"
    }"#;
    let found = counterpart(text).unwrap();
    let Injection { files, volume, on_change, .. } = &found.injection;
    let names: Vec<String> = files.keys().map(ToString::to_string).collect();
    assert_eq!((names.as_slice(), volume.group), (&["cert".to_owned(), "tls/key".to_owned()][..], Some(2000)));
    let modes: Vec<u32> = files.values().map(|file| file.mode.unwrap().bits()).collect();
    assert_eq!(modes, [0o644, 0o400]);
    // Both are of one answer, and the command is run for either.
    let secrets: BTreeSet<_> = files.values().flat_map(|file| file.secrets()).collect();
    assert_eq!((secrets.len(), on_change[0].files.len()), (1, 2));
    let Content::Template(key) = &files.values().nth(1).unwrap().content else { panic!("{files:?}") };
    assert!(key.text.ends_with("{{ writtenTo \"/vault/secrets/tls/key\" }}"), "{}", key.text);
    assert!(warnings(&found)[0].contains("/vault/secrets/tls/key belongs to the user"), "{:?}", warnings(&found));

    for (from, to, what) in [
        ("\\\"/vault/secrets/tls/key\\\"", ".Key", "not known before"),
        ("0400", "rw", "`writeToFile` of /vault/secrets/tls/key"),
        ("/vault/secrets/tls/key", "/vault/secrets/cert", "two templates have the destination"),
        ("/vault/secrets/tls/key", "tls/key", "is no whole path"),
    ] {
        let error = counterpart(&text.replace(from, to)).unwrap_err();
        assert!(error.what.contains(what), "{to}: {error}");
    }
}
