//! Progress of long work on standard error, and interruption: bars only where a terminal shows them, Ctrl-C as a request.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// A bar with rate and remaining time, or nothing at all where standard error is no terminal.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// `unit` is what is counted, in the plural.
    pub fn new(title: &str, unit: &str, total: Option<u64>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::hidden();
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(style(unit, total.is_some()));
        bar.set_message(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// One that shows nothing.
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    pub fn set(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total
            && self.bar.length() != Some(total)
        {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }

    /// Writes a line above the bar.
    pub fn println(&self, text: &str) {
        if self.bar.is_hidden() { eprintln!("{text}") } else { self.bar.println(text) }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// What the runner reports to.
    pub fn callback(&self) -> cubelog_runner::Progress {
        let progress = self.clone();
        Arc::new(move |done, total| progress.set(done, total))
    }
}

fn style(unit: &str, known: bool) -> ProgressStyle {
    let template = if known {
        format!("{{msg}} {{bar:16}} {{human_pos}}/{{human_len}} {unit} {{rate}} {{eta}} left")
    } else {
        format!("{{msg}} {{spinner}} {{human_pos}} {unit} {{rate}}")
    };
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // A rate that cannot be written is only not shown.
        let _ = write!(out, "{:.0}/s", state.per_sec());
    })
}

/// Whether somebody asked to stop. The first Ctrl-C asks, the second ends the process at once.
#[derive(Clone, Default)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on, until the process ends.
    pub fn listen() -> Self {
        let interrupt = Self::default();
        let asked = interrupt.asked.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if asked.swap(true, Ordering::SeqCst) {
                    std::process::exit(crate::failure::Exit::Interrupted as i32);
                }
                eprintln!("\nstopping after what is under way; Ctrl-C again stops at once");
            }
        });
        interrupt
    }

    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}
