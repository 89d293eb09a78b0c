//! Whose credentials we use. They come from the environment, a file, a token that a role trusts, the container or the
//! instance, and are obtained anew at every login. None is ever part of an error.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Request, header};
use oakum_inject::config::{Address, AwsCredentials, PlainHttp, Scheme};
use oakum_inject::{Class, ProviderError, Secret};

use super::operation::{Operation, host};
use super::reply::{self, Nonsense, SERVER};
use super::time::Moment;
use crate::credential::{credential, text};
use crate::http::{Reply, Transport};

/// How long a machine's own services may take. What answers at all answers at once.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(2);
/// The instance's metadata.
const INSTANCE: &str = "http://169.254.169.254";
/// What a relative address of a container's credentials belongs to.
const CONTAINER: &str = "http://169.254.170.2";
/// Hosts that are reached in the clear besides loopback: ECS, and pod identities of EKS. They never leave the machine.
const LINK_LOCAL: &[&str] = &["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"];

/// A key with which requests are signed.
pub struct Credentials {
    /// The access key's id, which is no secret.
    pub id: String,
    /// The secret access key.
    pub secret: Secret,
    /// The session token of temporary credentials.
    pub token: Option<Secret>,
    /// When they end, if they do.
    pub expires: Option<Moment>,
}

impl Credentials {
    /// Lists what must not be quoted back.
    pub(crate) fn secrets(&self) -> Vec<&Secret> {
        [&self.secret].into_iter().chain(&self.token).collect()
    }
}

/// Gives a variable of the environment, as the secret that it may be.
pub(crate) type Variables = Box<dyn Fn(&str) -> Option<Secret> + Send + Sync>;

/// Reads the environment of this process. What is empty counts as not set.
pub(crate) fn environment() -> Variables {
    use std::os::unix::ffi::OsStringExt as _;
    Box::new(|name| {
        std::env::var_os(name).map(|value| Secret::from(value.into_vec())).filter(|value| !value.is_empty())
    })
}

/// Where credentials come from.
pub(crate) struct Source {
    pub(crate) spec: AwsCredentials,
    pub(crate) variables: Variables,
    /// Where roles are assumed, or why they cannot be: most sources never ask.
    pub(crate) sts: Result<Transport, ProviderError>,
}

impl Source {
    /// Tells whether another look can find other credentials than the last one did.
    pub(super) fn may_change(&self) -> bool {
        self.spec != AwsCredentials::Environment
    }

    /// Obtains credentials.
    pub(crate) async fn obtain(&self) -> Result<Credentials, ProviderError> {
        match &self.spec {
            AwsCredentials::Environment => self.environment()?.ok_or_else(|| {
                misconfigured("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set")
                    .hint("set both, or name another source in `credentials`")
            }),
            AwsCredentials::File { path, profile } => of_profile(path, profile),
            AwsCredentials::WebIdentity { role, token } => self.web_identity(role, token).await,
            AwsCredentials::Container => match self.container()? {
                Some(uri) => self.of_container(&uri).await,
                None => Err(misconfigured("no AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI is set")
                    .hint("ECS and the pod identity of EKS set it; name another source in `credentials`")),
            },
            AwsCredentials::Instance => self.of_instance().await,
            AwsCredentials::Chain => self.first().await,
            _ => Err(misconfigured("this program was built without that source of credentials")),
        }
    }

    /// Takes the first source that there is. One that is there and fails is not passed over: the next would be
    /// somebody else.
    async fn first(&self) -> Result<Credentials, ProviderError> {
        if let Some(found) = self.environment()? {
            return Ok(found);
        }
        if let (Some(role), Some(token)) = (self.word("AWS_ROLE_ARN")?, self.word("AWS_WEB_IDENTITY_TOKEN_FILE")?) {
            return self.web_identity(&role, &PathBuf::from(token)).await;
        }
        if let Some(uri) = self.container()? {
            return self.of_container(&uri).await;
        }
        self.of_instance().await.map_err(|error| {
            error.while_doing("no credentials in the environment, no web identity, no container's, and of the instance")
        })
    }

    fn environment(&self) -> Result<Option<Credentials>, ProviderError> {
        let (Some(id), Some(secret)) = (self.word("AWS_ACCESS_KEY_ID")?, (self.variables)("AWS_SECRET_ACCESS_KEY"))
        else {
            return Ok(None);
        };
        Ok(Some(Credentials { id, secret, token: (self.variables)("AWS_SESSION_TOKEN"), expires: None }))
    }

    /// Gives a variable that is no secret.
    fn word(&self, name: &str) -> Result<Option<String>, ProviderError> {
        let Some(value) = (self.variables)(name) else { return Ok(None) };
        match value.expose_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')) {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(misconfigured(format!("{name} holds characters that it cannot have"))),
        }
    }

    /// Assumes a role by a token: `sts:AssumeRoleWithWebIdentity`, which takes no signature.
    async fn web_identity(&self, role: &str, path: &Path) -> Result<Credentials, ProviderError> {
        let sts = self.sts.as_ref().map_err(Clone::clone)?;
        let token = credential(path)?;
        let session = self.word("AWS_ROLE_SESSION_NAME")?.unwrap_or_else(|| "oakum-agent".to_owned());
        let operation = Operation::AssumeRoleWithWebIdentity;
        let form = format!(
            "Action={}&Version=2011-06-15&RoleArn={}&RoleSessionName={}&WebIdentityToken={}",
            operation.name(),
            encoded(role),
            encoded(&session),
            encoded(text(&token, path)?)
        );
        let request = Request::post("/")
            .header(header::HOST, host(sts.address()))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.into_bytes())
            .map_err(|_| misconfigured("no request can be made for the role"))?;
        let reply = sts.send(request).await?;
        if reply.status != 200 {
            let address = sts.address();
            let mut error =
                reply::classify(address, operation, reply.status, reply.retry_after, reply.body.expose(), &[&token]);
            if matches!(error.class, Class::SessionLost | Class::Refused) {
                error.class = Class::Refused;
                error = error.hint(format!(
                    "let the trust policy of the role allow {}, and check the token in {}",
                    operation.action(),
                    path.display()
                ));
            }
            return Err(error.while_doing(&format!("cannot assume {role}")));
        }
        understood(sts, reply::assumed(reply.body.expose()))
    }

    /// Finds where a container's credentials are.
    fn container(&self) -> Result<Option<String>, ProviderError> {
        if let Some(path) = self.word("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")? {
            return Ok(Some(format!("{CONTAINER}{path}")));
        }
        self.word("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    }

    async fn of_container(&self, uri: &str) -> Result<Credentials, ProviderError> {
        let (transport, path) = local(uri, "the address of the container's credentials")?;
        let token = match self.word("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")? {
            Some(path) => Some(credential(Path::new(&path))?),
            None => (self.variables)("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        let mut request = get(&path)?;
        if let Some(token) = &token {
            request.headers_mut().insert(header::AUTHORIZATION, sensitive(token)?);
        }
        let reply = said(&transport, request).await?;
        understood(&transport, reply::granted(reply.body.expose()))
    }

    /// Asks the instance's metadata, version 2: a token first, then the role's name, then its credentials.
    async fn of_instance(&self) -> Result<Credentials, ProviderError> {
        const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
        if self.word("AWS_EC2_METADATA_DISABLED")?.is_some_and(|word| word.eq_ignore_ascii_case("true")) {
            return Err(misconfigured("AWS_EC2_METADATA_DISABLED says not to ask the instance")
                .hint("name another source in `credentials`"));
        }
        let base = self.word("AWS_EC2_METADATA_SERVICE_ENDPOINT")?.unwrap_or_else(|| INSTANCE.to_owned());
        let (transport, _) = local(&base, "AWS_EC2_METADATA_SERVICE_ENDPOINT")?;
        let request = Request::put("/latest/api/token")
            .header("x-aws-ec2-metadata-token-ttl-seconds", "300")
            .body(Vec::new())
            .map_err(|_| misconfigured("no request can be made for the instance"))?;
        let token = said(&transport, request).await?.body.trimmed_end();
        let ask = async |path: &str| {
            let mut request = get(path)?;
            request.headers_mut().insert(HeaderName::from_static("x-aws-ec2-metadata-token"), sensitive(&token)?);
            said(&transport, request).await
        };
        let roles = ask(ROLES).await.map_err(|error| match error.class {
            Class::Missing => error.hint("give the instance a role, or name another source in `credentials`"),
            _ => error,
        })?;
        let role = roles.body.expose_str().and_then(|text| text.lines().next()).map(str::trim);
        let role = role.filter(|role| !role.is_empty() && role.bytes().all(|byte| byte.is_ascii_graphic()));
        let role = understood(&transport, role.ok_or(Nonsense("it names no role")))?;
        let reply = ask(&format!("{ROLES}{}", encoded(role))).await?;
        understood(&transport, reply::granted(reply.body.expose()))
    }
}

fn misconfigured(what: impl Into<String>) -> ProviderError {
    ProviderError::new(Class::Misconfigured, what)
}

fn understood<T>(transport: &Transport, parsed: Result<T, Nonsense>) -> Result<T, ProviderError> {
    parsed.map_err(|nonsense| nonsense.at(transport.address(), SERVER))
}

fn get(path: &str) -> Result<Request<Vec<u8>>, ProviderError> {
    Request::get(path)
        .body(Vec::new())
        .map_err(|_| misconfigured("the path of the credentials cannot be part of a URL"))
}

pub(super) fn sensitive(secret: &Secret) -> Result<HeaderValue, ProviderError> {
    let mut value = HeaderValue::from_bytes(secret.expose())
        .map_err(|_| misconfigured("a token holds characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Opens a service of this machine: in the clear only where that cannot leave it.
fn local(uri: &str, what: &str) -> Result<(Transport, String), ProviderError> {
    let behind = uri.find("://").map_or(0, |at| at + 3);
    let at = uri[behind..].find(['/', '?']).map_or(uri.len(), |at| behind + at);
    let (base, path) = uri.split_at(at);
    let address = Address::parse(base, PlainHttp::Anywhere)
        .map_err(|(why, _)| misconfigured(format!("{what} is wrong: {why}")))?;
    if address.scheme == Scheme::Http && !address.is_loopback() && !LINK_LOCAL.contains(&address.host.as_str()) {
        return Err(misconfigured(format!("{what} would send credentials in the clear to {}", address.host)));
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok((Transport::open(&address, None, None)?, path))
}

/// Asks a service of this machine, and gives its answer if that is a success.
async fn said(transport: &Transport, request: Request<Vec<u8>>) -> Result<Reply, ProviderError> {
    let address = transport.address();
    let reply = tokio::time::timeout(LOCAL_TIMEOUT, transport.send(request)).await.map_err(|_| {
        let what = format!("cannot reach {address}: no answer within {} s", LOCAL_TIMEOUT.as_secs());
        ProviderError::new(Class::Unreachable, what)
            .hint("is this AWS? in a container of an instance, its metadata needs a hop limit of 2")
    })??;
    let class = match reply.status {
        200 => return Ok(reply),
        404 => Class::Missing,
        400..500 if reply.status != 429 => Class::Refused,
        _ => Class::Unreachable,
    };
    Err(ProviderError::new(class, format!("{address} gives no credentials (status {})", reply.status))
        .status(reply.status))
}

/// Reads a profile of a file as `aws configure` writes it.
fn of_profile(path: &Path, profile: &str) -> Result<Credentials, ProviderError> {
    let file = credential(path)?;
    match parse_profile(text(&file, path)?, profile) {
        Ok(credentials) => Ok(credentials),
        Err(what) => Err(misconfigured(format!("{} {what}", path.display()))),
    }
}

fn parse_profile(text: &str, profile: &str) -> Result<Credentials, String> {
    let mut inside = false;
    let mut found = false;
    let [mut id, mut secret, mut token] = [None, None, None];
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let name = name.trim();
            inside = name == profile || name.strip_prefix("profile ").is_some_and(|name| name.trim() == profile);
            found |= inside;
        } else if let (true, Some((key, value))) = (inside, line.split_once('=')) {
            let place = match key.trim() {
                "aws_access_key_id" => &mut id,
                "aws_secret_access_key" => &mut secret,
                "aws_session_token" => &mut token,
                _ => continue,
            };
            *place = Some(value.trim()).filter(|value| !value.is_empty());
        }
    }
    let lacks = |key: &str| format!("lacks `{key}` in its profile `{profile}`");
    if !found {
        return Err(format!("has no profile `{profile}`"));
    }
    Ok(Credentials {
        id: id.ok_or_else(|| lacks("aws_access_key_id"))?.to_owned(),
        secret: Secret::from(secret.ok_or_else(|| lacks("aws_secret_access_key"))?.to_owned()),
        token: token.map(|token| Secret::from(token.to_owned())),
        expires: None,
    })
}

/// Encodes what stands in a form or a path (RFC 3986, 2.3).
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
