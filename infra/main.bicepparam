using './main.bicep'

// An example: put your own values in. Secrets come from the environment of whoever deploys, never
// from a file; leave out what you don't use. Every parameter is described in main.bicep.

// The only origin that browsers may call the API from.
param crmOrigin = 'https://crm.example.com'

// What is watched: resource ids, in whatever groups they are. An id that is left out is not measured.
param crmPlanId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Web/serverfarms/<plan>'
param crmAppId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Web/sites/<app>'
param crmDatabaseId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Sql/servers/<server>/databases/<database>'
param crmWorkspaceId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.OperationalInsights/workspaces/<workspace>'
param healthUrl = 'https://crm.example.com/api/health'

// Who is told by the monitor, and by what. With createCommunication = true the mail service is made
// here, with a domain that Azure manages, and mailFrom and communicationId are left out.
param alertEmail = 'admin@example.com'
param createCommunication = false
param mailFrom = 'DoNotReply@<domain>.azurecomm.net'
param communicationId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Communication/communicationServices/<name>'

// Who is told by Azure itself when the monitor falls silent, fails, or costs more than this.
param operatorEmail = 'operator@example.com'
param monthlyBudget = 5
// The first day of the month of the first deployment, such as 2026-11-01, and ever the same: Azure
// refuses a deployment that moves it.
param budgetStart = readEnvironmentVariable('BUDGET_START', '')

// Who may call the API: tokens of Entra ID (below), of the CRM's server (CRM_TOKEN_KEY), or both.
param authIssuer = 'https://login.microsoftonline.com/<tenant>/v2.0'
param authAudience = 'api://pantry-monitor'
param authJwksUrl = 'https://login.microsoftonline.com/<tenant>/discovery/v2.0/keys'

// Secrets: they are put into the monitor's key vault, and the app follows references to them.
param slackWebhooks = readEnvironmentVariable('SLACK_WEBHOOKS', '')
param slackBotToken = readEnvironmentVariable('SLACK_BOT_TOKEN', '')
param webhooks = readEnvironmentVariable('WEBHOOKS', '')
param teamsWebhooks = readEnvironmentVariable('TEAMS_WEBHOOKS', '')
param smsConnectionString = readEnvironmentVariable('SMS_CONNECTION_STRING', '')
param acsConnectionString = readEnvironmentVariable('ACS_CONNECTION_STRING', '')
param actionKeys = readEnvironmentVariable('ACTION_KEYS', '')
param heartbeatUrl = readEnvironmentVariable('HEARTBEAT_URL', '')
param crmTokenKey = readEnvironmentVariable('CRM_TOKEN_KEY', '')
