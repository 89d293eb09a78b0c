//! Kubernetes objects, as manifests, lists or the output of Helm: Secrets, kubeconfigs, and the environments of containers.

use oakum_patterns::Confidence;

use super::reading::{Reading, is_somebodys};
use super::value::{Kind, Path, Scalar, Step, Value};

/// Whether a value is an object of the API, a list of them, or a kubeconfig.
pub(crate) fn is_object(value: &Value<'_>) -> bool {
    value.text("kind").is_some() && value.text("apiVersion").is_some()
}

/// Reads an object.
pub(crate) fn object<'v, 't>(value: &'v Value<'t>, path: &mut Path<'v>, reading: &mut Reading<'t, '_>) {
    match value.text("kind") {
        Some(b"Secret") => secret(value, path, reading),
        Some(b"Config") if value.get("users").is_some() => kubeconfig(value, path, reading),
        Some(kind) if kind.ends_with(b"List") => {
            path.push(Step::Key(b"items"));
            for (at, item) in value.get("items").map_or(&[][..], Value::items).iter().enumerate() {
                path.push(Step::Item(at));
                // A list of lists is nobody's: what is in it is read as settings.
                if item.text("kind").is_some_and(|kind| kind.ends_with(b"List")) {
                    reading.named(item, path);
                } else {
                    object(item, path, reading);
                }
                path.pop();
            }
            path.pop();
        }
        // Their values are encrypted, or kept elsewhere.
        Some(b"SealedSecret" | b"ExternalSecret" | b"SecretStore" | b"SecretProviderClass") => {}
        _ => {
            reading.named(value, path);
            environments(value, path, reading);
        }
    }
}

/// A Secret: every value of it that looks like a credential, in base64 under `data`, plain under `stringData`.
fn secret<'v, 't>(value: &'v Value<'t>, path: &Path<'v>, reading: &mut Reading<'t, '_>) {
    let kind = value.text("type").unwrap_or(b"Opaque");
    // A release of Helm, packed: decoding is the matter of others.
    if kind == b"helm.sh/release.v1" {
        return;
    }
    for field in ["data", "stringData"] {
        for (key, inner) in value.get(field).map_or(&[][..], Value::entries) {
            let path = path.then(field).join(Step::Key(&key.text));
            let Some(written) = inner.scalar().filter(|scalar| scalar.kind != Kind::Tagged) else { continue };
            reading.names(&path, written);
            let says = if field == "data" { written.unbase64() } else { Some(written.clone()) };
            let Some(says) = says.filter(|says| !says.text.is_empty()) else { continue };
            one(&key.text, kind, &path, &says, reading);
        }
    }
}

/// One value of a Secret.
fn one<'t>(key: &[u8], kind: &[u8], path: &Path<'_>, says: &Scalar<'t>, reading: &mut Reading<'t, '_>) {
    if key.ends_with(b"dockerconfigjson") || key.ends_with(b"dockercfg") || says.text.contains(&b'\n') {
        // A file in a Secret: what is in it is looked at, and it is no password itself.
        reading.draw(path, says);
        if key.ends_with(b"dockerconfigjson") {
            docker(path, says, reading);
        }
        return;
    }
    let plain = says.trimmed();
    let telling = !is_public(key) && is_somebodys(&plain) && is_credential(key, &plain.text);
    let known = kind == b"kubernetes.io/basic-auth" && key == b"password"
        || kind == b"kubernetes.io/service-account-token" && key == b"token"
        || kind == b"bootstrap.kubernetes.io/token" && key == b"token-secret";
    if telling || (known && is_somebodys(&plain)) {
        let confidence = if known { Confidence::Certain } else { Confidence::Likely };
        reading.credential("kubernetes.secret-value", confidence, path, &plain);
    } else {
        reading.leaf(path, &plain, None);
    }
}

/// The configuration of docker within a Secret: its logins are those of the file that it is.
fn docker<'t>(path: &Path<'_>, says: &Scalar<'t>, reading: &mut Reading<'t, '_>) {
    let values = super::syntax::json(&says.text);
    for (registry, login) in values.first().and_then(|v| v.get("auths")).map_or(&[][..], Value::entries) {
        for field in ["auth", "password"] {
            let Some(scalar) = login.get(field).and_then(Value::scalar).filter(|s| !s.is_decoded()) else { continue };
            let path = path.then("auths").join(Step::Key(&registry.text)).then(field).to_string();
            let stands = says.part(scalar.range.clone());
            reading.credential("dockerhub.registry-auth", Confidence::Certain, &Path::key(path.as_bytes()), &stands);
        }
    }
}

/// Keys of Secrets whose values are no credentials.
pub(super) fn is_public(key: &[u8]) -> bool {
    let key = key.to_ascii_lowercase();
    let ends = [
        b"user".as_slice(),
        b"username",
        b"login",
        b"host",
        b"hostname",
        b"port",
        b"url",
        b"uri",
        b"endpoint",
        b"region",
        b"database",
        b"dbname",
        b"db",
        b"name",
        b"namespace",
        b"email",
        b".crt",
        b".pub",
        b"ca",
        b"cert",
        b"certificate",
        b"enabled",
        b"mode",
        b"path",
        b"bucket",
        b"id",
        b"type",
        b"version",
        b"schema",
        b"driver",
        b"issuer",
        b"domain",
        b"address",
        b"known_hosts",
        b"tenant",
        b"env",
        b"environment",
        b"timeout",
        b"size",
        b"level",
        b"file",
        b"public",
        b"subject",
        b"audience",
        b"expiration",
        b"description",
        b"date",
    ];
    // `access-key-id` and the user of a record are halves that alone open nothing.
    ends.iter().any(|end| key.ends_with(end)) && !key.ends_with(b"secret_id") && !key.ends_with(b"secret-id")
}

/// Whether a value of a Secret looks like a credential: no truth value, number, address or path.
fn is_credential(key: &[u8], value: &[u8]) -> bool {
    let has = |piece: &[u8]| key.windows(piece.len()).any(|w| w.eq_ignore_ascii_case(piece));
    let telling =
        [b"pass".as_slice(), b"pwd", b"secret", b"token", b"key", b"cred", b"auth", b"pin"].into_iter().any(has);
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let signs =
        value.iter().filter(|b| b.is_ascii_punctuation() && !matches!(b, b'.' | b'-' | b'_' | b'/' | b':')).count();
    let address = value.starts_with(b"/") && !telling
        || memchr::memmem::find(value, b"://").is_some()
        || value.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b':'));
    let spaced = value.iter().filter(|b| **b == b' ').count();
    if address && !(telling && digits >= 6 && digits == value.len()) || spaced > 3 || value.len() > 512 {
        return false;
    }
    // A plain word counts beside a telling key only.
    telling && value.len() >= 5
        || (value.len() >= 8
            && digits + signs >= 2
            && letters >= 2
            && signs + digits >= 3
            && spaced == 0
            && !is_host(value))
}

/// `smtp.example.com`, `values.yaml`, `release-1.26`: a host, a file or a version; `garden.26` is none.
fn is_host(value: &[u8]) -> bool {
    let dots = value.iter().filter(|b| **b == b'.').count();
    let word = value.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let number = value.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    dots > 1 || (dots == 1 && (word < 4 || number == 0 || word + 1 + number != value.len()))
}

/// A kubeconfig: what its users sign in with.
fn kubeconfig<'v, 't>(value: &'v Value<'t>, path: &Path<'v>, reading: &mut Reading<'t, '_>) {
    reading.named(value, &mut path.clone());
    let users = path.then("users");
    for (at, entry) in value.get("users").map_or(&[][..], Value::items).iter().enumerate() {
        let Some(user) = entry.get("user") else { continue };
        let path = users.join(Step::Item(at)).then("user");
        for (field, rule) in
            [("token", "generic.token"), ("password", "generic.password"), ("client-key-data", "kubernetes.client-key")]
        {
            if let Some(scalar) = user.get(field).and_then(Value::scalar) {
                reading.credential(rule, Confidence::Certain, &path.then(field), scalar);
            }
        }
        let provider = user.get("auth-provider").and_then(|provider| provider.get("config"));
        for field in ["access-token", "refresh-token", "id-token", "client-secret"] {
            if let Some(scalar) = provider.and_then(|config| config.get(field)).and_then(Value::scalar) {
                let path = path.then("auth-provider").then("config").then(field);
                reading.credential("generic.token", Confidence::Likely, &path, scalar);
            }
        }
    }
    environments(value, &mut path.clone(), reading);
}

/// Environments anywhere in a value: lists of `{name: NAME, value: …}` (`key` for `name` too), and of `NAME=value`.
pub(crate) fn environments<'v, 't>(value: &'v Value<'t>, path: &mut Path<'v>, reading: &mut Reading<'t, '_>) {
    match value {
        Value::Map(entries) => {
            let name = ["name", "key", "Name", "Key", "variable", "env"].iter().find_map(|key| value.text(key));
            if let Some(scalar) = ["value", "Value"].iter().find_map(|key| value.get(key)).and_then(Value::scalar)
                && let Some(name) = name
            {
                reading.leaf(&path.join(Step::Key(name)), scalar, None);
            }
            for (key, inner) in entries {
                path.push(Step::Key(&key.text));
                environments(inner, path, reading);
                path.pop();
            }
        }
        Value::List(items) => {
            for (at, inner) in items.iter().enumerate() {
                path.push(Step::Item(at));
                match inner {
                    Value::Scalar(scalar) => variable(scalar, path, reading),
                    other => environments(other, path, reading),
                }
                path.pop();
            }
        }
        Value::Scalar(_) => {}
    }
}

/// `NAME=value`.
pub(crate) fn variable<'t>(scalar: &Scalar<'t>, path: &Path<'_>, reading: &mut Reading<'t, '_>) {
    let Some(equals) = memchr::memchr(b'=', &scalar.text) else { return };
    let name = scalar.text[..equals].to_vec();
    if equals > 0 && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
        let path = path.to_string();
        let path = Path::key(path.as_bytes());
        reading.leaf(&path.join(Step::Key(&name)), &scalar.part(equals + 1..scalar.text.len()), None);
    }
}
