//! AWS Secrets Manager by moto, which checks the signature of each request from the fifth on: the first four make the
//! user, its key and its policy.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Request, ask};
use super::{Process, free_port, program};
use crate::programs::tool;

/// A running stand-in for AWS.
#[derive(Debug)]
pub struct Aws {
    process: Process,
    port: u16,
    _folder: TempDir,
}

/// A key of a user of it.
#[derive(Debug, Clone)]
pub struct Key {
    /// The id.
    pub id: String,
    /// The secret.
    pub secret: String,
}

impl Aws {
    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    /// When there is none, or it does not come up.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let mut command = Command::new(program("OAKUM_MOTO_SERVER")?);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("INITIAL_NO_AUTH_ACTION_COUNT", "4");
        let mut process = Process::start("moto", &mut command, folder.path())?;
        let url = format!("http://127.0.0.1:{port}/moto-api/data.json");
        process.wait(|| {
            ask(&Request { method: "GET", url: url.clone(), headers: Vec::new(), body: None, ca: None }).status == 200
        })?;
        Ok(Self { process, port, _folder: folder })
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A user that may do everything with secrets, and one secret; from then on signatures are checked.
    ///
    /// # Errors
    /// When the key is not what AWS would give.
    ///
    /// # Panics
    /// If moto refuses.
    pub fn set_up(&self, secret: &str, value: &str) -> anyhow::Result<Key> {
        // Of these four no signature is looked at.
        let nobody = Key { id: "none".into(), secret: "none".into() };
        let must = |service: &str, operation: &str, parameters: Value| {
            let answer = self.call(&nobody, service, operation, &parameters);
            assert_eq!(answer["status"], 200, "{operation}: {answer}");
            answer
        };
        must("iam", "CreateUser", json!({ "UserName": "tester" }));
        let made = must("iam", "CreateAccessKey", json!({ "UserName": "tester" }));
        let policy = json!({ "UserName": "tester", "PolicyName": "all", "PolicyDocument": allowing(&["*"]) });
        must("iam", "PutUserPolicy", policy);
        must("secretsmanager", "CreateSecret", json!({ "Name": secret, "SecretString": value }));
        let text = |name: &str| {
            let value = made["body"]["AccessKey"][name].as_str();
            value.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no {name} in {made}"))
        };
        Ok(Key { id: text("AccessKeyId")?, secret: text("SecretAccessKey")? })
    }

    /// Calls an operation, signed by the key: `{"status": 200, "body": {…}}`, or with `"error"`.
    ///
    /// # Panics
    /// If the helper cannot be run.
    #[must_use]
    pub fn call(&self, key: &Key, service: &str, operation: &str, parameters: &Value) -> Value {
        let python = program("OAKUM_AWS_PYTHON").expect("tests/servers/ensure makes it");
        let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/python/aws.py");
        let mut command = Command::new(python);
        command.arg(script).args([&self.endpoint(), service, operation, &parameters.to_string()]);
        command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
        let out = tool(command.env("AWS_DEFAULT_REGION", "eu-west-1"));
        serde_json::from_str(&out).expect("it prints JSON")
    }

    /// Calls an operation that must succeed, and gives its answer.
    ///
    /// # Panics
    /// If it is refused.
    pub fn must(&self, key: &Key, service: &str, operation: &str, parameters: &Value) -> Value {
        let mut answer = self.call(key, service, operation, parameters);
        assert_eq!(answer["status"], 200, "{operation}: {answer}");
        answer["body"].take()
    }

    /// Makes a user who may do some actions, and gives its key.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn user(&self, key: &Key, name: &str, actions: &[&str]) -> Key {
        self.must(key, "iam", "CreateUser", &json!({ "UserName": name }));
        let policy = json!({ "UserName": name, "PolicyName": "some", "PolicyDocument": allowing(actions) });
        self.must(key, "iam", "PutUserPolicy", &policy);
        self.another_key(key, name)
    }

    /// Gives a user one more key.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn another_key(&self, key: &Key, name: &str) -> Key {
        let made = self.must(key, "iam", "CreateAccessKey", &json!({ "UserName": name }));
        let text = |name: &str| made["AccessKey"][name].as_str().expect("it is text").to_owned();
        Key { id: text("AccessKeyId"), secret: text("SecretAccessKey") }
    }

    /// Makes a role that may do some actions and that whoever bears a token may assume, and gives its ARN.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn role(&self, key: &Key, name: &str, actions: &[&str]) -> String {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "Federated": "*" }, "Action": "sts:AssumeRoleWithWebIdentity" }] });
        let role = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
        let made = self.must(key, "iam", "CreateRole", &role);
        let policy = json!({ "RoleName": name, "PolicyName": "some", "PolicyDocument": allowing(actions) });
        self.must(key, "iam", "PutRolePolicy", &policy);
        made["Role"]["Arn"].as_str().expect("it is text").to_owned()
    }

    /// Lets so many calls through whatever their signature is; moto wants one even where AWS wants none.
    ///
    /// # Panics
    /// If it is refused.
    pub fn let_through(&self, calls: u32) {
        let url = format!("{}/moto-api/reset-auth", self.endpoint());
        let answer = ask(&Request { method: "POST", url, headers: Vec::new(), body: Some(calls.into()), ca: None });
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// What it has said so far: a line for each request.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}

/// A policy that allows actions on everything.
fn allowing(actions: &[&str]) -> String {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] })
        .to_string()
}
