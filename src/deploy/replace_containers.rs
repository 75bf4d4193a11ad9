//! The containers of a service give way to others, and what becomes of those of before.

use futures_util::FutureExt;

use super::deployment::Deployment;
use super::error::StepError;
use super::event::ServiceProgress;
use super::{batches, containers, in_service};
use crate::plan::update_pace::OnFailure;
use crate::plan::{ContainerReplacement, UpdatePace};

/// Brings new containers into the places of old ones, at the service's pace; where one fails and the file says `rollback`, what
/// ran before comes back. `in_place`: that is kept in any case.
pub(super) async fn replace_containers(
    deployment: &Deployment,
    service: &str,
    pace: &UpdatePace,
    in_place: bool,
    replacements: &[ContainerReplacement],
) -> Result<(), StepError> {
    deployment.tell(service, ServiceProgress::Updating);
    let rolls_back = pace.on_failure == OnFailure::RollBack;
    let keep = in_place || rolls_back;
    let changes = replacements
        .iter()
        .map(|replacement| containers::replace(deployment, replacement, keep).boxed());
    match batches::carry_out(deployment, service, pace, changes.collect()).await {
        Ok(()) if keep && !in_place => in_service::forget_containers(deployment, service).await,
        Err(failure) if rolls_back && !matches!(failure, StepError::Interrupted) => {
            Err(in_service::roll_back_failed(deployment, service, failure).await)
        }
        other => other,
    }
}
