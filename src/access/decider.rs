//! Another server that is asked whether somebody may: each question once, so many at a time, and the
//! answers are known again for a while. What it does not say in time is a no.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lru::LruCache;
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::question::{Answer, Question};
use super::settings::Callback;
use super::web::Web;
use crate::base::clock::Clock;

/// The most questions that the other server has at a time.
const AT_ONCE: usize = 32;

/// The most questions that wait for it, those included; more are not asked.
const MOST_WAITING: usize = 1024;

/// The most questions that are known again.
const MOST: NonZeroUsize = NonZeroUsize::new(16 * 1024).expect("it is not 0");

/// For so long a question to which there was no answer is not asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the log says that there are no answers.
const COMPLAINT: Duration = Duration::from_secs(60);

/// The way to the other server, and what it has said.
#[derive(Debug)]
pub(super) struct Decider {
    clock: Clock,
    web: Arc<dyn Web>,
    known: Mutex<LruCache<[u8; 32], Arc<Asked>>>,
    turns: Semaphore,
    waiting: Semaphore,
    silence: Mutex<Silence>,
    counts: Counts,
}

/// The answer to a question, once it is there, and until when it is good.
type Asked = OnceCell<(Answer, Instant)>;

/// Whether there are answers at present.
#[derive(Debug, Default)]
struct Silence {
    is_there: bool,
    told: Option<Instant>,
}

#[derive(Debug, Default)]
struct Counts {
    yes: AtomicU64,
    no: AtomicU64,
    log_in: AtomicU64,
    nothing: AtomicU64,
    known: AtomicU64,
}

/// How often another server was asked who decides, and what it said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Answers that let somebody in.
    pub yes: u64,
    /// Answers that keep somebody out.
    pub no: u64,
    /// Answers that ask for a login.
    pub log_in: u64,
    /// Questions that were not answered, or not with sense.
    pub unanswered: u64,
    /// Questions that were not asked, because their answer was known, or on its way.
    pub known: u64,
}

impl Decider {
    /// Nothing is known yet; `web` is the way there.
    pub(super) fn new(web: Arc<dyn Web>, clock: Clock) -> Self {
        Self {
            clock,
            web,
            known: Mutex::new(LruCache::new(MOST)),
            turns: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(MOST_WAITING),
            silence: Mutex::default(),
            counts: Counts::default(),
        }
    }

    /// Forgets all answers.
    pub(super) fn forget(&self) {
        self.known().clear();
    }

    /// What was asked and said so far.
    pub(super) fn decisions(&self) -> Decisions {
        let Counts {
            yes,
            no,
            log_in,
            nothing,
            known,
        } = &self.counts;
        Decisions {
            yes: yes.load(Relaxed),
            no: no.load(Relaxed),
            log_in: log_in.load(Relaxed),
            unanswered: nothing.load(Relaxed),
            known: known.load(Relaxed),
        }
    }

    /// The answer to `question`; whoever asks the same meanwhile gets it as well.
    ///
    /// Cancel safe: when nobody waits for it any more, the question is given up.
    pub(super) async fn ask(&self, callback: &Callback, question: &Question<'_>) -> Answer {
        let json = question.to_json();
        let asked = self.place_of(&json);
        let (answer, _) = *asked.get_or_init(|| self.fetch(callback, json)).await;
        answer
    }

    /// Where the answer to the question `json` is, or will be.
    fn place_of(&self, json: &str) -> Arc<Asked> {
        // A mark, for questions may be long and have passwords.
        let mark: [u8; 32] = Sha256::digest(json).into();
        let now = self.clock.now();
        let mut known = self.known();
        let is_good = |asked: &&Arc<Asked>| asked.get().is_none_or(|(_, until)| now < *until);
        if let Some(asked) = known.get(&mark).filter(is_good) {
            self.counts.known.fetch_add(1, Relaxed);
            return Arc::clone(asked);
        }
        let asked = Arc::<Asked>::default();
        known.put(mark, Arc::clone(&asked));
        asked
    }

    async fn fetch(&self, callback: &Callback, json: String) -> (Answer, Instant) {
        let since = self.clock.now();
        let posted = timeout(callback.timeout, self.post(callback, json)).await;
        let posted = posted.unwrap_or_else(|_| Err("it takes too long".to_owned()));
        let answer = posted.and_then(|status| match Answer::of_status(status) {
            Answer::Nothing => Err(format!("it answers {status}")),
            answer => Ok(answer),
        });
        let host = callback.url.host_str().unwrap_or_default();
        match answer {
            Ok(answer) => {
                self.count(answer);
                self.note_answer(host);
                (answer, since + callback.answer_lifetime)
            }
            Err(reason) => {
                self.count(Answer::Nothing);
                self.note_silence(host, &reason);
                (Answer::Nothing, self.clock.now() + PAUSE)
            }
        }
    }

    /// The status of its answer, or why there is none.
    async fn post(&self, callback: &Callback, json: String) -> Result<u16, String> {
        let waiting = self.waiting.try_acquire();
        let _waiting = waiting.map_err(|_| "too many questions wait for it".to_owned())?;
        let _turn = self.turns.acquire().await;
        let posted = self.web.post(callback.url.clone(), Bytes::from(json)).await;
        posted.map_err(|error| error.to_string())
    }

    fn count(&self, answer: Answer) {
        let count = match answer {
            Answer::Yes => &self.counts.yes,
            Answer::No => &self.counts.no,
            Answer::LogIn => &self.counts.log_in,
            Answer::Nothing => &self.counts.nothing,
        };
        count.fetch_add(1, Relaxed);
    }

    fn note_answer(&self, host: &str) {
        let mut silence = self.silence();
        if std::mem::take(&mut silence.is_there) {
            info!(host, "[access.callback] answers again");
        }
    }

    fn note_silence(&self, host: &str, reason: &str) {
        let now = self.clock.now();
        let mut silence = self.silence();
        silence.is_there = true;
        let is_news = |told: Instant| now.saturating_duration_since(told) >= COMPLAINT;
        if silence.told.is_none_or(is_news) {
            silence.told = Some(now);
            warn!(
                host,
                reason, "[access.callback] does not say who may, so nobody is let in"
            );
        } else {
            debug!(host, reason, "[access.callback] does not answer");
        }
    }

    fn known(&self) -> MutexGuard<'_, LruCache<[u8; 32], Arc<Asked>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::SeqCst;

    use futures::future::{BoxFuture, FutureExt, join_all};
    use url::Url;

    use super::*;
    use crate::access::question::{Deed, Guest, Protocol};
    use crate::base::path::MediaPath;

    /// Answers with this status, or never when it is 0; counts the questions, and how many there were at a time.
    #[derive(Debug, Default)]
    struct Other {
        status: u16,
        asked: Arc<AtomicUsize>,
        present: Arc<()>,
        most: Arc<AtomicUsize>,
    }

    impl Web for Other {
        fn fetch(&self, _: Url) -> BoxFuture<'static, io::Result<Bytes>> {
            Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
        }

        fn post(&self, _: Url, _: Bytes) -> BoxFuture<'static, io::Result<u16>> {
            let (asked, most) = (Arc::clone(&self.asked), Arc::clone(&self.most));
            let (present, status) = (Arc::clone(&self.present), self.status);
            Box::pin(async move {
                asked.fetch_add(1, SeqCst);
                // Whoever is there has one, and one is kept.
                most.fetch_max(Arc::strong_count(&present) - 1, SeqCst);
                tokio::task::yield_now().await;
                if status == 0 {
                    std::future::pending::<()>().await;
                }
                drop(present);
                Ok(status)
            })
        }
    }

    fn decider(status: u16) -> (Decider, Arc<Other>) {
        let other = Arc::new(Other {
            status,
            ..Other::default()
        });
        let web: Arc<dyn Web> = Arc::<Other>::clone(&other);
        (Decider::new(web, Clock::start()), other)
    }

    fn callback(answer_lifetime: u64) -> Callback {
        Callback {
            url: Url::parse("http://127.0.0.1/").unwrap(),
            timeout: Duration::from_secs(5),
            answer_lifetime: Duration::from_secs(answer_lifetime),
            passwords: false,
        }
    }

    async fn ask(decider: &Decider, callback: &Callback, name: &str) -> Answer {
        let name = MediaPath::from_plain(name).unwrap();
        let peer = "192.0.2.1".parse().unwrap();
        let guest = Guest::default();
        let question = Question::new(peer, Deed::Read, &name, Protocol::Rtsp, &guest);
        decider.ask(callback, &question).await
    }

    #[tokio::test]
    async fn one_question_is_asked_once() {
        let (decider, other) = decider(200);
        let lasting = callback(3600);
        let answers = join_all((0..10).map(|_| ask(&decider, &lasting, "a"))).await;
        assert_eq!(answers, [Answer::Yes; 10]);
        assert_eq!(ask(&decider, &lasting, "a").await, Answer::Yes);
        assert_eq!(other.asked.load(SeqCst), 1);
        assert_eq!(ask(&decider, &lasting, "b").await, Answer::Yes);
        assert_eq!(other.asked.load(SeqCst), 2);
        let decisions = Decisions {
            yes: 2,
            known: 10,
            ..Decisions::default()
        };
        assert_eq!(decider.decisions(), decisions);
        decider.forget();
        ask(&decider, &lasting, "a").await;
        assert_eq!(other.asked.load(SeqCst), 3);
    }

    #[tokio::test]
    async fn an_answer_is_good_no_longer_than_the_settings_say() {
        let (decider, other) = decider(403);
        for count in 1..4 {
            assert_eq!(ask(&decider, &callback(0), "a").await, Answer::No);
            assert_eq!(other.asked.load(SeqCst), count);
        }
    }

    #[tokio::test]
    async fn who_waits_is_answered_though_the_first_has_given_up() {
        let (decider, other) = decider(401);
        let lasting = callback(3600);
        let mut first = Box::pin(ask(&decider, &lasting, "a"));
        assert_eq!((&mut first).now_or_never(), None);
        let mut second = Box::pin(ask(&decider, &lasting, "a"));
        assert_eq!((&mut second).now_or_never(), None);
        assert_eq!(other.asked.load(SeqCst), 1);
        drop(first);
        assert_eq!(second.await, Answer::LogIn);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_a_no_and_questions_have_a_bound() {
        let (decider, other) = decider(0);
        let lasting = callback(3600);
        let names: Vec<_> = (0..2 * MOST_WAITING).map(|name| name.to_string()).collect();
        let asked = names.iter().map(|name| ask(&decider, &lasting, name));
        let answers = join_all(asked).await;
        assert!(answers.iter().all(|answer| *answer == Answer::Nothing));
        assert_eq!(other.most.load(SeqCst), AT_ONCE);
        assert!(other.asked.load(SeqCst) <= MOST_WAITING);
        assert_eq!(decider.decisions().unanswered, 2 * MOST_WAITING as u64);
    }

    #[tokio::test]
    async fn many_questions_take_turns() {
        let (decider, other) = decider(204);
        let lasting = callback(3600);
        let names: Vec<_> = (0..200).map(|name| name.to_string()).collect();
        let asked = names.iter().map(|name| ask(&decider, &lasting, name));
        let answers = join_all(asked).await;
        assert!(answers.iter().all(|answer| *answer == Answer::Yes));
        assert_eq!(other.asked.load(SeqCst), 200);
        assert!(other.most.load(SeqCst) <= AT_ONCE);
    }
}
