//! What XML files of settings mean: Maven's servers, .NET's keys and values, Jenkins' credentials are all named by an
//! element, an attribute, or a key beside a value.

use super::reading::Reading;
use super::syntax::Element;
use super::value::{Path, Step};

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
    for child in &element.children {
        inside(child, &path.join(Step::Key(child.name)), reading);
    }
}
