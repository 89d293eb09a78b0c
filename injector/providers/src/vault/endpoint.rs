//! Endpoints of Vault that `vaultrs` lacks.

use rustify::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};

/// Says which engine is mounted where a path leads: `GET sys/internal/ui/mounts/PATH`.
///
/// It is what Vault's own command line asks. It is not documented as stable, yet it is the only way that a token with no
/// right to `sys/mounts` has.
#[derive(Debug)]
pub struct MountOf<'a> {
    /// A path of a secret, mount included.
    pub path: &'a str,
}

impl Endpoint for MountOf<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("sys/internal/ui/mounts/{}", self.path)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}
