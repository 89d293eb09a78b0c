//! Terraform's state: outputs that are marked as sensitive, and attributes of resources.

use oakum_patterns::Confidence;

use super::reading::Reading;
use super::value::{Path, Step, Value, walk};

/// Whether a value is a map of outputs, as `terraform output -json` prints it.
pub(crate) fn are_outputs(value: &Value<'_>) -> bool {
    let entries = value.entries();
    !entries.is_empty()
        && entries.iter().take(64).all(|(_, one)| one.get("value").is_some() && one.get("sensitive").is_some())
}

/// A state.
pub(crate) fn state<'t>(value: &Value<'t>, reading: &mut Reading<'t, '_>) {
    reading.named(value, &mut Path::default());
    if let Some(all) = value.get("outputs") {
        outputs(all, &Path::default().then("outputs"), reading);
    }
    for (at, resource) in value.get("resources").map_or(&[][..], Value::items).iter().enumerate() {
        let resources = Path::default().then("resources").join(Step::Item(at)).then("instances");
        for (at, instance) in resource.get("instances").map_or(&[][..], Value::items).iter().enumerate() {
            let path = resources.join(Step::Item(at)).then("attributes");
            let Some(attributes) = instance.get("attributes") else { continue };
            // What random_password and random_string made is a password wherever it is used.
            let made = matches!(resource.text("type"), Some(b"random_password"));
            if let Some(scalar) = attributes.get("result").and_then(Value::scalar).filter(|_| made) {
                reading.credential("terraform.sensitive-value", Confidence::Certain, &path.then("result"), scalar);
            }
            for marked in instance.get("sensitive_attributes").map_or(&[][..], Value::items) {
                marked_attribute(marked, attributes, &path, reading);
            }
        }
    }
}

/// An attribute that the provider marks as sensitive: `[{"type": "get_attr", "value": "password"}]`.
fn marked_attribute<'v, 't>(
    marked: &'v Value<'t>,
    attributes: &'v Value<'t>,
    path: &Path<'v>,
    reading: &mut Reading<'t, '_>,
) {
    let (mut at, mut path) = (attributes, path.clone());
    for step in marked.items() {
        let Some(name) = step.text("value").and_then(|name| std::str::from_utf8(name).ok()) else { return };
        let Some(inner) = at.get(name) else { return };
        path = path.then(name);
        at = inner;
    }
    // What is public of a resource is marked too where it is in one with a secret.
    if let Some(scalar) = at.scalar().filter(|scalar| scalar.text.len() >= 6 && !marked.items().is_empty()) {
        reading.credential("terraform.sensitive-value", Confidence::Likely, &path, scalar);
    }
}

/// Outputs: the values of those that are marked.
pub(crate) fn outputs<'t>(value: &Value<'t>, path: &Path<'_>, reading: &mut Reading<'t, '_>) {
    for (name, output) in value.entries() {
        let path = path.join(Step::Key(&name.text)).then("value");
        let Some(inner) = output.get("value") else { continue };
        if output.text("sensitive") != Some(b"true") {
            continue;
        }
        walk(inner, &mut path.clone(), &mut |path, scalar, _| {
            let kind = scalar.kind == super::value::Kind::Text;
            if kind && scalar.text.len() >= 6 && memchr::memmem::find(&scalar.text, b"://").is_none() {
                reading.credential("terraform.sensitive-value", Confidence::Likely, path, scalar);
            }
        });
    }
}
