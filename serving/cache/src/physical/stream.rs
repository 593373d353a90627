//! Layers read ahead: while one is being used, a thread reads and opens the next.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use super::file::Miss;
use super::read::RunReader;
use super::span::Number;

/// The layers of a run from the first on, each `[2, kv_heads, tokens, head_dim]`. After a miss there is nothing more. Dropping it ends the
/// reading.
pub struct Layers<N> {
    layers: Receiver<Result<Vec<N>, Miss>>,
}

impl RunReader {
    /// Reads ahead by at most `ahead` layers, which then lie in memory.
    pub fn layers<N: Number>(self: &Arc<Self>, ahead: usize) -> Result<Layers<N>, Miss> {
        let (sender, layers) = sync_channel(ahead.max(1));
        let reader = Arc::clone(self);
        let read = move || {
            for layer in 0..reader.shape().layers {
                let mut numbers = vec![N::default(); reader.layer_shape().numbers()];
                let read = reader.layer(layer, &mut numbers).map(|()| numbers);
                let over = read.is_err();
                // Nobody wants it any more when the receiver is gone.
                if sender.send(read).is_err() || over {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("kv-layers".to_owned()).spawn(read)?;
        Ok(Layers { layers })
    }
}

impl<N> Iterator for Layers<N> {
    type Item = Result<Vec<N>, Miss>;

    fn next(&mut self) -> Option<Self::Item> {
        self.layers.recv().ok()
    }
}
