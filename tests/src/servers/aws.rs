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
        let policy =
            json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
        let policy = json!({ "UserName": "tester", "PolicyName": "all", "PolicyDocument": policy.to_string() });
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

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}
