//! How Go prints a value: the verb `%v` of its `fmt`, which is also what a template writes for `{{ .x }}`.

use super::value::Value;

/// Writes a value as Go's `%v` does.
pub(super) fn print(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Missing => out.extend_from_slice(b"<no value>"),
        Value::Nil => out.extend_from_slice(b"<nil>"),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Float(number) => out.extend_from_slice(float(*number).as_bytes()),
        Value::Number(number) => out.extend_from_slice(number.as_bytes()),
        Value::Text(text) => out.extend_from_slice(text.expose()),
        Value::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                print(item, out);
            }
            out.push(b']');
        }
        Value::Map(entries) | Value::Texts(entries) => {
            out.extend_from_slice(b"map[");
            for (at, (name, value)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                out.extend_from_slice(name.as_bytes());
                out.push(b':');
                print(value, out);
            }
            out.push(b']');
        }
    }
}

/// Writes a number as Go's `%v`: the shortest form that reads back as the same, with an exponent below 1e-4 and from
/// 1e6 on, which has at least two digits.
pub(super) fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |exponent| ("-", exponent));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go_does() {
        let show = |json: &str| {
            let mut out = Vec::new();
            print(&Value::from_json(json).unwrap(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(show(r#"{"b": [1, "x y", null], "a": {"c": true}}"#), "map[a:map[c:true] b:[1 x y <nil>]]");
        assert_eq!(show("{}"), "map[]");
        for (number, text) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (123_456.5, "123456.5"),
            (1e20, "1e+20"),
            (1e21, "1e+21"),
            (1.5e-5, "1.5e-05"),
            (1e-4, "0.0001"),
            (-2.5, "-2.5"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(float(number), text);
        }
    }
}
