//! HTTP/1.1 over TCP or TLS for providers: limits on everything, and no log of what it carries.
//!
//! A call whose answer may be a secret has a connection of its own. An idle one would hold the last answer in the buffers
//! of TLS, and with it a secret that was long delivered; when it is dropped, the allocator of the agent wipes them. TLS
//! sessions are resumed, so a new connection costs little. The calls that an agent makes most, renewals and looks at
//! whether something changed, are answered with no secret, and share a connection that stays open: see `idle`.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{HeaderValue, Request, Response, Version, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::Parts;
use hyper_util::rt::TokioIo;
use oakum_inject::config::{Address, ClientCert, Scheme};
use oakum_inject::{Class, ProviderError, Secret};
use rustls::AlertDescription;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::date;
use crate::idle::Idle;
use crate::stream::Stream;
use crate::tls::Tls;

/// How long a connection may take to be made, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take as a whole.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The most that an answer may hold, in bytes.
pub const MAX_BODY: usize = 4 << 20;
/// How long after a call that failed on an open connection it is made on a new one: nothing is asked for twice in a second.
const BEFORE_AGAIN: Duration = Duration::from_secs(1);
/// The longest wait that a server's `Retry-After` can ask for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A server, and how it is reached and trusted.
pub struct Transport {
    address: Address,
    tls: Option<Tls>,
    idle: Idle,
}

/// What a server answered.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// When it was, by the server's clock, as the time since 1970.
    pub date: Option<Duration>,
    /// The whole body, which may be a secret.
    pub body: Secret,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).field("body", &self.body).finish_non_exhaustive()
    }
}

/// An answer that goes on and on. The connection ends when it is dropped.
pub struct Streamed<'t> {
    /// The status.
    pub status: u16,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    body: Incoming,
    idle: Duration,
    transport: &'t Transport,
    _connection: Connection,
}

impl Streamed<'_> {
    /// Waits for the next part of the body; none at its end.
    ///
    /// # Errors
    /// [`Class::Unreachable`] when the connection broke, or nothing came for too long.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ProviderError> {
        loop {
            let frame = tokio::time::timeout(self.idle, self.body.frame())
                .await
                .map_err(|_| self.transport.unreachable(&format!("nothing came for {} s", self.idle.as_secs())))?;
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(_)) => {
                    return Err(self.transport.unreachable("the connection broke in the middle of the answer"));
                }
            }
        }
    }

    /// Reads the rest as the whole answer that it is where the server refuses to begin.
    ///
    /// # Errors
    /// As `Transport::send`.
    pub async fn whole(self) -> Result<Reply, ProviderError> {
        let body = tokio::time::timeout(CALL_TIMEOUT, self.transport.body(self.body))
            .await
            .map_err(|_| self.transport.unreachable("no whole answer came in time"))??;
        Ok(Reply { status: self.status, retry_after: self.retry_after, date: None, body })
    }
}

/// What stands in front of a body.
struct Head {
    status: u16,
    retry_after: Option<Duration>,
    date: Option<Duration>,
}

impl Head {
    fn of(response: &Response<Incoming>) -> Self {
        let said = |name| response.headers().get(name).map(HeaderValue::as_bytes);
        let date = said(header::DATE).and_then(date::parse);
        Self {
            status: response.status().as_u16(),
            retry_after: said(header::RETRY_AFTER).and_then(|value| retry_after(value, date)),
            date,
        }
    }
}

impl Transport {
    /// Prepares to reach a server. With `ca`, only certificates that descend from those in the file are trusted; else
    /// the system's are. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Class::Misconfigured`] when there is no certificate to trust, or the name cannot be one of a server.
    pub fn open(address: &Address, ca: Option<&Path>, server_name: Option<&str>) -> Result<Self, ProviderError> {
        let tls = match address.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(Tls::trusting(ca, server_name.unwrap_or(&address.host))?),
        };
        Ok(Self { address: address.clone(), tls, idle: Idle::default() })
    }

    /// Shows a certificate of ours to the server, which is read again when its files have changed.
    ///
    /// # Errors
    /// [`Class::Misconfigured`] when the certificate or its key cannot be used, or the server is spoken to in the clear.
    pub fn showing(mut self, files: &ClientCert) -> Result<Self, ProviderError> {
        let tls = self.tls.take().ok_or_else(|| {
            ProviderError::new(Class::Misconfigured, format!("{} is shown no certificate: it has no TLS", self.address))
        })?;
        Ok(Self { tls: Some(tls.showing(files)?), ..self })
    }

    /// Prepares to reach another server by the same scheme, and trusts the same authorities there.
    ///
    /// # Errors
    /// [`Class::Misconfigured`] when the host cannot be the name of a server.
    pub fn elsewhere(&self, host: &str) -> Result<Self, ProviderError> {
        let tls = self.tls.as_ref().map(|tls| tls.named(host)).transpose()?;
        let address = Address { host: host.to_owned(), ..self.address.clone() };
        Ok(Self { address, tls, idle: Idle::default() })
    }

    /// Gives the server's address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a request whose URI is a path, and reads the whole answer. `Host` is the address, unless the request has
    /// one: a signature may cover it.
    ///
    /// # Errors
    /// [`Class::Unreachable`] when no answer came in time, [`Class::Malformed`] when it is no HTTP or too large.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Reply, ProviderError> {
        self.in_time(async {
            let (response, _connection) = self.call(request).await?;
            self.whole(response).await
        })
        .await
    }

    /// The same over the connection that the last such call has left open, if it is still there. The answer must hold no
    /// secret, and the request do no harm when it is made twice: one that got no answer on a connection which was open
    /// before is made once more on a new one.
    ///
    /// # Errors
    /// As `send`.
    pub async fn send_over_open(&self, request: Request<Vec<u8>>) -> Result<Reply, ProviderError> {
        self.in_time(async {
            let connector = self.tls.as_ref().map(Tls::connector);
            if let Some(stream) = self.idle.take(connector.as_ref()) {
                match self.exchange_and_keep(stream, request.clone(), connector.as_ref()).await {
                    Err(error) if error.class == Class::Unreachable => tokio::time::sleep(BEFORE_AGAIN).await,
                    answered => return answered,
                }
            }
            let stream = self.connect(connector.as_ref()).await?;
            self.exchange_and_keep(stream, request, connector.as_ref()).await
        })
        .await
    }

    async fn exchange_and_keep(
        &self,
        stream: Stream,
        request: Request<Vec<u8>>,
        connector: Option<&TlsConnector>,
    ) -> Result<Reply, ProviderError> {
        let (response, connection) = self.exchange(stream, request, After::Open).await?;
        let stays = stays_open(&response);
        let reply = self.whole(response).await?;
        if stays && let Some(stream) = connection.stream().await {
            self.idle.put(stream, connector.cloned());
        }
        Ok(reply)
    }

    async fn in_time(&self, whole: impl Future<Output = Result<Reply, ProviderError>>) -> Result<Reply, ProviderError> {
        match tokio::time::timeout(CALL_TIMEOUT, whole).await {
            Ok(result) => result,
            Err(_) => Err(self.unreachable(&format!("no whole answer within {} s", CALL_TIMEOUT.as_secs()))),
        }
    }

    async fn whole(&self, response: Response<Incoming>) -> Result<Reply, ProviderError> {
        let Head { status, retry_after, date } = Head::of(&response);
        let body = self.body(response.into_body()).await?;
        Ok(Reply { status, retry_after, date, body })
    }

    /// Sends a request whose answer goes on and on, and gives the answer when it begins. Each part of it may take as
    /// long as `idle`.
    ///
    /// # Errors
    /// As `send`.
    pub async fn stream(&self, request: Request<Vec<u8>>, idle: Duration) -> Result<Streamed<'_>, ProviderError> {
        let (response, connection) = tokio::time::timeout(CALL_TIMEOUT, self.call(request))
            .await
            .map_err(|_| self.unreachable(&format!("no answer began within {} s", CALL_TIMEOUT.as_secs())))??;
        let Head { status, retry_after, .. } = Head::of(&response);
        Ok(Streamed { status, retry_after, body: response.into_body(), idle, transport: self, _connection: connection })
    }

    async fn call(&self, request: Request<Vec<u8>>) -> Result<(Response<Incoming>, Connection), ProviderError> {
        let stream = self.connect(self.tls.as_ref().map(Tls::connector).as_ref()).await?;
        self.exchange(stream, request, After::Closed).await
    }

    async fn connect(&self, connector: Option<&TlsConnector>) -> Result<Stream, ProviderError> {
        let connect = async {
            let stream = TcpStream::connect((self.address.host.as_str(), self.address.port))
                .await
                .map_err(|error| self.unanswered(&error))?;
            // Requests are one write each; waiting for more would only add latency.
            let _ = stream.set_nodelay(true);
            match (&self.tls, connector) {
                (Some(tls), Some(connector)) => {
                    let stream = connector.connect(tls.name(), stream).await.map_err(|error| self.untrusted(&error))?;
                    Ok(Stream::Tls(Box::new(stream)))
                }
                _ => Ok(Stream::Plain(stream)),
            }
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connect).await.map_err(|_| {
            self.unreachable(&format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()))
                .hint("does a firewall or a network policy stand between?")
        })?
    }

    async fn exchange(
        &self,
        stream: Stream,
        mut request: Request<Vec<u8>>,
        after: After,
    ) -> Result<(Response<Incoming>, Connection), ProviderError> {
        let host = HeaderValue::from_str(&self.address.authority())
            .map_err(|_| self.unreachable("its name cannot stand in a header"))?;
        request.headers_mut().entry(header::HOST).or_insert(host);
        if let After::Closed = after {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(128 << 10)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        // The task ends with the exchange, since nobody can send a second request. What it leaves is the stream alone:
        // the buffers of HTTP, which held the token, are dropped.
        let connection = Connection(tokio::spawn(async move {
            let Parts { io, read_buf, .. } = connection.without_shutdown().await.ok()?;
            read_buf.is_empty().then(|| io.into_inner())
        }));
        let response = sender
            .send_request(request.map(|body| Full::new(Bytes::from(body))))
            .await
            .map_err(|error| self.broken(&error))?;
        Ok((response, connection))
    }

    async fn body(&self, body: Incoming) -> Result<Secret, ProviderError> {
        let too_large = || self.malformed(&format!("the answer is larger than {MAX_BODY} bytes"));
        let announced = body.size_hint().lower();
        if announced > MAX_BODY as u64 {
            return Err(too_large());
        }
        let mut body = Limited::new(body, MAX_BODY);
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    too_large()
                } else {
                    self.unreachable("the connection broke in the middle of the answer")
                }
            })?;
            if let Some(data) = frame.data_ref() {
                bytes.extend_from_slice(data);
            }
        }
        Ok(Secret::from(bytes))
    }

    #[cfg(test)]
    pub(crate) fn idle(&self) -> &Idle {
        &self.idle
    }

    fn unanswered(&self, error: &std::io::Error) -> ProviderError {
        use std::io::ErrorKind;
        let hint = match error.kind() {
            ErrorKind::ConnectionRefused => "is the server up, and is the port in `address` its own?",
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                "check the host in `address`, and the network"
            }
            // The system has no kind of its own for a name that nobody knows.
            _ => "check the host in `address`: its name may not be known here",
        };
        self.unreachable(&crate::file::reason(error)).hint(hint)
    }

    fn broken(&self, error: &hyper::Error) -> ProviderError {
        if let Some(alert) = alert(error) {
            return alert_said(self.unreachable(&format!("it broke TLS off ({alert:?})")), alert);
        }
        if error.is_parse() {
            return self
                .malformed("the answer is not HTTP")
                .hint("is it a TLS port? then the address begins with https://");
        }
        self.unreachable(if error.is_incomplete_message() {
            "the connection was closed before an answer came"
        } else {
            "the connection broke"
        })
    }

    fn untrusted(&self, error: &std::io::Error) -> ProviderError {
        use rustls::{CertificateError, Error};
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        let (why, hint) = match tls {
            // A bad signature is that of an authority which bears the trusted one's name and has another key: made anew.
            Some(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => (
                "its certificate comes from an authority that is not trusted".to_owned(),
                Some("name the authority's certificate as `ca`"),
            ),
            Some(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => (
                "its certificate is for another name".to_owned(),
                Some("use the certificate's name in `address`, or say it as `server_name`"),
            ),
            Some(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => (
                "its certificate has expired".to_owned(),
                Some("renew the server's certificate, and check this machine's clock"),
            ),
            Some(Error::InvalidCertificate(other)) => {
                (format!("its certificate is not valid: {other:?}").chars().take(120).collect(), None)
            }
            Some(Error::InvalidMessage(_)) => {
                ("it does not speak TLS".to_owned(), Some("is it a plain port? then the address begins with http://"))
            }
            Some(Error::AlertReceived(alert)) => {
                return alert_said(self.unreachable(&format!("it broke TLS off ({alert:?})")), *alert);
            }
            Some(other) => (other.to_string().chars().take(120).collect(), None),
            None => (crate::file::reason(error), None),
        };
        let error = self.unreachable(&why);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn unreachable(&self, why: &str) -> ProviderError {
        ProviderError::new(Class::Unreachable, format!("cannot reach {}: {why}", self.address))
    }

    fn malformed(&self, why: &str) -> ProviderError {
        ProviderError::new(Class::Malformed, format!("cannot understand {}: {why}", self.address))
    }
}

/// Finds the alert by which a server broke TLS off. One about our certificate comes after the handshake (RFC 8446, 4.4.2).
fn alert(error: &hyper::Error) -> Option<AlertDescription> {
    let io = std::error::Error::source(error)?.downcast_ref::<std::io::Error>()?;
    match io.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

fn alert_said(error: ProviderError, alert: AlertDescription) -> ProviderError {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired | Alert::HandshakeFailure => {
            error.hint("it may want a certificate of ours: name it as `client_cert` and `client_key`")
        }
        Alert::BadCertificate | Alert::CertificateExpired | Alert::CertificateUnknown | Alert::UnknownCA => {
            error.hint("it does not take the certificate of ours in `client_cert`")
        }
        _ => error,
    }
}

/// What becomes of a connection when the answer is there.
enum After {
    Closed,
    Open,
}

/// Tells whether a server will take another request on the connection of an answer (RFC 9112, 9.3).
fn stays_open(response: &Response<Incoming>) -> bool {
    let mut says = response.headers().get_all(header::CONNECTION).iter();
    response.version() == Version::HTTP_11 && !says.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"keep-alive"))
}

/// The task that moves bytes between a stream and an exchange. It ends when it is dropped, whatever becomes of the answer.
struct Connection(tokio::task::JoinHandle<Option<Stream>>);

impl Connection {
    /// Waits for the end of the exchange, and gives the stream back where nothing was left on it.
    async fn stream(mut self) -> Option<Stream> {
        (&mut self.0).await.ok().flatten()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads `Retry-After` (RFC 9110, 10.2.3), bounded: seconds, or a moment. That is one of the server's clock, which `date`
/// tells; only where it does not is ours asked.
#[must_use]
pub fn retry_after(value: &[u8], date: Option<Duration>) -> Option<Duration> {
    let seconds = || std::str::from_utf8(value).ok()?.trim().parse().ok().map(Duration::from_secs);
    let until = || {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).ok();
        Some(date::parse(value)?.saturating_sub(date.or_else(now)?))
    };
    Some(seconds().or_else(until)?.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
