//! Classes.

use super::{SECRET, found, key, password};

/// Constants, each once, and the bytes of them.
#[derive(Default)]
struct Pool {
    count: u16,
    bytes: Vec<u8>,
}

impl Pool {
    fn add(&mut self, kind: u8, rest: &[u8]) -> u16 {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(rest);
        self.count += 1;
        self.count
    }

    fn utf8(&mut self, text: &str) -> u16 {
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        self.add(1, &[&length[..], text.as_bytes()].concat())
    }

    fn of(&mut self, kind: u8, text: &str) -> u16 {
        let index = self.utf8(text);
        self.add(kind, &index.to_be_bytes())
    }

    fn text(&mut self, text: &str) -> u16 {
        self.of(8, text)
    }

    fn member(&mut self, kind: u8, name: &str, descriptor: &str) -> u16 {
        let class = self.of(7, "com/example/Other");
        let (name, descriptor) = (self.utf8(name), self.utf8(descriptor));
        let both = self.add(12, &[name.to_be_bytes(), descriptor.to_be_bytes()].concat());
        self.add(kind, &[class.to_be_bytes(), both.to_be_bytes()].concat())
    }
}

fn be16(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn attribute(name: u16, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&name.to_be_bytes()[..], &length, content].concat()
}

/// One with a constant, and a method that does all that tells a name.
pub(super) fn class() -> Vec<u8> {
    let mut pool = Pool::default();
    // As javac has it: what is eight bytes long takes two places.
    pool.add(5, &[0; 8]);
    pool.count += 1;
    let this = pool.of(7, "com/example/Config");
    let (constant, field) = (pool.utf8("ConstantValue"), pool.utf8("DB_PASSWORD"));
    let descriptor = pool.utf8("Ljava/lang/String;");
    let value = pool.text(SECRET);
    let (code, method, none) = (pool.utf8("Code"), pool.utf8("connect"), pool.utf8("()V"));
    let (table, local) = (pool.utf8("LocalVariableTable"), pool.utf8("adminPassword"));
    let put = pool.member(9, "rootPassword", "Ljava/lang/String;");
    let set = pool.member(10, "setPassword", "(Ljava/lang/String;)V");
    let property = pool.member(11, "setProperty", "(Ljava/lang/String;Ljava/lang/String;)V");
    let password = pool.text("smtp.password");
    // Behind it stands a constant whose kind is no part of a word; before it, its length, which is one.
    let lone = pool.text(&format!("{} and {}", key(1), "so on, as long as a digit: 48"));
    let ldc = |index: u16| [&[0x13][..], &index.to_be_bytes()].concat();
    let op = |op: u8, index: u16| [&[op][..], &index.to_be_bytes()].concat();
    let mut body = vec![0x2a];
    body.extend([ldc(value), op(0xb5, put)].concat());
    // A table of two places, and a wide instruction, are gone past.
    body.push(0xaa);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0xc4, 0x84, 0, 1, 0, 1]);
    body.extend([&[0x2b][..], &ldc(value), &op(0xb6, set)].concat());
    body.extend([&[0x2b][..], &ldc(password), &ldc(value), &op(0xb9, property), &[3, 0]].concat());
    body.extend([ldc(value), vec![0x3a, 7]].concat());
    let start = u16::try_from(body.len()).unwrap();
    body.extend([ldc(lone), vec![0x57, 0xb1]].concat());
    let variables = be16(&[1, start, 1, local, descriptor, 7]);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let code_content =
        [&be16(&[2, 8])[..], &length, &body, &be16(&[1, 0, 1, 2, 0]), &be16(&[1]), &attribute(table, &variables)]
            .concat();
    [
        &[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61][..],
        &(pool.count + 1).to_be_bytes(),
        &pool.bytes,
        &be16(&[0x21, this, this, 1, this]),
        &be16(&[1, 0x1a, field, descriptor, 1]),
        &attribute(constant, &value.to_be_bytes()),
        &be16(&[1, 1, method, none, 1]),
        &attribute(code, &code_content),
        &[0, 0],
    ]
    .concat()
}

#[test]
fn a_class_tells_what_its_constants_are_called() {
    let all = found(&class());
    for way in ["DB_PASSWORD", "connect.rootPassword", "connect.setPassword", "connect.adminPassword"] {
        assert!(all.contains(&password(&format!("com.example.Config.{way}"))), "{way}: {all:?}");
    }
    assert!(all.contains(&password("com.example.Config.connect.setProperty[\"smtp.password\"]")), "{all:?}");
    let lone = ("aws.access-key-id".to_owned(), "com.example.Config".to_owned(), key(1));
    assert!(all.contains(&lone), "{all:?}");
}
