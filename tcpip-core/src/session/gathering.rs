//! Whether messages of several tasks are sent together.

use tokio::task;

/// The longest pause, in messages, between two tries to send those of several tasks together.
const LONGEST_PAUSE: u32 = 1024;

/// Whether messages of several tasks are sent together.
///
/// A message by another task than the last one's waits for the session's task, which runs behind those that are ready:
/// so that theirs go out in one system call. Where that gathers nothing, it is not tried again for a while. A lone
/// writer is never held up.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    last: Option<task::Id>,
    /// For how many changes of the writer it is not tried.
    pause: u32,
    next_pause: u32,
    /// How many messages the queue has taken since it was last empty, if it is a try.
    gathered: Option<u32>,
}

impl Gathering {
    /// Whether the message of `writer` is to wait.
    pub(super) fn waits(&mut self, writer: Option<task::Id>) -> bool {
        let has_changed = writer.is_some() && self.last.is_some() && self.last != writer;
        self.last = writer;
        if !has_changed {
            return false;
        }
        self.pause = self.pause.saturating_sub(1);
        if self.pause > 0 {
            return false;
        }
        self.gathered = Some(0);
        true
    }

    /// A message of `writer` is queued.
    pub(super) fn note_queued(&mut self, writer: Option<task::Id>) {
        self.last = writer;
        if let Some(count) = &mut self.gathered {
            *count += 1;
        }
    }

    /// The queue is sent: was it worth it?
    pub(super) fn conclude(&mut self) {
        match self.gathered.take() {
            Some(0 | 1) => {
                self.next_pause = (self.next_pause * 2).clamp(2, LONGEST_PAUSE);
                self.pause = self.next_pause;
            }
            Some(_) => self.next_pause = 0,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids of so many tasks.
    async fn ids(count: usize) -> Vec<task::Id> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.extend(tokio::spawn(async { task::try_id() }).await.unwrap());
        }
        ids
    }

    /// One task's messages never wait, nor do those of who is no task.
    #[tokio::test]
    async fn a_lone_writer_is_never_held_up() {
        let id = ids(1).await[0];
        let mut gathering = Gathering::default();
        assert!((0..1000).all(|_| !gathering.waits(Some(id))));
        assert!((0..1000).all(|_| !gathering.waits(None)));
    }

    /// Where waiting gathers the messages of several tasks, it is done each time.
    #[tokio::test]
    async fn messages_of_several_tasks_wait_for_each_other() {
        let ids = ids(3).await;
        let mut gathering = Gathering::default();
        assert!(!gathering.waits(Some(ids[0])));
        for turn in 1..100 {
            assert!(gathering.waits(Some(ids[turn % 3])), "after the message of another");
            gathering.note_queued(Some(ids[turn % 3]));
            gathering.note_queued(Some(ids[(turn + 2) % 3]));
            gathering.conclude();
        }
    }

    /// Where it gathers nothing, it is tried less and less often.
    #[tokio::test]
    async fn waiting_in_vain_is_given_up() {
        let ids = ids(2).await;
        let mut gathering = Gathering::default();
        let tries = (0..10_000_usize).filter(|turn| {
            let waits = gathering.waits(Some(ids[turn % 2]));
            if waits {
                gathering.note_queued(Some(ids[turn % 2]));
                gathering.conclude();
            }
            waits
        });
        assert!(tries.count() < 25);
    }
}
