//! What is wrong with a file is said where it stands.

use super::*;
use crate::{ConfigError, Injection};

fn read(file: &str) -> std::result::Result<FileSpec, ConfigError> {
    let text = format!(
        "apiVersion: oakum.dev/v1\nkind: Injection\nstores: {{ s: {{ file: {{ path: /a }} }} }}\n\
         secrets: {{ db: 's:db' }}\nfiles:\n  f: {file}\n"
    );
    Injection::parse(&text, "c").map(|injection| injection.files.into_values().next().unwrap())
}

#[test]
fn a_mistake_has_its_line_its_reason_and_the_way_out() {
    for (file, what, hint) in [
        ("{ format: yml, secret: db }", "the unknown format `yml`", "did you mean `yaml`?"),
        ("{ format: carrier-pigeon, secret: db }", "the unknown format", "`my.cnf`"),
        ("{ format: shell, values: { a-b: db#x } }", "variable name `a-b`", ""),
        ("{ format: xml, values: { amp: db#x } }", "`amp` is an entity of XML", ""),
        ("{ format: pgpass, values: { hst: db#x } }", "pgpass has no place for `hst`", "did you mean `host`?"),
        ("{ format: pem, values: { nonsense: db#x } }", "pem has no place for", "`ca_chain`"),
        ("{ format: pgpass, values: { host: db#h, password: db#p } }", "lacks `user`", "`host`, `user`, `password`"),
        ("{ format: url, values: { password: db#p }, with: { scheme: x } }", "lacks `host`", "under `with`"),
        ("{ format: url, secret: db, with: { password: x } }", "`password` stands in `with`", "from a store"),
        ("{ format: netrc, values: { user: db#u }, with: { login: x } }", "`login` and `user` are the same", ""),
        ("{ format: yaml, values: { a: db#u }, with: { a: x } }", "`a` and `a` are the same place", ""),
        ("{ format: my.cnf, values: { 'a=b': db#u } }", "the name of an option", ""),
        ("{ format: raw, value: db#x, with: { a: b } }", "raw and needs `value`", ""),
        ("{ template: x, with: { a: b } }", "something else besides", ""),
        ("{ format: pgpass, secret: db, with: { host: '*' }, mode: '0440' }", "0440 lets others read", "0400"),
    ] {
        let error = read(file).unwrap_err();
        assert_eq!(error.line, Some(6), "{file}");
        assert!(error.what.contains(what), "{file}: {}", error.what);
        assert!(error.hint.clone().unwrap_or_default().contains(hint), "{file}: {:?}", error.hint);
    }
}

#[test]
fn a_file_that_its_group_must_not_read_is_its_owners() {
    assert_eq!(read("{ format: pgpass, secret: db, with: { host: '*' } }").unwrap().mode, Some(Mode::OWNER));
    assert_eq!(read("{ format: url, secret: db }").unwrap().mode, None);
}
