//! GetUserPhoto: the photo of somebody in the directory.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{Version, words};
use crate::{Error, ErrorKind, ItemError};

/// Asks for a photo. The answer is a JPEG; None if there is none.
#[derive(Clone, Debug)]
pub struct GetUserPhoto {
    /// Whose.
    pub address: String,
    /// How large; Exchange gives another size if it has none of this one.
    pub size: PhotoSize,
}

words! {
    /// Pixels (EWS "UserPhotoSizeType").
    PhotoSize {
        Of48 "HR48x48",
        Of64 "HR64x64",
        Of96 "HR96x96",
        Of120 "HR120x120",
        Of240 "HR240x240",
        Of360 "HR360x360",
        Of432 "HR432x432",
        Of504 "HR504x504",
        Of648 "HR648x648",
    }
}

impl Operation for GetUserPhoto {
    type Payload = Photo;
    type Answer = Option<Vec<u8>>;
    const NAME: &'static str = "GetUserPhoto";

    fn required(&self) -> Version {
        Version::Exchange2013
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:GetUserPhoto", &[], |xml| {
            xml.text("m:Email", &self.address);
            xml.text("m:SizeRequested", self.size.as_str());
        });
    }

    fn answer(&self, messages: Vec<Result<Photo, ItemError>>) -> Result<Option<Vec<u8>>, Error> {
        match only(messages) {
            Ok(photo) => Ok(photo.0),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The payload of GetUserPhoto.
#[derive(Debug, Default)]
pub struct Photo(Option<Vec<u8>>);

impl Payload for Photo {
    fn take(&mut self, _container: &str, element: Element) {
        if element.name() == "PictureData" {
            let text: Vec<u8> = element.text().bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            self.0 = STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty());
        }
    }
}
