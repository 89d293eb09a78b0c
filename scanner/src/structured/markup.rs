//! What XML files of settings mean: Maven's servers, .NET's keys and values, Jenkins' credentials are all named by an
//! element, an attribute, or a key beside a value.

use super::reading::Reading;
use super::syntax::Element;
use super::value::{Path, Scalar, Step};

/// Reads the elements of a file.
pub(crate) fn read<'t>(root: &Element<'t>, reading: &mut Reading<'t, '_>) {
    for element in &root.children {
        inside(element, &Path::key(element.name), reading);
    }
}

fn inside<'v, 't>(element: &'v Element<'t>, path: &Path<'v>, reading: &mut Reading<'t, '_>) {
    if let Some(text) = &element.text {
        reading.leaf(path, text, None);
    }
    for (name, value) in &element.attributes {
        reading.leaf(&path.join(Step::Key(name)), value, None);
    }
    let key = element.attribute("key").or_else(|| element.attribute("name"));
    if let (Some(key), Some(value)) =
        (key, element.attribute("value").or_else(|| element.attribute("connectionString")))
    {
        reading.leaf(&path.join(Step::Key(&key.text)), value, None);
    }
    if let Some(key) = key {
        let inner = element.children.iter().find(|child| is_value(child)).and_then(|child| child.text.as_ref());
        if let Some(text) = inner.or(element.text.as_ref()).filter(|text| !is_shown(element, text)) {
            reading.leaf(&path.join(Step::Key(&key.text)), text, None);
        }
    }
    beside(element, path, reading);
    for child in &element.children {
        inside(child, &path.join(Step::Key(child.name)), reading);
    }
}

/// Names and values as elements side by side: `<name>…</name><value>…</value>`, `<key>…</key><string>…</string>`.
fn beside<'v, 't>(element: &'v Element<'t>, path: &Path<'v>, reading: &mut Reading<'t, '_>) {
    let is_name = |name: &[u8]| {
        [b"name".as_slice(), b"key"].iter().any(|end| {
            let from = name.len().checked_sub(end.len());
            from.is_some_and(|from| name[from..].eq_ignore_ascii_case(end))
        })
    };
    for (at, child) in element.children.iter().enumerate() {
        let Some(name) = child.text.as_ref().filter(|_| is_name(child.name)) else { continue };
        // A description may stand between them.
        let following = element.children[at + 1..].iter().take(2);
        let value = following.take_while(|next| !is_name(next.name)).find(|next| is_value(next));
        if let Some(text) = value.and_then(|value| value.text.as_ref()) {
            reading.leaf(&path.join(Step::Key(&name.text)), text, None);
        }
    }
}

/// Whether an element is the value of what is named beside it.
fn is_value(element: &Element<'_>) -> bool {
    element.name.len() >= 5 && element.name[element.name.len() - 5..].eq_ignore_ascii_case(b"value")
        || element.name == b"string"
}

/// Whether a text is one of those that a program shows, as files of translations have them: words.
fn is_shown(element: &Element<'_>, text: &Scalar<'_>) -> bool {
    let shows = matches!(element.name, b"string" | b"data" | b"trans-unit" | b"message" | b"text" | b"item");
    shows && !text.text.iter().any(u8::is_ascii_digit)
}
