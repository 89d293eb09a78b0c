//! The requests that each read becomes, as a server sees them. Whether the signatures are right is told by the vectors
//! in `sign`, and by a server that checks them in `tests/`.

use std::net::SocketAddr;

use oakum_inject::Version;
use oakum_inject::config::{AwsCredentials, PlainHttp};

use oakum_inject::provider::Manner;

use super::*;
use crate::scripted::scripted;

/// An environment of its own.
pub(super) fn variables(set: &[(&str, &str)]) -> credentials::Variables {
    let set: Vec<(String, String)> =
        set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Box::new(move |name| set.iter().find(|(key, _)| key == name).map(|(_, value)| Secret::from(value.clone())))
}

async fn logged_in(address: SocketAddr, credentials: AwsCredentials) -> Aws {
    let spec = AwsStore {
        region: "eu-west-1".to_owned(),
        endpoint: Some(Address::parse(&format!("http://{address}"), PlainHttp::LoopbackOnly).unwrap()),
        ca: None,
        credentials,
    };
    let aws = Aws::with(&spec, variables(&[("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "s")])).unwrap();
    assert_eq!(aws.login().await.unwrap(), Session::NONE);
    aws
}

fn want(path: &str) -> Want {
    Want {
        path: path.to_owned(),
        pinned: None,
        stage: None,
        known: None,
        with: std::collections::BTreeMap::new(),
        manner: Manner::default(),
    }
}

async fn changed(aws: &Aws, want: &Want) -> (Fields, Version) {
    let Fetched::Changed { fields, version, .. } = aws.fetch(want).await.unwrap() else { panic!("changed") };
    (fields, version)
}

fn asked_for(request: &str) -> (&str, &str) {
    let target = request.split("x-amz-target: ").nth(1).unwrap().split("\r\n").next().unwrap();
    (target, request.split("\r\n\r\n").nth(1).unwrap())
}

const VALUE: &str = r#"200 {"VersionId":"v1","SecretString":"x"}"#;
const REFUSED: &str = r#"400 {"__type":"AccessDeniedException","Message":"no"}"#;

#[tokio::test]
async fn a_secret_is_read_once_and_then_described() {
    let described = r#"200 {"VersionIdsToStages":{"v1":["AWSCURRENT"]}}"#;
    let moved = r#"200 {"VersionIdsToStages":{"v1":["AWSPREVIOUS"],"v2":["AWSCURRENT"]}}"#;
    let next = r#"200 {"VersionId":"v2","SecretString":"y"}"#;
    let (address, asked) = scripted(vec![VALUE, described, moved, next]).await;
    let aws = logged_in(address, AwsCredentials::Environment).await;
    let mut want = want("secretsmanager/app/db");
    let (fields, version) = changed(&aws, &want).await;
    assert_eq!(fields.names(), ["db"]);
    want.known = Some(version);
    assert!(matches!(aws.fetch(&want).await.unwrap(), Fetched::Unchanged));
    assert_ne!(changed(&aws, &want).await.1, version);

    let all: Vec<String> = asked.iter().collect();
    assert!(
        all[0].starts_with("POST / HTTP/1.1\r\n") && all[0].contains("AWS4-HMAC-SHA256 Credential=id/"),
        "{}",
        all[0]
    );
    let get = ("secretsmanager.GetSecretValue", r#"{"SecretId":"app/db","VersionStage":"AWSCURRENT"}"#);
    let describe = ("secretsmanager.DescribeSecret", r#"{"SecretId":"app/db"}"#);
    let found: Vec<_> = all.iter().map(|request| asked_for(request)).collect();
    assert_eq!(found, [get, describe, describe, get]);
}

#[tokio::test]
async fn a_secret_that_may_not_be_described_is_read_each_time() {
    let (address, asked) = scripted(vec![VALUE, REFUSED, VALUE, VALUE]).await;
    let aws = logged_in(address, AwsCredentials::Environment).await;
    let mut want = Want { stage: Some("AWSPREVIOUS".to_owned()), ..want("secretsmanager/db") };
    want.known = Some(changed(&aws, &want).await.1);
    assert!(matches!(aws.fetch(&want).await.unwrap(), Fetched::Unchanged));
    assert!(matches!(aws.fetch(&want).await.unwrap(), Fetched::Unchanged));
    let all: Vec<String> = asked.iter().collect();
    assert_eq!(asked_for(&all[3]).1, r#"{"SecretId":"db","VersionStage":"AWSPREVIOUS"}"#);
}

#[tokio::test]
async fn parameters_are_read_by_name_by_version_and_by_path() {
    let one = r#"200 {"Parameter":{"Name":"/app/db","Value":"x","Version":3}}"#;
    let page = r#"200 {"Parameters":[{"Name":"/app/a","Value":"1"}],"NextToken":"n"}"#;
    let last = r#"200 {"Parameters":[{"Name":"/app/b","Value":"2"}]}"#;
    let (address, asked) = scripted(vec![one, one, one, page, last]).await;
    let aws = logged_in(address, AwsCredentials::Environment).await;
    let (fields, version) = changed(&aws, &want("ssm/app/db")).await;
    assert_eq!(fields.names(), ["db"]);
    let known = Want { known: Some(version), ..want("ssm/db") };
    assert!(matches!(aws.fetch(&known).await.unwrap(), Fetched::Unchanged));
    let mut pinned = Want { pinned: Some(3), ..want("ssm/app/db") };
    pinned.known = Some(changed(&aws, &pinned).await.1);
    assert!(matches!(aws.fetch(&pinned).await.unwrap(), Fetched::Unchanged), "without a call");
    assert_eq!(changed(&aws, &want("ssm/app/*")).await.0.names(), ["a", "b"]);

    let all: Vec<String> = asked.iter().collect();
    let found: Vec<_> = all.iter().map(|request| asked_for(request)).collect();
    let (get, path) = ("AmazonSSM.GetParameter", "AmazonSSM.GetParametersByPath");
    assert_eq!(
        found,
        [
            (get, r#"{"Name":"/app/db","WithDecryption":true}"#),
            (get, r#"{"Name":"db","WithDecryption":true}"#),
            (get, r#"{"Name":"/app/db:3","WithDecryption":true}"#),
            (path, r#"{"Path":"/app","WithDecryption":true}"#),
            (path, r#"{"NextToken":"n","Path":"/app","WithDecryption":true}"#),
        ]
    );
}

#[tokio::test]
async fn credentials_that_are_not_accepted_are_looked_at_again_unless_they_are_new() {
    let expired = r#"400 {"__type":"ExpiredTokenException","message":"no"}"#;
    let (address, _asked) = scripted(vec![expired, expired]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[default]\naws_access_key_id=a\naws_secret_access_key=b\n").unwrap();
    let spec = AwsCredentials::File { path: file.path().to_owned(), profile: "default".to_owned() };
    let aws = logged_in(address, spec).await;
    assert_eq!(aws.fetch(&want("ssm/a")).await.unwrap_err().class, Class::Refused);
    let before = Instant::now().checked_sub(FRESH * 2).unwrap();
    let held = aws.state().held.take().unwrap();
    let held = Held { since: before, ..Arc::into_inner(held).unwrap() };
    aws.state().held = Some(Arc::new(held));
    assert_eq!(aws.fetch(&want("ssm/a")).await.unwrap_err().class, Class::SessionLost);
}

#[test]
fn a_session_token_is_signed_and_marked() {
    let with = Credentials {
        id: "id".to_owned(),
        secret: Secret::from("s".to_owned()),
        token: Some(Secret::from("tok".to_owned())),
        expires: None,
    };
    let address = Address::parse("https://ssm.eu-west-1.amazonaws.com", PlainHttp::LoopbackOnly).unwrap();
    let request = signed(&address, Operation::GetParameter, &json!({}), &with, "eu-west-1", Moment(0)).unwrap();
    assert_eq!(request.headers()[header::HOST], "ssm.eu-west-1.amazonaws.com");
    let authorization = request.headers()[header::AUTHORIZATION].to_str().unwrap();
    let names = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,";
    assert!(authorization.contains(names), "{authorization}");
    assert!(!format!("{request:?}").contains("tok\""), "{request:?}");
}

#[test]
fn without_an_endpoint_each_service_has_its_own_host() {
    let spec =
        AwsStore { region: "eu-west-1".to_owned(), endpoint: None, ca: None, credentials: AwsCredentials::Environment };
    let aws = Aws::with(&spec, variables(&[])).unwrap();
    assert_eq!(aws.secrets.address().to_string(), "https://secretsmanager.eu-west-1.amazonaws.com:443");
    assert_eq!(aws.parameters.address().host, "ssm.eu-west-1.amazonaws.com");
    assert_eq!(aws.source.sts.unwrap().address().host, "sts.eu-west-1.amazonaws.com");
}

#[tokio::test]
async fn a_session_ends_when_its_credentials_do() {
    let lasting = r#"200 {"AccessKeyId":"id","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    let past = r#"200 {"AccessKeyId":"id","SecretAccessKey":"s","Token":"t","Expiration":"2019-01-01T00:00:00Z"}"#;
    let (address, _asked) = scripted(vec![lasting, past]).await;
    let spec =
        AwsStore { region: "eu-west-1".to_owned(), endpoint: None, ca: None, credentials: AwsCredentials::Container };
    let uri = format!("http://{address}/");
    let aws = Aws::with(&spec, variables(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)])).unwrap();
    let session = aws.login().await.unwrap();
    assert!(session.ttl.is_some_and(|ttl| ttl > Duration::from_secs(86_400)) && !session.renewable && !session.ours);
    let error = aws.login().await.unwrap_err();
    assert_eq!(error.class, Class::Unreachable);
    assert!(error.hint.unwrap().contains("clock"));
}
