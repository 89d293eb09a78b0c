//! Each source of credentials, and what is said where there is none. The services of the machine are scripted here; STS
//! is real enough in `tests/`.

use super::super::tests::variables;
use super::*;
use crate::scripted::scripted;

fn source(spec: AwsCredentials, set: &[(&str, &str)]) -> Source {
    let nobody = Address::parse("http://127.0.0.1:1", PlainHttp::LoopbackOnly).unwrap();
    Source { spec, variables: variables(set), sts: Transport::open(&nobody, None, None) }
}

const GRANTED: &str =
    r#"200 {"AccessKeyId":"id","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;

#[tokio::test]
async fn the_environment_comes_first() {
    let set = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_SESSION_TOKEN", "t")];
    for spec in [AwsCredentials::Environment, AwsCredentials::Chain] {
        let found = source(spec, &set).obtain().await.unwrap();
        assert_eq!((found.id.as_str(), found.secret.expose(), found.expires), ("id", b"s".as_slice(), None));
        assert_eq!(found.token.unwrap().expose(), b"t");
    }
    let Err(error) = source(AwsCredentials::Environment, &set[..1]).obtain().await else { panic!("half a key") };
    assert_eq!(error.class, Class::Misconfigured);
}

#[test]
fn a_profile_is_found_in_its_file() {
    let text = "# c\n[default]\naws_access_key_id = a\naws_secret_access_key=b=\n\n[profile web]\n aws_access_key_id=c\n\
        aws_secret_access_key = d\naws_session_token = e\nregion = x\n[empty]\n";
    let found = parse_profile(text, "default").ok().unwrap();
    assert_eq!((found.id.as_str(), found.secret.expose(), found.token.is_none()), ("a", b"b=".as_slice(), true));
    assert_eq!(parse_profile(text, "web").ok().unwrap().token.unwrap().expose(), b"e");
    assert!(parse_profile(text, "nobody").err().unwrap().contains("no profile `nobody`"));
    assert!(parse_profile(text, "empty").err().unwrap().contains("lacks `aws_access_key_id`"));
}

#[tokio::test]
async fn a_container_is_asked_with_its_token() {
    let (address, asked) = scripted(vec![GRANTED, GRANTED]).await;
    let uri = format!("http://{address}/v1/credentials?x=1");
    let set = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "tok")];
    for spec in [AwsCredentials::Container, AwsCredentials::Chain] {
        let found = source(spec, &set).obtain().await.unwrap();
        assert_eq!((found.id.as_str(), found.expires), ("id", Moment::parse("2099-01-01T00:00:00Z")));
        let request = asked.recv().unwrap();
        assert!(request.starts_with("GET /v1/credentials?x=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: tok\r\n"), "{request}");
    }
}

#[tokio::test]
async fn an_instance_is_asked_by_version_2_of_its_metadata() {
    let (address, asked) = scripted(vec!["200 imds-token", "200 web-role\n", GRANTED]).await;
    let base = format!("http://{address}");
    let found =
        source(AwsCredentials::Instance, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &base)]).obtain().await.unwrap();
    assert_eq!(found.token.unwrap().expose(), b"t");
    let all: Vec<String> = asked.iter().collect();
    assert!(all[0].starts_with("PUT /latest/api/token "), "{}", all[0]);
    assert!(all[1].contains("x-aws-ec2-metadata-token: imds-token\r\n"), "{}", all[1]);
    assert!(all[2].starts_with("GET /latest/meta-data/iam/security-credentials/web-role "), "{}", all[2]);
}

#[tokio::test]
async fn an_instance_without_a_role_is_told_as_such() {
    let (address, _asked) = scripted(vec!["200 imds-token", "404 "]).await;
    let base = format!("http://{address}");
    let Err(error) = source(AwsCredentials::Chain, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &base)]).obtain().await
    else {
        panic!("it has no role")
    };
    assert_eq!(error.class, Class::Missing);
    assert!(error.to_string().starts_with("no credentials in the environment, no web identity"), "{error}");
    assert!(error.hint.unwrap().contains("give the instance a role"));
}

#[tokio::test]
async fn a_token_goes_to_sts_and_never_into_an_error() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "a.b+c\n").unwrap();
    let refused =
        "403 <ErrorResponse><Error><Code>AccessDenied</Code><Message>no a.b+c</Message></Error></ErrorResponse>";
    let (address, asked) = scripted(vec![refused]).await;
    let address = Address::parse(&format!("http://{address}"), PlainHttp::LoopbackOnly).unwrap();
    let spec =
        AwsCredentials::WebIdentity { role: "arn:aws:iam::1:role/web".to_owned(), token: token.path().to_owned() };
    let source = Source { sts: Transport::open(&address, None, None), ..source(spec, &[]) };
    let Err(error) = source.obtain().await else { panic!("it is refused") };
    assert_eq!(error.class, Class::Refused);
    assert!(error.to_string().starts_with("cannot assume arn:aws:iam::1:role/web: "), "{error}");
    assert!(!error.to_string().contains("a.b+c") && error.hint.unwrap().contains("trust policy"));
    let request = asked.recv().unwrap();
    assert!(request.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fweb&"), "{request}");
    assert!(request.ends_with("WebIdentityToken=a.b%2Bc") && !request.contains("authorization"), "{request}");
}

#[tokio::test]
async fn credentials_are_not_asked_for_in_the_clear_elsewhere() {
    for uri in ["http://10.0.0.1/x", "http://metadata.example.com/x", "ftp://127.0.0.1", "http://169.254.170.2@x/"] {
        let source = source(AwsCredentials::Container, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)]);
        let Err(error) = source.obtain().await else { panic!("{uri}") };
        assert_eq!(error.class, Class::Misconfigured, "{uri}");
    }
}
