//! HTTP connections, and their limits.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{interval, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::body::Body;
use crate::base::clock::Clock;
use crate::net::stream::Stream;

/// How long a client may take to send the head of its one request.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a connection for one request may last, until the client has taken its answer.
const TOTAL_TIME: Duration = Duration::from_secs(30);

/// How long a connection may be open without a request, and so how long a client may take to send the head of one. That is
/// counted in [looks](LOOK_TIME), so that it may be two of them more: a timer for each head would cost more than reading it.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// How long a client may take nothing of its answer, and how long it may take for all of it.
const STALL_TIME: Duration = Duration::from_secs(30);
const ANSWER_TIME: Duration = Duration::from_secs(300);

/// How often that is looked at, and HTTP/2 clients are asked for a sign of life.
const LOOK_TIME: Duration = Duration::from_secs(10);

/// The longest head of a request, in bytes, and the most header lines.
pub(super) const HEAD_SIZE: usize = 16 * 1024;
const HEADERS: usize = 64;

/// The most requests at a time on one connection.
const STREAMS: u32 = 64;

/// Answers one request on `stream` and closes it. Ends after half a minute at the latest.
pub(super) async fn serve_one<F>(stream: Stream, answer: impl Fn(Request<Incoming>) -> F)
where
    F: Future<Output = Response<Body>>,
{
    let service = service_fn(|request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .max_headers(HEADERS)
        .keep_alive(false)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(TOTAL_TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "HTTP connection"),
        Err(_) => debug!("HTTP connection took too long"),
    }
}

/// Answers requests on `stream`, by HTTP/1.1 or by HTTP/2 (chosen in TLS, or with prior knowledge), until the client
/// is done or does nothing for too long.
pub(super) async fn serve<F>(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    clock: Clock,
    answer: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let requests = Arc::new(Requests::new(clock));
    let under_way = Arc::clone(&requests);
    let service = service_fn(move |request: Request<Incoming>| {
        let begun = under_way.begin();
        if is_upload(request.method()) {
            begun.may_last();
        }
        answer(request).map(|mut response| {
            begun.answered();
            response.body_mut().lasts(begun);
            Ok::<_, Infallible>(response)
        })
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALL_TIME));
    let builder = builder(Streams(Arc::clone(&requests)));
    let connection = builder.serve_connection(TokioIo::new(Box::pin(stream)), service);
    tokio::pin!(connection);
    let mut looks = interval(LOOK_TIME);
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    debug!(%error, "HTTP connection");
                }
                return;
            }
            _ = looks.tick() => match requests.judge() {
                Verdict::Fine => {}
                Verdict::Idle if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                Verdict::Idle | Verdict::Stuck => return,
            },
        }
    }
}

/// Whether requests of this method bring a body, which may take as long as it likes.
pub(super) fn is_upload(method: &Method) -> bool {
    matches!(method.as_str(), "PUT" | "POST" | "SOURCE")
}

fn builder(streams: Streams) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(streams);
    builder
        .http1()
        .header_read_timeout(None)
        .max_buf_size(HEAD_SIZE)
        .max_headers(HEADERS)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_SIZE as u32)
        .keep_alive_interval(LOOK_TIME)
        .keep_alive_timeout(STALL_TIME);
    builder
}

/// The requests of a connection that are being answered.
#[derive(Debug)]
struct Requests {
    table: Mutex<Table>,
    clock: Clock,
}

#[derive(Debug)]
struct Table {
    /// At most as many as a connection has [`STREAMS`].
    open: Vec<Answering>,
    /// The number of the newest.
    count: u64,
    /// For how long there has been none, as far as looks tell.
    idle: Duration,
}

/// A request as long as it is being answered.
#[derive(Debug)]
struct Answering {
    number: u64,
    /// When it or its answer began; `None` if it may last.
    since: Option<Instant>,
    /// How much longer the client may let lie what there is for it.
    patience: Option<Duration>,
    /// Ends it by HTTP/2, and nothing else on the connection.
    given_up: Option<CancellationToken>,
}

/// What drives the answers by HTTP/2, so that each can be given up.
#[derive(Clone, Debug)]
struct Streams(Arc<Requests>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, answering: F) {
        // hyper hands over the answering of a request as soon as it has begun.
        let given_up = self.0.newest();
        tokio::spawn(given_up.run_until_cancelled_owned(answering));
    }
}

/// A request that is being answered, until this is dropped with the body of its answer.
#[derive(Debug)]
pub(super) struct Begun {
    requests: Arc<Requests>,
    number: u64,
}

enum Verdict {
    Fine,
    /// It has been without a request for too long.
    Idle,
    /// An answer takes too long.
    Stuck,
}

impl Requests {
    fn new(clock: Clock) -> Self {
        let table = Table {
            open: Vec::new(),
            count: 0,
            idle: Duration::ZERO,
        };
        Self {
            table: Mutex::new(table),
            clock,
        }
    }

    fn begin(self: &Arc<Self>) -> Begun {
        let now = self.clock.now();
        let mut table = self.table();
        table.count += 1;
        let number = table.count;
        table.open.push(Answering {
            number,
            since: Some(now),
            patience: None,
            given_up: None,
        });
        Begun {
            requests: Arc::clone(self),
            number,
        }
    }

    /// What gives up the request that began last.
    fn newest(&self) -> CancellationToken {
        let mut table = self.table();
        let number = table.count;
        let newest = table.answering(number);
        newest.map_or_else(CancellationToken::new, |newest| {
            newest.given_up.get_or_insert_default().clone()
        })
    }

    /// Looks at them, and gives up those whose clients take nothing.
    fn judge(&self) -> Verdict {
        let now = self.clock.now();
        let mut table = self.table();
        table.open.iter_mut().for_each(Answering::look);
        table.idle = match table.open.is_empty() {
            true => table.idle + LOOK_TIME,
            false => Duration::ZERO,
        };
        let oldest = table.open.iter().filter_map(|one| one.since).min();
        match oldest {
            Some(oldest) if now.saturating_duration_since(oldest) > ANSWER_TIME => Verdict::Stuck,
            None if table.idle > IDLE_TIME => Verdict::Idle,
            _ => Verdict::Fine,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn answering(&mut self, number: u64) -> Option<&mut Answering> {
        self.open.iter_mut().find(|one| one.number == number)
    }
}

impl Answering {
    /// Gives it up if the client has let something lie for too long.
    fn look(&mut self) {
        match &mut self.patience {
            Some(Duration::ZERO) => self.given_up.iter().for_each(CancellationToken::cancel),
            Some(patience) => *patience = patience.saturating_sub(LOOK_TIME),
            None => {}
        }
    }
}

impl Begun {
    /// It may take for ever, as long as the client takes what there is.
    pub(super) fn may_last(&self) {
        self.change(|answering| answering.since = None);
    }

    /// There is something for the client. What is live it takes at once; of a file that it shows it may have enough for
    /// a while, and tells that it has taken some of it only when that is much.
    pub(super) fn has_more(&self, is_file: bool) {
        let patience = match is_file {
            true => ANSWER_TIME,
            false => STALL_TIME,
        };
        self.change(|answering| answering.patience = Some(patience));
    }

    /// The client has taken what there was.
    pub(super) fn is_taken(&self) {
        self.change(|answering| answering.patience = None);
    }

    /// The answer is there; from now on the client may take a while for it.
    fn answered(&self) {
        let now = self.requests.clock.now();
        self.change(|answering| answering.since = Some(now));
    }

    fn change(&self, change: impl FnOnce(&mut Answering)) {
        if let Some(answering) = self.requests.table().answering(self.number) {
            change(answering);
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut table = self.requests.table();
        table.open.retain(|one| one.number != self.number);
        table.idle = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests;
