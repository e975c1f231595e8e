//! Messages between an agent and its trainers.

use foldwise_proto::v1::{TrainerEvent, TrainerOrder};
use prost::Message;

// The worker cannot be linked without libtorch, so that the one file is taken alone.
#[allow(
    dead_code,
    unreachable_pub,
    reason = "what the worker uses of it and shows is not used and shown here"
)]
#[path = "../../../worker/src/pipe.rs"]
mod frame;

/// Frames: a first byte says which side reads them.
pub fn pipe(input: &[u8]) {
    match input.split_first() {
        Some((0, frames)) => read::<TrainerOrder>(frames),
        Some((_, frames)) => read::<TrainerEvent>(frames),
        None => {}
    }
}

/// Both readers see the same messages, and a message that was read can be written and read again.
fn read<M: Message + Default + PartialEq>(frames: &[u8]) {
    let (mut input, mut input_async) = (frames, frames);
    loop {
        let found = frame::read::<M>(&mut input);
        let found_async = now(frame::read_async::<M>(&mut input_async));
        let message = match (found, found_async) {
            (Ok(message), Ok(message_async)) => {
                assert!(message == message_async);
                message
            }
            (Err(error), Err(error_async)) => {
                assert_eq!(error.kind(), error_async.kind());
                return;
            }
            (found, found_async) => panic!("{:?} and {:?}", found.map(drop), found_async.map(drop)),
        };
        let Some(message) = message else { return };
        let mut written = Vec::new();
        frame::write(&mut written, &message).expect("a message that was read fits");
        let again =
            frame::read::<M>(&mut &written[..]).expect("what was written is read").expect("one message");
        // Numbers that are not numbers differ from themselves.
        assert!(again.encode_to_vec() == message.encode_to_vec());
    }
}

/// The result of a future that reads from memory and so never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(result) => result,
        std::task::Poll::Pending => panic!("reading from memory waits"),
    }
}
