"""Every route of the API, in the order in which docs/api.md lists them."""

from shared.web.action import DO, MENU, SHOW
from shared.web.advice import ADVICE, CHANGE
from shared.web.alerts import ACT, ALERT, ALERTS
from shared.web.backtests import BACKTEST
from shared.web.channels import CHANNELS, TEST, TEST_PATH
from shared.web.dashboard import FILE, KEPT_FILE, PAGE
from shared.web.deliveries import AUDIT, DELIVERIES, RESEND
from shared.web.deployments import DEPLOYMENTS, MARK
from shared.web.doors import Door
from shared.web.export import EXPORT
from shared.web.health import HEAD, HEALTH
from shared.web.maintenance import ADD, END, WINDOWS
from shared.web.metrics import METRICS
from shared.web.openmetrics import OPENMETRICS
from shared.web.report import REPORT
from shared.web.rules import REMOVE, RESET, RULE, RULES, SAVE
from shared.web.tables import BUSINESS, SECURITY

OPENAPI = Door(
    name="openapi.json",
    says="all this in OpenAPI 3.1, for programs",
    exactly=(200, 304, 500),
)

ROUTES: tuple[Door, ...] = (
    METRICS,
    ALERTS,
    ALERT,
    ACT,
    SHOW,
    DO,
    MENU,
    RULES,
    RULE,
    SAVE,
    REMOVE,
    RESET,
    BACKTEST,
    DELIVERIES,
    RESEND,
    AUDIT,
    CHANNELS,
    TEST,
    TEST_PATH,
    WINDOWS,
    ADD,
    END,
    DEPLOYMENTS,
    MARK,
    ADVICE,
    CHANGE,
    REPORT,
    BUSINESS,
    SECURITY,
    EXPORT,
    OPENMETRICS,
    HEALTH,
    HEAD,
    OPENAPI,
    PAGE,
    FILE,
    KEPT_FILE,
)
