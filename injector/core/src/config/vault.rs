//! A store of Vault: where the server is, and how we log in there; from a document and back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map as Object, Value, json};

use super::DEFAULT_TOKEN;
use super::aws::{AwsCredentials, credentials, encode_credentials, region};
use super::decode::{absolute, header_text, readers, wrapping_time};
use super::encode::path;
use super::map::{Fault, Map, Result, flag, list, parse, text};
use super::value::{Address, Mode, PlainHttp, Scheme, print_duration};
use crate::yaml::{Kind, Node};

/// A Vault server, with the role that we have there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultStore {
    /// Where it listens.
    pub address: Address,
    /// The namespace (Enterprise, OpenBao).
    pub namespace: Option<String>,
    /// A file of certificates in PEM that are trusted, and no others. Without it, the system's.
    pub ca: Option<PathBuf>,
    /// The certificate that we show on every connection, if any.
    pub client: Option<ClientCert>,
    /// The name that the server's certificate must bear, where it is not the host of the address.
    pub server_name: Option<String>,
    /// The file in memory that our token is kept in, so that a process after this one need not log in anew.
    pub keep_token: Option<PathBuf>,
    /// The folder in memory that secrets are kept in which a token in a file gives out once, so that a process after this
    /// one has them.
    pub keep_unwrapped: Option<PathBuf>,
    /// The files in memory that our token is written to for others.
    pub write_token: Vec<TokenFile>,
    /// How we log in.
    pub auth: VaultAuth,
}

/// A file in memory that our token is written to, and nothing else, for a program that talks to Vault itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    /// The file.
    pub path: PathBuf,
    /// Its mode.
    pub mode: Mode,
    /// Its owner, where that is not the agent.
    pub user: Option<u32>,
    /// Its group, where that is not the agent's.
    pub group: Option<u32>,
    /// How long a token lasts that gives ours out, once, and is written in its place.
    pub wrap: Option<Duration>,
}

/// What becomes of the file of a credential once we have logged in by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Removal {
    /// It stays, and is read again at each login.
    #[default]
    Never,
    /// It is taken away, be it a link, and held in memory for the next login.
    File,
    /// The same, but of a link it is the file that it leads to.
    Target,
}

impl VaultStore {
    /// Lists the folders in which secrets are kept for the agent's next process.
    pub fn kept_in(&self) -> impl Iterator<Item = &Path> {
        let secret_id = match &self.auth {
            VaultAuth::AppRole { wrapped: Some(wrapping), .. } => wrapping.keep.as_deref(),
            _ => None,
        };
        let files = self.keep_token.as_deref().into_iter().chain(secret_id);
        files.filter_map(Path::parent).chain(self.keep_unwrapped.as_deref())
    }
}

/// A certificate of our own with its key, both in PEM; read again when they have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCert {
    /// The file that holds the certificate.
    pub cert: PathBuf,
    /// The file that holds its key.
    pub key: PathBuf,
}

/// How an agent proves to Vault who it is. Mounts default to the method's own name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VaultAuth {
    /// `auth/approle`.
    AppRole {
        /// Where the method is mounted.
        mount: String,
        /// The role's id, which is no secret by itself.
        role_id: Literal,
        /// The file that holds the secret id, or what it is wrapped in.
        secret_id: PathBuf,
        /// How it is wrapped, if it is.
        wrapped: Option<Wrapping>,
        /// Whether its file is taken away when we have logged in by it. It is held in memory then, for the next login.
        remove: bool,
    },
    /// `auth/kubernetes`, by the token of a service account.
    Kubernetes {
        /// Where the method is mounted.
        mount: String,
        /// The role.
        role: String,
        /// The file that holds the token; read again at each login, since it rotates.
        token: PathBuf,
    },
    /// `auth/jwt`, by a token that something else writes to a file.
    Jwt {
        /// Where the method is mounted.
        mount: String,
        /// The role.
        role: String,
        /// The file that holds the token; read again at each login, since it rotates.
        token: PathBuf,
        /// Whether the file is taken away when we have logged in by it.
        remove: Removal,
    },
    /// `auth/cert`, by the certificate that we show.
    Cert {
        /// Where the method is mounted.
        mount: String,
        /// The role; without it, Vault takes the first that trusts the certificate.
        name: Option<String>,
    },
    /// `auth/aws` by IAM: a request to STS that only we can have signed, and that Vault sends.
    Aws {
        /// Where the method is mounted.
        mount: String,
        /// The role.
        role: String,
        /// Whose signature it is.
        credentials: AwsCredentials,
        /// The region whose STS is asked; without it, the global one.
        region: Option<String>,
        /// What `X-Vault-AWS-IAM-Server-ID` says, so that the request is good for one server only.
        header: Option<String>,
    },
    /// A token that something else writes to a file. It is never revoked by us.
    TokenFile(PathBuf),
}

/// A secret id that is had once, by a token that lies in its file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wrapping {
    /// The path at which the token must have been made; without it, that of the secret ids of any role of the mount.
    pub creation_path: Option<String>,
    /// The file in memory that the secret id is kept in, so that it outlives the process.
    pub keep: Option<PathBuf>,
}

/// A value that stands in the configuration or in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// The value.
    Here(String),
    /// The file that holds it.
    File(PathBuf),
}

/// Reads what stands under the key of a method.
type Decode = fn(&Node) -> Result<VaultAuth>;

/// The methods by their keys.
const METHODS: &[(&str, Decode)] = &[
    ("approle", approle),
    ("kubernetes", kubernetes),
    ("jwt", jwt),
    ("cert", cert),
    ("aws", aws),
    ("token_file", |node| Ok(VaultAuth::TokenFile(absolute(node, "token_file")?))),
];

/// Reads the store; `what` names it in messages.
pub(super) fn decode(node: &Node, what: &str) -> Result<VaultStore> {
    let mut map = Map::open(node, what)?;
    let plain = match map.get("allow_plain_http").map(|node| flag(node, "allow_plain_http")).transpose()? {
        Some(true) => PlainHttp::Anywhere,
        _ => PlainHttp::LoopbackOnly,
    };
    let address = map.need("address")?;
    let address = Address::parse(text(address, "address")?, plain).map_err(|(why, hint)| Fault {
        line: address.line,
        what: why,
        hint,
    })?;
    let namespace = map.get("namespace").map(|node| parse(node, "namespace", header_value)).transpose()?;
    let ca = map.get("ca").map(|node| absolute(node, "ca")).transpose()?;
    let server_name = map.get("server_name").map(|node| text(node, "server_name").map(str::to_owned)).transpose()?;
    let client = client(map.get("client_cert"), map.get("client_key"), address.scheme)?;
    let keep = map.get("keep_token");
    let keep_token = keep.map(|node| absolute(node, "keep_token")).transpose()?;
    let keep_unwrapped = map.get("keep_unwrapped").map(|node| absolute(node, "keep_unwrapped")).transpose()?;
    let write_token = map.get("write_token").map(token_files).transpose()?.unwrap_or_default();
    let auth_node = map.need("auth")?;
    let auth = decode_auth(auth_node, what)?;
    map.finish()?;
    if matches!(auth, VaultAuth::Cert { .. }) && client.is_none() {
        return Err(Fault::new(auth_node.line, "`cert` has no certificate to log in with")
            .hint("name it beside `auth`: `client_cert` and `client_key`"));
    }
    if let (VaultAuth::TokenFile(_), Some(node)) = (&auth, keep) {
        return Err(Fault::new(node.line, "`keep_token` keeps what a login gives, and `token_file` is none")
            .hint("take it out: the token lies in a file already"));
    }
    Ok(VaultStore { address, namespace, ca, client, server_name, keep_token, keep_unwrapped, write_token, auth })
}

fn token_files(node: &Node) -> Result<Vec<TokenFile>> {
    let Kind::List(items) = &node.kind else {
        return Err(
            Fault::new(node.line, "`write_token` is not a list").hint("write `write_token: [ { path: FILE } ]`")
        );
    };
    let one = |node: &Node| {
        let mut map = Map::open(node, "`write_token`")?;
        let path = absolute(map.need("path")?, "path")?;
        let (mode, group) = readers(&mut map)?;
        let number = |text: &str| text.parse().map_err(|_| "`user` is not the number of a user".to_owned());
        let user = map.get("user").map(|node| parse(node, "user", number)).transpose()?;
        let wrap = map.get("wrap").map(|node| parse(node, "wrap", |text| wrapping_time(text, 1))).transpose()?;
        map.finish()?;
        Ok(TokenFile { path, mode: mode.unwrap_or(Mode::DEFAULT), user, group, wrap })
    };
    items.iter().map(one).collect()
}

fn client(cert: Option<&Node>, key: Option<&Node>, scheme: Scheme) -> Result<Option<ClientCert>> {
    match (cert, key) {
        (None, None) => Ok(None),
        (Some(cert), Some(_)) if scheme == Scheme::Http => {
            Err(Fault::new(cert.line, "`client_cert` is shown by TLS only").hint("let `address` begin with https://"))
        }
        (Some(cert), Some(key)) => {
            Ok(Some(ClientCert { cert: absolute(cert, "client_cert")?, key: absolute(key, "client_key")? }))
        }
        (Some(one), None) | (None, Some(one)) => {
            Err(Fault::new(one.line, "`client_cert` and `client_key` go together, and only one is there"))
        }
    }
}

fn decode_auth(node: &Node, what: &str) -> Result<VaultAuth> {
    let what = format!("`auth` of {what}");
    let mut map = Map::open(node, what.as_str())?;
    let line = map.line();
    let mut found = METHODS.iter().filter_map(|(name, decode)| map.get(name).map(|node| (node, decode)));
    let (first, second) = (found.next(), found.next());
    for method in ["gcp", "azure"] {
        map.later(method, "log in by another method until then, such as `kubernetes` or `token_file`");
    }
    map.finish()?;
    match (first, second) {
        (Some((node, decode)), None) => decode(node),
        (None, _) => {
            let names: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
            Err(Fault::new(line, format!("{what} names no method")).hint(format!("give it one of {}", list(&names))))
        }
        _ => Err(Fault::new(line, format!("{what} names more than one method"))),
    }
}

fn approle(node: &Node) -> Result<VaultAuth> {
    let mut map = Map::open(node, "`approle`")?;
    let mount = mount(map.get("mount"), "approle")?;
    let (role_id, role_id_file) = (map.get("role_id"), map.get("role_id_file"));
    let secret_id = absolute(map.need("secret_id_file")?, "secret_id_file")?;
    let line = map.line();
    let wrapped = wrapping(&mut map)?;
    let remove = map.get("remove_secret_id");
    if let (Some(_), Some(node)) = (&wrapped, remove) {
        return Err(Fault::new(node.line, "`remove_secret_id` is for a secret id that is not wrapped")
            .hint("take it out: what unwraps a secret id is good for nothing once it has been used"));
    }
    let remove = remove.map(|node| flag(node, "remove_secret_id")).transpose()?.unwrap_or(false);
    map.later(
        "secret_id",
        "a secret does not belong in a configuration: put it into a file and name that as `secret_id_file`",
    );
    map.finish()?;
    let role_id = match (role_id, role_id_file) {
        (Some(node), None) => Literal::Here(text(node, "role_id")?.to_owned()),
        (None, Some(node)) => Literal::File(absolute(node, "role_id_file")?),
        (None, None) => return Err(Fault::new(line, "`approle` lacks `role_id` or `role_id_file`")),
        (Some(_), Some(node)) => return Err(Fault::new(node.line, "`approle` has both `role_id` and `role_id_file`")),
    };
    Ok(VaultAuth::AppRole { mount, role_id, secret_id, wrapped, remove })
}

fn wrapping(map: &mut Map<'_>) -> Result<Option<Wrapping>> {
    let wrapped = map.get("wrapped").map(|node| flag(node, "wrapped")).transpose()?;
    let (creation_path, keep) = (map.get("creation_path"), map.get("keep"));
    if wrapped != Some(true) {
        return match creation_path.or(keep) {
            None => Ok(None),
            Some(node) => Err(Fault::new(node.line, "`creation_path` and `keep` are for a secret id that is wrapped")
                .hint("say `wrapped: true`, or take them out")),
        };
    }
    let path = |text: &str| Ok(text.trim_matches('/').to_owned());
    Ok(Some(Wrapping {
        creation_path: creation_path.map(|node| parse(node, "creation_path", path)).transpose()?,
        keep: keep.map(|node| absolute(node, "keep")).transpose()?,
    }))
}

fn kubernetes(node: &Node) -> Result<VaultAuth> {
    let mut map = Map::open(node, "`kubernetes`")?;
    let mount = mount(map.get("mount"), "kubernetes")?;
    let role = text(map.need("role")?, "role")?.to_owned();
    let token = map.get("token").map(|node| absolute(node, "token")).transpose()?;
    let token = token.unwrap_or_else(|| PathBuf::from(DEFAULT_TOKEN));
    map.finish()?;
    Ok(VaultAuth::Kubernetes { mount, role, token })
}

fn jwt(node: &Node) -> Result<VaultAuth> {
    let mut map = Map::open(node, "`jwt`")?;
    let mount = mount(map.get("mount"), "jwt")?;
    let role = text(map.need("role")?, "role")?.to_owned();
    let token = absolute(map.need("token_file")?, "token_file")?;
    let remove = map.get("remove_token").map(|node| parse(node, "remove_token", removal)).transpose()?;
    map.later("token", "a secret does not belong in a configuration: put it into a file and name that as `token_file`");
    map.finish()?;
    Ok(VaultAuth::Jwt { mount, role, token, remove: remove.unwrap_or_default() })
}

fn removal(text: &str) -> std::result::Result<Removal, String> {
    match text {
        "false" => Ok(Removal::Never),
        "true" => Ok(Removal::File),
        "target" => Ok(Removal::Target),
        _ => Err("`remove_token` is true, false, or target: of a link, the file that it leads to".to_owned()),
    }
}

fn cert(node: &Node) -> Result<VaultAuth> {
    let mut map = Map::open(node, "`cert`")?;
    let mount = mount(map.get("mount"), "cert")?;
    let name = map.get("name").map(|node| text(node, "name").map(str::to_owned)).transpose()?;
    for key in ["client_cert", "client_key"] {
        map.later(key, "it is shown on every connection: name it beside `auth`");
    }
    map.finish()?;
    Ok(VaultAuth::Cert { mount, name })
}

fn aws(node: &Node) -> Result<VaultAuth> {
    let mut map = Map::open(node, "`aws`")?;
    let mount = mount(map.get("mount"), "aws")?;
    let role = text(map.need("role")?, "role")?.to_owned();
    let credentials = map.get("credentials").map(|node| credentials(node, "`aws`")).transpose()?;
    let region = map.get("region").map(|node| parse(node, "region", region)).transpose()?;
    let header = map.get("header").map(|node| {
        parse(node, "header", |text| {
            header_text(text).map(str::to_owned).map_err(|()| "`header` may hold only printable ASCII".to_owned())
        })
    });
    let header = header.transpose()?;
    map.finish()?;
    Ok(VaultAuth::Aws { mount, role, credentials: credentials.unwrap_or(AwsCredentials::Chain), region, header })
}

fn mount(node: Option<&Node>, default: &str) -> Result<String> {
    let Some(node) = node else { return Ok(default.to_owned()) };
    parse(node, "mount", |text| {
        let mount = text.trim_matches('/');
        let fine =
            !mount.chars().any(char::is_control) && !mount.split('/').any(|part| matches!(part, "" | "." | ".."));
        if fine { Ok(mount.to_owned()) } else { Err("`mount` is no path of a mount".to_owned()) }
    })
}

/// Accepts what may stand in an HTTP header.
fn header_value(text: &str) -> std::result::Result<String, String> {
    header_text(text).map(str::to_owned).map_err(|()| "`namespace` may hold only printable ASCII".to_owned())
}

/// Writes the store, without what is the default.
pub(super) fn encode(vault: &VaultStore) -> Value {
    let VaultStore { address, namespace, ca, client, server_name, keep_token, keep_unwrapped, write_token, auth } =
        vault;
    let mut map = Object::new();
    map.insert("address".to_owned(), address.to_string().into());
    if address.scheme == Scheme::Http && !address.is_loopback() {
        map.insert("allow_plain_http".to_owned(), true.into());
    }
    if let Some(namespace) = namespace {
        map.insert("namespace".to_owned(), namespace.as_str().into());
    }
    if let Some(ca) = ca {
        map.insert("ca".to_owned(), path(ca));
    }
    if let Some(ClientCert { cert, key }) = client {
        map.insert("client_cert".to_owned(), path(cert));
        map.insert("client_key".to_owned(), path(key));
    }
    if let Some(name) = server_name {
        map.insert("server_name".to_owned(), name.as_str().into());
    }
    if let Some(file) = keep_token {
        map.insert("keep_token".to_owned(), path(file));
    }
    if let Some(folder) = keep_unwrapped {
        map.insert("keep_unwrapped".to_owned(), path(folder));
    }
    if !write_token.is_empty() {
        let files = write_token.iter().map(|TokenFile { path: file, mode, user, group, wrap }| {
            let mut map = Object::from_iter([("path".to_owned(), path(file))]);
            if *mode != Mode::DEFAULT {
                map.insert("mode".to_owned(), mode.to_string().into());
            }
            map.extend(user.map(|user| ("user".to_owned(), user.into())));
            map.extend(group.map(|group| ("group".to_owned(), group.into())));
            map.extend(wrap.map(|ttl| ("wrap".to_owned(), print_duration(ttl).into())));
            Value::Object(map)
        });
        map.insert("write_token".to_owned(), files.collect());
    }
    map.insert("auth".to_owned(), encode_auth(auth));
    map.into()
}

fn encode_auth(auth: &VaultAuth) -> Value {
    match auth {
        VaultAuth::AppRole { mount, role_id, secret_id, wrapped, remove } => {
            let mut map = Object::new();
            with_mount(&mut map, mount, "approle");
            match role_id {
                Literal::Here(id) => map.insert("role_id".to_owned(), id.as_str().into()),
                Literal::File(file) => map.insert("role_id_file".to_owned(), path(file)),
            };
            map.insert("secret_id_file".to_owned(), path(secret_id));
            if let Some(Wrapping { creation_path, keep }) = wrapped {
                map.insert("wrapped".to_owned(), true.into());
                if let Some(path) = creation_path {
                    map.insert("creation_path".to_owned(), path.as_str().into());
                }
                if let Some(file) = keep {
                    map.insert("keep".to_owned(), path(file));
                }
            }
            if *remove {
                map.insert("remove_secret_id".to_owned(), true.into());
            }
            json!({ "approle": map })
        }
        VaultAuth::Kubernetes { mount, role, token } => {
            let mut map = Object::new();
            with_mount(&mut map, mount, "kubernetes");
            map.insert("role".to_owned(), role.as_str().into());
            if token.as_os_str() != DEFAULT_TOKEN {
                map.insert("token".to_owned(), path(token));
            }
            json!({ "kubernetes": map })
        }
        VaultAuth::Jwt { mount, role, token, remove } => {
            let mut map = Object::new();
            with_mount(&mut map, mount, "jwt");
            map.insert("role".to_owned(), role.as_str().into());
            map.insert("token_file".to_owned(), path(token));
            match remove {
                Removal::Never => {}
                Removal::File => drop(map.insert("remove_token".to_owned(), true.into())),
                Removal::Target => drop(map.insert("remove_token".to_owned(), "target".into())),
            }
            json!({ "jwt": map })
        }
        VaultAuth::Cert { mount, name } => {
            let mut map = Object::new();
            with_mount(&mut map, mount, "cert");
            if let Some(name) = name {
                map.insert("name".to_owned(), name.as_str().into());
            }
            json!({ "cert": map })
        }
        VaultAuth::Aws { mount, role, credentials, region, header } => {
            let mut map = Object::new();
            with_mount(&mut map, mount, "aws");
            map.insert("role".to_owned(), role.as_str().into());
            if let Some(credentials) = encode_credentials(credentials) {
                map.insert("credentials".to_owned(), credentials);
            }
            if let Some(region) = region {
                map.insert("region".to_owned(), region.as_str().into());
            }
            if let Some(header) = header {
                map.insert("header".to_owned(), header.as_str().into());
            }
            json!({ "aws": map })
        }
        VaultAuth::TokenFile(file) => json!({ "token_file": path(file) }),
    }
}

fn with_mount(map: &mut Object<String, Value>, mount: &str, default: &str) {
    if mount != default {
        map.insert("mount".to_owned(), mount.into());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, Injection, Store};
    use super::*;

    fn parse(store: &str) -> std::result::Result<VaultStore, ConfigError> {
        let text = format!(
            "apiVersion: oakum.dev/v1\nkind: Injection\nstores:\n  vault: {{ vault: {{ {store} }} }}\n\
             secrets: {{ web: 'vault:secret/web' }}\nfiles: {{ web: web }}\n"
        );
        let injection = Injection::parse(&text, "c.yaml")?;
        let Store::Vault(store) = &injection.stores["vault"] else { panic!("a store of Vault") };
        Ok(store.clone())
    }

    fn auth(text: &str) -> VaultAuth {
        parse(&format!("address: 'https://vault.example.com', auth: {{ {text} }}")).unwrap().auth
    }

    #[test]
    fn every_method_is_read() {
        let wrapped = |text: &str| match auth(&format!("approle: {{ role_id: r, secret_id_file: /s, {text} }}")) {
            VaultAuth::AppRole { wrapped, .. } => wrapped,
            other => panic!("{other:?}"),
        };
        assert_eq!(wrapped("wrapped: false"), None);
        assert_eq!(wrapped("wrapped: true"), Some(Wrapping::default()));
        let wrapping = Wrapping { creation_path: Some("auth/x".to_owned()), keep: Some("/k".into()) };
        assert_eq!(wrapped("wrapped: true, creation_path: /auth/x, keep: /k"), Some(wrapping));
        for (more, remove) in [
            ("", Removal::Never),
            (", remove_token: false", Removal::Never),
            (", remove_token: true", Removal::File),
            (", remove_token: target", Removal::Target),
        ] {
            let (mount, role) = ("jwt".to_owned(), "web".to_owned());
            let expected = VaultAuth::Jwt { mount, role, token: "/t".into(), remove };
            assert_eq!(auth(&format!("jwt: {{ role: web, token_file: /t{more} }}")), expected);
        }
    }

    #[test]
    fn what_is_kept_does_not_lie_where_the_app_reads() {
        for store in [
            "keep_token: /run/secrets/oakum/token, auth: { jwt: { role: web, token_file: /t } }",
            "auth: { approle: { role_id: r, secret_id_file: /s, wrapped: true, keep: /run/secrets/oakum/a/b } }",
            "keep_unwrapped: /run/secrets/oakum/a, auth: { token_file: /t }",
        ] {
            let error = parse(&format!("address: 'https://vault.example.com', {store}")).unwrap_err();
            assert!(error.line == Some(4) && error.what.contains("in the volume") && error.hint.is_some(), "{error}");
        }
    }

    #[test]
    fn an_identity_in_aws_has_the_same_sources_as_a_store_of_aws() {
        let parsed = auth("aws: { role: web, credentials: { environment: {} }, region: eu-west-1, header: vault }");
        let expected = VaultAuth::Aws {
            mount: "aws".to_owned(),
            role: "web".to_owned(),
            credentials: AwsCredentials::Environment,
            region: Some("eu-west-1".to_owned()),
            header: Some("vault".to_owned()),
        };
        assert_eq!(parsed, expected);
        assert!(matches!(auth("aws: { role: web }"), VaultAuth::Aws { credentials: AwsCredentials::Chain, .. }));
    }

    #[test]
    fn a_certificate_stands_beside_the_login() {
        let files = "client_cert: /c, client_key: /k";
        let store = parse(&format!("address: 'https://vault.example.com', {files}, auth: {{ cert: {{ name: web }} }}"));
        let store = store.unwrap();
        assert_eq!(store.client, Some(ClientCert { cert: "/c".into(), key: "/k".into() }));
        assert_eq!(store.auth, VaultAuth::Cert { mount: "cert".to_owned(), name: Some("web".to_owned()) });
        for (rest, what) in [
            ("client_cert: /c, auth: { token_file: /t }", "only one is there"),
            ("client_cert: /c, client_key: k, auth: { token_file: /t }", "absolute path"),
            ("auth: { cert: {} }", "no certificate"),
            ("keep_token: k, auth: { jwt: { role: web, token_file: /t } }", "absolute path"),
            ("keep_token: /k, auth: { token_file: /t }", "keeps what a login gives"),
            ("auth: { cert: { client_cert: /c } }", "not supported"),
        ] {
            let error = parse(&format!("address: 'https://vault.example.com', {rest}")).unwrap_err();
            assert!(error.line == Some(4) && error.what.contains(what), "{rest}: {error}");
        }
        let error = parse(&format!("address: 'http://127.0.0.1:8200', {files}, auth: {{ cert: {{}} }}")).unwrap_err();
        assert!(error.what.contains("TLS only") && error.hint.is_some(), "{error}");
    }

    #[test]
    fn each_mistake_has_its_line_its_reason_and_the_way_out() {
        for (login, what, hint) in [
            ("", "names no method", "one of `approle`, `kubernetes`, `jwt`"),
            ("token_file: /t, jwt: { role: web, token_file: /t }", "more than one method", ""),
            ("approle: { role_id: r, secret_id_file: /s, keep: /k }", "that is wrapped", "wrapped: true"),
            ("approle: { role_id: r, secret_id_file: /s, wrapped: true, keep: k }", "absolute path", "`/`"),
            ("approle: { role_id: r, secret_id_file: /s, wrapped: 1 }", "true or false", ""),
            ("aws: {}", "lacks `role`", ""),
            ("aws: { role: web, region: EU }", "not a region", ""),
            ("aws: { role: web, header: 'a b' }", "printable ASCII", ""),
            ("aws: { role: web, credentials: {} }", "no source", "the usual chain"),
            ("gcp: {}", "not supported yet", "another method"),
            ("jwt: { role: web }", "lacks `token_file`", ""),
            ("jwt: { role: web, token_file: t }", "absolute path", "`/`"),
            ("jwt: { role: web, token_file: /t, token: x }", "not supported", "does not belong in a configuration"),
            ("jwt: { role: web, token_file: /t, remove_token: link }", "true, false, or target", ""),
            ("jwt: { role: web, token_file: /t, mount: a//b }", "no path of a mount", ""),
        ] {
            let error = parse(&format!("address: 'https://vault.example.com', auth: {{ {login} }}")).unwrap_err();
            assert_eq!(error.line, Some(4), "{login}: {error}");
            assert!(error.what.contains(what), "{login}: {error}");
            assert!(error.hint.unwrap_or_default().contains(hint), "{login}");
        }
    }
}
