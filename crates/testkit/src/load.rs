//! Steady requests through the edge while something else happens, every one of which must succeed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::machine::EDGE;

/// Requests under way in threads of their own, inside the machine of the thread that began them.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Outcome>>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many were answered 200.
    pub good: u64,
    /// What went wrong with the others.
    pub failures: Vec<String>,
    /// The longest anyone waited.
    pub longest: Duration,
}

impl Load {
    /// `GET path` of each installation, again and again, by one client per installation on a kept connection.
    pub fn begin(installations: &[&str], path: &str, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |name: &&str| {
            let (stop, host, url) = (stop.clone(), format!("{name}.localhost"), format!("http://{EDGE}{path}"));
            std::thread::spawn(move || repeat(&stop, &host, &url, pause))
        };
        let threads = installations.iter().map(client).collect();
        Self { stop, threads }
    }

    /// Ends it.
    pub fn end(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Outcome::default();
        for thread in self.threads {
            let one = thread.join().expect("a client does not panic");
            all.good += one.good;
            all.failures.extend(one.failures);
            all.longest = all.longest.max(one.longest);
        }
        all
    }
}

fn repeat(stop: &AtomicBool, host: &str, url: &str, pause: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = crate::client().timeout(Duration::from_secs(90)).build().expect("a client");
    let mut outcome = Outcome::default();
    runtime.block_on(async {
        while !stop.load(Ordering::Relaxed) {
            let begin = Instant::now();
            match client.get(url).header("Host", host).send().await {
                Ok(answer) if answer.status() == 200 => match answer.bytes().await {
                    Ok(_) => outcome.good += 1,
                    Err(e) => outcome.failures.push(format!("{host}: {e:?}")),
                },
                Ok(answer) => outcome.failures.push(format!("{host}: {}", answer.status())),
                Err(e) => outcome.failures.push(format!("{host}: {e:?}")),
            }
            outcome.longest = outcome.longest.max(begin.elapsed());
            tokio::time::sleep(pause).await;
        }
    });
    outcome
}
