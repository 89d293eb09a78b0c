//! The requests that reads and watches become, and what is made of the answers. The real server is asked in `tests/`.

use oakum_inject::provider::Manner;

use super::*;
use crate::scripted::scripted;

const OBJECT: &str = r#"200 {"metadata":{"resourceVersion":"5"},"data":{"a":"YWI="}}"#;
const LABELLED: &str = r#"200 {"metadata":{"resourceVersion":"6","labels":{"a":"b"}},"data":{"a":"YWI="}}"#;

/// A store whose server gives these answers, and what it was asked.
async fn store(answers: Vec<&'static str>) -> (Kubernetes, std::sync::mpsc::Receiver<String>, tempfile::NamedTempFile) {
    let (address, asked) = scripted(answers).await;
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "tok\n").unwrap();
    let address = Address::parse(&format!("http://{address}"), PlainHttp::LoopbackOnly).unwrap();
    let spec = KubernetesStore {
        address: Some(address),
        ca: "/nonexistent".into(),
        token: token.path().to_owned(),
        namespace: Some("shop".to_owned()),
    };
    (Kubernetes::open(&spec).unwrap(), asked, token)
}

fn want() -> Want {
    Want {
        path: "secret/db".to_owned(),
        pinned: None,
        stage: None,
        known: None,
        with: BTreeMap::new(),
        manner: Manner::default(),
    }
}

fn first_line(request: &str) -> &str {
    request.lines().next().unwrap()
}

#[tokio::test]
async fn a_new_label_is_no_change() {
    let (store, asked, _token) = store(vec![OBJECT, LABELLED]).await;
    let mut want = want();
    let Fetched::Changed { version, .. } = store.fetch(&want).await.unwrap() else { panic!("changed") };
    want.known = Some(version);
    assert!(matches!(store.fetch(&want).await.unwrap(), Fetched::Unchanged));
    let request = asked.recv().unwrap();
    assert_eq!(first_line(&request), "GET /api/v1/namespaces/shop/secrets/db HTTP/1.1");
    assert!(request.contains("authorization: Bearer tok\r\n"), "{request}");
}

#[tokio::test]
async fn a_watch_passes_over_what_was_read_and_goes_on_where_it_ended() {
    let events = "200 {\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"5\"}}}\n\
                  {\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}\n";
    let change = "200 {\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}\n";
    let gone = "200 {\"type\":\"ERROR\",\"object\":{\"code\":410}}\n";
    let (store, asked, _token) = store(vec![OBJECT, events, change, gone, "410 {}", change]).await;
    let want = want();
    store.fetch(&want).await.unwrap();
    assert_eq!(store.watch(&want).unwrap().await.unwrap_err().class, Class::Unreachable, "it was closed");
    for _ in 0..4 {
        store.watch(&want).unwrap().await.unwrap();
    }
    let asked: Vec<String> = asked.iter().skip(1).collect();
    let path = "/api/v1/namespaces/shop/secrets?watch=1&fieldSelector=metadata.name%3Ddb";
    assert!(first_line(&asked[0]).starts_with(&format!("GET {path}&allowWatchBookmarks=true")), "{}", asked[0]);
    assert!(asked[0].contains("as=PartialObjectMetadata"), "{}", asked[0]);
    let from: Vec<Option<&str>> = asked
        .iter()
        .map(|request| first_line(request).strip_suffix(" HTTP/1.1")?.split("resourceVersion=").nth(1))
        .collect();
    assert_eq!(from, [None, Some("8"), Some("9"), None, None]);
}

#[tokio::test]
async fn what_may_not_be_watched_is_polled() {
    let (store, _asked, _token) = store(vec!["403 {\"message\":\"no\"}"]).await;
    let error = store.watch(&want()).unwrap().await.unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert_eq!(
        error.hint.unwrap(),
        "let a Role in the namespace `shop` allow `get` and `watch` on `secrets` with resourceNames [`db`]"
    );
    assert!(store.watch(&want()).is_none());
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let (store, _asked, _token) = store(vec!["401 {}", "404 {}", "503 {}", "200 <html>"]).await;
    for class in [Class::Refused, Class::Missing, Class::Unreachable, Class::Malformed] {
        assert_eq!(store.fetch(&want()).await.unwrap_err().class, class);
    }
}

#[test]
fn the_environment_of_a_pod_says_where_the_server_is() {
    let of = |host: &'static str, port: &'static str| {
        in_pod(move |name| Some(if name.ends_with("HOST") { host } else { port }.to_owned()))
    };
    assert_eq!(of("192.0.2.1", "443").unwrap().to_string(), "https://192.0.2.1:443");
    assert_eq!(of("2001:db8::1", "6443").unwrap().host, "2001:db8::1");
    assert!(of("a b", "443").is_err());
    assert_eq!(in_pod(|_| None).unwrap_err().class, Class::Misconfigured);
}
