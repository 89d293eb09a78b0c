//! The block `auto_auth`: how the agent logs in, and where it leaves its token.

use std::time::Duration;

use super::read::Reader;
use super::values::{
    blocks, boolean, duration, given, header, labelled, namespace, number, one, optional, path, required, string,
};
use super::{AwsProof, Login, Method, Sink};
use crate::config::Mode;
use crate::config::map::{Fault, Map, Result, closest, list, text};
use crate::reference::shorten;
use crate::yaml::{Key, Kind, Node};

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const METHODS: &[&str] = &["kubernetes", "approle", "jwt", "cert", "token_file", "aws"];
/// Methods of Vault Agent that we cannot log in by.
const OTHER_METHODS: &[&str] = &["gcp", "azure", "alicloud", "cf", "kerberos", "ldap", "oci", "pcf"];
const METHOD_KEYS: &[&str] =
    &["type", "mount_path", "namespace", "wrap_ttl", "min_backoff", "max_backoff", "exit_on_err", "config"];
const SINK_KEYS: &[&str] = &["type", "wrap_ttl", "dh_type", "dh_path", "derive_key", "aad", "aad_env_var", "config"];

impl Reader {
    pub(super) fn auto_auth(&mut self, node: &Node) -> Result<(Login, Vec<Sink>)> {
        let mut map = Map::open(node, "`auto_auth`")?;
        let method = map.need("method")?;
        let login = match labelled(method, METHOD_KEYS).as_slice() {
            [(label, node)] => self.login(*label, node)?,
            [_, (_, second), ..] => return Err(Fault::new(second.line, "`method` is given more than once")),
            [] => return Err(Fault::new(method.line, "`method` is empty")),
        };
        let mut sinks = Vec::new();
        for (label, node) in given(&mut map, "sink").into_iter().flat_map(|node| labelled(node, SINK_KEYS)) {
            sinks.push(self.sink(label, node)?);
        }
        // Vault's documentation names the list so, and a file may take it at its word.
        for outer in given(&mut map, "sinks").into_iter().flat_map(blocks) {
            if !matches!(&outer.kind, Kind::Map(entries) if entries.iter().any(|(key, _)| key.text == "sink")) {
                for (label, node) in labelled(outer, SINK_KEYS) {
                    sinks.push(self.sink(label, node)?);
                }
                continue;
            }
            let mut outer = Map::open(outer, "`sinks`")?;
            for (label, node) in labelled(outer.need("sink")?, SINK_KEYS) {
                sinks.push(self.sink(label, node)?);
            }
            outer.finish()?;
        }
        self.lost(
            &mut map,
            "enable_reauth_on_new_credentials",
            "the agent logs in again when its token ends, not when a file changes",
        );
        map.finish()?;
        Ok((login, sinks))
    }

    fn login(&mut self, label: Option<&Key>, node: &Node) -> Result<Login> {
        let mut map = Map::open(node, "`method`")?;
        let (kind, line) = block_type(&mut map, label, "method")?;
        let mount = optional(&mut map, "mount_path", |text| mount(text, &kind))?;
        let wrap_ttl = optional(&mut map, "wrap_ttl", duration)?;
        let min_backoff = optional(&mut map, "min_backoff", duration)?.unwrap_or(Duration::from_secs(1));
        let max_backoff = optional(&mut map, "max_backoff", duration)?.unwrap_or(Duration::from_secs(300));
        if min_backoff > max_backoff {
            return Err(Fault::new(line, "`min_backoff` is longer than `max_backoff`"));
        }
        let namespace = optional(&mut map, "namespace", namespace)?;
        let exit_on_err = optional(&mut map, "exit_on_err", boolean)?.unwrap_or(false);
        let none = Node { line, kind: Kind::Map(Vec::new()) };
        let config = given(&mut map, "config").map_or(Ok(&none), |node| one(node, "config"))?;
        map.finish()?;
        let method = self.method(&kind, line, config)?;
        let mount = mount.unwrap_or(kind);
        Ok(Login { method, mount, namespace, wrap_ttl, min_backoff, max_backoff, exit_on_err })
    }

    fn method(&mut self, kind: &str, line: usize, config: &Node) -> Result<Method> {
        let mut map = Map::open(config, format!("`config` of the method `{}`", shorten(kind)))?;
        let method = match kind {
            "kubernetes" => Method::Kubernetes {
                role: required(&mut map, "role", string)?,
                token_path: optional(&mut map, "token_path", path)?.unwrap_or_else(|| TOKEN_PATH.into()),
            },
            "approle" => Method::AppRole {
                role_id_file_path: required(&mut map, "role_id_file_path", path)?,
                secret_id_file_path: optional(&mut map, "secret_id_file_path", path)?,
                secret_id_response_wrapping_path: optional(&mut map, "secret_id_response_wrapping_path", string)?,
                remove_secret_id_file_after_reading: optional(
                    &mut map,
                    "remove_secret_id_file_after_reading",
                    boolean,
                )?
                .unwrap_or(true),
            },
            "jwt" => self.jwt(&mut map)?,
            "cert" => cert(&mut map)?,
            "token_file" => Method::TokenFile { token_file_path: required(&mut map, "token_file_path", path)? },
            "aws" => self.aws(&mut map)?,
            other => return Err(unknown_method(other, line)),
        };
        map.finish()?;
        Ok(method)
    }

    fn jwt(&mut self, map: &mut Map<'_>) -> Result<Method> {
        optional(map, "jwt_read_period", duration)?;
        self.lost(map, "jwt_read_period", "the file is read at each login");
        Ok(Method::Jwt {
            path: required(map, "path", path)?,
            role: required(map, "role", string)?,
            remove_jwt_after_reading: optional(map, "remove_jwt_after_reading", boolean)?.unwrap_or(true),
            remove_jwt_follows_symlinks: optional(map, "remove_jwt_follows_symlinks", boolean)?.unwrap_or(false),
        })
    }

    fn aws(&mut self, map: &mut Map<'_>) -> Result<Method> {
        for key in ["access_key", "secret_key", "session_token"] {
            if let Some(node) = given(map, key) {
                return Err(Fault::new(
                    node.line,
                    format!("`{key}` is a secret, and does not belong in a configuration"),
                )
                .hint("use the identity of the pod or the instance, or variables such as AWS_ACCESS_KEY_ID"));
            }
        }
        self.lost(map, "credential_poll_interval", "the identity is looked up at each login");
        let kind = map.need("type")?;
        let proof = match text(kind, "type")? {
            "iam" => {
                self.lost(map, "nonce", "it is for the type `ec2`");
                AwsProof::Iam {
                    region: optional(map, "region", string)?,
                    header_value: optional(map, "header_value", header)?,
                }
            }
            "ec2" => {
                self.lost(map, "region", "it is for the type `iam`");
                self.lost(map, "header_value", "it is for the type `iam`");
                AwsProof::Ec2 { nonce: optional(map, "nonce", string)? }
            }
            other => {
                let what = format!("`type`: `{}` is neither iam nor ec2", shorten(other));
                return Err(Fault::new(kind.line, what));
            }
        };
        Ok(Method::Aws { role: required(map, "role", string)?, proof })
    }

    fn sink(&mut self, label: Option<&Key>, node: &Node) -> Result<Sink> {
        let mut map = Map::open(node, "`sink`")?;
        let (kind, line) = block_type(&mut map, label, "sink")?;
        if kind != "file" {
            return Err(Fault::new(line, format!("there is no sink of the type `{}`", shorten(&kind)))
                .hint("the one type is `file`"));
        }
        for key in ["dh_type", "dh_path", "derive_key", "aad", "aad_env_var"] {
            // Going on would leave the token in the clear where it was to be encrypted.
            let off = |node: &&Node| matches!(&node.kind, Kind::Scalar { text, .. } if text == "false");
            if let Some(node) = given(&mut map, key).filter(|node| !off(node)) {
                return Err(Fault::new(node.line, format!("`{key}` has no counterpart: the token is never encrypted"))
                    .hint(
                        "use `wrap_ttl`, or take the key out if the file is in memory and only its reader can open it",
                    ));
            }
        }
        let wrap_ttl = optional(&mut map, "wrap_ttl", duration)?;
        let config = one(map.need("config")?, "config")?;
        map.finish()?;
        let mut map = Map::open(config, "`config` of the sink")?;
        let sink = Sink {
            path: required(&mut map, "path", path)?,
            mode: self.mode(&mut map, "mode")?.unwrap_or(sink_mode()),
            uid: optional(&mut map, "uid", number)?,
            gid: optional(&mut map, "gid", number)?,
            wrap_ttl,
        };
        map.finish()?;
        Ok(sink)
    }
}

fn sink_mode() -> Mode {
    Mode::parse("0640").expect("it is a mode")
}

/// Reads the type of a block, which stands in it or is its label; gives the line too.
fn block_type(map: &mut Map<'_>, label: Option<&Key>, what: &str) -> Result<(String, usize)> {
    let inner = given(map, "type").map(|node| Ok((text(node, "type")?.to_ascii_lowercase(), node.line))).transpose()?;
    let label = label.map(|key| (key.text.to_ascii_lowercase(), key.line));
    match (label, inner) {
        (Some(label), Some(inner)) if label.0 != inner.0 => {
            Err(Fault::new(inner.1, format!("`{what}` has the label `{}` and another `type`", shorten(&label.0))))
        }
        (Some(found), _) | (None, Some(found)) => Ok(found),
        (None, None) => Err(Fault::new(map.line(), format!("`{what}` lacks `type`"))
            .hint(format!("write `{what} \"TYPE\" {{ … }}`, or `type = \"TYPE\"` in it"))),
    }
}

fn unknown_method(kind: &str, line: usize) -> Fault {
    let kind = shorten(kind);
    let fault = Fault::new(line, format!("the method `{kind}` cannot be used"));
    match closest(&kind, METHODS) {
        Some(near) if !OTHER_METHODS.contains(&&*kind) => fault.hint(format!("did you mean `{near}`?")),
        _ => fault
            .hint(format!("the methods are {}; `token_file` works with anything that writes a token", list(METHODS))),
    }
}

/// Reads where a method is mounted: `auth/NAME` without its first element.
fn mount(text: &str, kind: &str) -> std::result::Result<String, String> {
    let text = text.trim_matches('/');
    let Some(mount) = text.strip_prefix("auth/") else {
        return Err(format!("`{}` does not begin with `auth/`, such as `auth/{kind}`", shorten(text)));
    };
    let fine = mount.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if fine && mount.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%')) {
        Ok(mount.to_owned())
    } else {
        Err(format!("`{}` is no path of a mount", shorten(text)))
    }
}

fn cert(map: &mut Map<'_>) -> Result<Method> {
    let line = map.line();
    let (client_cert, client_key) = (optional(map, "client_cert", path)?, optional(map, "client_key", path)?);
    if client_cert.is_some() != client_key.is_some() {
        return Err(Fault::new(line, "`client_cert` and `client_key` go together, and only one is there"));
    }
    Ok(Method::Cert {
        name: optional(map, "name", string)?,
        ca_cert: optional(map, "ca_cert", path)?,
        client_cert,
        client_key,
        reload: optional(map, "reload", boolean)?.unwrap_or(false),
    })
}
