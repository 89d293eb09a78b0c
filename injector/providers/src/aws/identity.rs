//! Proof of who we are in AWS for somebody else: a request of `sts:GetCallerIdentity` that we sign and they send. What it
//! says cannot be changed, and it is good for some minutes. What they get to know is a name, not a credential.
//!
//! Vault takes it as a login (<https://developer.hashicorp.com/vault/docs/auth/aws#iam-auth-method>).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use oakum_inject::config::{Address, AwsCredentials, Scheme};
use oakum_inject::{Class, ProviderError, Secret};

use super::credentials::{Credentials, Source, environment};
use super::operation::Service;
use super::sign::{Scope, Unsigned, authorization};
use super::time::Moment;
use crate::http::Transport;

/// The request's body, which is always the same.
const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
/// The region that signatures for the global endpoint name.
const GLOBAL: &str = "us-east-1";

/// An identity, and what it is proved for.
pub(crate) struct Identity {
    source: Source,
    region: Option<String>,
    header: Option<String>,
}

/// A signed request, each part in base64 as Vault wants it. It is always a POST.
pub(crate) struct Proof {
    pub(crate) url: String,
    pub(crate) body: String,
    /// The headers hold the signature, and the token of temporary credentials.
    pub(crate) headers: Secret,
    /// What must not be quoted back.
    pub(crate) credentials: Credentials,
}

impl Identity {
    /// Prepares to prove who we are. Nothing is sent, and no credential is read yet.
    pub(crate) fn new(credentials: &AwsCredentials, region: Option<&str>, header: Option<&str>) -> Self {
        let sts = Address { scheme: Scheme::Https, host: host(region), port: 443 };
        let sts = Transport::open(&sts, None, None);
        let source = Source { spec: credentials.clone(), variables: environment(), sts };
        Self { source, region: region.map(str::to_owned), header: header.map(str::to_owned) }
    }

    /// Signs a request with the credentials that there are now.
    pub(crate) async fn proof(&self) -> Result<Proof, ProviderError> {
        let credentials = self.source.obtain().await;
        let credentials = credentials.map_err(|error| error.while_doing("cannot get credentials for AWS"))?;
        signed(credentials, self.region.as_deref(), self.header.as_deref(), Moment::now())
    }
}

fn host(region: Option<&str>) -> String {
    region.map_or_else(|| "sts.amazonaws.com".to_owned(), |region| Service::Sts.host(region))
}

fn signed(
    credentials: Credentials,
    region: Option<&str>,
    header: Option<&str>,
    at: Moment,
) -> Result<Proof, ProviderError> {
    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
    let (host, stamp) = (host(region), at.stamp());
    let mut headers: Vec<(&str, &[u8])> =
        vec![("content-type", FORM.as_bytes()), ("host", host.as_bytes()), ("x-amz-date", stamp.as_bytes())];
    if let Some(token) = &credentials.token {
        headers.push(("x-amz-security-token", token.expose()));
    }
    if let Some(value) = header {
        headers.push(("x-vault-aws-iam-server-id", value.as_bytes()));
    }
    let unsigned = Unsigned { method: "POST", headers: &headers, body: BODY.as_bytes() };
    let scope = Scope { region: region.unwrap_or(GLOBAL), service: Service::Sts.name(), at };
    let authorization = authorization(&unsigned, &credentials.id, &credentials.secret, &scope);
    headers.push(("authorization", authorization.as_bytes()));
    let map = headers
        .iter()
        .map(|(name, value)| Some(((*name).to_owned(), std::str::from_utf8(value).ok()?.into())))
        .collect::<Option<serde_json::Map<_, _>>>();
    let map =
        map.ok_or_else(|| ProviderError::new(Class::Misconfigured, "the credentials hold characters that none have"))?;
    let json = Secret::from(serde_json::Value::from(map).to_string());
    Ok(Proof {
        url: BASE64_STANDARD.encode(format!("https://{host}/")),
        body: BASE64_STANDARD.encode(BODY),
        headers: Secret::from(BASE64_STANDARD.encode(json.expose())),
        credentials,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(region: Option<&str>, header: Option<&str>, token: Option<&str>) -> (String, serde_json::Value) {
        let secret = |text: &str| Secret::from(text.to_owned());
        let credentials =
            Credentials { id: "id".to_owned(), secret: secret("s"), token: token.map(secret), expires: None };
        let proof = signed(credentials, region, header, Moment(1_440_938_160)).unwrap();
        let decoded = |text: &[u8]| String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap();
        assert_eq!(decoded(proof.body.as_bytes()), BODY);
        (decoded(proof.url.as_bytes()), serde_json::from_str(&decoded(proof.headers.expose())).unwrap())
    }

    #[test]
    fn the_signature_covers_every_header_that_is_sent() {
        let (url, headers) = proof(Some("eu-west-1"), Some("vault.example.com"), Some("t"));
        assert_eq!(url, "https://sts.eu-west-1.amazonaws.com/");
        assert_eq!(headers["host"], "sts.eu-west-1.amazonaws.com");
        assert_eq!(headers["x-vault-aws-iam-server-id"], "vault.example.com");
        let authorization = headers["authorization"].as_str().unwrap();
        let names = "content-type;host;x-amz-date;x-amz-security-token;x-vault-aws-iam-server-id";
        let begin = format!(
            "AWS4-HMAC-SHA256 Credential=id/20150830/eu-west-1/sts/aws4_request, SignedHeaders={names}, Signature="
        );
        assert!(authorization.starts_with(&begin), "{authorization}");
    }

    #[test]
    fn without_a_region_it_is_for_the_global_endpoint() {
        let (url, headers) = proof(None, None, None);
        assert_eq!(url, "https://sts.amazonaws.com/");
        assert!(headers["authorization"].as_str().unwrap().contains("/us-east-1/sts/"), "{headers}");
        assert_eq!(headers.as_object().unwrap().len(), 4);
    }
}
