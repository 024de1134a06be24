//! Tasks that end together.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tasks, and the signal that ends them.
#[derive(Default)]
pub(super) struct Group {
    /// Cancelled when the tasks are to end.
    pub(super) stop: CancellationToken,
    tasks: TaskTracker,
}

impl Group {
    /// Runs `task` until it ends or the group is stopped.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stop.clone().cancelled_owned();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stopped => {}
                () = task => {}
            }
        });
    }

    /// Runs `task`, which ends by itself when [`stop`](Self::stop) is cancelled.
    pub(super) fn spawn_stoppable(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Stops all tasks and waits for them; false when they took longer than `patience`.
    pub(super) async fn end(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait())
            .await
            .is_ok()
    }
}
