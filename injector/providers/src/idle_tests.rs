//! The connection that stays open, against a server that counts connections and requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::Request;
use oakum_inject::config::{Address, PlainHttp};
use oakum_inject::{Class, ProviderError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::http::{Reply, Transport};

/// What became of the connections: how many there were, how many of them have ended, and how many requests came.
#[derive(Default)]
struct Count {
    begun: AtomicUsize,
    ended: AtomicUsize,
    requests: AtomicUsize,
}

impl Count {
    fn now(&self) -> (usize, usize, usize) {
        let [begun, ended, requests] = [&self.begun, &self.ended, &self.requests].map(|it| it.load(Ordering::Relaxed));
        (begun, ended, requests)
    }
}

/// Answers each request, but closes a connection in place of the answers whose number within it is given.
async fn server(answer: &'static str, closes: BTreeMap<usize, usize>) -> (Transport, Arc<Count>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(Count::default());
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = counted.begun.fetch_add(1, Ordering::Relaxed);
            let (counted, most) = (Arc::clone(&counted), closes.get(&number).copied());
            tokio::spawn(async move {
                serve(stream, answer, most, &counted).await;
                counted.ended.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    (transport(address), count)
}

async fn serve(mut stream: TcpStream, answer: &str, most: Option<usize>, count: &Count) {
    for number in 0.. {
        let mut request = [0; 4096];
        if !matches!(stream.read(&mut request).await, Ok(1..)) {
            return;
        }
        count.requests.fetch_add(1, Ordering::Relaxed);
        if most == Some(number) {
            return;
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn transport(address: SocketAddr) -> Transport {
    Transport::open(&Address::parse(&format!("http://{address}"), PlainHttp::LoopbackOnly).unwrap(), None, None)
        .unwrap()
}

fn request() -> Request<Vec<u8>> {
    Request::get("/v1/x").body(Vec::new()).unwrap()
}

async fn ask(transport: &Transport) -> Result<Reply, ProviderError> {
    transport.send_over_open(request()).await
}

const OPEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn calls_share_a_connection_and_one_whose_answer_is_a_secret_has_its_own() {
    let (transport, count) = server(OPEN, BTreeMap::new()).await;
    for _ in 0..3 {
        assert_eq!(ask(&transport).await.unwrap().body.expose(), b"{}");
    }
    assert_eq!(count.now(), (1, 0, 3));
    transport.send(request()).await.unwrap();
    assert_eq!(count.now().0, 2);
    ask(&transport).await.unwrap();
    assert_eq!((count.now().0, count.now().2), (2, 5));
}

#[tokio::test]
async fn of_calls_at_the_same_time_each_has_a_connection_and_one_stays() {
    let (transport, count) = server(OPEN, BTreeMap::new()).await;
    let (one, other) = tokio::join!(ask(&transport), ask(&transport));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(count.now().0, 2);
    ask(&transport).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(count.now(), (2, 1, 3));
}

#[tokio::test]
async fn a_server_that_says_it_closes_is_believed() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    for answer in [closing, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"] {
        let (transport, count) = server(answer, BTreeMap::new()).await;
        ask(&transport).await.unwrap();
        ask(&transport).await.unwrap();
        assert_eq!((count.now().0, count.now().2), (2, 2));
    }
}

#[tokio::test]
async fn what_was_left_on_a_connection_is_no_answer_to_the_next_request() {
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";
    let (transport, count) = server(two, BTreeMap::new()).await;
    for _ in 0..2 {
        assert_eq!(ask(&transport).await.unwrap().body.expose(), b"{}");
    }
    assert_eq!(count.now().0, 2);
}

#[tokio::test]
async fn a_call_that_an_old_connection_did_not_answer_is_made_once_more_a_second_later() {
    // The first connection breaks at its second request; so does the second connection, at its first.
    let (transport, count) = server(OPEN, BTreeMap::from([(0, 1), (2, 0)])).await;
    ask(&transport).await.unwrap();
    let began = Instant::now();
    ask(&transport).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!((count.now().0, count.now().2), (2, 3));
    // On a new connection, it is not: that is for the caller to decide.
    drop(place(&transport.idle().0).kept.take());
    assert_eq!(ask(&transport).await.unwrap_err().class, Class::Unreachable);
    assert_eq!((count.now().0, count.now().2), (3, 4));
}

#[tokio::test]
async fn one_that_the_server_has_closed_is_seen_to_be_closed_before_anything_is_sent() {
    let (transport, count) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", BTreeMap::new()).await;
    let (there, here) = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let here = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().unwrap().0, here)
    };
    transport.idle().put(Stream::Plain(here), None);
    drop(there);
    let began = Instant::now();
    ask(&transport).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!((count.now().0, count.now().2), (1, 1));
}

#[tokio::test]
async fn an_idle_one_is_closed_after_a_while_and_not_before() {
    let (transport, count) = server(OPEN, BTreeMap::new()).await;
    ask(&transport).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(IDLE - Duration::from_secs(1)).await;
    ask(&transport).await.unwrap();
    tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
    assert_eq!(count.now(), (1, 0, 2));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(place(&transport.idle().0).kept.is_none());
    // A later one is watched as well.
    tokio::time::resume();
    ask(&transport).await.unwrap();
    assert_eq!((count.now().0, count.now().2), (2, 3));
    tokio::time::pause();
    tokio::time::sleep(IDLE + Duration::from_secs(1)).await;
    assert!(place(&transport.idle().0).kept.is_none());
}

#[tokio::test]
async fn one_that_was_made_with_other_certificates_is_not_used() {
    let connector = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (before, now, idle) = (connector(), connector(), Idle::default());
    for (by, asked, taken) in [
        (Some(&before), Some(&before), true),
        (Some(&before), Some(&now), false),
        (None, Some(&now), false),
        (Some(&now), None, false),
    ] {
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        idle.put(Stream::Plain(stream), by.cloned());
        assert_eq!(idle.take(asked).is_some(), taken);
        assert!(idle.take(asked).is_none());
    }
}
