//! A proxy before a real server that speaks HTTP, which passes everything on, or does what a test wants to see survived.
//! It writes down every request. A connection stays open after an answer of the server's that was passed on as it is, where
//! both sides let it; what any other fault does is the end of it.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// How often threads look whether they are still wanted.
const GLANCE: Duration = Duration::from_millis(5);
/// More than the agent takes, in bytes.
const TOO_LARGE: usize = 5 << 20;

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is passed on, and so is the answer.
    Pass,
    /// The same, and it is noted as one that met a fault: the server's own.
    Watch,
    /// It is answered without the server: status, header lines, body.
    Answer(u16, &'static [&'static str], &'static str),
    /// The connection is reset as soon as it is clear what is asked for.
    Reset,
    /// There is no answer, and the connection stays open.
    Hang,
    /// Half of the server's answer comes, then the end.
    Half,
    /// The server's answer is half of its JSON, and says that this is all.
    CutJson,
    /// The answer goes on beyond any limit, and does not say how far.
    TooLarge,
    /// The server's answer says that it is something else.
    WrongType,
    /// The server's answer comes byte by byte, with a pause between.
    Trickle(Duration),
    /// Nobody listens.
    Refuse,
    /// It is passed on, and so is the answer; then the connection ends, and nothing has said that it would.
    Close,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Call {
    /// When.
    pub at: Instant,
    /// Its path.
    pub path: String,
    /// The namespace of Vault that its headers name.
    pub namespace: Option<String>,
    /// Whether it met a fault.
    pub met: bool,
}

#[derive(Debug)]
struct State {
    server: String,
    fault: Fault,
    /// What the path of a request must hold to meet the fault.
    only: String,
    calls: Vec<Call>,
    connections: usize,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    done: AtomicBool,
}

/// A running proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct Faults {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Faults {
    /// Starts one before a server (`http://HOST:PORT`), which passes everything on.
    ///
    /// # Errors
    /// When no port is free.
    pub fn before(server: &str) -> anyhow::Result<Self> {
        let state =
            State { server: host(server)?, fault: Fault::Pass, only: String::new(), calls: Vec::new(), connections: 0 };
        let shared = Arc::new(Shared { state: Mutex::new(state), done: AtomicBool::new(false) });
        // Below the ports that the system gives to clients, so that it is still free after a refusal. A port that was
        // found free may be held for a moment by a process that another test is about to start.
        let (address, first) = loop {
            let address = SocketAddr::from(([127, 0, 0, 1], super::free_port()?));
            if let Ok(listener) = TcpListener::bind(address) {
                break (address, listener);
            }
        };
        let own = Arc::clone(&shared);
        let listener = thread::spawn(move || own.listen(address, first));
        Ok(Self { address, shared, listener: Some(listener) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does something else from the next request on.
    pub fn set(&self, fault: Fault) {
        self.set_for("", fault);
    }

    /// Does something else from the next request on whose path holds a text, and passes on the others.
    pub fn set_for(&self, path: &str, fault: Fault) {
        let mut state = self.shared.state();
        path.clone_into(&mut state.only);
        state.fault = fault;
    }

    /// Passes on to another server from the next request on.
    ///
    /// # Errors
    /// When that is no address.
    pub fn lead_to(&self, server: &str) -> anyhow::Result<()> {
        self.shared.state().server = host(server)?;
        Ok(())
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// The requests so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.shared.done.store(true, Ordering::Relaxed);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

fn host(server: &str) -> anyhow::Result<String> {
    Ok(server.strip_prefix("http://").context("the server of the proxy has no TLS")?.to_owned())
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::Relaxed)
    }

    fn refuses(&self) -> bool {
        matches!(self.state().fault, Fault::Refuse)
    }

    fn listen(self: &Arc<Self>, address: SocketAddr, first: TcpListener) {
        let mut listener = Some(first);
        while !self.is_done() {
            if self.refuses() {
                listener = None;
            } else if listener.is_none() {
                listener = TcpListener::bind(address).ok();
            }
            let stream = listener.as_ref().and_then(|listener| {
                listener.set_nonblocking(true).ok()?;
                listener.accept().ok()
            });
            match stream {
                Some((stream, _)) => {
                    let own = Arc::clone(self);
                    // A client that breaks off is its own affair.
                    thread::spawn(move || drop(own.serve(stream)));
                }
                None => sleep(GLANCE),
            }
        }
    }

    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nonblocking(false)?;
        self.state().connections += 1;
        while self.serve_one(&mut client)? == Then::Another {}
        Ok(())
    }

    fn serve_one(&self, client: &mut TcpStream) -> io::Result<Then> {
        // Longer than the agent lets one wait, for an answer or idle.
        client.set_read_timeout(Some(Duration::from_secs(20)))?;
        let line = until(client, b"\r\n")?;
        let path = String::from_utf8_lossy(&line).split(' ').nth(1).unwrap_or_default().to_owned();
        let (fault, server, number) = {
            let mut state = self.state();
            let met = path.contains(&state.only) && !matches!(state.fault, Fault::Pass);
            let number = state.calls.len();
            state.calls.push(Call { at: Instant::now(), path, namespace: None, met });
            (if met { state.fault.clone() } else { Fault::Pass }, state.server.clone(), number)
        };
        if matches!(fault, Fault::Reset | Fault::Refuse) {
            // What is closed with something unread is reset.
            return Ok(Then::End);
        }
        let mut request = line;
        request.extend(until(client, b"\r\n\r\n")?);
        self.state().calls[number].namespace = header(&request, "x-vault-namespace");
        let mut body = vec![0; length(&request)];
        client.read_exact(&mut body)?;
        match fault {
            Fault::Hang => self.hang(client)?,
            Fault::Answer(status, headers, body) => client.write_all(&answer(status, headers, body.as_bytes()))?,
            Fault::TooLarge => {
                client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                client.write_all(&vec![b' '; TOO_LARGE])?;
            }
            fault => {
                let mut server = TcpStream::connect(server)?;
                // The server ends its answer with the connection, so that we need not know how long it is.
                let stays = header(&request, "connection").is_none()
                    && matches!(fault, Fault::Pass | Fault::Watch | Fault::Close);
                if header(&request, "connection").is_none() {
                    request.splice(request.len() - 2.., *b"Connection: close\r\n\r\n");
                }
                request.extend(body);
                server.write_all(&request)?;
                let mut answer = Vec::new();
                server.read_to_end(&mut answer)?;
                if stays && let Some(answer) = without_end(&answer) {
                    client.write_all(&answer)?;
                    return Ok(if matches!(fault, Fault::Close) { Then::End } else { Then::Another });
                }
                self.pass_on(client, &answer, &fault)?;
            }
        }
        Ok(Then::End)
    }

    /// Gives the server's answer, or what a fault makes of it.
    fn pass_on(&self, client: &mut TcpStream, whole: &[u8], fault: &Fault) -> io::Result<()> {
        let head = whole.windows(4).position(|part| part == b"\r\n\r\n").map_or(whole.len(), |at| at + 4);
        let body = &whole[head..];
        match fault {
            Fault::Half => client.write_all(&whole[..head + body.len() / 2]),
            Fault::CutJson => client.write_all(&answer(200, &[], &body[..body.len() / 2])),
            Fault::WrongType => client.write_all(&answer(200, &["Content-Type: text/html"], body)),
            Fault::Trickle(pause) => {
                for byte in whole {
                    if self.is_done() {
                        break;
                    }
                    client.write_all(&[*byte])?;
                    sleep(*pause);
                }
                Ok(())
            }
            _ => client.write_all(whole),
        }
    }

    /// Says nothing until the client gives up, or the test ends.
    fn hang(&self, client: &mut TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(GLANCE))?;
        while !self.is_done() {
            match client.read(&mut [0]) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                ended => return ended.map(|_| ()),
            }
        }
        Ok(())
    }
}

/// What becomes of a connection after an answer.
#[derive(PartialEq)]
enum Then {
    Another,
    End,
}

/// Takes the announced end of the connection out of an answer that says by itself where it ends.
fn without_end(answer: &[u8]) -> Option<Vec<u8>> {
    let head = answer.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    if header(answer.get(..head)?, "content-length").is_none() && header(&answer[..head], "transfer-encoding").is_none()
    {
        return None;
    }
    let line = b"Connection: close\r\n";
    let at = answer[..head].windows(line.len()).position(|part| part == line)?;
    Some([&answer[..at], &answer[at + line.len()..]].concat())
}

/// Reads up to an end and not a byte further.
fn until(client: &mut TcpStream, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(end) {
        client.read_exact(&mut byte)?;
        read.push(byte[0]);
    }
    Ok(read)
}

/// What a header says.
fn header(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

/// How long a request's body is.
fn length(request: &[u8]) -> usize {
    header(request, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn answer(status: u16, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        answer += header;
        answer += "\r\n";
    }
    answer += "\r\n";
    [answer.as_bytes(), body].concat()
}
