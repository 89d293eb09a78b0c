//! Whose password it is, where a line says that before: `Login: anna  Password: …`, `user anna and the password …`.

/// How far back on its line a user is looked for.
const BACK: usize = 120;
/// How many words of a line are looked at.
const MOST_WORDS: usize = 10;

/// What one who signs in is called.
const USERS: [&str; 34] = [
    "user",
    "username",
    "login",
    "account",
    "benutzer",
    "benutzername",
    "nutzer",
    "nutzername",
    "usuario",
    "usuário",
    "utilisateur",
    "identifiant",
    "compte",
    "cuenta",
    "conta",
    "utente",
    "gebruiker",
    "gebruikersnaam",
    "użytkownik",
    "логин",
    "пользователь",
    "用户名",
    "用户",
    "账号",
    "帐号",
    "账户",
    "ユーザー名",
    "ユーザー",
    "uživatel",
    "användare",
    "användarnamn",
    "bruker",
    "adı",
    "usr",
];

/// Whether a word, in small letters, is what one who signs in is called.
pub(crate) fn is_user(word: &str) -> bool {
    USERS.contains(&word)
}

/// What stands between a user and the word for the password.
const BETWEEN: [&str; 29] = [
    "and", "with", "the", "its", "und", "mit", "dem", "das", "y", "con", "la", "el", "et", "le", "avec", "e", "com",
    "a", "i", "z", "has", "default", "initial", "your", "using", "is", "der", "en", "och",
];

/// Verbs between the word for a user and who it is.
const IS: [&str; 9] = ["is", "ist", "est", "es", "é", "named", "called", "was", "è"];

/// What is no user, but a word of a sentence.
const NOBODY: [&str; 16] = [
    "name", "or", "to", "for", "in", "of", "on", "not", "no", "any", "new", "old", "password", "this", "that", "their",
];

/// What a password is of, where a line has nothing else before it: `Guest wifi password: …`.
const OPENED: [&str; 33] = [
    "root",
    "admin",
    "guest",
    "wifi",
    "wi-fi",
    "wlan",
    "bios",
    "db",
    "database",
    "router",
    "server",
    "vpn",
    "mail",
    "ftp",
    "ssh",
    "default",
    "initial",
    "master",
    "sudo",
    "keystore",
    "switch",
    "lab",
    "demo",
    "temporary",
    "enter",
    "mysql",
    "jenkins",
    "vnc",
    "nas",
    "printer",
    "windows",
    "account",
    "pem",
];

/// Whether a line names a user right before what ends it, or what the password opens and nothing else. Who signs in with their own
/// name, which is the `value` then, does so everywhere.
pub(super) fn names_user(text: &[u8], end: usize, value: &[u8]) -> bool {
    let low = end.saturating_sub(BACK);
    let before = &text[low..end];
    let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
    if line.is_empty() {
        return false;
    }
    // Arguments of a call, and fields of an object, are code: there a word is a variable.
    let called = line.windows(2).any(|two| (two[0].is_ascii_alphanumeric() || two[0] == b'_') && two[1] == b'(');
    let object = line.contains(&b'{') && memchr::memmem::find(line, b"\\text").is_none();
    if called || object || line.contains(&b'$') {
        return false;
    }
    let words = words(line);
    let item = line.trim_ascii_start();
    let item = item.strip_prefix(b"- ").or_else(|| item.strip_prefix(b"* ")).unwrap_or(item);
    let plain = item.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'-'));
    if plain
        && (1..=3).contains(&words.len())
        && words.iter().all(|word| OPENED.contains(&word.to_lowercase().as_str()))
    {
        return true;
    }
    let mut rest = words.iter().rev().map(|word| word.to_lowercase()).peekable();
    while rest.next_if(|word| BETWEEN.contains(&word.as_str())).is_some() {}
    match rest.next() {
        Some(user) if user.as_bytes().eq_ignore_ascii_case(value) => return false,
        Some(user) if user.len() >= 2 && !is_user(&user) && !NOBODY.contains(&user.as_str()) => {}
        _ => return false,
    }
    while rest.next_if(|word| IS.contains(&word.as_str())).is_some() {}
    match rest.next().as_deref() {
        // `sign in as admin`, `log in to the console as admin`.
        Some("as" | "als" | "como") => rest.any(|word| {
            is_user(&word) || matches!(word.as_str(), "in" | "on" | "logged" | "log" | "connect" | "anmelden")
        }),
        Some("name") => rest.next().is_some_and(|word| is_user(&word)),
        Some(word) => is_user(word),
        None => false,
    }
}

/// The last words of a line.
fn words(line: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(line);
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '@' | '+' | '-' | '\\');
    let mut words: Vec<String> = text
        .rsplit(|c| !is_of_word(c))
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(MOST_WORDS)
        .map(str::to_owned)
        .collect();
    words.reverse();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_whose_password_it_is() {
        let names = |line: &str| names_user(line.as_bytes(), line.len(), b"walnuts");
        for line in [
            "Login: anna  ",
            "x\nDefault login is admin, ",
            "sign in as **admin** with the ",
            "Benutzer „admin“ und ",
            "用户名:admin ",
            "\\texttt{user: lab, ",
            "User name: anna / ",
            "- Guest wifi ",
            "    Enter keystore ",
            "Log in to http://localhost:8080 as **root** with ",
        ] {
            assert!(names(line), "{line}");
        }
        for line in [
            "user and ",
            "user=walnuts ",
            "Login: anna\n",
            "login(user: name, ",
            "{ user: name, ",
            "the new user's ",
            "user name or ",
            "",
        ] {
            assert!(!names(line), "{line}");
        }
    }
}
