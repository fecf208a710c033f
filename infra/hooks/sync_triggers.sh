#!/bin/sh
# Asks the platform to look for functions until it lists all that run by themselves.
#
#   functionAppId   output of infra/main.bicep, which azd puts into the environment
#   TRIES=30        how often, 10 s apart
set -eu

id=${functionAppId:?the resource id of the function app}
wanted="tick watch roll_up advise send_report collect_target deliver"
tries=${TRIES:-30}
version=2024-04-01

command -v az >/dev/null 2>&1 || {
    echo "the Azure CLI is not here: install it and sign in (az login)" >&2
    exit 1
}

while [ "$tries" -gt 0 ]; do
    az rest --method post --output none \
        --url "https://management.azure.com$id/host/default/sync?api-version=$version" || true
    listed=$(az rest --method get --output tsv --query "value[].properties.name" \
        --url "https://management.azure.com$id/functions?api-version=$version" || true)
    missing=
    for name in $wanted; do
        echo "$listed" | grep -qx "$name" || missing="$missing $name"
    done
    if [ -z "$missing" ]; then
        echo "all functions are listed"
        exit 0
    fi
    echo "not listed yet:$missing"
    tries=$((tries - 1))
    sleep "${WAIT:-10}"
done
echo "the platform does not list$missing; python -c 'import function_app' says whether it loads" >&2
exit 1
