"""Nothing in the environment of whoever tries the monitor leads it away from the desk."""

from local.surroundings import strangers


def test_what_leads_elsewhere_is_named() -> None:
    environment = {
        "AZURE_CLIENT_SECRET": "a developer's own",
        "IDENTITY_SERVER_THUMBPRINT": "of Service Fabric",
        "WEBSITE_AUTH_ENABLED": "true",
        "MONITOR_TARGETS": "another",
        "SLACK_BOT_TOKEN": "xoxb-real",
    }

    assert strangers(environment, {}) == list(environment)


def test_what_the_desk_sets_and_what_is_no_concern_of_the_app_stays() -> None:
    environment = ["HEALTH_URL", "IDENTITY_ENDPOINT", "PATH", "HTTPS_PROXY", "HOME"]

    assert strangers(environment, {"HEALTH_URL": "", "IDENTITY_ENDPOINT": ""}) == []
