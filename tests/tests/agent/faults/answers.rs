//! Answers that are no use: by Vault, by a standby, by whatever stands between.

use std::thread::scope;
use std::time::Duration;

use e2e::servers::faults::Fault;
use serde_json::json;

use super::Row;
use crate::MAY_READ;

/// Each kind of answer to an agent of its own: the last good file stays, and the next value comes as soon as the answers
/// are good.
fn are_survived(rows: &[(&'static str, Fault, &str, &str)]) {
    scope(|scope| {
        for (name, fault, what, class) in rows {
            scope.spawn(|| {
                let mut row = Row::new(name);
                row.strikes(fault.clone(), what, class);
                row.passes();
            });
        }
    });
}

#[test]
fn a_server_that_cannot_serve_now_is_waited_out() {
    let page = "<html>Bad Gateway</html>";
    let answer = |status, body| Fault::Answer(status, &[], body);
    let behind = answer(412, r#"{"errors":["required index state not present"]}"#);
    let error = answer(500, r#"{"errors":["internal error"]}"#);
    are_survived(&[
        ("status-412", behind, "is behind its primary (required index state not present)", "unreachable"),
        ("status-472", answer(472, ""), "is a standby that does not serve (status 472)", "unreachable"),
        ("status-473", answer(473, ""), "is a standby that does not serve (status 473)", "unreachable"),
        ("status-500", error, "is not well (status 500) (internal error)", "unreachable"),
        ("status-502", answer(502, page), "is not well (status 502)", "unreachable"),
        ("status-503", answer(503, ""), "is not well (status 503)", "unreachable"),
    ]);
}

#[test]
fn a_standby_that_sends_us_elsewhere_is_not_followed() {
    // Nobody is there to be followed to.
    let fault = Fault::Answer(307, &["Location: http://127.0.0.1:1/"], "");
    are_survived(&[("status-307", fault, "sends us elsewhere (status 307)", "unreachable")]);
}

#[test]
fn a_refusal_keeps_the_last_good_file() {
    let fault = Fault::Answer(400, &[], r#"{"errors":["what is that"]}"#);
    are_survived(&[("status-400", fault, "refuses (status 400) (what is that)", "refused")]);
}

#[test]
fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let seconds: &[_] = &["Retry-After: 4"];
    // A moment is one of the server's clock, however far that is from ours.
    let moment: &[_] = &["Date: Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After: Sun, 06 Nov 1994 08:49:41 GMT"];
    for (name, headers) in [("status-429", seconds), ("status-429-date", moment)] {
        let mut row = Row::new(name);
        let busy = Fault::Answer(429, headers, r#"{"errors":["quota exceeded"]}"#);
        row.strikes(busy, "is busy, or on standby (status 429) (quota exceeded)", "unreachable");
        let met: Vec<_> = row.faults.calls().into_iter().filter(|call| call.met).collect();
        assert_eq!(met.len(), 2, "{met:?}");
        assert!(met[1].at - met[0].at >= Duration::from_secs(4), "{met:?}");
        row.passes();
    }
}

#[test]
fn what_is_no_answer_of_vault_never_becomes_a_file() {
    let html = &["Content-Type: text/html"];
    let page = Fault::Answer(200, html, "<html>Please log in</html>");
    let blocked = Fault::Answer(403, html, "<html>blocked</html>");
    are_survived(&[
        ("page", page, "it is a page of HTML", "malformed"),
        ("blocked", blocked, "a refusal that is not Vault's", "malformed"),
        ("cut-json", Fault::CutJson, "its JSON is cut off", "malformed"),
        ("half-a-body", Fault::Half, "the connection broke in the middle of the answer", "unreachable"),
    ]);
}

#[test]
fn a_wrong_content_type_does_not_matter() {
    let mut row = Row::new("content-type");
    row.faults.set(Fault::WrongType);
    row.vault.put("content-type", &json!({"word": "second"}));
    row.agent.until("the new value", |_| row.place.read("db").as_deref() == Some("second"));
    assert!(!row.agent.err().contains(" warn "), "{}", row.agent.err());
}

#[test]
fn an_answer_without_end_is_cut_off_at_the_limit() {
    let mut row = Row::new("oversized");
    row.strikes(Fault::TooLarge, "the answer is larger than 4194304 bytes", "malformed");
    let peak = row.agent.process().peak().unwrap();
    assert!(peak < 100_000, "{peak} kB");
    row.passes();
}

#[test]
fn a_login_that_cannot_be_served_is_tried_again_and_not_in_a_loop() {
    let busy = Fault::Answer(429, &["Retry-After: 3"], r#"{"errors":["rate limit"]}"#);
    for (name, fault, least) in
        [("login-500", Fault::Answer(500, &[], r#"{"errors":["internal error"]}"#), 900), ("login-429", busy, 2900)]
    {
        let mut row = Row::start(name, MAY_READ, &json!({"token_ttl": "1h"}), fault);
        row.agent.until_said("store=vault class=unreachable", 2);
        assert_eq!((row.place.read("db"), row.tells("/readyz").status), (None, 503));
        let calls = row.faults.calls();
        let calls: Vec<_> = calls.iter().filter(|call| call.path.ends_with("/login")).map(|call| call.at).collect();
        for pair in calls.windows(2) {
            assert!(pair[1] - pair[0] >= Duration::from_millis(least), "{name}: {:?}", pair[1] - pair[0]);
        }
        row.faults.set(Fault::Pass);
        row.recovers("first");
    }
}
