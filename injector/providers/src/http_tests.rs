//! The transport against servers that answer whatever a test scripts.

use std::net::SocketAddr;

use oakum_inject::config::PlainHttp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers every connection with the same bytes and closes it.
pub(crate) async fn scripted(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    address
}

async fn ask(answer: impl Into<Vec<u8>>) -> Result<Reply, ProviderError> {
    let address = scripted(answer.into()).await;
    let address = Address::parse(&format!("http://{address}"), PlainHttp::LoopbackOnly).unwrap();
    Transport::open(&address, None, None)?.send(Request::get("/v1/x").body(Vec::new()).unwrap()).await
}

#[tokio::test]
async fn reads_status_body_and_retry_after() {
    let reply = ask("HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
    assert_eq!((reply.status, reply.retry_after, reply.body.expose()), (429, Some(Duration::from_secs(7)), &b"{}"[..]));
}

#[tokio::test]
async fn half_an_answer_is_a_broken_connection() {
    let error = ask("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await.unwrap_err();
    assert_eq!((error.class, error.to_string().contains("middle of the answer")), (Class::Unreachable, true));
    assert_eq!(ask("").await.unwrap_err().class, Class::Unreachable);
    assert_eq!(ask("HTTP/1.1 200 OK\r\n").await.unwrap_err().class, Class::Unreachable);
}

#[tokio::test]
async fn what_is_no_http_or_too_large_is_malformed() {
    assert_eq!(ask("SSH-2.0-x\r\n\r\n").await.unwrap_err().class, Class::Malformed);
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", MAX_BODY + 1, "x".repeat(MAX_BODY + 1));
    assert_eq!(ask(large).await.unwrap_err().class, Class::Malformed);
    let header = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(ask(header).await.unwrap_err().class, Class::Malformed);
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_names_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let address = Address::parse(&format!("http://127.0.0.1:{port}"), PlainHttp::LoopbackOnly).unwrap();
    let error = Transport::open(&address, None, None)
        .unwrap()
        .send(Request::get("/").body(Vec::new()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Unreachable);
    assert_eq!(error.to_string(), format!("cannot reach http://127.0.0.1:{port}: connection refused"));
}

#[tokio::test]
async fn a_plain_server_is_told_from_one_that_speaks_tls() {
    let address = scripted(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    let address = Address::parse(&format!("https://{address}"), PlainHttp::LoopbackOnly).unwrap();
    // The system's certificates may be missing where the tests run; any will do here.
    let Ok(transport) = Transport::open(&address, None, None) else { return };
    let error = transport.send(Request::get("/").body(Vec::new()).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("does not speak TLS") && error.hint.is_some(), "{error}");
}

#[test]
fn a_ca_that_is_not_there_or_is_none_is_said() {
    let address = Address::parse("https://vault.example.com", PlainHttp::LoopbackOnly).unwrap();
    let missing = Transport::open(&address, Some(Path::new("/nonexistent/ca.pem")), None).err().unwrap();
    assert!(missing.class == Class::Misconfigured && missing.to_string().contains("/nonexistent/ca.pem"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "no certificate").unwrap();
    assert!(Transport::open(&address, Some(file.path()), None).err().unwrap().to_string().contains("no certificate"));
}

#[test]
fn retry_after_is_seconds_or_a_moment_of_the_servers_clock_and_bounded() {
    let (then, later) = (b"Wed, 21 Oct 2015 07:28:00 GMT", b"Wed, 21 Oct 2015 07:28:09 GMT");
    let date = date::parse(then);
    for (value, asked) in [
        (&b"3"[..], Some(Duration::from_secs(3))),
        (b"99999999", Some(MAX_RETRY_AFTER)),
        (later, Some(Duration::from_secs(9))),
        (b"Wednesday, 21-Oct-15 07:28:09 GMT", Some(Duration::from_secs(9))),
        (b"Thu, 22 Oct 2015 07:28:09 GMT", Some(MAX_RETRY_AFTER)),
        (b"Tue, 20 Oct 2015 07:28:09 GMT", Some(Duration::ZERO)),
        (b"-1", None),
        (b"99999999999999999999", None),
        (b"soon", None),
        (b"\xff", None),
    ] {
        assert_eq!(retry_after(value, date), asked, "{}", value.escape_ascii());
    }
    // A server that tells no time is taken to have ours.
    assert_eq!(retry_after(then, None), Some(Duration::ZERO));
    assert_eq!(retry_after(b"Fri, 31 Dec 9999 23:59:59 GMT", None), Some(MAX_RETRY_AFTER));
}

#[tokio::test]
async fn a_moment_in_retry_after_is_one_of_the_answers_own_clock() {
    let answer = "HTTP/1.1 503 X\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                  Retry-After: Sun, 06 Nov 1994 08:49:44 GMT\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(ask(answer).await.unwrap().retry_after, Some(Duration::from_secs(7)));
}
