//! Modules of Python. Those that real versions write are read by the tests of the whole program.

use super::{SECRET, found, password};

fn long(number: u32) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn text(text: &str) -> Vec<u8> {
    [&[b'z' | 0x80, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat()
}

fn bytes(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind][..], &long(u32::try_from(bytes.len()).unwrap()), bytes].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [&[b')', u8::try_from(items.len()).unwrap()][..], &items.concat()].concat()
}

/// A code object of a version.
fn code(
    minor: u8,
    name: &str,
    instructions: &[u8],
    constants: &[Vec<u8>],
    names: &[Vec<u8>],
    variables: &[Vec<u8>],
) -> Vec<u8> {
    let is_new = minor >= 11;
    let numbers = if is_new { 5 } else { 6 };
    let mut code = vec![b'c' | 0x80];
    (0..numbers).for_each(|_| code.extend(long(1)));
    code.extend(bytes(b's', instructions));
    code.extend([tuple(constants), tuple(names), tuple(variables)].concat());
    code.extend(if is_new { bytes(b's', b" ") } else { [tuple(&[]), tuple(&[])].concat() });
    code.extend([text("/app/shop/__init__.py"), text(name)].concat());
    if is_new {
        code.extend(text(name));
    }
    code.extend(long(1));
    (0..if is_new { 2 } else { 1 }).for_each(|_| code.extend(bytes(b's', b"")));
    code
}

/// One with a name, an attribute, a key, a keyword and a default, each with the same value.
pub(super) fn file(minor: u8) -> Vec<u8> {
    // LOAD_CONST, STORE_NAME, LOAD_NAME, STORE_ATTR, STORE_SUBSCR, EXTENDED_ARG, MAKE_FUNCTION; a call with keywords.
    let (magic, [constant, store, load, attribute, item, extended, function]) = match minor {
        8 => (3413, [100, 90, 101, 95, 60, 144, 132]),
        9 => (3425, [100, 90, 101, 95, 60, 144, 132]),
        13 => (3571, [83, 114, 92, 108, 39, 71, 26]),
        _ => (3627, [82, 116, 93, 110, 38, 69, 23]),
    };
    let mut body = vec![constant, 0, store, 0];
    body.extend([constant, 0, load, 1, attribute, 2]);
    body.extend([constant, 0, load, 1, constant, 1, item, 0]);
    // Far constants have their index in two instructions.
    body.extend([extended, 0, constant, 0, load, 1, attribute, 3]);
    match minor {
        8 | 9 => {
            body.extend([load, 1, constant, 0, constant, 2, 141, 1, 1, 0]);
            body.extend([constant, 3, constant, 4, constant, 1, function, 1, store, 1]);
        }
        13 => {
            body.extend([load, 1, 34, 0, constant, 0, constant, 2, 57, 1, 32, 0]);
            body.extend([constant, 3, constant, 4, function, 0, 106, 1, store, 1]);
        }
        _ => {
            body.extend([load, 1, 33, 0, constant, 0, constant, 2, 55, 1, 31, 0]);
            body.extend([constant, 3, constant, 4, function, 0, 108, 1, store, 1]);
        }
    }
    // What is referred to counts from the outermost on.
    let value = [&[b'r'][..], &long(1)].concat();
    let inner =
        code(minor, "connect", &[], &[vec![b'N'], [&b"{0"[..], b""].concat(), vec![b'T']], &[], &[text("db_password")]);
    let constants = [
        text(SECRET),
        text("smtp_password"),
        tuple(&[text("root_password")]),
        tuple(std::slice::from_ref(&value)),
        inner,
    ];
    let names = ["ADMIN_PASSWORD", "it", "password", "passwd"].map(text);
    let module = code(minor, "<module>", &body, &constants, &names, &[]);
    [&u16::to_le_bytes(magic)[..], b"\r\n", &[0; 12], &module].concat()
}

#[test]
fn a_module_tells_what_its_constants_are_called() {
    for minor in [8, 9, 13, 14] {
        let all = found(&file(minor));
        for way in ["ADMIN_PASSWORD", "password", "passwd", "smtp_password", "root_password", "connect.db_password"] {
            assert!(all.contains(&password(&format!("shop.{way}"))), "3.{minor} {way}: {all:?}");
        }
    }
}

#[test]
fn an_object_in_itself_ends() {
    // A tuple that has itself, and one that is deeper than any.
    let head = [&u16::to_le_bytes(3627)[..], b"\r\n", &[0; 12]].concat();
    for body in [[&[b')' | 0x80, 1, b'r'][..], &long(0)].concat(), [b')', 1].repeat(100_000), [b'{'].repeat(100_000)] {
        assert!(found(&[&head[..], &body].concat()).is_empty());
    }
    // A number of objects that no file has.
    assert!(found(&[&head[..], b"(\xff\xff\xff\xff"].concat()).is_empty());
}
