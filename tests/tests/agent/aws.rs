//! AWS by moto, which checks every signature: secrets and parameters, their changes, and whose credentials they are
//! read with.

use std::process::Command;

use e2e::agent::Place;
use e2e::planted::Planted;
use e2e::programs::{Ran, program};
use e2e::servers::aws::{Aws, Key};
use e2e::servers::faults::{Fault, Faults};
use serde_json::{Value, json};

use crate::refusal::assert_fails;

const ONE: &str = "secrets: { db: { from: \"cloud:secretsmanager/app/db#word\", refresh: 1s } }\nfiles: { db: db }\n";

/// The `stores` of a configuration.
fn store(aws: &Aws, credentials: &str) -> String {
    let endpoint = aws.endpoint();
    format!(
        "stores: {{ cloud: {{ aws: {{ region: eu-west-1, endpoint: \"{endpoint}\", credentials: {credentials} }} }} }}\n"
    )
}

/// Writes a key as `aws configure` does, and gives the `stores` that it is read by.
fn with_key(aws: &Aws, place: &Place, key: &Key) -> String {
    let text = format!(
        "[default]\naws_access_key_id = none\n[web]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.id, key.secret
    );
    let file = place.file("credentials", &text);
    store(aws, &format!("{{ file: {}, profile: web }}", file.display()))
}

fn put(aws: &Aws, key: &Key, value: &str) {
    let value = json!({ "SecretId": "app/db", "SecretString": json!({ "word": value }).to_string() });
    aws.must(key, "secretsmanager", "PutSecretValue", &value);
}

/// A running one with the secret `app/db` of one field, and the key of a user who may do everything.
fn started(word: &str) -> (Aws, Key) {
    let aws = Aws::start().unwrap();
    let key = aws.set_up("app/db", &json!({ "word": word, "port": 5432 }).to_string()).unwrap();
    (aws, key)
}

#[test]
fn secrets_and_parameters_become_files() {
    let password = Planted::password();
    let ((aws, key), place) = (started(password.text()), Place::new());
    for (name, kind, value) in
        [("/app/user", "String", "app"), ("/app/token", "SecureString", "t-2"), ("region", "String", "west")]
    {
        aws.must(&key, "ssm", "PutParameter", &json!({ "Name": name, "Type": kind, "Value": value }));
    }
    aws.must(&key, "ssm", "PutParameter", &json!({ "Name": "/app/user", "Value": "app-2", "Overwrite": true }));
    let binary = json!({ "Name": "binary", "SecretBinary": "plain bytes" });
    aws.must(&key, "secretsmanager", "CreateSecret", &binary);
    let rest = with_key(&aws, &place, &key)
        + "secrets:
  db: \"cloud:secretsmanager/app/db\"
  binary: \"cloud:secretsmanager/binary\"
  user: \"cloud:ssm/app/user?version=1\"
  region: \"cloud:ssm/region\"
  all: \"cloud:ssm/app/*\"
files:
  db.json: { format: json, secret: db }
  binary: binary
  user: user
  region: region
  all.json: { format: json, secret: all }
";
    let ran = place.run("once", &rest, &["--timeout", "20s"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let json = |name: &str| -> Value { serde_json::from_str(&place.read(name).unwrap()).unwrap() };
    assert_eq!(json("db.json"), json!({ "word": password.text(), "port": 5432 }));
    assert_eq!(json("all.json"), json!({ "user": "app-2", "token": "t-2" }));
    let read = |name: &str| place.read(name).unwrap();
    assert_eq!((read("binary"), read("user"), read("region")), ("plain bytes".into(), "app".into(), "west".into()));
    for secret in [&password, &Planted::of(&key.secret)] {
        assert_eq!(secret.trace_in(ran.err.as_bytes()), None, "{}", ran.err);
    }
}

#[test]
fn what_aws_refuses_ends_with_4() {
    let ((aws, key), place) = (started("x"), Place::new());
    let once = |key: &Key, rest: &str| -> Ran {
        let ran = place.run("once", &(with_key(&aws, &place, key) + rest), &["--timeout", "20s"]);
        assert_eq!(place.names(), [""; 0]);
        assert_eq!(Planted::of(&key.secret).trace_in(ran.err.as_bytes()), None, "{}", ran.err);
        ran
    };
    let forged = Key { secret: Planted::password().text().to_owned(), ..key.clone() };
    assert_fails(
        &once(&forged, ONE),
        4,
        "cannot read secretsmanager/app/db: ",
        "does not belong to the access key's id",
    );
    let unknown = Key { id: format!("{}X", key.id), ..key.clone() };
    assert_fails(&once(&unknown, ONE), 4, "does not know our credentials", "check the access key");
    let poor = aws.user(&key, "poor", &["ssm:GetParameter"]);
    assert_fails(&once(&poor, ONE), 4, "AccessDenied", "let a policy allow secretsmanager:GetSecretValue");
    let at = |path: &str| format!("secrets: {{ db: \"cloud:{path}\" }}\nfiles: {{ db: db }}\n");
    assert_fails(
        &once(&key, &at("secretsmanager/nothing")),
        4,
        "cannot read secretsmanager/nothing: ",
        "write the secret",
    );
    assert_fails(&once(&key, &at("secretsmanager/app/db?stage=NONE")), 4, "has nothing there", "the stage");
    assert_fails(&once(&poor, &at("ssm/app/nothing")), 4, "cannot read ssm/app/nothing: ", "write the parameter");
    assert_fails(&once(&key, &at("ssm/app/*")), 4, "no parameter below the path", "write a parameter there");
}

#[test]
fn a_change_is_followed_with_and_without_a_right_to_describe() {
    let ((aws, key), places) = (started("one"), [Place::new(), Place::new()]);
    let poor = aws.user(&key, "poor", &["secretsmanager:GetSecretValue"]);
    let rest = "secrets:
  db: { from: \"cloud:secretsmanager/app/db#word\", refresh: 1s }
  before: { from: \"cloud:secretsmanager/app/db?stage=AWSPREVIOUS#word\", refresh: 1s }
files: { db: db, before: before }
";
    put(&aws, &key, "two");
    let mut agents = [(&places[0], &key), (&places[1], &poor)]
        .map(|(place, key)| (place, place.start("run", &(with_key(&aws, place, key) + rest), &[])));
    for (value, before) in [("two", "one"), ("three", "two")] {
        if value == "three" {
            put(&aws, &key, value);
        }
        for (place, agent) in &mut agents {
            agent.until("the value", |_| place.read("db").as_deref() == Some(value));
            agent.until("the value before", |_| place.read("before").as_deref() == Some(before));
        }
    }
    for (place, agent) in agents {
        assert!(!agent.err().contains(" warn "), "{}", agent.err());
        assert_eq!((agent.stop().code, place.names().len()), (0, 0));
    }
}

#[test]
fn a_key_that_was_replaced_is_read_again() {
    let ((aws, admin), place) = (started("one"), Place::new());
    let key = aws.user(&admin, "web", &["secretsmanager:*"]);
    let rest = with_key(&aws, &place, &key) + ONE;
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the value", |_| place.read("db").as_deref() == Some("one"));
    let next = aws.another_key(&admin, "web");
    let _ = with_key(&aws, &place, &next);
    aws.must(&admin, "iam", "DeleteAccessKey", &json!({ "UserName": "web", "AccessKeyId": key.id }));
    put(&aws, &admin, "two");
    agent.until("the new value", |_| place.read("db").as_deref() == Some("two"));
    assert_eq!(agent.stop().code, 0);
}

#[test]
fn a_token_is_exchanged_for_a_role() {
    let ((aws, key), place, token) = (started("one"), Place::new(), Planted::password());
    let role = aws.role(&key, "web", &["secretsmanager:*"]);
    let file = place.file("token", token.text());
    let stores = store(&aws, &format!("{{ web_identity: {{ role: \"{role}\", token: {} }} }}", file.display()));
    // STS takes the token in place of a signature, which moto does not know; what is read with the role is checked.
    aws.let_through(1);
    let ran = place.run("once", &(stores + ONE), &["--timeout", "20s"]);
    assert_eq!((ran.code, place.read("db").as_deref()), (0, Some("one")), "{}", ran.err);
    assert_eq!(token.trace_in(ran.err.as_bytes()), None, "{}", ran.err);
}

#[test]
fn an_instance_is_asked_for_its_role() {
    let ((aws, _), place) = (started("one"), Place::new());
    // What moto gives an instance is one key for all, which is nobody's: who signed with it cannot be looked at.
    aws.let_through(100);
    for credentials in ["{ instance: {} }", "{ environment: {} }"] {
        let stores = store(&aws, credentials).replace(", credentials: { environment: {} }", "");
        let mut agent = Command::new(program("oakum-agent").unwrap());
        agent.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.endpoint());
        let ran = place.start_by(agent, "once", &(stores + ONE), &["--timeout", "20s"]).end();
        assert_eq!((ran.code, place.read("db").as_deref()), (0, Some("one")), "{}", ran.err);
    }
    let log = aws.log();
    let calls = ["PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/default-role"];
    assert_eq!(calls.map(|call| log.matches(call).count()), [2, 2], "{log}");
}

#[test]
fn a_container_is_asked_for_the_credentials_of_its_role() {
    let ((aws, key), place, token) = (started("one"), Place::new(), Planted::password());
    let role = aws.role(&key, "web", &["secretsmanager:*"]);
    // The role trusts bearers of tokens alone.
    aws.let_through(1);
    let mut granted = aws.must(&key, "sts", "AssumeRole", &json!({ "RoleArn": role, "RoleSessionName": "web" }));
    // The service beside the container is ours, since moto has none; what it gives is as ECS writes it, moto's own
    // credentials of a role, by which every signature is checked.
    let granted = granted["Credentials"].take();
    let given = json!({
        "RoleArn": role, "AccessKeyId": granted["AccessKeyId"], "SecretAccessKey": granted["SecretAccessKey"],
        "Token": granted["SessionToken"], "Expiration": "2099-01-01T00:00:00Z",
    });
    let beside = Faults::before(&aws.endpoint()).unwrap();
    beside.set(Fault::Answer(200, &["Content-Type: application/json"], given.to_string().leak()));
    let bearer = place.file("token", token.text());
    for credentials in ["{ container: {} }", "{ environment: {} }"] {
        let stores = store(&aws, credentials).replace(", credentials: { environment: {} }", "");
        let mut agent = Command::new(program("oakum-agent").unwrap());
        agent.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", beside.address()));
        agent.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &bearer);
        let ran = place.start_by(agent, "once", &(stores + ONE), &["--timeout", "20s"]).end();
        assert_eq!((ran.code, place.read("db").as_deref()), (0, Some("one")), "{}", ran.err);
        for secret in [&token, &Planted::of(granted["SecretAccessKey"].as_str().unwrap())] {
            assert_eq!(secret.trace_in(ran.err.as_bytes()), None, "{}", ran.err);
        }
    }
    let paths: Vec<String> = beside.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/v1/credentials"; 2]);
}

#[test]
fn the_environment_is_the_first_of_the_chain() {
    let ((aws, key), place) = (started("one"), Place::new());
    let stores = store(&aws, "{ environment: {} }");
    for stores in [stores.clone(), stores.replace(", credentials: { environment: {} }", "")] {
        let mut agent = Command::new(program("oakum-agent").unwrap());
        agent.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
        let ran = place.start_by(agent, "once", &(stores + ONE), &["--timeout", "20s"]).end();
        assert_eq!((ran.code, place.read("db").as_deref()), (0, Some("one")), "{}", ran.err);
    }
    let mut agent = Command::new(program("oakum-agent").unwrap());
    agent.env_remove("AWS_ACCESS_KEY_ID");
    let ran = place.start_by(agent, "once", &(stores + ONE), &[]).end();
    assert_fails(&ran, 2, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set", "another source");
}

#[test]
fn check_says_whose_credentials_are_used() {
    let place = Place::new();
    let rest = "stores: { cloud: { aws: { region: eu-west-1 } } }\n".to_owned() + ONE;
    let ran = place.run("check", &rest, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("AWS in eu-west-1, uses the first credentials that it finds"), "{}", ran.out);
}
