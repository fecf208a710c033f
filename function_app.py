"""The front doors: every timer, queue and HTTP trigger of the monitor, and nothing else.

Imports stay few: one that fails here leaves the app without any function at all, and timers need
no routes.
"""

from collections.abc import Sequence

import azure.functions as func

from shared import bootstrap
from shared.domain.checkups import Checkup
from shared.domain.decoding import decode
from shared.services import minute
from shared.services.deliver import deliver_one
from shared.web.doors import serve
from shared.web.health import health as answer_health

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


# The host would write a blob after each run, half of what the monitor costs, to make up for a run
# that was missed: the next minute does that.
@app.timer_trigger(arg_name="timer", schedule="20 * * * * *", use_monitor=False)
def tick(timer: func.TimerRequest) -> None:  # noqa: ARG001 - late or not, a tick does the same
    """Each minute at :20: collect, evaluate, tell."""
    now, given = bootstrap.utc_now(), bootstrap.settings()
    house, inline_max = bootstrap.house(), given.collect_inline_max
    minute.tick_all(given.targets, inline_max=inline_max, house=house, now=now)


@app.timer_trigger(arg_name="timer", schedule="50 * * * * *", use_monitor=False)
def watch(timer: func.TimerRequest) -> None:  # noqa: ARG001 - as above
    """Each minute at :50: ask again what presses, catch up, deliver what is due, heartbeat."""
    bootstrap.warn()
    now, given = bootstrap.utc_now(), bootstrap.settings()
    house, inline_max = bootstrap.house(), given.collect_inline_max
    minute.watch_all(given.targets, inline_max=inline_max, house=house, now=now)


@app.timer_trigger(arg_name="timer", schedule="0 10 2 * * *")
def roll_up(timer: func.TimerRequest) -> None:  # noqa: ARG001 - what a missed night left is found
    """Each night: roll up the days, drop what is old enough, count what the monitor used."""
    from shared.services.night import night  # noqa: PLC0415 - once a day

    night(bootstrap.settings().targets, house=bootstrap.house(), now=bootstrap.utc_now())


@app.timer_trigger(arg_name="timer", schedule="35 5,20,35,50 * * * *")
def advise(timer: func.TimerRequest) -> None:  # noqa: ARG001 - as above
    """Each quarter of an hour: inspect the databases that have time for it, and advise."""
    from shared.services.consult import consult_all  # noqa: PLC0415 - see above

    house, now = bootstrap.house(), bootstrap.utc_now()
    consult_all(bootstrap.settings().targets, house=house, now=now)


@app.timer_trigger(arg_name="timer", schedule="25 2,32 * * * *")
def send_report(timer: func.TimerRequest) -> None:  # noqa: ARG001 - as above
    """Twice an hour: send the weekly report of whoever's is due."""
    from shared.services.send_report import send_reports  # noqa: PLC0415 - see above

    house, now = bootstrap.house(), bootstrap.utc_now()
    send_reports(bootstrap.settings().targets, house=house, now=now)


@app.queue_trigger(
    arg_name="message", queue_name=minute.COLLECT_QUEUE, connection="AzureWebJobsStorage"
)
def collect_target(message: func.QueueMessage) -> None:
    """One target's tick, watch or closing, when there are many."""
    asked = decode(message.get_body(), minute.CollectMessage)
    now, targets = bootstrap.utc_now(), bootstrap.settings().targets
    minute.collect_message(asked, targets=targets, house=bootstrap.house(), now=now)


@app.queue_trigger(
    arg_name="message", queue_name=minute.DELIVERIES_QUEUE, connection="AzureWebJobsStorage"
)
def deliver(message: func.QueueMessage) -> None:
    """One (episode, channel) that has something due."""
    hint = decode(message.get_body(), minute.DeliveryMessage)
    deliver_one(hint.target, hint.episode, hint.channel, house=bootstrap.house())


@app.route(route="monitoring/metrics", methods=["GET"])
def metrics(req: func.HttpRequest) -> func.HttpResponse:
    """The figures now and over a range, the open alerts, and how it stands."""
    from shared.web.metrics import METRICS  # noqa: PLC0415 - see above

    return serve(req, METRICS, bootstrap.office)


@app.route(route="monitoring/alerts", methods=["GET"])
def list_alerts(req: func.HttpRequest) -> func.HttpResponse:
    """The alerts, newest first."""
    from shared.web.alerts import ALERTS  # noqa: PLC0415 - see above

    return serve(req, ALERTS, bootstrap.office)


@app.route(route="monitoring/alerts/{id}", methods=["GET"])
def alert(req: func.HttpRequest) -> func.HttpResponse:
    """One alert with its timeline."""
    from shared.web.alerts import ALERT  # noqa: PLC0415 - see above

    return serve(req, ALERT, bootstrap.office)


@app.route(route="monitoring/alerts", methods=["POST"])
def act_on_alert(req: func.HttpRequest) -> func.HttpResponse:
    """Acknowledge, resolve, snooze or unsnooze an alert."""
    from shared.web.alerts import ACT  # noqa: PLC0415 - see above

    return serve(req, ACT, bootstrap.office)


@app.route(route="monitoring/action", methods=["GET"])
def show_action(req: func.HttpRequest) -> func.HttpResponse:
    """What a link in a message would do."""
    from shared.web.action import answer_action  # noqa: PLC0415 - see above

    return answer_action(req, bootstrap.office)


@app.route(route="monitoring/action", methods=["POST"])
def do_action(req: func.HttpRequest) -> func.HttpResponse:
    """Do it."""
    from shared.web.action import answer_action  # noqa: PLC0415 - see above

    return answer_action(req, bootstrap.office)


@app.route(route="monitoring/a", methods=["GET"])
def show_menu(req: func.HttpRequest) -> func.HttpResponse:
    """What can be done about the alert of an SMS."""
    from shared.web.action import answer_menu  # noqa: PLC0415 - see above

    return answer_menu(req, bootstrap.office)


@app.route(route="monitoring/rules", methods=["GET"])
def list_rules(req: func.HttpRequest) -> func.HttpResponse:
    """Every rule, where it comes from and how it stands."""
    from shared.web.rules import RULES  # noqa: PLC0415 - see above

    return serve(req, RULES, bootstrap.office)


@app.route(route="monitoring/rules/{id}", methods=["GET"])
def rule(req: func.HttpRequest) -> func.HttpResponse:
    """One rule."""
    from shared.web.rules import RULE  # noqa: PLC0415 - see above

    return serve(req, RULE, bootstrap.office)


@app.route(route="monitoring/rules/{id}", methods=["PUT"])
def save_rule(req: func.HttpRequest) -> func.HttpResponse:
    """Create or replace a rule."""
    from shared.web.rules import SAVE  # noqa: PLC0415 - see above

    return serve(req, SAVE, bootstrap.office)


@app.route(route="monitoring/rules/{id}", methods=["DELETE"])
def remove_rule(req: func.HttpRequest) -> func.HttpResponse:
    """Remove an own rule, disable a shipped one."""
    from shared.web.rules import REMOVE  # noqa: PLC0415 - see above

    return serve(req, REMOVE, bootstrap.office)


@app.route(route="monitoring/rules/{id}/reset", methods=["POST"])
def reset_rule(req: func.HttpRequest) -> func.HttpResponse:
    """Back to the rule as it is shipped."""
    from shared.web.rules import RESET  # noqa: PLC0415 - see above

    return serve(req, RESET, bootstrap.office)


@app.route(route="monitoring/rules/backtest", methods=["POST"])
def backtest_rule(req: func.HttpRequest) -> func.HttpResponse:
    """How a rule would have behaved on what is stored."""
    from shared.web.backtests import BACKTEST  # noqa: PLC0415 - see above

    return serve(req, BACKTEST, bootstrap.office)


@app.route(route="monitoring/deliveries", methods=["GET"])
def list_deliveries(req: func.HttpRequest) -> func.HttpResponse:
    """What became of messages, newest first."""
    from shared.web.deliveries import DELIVERIES  # noqa: PLC0415 - see above

    return serve(req, DELIVERIES, bootstrap.office)


@app.route(route="monitoring/deliveries/{id}/resend", methods=["POST"])
def resend_delivery(req: func.HttpRequest) -> func.HttpResponse:
    """Send a message again."""
    from shared.web.deliveries import RESEND  # noqa: PLC0415 - see above

    return serve(req, RESEND, bootstrap.office)


@app.route(route="monitoring/audit", methods=["GET"])
def audit(req: func.HttpRequest) -> func.HttpResponse:
    """What people did, newest first."""
    from shared.web.deliveries import AUDIT  # noqa: PLC0415 - see above

    return serve(req, AUDIT, bootstrap.office)


@app.route(route="monitoring/channels", methods=["GET"])
def list_channels(req: func.HttpRequest) -> func.HttpResponse:
    """Whom the monitor can tell."""
    from shared.web.channels import CHANNELS  # noqa: PLC0415 - see above

    return serve(req, CHANNELS, bootstrap.office)


@app.route(route="monitoring/channels/{id}/test", methods=["POST"])
def try_channel(req: func.HttpRequest) -> func.HttpResponse:
    """A test message through one channel."""
    from shared.web.channels import TEST  # noqa: PLC0415 - see above

    return serve(req, TEST, bootstrap.office)


@app.route(route="monitoring/channels/path-test", methods=["POST"])
def try_path(req: func.HttpRequest) -> func.HttpResponse:
    """A test story along the whole way of an alert."""
    from shared.web.channels import TEST_PATH  # noqa: PLC0415 - see above

    return serve(req, TEST_PATH, bootstrap.office)


@app.route(route="monitoring/maintenance", methods=["GET"])
def list_maintenance(req: func.HttpRequest) -> func.HttpResponse:
    """The maintenance windows that hold or will hold."""
    from shared.web.maintenance import WINDOWS  # noqa: PLC0415 - see above

    return serve(req, WINDOWS, bootstrap.office)


@app.route(route="monitoring/maintenance", methods=["POST"])
def add_maintenance(req: func.HttpRequest) -> func.HttpResponse:
    """A new maintenance window, or quiet for an hour."""
    from shared.web.maintenance import ADD  # noqa: PLC0415 - see above

    return serve(req, ADD, bootstrap.office)


@app.route(route="monitoring/maintenance/{id}", methods=["DELETE"])
def end_maintenance(req: func.HttpRequest) -> func.HttpResponse:
    """End a maintenance window now and for good."""
    from shared.web.maintenance import END  # noqa: PLC0415 - see above

    return serve(req, END, bootstrap.office)


@app.route(route="monitoring/deployments", methods=["GET"])
def list_deployments(req: func.HttpRequest) -> func.HttpResponse:
    """Which version went live when, newest first."""
    from shared.web.deployments import DEPLOYMENTS  # noqa: PLC0415 - see above

    return serve(req, DEPLOYMENTS, bootstrap.office)


@app.route(route="monitoring/deployments", methods=["POST"])
def mark_deployment(req: func.HttpRequest) -> func.HttpResponse:
    """A version went live."""
    from shared.web.deployments import MARK  # noqa: PLC0415 - see above

    return serve(req, MARK, bootstrap.office)


@app.route(route="monitoring/report", methods=["GET"])
def report(req: func.HttpRequest) -> func.HttpResponse:
    """A range in figures, charts and sentences."""
    from shared.web.report import REPORT  # noqa: PLC0415 - see above

    return serve(req, REPORT, bootstrap.office)


@app.route(route="monitoring/business", methods=["GET"])
def business(req: func.HttpRequest) -> func.HttpResponse:
    """What the CRM was used for, and what it brought, by name."""
    from shared.web.tables import BUSINESS  # noqa: PLC0415 - see above

    return serve(req, BUSINESS, bootstrap.office)


@app.route(route="monitoring/security", methods=["GET"])
def security(req: func.HttpRequest) -> func.HttpResponse:
    """Who failed to log in, and what else is worth a look."""
    from shared.web.tables import SECURITY  # noqa: PLC0415 - see above

    return serve(req, SECURITY, bootstrap.office)


@app.route(route="monitoring/export", methods=["GET"])
def export(req: func.HttpRequest) -> func.HttpResponse:
    """The past as CSV."""
    from shared.web.export import EXPORT  # noqa: PLC0415 - see above

    return serve(req, EXPORT, bootstrap.office)


@app.route(route="monitoring/advice", methods=["GET"])
def list_advice(req: func.HttpRequest) -> func.HttpResponse:
    """What to do about the database, or about the app."""
    from shared.web.advice import ADVICE  # noqa: PLC0415 - see above

    return serve(req, ADVICE, bootstrap.office)


@app.route(route="monitoring/advice/{id}", methods=["PATCH"])
def change_advice(req: func.HttpRequest) -> func.HttpResponse:
    """A recommendation was seen, done or dismissed."""
    from shared.web.advice import CHANGE  # noqa: PLC0415 - see above

    return serve(req, CHANGE, bootstrap.office)


@app.route(route="monitoring/openmetrics", methods=["GET"])
def openmetrics(req: func.HttpRequest) -> func.HttpResponse:
    """The newest figures for a scraper."""
    from shared.web.openmetrics import OPENMETRICS  # noqa: PLC0415 - see above

    return serve(req, OPENMETRICS, bootstrap.office)


@app.route(route="monitoring/openapi.json", methods=["GET"])
def describe_api(req: func.HttpRequest) -> func.HttpResponse:
    """All routes in OpenAPI 3.1."""
    from shared.web.openapi import openapi  # noqa: PLC0415 - see above

    return openapi(req)


@app.route(route="monitoring/health", methods=["GET", "HEAD"])
def health(req: func.HttpRequest) -> func.HttpResponse:
    """Is the app alive, and can it tell anybody?"""

    def checkups() -> Sequence[Checkup]:
        from shared.examinations import checkups  # noqa: PLC0415 - only who looks deep waits for it

        return checkups()

    return answer_health(req, bootstrap.problems, bootstrap.office, checkups)


@app.route(route="monitoring/dashboard", methods=["GET"])
def dashboard(req: func.HttpRequest) -> func.HttpResponse:
    """The dashboard's page, without any data."""
    from shared.web.dashboard import dashboard as show  # noqa: PLC0415 - see above

    return show(req)


@app.route(route="monitoring/dashboard/{file}", methods=["GET"])
def dashboard_file(req: func.HttpRequest) -> func.HttpResponse:
    """A file of the dashboard, as it is now."""
    from shared.web.dashboard import dashboard_file as hand_out  # noqa: PLC0415 - see above

    return hand_out(req)


@app.route(route="monitoring/dashboard/{version}/{file}", methods=["GET"])
def dashboard_kept(req: func.HttpRequest) -> func.HttpResponse:
    """A file of the dashboard's version, which may be kept for ever."""
    from shared.web.dashboard import dashboard_file as hand_out  # noqa: PLC0415 - see above

    return hand_out(req)


# The host asks functions by their names' alphabet: this one must come last.
@app.route(route="monitoring/{*path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def unmatched(req: func.HttpRequest) -> func.HttpResponse:
    """What no door before answers: 404, or 405 with the methods that there are."""
    from shared.web.unmatched import unmatched as refuse  # noqa: PLC0415 - see above

    return refuse(req)
