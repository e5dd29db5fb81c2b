"""Tables of consent, one file an aggregate."""

from consent.models.api_key import ApiKey
from consent.models.audit import AuditEntry
from consent.models.identifier import Identifier
from consent.models.job import Job, JobError
from consent.models.merge import Merge, MergeProposal
from consent.models.oauth_client import OAuthClient
from consent.models.privacy_request import PrivacyRequest
from consent.models.purpose import Purpose
from consent.models.record import ConsentRecord, ConsentState
from consent.models.roles import RolePermissions
from consent.models.subject import DataSubject
from consent.models.suppression import Suppression

__all__ = [
    "ApiKey",
    "AuditEntry",
    "ConsentRecord",
    "ConsentState",
    "DataSubject",
    "Identifier",
    "Job",
    "JobError",
    "Merge",
    "MergeProposal",
    "OAuthClient",
    "PrivacyRequest",
    "Purpose",
    "RolePermissions",
    "Suppression",
]
