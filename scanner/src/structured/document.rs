//! What a JSON or YAML document means, told by what is in it: a Kubernetes object, a docker or kube configuration, a
//! Terraform state, a notebook, a recording, or settings.

use oakum_patterns::Confidence;

use super::reading::Reading;
use super::value::{Path, Value};
use super::{kubernetes, recorded, terraform};

/// Reads a document.
pub(crate) fn read<'t>(value: &Value<'t>, reading: &mut Reading<'t, '_>) {
    if kubernetes::is_object(value) {
        kubernetes::object(value, &mut Path::default(), reading);
    } else if value.get("auths").is_some_and(|auths| !auths.entries().is_empty()) {
        docker(value, &Path::default(), reading);
    } else if value.get("terraform_version").is_some() || value.get("outputs").is_some_and(terraform::are_outputs) {
        terraform::state(value, reading);
    } else if value.get("nbformat").is_some() && value.get("cells").is_some() {
        recorded::notebook(value, reading);
    } else if value.get("log").is_some_and(|log| log.get("entries").is_some()) {
        recorded::har(value, reading);
    } else if value.get("info").is_some_and(|info| info.get("_postman_id").is_some() || info.get("schema").is_some()) {
        recorded::postman(value, &mut Path::default(), reading);
    } else if terraform::are_outputs(value) {
        terraform::outputs(value, &Path::default(), reading);
    } else {
        settings(value, reading);
    }
}

/// `auths` of a docker configuration: a login for each registry, as base64 of `user:password` or as a token.
pub(crate) fn docker<'t>(value: &Value<'t>, path: &Path<'_>, reading: &mut Reading<'t, '_>) {
    reading.named(value, &mut path.clone());
    let Some(auths) = value.get("auths") else { return };
    let path = path.then("auths");
    for (registry, login) in auths.entries() {
        let path = path.join(super::value::Step::Key(&registry.text));
        for field in ["auth", "password", "identitytoken", "registrytoken"] {
            let Some(scalar) = login.get(field).and_then(Value::scalar) else { continue };
            // A helper that keeps the login leaves one with no password.
            let holds = field != "auth"
                || scalar.unbase64().is_some_and(|says| {
                    let password = says.text.iter().position(|b| *b == b':').map(|colon| colon + 1);
                    password.is_some_and(|at| super::reading::is_somebodys(&says.part(at..says.text.len())))
                });
            if holds {
                reading.credential("dockerhub.registry-auth", Confidence::Certain, &path.then(field), scalar);
            }
        }
    }
}

/// Settings of a program: what is named, and what is given as a list of `NAME=value` or of names and values.
pub(crate) fn settings<'t>(value: &Value<'t>, reading: &mut Reading<'t, '_>) {
    reading.named(value, &mut Path::default());
    kubernetes::environments(value, &mut Path::default(), reading);
}
