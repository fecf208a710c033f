#!/bin/sh
# Asks what was deployed: it answers, and every door that needs a role is shut to strangers. With
# CRM_TOKEN_KEY also what the doctor finds inside.
#
#   url             output of infra/main.bicep, which azd puts into the environment
#   CRM_TOKEN_KEY   the key that the deployment gave to the app, if it did; then python with
#                   requirements.txt installed is needed, too
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

expect() {
    answered=$(status "$api/$2") || true
    [ "$answered" = "$1" ] || fail "GET $2 answers $answered to strangers, not $1"
}

expect 200 health
expect 200 dashboard
expect 401 metrics
expect 401 alerts
expect 401 'health?deep=1'

if [ -n "${CRM_TOKEN_KEY-}" ]; then
    python=$(command -v python || command -v python3) || fail "no python to sign a token with"
    token=$("$python" -m shared.sign_in --as smoke-test@deployment) ||
        fail "no token could be signed: $python -m pip install -r requirements.txt"
    # The first pass comes within a minute, and a new role or reference works only after some: what
    # the doctor finds is told, not judged.
    if found=$(curl --silent --show-error --fail --max-time 90 \
        --header "Authorization: Bearer $token" "$api/health?deep=1"); then
        echo "$found" | "$python" -c '
import json, sys
for one in json.load(sys.stdin)["data"]["checkups"]:
    print(one["verdict"], one["name"] + ":", one["said"])
    if one.get("mend"):
        print("    mend:", one["mend"])
'
    else
        echo "the app's own doctor does not answer yet: ask again in some minutes (docs/operate.md)"
    fi
fi
echo "smoke test passed: $api"
