"""Which of Microsoft's models judges which type of resource, and what is excused and why."""

import importlib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class Judge:
    """Where a resource's models are: `body` is what is sent, `answer` what is read back."""

    package: str
    operations: str
    body: str
    answer: str = ""

    def models(self) -> ModuleType:
        return importlib.import_module(f"azure.mgmt.{self.package}.models")

    def version(self) -> str:
        """The API version that these operations send."""
        module = f"azure.mgmt.{self.package}.operations._{self.operations}_operations"
        source = inspect.getsource(importlib.import_module(module))
        # One operation may be as old as the service: listing all vaults is of 2015.
        return str(max(re.findall(r"api[_-]version\W.*?[\"'](20[\d-]+\w*)[\"']", source)))


_WEB, _STORAGE = "web.v2024_04_01", "storage.v2023_05_01"
JUDGES: Mapping[str, Judge] = {
    "Microsoft.Authorization/roleAssignments": Judge(
        "authorization.v2022_04_01", "role_assignments", "RoleAssignmentCreateParameters"
    ),
    "Microsoft.Communication/communicationServices": Judge(
        "communication", "communication_services", "CommunicationServiceResource"
    ),
    "Microsoft.Communication/emailServices": Judge(
        "communication", "email_services", "EmailServiceResource"
    ),
    "Microsoft.Communication/emailServices/domains": Judge(
        "communication", "domains", "DomainResource"
    ),
    "Microsoft.Consumption/budgets": Judge("consumption", "budgets", "Budget"),
    "Microsoft.Insights/actionGroups": Judge("monitor", "action_groups", "ActionGroupResource"),
    "Microsoft.Insights/components": Judge(
        "applicationinsights.v2020_02_02", "components", "ApplicationInsightsComponent"
    ),
    "Microsoft.Insights/scheduledQueryRules": Judge(
        "monitor", "scheduled_query_rules", "ScheduledQueryRuleResource"
    ),
    "Microsoft.KeyVault/vaults": Judge(
        "keyvault.v2023_07_01", "vaults", "VaultCreateOrUpdateParameters", "Vault"
    ),
    "Microsoft.KeyVault/vaults/secrets": Judge(
        "keyvault.v2023_07_01", "secrets", "SecretCreateOrUpdateParameters", "Secret"
    ),
    "Microsoft.ManagedIdentity/identities": Judge(
        "msi.v2023_01_31", "system_assigned_identities", "SystemAssignedIdentity"
    ),
    "Microsoft.OperationalInsights/workspaces": Judge("loganalytics", "workspaces", "Workspace"),
    "Microsoft.OperationalInsights/workspaces/savedSearches": Judge(
        "loganalytics", "saved_searches", "SavedSearch"
    ),
    "Microsoft.Storage/storageAccounts": Judge(
        _STORAGE, "storage_accounts", "StorageAccountCreateParameters", "StorageAccount"
    ),
    "Microsoft.Storage/storageAccounts/blobServices": Judge(
        _STORAGE, "blob_services", "BlobServiceProperties"
    ),
    "Microsoft.Storage/storageAccounts/blobServices/containers": Judge(
        _STORAGE, "blob_containers", "BlobContainer"
    ),
    "Microsoft.Storage/storageAccounts/queueServices": Judge(
        _STORAGE, "queue_services", "QueueServiceProperties"
    ),
    "Microsoft.Storage/storageAccounts/queueServices/queues": Judge(
        _STORAGE, "queue", "StorageQueue"
    ),
    "Microsoft.Storage/storageAccounts/tableServices": Judge(
        _STORAGE, "table_services", "TableServiceProperties"
    ),
    "Microsoft.Storage/storageAccounts/tableServices/tables": Judge(_STORAGE, "table", "Table"),
    "Microsoft.Web/serverfarms": Judge(_WEB, "app_service_plans", "AppServicePlan"),
    "Microsoft.Web/sites": Judge(_WEB, "web_apps", "Site"),
    "Microsoft.Web/sites/config/appsettings": Judge(_WEB, "web_apps", "StringDictionary"),
    "Microsoft.Web/sites/config/authsettingsV2": Judge(_WEB, "web_apps", "SiteAuthSettingsV2"),
}
UNJUDGED = {
    "Microsoft.Sql/servers": "only named as what holds the database: nothing is set or asked",
    "Microsoft.Sql/servers/databases": "only named as what a role is given on",
}
EXCUSED = {
    ("Microsoft.OperationalInsights/workspaces/savedSearches", "properties.etag"): "REST has it "
    "beside the properties, where the resource manager's templates refuse it; the service takes it "
    "here (github.com/Azure/bicep-types-az/issues/1499)",
}
