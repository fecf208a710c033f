#!/bin/sh
# Lets the function app's identity into the CRM's database (infra/sql/grant-monitor.sql, part 1).
#
#   functionAppName, clientId, databaseId   outputs of infra/main.bicep, which azd puts into the
#                          environment
#   GRANT_SQL=no           nothing here: the server's admin runs the script by hand
#   GRANT_SERVER_STATE=yes also part 2, in master: who blocks whom, and the query of a storm
#
# Whoever runs it must be the server's Microsoft Entra admin, or act as one; it needs Microsoft's newer
# sqlcmd (go-sqlcmd 1.8 or later), which signs in as az did: the older one's -G does not on Linux.
set -eu

app=${functionAppName:?the name of the function app}
id=${databaseId-}
if [ -z "$id" ]; then
    echo "no database is watched: nothing to grant"
    exit 0
fi
if [ "${GRANT_SQL:-yes}" = no ]; then
    echo "not granted: the server's Entra admin runs infra/sql/grant-monitor.sql for $app, client id" \
        "${clientId-}"
    exit 0
fi
if ! command -v sqlcmd >/dev/null 2>&1; then
    echo "sqlcmd is not here: install go-sqlcmd (github.com/microsoft/go-sqlcmd), or run" \
        "infra/sql/grant-monitor.sql for $app by hand" >&2
    exit 1
fi

client=${clientId:?the client id of its identity}
server=$(echo "$id" | sed 's|.*/servers/\([^/]*\)/databases/.*|\1|')
database=${id##*/}
script=$(dirname "$0")/../sql/grant-monitor.sql

# The script's two parts: its second one begins at the heading of master.
part() {
    sed -e "s/func-pantry-monitor/$app/g" -e "s/00000000-0000-0000-0000-000000000000/$client/g" \
        "$script" | awk -v wanted="$1" '
        /^-- [12]\. In / { part = substr($2, 1, 1) }
        part == wanted'
}

run() {
    sqlcmd -S "$server.database.windows.net" -d "$1" \
        --authentication-method ActiveDirectoryAzCli -b -i /dev/stdin || {
        echo "$1 on $server did not take the grants. Unless it says above why: whoever is signed in to az must be the server's" \
            "Microsoft Entra admin, from an address that its firewall lets in; or GRANT_SQL=no, and" \
            "the admin runs infra/sql/grant-monitor.sql for $app, client id $client" >&2
        exit 1
    }
}

if [ "${GRANT_SERVER_STATE-}" = yes ]; then
    # The server's role is the login's: the user must be that login's, and so comes after it.
    part 2 | run master
    part 1 | sed "s/@login bit = 0/@login bit = 1/" | run "$database"
else
    part 1 | run "$database"
fi
echo "$app may read $database"
