//! Jobs that run by themselves: waits for their times and hands them to the workers.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::Pool;
use crate::script::Job;

/// The running clocks of one application; they stop when this is dropped.
pub struct Schedule {
    clocks: Vec<JoinHandle<()>>,
}

impl Schedule {
    /// Starts a clock for each job. Must be called within the tokio runtime.
    pub fn start(pool: &Pool, jobs: &[Job]) -> Self {
        let clocks = jobs.iter().enumerate().map(|(number, job)| {
            let (pool, job) = (pool.clone(), job.clone());
            tokio::spawn(async move {
                while let Some(wait) = next(&job) {
                    tokio::time::sleep(wait).await;
                    pool.run_job(number);
                    if matches!(job, Job::Once(_)) {
                        break;
                    }
                }
            })
        });
        Self { clocks: clocks.collect() }
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        for clock in &self.clocks {
            clock.abort();
        }
    }
}

/// How long until the next time; times of cron are UTC.
fn next(job: &Job) -> Option<Duration> {
    match job {
        Job::Every(milliseconds) => Some(Duration::from_millis((*milliseconds).max(10))),
        Job::Once(milliseconds) => Some(Duration::from_millis(*milliseconds)),
        Job::Cron(when) => {
            let now = chrono::Utc::now();
            let cron: croner::Cron = when.parse().ok()?;
            let next = cron.find_next_occurrence(&now, false).ok()?;
            // A little late rather than a little early, which would find the same occurrence again.
            Some((next - now).to_std().ok()? + Duration::from_millis(5))
        }
    }
}
