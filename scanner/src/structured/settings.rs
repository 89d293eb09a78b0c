//! Files of sections and settings: what is named in them, and what stands in the value of a setting.

use oakum_patterns::Confidence;

use super::kubernetes::variable;
use super::reading::Reading;
use super::value::{Path, Scalar, Value, walk};

/// INI: settings by name, and the environments of units, `Environment="A=b" "C=d"`.
pub(crate) fn ini<'t>(value: &Value<'t>, reading: &mut Reading<'t, '_>) {
    reading.named(value, &mut Path::default());
    walk(value, &mut Path::default(), &mut |path, scalar, _| {
        if path.last_keys().0 == b"Environment" {
            variable(&unquoted(scalar), path, reading);
        }
    });
}

fn unquoted<'t>(scalar: &Scalar<'t>) -> Scalar<'t> {
    let quoted = scalar.text.len() >= 2 && scalar.text.starts_with(b"\"") && scalar.text.ends_with(b"\"");
    if quoted { scalar.part(1..scalar.text.len() - 1) } else { scalar.clone() }
}

/// `.npmrc`: `//registry/:_authToken`, and what signs in to all registries.
pub(crate) fn npmrc<'t>(value: &Value<'t>, reading: &mut Reading<'t, '_>) {
    walk(value, &mut Path::default(), &mut |path, scalar, _| {
        let (name, _) = path.last_keys();
        let ends = |end: &[u8]| name == end || name.ends_with(&[b":", end].concat());
        if ends(b"_authToken") || ends(b"_password") {
            reading.credential("npm.auth-token", Confidence::Certain, path, scalar);
        } else if ends(b"_auth") {
            reading.credential("npm.legacy-auth", Confidence::Certain, path, scalar);
        } else {
            reading.leaf(path, scalar, None);
        }
    });
}
