using './main.bicep'

// An example: put your own values in. Secrets come from the environment of whoever deploys, never
// from a file; leave out what you don't use.

param crmOrigin = 'https://crm.example.com'

param crmPlanId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Web/serverfarms/<plan>'
param crmAppId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Web/sites/<app>'
param crmDatabaseId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Sql/servers/<server>/databases/<database>'
param crmWorkspaceId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.OperationalInsights/workspaces/<workspace>'
param healthUrl = 'https://crm.example.com/api/health'

param alertEmail = 'admin@example.com'
param mailFrom = 'DoNotReply@<domain>.azurecomm.net'
param communicationId = '/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Communication/communicationServices/<name>'

param authIssuer = 'https://login.microsoftonline.com/<tenant>/v2.0'
param authAudience = 'api://pantry-monitor'
param authJwksUrl = 'https://login.microsoftonline.com/<tenant>/discovery/v2.0/keys'

param slackWebhooks = readEnvironmentVariable('SLACK_WEBHOOKS', '')
param slackBotToken = readEnvironmentVariable('SLACK_BOT_TOKEN', '')
param webhooks = readEnvironmentVariable('WEBHOOKS', '')
param teamsWebhooks = readEnvironmentVariable('TEAMS_WEBHOOKS', '')
param smsConnectionString = readEnvironmentVariable('SMS_CONNECTION_STRING', '')
param acsConnectionString = readEnvironmentVariable('ACS_CONNECTION_STRING', '')
param actionKeys = readEnvironmentVariable('ACTION_KEYS', '')
param heartbeatUrl = readEnvironmentVariable('HEARTBEAT_URL', '')
param crmTokenKey = readEnvironmentVariable('CRM_TOKEN_KEY', '')
