//! Counters of the edge, and all numbers of the store as Prometheus text. No label ever holds content or a name of anybody.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use cubelog_runner::Status;

/// Upper ends of the latency buckets, in microseconds.
const BUCKETS_US: [u64; 14] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000, 60_000_000];

/// Counters of requests.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, &'static str, u16), u64>>,
    latency: Mutex<BTreeMap<&'static str, Histogram>>,
    running: AtomicU64,
    request_ids: AtomicU64,
}

#[derive(Default)]
struct Histogram {
    /// Requests of each bucket alone, and behind the last one those that took longer.
    buckets: [u64; BUCKETS_US.len() + 1],
    sum_us: u64,
}

/// Counts a running request until it is dropped.
pub(crate) struct Running<'a>(&'a AtomicU64);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// The route's template with a lifetime of its own; a closed set, so that labels stay few.
    pub fn name_of(&self, route: &str) -> &'static str {
        crate::openapi::route_names().iter().copied().find(|name| *name == route).unwrap_or("unmatched")
    }

    /// An id that no other request of this process has.
    pub fn next_request_id(&self) -> String {
        format!("r{}", self.request_ids.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub fn running(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(&self.running)
    }

    pub fn count(&self, route: &'static str, method: &Method, status: u16, elapsed: Duration) {
        let method = match *method {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::DELETE => "DELETE",
            Method::HEAD => "HEAD",
            _ => "other",
        };
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry((route, method, status)).or_default() += 1;
        let micros = elapsed.as_micros() as u64;
        let mut latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        let histogram = latency.entry(route).or_default();
        let bucket = BUCKETS_US.iter().position(|end| micros <= *end).unwrap_or(BUCKETS_US.len());
        histogram.buckets[bucket] += 1;
        histogram.sum_us += micros;
    }

    /// Everything in Prometheus' text format 0.0.4.
    pub fn text(&self, status: &Status) -> String {
        let mut text = String::with_capacity(8 * 1024);
        // Writing to a String cannot fail.
        let _ = self.write(&mut text, status);
        text
    }

    fn write(&self, out: &mut String, status: &Status) -> std::fmt::Result {
        head(out, "cubelog_info", "gauge", "What runs here.")?;
        let (version, embedder) = (escaped(env!("CARGO_PKG_VERSION")), escaped(&status.embedder));
        writeln!(out, "cubelog_info{{version=\"{version}\",embedder=\"{embedder}\"}} 1")?;
        let lag = crate::service::lag(&status.end, &status.reflected);
        let up = u64::from(status.stopped.is_none());
        for (name, kind, help, value) in [
            ("cubelog_projector_up", "gauge", "Whether the projector runs.", up),
            ("cubelog_lag_records", "gauge", "Records between the views and the end of the log.", lag),
            ("cubelog_parked_cubes", "gauge", "Cubes that wait behind a dead letter.", status.parked as u64),
            ("cubelog_events_appended_total", "counter", "Events appended by this process.", status.events_appended),
            ("cubelog_events_folded_total", "counter", "Events folded by this process.", status.events_folded),
            ("cubelog_rows_committed_total", "counter", "Rows committed to the views by this process.", status.rows_committed),
            ("cubelog_searches_total", "counter", "Searches answered.", status.searches),
            ("cubelog_access_pending", "gauge", "Access events that are not on the log yet.", status.access_pending),
            ("cubelog_access_dropped_total", "counter", "Access events that were given up.", status.access_dropped),
            ("cubelog_http_running", "gauge", "Requests that are running.", self.running.load(Ordering::Relaxed)),
        ] {
            head(out, name, kind, help)?;
            writeln!(out, "{name} {value}")?;
        }
        for (name, help, cut) in [
            ("cubelog_log_end_offset", "Next offset of the log.", &status.end),
            ("cubelog_reflected_offset", "Next offset that the views do not reflect.", &status.reflected),
        ] {
            head(out, name, "gauge", help)?;
            for (partition, next) in cut.iter() {
                writeln!(out, "{name}{{partition=\"{partition}\"}} {next}")?;
            }
        }
        head(out, "cubelog_http_requests_total", "counter", "Requests answered.")?;
        for ((route, method, status), count) in &*self.requests.lock().unwrap_or_else(PoisonError::into_inner) {
            writeln!(out, "cubelog_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {count}")?;
        }
        let name = "cubelog_http_request_seconds";
        head(out, name, "histogram", "Time from the head of a request to the head of its answer.")?;
        for (route, histogram) in &*self.latency.lock().unwrap_or_else(PoisonError::into_inner) {
            let mut count = 0;
            for (end, requests) in BUCKETS_US.iter().zip(histogram.buckets) {
                count += requests;
                writeln!(out, "{name}_bucket{{route=\"{route}\",le=\"{}\"}} {count}", *end as f64 / 1e6)?;
            }
            count += histogram.buckets[BUCKETS_US.len()];
            writeln!(out, "{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}")?;
            writeln!(out, "{name}_sum{{route=\"{route}\"}} {}", histogram.sum_us as f64 / 1e6)?;
            writeln!(out, "{name}_count{{route=\"{route}\"}} {count}")?;
        }
        Ok(())
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// A label's value as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_every_line_is_well_formed() {
        let metrics = Metrics::default();
        for micros in [100, 900, 1_000, 3_000_000, 90_000_000] {
            metrics.count("/v1/search", &Method::POST, 200, Duration::from_micros(micros));
        }
        metrics.count("/v1/search", &Method::POST, 401, Duration::from_micros(10));
        let status =
            Status { embedder: "a \"b\"\\c\nd".into(), end: [(0, 10), (1, 5)].into_iter().collect(), ..Status::default() };
        let text = metrics.text(&status);
        for line in [
            "cubelog_http_requests_total{route=\"/v1/search\",method=\"POST\",status=\"200\"} 5",
            "cubelog_http_requests_total{route=\"/v1/search\",method=\"POST\",status=\"401\"} 1",
            "cubelog_http_request_seconds_bucket{route=\"/v1/search\",le=\"0.0005\"} 2",
            "cubelog_http_request_seconds_bucket{route=\"/v1/search\",le=\"0.001\"} 4",
            "cubelog_http_request_seconds_bucket{route=\"/v1/search\",le=\"60\"} 5",
            "cubelog_http_request_seconds_bucket{route=\"/v1/search\",le=\"+Inf\"} 6",
            "cubelog_http_request_seconds_count{route=\"/v1/search\"} 6",
            "cubelog_lag_records 15",
            "cubelog_log_end_offset{partition=\"1\"} 5",
            "cubelog_projector_up 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("cubelog_") && value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
