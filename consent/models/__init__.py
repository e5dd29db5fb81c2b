"""Tables of consent, one file an aggregate."""

from consent.models.audit import AuditEntry
from consent.models.identifier import Identifier
from consent.models.job import Job, JobError
from consent.models.purpose import Purpose
from consent.models.record import ConsentRecord, ConsentState
from consent.models.roles import RolePermissions
from consent.models.subject import DataSubject
from consent.models.suppression import Suppression

__all__ = [
    "AuditEntry",
    "ConsentRecord",
    "ConsentState",
    "DataSubject",
    "Identifier",
    "Job",
    "JobError",
    "Purpose",
    "RolePermissions",
    "Suppression",
]
