//! What AWS answers, well and badly.

use oakum_inject::config::PlainHttp;
use proptest::prelude::*;

use super::*;

fn address() -> Address {
    Address::parse("https://secretsmanager.eu-west-1.amazonaws.com", PlainHttp::LoopbackOnly).unwrap()
}

fn error(operation: Operation, status: u16, body: &str) -> ProviderError {
    classify(&address(), operation, status, None, body.as_bytes(), &[])
}

fn bytes<'f>(fields: &'f Fields, name: &str) -> &'f [u8] {
    fields.get(name).unwrap().bytes().expose()
}

#[test]
fn an_object_has_fields_and_anything_else_is_one() {
    let (fields, id) = secret(br#"{"VersionId":"v1","SecretString":"{\"user\":\"app\",\"port\":1.0}"}"#, "db").unwrap();
    assert_eq!((id.as_str(), fields.names()), ("v1", vec!["port", "user"]));
    assert_eq!((bytes(&fields, "user"), bytes(&fields, "port")), (b"app".as_slice(), b"1.0".as_slice()));
    for value in [r"plain", r"{ half", r"[1]", ""] {
        let (fields, _) = secret(json(value).as_bytes(), "db").unwrap();
        assert_eq!(bytes(&fields, "db"), value.as_bytes());
    }
    let (fields, _) = secret(br#"{"VersionId":"v1","SecretBinary":"AAH/"}"#, "key").unwrap();
    assert_eq!(bytes(&fields, "key"), [0, 1, 255]);
}

fn json(value: &str) -> String {
    serde_json::json!({ "VersionId": "v", "SecretString": value }).to_string()
}

#[test]
fn the_version_is_the_one_that_bears_the_stage() {
    let body = br#"{"VersionIdsToStages":{"a":["AWSPREVIOUS"],"b":["AWSCURRENT","mine"]}}"#;
    assert_eq!(version_of(body, "AWSCURRENT").unwrap().as_deref(), Some("b"));
    assert_eq!(version_of(body, "AWSPREVIOUS").unwrap().as_deref(), Some("a"));
    assert_eq!(version_of(body, "AWSPENDING").unwrap(), None);
    let deleted = br#"{"DeletedDate":1.5e9,"VersionIdsToStages":{"b":["AWSCURRENT"]}}"#;
    assert_eq!(version_of(deleted, "AWSCURRENT").unwrap(), None);
}

#[test]
fn parameters_are_fields_by_their_last_element() {
    let fields = parameter(br#"{"Parameter":{"Name":"/app/db","Value":"x","Version":3}}"#, "db").unwrap();
    assert_eq!(bytes(&fields, "db"), b"x");
    let Parameters { fields: found, next } =
        parameters(br#"{"Parameters":[{"Name":"/app/a","Value":"1"},{"Name":"/app/b","Value":"2"}],"NextToken":"n"}"#)
            .unwrap();
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(next.as_deref(), Some("n"));
}

#[test]
fn credentials_come_as_json_and_as_xml() {
    let credentials = granted(
        br#"{"Code":"Success","AccessKeyId":"id","SecretAccessKey":"s","Token":"t","Expiration":"2026-11-26T22:00:00Z"}"#,
    )
    .unwrap();
    assert_eq!((credentials.id.as_str(), credentials.secret.expose()), ("id", b"s".as_slice()));
    assert_eq!(credentials.expires, Moment::parse("2026-11-26T22:00:00Z"));
    let xml = "<AssumeRoleWithWebIdentityResponse xmlns=\"x\"><AssumeRoleWithWebIdentityResult>
        <Credentials><SessionToken>a&amp;b&#43;&#x3d;</SessionToken><SecretAccessKey>s</SecretAccessKey>
        <Expiration>2026-11-26T22:00:00.000Z</Expiration><AccessKeyId>id</AccessKeyId></Credentials>
        </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
    let credentials = assumed(xml.as_bytes()).unwrap();
    assert_eq!(credentials.token.unwrap().expose(), b"a&b+=");
    for body in ["", "<html>", "<Credentials></Credentials>", "<Credentials><AccessKeyId>&nbsp;</AccessKeyId>"] {
        assert!(assumed(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn each_refusal_says_what_can_be_done() {
    use Operation::{AssumeRoleWithWebIdentity as Assume, GetParameter, GetSecretValue as Get};
    for (operation, status, code, message, class, hint) in [
        (Get, 400, "AccessDeniedException", "not authorized", Class::Refused, "allow secretsmanager:GetSecretValue"),
        (Get, 400, "AccessDeniedException", "Access to KMS is not allowed", Class::Refused, "kms:Decrypt"),
        (Get, 400, "ResourceNotFoundException", "can't find", Class::Missing, "the stage"),
        (Get, 400, "InvalidRequestException", "it was marked for deletion", Class::Missing, "restore"),
        (Get, 400, "DecryptionFailure", "", Class::Refused, "kms:Decrypt"),
        (GetParameter, 400, "ParameterNotFound", "", Class::Missing, "the version"),
        (GetParameter, 400, "AccessDeniedException", "", Class::Refused, "ssm:GetParameter"),
        (Get, 400, "ExpiredTokenException", "", Class::SessionLost, "renew"),
        (Get, 400, "UnrecognizedClientException", "", Class::SessionLost, "access key"),
        (Get, 403, "InvalidSignatureException", "does not match", Class::SessionLost, "does not belong"),
        (
            Get,
            400,
            "InvalidSignatureException",
            "Signature expired: 2015 is now earlier",
            Class::Misconfigured,
            "clock",
        ),
        (Get, 400, "InvalidSignatureException", "Signature not yet current", Class::Misconfigured, "clock"),
        (Get, 403, "RequestTimeTooSkewed", "", Class::Misconfigured, "clock"),
        (Get, 400, "ThrottlingException", "Rate exceeded", Class::Unreachable, ""),
        (Get, 500, "InternalServiceError", "", Class::Unreachable, ""),
        (GetParameter, 400, "ValidationException", "", Class::Misconfigured, "path"),
        (Get, 400, "SomethingNew", "", Class::Refused, ""),
        (Assume, 403, "AccessDenied", "", Class::Refused, "sts:AssumeRoleWithWebIdentity"),
        (Assume, 400, "IDPCommunicationError", "", Class::Unreachable, ""),
    ] {
        let json = serde_json::json!({ "__type": format!("com.amazonaws.x#{code}:http://x/"), "Message": message });
        let xml =
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
        let mut both = json.clone();
        both["message"] = message.into();
        for body in [json.to_string(), both.to_string(), xml] {
            let error = error(operation, status, &body);
            assert_eq!(error.class, class, "{body}: {error}");
            assert!(error.hint.unwrap_or_default().contains(hint), "{body}");
        }
    }
}

#[test]
fn what_is_no_answer_of_aws_is_told_apart() {
    let class = |status, body| error(Operation::GetSecretValue, status, body).class;
    assert_eq!(class(502, "<html>"), Class::Unreachable);
    assert_eq!(class(403, "<html>forbidden by the proxy</html>"), Class::Malformed);
    assert_eq!(class(302, ""), Class::Malformed);
}

#[test]
fn no_credential_is_quoted_back() {
    let sent = Secret::from("xyzzy".to_owned());
    for code in ["InvalidSignatureException", "AccessDeniedException", "SomethingNew", "x xyzzy"] {
        let body = serde_json::json!({ "__type": code, "message": "x-amz-security-token:xyzzy\u{1b}[2J" }).to_string();
        let error = classify(&address(), Operation::GetSecretValue, 400, None, body.as_bytes(), &[&sent]);
        assert!(!format!("{error:?}").contains("xyzzy"), "{error:?}");
    }
}

proptest! {
    #[test]
    fn never_panics(
        status in any::<u16>(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        json in "\\{\"(__type|SecretString|VersionIdsToStages|Parameter|Parameters|AccessKeyId)\":[\\[{\"a-z0-9,:#\\]}]{0,20}\\}",
        xml in "<(Credentials|Code)>(<(AccessKeyId|SessionToken)>)?[&#x;0-9a-f<>é]{0,20}(</(Credentials|Code|AccessKeyId)>){0,2}",
    ) {
        for body in [&body[..], json.as_bytes(), xml.as_bytes()] {
            let _ = classify(&address(), Operation::GetSecretValue, status, None, body, &[]);
            let _ = (secret(body, "n").is_ok(), version_of(body, "s").is_ok(), parameter(body, "n").is_ok());
            let _ = (parameters(body).is_ok(), granted(body).is_ok(), assumed(body).is_ok());
        }
    }
}
