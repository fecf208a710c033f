metadata description = 'The pantry monitor: storage, telemetry, the function app, and the roles that its identity needs.'

// Every setting of shared/setting_table.py is given by a parameter here, because a deployment replaces
// the app's whole configuration: what is set by hand in the portal is gone after the next one.

@description('Region of everything that is created here.')
param location string = resourceGroup().location

@description('What the names of everything that is created here are made of; their beginnings are those of the Cloud Adoption Framework.')
@minLength(2)
@maxLength(24)
param workload string = 'pantry-monitor'

@description('Name of the function app; its identity carries the same name in the database\'s grants.')
@minLength(2)
@maxLength(60)
param appName string = 'func-${workload}-${uniqueString(resourceGroup().id)}'

@description('Name of the storage account that is created for the monitor.')
@minLength(3)
@maxLength(24)
param storageName string = 'st${take(toLower(replace(workload, '-', '')), 9)}${uniqueString(resourceGroup().id)}'

@description('Name of the key vault that is created for the monitor\'s secrets.')
@minLength(3)
@maxLength(24)
param keyVaultName string = 'kv-${uniqueString(resourceGroup().id)}-${take(replace(workload, '-', ''), 7)}'

@description('Version of Python; the wheels must be built for the same one.')
@allowed([
  '3.11'
  '3.12'
])
param pythonVersion string = '3.12'

@description('Memory of an instance in MB. 512 keeps four functions a minute inside the monthly free grant.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 512

@description('How many instances the platform may start; 40 is the lowest that it accepts.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Origin of the CRM\'s pages, such as https://crm.example.com: the only one that browsers may call from.')
param crmOrigin string

@description('Whether the monitor\'s own telemetry goes to the CRM\'s workspace; otherwise it gets one with its own daily cap.')
param useCrmWorkspace bool = false

@description('Daily cap in GB of the monitor\'s own workspace, as text because Bicep has no fractions.')
param dailyCapGb string = '0.15'

@description('How many days the monitor\'s own workspace keeps telemetry.')
@minValue(30)
@maxValue(730)
param retentionDays int = 30

@description('Resource id of the CRM\'s App Service plan; empty: not measured.')
param crmPlanId string = ''

@description('Resource id of the CRM\'s web app; empty: not measured.')
param crmAppId string = ''

@description('Resource id of the CRM\'s Azure SQL database; empty: not measured. infra/sql/grant-monitor.sql lets the app in.')
param crmDatabaseId string = ''

@description('SQL_HOST: where databases are reached by SQL; empty: by the platform\'s metrics only.')
param sqlHost string = '{server}.database.windows.net'

@description('SQL_DRIVER: an ODBC driver\'s name or python-tds; empty: the newest that is there.')
param sqlDriver string = ''

@description('BUSINESS_NAMES: what the CRM calls its tables: crm, brief, or JSON; empty: nothing is counted.')
param businessNames string = 'crm'

@description('Resource id of the Log Analytics workspace behind the CRM\'s Application Insights; empty: no logs are read.')
param crmWorkspaceId string = ''

@description('Whether Azure Communication Services with a mail domain are created here; otherwise communicationId may name some that exist.')
param createCommunication bool = false

@description('A mail domain of your own for them; empty: one that Azure manages (5 mails a minute, 10 an hour).')
param mailDomain string = ''

@description('Whether that domain\'s DNS records were verified: before, it can\'t be linked.')
param mailDomainVerified bool = false

@description('Where they keep their data at rest.')
param dataLocation string = 'Europe'

@description('Whom Azure itself tells by e-mail when the monitor falls silent or fails; empty: nobody, and no such alerts.')
param operatorEmail string = ''

@description('What this resource group may cost a month, in the currency of the subscription\'s bill: that address is told at four fifths of it; 0: no budget.')
@minValue(0)
param monthlyBudget int = 5

@description('First day of the month in which the budget is first deployed, such as 2026-11-01; empty: no budget. Azure refuses to change it afterwards, so it must stay the same.')
param budgetStart string = ''

@description('Client id of an app registration by which people sign in on the platform itself; empty: bearer tokens alone.')
param loginClientId string = ''

@description('Issuer of that sign-in, such as https://login.microsoftonline.com/<tenant>/v2.0.')
param loginIssuer string = ''

@description('Client ids of further applications that people come from when they are signed in, such as the CRM\'s own.')
param loginApplications array = []

@description('Resource id of the Azure Communication Services that send the mails by the app\'s identity; empty: none, or the connection string.')
param communicationId string = ''

@description('MONITOR_TARGETS: the applications to watch, joined by commas.')
param monitorTargets string = 'pantry-crm'

@description('HEALTH_URL: the CRM\'s health page; empty: no probe.')
param healthUrl string = ''

@description('MORE_TARGETS: the resources of further targets as JSON. Their roles: modules/target_roles.bicep.')
param moreTargets string = ''

@description('AZURE_MONITOR_ENDPOINT: another one for sovereign clouds.')
param azureMonitorEndpoint string = 'https://management.azure.com'

@description('LOG_ANALYTICS_ENDPOINT: another one for sovereign clouds.')
param logAnalyticsEndpoint string = 'https://api.loganalytics.io'

@description('ALERT_EMAIL: who gets alerts by e-mail; empty: nobody.')
param alertEmail string = ''

@description('ACS_CONNECTION_STRING: a way to send mails without the app\'s identity.')
@secure()
param acsConnectionString string = ''

@description('MAIL_FROM: the sender on the mail domain linked to Azure Communication Services.')
param mailFrom string = ''

@description('MAILS_PER_MINUTE: what the mail domain allows; 5 on an Azure-managed one.')
@minValue(1)
param mailsPerMinute int = 5

@description('MAILS_PER_HOUR: what the mail domain allows; 10 on an Azure-managed one.')
@minValue(1)
param mailsPerHour int = 10

@description('SLACK_WEBHOOKS: incoming webhooks as JSON, channel name to URL.')
@secure()
param slackWebhooks string = ''

@description('SLACK_BOT_TOKEN: a bot\'s token.')
@secure()
param slackBotToken string = ''

@description('SLACK_ENDPOINT: Slack\'s Web API.')
param slackEndpoint string = 'https://slack.com/api'

@description('WEBHOOKS: receivers of webhooks as JSON, name to URL or to url and key.')
@secure()
param webhooks string = ''

@description('WEBHOOK_HOSTS: hosts on private networks that webhooks may lead to.')
param webhookHosts string = ''

@description('TEAMS_WEBHOOKS: webhooks of Teams workflows as JSON, name to URL.')
@secure()
param teamsWebhooks string = ''

@description('SMS_FROM: the number or name that SMS come from.')
param smsFrom string = ''

@description('SMS_SEVERITY: the least severity that is worth an SMS.')
@allowed(['low', 'medium', 'high', 'critical'])
param smsSeverity string = 'critical'

@description('SMS_CONNECTION_STRING: Azure Communication Services for SMS, where it is not the mails\' own.')
@secure()
param smsConnectionString string = ''
@description('READER_TIME_ZONE: the time zone whose time messages tell beside UTC.')
param readerTimeZone string = 'UTC'

@description('OFFICE_HOURS: when the CRM\'s people work, by that zone.')
param officeHours string = 'Mon-Fri 07:00-19:00'

@description('PUBLIC_URL: where the function app is reached, for links in messages.')
param publicUrl string = ''

@description('ACTION_KEYS: secrets that sign those links, joined by commas, the newest first.')
@secure()
param actionKeys string = ''

@description('SEVERITY_ROUTES: where the alerts of rules without actions go, as JSON: severity to a list of type:target.')
param severityRoutes string = ''

@description('FALLBACK_CHANNEL: where an alert goes when its own channel refuses it.')
param fallbackChannel string = 'console:log'

@description('HEARTBEAT_URL: a dead man\'s switch that is told each minute how the monitor is.')
@secure()
param heartbeatUrl string = ''

@description('REPORT_CHANNEL: who gets the weekly report, as type:target.')
param reportChannel string = 'email:\${ALERT_EMAIL}'

@description('REPORT_DAY: the day of the week on which it is sent.')
param reportDay string = 'mon'

@description('REPORT_HOUR: the hour of that day.')
@minValue(0)
@maxValue(23)
param reportHour int = 7

@description('AVAILABILITY_OBJECTIVE: percent of the probed minutes in which the CRM is to be available.')
param availabilityObjective string = '99.5'

@description('COLLECT_INLINE_MAX: up to so many targets are ticked and watched by the timers themselves.')
@minValue(1)
param collectInlineMax int = 5

@description('MINUTES_KEPT_DAYS: for how many days minutes are kept.')
@minValue(15)
param minutesKeptDays int = 90

@description('HOURS_KEPT_DAYS: for how many days the summaries of hours and days are kept.')
@minValue(15)
param hoursKeptDays int = 1096

@description('ALERTS_KEPT_DAYS: for how many days alerts and their messages are kept.')
@minValue(15)
param alertsKeptDays int = 400

@description('AUDIT_KEPT_DAYS: for how many days it is kept what people did.')
@minValue(15)
param auditKeptDays int = 400

@description('PRICES: US dollars where the list prices that the monitor\'s cost is told at are others here, as JSON.')
param prices string = ''

@description('AUTH_ISSUER: issuer of the callers\' Entra ID tokens.')
param authIssuer string = ''

@description('AUTH_AUDIENCE: the audience that a token must name.')
param authAudience string = ''

@description('AUTH_JWKS_URL: where the issuer publishes its signing keys.')
param authJwksUrl string = ''

@description('AUTH_ROLE_CLAIM: the claim that holds a caller\'s roles.')
param authRoleClaim string = 'roles'

@description('CRM_TOKEN_KEY: secret shared with the CRM\'s server, at least 32 bytes.')
@secure()
param crmTokenKey string = ''

var suffix = uniqueString(resourceGroup().id)
// A reference that the platform follows; the code refuses one that it could not.
var secretIn = '@Microsoft.KeyVault(VaultName=${keyVaultName};SecretName='

// Indexing an empty id would fail even where the condition is false: nothing at all is named 'none'.
var noResource = '${resourceGroup().id}/providers/none/none/none'
var workspaceParts = split(empty(crmWorkspaceId) ? noResource : crmWorkspaceId, '/')
var communicationParts = split(empty(communicationId) ? noResource : communicationId, '/')

resource crmWorkspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = if (!empty(crmWorkspaceId)) {
  name: workspaceParts[8]
  scope: resourceGroup(workspaceParts[2], workspaceParts[4])
}

resource communication 'Microsoft.Communication/communicationServices@2023-04-01' existing = if (!empty(communicationId)) {
  name: communicationParts[8]
  scope: resourceGroup(communicationParts[2], communicationParts[4])
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    location: location
    name: storageName
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    workspaceName: 'log-${workload}-${suffix}'
    applicationInsightsName: 'appi-${workload}-${suffix}'
    existingWorkspaceId: useCrmWorkspace ? crmWorkspaceId : ''
    dailyCapGb: dailyCapGb
    retentionDays: retentionDays
  }
}

module keyVault 'modules/key_vault.bicep' = {
  name: 'key-vault'
  params: {
    location: location
    name: keyVaultName
    acsConnectionString: acsConnectionString
    slackWebhooks: slackWebhooks
    slackBotToken: slackBotToken
    webhooks: webhooks
    teamsWebhooks: teamsWebhooks
    smsConnectionString: smsConnectionString
    actionKeys: actionKeys
    heartbeatUrl: heartbeatUrl
    crmTokenKey: crmTokenKey
  }
}

module communicationServices 'modules/communication.bicep' = if (createCommunication) {
  name: 'communication'
  params: {
    name: 'acs-${workload}-${suffix}'
    mailName: 'acs-mail-${workload}-${suffix}'
    dataLocation: dataLocation
    domain: mailDomain
    domainVerified: mailDomainVerified
  }
}

module functionApp 'modules/function_app.bicep' = {
  name: 'function-app'
  params: {
    location: location
    name: appName
    planName: 'asp-${workload}-${suffix}'
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    crmOrigin: crmOrigin
  }
}

module ownRoles 'modules/own_roles.bicep' = {
  name: 'own-roles'
  params: {
    principalId: functionApp.outputs.principalId
    storageName: storage.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    keyVaultName: keyVault.outputs.name
    appName: functionApp.outputs.name
  }
}

// So that it can count the bytes of its own telemetry; what it reads of the CRM's has its role there.
module ownWorkspaceRole 'modules/workspace_role.bicep' = if (!useCrmWorkspace) {
  name: 'own-workspace-role'
  params: {
    principalId: functionApp.outputs.principalId
    name: monitoring.outputs.workspaceName
  }
}

module settings 'modules/settings.bicep' = {
  name: 'settings'
  params: {
    appName: functionApp.outputs.name
    appSettings: {
      AzureWebJobsStorage__accountName: storage.outputs.name
      APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD'
      MONITOR_TARGETS: monitorTargets
      APP_SERVICE_PLAN_ID: crmPlanId
      APP_SERVICE_ID: crmAppId
      SQL_DATABASE_ID: crmDatabaseId
      SQL_HOST: sqlHost
      SQL_DRIVER: sqlDriver
      BUSINESS_NAMES: businessNames
      LOG_ANALYTICS_WORKSPACE_ID: empty(crmWorkspaceId) ? '' : crmWorkspace!.properties.customerId
      HEALTH_URL: healthUrl
      MORE_TARGETS: moreTargets
      AZURE_MONITOR_ENDPOINT: azureMonitorEndpoint
      LOG_ANALYTICS_ENDPOINT: logAnalyticsEndpoint
      ALERT_EMAIL: alertEmail
      ACS_CONNECTION_STRING: empty(acsConnectionString) ? '' : '${secretIn}acs-connection-string)'
      ACS_ENDPOINT: createCommunication ? communicationServices!.outputs.endpoint : (empty(communicationId) ? '' : 'https://${communication!.properties.hostName}')
      MAIL_FROM: empty(mailFrom) ? (createCommunication ? communicationServices!.outputs.sender : '') : mailFrom
      MAILS_PER_MINUTE: string(mailsPerMinute)
      MAILS_PER_HOUR: string(mailsPerHour)
      SLACK_WEBHOOKS: empty(slackWebhooks) ? '' : '${secretIn}slack-webhooks)'
      SLACK_BOT_TOKEN: empty(slackBotToken) ? '' : '${secretIn}slack-bot-token)'
      SLACK_ENDPOINT: slackEndpoint
      WEBHOOKS: empty(webhooks) ? '' : '${secretIn}webhooks)'
      WEBHOOK_HOSTS: webhookHosts
      TEAMS_WEBHOOKS: empty(teamsWebhooks) ? '' : '${secretIn}teams-webhooks)'
      SMS_FROM: smsFrom
      SMS_SEVERITY: smsSeverity
      SMS_CONNECTION_STRING: empty(smsConnectionString) ? '' : '${secretIn}sms-connection-string)'
      READER_TIME_ZONE: readerTimeZone
      OFFICE_HOURS: officeHours
      PUBLIC_URL: publicUrl
      ACTION_KEYS: empty(actionKeys) ? '' : '${secretIn}action-keys)'
      SEVERITY_ROUTES: severityRoutes
      FALLBACK_CHANNEL: fallbackChannel
      HEARTBEAT_URL: empty(heartbeatUrl) ? '' : '${secretIn}heartbeat-url)'
      REPORT_CHANNEL: reportChannel
      REPORT_DAY: reportDay
      REPORT_HOUR: string(reportHour)
      AVAILABILITY_OBJECTIVE: availabilityObjective
      COLLECT_INLINE_MAX: string(collectInlineMax)
      MINUTES_KEPT_DAYS: string(minutesKeptDays)
      HOURS_KEPT_DAYS: string(hoursKeptDays)
      ALERTS_KEPT_DAYS: string(alertsKeptDays)
      AUDIT_KEPT_DAYS: string(auditKeptDays)
      MONITOR_APP_ID: functionApp.outputs.id
      MONITOR_STORAGE_ID: storage.outputs.id
      MONITOR_WORKSPACE_ID: monitoring.outputs.workspaceId
      PRICES: prices
      AUTH_ISSUER: authIssuer
      AUTH_AUDIENCE: authAudience
      AUTH_JWKS_URL: authJwksUrl
      AUTH_ROLE_CLAIM: authRoleClaim
      CRM_TOKEN_KEY: empty(crmTokenKey) ? '' : '${secretIn}crm-token-key)'
    }
  }
  // Neither the vault's secrets nor the role that reads them is named in a reference.
  dependsOn: [keyVault, ownRoles]
}

module targetRoles 'modules/target_roles.bicep' = {
  name: 'target-roles'
  params: {
    principalId: functionApp.outputs.principalId
    planId: crmPlanId
    appId: crmAppId
    databaseId: crmDatabaseId
    workspaceId: crmWorkspaceId
  }
}

module communicationRole 'modules/communication_role.bicep' = if (!empty(communicationId)) {
  name: 'communication-role'
  scope: resourceGroup(communicationParts[2], communicationParts[4])
  params: {
    principalId: functionApp.outputs.principalId
    name: communicationParts[8]
  }
}

module ownCommunicationRole 'modules/communication_role.bicep' = if (createCommunication) {
  name: 'own-communication-role'
  params: {
    principalId: functionApp.outputs.principalId
    name: communicationServices!.outputs.name
  }
}

module supervision 'modules/supervision.bicep' = if (!empty(operatorEmail)) {
  name: 'supervision'
  params: {
    location: location
    workload: workload
    appName: functionApp.outputs.name
    workspaceResourceId: monitoring.outputs.workspaceResourceId
    operatorEmail: operatorEmail
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
  }
}

module savedQueries 'modules/saved_queries.bicep' = if (!useCrmWorkspace) {
  name: 'saved-queries'
  params: {
    workspaceName: monitoring.outputs.workspaceName
  }
}

module login 'modules/login.bicep' = if (!empty(loginClientId)) {
  name: 'login'
  params: {
    // Two changes of one app's configuration at once disturb each other.
    appName: settings.outputs.appName
    clientId: loginClientId
    issuer: loginIssuer
    applications: loginApplications
  }
}

@description('Where the code is deployed to.')
output functionAppName string = functionApp.outputs.name

@description('Where the API and the dashboard answer.')
output url string = functionApp.outputs.url

@description('The identity that needs its grants in the database.')
output principalId string = functionApp.outputs.principalId

@description('The same identity\'s client id, which is what the database\'s user is made of.')
output clientId string = functionApp.outputs.clientId

@description('Resource id of the function app, as python -m shared.doctor --app takes it.')
output functionAppId string = functionApp.outputs.id

@description('Id of the workspace of the monitor\'s own telemetry, as python -m shared.cost --workspace takes it; empty where it is the CRM\'s.')
output workspaceId string = monitoring.outputs.workspaceId

@description('Resource id of the CRM\'s database, for the hook that grants.')
output databaseId string = crmDatabaseId

@description('Where the tables and queues are.')
output storageName string = storage.outputs.name
