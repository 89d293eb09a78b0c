//! Base64, hashes, and what comes from our surroundings.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use md5::{Digest as _, Md5};

use super::{Function, Outcome, Surroundings, Value, bytes_of, function, shown, text_of};

pub(super) const TABLE: &[Function] = &[
    function("base64Encode", 1, 1, |a, _| Ok(Value::text(STANDARD.encode(bytes_of(&a[0])?)))),
    function("base64Decode", 1, 1, |a, _| decode(&STANDARD, &a[0])),
    function("base64URLEncode", 1, 1, |a, _| Ok(Value::text(URL_SAFE.encode(bytes_of(&a[0])?)))),
    function("base64URLDecode", 1, 1, |a, _| decode(&URL_SAFE, &a[0])),
    function("sha256Hex", 1, 1, |a, around| Ok(Value::text(hex(&around.outside().sha256(bytes_of(&a[0])?))))),
    function("md5sum", 1, 1, |a, _| Ok(Value::text(hex(&Md5::digest(bytes_of(&a[0])?))))),
    function("hmacSHA256Hex", 2, 2, |a, around| {
        // The message first and the key second, as consul-template has it.
        Ok(Value::text(hex(&around.outside().hmac_sha256(bytes_of(&a[1])?, bytes_of(&a[0])?))))
    }),
    function("env", 1, 1, |a, around| Ok(Value::text(around.outside().env(text_of(&a[0])?).unwrap_or_default()))),
    function("mustEnv", 1, 1, |a, around| {
        let name = text_of(&a[0])?;
        around
            .outside()
            .env(name)
            .map(Value::text)
            .ok_or_else(|| format!("there is no variable {}", name.escape_debug()))
    }),
    function("envOrDefault", 2, 2, |a, around| {
        let found = around.outside().env(text_of(&a[0])?);
        Ok(Value::text(match found {
            Some(value) => value,
            None => text_of(&a[1])?.to_owned(),
        }))
    }),
    function("file", 1, 1, |a, around| {
        around.outside().file(text_of(&a[0])?).map(|secret| Value::Text(std::rc::Rc::new(secret)))
    }),
    function("required", 2, 2, required),
];

pub(super) fn decode(engine: &base64::engine::GeneralPurpose, value: &Value) -> Outcome {
    // Go's decoder passes over line breaks.
    let text: Vec<u8> = bytes_of(value)?.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    engine.decode(text).map(Value::text).map_err(|_| "what it is given is not base64".to_owned())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives a value back, and ends the rendering with words of the template's own if there is none.
fn required(arguments: &[Value], _: &Surroundings<'_>) -> Outcome {
    let there = match &arguments[1] {
        Value::Missing | Value::Nil => false,
        Value::Text(text) => !text.is_empty(),
        _ => true,
    };
    if there {
        Ok(arguments[1].clone())
    } else {
        Err(String::from_utf8_lossy(&shown(&arguments[0])).escape_debug().to_string())
    }
}
