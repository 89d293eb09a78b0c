//! Texts to measure on, the same in every run: what they look like matters, and not what they say.

/// A generator that needs no seed from outside.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).unwrap_or(0)
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    fn drawn(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

const HEX: &[u8] = b"0123456789abcdef";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const WORDS: &[&str] = &[
    "buffer", "queue", "device", "state", "index", "length", "config", "register", "frame", "skb", "netdev", "port",
    "status", "event", "handler", "value", "context", "session", "node", "page", "offset", "mask", "count", "timer",
    "clock", "reset", "bank", "phase", "bridge", "panel", "table", "entry", "header", "block", "channel", "stream",
    "link", "speed", "rate", "level", "group", "range", "driver", "module", "firmware", "memory", "cache", "region",
    "space", "lock", "mutex", "thread", "signal", "error", "result", "request", "reply", "packet", "payload",
    "message", "reader", "writer", "parser", "option", "field", "record", "key", "token", "password", "auth",
];

fn text(size: usize, mut line: impl FnMut(&mut Numbers) -> String) -> Vec<u8> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut text = Vec::with_capacity(size + 1024);
    while text.len() < size {
        text.extend(line(&mut numbers).into_bytes());
    }
    text.truncate(size);
    text
}

/// Lines as of C or Go: identifiers, calls, strings, comments, constants.
pub(crate) fn source(size: usize) -> Vec<u8> {
    text(size, |n| {
        let (a, b, c) = (n.of(WORDS), n.of(WORDS), n.of(WORDS));
        match n.below(9) {
            0 => format!("\tif ({a}->{b}_{c} == NULL) {{\n\t\treturn -EINVAL;\n\t}}\n"),
            1 => format!("static int {a}_{b}_{c}(struct {b} *{c}, u32 {a})\n{{\n"),
            2 => format!("\tdev_err(&{a}->dev, \"failed to read {b} of {c}: %d\\n\", ret);\n"),
            3 => format!(
                "#define {}_{}_{}\t0x{}\n",
                a.to_uppercase(),
                b.to_uppercase(),
                c.to_uppercase(),
                n.drawn(HEX, 8)
            ),
            4 => format!("\t/* The {a} is held by the {b} until its {c} has been released. */\n"),
            5 => format!("\t{a}.{b} = get_{c}_{a}({b}, {});\n", n.below(4096)),
            6 => format!("\tconst {a} = \"{b}/{c}.{}\"\n", n.of(&["json", "txt", "h"])),
            7 => format!("\t{{ .{a} = \"{b}-{c}\", .id = 0x{}, .{b} = {} }},\n", n.drawn(HEX, 4), n.below(99)),
            _ => format!("\tfor ({a} = 0; {a} < {b}->num_{c}s; {a}++)\n\t\t{c}_put({b}->{c}s[{a}]);\n\n"),
        }
    })
}

/// Lines as of a service's log: times, addresses, identifiers, and words that are the names of secrets.
pub(crate) fn log(size: usize) -> Vec<u8> {
    text(size, |n| {
        let time = format!(
            "2026-0{}-1{}T0{}:{}:{}.{}Z",
            1 + n.below(9),
            n.below(9),
            n.below(9),
            10 + n.below(49),
            10 + n.below(49),
            100 + n.below(899)
        );
        let (a, b) = (n.of(WORDS), n.of(WORDS));
        match n.below(4) {
            0 => format!(
                "10.0.{}.{} - - [{time}] \"GET /static/{}/app.{}.js HTTP/1.1\" 200 {}\n",
                n.below(255),
                n.below(255),
                n.drawn(HEX, 8),
                n.drawn(HEX, 20),
                n.below(99_999)
            ),
            1 => format!(
                "{time} INFO  worker-{} req={}-{}-{} {a} {b} in {}ms\n",
                n.below(64),
                n.drawn(HEX, 8),
                n.drawn(HEX, 4),
                n.drawn(HEX, 12),
                n.below(9999)
            ),
            2 => format!(
                "{{\"ts\":\"{time}\",\"level\":\"info\",\"trace_id\":\"{}\",\"msg\":\"{a} accepted\",\"n\":{}}}\n",
                n.drawn(HEX, 32),
                n.below(1_000_000)
            ),
            _ => format!("{time} DEBUG {a}: {b}; shard={} sha256:{}\n", n.below(32), n.drawn(HEX, 64)),
        }
    })
}

/// One line of minified code, with many names of secrets and few values.
pub(crate) fn minified(size: usize) -> Vec<u8> {
    text(size, |n| {
        let (a, b) = (n.drawn(b"abcdefgh", 1), n.drawn(b"nrtuvwxy", 1));
        let (word, other) =
            (n.of(WORDS), n.of(&["exports", "default", "length", "passwordField", "secretKeys", "call"]));
        match n.below(4) {
            0 => format!("function({a},{b}){{return {a}.{word}({b})}},"),
            1 => format!("var {a}={b}.{other}||{{}},{b}={};", n.below(9999)),
            2 => format!("{{key:\"{other}\",value:{a}.{word},token:{b}}},"),
            _ => format!("{a}({},\"{}\"),", n.below(999), n.drawn(HEX, 8)),
        }
    })
}

/// Base64 in lines of 76.
pub(crate) fn base64(size: usize) -> Vec<u8> {
    text(size, |n| n.drawn(BASE64, 76) + "\n")
}

/// Bytes of all kinds.
pub(crate) fn random(size: usize) -> Vec<u8> {
    let mut numbers = Numbers(7);
    (0..size).map(|_| numbers.next().to_le_bytes()[3]).collect()
}

/// Makes so many bytes.
pub(crate) type Make = fn(usize) -> Vec<u8>;

/// All of them by name.
pub(crate) const ALL: &[(&str, Make)] =
    &[("source", source), ("log", log), ("minified", minified), ("base64", base64), ("random", random)];
