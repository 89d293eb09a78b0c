//! Each way to write a table: what is found in it, and the way to it; and tables that only speak of passwords.

use std::sync::LazyLock;

use oakum_patterns::{Engine, Rule};
use proptest::prelude::*;

use super::super::{Format, read};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(Rule::builtin().to_vec()).unwrap());

/// The key path and the text of what is found in a file.
fn found(name: &str, text: &str) -> Vec<(String, String)> {
    let format = Format::of_path(name.as_bytes()).unwrap();
    let found = read(&ENGINE, format, text.as_bytes(), &[]).found;
    found.iter().map(|f| (f.key.clone(), text[f.range.clone()].to_owned())).collect()
}

fn finds(name: &str, text: &str, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(found(name, text), expected, "{name}:\n{text}");
}

fn is_quiet(name: &str, text: &str) {
    finds(name, text, &[]);
}

#[test]
fn rows_of_bars_have_the_names_of_their_columns() {
    let login = &[("web1.Password", "Walnut94"), ("db1.Password", "harbor!7x")];
    let markdown = "# Hosts\n\n| Host | User | Password |\n|---|:-:|---|\n| web1 | root | `Walnut94` |\n| db1 | app | **harbor!7x** |\n| db2 | app | in 1Password |\n";
    finds("README.md", markdown, login);
    finds("README.md", &markdown.replace("\n|", "\n> |"), login);
    finds("a.org", &markdown.replace('`', "="), login);
    let open = "Host | User | Password\n--- | --- | ---\nweb1 | root | Walnut94\ndb1 | app | harbor!7x\n\nweb2 | root | Walnut95\n";
    finds("README.md", open, login);
    let printed = " host | user | password\n------+------+----------\n web1 | root | Walnut94\n(1 row)\n";
    finds("dump.txt", printed, &[("web1.password", "Walnut94")]);
    let grid = "+------+------+----------+\n| Host | User | Password |\n+======+======+==========+\n| web1 | root | Walnut94 |\n+------+------+----------+\n";
    finds("a.rst", grid, &[("web1.Password", "Walnut94")]);
    finds("a.wiki", "||Host||User||Password||\n|web1|root|{{Walnut94}}|\n", &[("web1.Password", "Walnut94")]);
    finds("a.textile", "|_. Host |_. User |_. Password |\n|web1|root|Walnut94|\n", &[("web1.Password", "Walnut94")]);
    finds(
        "a.feature",
        "    Examples:\n      | username | password |\n      | anna     | walnutharbor |\n",
        &[("anna.password", "walnutharbor")],
    );
    // A bar that is none.
    finds("a.md", "| User | PW |\n|--|--|\n| anna | wal\\|nut94 |\n", &[("anna.PW", "wal\\|nut94")]);
}

#[test]
fn rows_go_over_lines() {
    let asciidoc =
        "[cols=\"1,1,2\"]\n|===\n|Host |User |Password\n\n|web1\n|root\n|Walnut94\n\n|db1 |app |harbor!7x\n|===\n";
    finds("a.adoc", asciidoc, &[("web1.Password", "Walnut94"), ("db1.Password", "harbor!7x")]);
    finds(
        "a.adoc",
        &asciidoc.replace("[cols=\"1,1,2\"]", "[%header]"),
        &[("web1.Password", "Walnut94"), ("db1.Password", "harbor!7x")],
    );
    let wiki = "{| class=\"wikitable\"\n! Host !! User\n! scope=\"col\" | Password\n|-\n| web1 || root || Walnut94\n|-\n| db1\n| app\n| style=\"x\" | harbor!7x\n|}\n";
    finds("a.mediawiki", wiki, &[("web1.Password", "Walnut94"), ("db1.Password", "harbor!7x")]);
    let list = ".. list-table::\n   :header-rows: 1\n\n   * - Host\n     - User\n     - Password\n   * - web1\n     - root\n     - ``Walnut94``\n\nText.\n";
    finds("a.rst", list, &[("web1.Password", "Walnut94")]);
}

#[test]
fn columns_stand_below_their_names() {
    let aligned = "HOST     USER      PASSWORD\nweb1     root      Walnut94\ndb1      application harbor!7x\n\nweb2     root      Walnut95\n";
    finds("notes.txt", aligned, &[("web1.PASSWORD", "Walnut94")]);
    finds("notes.txt", "User\tPassword\nanna\tWalnut94\n", &[("anna.Password", "Walnut94")]);
    let simple = "=====  =====  ==========\nHost   User   Password\n=====  =====  ==========\nweb1   root   Walnut94\n=====  =====  ==========\n";
    finds("a.rst", simple, &[("web1.Password", "Walnut94")]);
}

#[test]
fn pages_have_tables() {
    let page = "<table><thead><tr><th>Host<th><b>User</b><th>Password</thead>\n<tr><td>web1</td><td>root</td><td><code>Wal&amp;nut94</code></td></tr>\n<TR><TD>db1</TD><TD>app</TD><TD>see KeePass</TD></TR></table>";
    finds("a.html", page, &[("web1.Password", "Wal&amp;nut94")]);
    // A tag that is never closed.
    is_quiet("a.html", "<table><tr><td <td>Password</td><td>User</td></tr><tr><td <td");
}

#[test]
fn records_have_named_fields() {
    finds(
        "a.csv",
        "name,email,password,role\nJoe,joe@example.com,walnutharbor,user\nAnn,ann@example.com,,user\n",
        &[("Joe.password", "walnutharbor")],
    );
    finds(
        "a.csv",
        "\u{feff}\"Title\";\"Username\";\"Password\";\"URL\"\n\"Shop, old\";\"anna\";\"wal;\"\"nut\";\"https://shop.example.com\"\n",
        &[("[\"Shop, old\"].Password", "wal;\"\"nut")],
    );
    finds("a.tsv", "user\tapi_key\nanna\tkQzWpVxJtRbN7mHgYd2c\n", &[("anna.api_key", "kQzWpVxJtRbN7mHgYd2c")]);
    // A field may go over lines.
    finds(
        "a.csv",
        "name,notes,login_uri,login_username,login_password\nshop,\"a\nb\",https://x.example.com,anna,Walnut94\n",
        &[("shop.login_password", "Walnut94")],
    );
}

#[test]
fn a_user_and_a_password_share_a_cell() {
    finds(
        "a.md",
        "| Service | Credentials |\n|--|--|\n| ci | `admin` / `Walnut94` |\n| qa | admin:harbor77 |\n| vault | ask Bob |\n",
        &[("ci.Credentials", "Walnut94"), ("qa.Credentials", "harbor77")],
    );
}

#[test]
fn manuals_have_such_columns_too() {
    is_quiet(
        "a.md",
        "| Variable | Default | Description |\n|---|---|---|\n| `DB_PASSWORD` | changeme | the password |\n",
    );
    is_quiet(
        "a.md",
        "| Parameter | Type | Password |\n|---|---|---|\n| a | string | required |\n| b | int | SHA-256 |\n| c | x | supported |\n",
    );
    is_quiet("a.md", "| Test | Pass | Fail |\n|---|---|---|\n| unit | 100245 | 12 |\n");
    is_quiet(
        "a.md",
        "| User | Password |\n|---|---|\n| anna | ******** |\n| bob | `${BOB_PASSWORD}` |\n| eve | see KeePass |\n| joe | <password> |\n| sue | [vault](https://vault.example.com/Sue94) |\n| ann | bcrypt |\n",
    );
    is_quiet(
        "a.csv",
        "id,login,password\n1,anna,5f4dcc3b5aa765d61d8327deb882cf99\n2,bob,$2y$10$abcdefghijklmnopqrstuv\n3,eve,\n",
    );
    is_quiet("a.csv", "word,token,count\nhouse,NN,12\n");
    is_quiet("a.csv", "key,en,de\nlogin.password,Password,Passwort\n");
    is_quiet("a.txt", "Key      Command     Pass\nCtrl+A   select-all1 ok\n");
    is_quiet("a.txt", "The user  types the  password\nand then walnut94 is\n");
    is_quiet(
        "a.html",
        "<table><tr><td>Password</td><td>User</td></tr></table><table><tr><td>Walnut94</td><td>x</td></tr></table>",
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No reader panics, and each place is in the text.
    #[test]
    fn any_table_is_read(text in r#"[\x00-\x7f]{0,40}|(\||\|\||!|!!|\{\||\|\}|\|-|\|===|\n|  |\t|,|;|"|---|\+|<tr>|<td>|<th|>|</table>|\* - |- |\[cols=|"1,2"|User|Password|anna|Walnut94|\\|`|''|ä|=|sep=|:){0,40}"#) {
        for name in ["a.md", "a.html", "a.csv", "a.tsv"] {
            let format = Format::of_path(name.as_bytes()).unwrap();
            let found = read(&ENGINE, format, text.as_bytes(), &[]).found;
            prop_assert!(found.iter().all(|f| f.range.start <= f.range.end && f.range.end <= text.len()));
        }
    }
}
