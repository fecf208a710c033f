"""Why something happened: every transition, suppression and send names one of these."""

from enum import StrEnum


class Reason(StrEnum):
    """The one list of reasons."""

    BREACH = "breach"
    BREACH_ENDED = "breach_ended"
    RECOVERED = "recovered"
    NO_TRAFFIC = "no_traffic"
    NO_DATA = "no_data"
    DATA_BACK = "data_back"
    NO_DATA_TREATED_AS_OK = "no_data_treated_as_ok"
    RESOLVED_BY_HAND = "resolved_by_hand"
    STILL_BAD = "still_bad_after_manual_resolve"
    RULE_CHANGED = "rule_changed"
    RULE_REMOVED = "rule_removed"

    REMINDER_DUE = "reminder_due"
    UNACKNOWLEDGED = "unacknowledged"
    REPORT_DUE = "report_due"
    SNOOZE_ENDED = "snooze_ended"
    MAINTENANCE_ENDED = "maintenance_ended"
    INHIBITION_ENDED = "inhibition_ended"

    SNOOZED = "snoozed"
    MAINTENANCE = "maintenance"
    INHIBITED = "inhibited"
    CATCHING_UP = "catching_up"
    POLICY_KEEP = "policy_keep"

    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    RETRY = "retry"
    RATE_LIMITED = "rate_limited"
    NO_BUDGET = "no_budget"
    WAITS_FOR_PREVIOUS = "waits_for_previous"
    MERGED = "merged"
    PERMANENT_ERROR = "permanent_error"
    GIVEN_UP = "given_up"
    FALLBACK = "fallback"
    LOST_LEASE = "lost_lease"
