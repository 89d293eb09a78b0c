//! Answers of the key-value engines, good and bad.

use oakum_inject::Field;
use proptest::prelude::*;

use super::*;

const V2: &str = r#"{"lease_id":"","renewable":false,"data":{"data":{"a":"1","n":1.0,"o":{"x":[1]},"e":"\u00e9\n"},"metadata":{"created_time":"2024-01-01T00:00:00Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":7}},"wrap_info":null}"#;
const METADATA: &str = r#"{"data":{"current_version":3,"versions":{"2":{"deletion_time":"2024-01-01T00:00:00Z","destroyed":false},"3":{"created_time":"2024-01-03T00:00:00Z","deletion_time":"","destroyed":false}}}}"#;

#[test]
fn version_2_gives_fields_and_a_number() {
    let (fields, found) = v2(V2.as_bytes()).unwrap();
    assert_eq!(found, version(7, "2024-01-01T00:00:00Z"));
    assert_ne!(found, version(7, "2024-01-02T00:00:00Z"), "it was deleted and written anew");
    assert_eq!(fields.names(), ["a", "e", "n", "o"]);
    assert_eq!(fields.get("e").unwrap().bytes().expose(), "é\n".as_bytes());
    assert!(matches!(fields.get("n"), Some(Field::Json(json)) if json.expose() == b"1.0"));
    assert!(matches!(fields.get("o"), Some(Field::Json(json)) if json.expose() == br#"{"x":[1]}"#));
}

#[test]
fn a_lease_is_seen() {
    let leased = br#"{"lease_id":"database/creds/x/1","lease_duration":60,"data":{"password":"p"}}"#;
    assert!(matches!(v1(leased), Ok((_, Term::Lease(lease))) if lease.ttl.as_secs() == 60 && !lease.renewable));
    assert!(matches!(v1(br#"{"lease_id":"","lease_duration":2764800,"data":{"password":"p"}}"#), Ok((_, Term::Open))));
}

#[test]
fn a_template_sees_a_token_that_was_granted_and_what_the_server_warns_of() {
    let want = Want {
        path: "auth/token/create".to_owned(),
        pinned: None,
        stage: None,
        known: None,
        with: BTreeMap::new(),
        manner: Manner::Whole,
    };
    for (body, auth, warnings) in [
        (
            r#"{"request_id":"1","data":null,"warnings":["old"],"auth":{"client_token":"t\n","accessor":"a","policies":["x","y"],"token_policies":["x"],"metadata":null,"lease_duration":60,"renewable":true,"token_type":"service"}}"#,
            r#"{"ClientToken":"t\n","Accessor":"a","Policies":["x","y"],"Metadata":{},"LeaseDuration":60,"Renewable":true}"#,
            r#"["old"]"#,
        ),
        (r#"{"data":{"a":"b"},"auth":null,"warnings":null}"#, "null", "[]"),
        (r#"{"data":{"a":"b"}}"#, "null", "[]"),
    ] {
        let (fields, term) = super::super::lease::any(body.as_bytes(), std::time::Duration::ZERO).unwrap();
        let granted = auth != "null";
        assert_eq!(fields.get("client_token").is_some(), granted);
        assert_eq!(matches!(&term, Term::Lease(lease) if lease.ttl.as_secs() == 60 && lease.id.is_none()), granted);
        let Fetched::Changed { fields, .. } = found(&want, body.as_bytes(), fields, term).unwrap() else {
            panic!("{body}")
        };
        let whole = fields.get(WHOLE).unwrap().bytes().expose_str().unwrap();
        let whole: BTreeMap<String, &RawValue> = serde_json::from_str(whole).unwrap();
        let seen = ["Auth", "Warnings", "WrapInfo", "Data"].map(|name| whole[name].get());
        assert_eq!(seen, [auth, warnings, "null", if granted { "{}" } else { r#"{"a":"b"}"# }]);
    }
    assert!(super::super::lease::any(br#"{"data":null,"auth":null}"#, std::time::Duration::ZERO).is_err());
}

#[test]
fn a_password_whose_rotation_is_late_is_looked_at_again_in_its_time() {
    let mut want = Want {
        path: "database/static-creds/x".to_owned(),
        pinned: None,
        stage: None,
        known: None,
        with: BTreeMap::new(),
        manner: Manner::Fields,
    };
    let body = br#"{"data":{"password":"p","ttl":0,"rotation_period":5,"last_vault_rotation":"2024-01-01T00:00:00Z"}}"#;
    for _ in 0..2 {
        let (fields, term) = super::super::lease::any(body, std::time::Duration::ZERO).unwrap();
        let Fetched::Changed { version, term, .. } = found(&want, body, fields, term).unwrap() else {
            panic!("a term")
        };
        assert_eq!(term, Term::Rotation(std::time::Duration::from_secs(1)));
        want.known = Some(version);
    }
}

#[test]
fn a_deleted_version_is_told_from_none() {
    let deleted =
        r#"{"data":{"data":null,"metadata":{"deletion_time":"2024-01-01T00:00:00Z","destroyed":false,"version":2}}}"#;
    assert_eq!(gone(deleted.as_bytes()).unwrap().to_string(), "version 2 was deleted");
    assert!(
        gone(deleted.replace("\"destroyed\":false", "\"destroyed\":true").as_bytes())
            .unwrap()
            .to_string()
            .contains("destroyed")
    );
    assert!(gone(br#"{"errors":[]}"#).is_none());
}

#[test]
fn metadata_tells_what_is_newest_and_whether_it_can_be_read() {
    assert_eq!(
        metadata(METADATA.as_bytes()).unwrap(),
        Newest { version: version(3, "2024-01-03T00:00:00Z"), alive: true }
    );
    let deleted = METADATA.replace("\"current_version\":3", "\"current_version\":2");
    assert_eq!(metadata(deleted.as_bytes()).unwrap(), Newest { version: version(2, ""), alive: false });
}

#[test]
fn mounts_are_told_apart() {
    let answer =
        |kind: &str, options: &str| format!(r#"{{"data":{{"path":"team/kv/","type":"{kind}","options":{options}}}}}"#);
    let engine = |kind, options| mount(answer(kind, options).as_bytes()).unwrap().engine;
    assert_eq!(engine("kv", r#"{"version":"2"}"#), Engine::V2);
    assert_eq!(engine("kv", r#"{"version":"1"}"#), Engine::V1);
    assert_eq!(engine("kv", "null"), Engine::V1);
    assert_eq!(engine("database", "null"), Engine::Other);
    assert_eq!(mount(answer("kv", "null").as_bytes()).unwrap().path, "team/kv");
}

proptest! {
    #[test]
    fn never_panics_on_a_damaged_answer(at in 0usize..400, cut in 0usize..40, put in "\\PC{0,6}", junk in proptest::collection::vec(any::<u8>(), 0..100)) {
        for whole in [V2, METADATA] {
            let start = (0..=at.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap();
            let end = (start + cut).min(whole.len());
            let damaged = format!("{}{put}{}", &whole[..start], &whole[end..]);
            for body in [damaged.as_bytes(), &junk] {
                let _ = (v1(body).is_ok(), v2(body).is_ok(), metadata(body).is_ok(), mount(body).is_ok(), gone(body).is_some(), versioned(body));
            }
        }
    }

    #[test]
    fn any_text_is_read_as_it_was_written(value in "\\PC{0,60}") {
        let body = serde_json::json!({"data": {"data": {"k": value}, "metadata": {"version": 1}}}).to_string();
        let (fields, _) = v2(body.as_bytes()).unwrap();
        prop_assert_eq!(fields.get("k").unwrap().bytes().expose(), value.as_bytes());
    }
}
