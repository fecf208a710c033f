"""What must hold between the Bicep of infra/ and the rest of the repository, as lists of problems.

Functions of the texts, so that a test can spoil a text and see the problem reported.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from lark.exceptions import LarkError

from local.bicep_files import BicepFile, Declared, Name, names, parse, references
from shared.setting_table import TABLE, Setting

MAIN = "main.bicep"
APP = "modules/function_app.bicep"
SETTINGS = "modules/settings.bicep"

EXCUSED = {
    "AzureWebJobsStorage": "a connection string holds a key; the account takes none, the app "
    "names it in AzureWebJobsStorage__accountName",
    "SQL_USER": "the app enters the database as its own identity",
    "SQL_PASSWORD": "as above",
}
PLATFORMS = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "where the host sends telemetry",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "... by the app's identity",
}
FORBIDDEN_SETTINGS = frozenset(
    [
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_WORKER_RUNTIME_VERSION",
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_WORKER_PROCESS_COUNT",
        "FUNCTIONS_MAX_HTTP_CONCURRENCY",
        "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED",
        "WEBSITE_RUN_FROM_PACKAGE",
        "WEBSITE_CONTENTSHARE",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_SKIP_CONTENTSHARE_VALIDATION",
        "WEBSITE_VNET_ROUTE_ALL",
        "WEBSITE_MOUNT_ENABLED",
        "WEBSITE_NODE_DEFAULT_VERSION",
        "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "ENABLE_ORYX_BUILD",
        "WEBSITE_TIME_ZONE",
        "TZ",
    ]
)
FORBIDDEN_PROPERTIES = frozenset(
    [
        "linuxFxVersion",
        "windowsFxVersion",
        "netFrameworkVersion",
        "alwaysOn",
        "ftpsState",
        "use32BitWorkerProcess",
        "isReserved",
        "isXenon",
        "containerSize",
        "functionAppScaleLimit",
        "preWarmedInstanceCount",
    ]
)
"""What Flex Consumption refuses or ignores, in an app's settings and in its properties."""

ROLES_FILE = "modules/roles.json"
"""The one place with the ids of roles; modules name them as roles.<name>."""
ROLES = {
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "monitoringReader": "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "logAnalyticsReader": "73c42c96-874c-492b-b04d-ab87d138a893",
    "communicationOwner": "09976791-48a7-449e-bb21-39d1a415f350",
}
GRANTS = {
    ("Microsoft.Storage/storageAccounts", "storageBlobDataOwner"),
    ("Microsoft.Storage/storageAccounts", "storageQueueDataContributor"),
    ("Microsoft.Storage/storageAccounts", "storageTableDataContributor"),
    ("Microsoft.Storage/storageAccounts", "monitoringReader"),
    ("Microsoft.Insights/components", "monitoringMetricsPublisher"),
    ("Microsoft.KeyVault/vaults", "keyVaultSecretsUser"),
    ("Microsoft.Web/serverfarms", "monitoringReader"),
    ("Microsoft.Web/sites", "monitoringReader"),
    ("Microsoft.Sql/servers/databases", "monitoringReader"),
    ("Microsoft.OperationalInsights/workspaces", "logAnalyticsReader"),
    ("Microsoft.Communication/communicationServices", "communicationOwner"),
}
"""Every role that the identity gets, and on what type of resource; nothing wider."""

OLDEST_API = {
    "Microsoft.Web/": "2023-12-01",  # functionAppConfig
    "Microsoft.Communication/": "2023-04-01",
}

_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Files = Mapping[str, BicepFile]


def problems(texts: Mapping[str, str], table: Sequence[Setting] = TABLE) -> list[str]:
    """Everything that does not fit, in words."""
    try:
        files = {path: parse(path, text) for path, text in texts.items()}
    except LarkError as error:
        return [f"a file can't be parsed: {error}"]
    checks = [_settings(files, table), _names(files), _modules(files), _roles(files)]
    found = [problem for check in checks for problem in check]
    return [*found, *_secrets(files, table), *_versions(files), *_guids(texts)]


def app_settings(files: Files) -> dict[str, Any]:
    """The settings that the function app is given, and their expressions."""
    (module,) = [one for one in files[MAIN].modules.values() if one.type == SETTINGS]
    given: dict[str, Any] = module.body["params"]["appSettings"]
    return given


def setting_param(value: Any, file: BicepFile) -> Declared | None:
    """The parameter that a setting's value is: as it stands, as text, or where it is not empty."""
    plain = value
    if isinstance(value, tuple) and value[0] == "string":
        plain = value[1]
    elif isinstance(value, tuple) and value[0] == "conditional":
        plain = value[1][1]
    return file.params.get(plain) if isinstance(plain, Name) else None


def _settings(files: Files, table: Sequence[Setting]) -> Iterator[str]:
    given = app_settings(files)
    wanted = {setting.name for setting in table} - EXCUSED.keys() | PLATFORMS.keys()
    yield from (f"the app is not given the setting {name}" for name in sorted(wanted - set(given)))
    yield from (f"the app is given {name}, unknown to it" for name in sorted(set(given) - wanted))
    yield from (f"{name} must not be given" for name in sorted(FORBIDDEN_SETTINGS & set(given)))
    words = {word for one in files[APP].resources.values() for word in _keys(one.value)}
    yield from (f"{word} is refused on Flex" for word in sorted(FORBIDDEN_PROPERTIES & words))
    for setting in table:
        param = setting_param(given.get(setting.name), files[MAIN])
        if param is not None:
            yield from _setting_param(setting, param)


def _setting_param(setting: Setting, param: Declared) -> Iterator[str]:
    said = str(param.decorators.get("description", ""))
    if ":" in said and said.partition(":")[0].isupper() and not said.startswith(f"{setting.name}:"):
        yield f"{setting.name} is given the parameter of {said.partition(':')[0]}"
    # Bicep writes a dollar before a brace that is meant as it stands as \\$.
    if param.value is not None and str(param.value).replace("\\$", "$") != setting.default:
        yield f"{setting.name} defaults to {setting.default!r}, in Bicep to {param.value!r}"


def _names(files: Files) -> Iterator[str]:
    for path, file in files.items():
        yield from (f"{path}: {name} is not declared" for name in file.used - set(file.declared))
        for name in sorted((file.params.keys() | file.vars.keys()) - file.used):
            yield f"{path}: {name} is not used"
        for name, one in [*file.params.items(), *file.outputs.items()]:
            if not one.decorators.get("description"):
                yield f"{path}: {name} has no description"


def _modules(files: Files) -> Iterator[str]:
    referenced = set()
    for path, file in files.items():
        for name, module in file.modules.items():
            target = str(PurePosixPath(path).parent / module.type)
            referenced.add(target)
            if target not in files:
                yield f"{path}: {name} is {target}, which does not exist"
                continue
            yield from _params(f"{path}: {name}", module, files[target])
            yield from _outputs(f"{path}: {name}", name, file, files[target])
    yield from (f"{path} is used by nobody" for path in sorted(files.keys() - referenced - {MAIN}))


def _params(where: str, module: Declared, target: BicepFile) -> Iterator[str]:
    given = set(module.body.get("params", {}))
    required = {name for name, param in target.params.items() if param.value is None}
    yield from (f"{where} needs {name}" for name in sorted(required - given))
    yield from (f"{where} knows no {name}" for name in sorted(given - target.params.keys()))


def _outputs(where: str, name: str, file: BicepFile, target: BicepFile) -> Iterator[str]:
    everything = [*file.resources.values(), *file.modules.values(), *file.outputs.values()]
    for reference in (one for declared in everything for one in references(declared.value)):
        asked = reference.split(".")
        if asked[:2] == [name, "outputs"] and asked[2] not in target.outputs:
            yield f"{where} has no output {asked[2]}"


def _roles(files: Files) -> Iterator[str]:
    granted = set()
    for path, file in files.items():
        for name, one in file.resources.items():
            if one.type.startswith(_ASSIGNMENT):
                yield from _assignment(f"{path}: {name}", one.value, file)
                granted.add(_grant(one.value, file))
    yield from (f"{role} on {what} is not granted" for what, role in sorted(GRANTS - granted))
    yield from (f"{role} on {what} is too much" for what, role in sorted(granted - GRANTS))


def _assignment(where: str, value: dict[str, Any], file: BicepFile) -> Iterator[str]:
    what, role = str(value.get("scope")), str(value["properties"]["roleDefinitionId"][2])
    if role.removeprefix("roles.") not in ROLES:
        yield f"{where} gives {role}, which is no documented role"
    if value["name"] != ("guid", f"{what}.id", "principalId", role):
        yield f"{where} must be named guid({what}.id, principalId, {role})"
    if what not in file.resources:
        yield f"{where} is not scoped to a resource"
    if value["properties"].get("principalType") != "ServicePrincipal":
        yield f"{where} must say that the principal is a service's"


def _grant(value: dict[str, Any], file: BicepFile) -> tuple[str, str]:
    resource = file.resources.get(str(value.get("scope")))
    what = resource.type.partition("@")[0] if resource else "everything"
    return what, str(value["properties"]["roleDefinitionId"][2]).removeprefix("roles.")


def _secrets(files: Files, table: Sequence[Setting]) -> Iterator[str]:
    given = app_settings(files)
    for setting in table:
        param = setting_param(given.get(setting.name), files[MAIN])
        if setting.secret and setting.name in given and not _is_secure(param):
            yield f"{setting.name} is a secret, but its parameter is not secure"
    for path, file in files.items():
        secure = {name for name, param in file.params.items() if _is_secure(param)}
        for name, output in file.outputs.items():
            if {one.head for one in names(output.value)} & secure or "list" in str(output.value):
                yield f"{path}: the output {name} would show a secret"
        for module in file.modules.values():
            yield from _leaks(path, module, secure, files)


def _leaks(path: str, module: Declared, secure: set[str], files: Files) -> Iterator[str]:
    target = files.get(str(PurePosixPath(path).parent / module.type))
    for name, value in module.body.get("params", {}).items():
        has_secret = {one.head for one in names(value)} & secure
        if target and has_secret and not _is_secure(target.params.get(name)):
            yield f"{path}: a secret is given to {name} of {module.type}, which is not secure"


def _is_secure(param: Declared | None) -> bool:
    return param is not None and "secure" in param.decorators


def _versions(files: Files) -> Iterator[str]:
    for path, file in files.items():
        for name, one in file.resources.items():
            kind, _, version = one.type.partition("@")
            for prefix, oldest in OLDEST_API.items():
                if kind.startswith(prefix) and version < oldest:
                    yield f"{path}: {name} needs the API {oldest} or later"


def _guids(texts: Mapping[str, str]) -> Iterator[str]:
    for path, text in texts.items():
        for found in sorted(set(_GUID.findall(text))):
            yield f"{path}: {found} belongs into {ROLES_FILE}"


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    if isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _keys(one)
