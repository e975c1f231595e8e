//! Length-delimited messages over pipes, between an agent and its trainers.
//!
//! A frame is the message's length as four bytes, least significant first, and then the message.

use std::io::{self, Read, Write};

use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Largest message: the results of the widest cohort with many epochs stay well below.
const FRAME_BYTES_MAX: u32 = 64 << 20;

/// Reads the next message; `None` where the other side has closed the pipe.
///
/// # Errors
/// When the pipe breaks, or does not carry such messages.
pub fn read<M: Message + Default>(input: &mut impl Read) -> io::Result<Option<M>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = vec![0; checked(length)?];
    input.read_exact(&mut bytes)?;
    decode(&bytes).map(Some)
}

/// Writes a message.
///
/// # Errors
/// When the pipe breaks.
pub fn write(output: &mut impl Write, message: &impl Message) -> io::Result<()> {
    output.write_all(&frame(message)?)?;
    output.flush()
}

/// As [`read`], without holding up others.
///
/// # Errors
/// As [`read`].
pub async fn read_async<M: Message + Default>(input: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<M>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = vec![0; checked(length)?];
    input.read_exact(&mut bytes).await?;
    decode(&bytes).map(Some)
}

/// As [`write()`], without holding up others.
///
/// # Errors
/// As [`write()`].
pub async fn write_async(output: &mut (impl AsyncWrite + Unpin), message: &impl Message) -> io::Result<()> {
    output.write_all(&frame(message)?).await?;
    output.flush().await
}

fn frame(message: &impl Message) -> io::Result<Vec<u8>> {
    let bytes = message.encode_to_vec();
    let too_long = || io::Error::new(io::ErrorKind::InvalidData, "a message is too long for the pipe");
    let length = u32::try_from(bytes.len()).ok().filter(|&length| length <= FRAME_BYTES_MAX);
    let mut framed = length.ok_or_else(too_long)?.to_le_bytes().to_vec();
    framed.extend(bytes);
    Ok(framed)
}

fn checked(length: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(length);
    if length > FRAME_BYTES_MAX {
        let message = format!("a frame announces {length} bytes; at most {FRAME_BYTES_MAX} are read");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(length as usize)
}

fn decode<M: Message + Default>(bytes: &[u8]) -> io::Result<M> {
    M::decode(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use foldwise_proto::v1::{Ready, TrainerEvent, trainer_event::Event};

    use super::{read, write};

    #[test]
    fn messages_come_out_as_they_went_in_and_then_the_end() {
        let ready = Ready { torch_version: "2.11.0".to_owned(), device_model: "a device".to_owned() };
        let event = TrainerEvent { event: Some(Event::Ready(ready)) };
        let mut pipe = Vec::new();
        write(&mut pipe, &event).expect("writes");
        write(&mut pipe, &TrainerEvent::default()).expect("writes");
        let mut input = &pipe[..];
        assert_eq!(read::<TrainerEvent>(&mut input).expect("reads"), Some(event));
        assert_eq!(read::<TrainerEvent>(&mut input).expect("reads"), Some(TrainerEvent::default()));
        assert_eq!(read::<TrainerEvent>(&mut input).expect("reads"), None);
    }

    #[test]
    fn a_frame_that_is_no_message_or_too_long_is_an_error() {
        assert!(read::<TrainerEvent>(&mut &[3, 0, 0, 0, 255, 255, 255][..]).is_err());
        assert!(read::<TrainerEvent>(&mut &[255, 255, 255, 255, 0][..]).is_err());
    }
}
