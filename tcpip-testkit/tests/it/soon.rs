//! What comes in time.

use std::time::Duration;

use tokio::time::timeout;

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// Waits for what should come, and fails if it does not.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(LONG, what).await.expect("this should have happened by now")
}
