//! HTTP load that counts: what is asked on every host all the time, on kept and on new connections, and each answer that is
//! not 200.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Between two requests of one client: the machine has work beside this.
const PAUSE: Duration = Duration::from_millis(10);
/// After this a request counts as one without an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Failures that are kept in words.
const KEPT: usize = 20;

/// What came of the requests so far.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub requests: u64,
    pub failures: u64,
    /// The first of them: when, where, what.
    pub said: Vec<String>,
    /// Answers by their bodies.
    pub answers: BTreeMap<String, u64>,
}

/// Load under way.
pub struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// Two clients for each `ADDRESS:PORT`: one that keeps its connection, one that makes a new one each time.
    pub fn on(addresses: &[String], host: &str, path: &str) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let tally = Arc::new(Mutex::new(Tally::default()));
        let clients: Vec<Client> = addresses
            .iter()
            .flat_map(|address| [true, false].map(|keeps| (address, keeps)))
            .map(|(address, keeps)| Client {
                address: address.clone(),
                host: host.to_owned(),
                path: path.to_owned(),
                keeps,
                stop: Arc::clone(&stop),
                tally: Arc::clone(&tally),
                began: Instant::now(),
            })
            .collect();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(futures_util::future::join_all(clients.into_iter().map(Client::run)));
        });
        Load {
            stop,
            tally,
            thread: Some(thread),
        }
    }

    /// What came so far.
    pub fn so_far(&self) -> Tally {
        self.tally.lock().unwrap().clone()
    }

    /// Ends it and gives what came.
    pub fn end(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        self.so_far()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Client {
    address: String,
    host: String,
    path: String,
    keeps: bool,
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    began: Instant,
}

impl Client {
    async fn run(self) {
        let mut kept: Option<SendRequest<Empty<Bytes>>> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let asked = tokio::time::timeout(PATIENCE, self.ask(&mut kept)).await;
            let outcome = asked.unwrap_or_else(|_| Err("no answer in time".to_owned()));
            if outcome.is_err() {
                kept = None;
            }
            self.count(outcome);
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn count(&self, outcome: Result<String, String>) {
        let mut tally = self.tally.lock().unwrap();
        tally.requests += 1;
        match outcome {
            Ok(body) => *tally.answers.entry(body).or_default() += 1,
            Err(reason) => {
                tally.failures += 1;
                if tally.said.len() < KEPT {
                    let kind = if self.keeps { "kept" } else { "new" };
                    let at = self.began.elapsed();
                    tally
                        .said
                        .push(format!("{at:.1?} {} ({kind} connection): {reason}", self.address));
                }
            }
        }
    }

    async fn ask(&self, kept: &mut Option<SendRequest<Empty<Bytes>>>) -> Result<String, String> {
        // One that the other side has ended in the open is no failure: HTTP says so.
        let usable = match kept.as_mut() {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            *kept = Some(self.connect().await?);
        }
        let sender = kept.as_mut().ok_or("no connection")?;
        let mut request = hyper::Request::get(&self.path).header("Host", &self.host);
        if !self.keeps {
            request = request.header("Connection", "close");
        }
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| format!("{error:?}"))?;
        let status = answer.status();
        let body = answer
            .into_body()
            .collect()
            .await
            .map_err(|error| format!("{error:?}"))?;
        let body = String::from_utf8_lossy(&body.to_bytes()).trim().to_owned();
        if !self.keeps {
            *kept = None;
        }
        match status.as_u16() {
            200 => Ok(body),
            status => Err(format!("{status}: {body}")),
        }
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, String> {
        let stream = TcpStream::connect(&self.address)
            .await
            .map_err(|error| error.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        tokio::spawn(async move {
            // How it ended, the request on it says.
            let _ = connection.await;
        });
        Ok(sender)
    }
}
