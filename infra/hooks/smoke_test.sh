#!/bin/sh
# Asks what was deployed: it answers, and every door that needs a role is shut to strangers. With
# CRM_TOKEN_KEY also what the doctor finds inside.
#
#   url             output of infra/main.bicep, which azd puts into the environment
#   CRM_TOKEN_KEY   the key that the deployment gave to the app, if it did
set -eu

api=${url:?where the function app answers}/api/monitoring

fail() {
    echo "smoke test: $1" >&2
    exit 1
}

status() {
    curl --silent --output /dev/null --write-out '%{http_code}' --max-time 60 --retry 5 \
        --retry-all-errors --retry-delay 10 "$@"
}

[ "$(status "$api/health")" = 200 ] || fail "GET health does not answer 200"
[ "$(status "$api/dashboard")" = 200 ] || fail "GET dashboard does not answer 200"
for door in metrics alerts 'health?deep=1'; do
    [ "$(status "$api/$door")" = 401 ] || fail "GET $door is open to strangers"
done

if [ -n "${CRM_TOKEN_KEY-}" ]; then
    token=$(python -m shared.sign_in --as smoke-test@deployment)
    # The first pass comes within a minute; what the doctor finds is told, not judged.
    curl --silent --fail --max-time 90 --header "Authorization: Bearer $token" \
        "$api/health?deep=1" | python -c '
import json, sys
for one in json.load(sys.stdin)["data"]["checkups"]:
    print(one["verdict"], one["name"] + ":", one["said"])
    if one.get("mend"):
        print("    mend:", one["mend"])
'
fi
echo "smoke test passed: $api"
