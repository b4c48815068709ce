"""The nouns: frozen values that travel between rooms.

Units are in names (`_s`, `_km`, `_nats`); times are aware UTC `datetime`s; tuples rather than lists, so that values
never change under a reader. Nothing here decides anything. Import them from here, whatever module they live in.
"""

from idp_adapter.core.types.answers import (
    Decision,
    DecisionRecord,
    Evidence,
    Learnable,
    Obligations,
    Outcome,
    OutcomeType,
    Reason,
    Risk,
    Shadow,
)
from idp_adapter.core.types.knowledge import (
    Device,
    Failures,
    FamiliarPlace,
    Habits,
    History,
    LastLogin,
    Origin,
    Place,
    Posture,
    Sighting,
)
from idp_adapter.core.types.names import (
    ComplianceStatus,
    Hook,
    Json,
    Level,
    Scalar,
    SessionFate,
    Unenrolled,
)
from idp_adapter.core.types.observations import (
    BrowserFacts,
    Pointer,
    PostureAssertion,
    Signals,
    Telemetry,
    Typing,
)
from idp_adapter.core.types.questions import (
    Binding,
    Network,
    Request,
    Resource,
    Session,
    Subject,
    SubjectId,
)

__all__ = [
    "Binding",
    "BrowserFacts",
    "ComplianceStatus",
    "Decision",
    "DecisionRecord",
    "Device",
    "Evidence",
    "Failures",
    "FamiliarPlace",
    "Habits",
    "History",
    "Hook",
    "Json",
    "LastLogin",
    "Learnable",
    "Level",
    "Network",
    "Obligations",
    "Origin",
    "Outcome",
    "OutcomeType",
    "Place",
    "Pointer",
    "Posture",
    "PostureAssertion",
    "Reason",
    "Request",
    "Resource",
    "Risk",
    "Scalar",
    "Session",
    "SessionFate",
    "Shadow",
    "Sighting",
    "Signals",
    "Subject",
    "SubjectId",
    "Telemetry",
    "Typing",
    "Unenrolled",
]
