//! Signature Version 4 over a request to the path `/` without a query, which is every request that we make.
//! [The specification](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Pure.

use std::fmt::Write as _;

use oakum_inject::Secret;
use ring::{digest, hmac};

use super::time::Moment;

/// What is signed.
pub struct Unsigned<'a> {
    /// The method.
    pub method: &'a str,
    /// The headers that the signature covers: lower-case names in their order, values without space at either end.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: &'a [u8],
}

/// What a signature is good for.
pub struct Scope<'a> {
    /// The region.
    pub region: &'a str,
    /// The service's name in signatures.
    pub service: &'a str,
    /// When; AWS refuses what is more than five minutes old.
    pub at: Moment,
}

/// Gives the value of the header `Authorization`.
#[must_use]
pub fn authorization(unsigned: &Unsigned<'_>, id: &str, secret: &Secret, scope: &Scope<'_>) -> String {
    let Scope { region, service, at } = scope;
    let names = unsigned.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let stamp = at.stamp();
    let day = &stamp[..8];
    let credential = format!("{day}/{region}/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{credential}\n{}", canonical(unsigned, &names));

    let mut key = Secret::from([b"AWS4", secret.expose()].concat());
    for part in [day, region, service, "aws4_request"] {
        key = Secret::from(keyed(&key, part).as_ref().to_vec());
    }
    let signature = hex(keyed(&key, &to_sign).as_ref());
    format!("AWS4-HMAC-SHA256 Credential={id}/{credential}, SignedHeaders={names}, Signature={signature}")
}

/// Hashes the request in its canonical form, piece by piece: a session token is among the headers.
fn canonical(unsigned: &Unsigned<'_>, names: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut update = |parts: &[&[u8]]| parts.iter().for_each(|part| hash.update(part));
    update(&[unsigned.method.as_bytes(), b"\n/\n\n"]);
    for (name, value) in unsigned.headers {
        update(&[name.as_bytes(), b":", value, b"\n"]);
    }
    let body = hex(digest::digest(&digest::SHA256, unsigned.body).as_ref());
    update(&[b"\n", names.as_bytes(), b"\n", body.as_bytes()]);
    hex(hash.finish().as_ref())
}

fn keyed(key: &Secret, text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signs as AWS's own test vectors do (`aws-sig-v4-test-suite`); the key is the one of its documentation.
    fn signature(method: &str, headers: &[(&str, &[u8])], body: &[u8]) -> String {
        let secret = Secret::from(["wJalrXUtnFEMI", "/K7MDENG+", "bPxRfiCY", "EXAMPLEKEY"].concat());
        let scope = Scope { region: "us-east-1", service: "service", at: Moment(1_440_938_160) };
        let header = authorization(&Unsigned { method, headers, body }, "AKIDEXAMPLE", &secret, &scope);
        let (head, signature) = header.split_once(", Signature=").unwrap();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        assert_eq!(head, format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}"));
        signature.to_owned()
    }

    const HOST: (&str, &[u8]) = ("host", b"example.amazonaws.com");
    const DATE: (&str, &[u8]) = ("x-amz-date", b"20150830T123600Z");

    #[test]
    fn signs_as_the_vectors_of_aws_say() {
        for (method, headers, body, expected) in [
            (
                "GET",
                vec![HOST, DATE],
                b"".as_slice(),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            ("POST", vec![HOST, DATE], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "POST",
                vec![("content-type", b"application/x-www-form-urlencoded".as_slice()), HOST, DATE],
                b"Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            assert_eq!(signature(method, &headers, body), expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn every_part_counts() {
        let plain = signature("POST", &[HOST, DATE], b"a");
        for other in [
            signature("GET", &[HOST, DATE], b"a"),
            signature("POST", &[HOST, DATE], b"b"),
            signature("POST", &[HOST, DATE, ("x-amz-security-token", b"t")], b"a"),
            signature("POST", &[("host", b"example.amazonaws.com.cn"), DATE], b"a"),
        ] {
            assert_ne!(other, plain);
        }
    }
}
