//! What tools wrote down of what was done: notebooks, recordings of a browser, collections of requests.

use oakum_patterns::Confidence;

use super::kubernetes;
use super::reading::Reading;
use super::value::{Path, Scalar, Step, Value};

/// A notebook: source and output are lists of lines, of which each cell's are one text.
pub(crate) fn notebook<'t>(value: &Value<'t>, reading: &mut Reading<'t, '_>) {
    for (at, cell) in value.get("cells").map_or(&[][..], Value::items).iter().enumerate() {
        let path = Path::default().then("cells").join(Step::Item(at));
        if let Some(source) = cell.get("source") {
            lines(source, &path.then("source"), reading);
        }
        for (at, output) in cell.get("outputs").map_or(&[][..], Value::items).iter().enumerate() {
            let path = path.then("outputs").join(Step::Item(at));
            if let Some(text) = output.get("text") {
                lines(text, &path.then("text"), reading);
            }
            if let Some(text) = output.get("data").and_then(|data| data.get("text/plain")) {
                lines(text, &path.then("data").then("text/plain"), reading);
            }
        }
    }
}

/// Lines as one text, for the engine to look at.
fn lines<'t>(value: &Value<'t>, path: &Path<'_>, reading: &mut Reading<'t, '_>) {
    let all: Vec<&Scalar<'t>> = match value {
        Value::Scalar(one) => vec![one],
        other => other.items().iter().filter_map(Value::scalar).collect(),
    };
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return };
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    for scalar in &all {
        reading.names(path, scalar);
        places.extend((0..scalar.text.len()).map(|i| scalar.place(&(i..i + 1)).start as u32));
        bytes.extend_from_slice(&scalar.text);
    }
    let range = first.range.start..last.range.end;
    reading.draw(path, &Scalar::decoded(range, bytes, places));
}

/// A recording of a browser: headers and cookies that sign in, and forms that were sent.
pub(crate) fn har<'t>(value: &Value<'t>, reading: &mut Reading<'t, '_>) {
    reading.named(value, &mut Path::default());
    kubernetes::environments(value, &mut Path::default(), reading);
    let entries = value.get("log").and_then(|log| log.get("entries")).map_or(&[][..], Value::items);
    for (at, entry) in entries.iter().enumerate() {
        let path = Path::default().then("log").then("entries").join(Step::Item(at));
        for side in ["request", "response"] {
            let Some(message) = entry.get(side) else { continue };
            for (at, header) in message.get("headers").map_or(&[][..], Value::items).iter().enumerate() {
                let path = path.then(side).then("headers").join(Step::Item(at)).then("value");
                signing(header, &path, reading);
            }
        }
    }
}

/// A header whose value signs in: `Authorization: Bearer …`.
fn signing<'t>(header: &Value<'t>, path: &Path<'_>, reading: &mut Reading<'t, '_>) {
    let (Some(name), Some(scalar)) = (header.text("name"), header.get("value").and_then(Value::scalar)) else { return };
    let name = name.to_ascii_lowercase();
    let known = [b"authorization".as_slice(), b"proxy-authorization", b"x-api-key", b"x-auth-token", b"private-token"];
    if !known.contains(&name.as_slice()) {
        return;
    }
    // Behind the word for how it signs in.
    let from = scalar.text.iter().rposition(|b| *b == b' ').map_or(0, |blank| blank + 1);
    if scalar.text.len() - from >= 8 {
        reading.credential("http.recorded-header", Confidence::Likely, path, &scalar.part(from..scalar.text.len()));
    }
}

/// A collection of Postman: how each request signs in is a list of keys and values under its kind.
pub(crate) fn postman<'v, 't>(value: &'v Value<'t>, path: &mut Path<'v>, reading: &mut Reading<'t, '_>) {
    reading.named(value, &mut path.clone());
    kubernetes::environments(value, &mut path.clone(), reading);
    signs_in(value, path, reading);
}

fn signs_in<'v, 't>(value: &'v Value<'t>, path: &mut Path<'v>, reading: &mut Reading<'t, '_>) {
    if let Some(auth) = value.get("auth") {
        for (kind, list) in auth.entries() {
            for (at, one) in list.items().iter().enumerate() {
                let rule = match (&*kind.text, one.text("key")) {
                    (b"basic" | b"digest" | b"ntlm", Some(b"password")) => "generic.password",
                    (b"bearer", Some(b"token")) | (b"oauth2", Some(b"accessToken")) => "generic.token",
                    (b"apikey", Some(b"value")) => "generic.api-key",
                    (b"oauth2", Some(b"clientSecret")) | (b"awsv4", Some(b"secretKey")) => "generic.secret",
                    _ => continue,
                };
                let Some(scalar) = one.get("value").and_then(Value::scalar) else { continue };
                let path = path.then("auth").join(Step::Key(&kind.text)).join(Step::Item(at)).then("value");
                reading.credential(rule, Confidence::Likely, &path, scalar);
            }
        }
    }
    for (key, inner) in value.entries().iter().filter(|(key, _)| matches!(&*key.text, b"item" | b"request")) {
        path.push(Step::Key(&key.text));
        if inner.items().is_empty() {
            signs_in(inner, path, reading);
        }
        for (at, item) in inner.items().iter().enumerate() {
            path.push(Step::Item(at));
            signs_in(item, path, reading);
            path.pop();
        }
        path.pop();
    }
}
