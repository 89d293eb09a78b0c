//! Certificates, for whoever speaks TLS.

use ureq::tls::{Certificate, PemItem};

/// Those of the authorities that the system trusts.
pub(super) fn system() -> Vec<Certificate<'static>> {
    let all = rustls_native_certs::load_native_certs().certs;
    all.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
}

/// Those of a text in PEM; what else is in it is passed over.
pub(super) fn in_pem(text: &[u8]) -> Vec<Certificate<'static>> {
    let items = ureq::tls::parse_pem(text).filter_map(Result::ok);
    items.filter_map(|item| if let PemItem::Certificate(one) = item { Some(one) } else { None }).collect()
}
