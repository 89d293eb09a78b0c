//! The request that each call becomes, as a server sees it. What the answers mean is tested beside their parsers, and
//! all of it together against a real Vault in `tests/`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use oakum_inject::Alarm;
use oakum_inject::config::{Address, Literal, PlainHttp, Wrapping};

use oakum_inject::provider::{Manner, Term};

use super::*;
use crate::scripted::scripted;

/// A store over plain HTTP, with nothing set that need not be.
pub(super) fn store(address: SocketAddr, auth: VaultAuth) -> VaultStore {
    VaultStore {
        address: Address::parse(&format!("http://{address}"), PlainHttp::LoopbackOnly).unwrap(),
        namespace: None,
        ca: None,
        client: None,
        server_name: None,
        keep_token: None,
        keep_unwrapped: None,
        write_token: Vec::new(),
        auth,
    }
}

fn vault(address: SocketAddr, auth: VaultAuth) -> Vault {
    Vault::open(&VaultStore { namespace: Some("team-a".to_owned()), ..store(address, auth) }).unwrap()
}

pub(super) fn file(content: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

fn approle(path: &Path) -> VaultAuth {
    VaultAuth::AppRole {
        mount: "approle".to_owned(),
        role_id: Literal::Here("role".to_owned()),
        secret_id: path.to_owned(),
        wrapped: None,
        remove: false,
    }
}

const GRANTED: &str = r#"200 {"auth":{"client_token":"t-1","lease_duration":60,"renewable":true}}"#;
const KV2: &str = r#"200 {"data":{"path":"secret/","type":"kv","options":{"version":"2"}}}"#;
const VALUE: &str = r#"200 {"data":{"data":{"k":"v"},"metadata":{"version":4}}}"#;

#[tokio::test]
async fn an_approle_login_and_a_read_send_what_vault_wants() {
    let (address, asked) = scripted(vec![GRANTED, KV2, VALUE]).await;
    let secret_id = file("sid\n");
    let vault = vault(address, approle(secret_id.path()));
    let session = vault.login().await.unwrap();
    assert_eq!(session, Session { ttl: Some(Duration::from_secs(60)), renewable: true, ours: true });
    let want = Want {
        path: "secret/a b/web".to_owned(),
        pinned: None,
        stage: None,
        known: None,
        with: BTreeMap::new(),
        manner: Manner::default(),
    };
    let Fetched::Changed { version, .. } = vault.fetch(&want).await.unwrap() else { panic!("changed") };
    assert_eq!(version.number(), Some(4));

    let login = asked.recv().unwrap();
    assert!(login.starts_with("POST /v1/auth/approle/login HTTP/1.1\r\n"), "{login}");
    assert!(login.ends_with(r#"{"role_id":"role","secret_id":"sid"}"#), "{login}");
    assert!(login.contains("x-vault-namespace: team-a\r\n") && login.contains("x-vault-request: true\r\n"), "{login}");
    assert!(asked.recv().unwrap().starts_with("GET /v1/sys/internal/ui/mounts/secret/a%20b/web HTTP/1.1\r\n"));
    let read = asked.recv().unwrap();
    assert!(read.starts_with("GET /v1/secret/data/a%20b/web") && read.contains("x-vault-token: t-1\r\n"), "{read}");
}

#[tokio::test]
async fn a_known_version_costs_one_look_at_the_metadata() {
    let unchanged = r#"200 {"data":{"current_version":4,"versions":{}}}"#;
    let (address, asked) = scripted(vec![GRANTED, KV2, unchanged, r#"403 {"errors":["no"]}"#, VALUE, VALUE]).await;
    let secret_id = file("sid");
    let vault = vault(address, approle(secret_id.path()));
    vault.login().await.unwrap();
    let known = kv::v2(VALUE.trim_start_matches("200 ").as_bytes()).unwrap().1;
    let want = Want {
        path: "secret/web".to_owned(),
        pinned: None,
        stage: None,
        known: Some(known),
        with: BTreeMap::new(),
        manner: Manner::default(),
    };
    assert!(matches!(vault.fetch(&want).await.unwrap(), Fetched::Unchanged));
    // From here on the metadata is refused: the value is read instead, and the metadata not asked for again.
    assert!(matches!(vault.fetch(&want).await.unwrap(), Fetched::Unchanged));
    assert!(matches!(vault.fetch(&want).await.unwrap(), Fetched::Unchanged));
    let paths: Vec<String> = asked.iter().map(|request| request.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(
        paths[2..],
        ["/v1/secret/metadata/web", "/v1/secret/metadata/web", "/v1/secret/data/web", "/v1/secret/data/web"]
    );
}

#[tokio::test]
async fn what_was_deleted_and_written_anew_is_another_value_under_the_same_number() {
    let anew = r#"200 {"data":{"current_version":4,"versions":{"4":{"created_time":"2024-02-01T00:00:00Z"}}}}"#;
    let value = r#"200 {"data":{"data":{"k":"w"},"metadata":{"version":4,"created_time":"2024-02-01T00:00:00Z"}}}"#;
    let (address, _asked) = scripted(vec![GRANTED, KV2, VALUE, anew, value]).await;
    let secret_id = file("sid");
    let vault = vault(address, approle(secret_id.path()));
    vault.login().await.unwrap();
    let mut want = Want {
        path: "secret/web".to_owned(),
        pinned: None,
        stage: None,
        known: None,
        with: BTreeMap::new(),
        manner: Manner::default(),
    };
    let Fetched::Changed { version: before, .. } = vault.fetch(&want).await.unwrap() else { panic!("changed") };
    want.known = Some(before);
    let Fetched::Changed { version, .. } = vault.fetch(&want).await.unwrap() else { panic!("changed") };
    assert!(version != before && version.number() == before.number());
}

#[tokio::test]
async fn a_deleted_version_costs_one_call_a_look() {
    let deleted = r#"200 {"data":{"current_version":5,"versions":{"5":{"deletion_time":"2024-02-01T00:00:00Z"}}}}"#;
    let gone = r#"404 {"data":{"data":null,"metadata":{"version":5,"deletion_time":"2024-02-01T00:00:00Z"}}}"#;
    let (address, asked) = scripted(vec![GRANTED, KV2, VALUE, deleted, gone, gone, VALUE]).await;
    let secret_id = file("sid");
    let vault = vault(address, approle(secret_id.path()));
    vault.login().await.unwrap();
    let mut want = Want {
        path: "secret/web".to_owned(),
        pinned: None,
        stage: None,
        known: None,
        with: BTreeMap::new(),
        manner: Manner::default(),
    };
    let Fetched::Changed { version, .. } = vault.fetch(&want).await.unwrap() else { panic!("changed") };
    want.known = Some(version);
    for _ in 0..2 {
        assert_eq!(vault.fetch(&want).await.unwrap_err().class, Class::Missing);
    }
    assert!(matches!(vault.fetch(&want).await.unwrap(), Fetched::Unchanged));
    let paths: Vec<String> = asked.iter().map(|request| request.split(' ').nth(1).unwrap().to_owned()).collect();
    let (data, metadata) = ("/v1/secret/data/web", "/v1/secret/metadata/web");
    assert_eq!(paths[2..], [data, metadata, data, data, data]);
}

#[tokio::test]
async fn a_pinned_version_is_read_once() {
    let (address, asked) = scripted(vec![GRANTED, KV2, VALUE]).await;
    let secret_id = file("sid");
    let vault = vault(address, approle(secret_id.path()));
    vault.login().await.unwrap();
    let mut want = Want {
        path: "secret/web".to_owned(),
        pinned: Some(4),
        stage: None,
        known: None,
        with: BTreeMap::new(),
        manner: Manner::default(),
    };
    let Fetched::Changed { version, .. } = vault.fetch(&want).await.unwrap() else { panic!("changed") };
    want.known = Some(version);
    assert!(matches!(vault.fetch(&want).await.unwrap(), Fetched::Unchanged));
    assert!(asked.iter().last().unwrap().starts_with("GET /v1/secret/data/web?version=4 "));
}

#[tokio::test]
async fn a_kubernetes_login_reads_the_token_anew_each_time() {
    let (address, asked) = scripted(vec![GRANTED, GRANTED, "204 "]).await;
    let token = file("jwt-1");
    let auth =
        VaultAuth::Kubernetes { mount: "k8s/east".to_owned(), role: "web".to_owned(), token: token.path().to_owned() };
    let vault = vault(address, auth);
    vault.login().await.unwrap();
    std::fs::write(token.path(), "jwt-2").unwrap();
    vault.login().await.unwrap();
    let first = asked.recv().unwrap();
    assert!(first.starts_with("POST /v1/auth/k8s/east/login ") && first.contains("jwt-1"), "{first}");
    assert!(asked.recv().unwrap().contains("jwt-2"));
    // The token before is given back when nothing depends on it any more.
    vault.revoke(&Grant::Earlier).await.unwrap();
    assert!(asked.recv().unwrap().starts_with("POST /v1/auth/token/revoke-self "));
}

#[tokio::test]
async fn a_certificate_is_what_a_login_by_it_shows_and_the_request_only_names_the_role() {
    let (address, asked) = scripted(vec![GRANTED, GRANTED]).await;
    let auth = |name: Option<&str>| VaultAuth::Cert { mount: "tls".to_owned(), name: name.map(str::to_owned) };
    vault(address, auth(Some("web"))).login().await.unwrap();
    vault(address, auth(None)).login().await.unwrap();
    let first = asked.recv().unwrap();
    assert!(first.starts_with("PUT /v1/auth/tls/login ") && first.ends_with(r#"{"name":"web"}"#), "{first}");
    assert!(asked.recv().unwrap().ends_with("{}"));
}

#[tokio::test]
async fn a_token_from_a_file_is_looked_up_and_never_revoked() {
    let (address, asked) = scripted(vec![r#"200 {"data":{"ttl":100,"renewable":true}}"#]).await;
    let token = file("t-0\n");
    let vault = vault(address, VaultAuth::TokenFile(token.path().to_owned()));
    let session = vault.login().await.unwrap();
    assert_eq!(session, Session { ttl: Some(Duration::from_secs(100)), renewable: true, ours: false });
    vault.revoke(&Grant::Session).await.unwrap();
    assert_eq!(asked.iter().count(), 1);
}

#[tokio::test]
async fn renewing_asks_for_no_increment_of_its_own() {
    let (address, asked) =
        scripted(vec![GRANTED, r#"200 {"auth":{"client_token":"t-1","lease_duration":30,"renewable":true}}"#, "204 "])
            .await;
    let secret_id = file("sid");
    let vault = vault(address, approle(secret_id.path()));
    vault.login().await.unwrap();
    assert_eq!(vault.renew(&Grant::Session).await.unwrap().ttl, Some(Duration::from_secs(30)));
    vault.revoke(&Grant::Session).await.unwrap();
    let paths: Vec<String> =
        asked.iter().map(|request| request.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(paths[1..], ["POST /v1/auth/token/renew-self", "POST /v1/auth/token/revoke-self"]);
}

#[tokio::test]
async fn a_token_that_cannot_grow_older_is_a_session_lost() {
    // What Vault 1.21 answers.
    let past = r#"500 {"errors":["1 error occurred:\n\t* past the max TTL, cannot renew\n\n"]}"#;
    let (address, _asked) = scripted(vec![GRANTED, past, r#"500 {"errors":["internal error"]}"#]).await;
    let secret_id = file("sid");
    let vault = vault(address, approle(secret_id.path()));
    vault.login().await.unwrap();
    assert_eq!(vault.renew(&Grant::Session).await.unwrap_err().class, Class::SessionLost);
    assert_eq!(vault.renew(&Grant::Session).await.unwrap_err().class, Class::Unreachable);
}

#[tokio::test]
async fn a_credential_that_is_not_there_is_our_own_fault() {
    let (address, _asked) = scripted(vec![]).await;
    let error = vault(address, approle(Path::new("/nonexistent/secret-id"))).login().await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert_eq!(error.to_string(), "cannot log in: cannot read /nonexistent/secret-id: no such file or directory");
}

fn wrapped(path: &Path, keep: Option<&Path>) -> VaultAuth {
    VaultAuth::AppRole {
        mount: "approle".to_owned(),
        role_id: Literal::Here("role".to_owned()),
        secret_id: path.to_owned(),
        wrapped: Some(Wrapping { creation_path: None, keep: keep.map(Path::to_owned) }),
        remove: false,
    }
}

const FROM_HERE: &str = r#"200 {"data":{"creation_path":"auth/approle/role/web/secret-id"}}"#;
const SECRET_ID: &str = r#"200 {"data":{"secret_id":"sid-1","secret_id_accessor":"a"}}"#;

#[tokio::test]
async fn a_wrapped_secret_id_is_unwrapped_once_and_kept_for_the_next_process() {
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let (token, keep) = (file("w-1"), memory.path().join("secret-id"));
    let (address, asked) = scripted(vec![FROM_HERE, SECRET_ID, GRANTED, GRANTED, GRANTED]).await;
    let auth = wrapped(token.path(), Some(&keep));
    let first = vault(address, auth.clone());
    first.login().await.unwrap();
    first.login().await.unwrap();
    // Another process, and the token is gone from its file.
    std::fs::remove_file(token.path()).unwrap();
    vault(address, auth).login().await.unwrap();
    let asked: Vec<String> = asked.iter().collect();
    assert!(asked[0].starts_with("POST /v1/sys/wrapping/lookup ") && asked[0].contains("w-1"), "{}", asked[0]);
    assert!(asked[1].starts_with("PUT /v1/sys/wrapping/unwrap ") && asked[1].contains("x-vault-token: w-1\r\n"));
    assert_eq!(asked.iter().filter(|request| request.contains("sid-1")).count(), 3);
}

#[tokio::test]
async fn a_secret_id_that_has_ended_is_no_alarm_and_says_that_another_token_is_wanted() {
    let ended = r#"400 {"errors":["invalid role or secret ID"]}"#;
    let (address, _asked) = scripted(vec![FROM_HERE, SECRET_ID, ended]).await;
    let token = file("w-1");
    let error = vault(address, wrapped(token.path(), None)).login().await.unwrap_err();
    assert_eq!((error.class, error.alarm), (Class::Refused, None));
    assert!(error.hint.unwrap().contains("another wrapping token"));
}

#[tokio::test]
async fn a_wrapping_token_that_is_foreign_or_used_up_is_an_alarm_once_and_not_used() {
    let foreign = r#"200 {"data":{"creation_path":"cubbyhole/x/role/web/secret-id"}}"#;
    let used = r#"400 {"errors":["wrapping token is not valid or does not exist"]}"#;
    for (answers, alarm, calls) in [
        (vec![foreign], Alarm::WrappingTokenForeign, 1),
        (vec![used], Alarm::WrappingTokenUsed, 1),
        // Somebody was faster.
        (vec![FROM_HERE, used], Alarm::WrappingTokenUsed, 2),
    ] {
        let token = file("w-1");
        let (address, asked) = scripted(answers).await;
        let vault = vault(address, wrapped(token.path(), None));
        let error = vault.login().await.unwrap_err();
        assert_eq!((error.class, error.alarm), (Class::Refused, Some(alarm)), "{error}");
        assert!(!error.to_string().contains("w-1"), "{error}");
        let again = vault.login().await.unwrap_err();
        assert_eq!((again.class, again.alarm, again.what), (Class::Refused, None, error.what));
        assert_eq!(asked.iter().count(), calls);
    }
}

#[tokio::test]
async fn another_wrapping_token_is_unwrapped_and_a_server_that_is_away_is_no_alarm() {
    let token = file("w-1");
    let (away, used) = (r#"503 {"errors":["Vault is sealed"]}"#, r#"400 {"errors":["not valid"]}"#);
    let (address, _asked) = scripted(vec![away, used, FROM_HERE, SECRET_ID, GRANTED]).await;
    let vault = vault(address, wrapped(token.path(), None));
    let error = vault.login().await.unwrap_err();
    assert_eq!((error.class, error.alarm), (Class::Unreachable, None));
    assert!(vault.login().await.unwrap_err().alarm.is_some());
    std::fs::write(token.path(), "w-2").unwrap();
    vault.login().await.unwrap();
}

fn keeping(address: SocketAddr, auth: VaultAuth, file: &Path) -> Vault {
    Vault::open(&VaultStore { keep_token: Some(file.to_owned()), ..store(address, auth) }).unwrap()
}

#[tokio::test]
async fn a_kept_token_serves_the_next_process_until_it_is_given_back() {
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let (secret_id, kept) = (file("sid"), memory.path().join("token"));
    let (known, away) = (r#"200 {"data":{"ttl":50,"renewable":true,"type":"service"}}"#, r#"503 {"errors":[]}"#);
    let (address, asked) = scripted(vec![GRANTED, away, known, "204 ", GRANTED]).await;
    let auth = approle(secret_id.path());
    keeping(address, auth.clone(), &kept).login().await.unwrap();
    let second = keeping(address, auth.clone(), &kept);
    // A server that is away says nothing about the token.
    assert_eq!(second.login().await.unwrap_err().class, Class::Unreachable);
    let session = second.login().await.unwrap();
    assert_eq!(session, Session { ttl: Some(Duration::from_secs(50)), renewable: true, ours: true });
    second.revoke(&Grant::Session).await.unwrap();
    assert!(!kept.exists());
    keeping(address, auth, &kept).login().await.unwrap();
    let paths: Vec<String> = asked.iter().map(|request| request.split(' ').nth(1).unwrap().to_owned()).collect();
    let (login, lookup) = ("/v1/auth/approle/login", "/v1/auth/token/lookup-self");
    assert_eq!(paths, [login, lookup, lookup, "/v1/auth/token/revoke-self", login]);
}

#[tokio::test]
async fn a_kept_token_that_vault_does_not_know_or_of_another_login_is_not_used() {
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let (secret_id, kept) = (file("sid"), memory.path().join("token"));
    let unknown = r#"403 {"errors":["permission denied"]}"#;
    let (address, asked) = scripted(vec![GRANTED, unknown, GRANTED, GRANTED]).await;
    keeping(address, approle(secret_id.path()), &kept).login().await.unwrap();
    keeping(address, approle(secret_id.path()), &kept).login().await.unwrap();
    let other = file("sid-2");
    keeping(address, approle(other.path()), &kept).login().await.unwrap();
    assert_eq!(asked.iter().filter(|request| request.contains("/login ")).count(), 3);
}

fn want_in(manner: Manner, path: &str) -> Want {
    Want { path: path.to_owned(), pinned: None, stage: None, known: None, with: BTreeMap::new(), manner }
}

const MOUNT_V2: &str = r#"200 {"data":{"path":"secret/","type":"kv","options":{"version":"2"}}}"#;
const WRAPPED: &str = r#"200 {"data":null,"wrap_info":{"token":"w-9","accessor":"acc","ttl":60,"creation_time":"2026-11-27T10:00:00Z","creation_path":"secret/data/web"}}"#;
const INSIDE: &str = r#"200 {"data":{"data":{"word":"hidden"},"metadata":{"version":3,"created_time":"t"}}}"#;

/// A Vault that is logged in to and answers so from then on.
async fn logged_in(answers: Vec<&'static str>) -> (Vault, std::sync::mpsc::Receiver<String>) {
    let secret_id = file("sid");
    let (address, asked) = scripted([vec![GRANTED], answers].concat()).await;
    let vault = vault(address, approle(secret_id.path()));
    vault.login().await.unwrap();
    assert!(asked.recv().unwrap().contains("login"));
    (vault, asked)
}

#[tokio::test]
async fn a_token_is_asked_for_in_place_of_a_secret_and_ends_with_its_time() {
    let (vault, asked) = logged_in(vec![MOUNT_V2, WRAPPED]).await;
    let Fetched::Changed { fields, term, .. } =
        vault.fetch(&want_in(Manner::Token(Duration::from_secs(60)), "secret/web")).await.unwrap()
    else {
        panic!("a token")
    };
    assert_eq!(fields.get("token").unwrap().bytes().expose(), b"w-9");
    assert_eq!(fields.names(), ["accessor", "creation_path", "creation_time", "token", "ttl"]);
    let lease = oakum_inject::provider::Lease { id: None, ttl: Duration::from_secs(60), renewable: false };
    assert_eq!(term, Term::Lease(lease));
    let request = asked.iter().nth(1).unwrap();
    assert!(
        request.starts_with("GET /v1/secret/data/web ") && request.contains("x-vault-wrap-ttl: 60\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn an_answer_that_must_be_wrapped_is_unwrapped_at_once() {
    let (vault, asked) = logged_in(vec![MOUNT_V2, WRAPPED, INSIDE]).await;
    let Fetched::Changed { fields, version, .. } =
        vault.fetch(&want_in(Manner::ByToken(Duration::from_secs(60)), "secret/web")).await.unwrap()
    else {
        panic!("a value")
    };
    assert_eq!((fields.get("word").unwrap().bytes().expose(), version.number()), (&b"hidden"[..], Some(3)));
    let unwrap = asked.iter().nth(2).unwrap();
    assert!(
        unwrap.starts_with("PUT /v1/sys/wrapping/unwrap ") && unwrap.contains("x-vault-token: w-9\r\n"),
        "{unwrap}"
    );
    // A server that does not do as it was asked is not taken at its word.
    let (vault, _asked) = logged_in(vec![MOUNT_V2, INSIDE]).await;
    let error = vault.fetch(&want_in(Manner::ByToken(Duration::from_secs(60)), "secret/web")).await.unwrap_err();
    assert_eq!(error.class, Class::Malformed, "{error}");
}

#[tokio::test]
async fn a_token_in_a_file_is_unwrapped_once_and_never_if_it_was_made_elsewhere() {
    let from_here = r#"200 {"data":{"creation_path":"secret/data/web"}}"#;
    let token = file("w-1\n");
    let (vault, asked) = logged_in(vec![from_here, INSIDE]).await;
    let mut want = want_in(Manner::InFile(token.path().to_owned()), "secret/web");
    let Fetched::Changed { fields, version, .. } = vault.fetch(&want).await.unwrap() else { panic!("a value") };
    assert_eq!(fields.get("word").unwrap().bytes().expose(), b"hidden");
    // It has served, and what it gave is not kept.
    let error = vault.fetch(&want).await.unwrap_err();
    assert_eq!((error.class, error.alarm), (Class::Missing, None), "{error}");
    want.known = Some(version);
    assert!(matches!(vault.fetch(&want).await, Ok(Fetched::Unchanged)));
    assert_eq!(asked.iter().count(), 2);

    for (path, used) in [("secret/data/other", false), ("secret/data/web", true)] {
        let lookup: &'static str = format!(r#"200 {{"data":{{"creation_path":"{path}"}}}}"#).leak();
        let answers =
            if used { vec![lookup, r#"400 {"errors":["wrapping token is not valid"]}"#] } else { vec![lookup] };
        let calls = answers.len();
        let (vault, asked) = logged_in(answers).await;
        let want = want_in(Manner::InFile(token.path().to_owned()), "secret/web");
        let error = vault.fetch(&want).await.unwrap_err();
        let alarm = if used { Alarm::WrappingTokenUsed } else { Alarm::WrappingTokenForeign };
        assert_eq!((error.class, error.alarm), (Class::Refused, Some(alarm)), "{error}");
        assert_eq!(vault.fetch(&want).await.unwrap_err().alarm, None, "it is said once");
        assert_eq!(asked.iter().count(), calls);
    }
}

#[tokio::test]
async fn what_was_unwrapped_outlives_the_process_where_there_is_a_folder_for_it() {
    const FROM_HERE: &str = r#"200 {"data":{"creation_path":"secret/data/web"}}"#;
    let (folder, token) = (tempfile::tempdir_in("/dev/shm").unwrap(), file("w-1\n"));
    let started = async |answers: Vec<&'static str>| {
        let (address, asked) = scripted([vec![r#"200 {"data":{"id":"t","ttl":0}}"#], answers].concat()).await;
        let auth = VaultAuth::TokenFile(token.path().to_owned());
        let spec = VaultStore { keep_unwrapped: Some(folder.path().to_owned()), ..store(address, auth) };
        let vault = Vault::open(&spec).unwrap();
        vault.login().await.unwrap();
        (vault, asked)
    };
    let want = want_in(Manner::InFile(token.path().to_owned()), "secret/web");
    let value = async |vault: &Vault, want: &Want| match vault.fetch(want).await {
        Ok(Fetched::Changed { fields, term, .. }) => {
            (fields.get("word").unwrap().bytes().expose_str().unwrap().to_owned(), term)
        }
        Ok(Fetched::Unchanged) => panic!("unchanged"),
        Err(error) => panic!("{error}"),
    };
    let (vault, asked) = started(vec![FROM_HERE, INSIDE]).await;
    assert_eq!(value(&vault, &want).await.0, "hidden");
    assert_eq!(value(&vault, &want).await.0, "hidden", "for a file that is made otherwise now");
    assert_eq!(asked.iter().count(), 3);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    // The next process asks nobody, whether the token is still there or not.
    let (vault, asked) = started(vec![]).await;
    assert_eq!(value(&vault, &want).await.0, "hidden");
    let gone =
        Want { manner: Manner::InFile(token.path().with_extension("gone")), ..want_in(Manner::Fields, "secret/web") };
    assert_eq!(vault.fetch(&gone).await.unwrap_err().class, Class::Missing, "what another file gave is not its own");
    std::fs::rename(token.path(), token.path().with_extension("old")).unwrap();
    assert_eq!(value(&vault, &want).await.0, "hidden");
    assert_eq!(asked.iter().count(), 1);
    std::fs::rename(token.path().with_extension("old"), token.path()).unwrap();

    // Another token is unwrapped, and takes its place; what it gave ends with its lease.
    let leased = r#"200 {"lease_id":"x/1","lease_duration":3600,"data":{"word":"leased"}}"#;
    let (vault, _asked) = started(vec![r#"200 {"data":{"creation_path":"secret/web"}}"#, leased]).await;
    std::fs::write(token.path(), "w-2").unwrap();
    assert_eq!(value(&vault, &want).await.0, "leased");
    let kept = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let before = |seconds: u64| {
        let text = std::fs::read_to_string(&kept).unwrap();
        let [of, head, body] = text.splitn(3, '\n').collect::<Vec<_>>().try_into().unwrap();
        let (since, path) = head.split_once(' ').unwrap();
        let since = since.parse::<u64>().unwrap() - seconds;
        std::fs::write(&kept, format!("{of}\n{since} {path}\n{body}")).unwrap();
    };
    before(1000);
    let (vault, _asked) = started(vec![]).await;
    let (word, term) = value(&vault, &want).await;
    let Term::Lease(lease) = term else { panic!("a lease") };
    assert!(word == "leased" && lease.ttl <= Duration::from_secs(2600) && lease.ttl > Duration::from_secs(2500));
    before(3000);
    let error = vault.fetch(&want).await.unwrap_err();
    assert!(error.class == Class::Missing && error.what.contains("has ended"), "{error}");
}

#[tokio::test]
async fn what_is_written_about_a_secret_is_had_without_the_secret() {
    let about = r#"200 {"data":{"current_version":3,"custom_metadata":{"owner":"team-web"}}}"#;
    let (vault, asked) = logged_in(vec![MOUNT_V2, about, about, r#"200 {"data":{"custom_metadata":null}}"#]).await;
    let mut want = want_in(Manner::Metadata, "secret/web");
    let Fetched::Changed { fields, version, .. } = vault.fetch(&want).await.unwrap() else { panic!("a value") };
    assert_eq!(fields.get("owner").unwrap().bytes().expose(), b"team-web");
    want.known = Some(version);
    assert!(matches!(vault.fetch(&want).await, Ok(Fetched::Unchanged)));
    let error = vault.fetch(&want).await.unwrap_err();
    assert_eq!(error.class, Class::Missing);
    assert!(error.hint.unwrap().contains("custom-metadata"));
    assert!(asked.iter().skip(1).all(|request| request.starts_with("GET /v1/secret/metadata/web ")));
}
