//! What a name says: whether it is one of a password or a key, or of something about one.

/// Last words of names that speak *about* a secret.
const ABOUT: &[&str] = &[
    "hash",
    "hashed",
    "hasher",
    "accessor",
    "hashers",
    "question",
    "typehash",
    "digest",
    "checksum",
    "salt",
    "length",
    "len",
    "size",
    "count",
    "min",
    "max",
    "field",
    "label",
    "prompt",
    "input",
    "placeholder",
    "hint",
    "name",
    "names",
    "path",
    "file",
    "filename",
    "dir",
    "url",
    "uri",
    "endpoint",
    "host",
    "type",
    "kind",
    "format",
    "policy",
    "pattern",
    "regex",
    "regexp",
    "rule",
    "rules",
    "expiry",
    "expires",
    "expiration",
    "ttl",
    "age",
    "lifetime",
    "timeout",
    "interval",
    "date",
    "time",
    "at",
    "id",
    "ids",
    "index",
    "error",
    "errors",
    "message",
    "msg",
    "text",
    "title",
    "description",
    "help",
    "env",
    "var",
    "variable",
    "header",
    "param",
    "parameter",
    "parameters",
    "column",
    "attribute",
    "attr",
    "provider",
    "manager",
    "management",
    "service",
    "store",
    "storage",
    "ref",
    "reference",
    "arn",
    "version",
    "algorithm",
    "alg",
    "authentication",
    "authenticator",
    "method",
    "mode",
    "enabled",
    "required",
    "reset",
    "changed",
    "strength",
    "valid",
    "validator",
    "confirm",
    "confirmation",
    "form",
    "class",
    "selector",
    "component",
    "handler",
    "callback",
    "fn",
    "func",
    "function",
    "status",
    "state",
    "scope",
    "scopes",
    "usage",
    "uses",
    "info",
    "config",
    "policies",
    "grant",
    "issuer",
    "audience",
    "response",
    "request",
    "usedby",
    "bits",
    "scheme",
    "encryption",
    "encoding",
    "encoder",
    "algo",
    "helper",
    "public",
    "pub",
    "fingerprint",
    "thumbprint",
    "mount",
    "volume",
    "kid",
    "prefix",
    "suffix",
    "separator",
    "chars",
    "charset",
    "limit",
    "template",
    "link",
    "icon",
    "page",
    "view",
    "screen",
    "button",
    "dialog",
    "test",
];

/// First words that make a name a question or an action rather than a thing.
const ASKS: &[&str] = &[
    "is", "has", "use", "allow", "enable", "require", "show", "hide", "forgot", "reset", "change", "no", "public",
    "invalid", "missing", "wrong", "with", "need", "can", "should", "update", "verify", "validate", "check", "min",
    "max",
];

/// Whether a name ends in a word for a password and nothing else; `renderPass` may be of anything.
pub(super) fn ends_in_password(name: &[u8]) -> bool {
    let constant = !name.iter().any(u8::is_ascii_lowercase);
    name_words(name).last().is_some_and(|word| {
        is_password_word(word) && (constant || word == "pass" || word == "dbpass" || !word.ends_with("pass"))
    })
}

/// `DB_PASSWORD`, `spring.datasource.password`: how settings are called. A path of what is shown, in a file of
/// translations, has a word with a capital behind it.
pub(super) fn names_a_setting(name: &[u8], value: &[u8]) -> bool {
    let constant = name.contains(&b'_') && !name.iter().any(u8::is_ascii_lowercase);
    constant || (name.contains(&b'.') && !value.first().is_some_and(u8::is_ascii_uppercase))
}

/// The word for a password where letters are other than English ones.
const FOREIGN: [&str; 15] = [
    "密码",
    "密碼",
    "口令",
    "パスワード",
    "비밀번호",
    "парол",
    "Парол",
    "ПАРОЛ",
    "סיסמה",
    "ật khẩu",
    "hasło",
    "Hasło",
    "κωδικ",
    "Κωδικ",
    "ΚΩΔΙΚ",
];

pub(super) fn is_foreign_password(name: &[u8]) -> bool {
    !name.is_ascii() && FOREIGN.iter().any(|word| memchr::memmem::find(name, word.as_bytes()).is_some())
}

/// Whether a name is one of a key that is kept secret, in Chinese.
pub(super) fn is_foreign_secret(name: &[u8]) -> bool {
    !name.is_ascii() && ["密钥", "秘钥"].iter().any(|word| memchr::memmem::find(name, word.as_bytes()).is_some())
}

/// The words of a name, in lower case: split at joints, where camel case turns, and behind numbers and abbreviations
/// (`SHA512PublicKey`, `DBPassword`).
pub(super) fn name_words(name: &[u8]) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, b) in name.iter().enumerate() {
        let before = at.checked_sub(1).map_or(b'_', |i| name[i]);
        let behind = |n: usize| name.get(at + n).is_some_and(u8::is_ascii_lowercase);
        let turns = b.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_digit() && behind(1)
                || before.is_ascii_uppercase() && behind(1) && behind(2));
        // A letter beyond ASCII is one of the word: `contraseña`.
        if (b.is_ascii() && !b.is_ascii_alphanumeric()) || turns {
            words.push(String::new());
        }
        if b.is_ascii_alphanumeric() {
            words.last_mut().expect("there is always a word").push(char::from(b.to_ascii_lowercase()));
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// `nextPageToken`, `object_key`: what finds something and opens nothing.
pub(super) fn names_a_place(words: &[String]) -> bool {
    let [before @ .., last] = words else { return false };
    let paging = ["synctoken", "sitekey", "skiptoken", "nexttoken", "pagetoken", "nextpagetoken", "continuationtoken"];
    let Some(first) = before.last() else { return paging.contains(&last.as_str()) };
    paging.contains(&last.as_str())
        || match last.as_str() {
            "token" => matches!(
                first.as_str(),
                "next" | "sync" | "page" | "continuation" | "pagination" | "purchase" | "idempotency" | "cursor"
            ),
            "key" => matches!(
                first.as_str(),
                "cache"
                    | "object"
                    | "s3"
                    | "row"
                    | "idempotency"
                    | "verify"
                    | "verifier"
                    | "verification"
                    | "dedup"
                    | "host"
                    | "site"
            ),
            _ => false,
        }
}

/// `password_hash`, `tokenType`, `isPassword`: about a secret, not one.
pub(super) fn name_is_about(name: &[u8], words: &[String]) -> bool {
    // A salt that is a key by its length is one: `HASHIDS_SALT`. That of a password is its own, but for one of all.
    let constant = !name.iter().any(u8::is_ascii_lowercase);
    let salt = words.last().is_some_and(|w| w == "salt") && (constant || !words.iter().any(|w| is_password_word(w)));
    // What is typed twice is the same both times: `password_confirmation`.
    let again = matches!(words, [.., before, last] if last == "confirmation" && is_password_word(before));
    let ends = !salt && !again && words.last().is_some_and(|w| ABOUT.contains(&w.as_str()));
    // `enable password` is what routers call theirs.
    let router = words.len() == 2 && words[0] == "enable" && is_password_word(&words[1]);
    // `withPassword("…")`.
    let builds = words.len() == 2 && words[0] == "with" && is_password_word(&words[1]);
    let verifies = words.len() == 2 && words[0] == "verify" && words[1] == "token";
    let starts =
        !router && !builds && !verifies && words.len() > 1 && words.first().is_some_and(|w| ASKS.contains(&w.as_str()));
    // `public_key`, `encrypted_password`, `csrf_token`.
    let within = words.iter().any(|w| {
        matches!(
            w.as_str(),
            "public"
                | "pub"
                | "encrypted"
                | "hashed"
                | "sha256"
                | "md5"
                | "csrf"
                | "xsrf"
                | "foreign"
                | "primary"
                | "sort"
                | "keyboard"
                | "sourcekey"
                | "partition"
                | "secretsmanager"
                | "secretmanager"
                | "tokenizer"
                | "recv"
                | "keyserver"
        )
    });
    // `ENV GPG_KEY=…`: the fingerprint of whoever signed a release.
    let signer = matches!(words, [.., before, last] if (before == "gpg" || before == "pgp") && last.starts_with("key"));
    // `file_hash_key`.
    let of_hash = matches!(words, [.., before, last] if before == "hash" && last == "key");
    ends || starts || within || of_hash || signer || names_a_place(words) || is_text_of(property_of(name))
}

/// `txtPassword.Text`, `passwordInput.value`: what a control holds is named by the control.
pub(super) fn property_of(name: &[u8]) -> &[u8] {
    let control = [
        b".Text".as_slice(),
        b".text",
        b".Value",
        b".value",
        b".string",
        b".Content",
        b".typeText",
        b".SendKeys",
        b".sendKeys",
        b".text.toString",
        b".getText",
    ]
    .into_iter()
    .find_map(|end| name.strip_suffix(end));
    let Some(control) = control else { return name };
    [b"Input".as_slice(), b"TextField", b"Field", b"TextBox", b"Box", b"Entry", b"_input", b"_field", b"Edit"]
        .into_iter()
        .find_map(|end| control.strip_suffix(end))
        .unwrap_or(control)
}

/// `ui.login.change_password.submit`: of a long path the last part says what it is.
pub(super) fn is_text_of(name: &[u8]) -> bool {
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let value = [b"value".as_slice(), b"default", b"plain"].iter().any(|word| last.eq_ignore_ascii_case(word));
    name.iter().filter(|b| **b == b'.').count() >= 2
        && !value
        && !name_words(last).iter().any(|w| is_password_word(w) || (is_key_word(w) && w != "code"))
}

/// `password`, `dbpass`, `pwd2`; not `passive`, `bypass`, `compass`.
pub(super) fn is_password_word(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let has = [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "passwort",
        "kennwort",
        "contrase",
        "senha",
        "motdepasse",
        "wachtwoord",
        "passord",
        "senord",
        "jelsz",
        "authtok",
        "adgangskode",
        "salasana",
        "lozink",
    ];
    let ends = word.ends_with("pass")
        && ![
            "by", "com", "tres", "sur", "encom", "one", "multi", "first", "last", "render", "mini", "low", "high",
            "band",
        ]
        .iter()
        .any(|w| word.strip_suffix("pass") == Some(w));
    has.iter().any(|w| word.contains(w))
        || ends
        || matches!(
            word,
            "pw" | "userpw"
                | "dbpw"
                | "rootpw"
                | "adminpw"
                | "ftppw"
                | "mailpw"
                | "passe"
                | "psk"
                | "masterauth"
                | "requirepass"
                | "mdp"
                | "psw"
                | "clave"
                | "haslo"
                | "haso"
                | "ifre"
                | "sifre"
                | "bindpw"
                | "heslo"
                | "parol"
                | "parola"
                | "parolas"
                | "parolasi"
                | "lozinka"
                | "geslo"
        )
}

/// `pre-shared-key`: what people thought of, whatever it is called.
pub(super) fn is_shared_key(words: &[String]) -> bool {
    matches!(words, [.., shared, key] if shared == "shared" && key == "key")
        && words.iter().any(|word| word == "pre" || word == "wpa" || word == "wpa2")
}

/// `token`, `apiKey`, `secretKey`: what a machine makes.
pub(super) fn is_key_word(word: &str) -> bool {
    [
        "secret",
        "token",
        "key",
        "credential",
        "cred",
        "auth",
        "code",
        "webhook",
        "schluessel",
        "klucz",
        "chave",
        "jeton",
        "geheim",
        "kljuch",
        "sleutel",
        "sekret",
    ]
    .iter()
    .any(|w| word.contains(w))
        && !word.contains("keyword")
}

/// `HASHIDS_SALT`, `RELEASE_COOKIE`: what only some programs keep secret.
pub(super) fn is_seasoning(word: &str) -> bool {
    matches!(word, "salt" | "pepper" | "cookie" | "iv" | "initvector" | "vector" | "aesiv")
}

/// `password: password`, `apiKey: config.apiKey`, `LOG_LEVEL_KEY: log.level`.
pub(super) fn repeats_name(name: &[u8], value: &[u8]) -> bool {
    let squeeze =
        |b: &[u8]| b.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect::<Vec<_>>();
    let is_joined = value.len() >= 8 && value.iter().any(|b| matches!(b, b'.' | b'_' | b'-'));
    let (name, value) = (squeeze(name), squeeze(value));
    let begins = is_joined && name.starts_with(&value);
    !value.is_empty() && !name.is_empty() && (begins || name.ends_with(&value) || value.ends_with(&name))
}

/// `"DB_PASSWORD", "DB_PASSWORD=…"`: what is assigned within the value is judged for itself.
pub(super) fn assigns(name: &[u8], value: &[u8]) -> bool {
    value.strip_prefix(name).is_some_and(|rest| matches!(rest.first(), Some(b'=' | b':')))
}

/// Keys of many services are UUIDs; so is nearly everything else that has one.
pub(super) fn names_what_may_be_a_uuid(name: &[u8]) -> bool {
    let squeezed: Vec<u8> = name.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    let ends = [
        b"apikey".as_slice(),
        b"secret",
        b"secretkey",
        b"password",
        b"accesskey",
        b"authkey",
        b"accesstoken",
        b"authtoken",
        b"apitoken",
        b"appkey",
        b"adminkey",
        b"masterkey",
        b"servicekey",
        b"licensekey",
        b"refreshtoken",
        b"bottoken",
        b"deploytoken",
        b"recordkey",
        b"npmtoken",
        b"secretorkey",
        b"usertoken",
        b"vaulttoken",
        b"consultoken",
        b"httptoken",
        b"codecovtoken",
        b"sessiontoken",
    ];
    // `FLEET_TOKEN`, `X-Fleet-Token`, `token`: not the token of a device, a request or a page.
    let passing = ["device", "push", "cancel", "request", "trace", "client", "lock", "page", "update"];
    let words = name_words(name);
    let token = words.last().is_some_and(|word| word == "token") && words.len() <= 3;
    let header = words.first().is_some_and(|word| word == "x");
    let named = words.len() == 1 || header || !name.iter().any(u8::is_ascii_lowercase);
    (token && named && !words.iter().any(|word| passing.contains(&word.as_str())))
        || ends.iter().any(|end| squeezed.ends_with(end))
}
