//! What can be wrong with a folder of pictures. Each message follows the name of the file or folder.

use crate::content::CONTENT_BYTES_MAX;
use crate::images::PICTURE_SIDE_MAX;
use crate::tabular::CLASSES_MAX;

/// What is wrong with a file or folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageProblem {
    /// No folder in the folder.
    #[error("holds no class: put the pictures of each class into a folder of its own")]
    NoClasses,
    /// A file stands beside the classes.
    #[error("stands among the folders of the classes: move it into its class's folder, or away")]
    NotAFolder,
    /// A folder within a class.
    #[error("is a folder within a class: pictures must lie directly in their class's folder")]
    FolderInClass,
    /// A file that is no picture by its name.
    #[error("is not named like a PNG or JPEG file (.png, .jpg, .jpeg): convert it, or move it away")]
    NotAPicture,
    /// A name that is not UTF-8.
    #[error("has a name that is not UTF-8: rename it, since rows are in the order of names")]
    Name,
    /// A class without pictures.
    #[error("holds no picture: put some into it, or remove the class")]
    EmptyClass,
    /// Too many classes.
    #[error("holds {found} classes, more than {CLASSES_MAX}")]
    TooManyClasses {
        /// How many.
        found: usize,
    },
    /// A test folder that no training folder is named like.
    #[error(
        "is a class of the test rows that no training row has: rename it as in the training folder, or remove it"
    )]
    UnknownClass,
    /// Neither PNG nor JPEG by its first bytes.
    #[error("is neither a PNG nor a JPEG file, whatever its name: convert it, or move it away")]
    Unknown,
    /// The decoder refused it.
    #[error(
        "could not be decoded: {reason}. It is cut, spoiled, or larger than {PICTURE_SIDE_MAX} pixels on a side; replace \
         it, or move it away"
    )]
    Decode {
        /// What the decoder said.
        reason: String,
    },
    /// Not the size of the others.
    #[error(
        "is {} pixels high and {} wide, but the first picture is {} by {}: set data.images.size = [height, width] to \
         bring all of them to one size", found[0], found[1], expected[0], expected[1]
    )]
    Size {
        /// Height and width.
        found: [u32; 2],
        /// Of the first picture.
        expected: [u32; 2],
    },
    /// A number of channels that no picture is made to have.
    #[error("cannot be made a picture of {channels} channels: data.images.channels is 1 or 3")]
    Channels {
        /// How many.
        channels: u8,
    },
    /// All pictures together are too large.
    #[error(
        "holds pictures of more than {CONTENT_BYTES_MAX} bytes when decoded: set a smaller data.images.size, or take fewer"
    )]
    TooMuch,
}
