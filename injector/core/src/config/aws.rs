//! A store of AWS: its region, where it is reached, and whose credentials it is asked with; from a document and back.
//!
//! One store reads from two services, told apart by the first element of a path: `secretsmanager/NAME` is a secret of
//! Secrets Manager, `ssm/NAME` a parameter of Systems Manager, and `ssm/PATH/*` all parameters right below a path.

use std::path::PathBuf;

use serde_json::{Map as Object, Value, json};

use super::decode::absolute;
use super::encode::path;
use super::map::{Fault, Map, Result, parse, text};
use super::value::{Address, PlainHttp};
use crate::reference::{Reference, shorten};
use crate::yaml::{Kind, Node};

/// The profile that is taken where none is named.
const DEFAULT_PROFILE: &str = "default";

/// An account's secrets and parameters in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsStore {
    /// The region, such as `eu-west-1`: lower-case letters, digits and `-`, since it becomes part of host names.
    pub region: String,
    /// The server that every service is asked at, where it is not AWS's own: a VPC endpoint, or a stand-in.
    pub endpoint: Option<Address>,
    /// A file of certificates in PEM that are trusted, and no others. Without it, the system's.
    pub ca: Option<PathBuf>,
    /// Where the credentials come from.
    pub credentials: AwsCredentials,
}

/// Where the credentials for AWS come from. Each is read again at every login.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsCredentials {
    /// The first that there is of: `Environment`, `WebIdentity` and `Container` by their variables, `Instance`.
    Chain,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for temporary ones, `AWS_SESSION_TOKEN`.
    Environment,
    /// A file of profiles, as `aws configure` writes it.
    File {
        /// The file.
        path: PathBuf,
        /// The profile.
        profile: String,
    },
    /// A role that the bearer of a token may assume: IAM roles for service accounts.
    WebIdentity {
        /// The role's ARN.
        role: String,
        /// The file that holds the token; read again at each login, since it rotates.
        token: PathBuf,
    },
    /// What the variables `AWS_CONTAINER_CREDENTIALS_*` point at: ECS, and pod identities of EKS.
    Container,
    /// The metadata of the instance, version 2.
    Instance,
}

/// Reads the store; `what` names it in messages.
pub(super) fn decode(node: &Node, what: &str) -> Result<AwsStore> {
    let mut map = Map::open(node, what)?;
    let region = parse(map.need("region")?, "region", region)?;
    let endpoint = map.get("endpoint").map(endpoint).transpose()?;
    let ca = map.get("ca").map(|node| absolute(node, "ca")).transpose()?;
    let credentials = map.get("credentials").map(|node| credentials(node, what)).transpose()?;
    for key in ["access_key_id", "secret_access_key"] {
        map.later(key, "a secret does not belong in a configuration: put it into a file of profiles, and name that");
    }
    map.finish()?;
    Ok(AwsStore { region, endpoint, ca, credentials: credentials.unwrap_or(AwsCredentials::Chain) })
}

/// Writes the store, without what is the default.
pub(super) fn encode(store: &AwsStore) -> Value {
    let AwsStore { region, endpoint, ca, credentials } = store;
    let mut map = Object::new();
    map.insert("region".to_owned(), region.as_str().into());
    if let Some(endpoint) = endpoint {
        map.insert("endpoint".to_owned(), endpoint.to_string().into());
    }
    if let Some(ca) = ca {
        map.insert("ca".to_owned(), path(ca));
    }
    if let Some(credentials) = encode_credentials(credentials) {
        map.insert("credentials".to_owned(), credentials);
    }
    map.into()
}

/// Writes where credentials come from; none for the usual chain.
pub(super) fn encode_credentials(credentials: &AwsCredentials) -> Option<Value> {
    Some(match credentials {
        AwsCredentials::Chain => return None,
        AwsCredentials::Environment => json!({ "environment": {} }),
        AwsCredentials::Container => json!({ "container": {} }),
        AwsCredentials::Instance => json!({ "instance": {} }),
        AwsCredentials::File { path: file, profile } if profile == DEFAULT_PROFILE => json!({ "file": path(file) }),
        AwsCredentials::File { path: file, profile } => json!({ "file": path(file), "profile": profile }),
        AwsCredentials::WebIdentity { role, token } => {
            json!({ "web_identity": { "role": role, "token": path(token) } })
        }
    })
}

/// Checks what a reference asks of such a store. The fault has no line yet.
pub(super) fn check(from: &Reference) -> Result<()> {
    let wrong = |what: String, hint: &str| Err(Fault::new(0, what).hint(hint));
    match from.path.split_once('/') {
        Some(("secretsmanager", _)) if from.version.is_some() => wrong(
            "Secrets Manager numbers no versions".to_owned(),
            "name a stage, such as ?stage=AWSPREVIOUS, or take `?version=` away",
        ),
        Some(("ssm", _)) if from.stage.is_some() => {
            wrong("a parameter has no stages".to_owned(), "pin a version of it by ?version=N")
        }
        Some(("ssm", name)) if from.version.is_some() && name.split('/').next_back() == Some("*") => {
            wrong("all parameters of a path have no version in common".to_owned(), "take `?version=` away")
        }
        Some(("secretsmanager" | "ssm", _)) => Ok(()),
        _ => wrong(
            format!("the path `{}` names no service of AWS", shorten(&from.path)),
            "begin it with `secretsmanager/` or `ssm/`",
        ),
    }
}

/// Accepts what may be a region.
pub(crate) fn region(text: &str) -> std::result::Result<String, String> {
    let fine = text.len() <= 32
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fine { Ok(text.to_owned()) } else { Err(format!("`{}` is not a region such as eu-west-1", shorten(text))) }
}

fn endpoint(node: &Node) -> Result<Address> {
    Address::parse(text(node, "endpoint")?, PlainHttp::LoopbackOnly).map_err(|(what, _)| {
        Fault::new(node.line, what).hint("write it as https://HOST:PORT; plain http only goes to this machine")
    })
}

/// Reads where credentials come from; `what` names whose in messages.
pub(super) fn credentials(node: &Node, what: &str) -> Result<AwsCredentials> {
    let what = format!("`credentials` of {what}");
    let mut map = Map::open(node, what.as_str())?;
    let line = map.line();
    let sources =
        [map.get("environment"), map.get("file"), map.get("web_identity"), map.get("container"), map.get("instance")];
    let profile = map.get("profile");
    map.finish()?;
    if let (Some(node), None) = (profile, sources[1]) {
        return Err(Fault::new(node.line, format!("{what} has a `profile` and no `file` that it could be in")));
    }
    match sources {
        [Some(node), None, None, None, None] => nothing_in(node, "environment", AwsCredentials::Environment),
        [None, Some(file), None, None, None] => {
            let profile = profile.map(|node| text(node, "profile")).transpose()?.unwrap_or(DEFAULT_PROFILE);
            Ok(AwsCredentials::File { path: absolute(file, "file")?, profile: profile.to_owned() })
        }
        [None, None, Some(node), None, None] => web_identity(node),
        [None, None, None, Some(node), None] => nothing_in(node, "container", AwsCredentials::Container),
        [None, None, None, None, Some(node)] => nothing_in(node, "instance", AwsCredentials::Instance),
        [None, None, None, None, None] => Err(Fault::new(line, format!("{what} names no source"))
            .hint("take it away for the usual chain, or give it one of `environment`, `file`, `web_identity`, `container` and `instance`")),
        _ => Err(Fault::new(line, format!("{what} names more than one source"))
            .hint("take it away for the usual chain of sources")),
    }
}

fn web_identity(node: &Node) -> Result<AwsCredentials> {
    let mut map = Map::open(node, "`web_identity`")?;
    let role = text(map.need("role")?, "role")?.to_owned();
    let token = absolute(map.need("token")?, "token")?;
    map.finish()?;
    Ok(AwsCredentials::WebIdentity { role, token })
}

/// A source that needs no more than its name is written with an empty map.
fn nothing_in(node: &Node, key: &str, found: AwsCredentials) -> Result<AwsCredentials> {
    match &node.kind {
        Kind::Map(entries) if entries.is_empty() => Ok(found),
        _ => Err(Fault::new(node.line, format!("`{key}` takes nothing")).hint(format!("write `{key}: {{}}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, Injection, Store};
    use super::*;

    fn parse(store: &str, from: &str) -> std::result::Result<Injection, ConfigError> {
        let text = format!(
            "apiVersion: oakum.dev/v1\nkind: Injection\nstores: {{ cloud: {{ aws: {store} }} }}\n\
             secrets: {{ web: '{from}' }}\nfiles: {{ web: web }}\n"
        );
        Injection::parse(&text, "c.yaml")
    }

    fn credentials(text: &str) -> AwsCredentials {
        let injection = parse(&format!("{{ region: eu-west-1, credentials: {text} }}"), "cloud:ssm/a").unwrap();
        let Store::Aws(store) = &injection.stores["cloud"] else { panic!("a store of AWS") };
        store.credentials.clone()
    }

    #[test]
    fn every_source_of_credentials_is_read() {
        assert_eq!(credentials("{ environment: {} }"), AwsCredentials::Environment);
        assert_eq!(credentials("{ container: {} }"), AwsCredentials::Container);
        assert_eq!(credentials("{ instance: {} }"), AwsCredentials::Instance);
        assert_eq!(
            credentials("{ file: /c }"),
            AwsCredentials::File { path: "/c".into(), profile: "default".to_owned() }
        );
        assert_eq!(
            credentials("{ file: /c, profile: web }"),
            AwsCredentials::File { path: "/c".into(), profile: "web".to_owned() }
        );
        assert_eq!(
            credentials("{ web_identity: { role: 'arn:aws:iam::1:role/web', token: /t } }"),
            AwsCredentials::WebIdentity { role: "arn:aws:iam::1:role/web".to_owned(), token: "/t".into() }
        );
    }

    #[test]
    fn each_mistake_has_its_line_its_reason_and_the_way_out() {
        for (store, from, line, what) in [
            ("{ region: EU }", "cloud:ssm/a", 3, "not a region"),
            ("{ region: a.b/c }", "cloud:ssm/a", 3, "not a region"),
            ("{ regoin: eu-west-1 }", "cloud:ssm/a", 3, "no key `regoin`"),
            ("{ region: r, endpoint: 'http://aws.example.com' }", "cloud:ssm/a", 3, "in the clear"),
            ("{ region: r, secret_access_key: x }", "cloud:ssm/a", 3, "not supported"),
            ("{ region: r, credentials: {} }", "cloud:ssm/a", 3, "no source"),
            ("{ region: r, credentials: { environment: {}, file: /x } }", "cloud:ssm/a", 3, "more than one"),
            ("{ region: r, credentials: { instance: { a: 1 } } }", "cloud:ssm/a", 3, "takes nothing"),
            ("{ region: r, credentials: { instance: {}, profile: x } }", "cloud:ssm/a", 3, "no `file`"),
            ("{ region: r }", "cloud:web", 4, "no service"),
            ("{ region: r }", "cloud:s3/web", 4, "no service"),
            ("{ region: r }", "cloud:secretsmanager/web?version=2", 4, "numbers no versions"),
            ("{ region: r }", "cloud:ssm/web?stage=AWSPREVIOUS", 4, "no stages"),
            ("{ region: r }", "cloud:ssm/web/*?version=1", 4, "no version in common"),
        ] {
            let error = parse(store, from).unwrap_err();
            assert_eq!(error.line, Some(line), "{store} {from}: {error}");
            assert!(error.what.contains(what), "{store} {from}: {error}");
        }
    }

    #[test]
    fn stages_and_versions_are_taken_where_there_are_any() {
        for from in ["cloud:secretsmanager/a/b?stage=AWSPREVIOUS", "cloud:ssm/a/b?version=3", "cloud:ssm/a/*"] {
            parse("{ region: eu-west-1 }", from).unwrap();
        }
    }
}
