//! `/healthz`, `/readyz` and `/metrics` on loopback: names and numbers, never a value.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use oakum_inject::Alarm;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::harden;
use crate::machine::Status;

/// A question to the main loop, and where the answer goes. It is worked out when somebody asks: with thousands of secrets
/// that is too much for each step.
pub(crate) type Ask = oneshot::Sender<Told>;

/// How things are.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: Status,
    pub(crate) hardened: harden::Report,
    pub(crate) alarms: BTreeMap<Alarm, u64>,
}

/// How many may ask at once; probes are few.
const MAX_CONNECTIONS: usize = 16;

/// Takes the port and begins to answer.
pub(crate) async fn serve(address: SocketAddr, asks: mpsc::UnboundedSender<Ask>) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    tokio::spawn(async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                // Out of descriptors, most likely: let some close.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let asks = asks.clone();
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| {
                    let asks = asks.clone();
                    async move { Ok::<_, Infallible>(answer(request.method(), request.uri().path(), &asks).await) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(5))
                    .max_buf_size(16 << 10)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                drop(place);
            });
        }
    });
    Ok(())
}

async fn answer(method: &Method, path: &str, asks: &mpsc::UnboundedSender<Ask>) -> Response<Full<Bytes>> {
    let told = async {
        let (ask, answer) = oneshot::channel();
        asks.send(ask).ok()?;
        answer.await.ok()
    };
    let (code, kind, body) = match path {
        _ if method != Method::GET && method != Method::HEAD => {
            (StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n".to_owned())
        }
        "/healthz" => (StatusCode::OK, TEXT, "ok\n".to_owned()),
        "/readyz" | "/metrics" => match (told.await, path) {
            (None, _) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, "ending\n".to_owned()),
            (Some(told), "/metrics") => (StatusCode::OK, OPEN_METRICS, metrics(&told)),
            (Some(told), _) if told.status.ready => (StatusCode::OK, TEXT, "ready\n".to_owned()),
            (Some(told), _) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, waiting(&told.status)),
        },
        _ => (StatusCode::NOT_FOUND, TEXT, "there are /healthz, /readyz and /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn waiting(status: &Status) -> String {
    let mut text = String::from("not ready\n");
    for secret in status.secrets.iter().filter(|secret| !secret.published || secret.holds_up) {
        let why = match secret.fault {
            Some(class) => class.name(),
            None if secret.stale => "too old",
            None => "not fetched yet",
        };
        let _ = writeln!(text, "{}: {why}", secret.name);
    }
    text
}

/// Writes the numbers as OpenMetrics 1.0. Names of secrets hold nothing that a label would have to escape
/// (`oakum_inject::reference::Name`).
fn metrics(told: &Told) -> String {
    let mut out = String::new();
    let _ = write(&mut out, &told.status);
    let _ = write_alarms(&mut out, &told.alarms);
    let _ = write_sandbox(&mut out, &told.hardened.levels());
    out
}

/// Writes how often each alarm was raised; those that never were are there as 0, so that a rule can see them rise.
fn write_alarms(out: &mut String, alarms: &BTreeMap<Alarm, u64>) -> std::fmt::Result {
    writeln!(
        out,
        "# TYPE oakum_agent_alarms counter\n# HELP oakum_agent_alarms What may be an attack, and somebody should look at."
    )?;
    for alarm in Alarm::ALL {
        let times = alarms.get(alarm).copied().unwrap_or(0);
        writeln!(out, "oakum_agent_alarms_total{{kind=\"{}\"}} {times}", alarm.name())?;
    }
    Ok(())
}

/// Writes how far the process is shut in, and ends the whole.
fn write_sandbox(out: &mut String, levels: &[(&str, &str)]) -> std::fmt::Result {
    writeln!(
        out,
        "# TYPE oakum_agent_sandbox gauge\n# HELP oakum_agent_sandbox How far each part of the sandbox goes; swap: where pages of the volume may go."
    )?;
    for (part, level) in levels {
        writeln!(out, "oakum_agent_sandbox{{part=\"{part}\",level=\"{level}\"}} 1")?;
    }
    writeln!(out, "# EOF")
}

fn write(out: &mut String, status: &Status) -> std::fmt::Result {
    writeln!(
        out,
        "# TYPE oakum_agent_ready gauge\n# HELP oakum_agent_ready Whether every file has been published.\noakum_agent_ready {}",
        u8::from(status.ready)
    )?;
    writeln!(
        out,
        "# TYPE oakum_agent_generations counter\n# HELP oakum_agent_generations Sets of files published.\noakum_agent_generations_total {}",
        status.generations
    )?;
    writeln!(
        out,
        "# TYPE oakum_agent_publication_failures gauge\n# HELP oakum_agent_publication_failures Publications in a row that the volume refused.\noakum_agent_publication_failures {}",
        status.refused
    )?;
    writeln!(
        out,
        "# TYPE oakum_secret_published gauge\n# HELP oakum_secret_published Whether every file of the secret is there."
    )?;
    for secret in &status.secrets {
        writeln!(out, "oakum_secret_published{{secret=\"{}\"}} {}", secret.name, u8::from(secret.published))?;
    }
    writeln!(
        out,
        "# TYPE oakum_secret_age_seconds gauge\n# UNIT oakum_secret_age_seconds seconds\n# HELP oakum_secret_age_seconds Since the secret was last seen to be current."
    )?;
    for secret in &status.secrets {
        if let Some(age) = secret.age {
            writeln!(out, "oakum_secret_age_seconds{{secret=\"{}\"}} {:.3}", secret.name, age.as_secs_f64())?;
        }
    }
    writeln!(
        out,
        "# TYPE oakum_secret_stale gauge\n# HELP oakum_secret_stale Whether the secret is older than it may be, or its lease has ended."
    )?;
    for secret in &status.secrets {
        writeln!(out, "oakum_secret_stale{{secret=\"{}\"}} {}", secret.name, u8::from(secret.stale))?;
    }
    let seconds = [
        ("oakum_secret_next_seconds", "Until the secret is looked at again."),
        ("oakum_secret_lease_seconds", "Until the lease of the secret ends."),
    ];
    for (name, help) in seconds {
        writeln!(out, "# TYPE {name} gauge\n# UNIT {name} seconds\n# HELP {name} {help}")?;
        for secret in &status.secrets {
            let left = if name == seconds[0].0 { secret.next } else { secret.lease };
            if let Some(left) = left {
                writeln!(out, "{name}{{secret=\"{}\"}} {:.3}", secret.name, left.as_secs_f64())?;
            }
        }
    }
    writeln!(
        out,
        "# TYPE oakum_secret_version gauge\n# HELP oakum_secret_version The store's own number of the version at hand."
    )?;
    for secret in &status.secrets {
        if let Some(version) = secret.version {
            writeln!(out, "oakum_secret_version{{secret=\"{}\"}} {version}", secret.name)?;
        }
    }
    writeln!(
        out,
        "# TYPE oakum_secret_failures gauge\n# HELP oakum_secret_failures Failures in a row, by what can be done about the last."
    )?;
    for secret in &status.secrets {
        let class = secret.fault.map_or("none", oakum_inject::Class::name);
        writeln!(out, "oakum_secret_failures{{secret=\"{}\",class=\"{class}\"}} {}", secret.name, secret.failures)?;
    }
    Ok(())
}
