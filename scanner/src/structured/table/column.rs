//! What the head of a column says that is in it.

use oakum_patterns::check::names_a_user;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Passwords.
    Password,
    /// Passwords, if the other columns say so: "pass" is said of tests too.
    Short,
    /// A user and a password: `anna / …`.
    Pair,
    /// Tokens.
    Token,
    /// Secrets that two share.
    Secret,
    /// Keys of a service.
    Key,
    /// Who signs in.
    User,
    /// Where one signs in.
    Place,
    /// Anything else.
    Other,
}

impl Column {
    pub(super) fn holds_credentials(self) -> bool {
        !matches!(self, Self::User | Self::Place | Self::Other)
    }

    pub(super) fn is_password(self) -> bool {
        matches!(self, Self::Password | Self::Short | Self::Pair)
    }
}

/// The last word of what a column of passwords is called.
const PASSWORDS: &[&str] = &[
    "password",
    "passwords",
    "passwd",
    "passwort",
    "passwörter",
    "passphrase",
    "passcode",
    "kennwort",
    "pwd",
    "passe",
    "mdp",
    "motdepasse",
    "contraseña",
    "contrasena",
    "clave",
    "senha",
    "wachtwoord",
    "hasło",
    "haslo",
    "heslo",
    "пароль",
    "密码",
    "密碼",
    "口令",
    "パスワード",
    "비밀번호",
    "şifre",
    "sifre",
    "lösenord",
    "passord",
    "salasana",
    "adgangskode",
    "jelszó",
    "parola",
    "lozinka",
    "geslo",
    "psk",
    "dbpassword",
    "userpassword",
    "loginpassword",
];

/// Those that are words of other things too.
const SHORT: &[&str] = &["pass", "pw", "passw", "pword", "code"];

/// Words that make a column one about passwords.
const ABOUT: &[&str] = &[
    "hash",
    "hashed",
    "encrypted",
    "length",
    "policy",
    "reset",
    "changed",
    "change",
    "expires",
    "expiry",
    "required",
    "type",
    "protected",
    "has",
    "is",
    "last",
    "min",
    "max",
    "strength",
    "field",
    "confirm",
    "confirmation",
    "forgot",
    "id",
    "weak",
    "md5",
    "sha1",
    "sha256",
    "salt",
    "postal",
    "zip",
    "country",
    "error",
    "status",
    "exit",
    "no",
    "test",
    "tests",
    "csrf",
    "public",
    "count",
    "tokens",
    "name",
    "label",
    "format",
    "description",
    "manager",
    "login?",
    "method",
];

/// What columns are called that say who signs in, besides the words for a user.
const USERS: &[&str] = &[
    "users",
    "user name",
    "userid",
    "user id",
    "login name",
    "loginname",
    "login username",
    "account name",
    "accounts",
    "email",
    "e mail",
    "mail",
    "email address",
    "admin",
    "role",
    "anmeldename",
    "nome utente",
    "brugernavn",
    "uzivatel",
    "uid",
    "name",
    "person",
    "db user",
    "default user",
    "default username",
    "test user",
    "ssh user",
    "client id",
];

/// What columns are called that say where.
const PLACES: &[&str] = &[
    "host",
    "hostname",
    "host name",
    "server",
    "ip",
    "ip address",
    "url",
    "uri",
    "site",
    "website",
    "web site",
    "address",
    "service",
    "ssid",
    "network",
    "device",
    "machine",
    "system",
    "database",
    "db",
    "app",
    "application",
    "login uri",
    "login url",
    "vm",
    "node",
    "portal",
    "environment",
    "env",
    "stage",
    "instance",
    "tool",
    "endpoint",
    "router",
    "switch",
    "rechner",
    "gerät",
    "dienst",
    "adresse",
    "servidor",
    "serveur",
    "сервер",
    "服务器",
    "サーバー",
    "domain",
    "vendor",
    "model",
];

/// What holds both.
const PAIRS: &[&str] = &["credentials", "creds", "zugangsdaten", "identifiants", "credenciales", "credenziali"];

const TOKENS: &[&str] =
    &["token", "access token", "api token", "auth token", "bearer token", "bot token", "refresh token", "deploy token"];

const SECRETS: &[&str] = &[
    "secret",
    "client secret",
    "app secret",
    "shared secret",
    "api secret",
    "totp",
    "login totp",
    "otp secret",
    "totp secret",
    "totp seed",
    "otpauth",
    "secret key",
    "secret access key",
];

const KEYS: &[&str] = &["api key", "apikey", "access key", "auth key", "license key", "licence key", "api keys"];

/// What is in a column of this name.
pub(super) fn of(head: &[u8]) -> Column {
    // Most are words of other things, and cost little.
    if head.is_empty() || head.len() > 48 {
        return Column::Other;
    }
    let Ok(head) = std::str::from_utf8(head) else { return Column::Other };
    // What stands in brackets is a remark.
    let plain = head.split(['(', '[']).next().unwrap_or_default();
    let words = words(plain);
    if words.is_empty() || words.len() > 4 {
        return Column::Other;
    }
    let name = words.join(" ");
    let is = |list: &[&str]| list.contains(&name.as_str());
    let last = words.last().map_or("", String::as_str);
    if names_a_user(&name) || is(USERS) {
        return Column::User;
    }
    if is(PLACES) {
        return Column::Place;
    }
    if words.iter().any(|word| ABOUT.contains(&word.as_str())) {
        return Column::Other;
    }
    // `Startpasswort`, and `password_plain`.
    let compound = ["password", "passwort", "kennwort", "wachtwoord", "passord", "lösenord"];
    let is_password = |word: &str| PASSWORDS.contains(&word) || compound.iter().any(|end| word.ends_with(end));
    if let [.., before, "clear" | "plain" | "plaintext" | "cleartext" | "klartext"] =
        words.iter().map(String::as_str).collect::<Vec<_>>()[..]
        && (is_password(before) || SHORT.contains(&before))
    {
        return Column::Password;
    }
    let joins = plain.contains(['/', '&', '+', ':']) || words.iter().any(|word| word == "and" || word == "und");
    let secret = is_password(last) || SHORT.contains(&last);
    if is(PAIRS) || (joins && secret && words.len() > 1) {
        Column::Pair
    } else if is(TOKENS) {
        Column::Token
    } else if is(SECRETS) {
        Column::Secret
    } else if is(KEYS) {
        Column::Key
    } else if is_password(last) || is_key_of_network(&words) {
        Column::Password
    } else if SHORT.contains(&last) && (last != "code" || is(&["access code", "door code"])) {
        Column::Short
    } else {
        Column::Other
    }
}

/// `WiFi key`, `Pre-shared key`.
fn is_key_of_network(words: &[String]) -> bool {
    let [.., before, last] = words else { return false };
    last == "key" && ["wifi", "fi", "wlan", "shared", "wpa", "wpa2", "network"].contains(&before.as_str())
}

/// The words of a head in small letters: divided by signs, and where small letters turn to capitals.
fn words(head: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for letter in head.chars() {
        if !letter.is_alphanumeric() || (small && letter.is_uppercase()) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        small = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What the words begin with that make a header one of credentials, in small letters.
const BEGINNINGS: [&[u8]; 25] = [
    b"pas", b"pw", b"psk", b"token", b"totp", b"secret", b"senha", b"sifre", b"salas", b"key", b"kennw", b"clave",
    b"contras", b"cred", b"code", b"mdp", b"motdep", b"heslo", b"haslo", b"wacht", b"zugang", b"adgang", b"lozin",
    b"geslo", b"identi",
];

/// For the lowest five bits of a first letter, those of the second letters that go with it, as bits.
const SECOND: [u32; 32] = {
    let mut second = [0; 32];
    let mut at = 0;
    while at < BEGINNINGS.len() {
        let word = BEGINNINGS[at];
        second[(word[0] & 31) as usize] |= 1 << (word[1] & 31);
        at += 1;
    }
    second
};

/// Whether a line may be the header of a table with credentials, at a glance: it has the beginning of one of the words, or
/// letters beyond ASCII.
pub(super) fn may_be_in(line: &[u8]) -> bool {
    let begins = |at: usize| {
        let there = &line[at..];
        BEGINNINGS.iter().any(|word| there.get(..word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word)))
    };
    !line.is_ascii()
        || line
            .windows(2)
            .enumerate()
            .any(|(at, two)| SECOND[usize::from(two[0] & 31)] >> (two[1] & 31) & 1 != 0 && begins(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_column_says_what_it_holds() {
        for (head, column) in [
            ("Password", Column::Password),
            ("Root password (initial)", Column::Password),
            ("userPassword", Column::Password),
            ("login_password", Column::Password),
            ("Mot de passe", Column::Password),
            ("Contraseña", Column::Password),
            ("Пароль", Column::Password),
            ("密码", Column::Password),
            ("WiFi key", Column::Password),
            ("Startpasswort", Column::Password),
            ("pw_clear", Column::Password),
            ("Pass", Column::Short),
            ("PW", Column::Short),
            ("User / Password", Column::Pair),
            ("Credentials", Column::Pair),
            ("API key", Column::Key),
            ("apiKey", Column::Key),
            ("Secret access key", Column::Secret),
            ("Access Token", Column::Token),
            ("User", Column::User),
            ("login_username", Column::User),
            ("IP", Column::Place),
            ("Password hash", Column::Other),
            ("password_hash", Column::Other),
            ("Password required", Column::Other),
            ("Key", Column::Other),
            ("Code", Column::Other),
            ("Tokens", Column::Other),
            ("The password that the user has to type in here", Column::Other),
            ("", Column::Other),
        ] {
            assert_eq!(of(head.as_bytes()), column, "{head}");
            assert!(!column.holds_credentials() || may_be_in(head.as_bytes()), "{head}");
        }
    }
}
