metadata description = 'The vault of the monitor\'s secrets, which the app reads by its identity through references.'

@description('Region of the vault.')
param location string

@description('Name of the vault.')
param name string

@description('ACS_CONNECTION_STRING; empty: no such secret.')
@secure()
param acsConnectionString string

@description('SLACK_WEBHOOKS; empty: no such secret.')
@secure()
param slackWebhooks string

@description('SLACK_BOT_TOKEN; empty: no such secret.')
@secure()
param slackBotToken string

@description('WEBHOOKS; empty: no such secret.')
@secure()
param webhooks string

@description('TEAMS_WEBHOOKS; empty: no such secret.')
@secure()
param teamsWebhooks string

@description('SMS_CONNECTION_STRING; empty: no such secret.')
@secure()
param smsConnectionString string

@description('ACTION_KEYS; empty: no such secret.')
@secure()
param actionKeys string

@description('HEARTBEAT_URL; empty: no such secret.')
@secure()
param heartbeatUrl string

@description('CRM_TOKEN_KEY; empty: no such secret.')
@secure()
param crmTokenKey string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  // checkov:skip=CKV_AZURE_109:references of Flex Consumption can't follow a vault that is closed to networks; roles alone open it
  // checkov:skip=CKV_AZURE_189:as above
  name: name
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
  }
}

resource acsConnectionStringSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(acsConnectionString)) {
  // checkov:skip=CKV_AZURE_41:it is rotated by deploying anew (docs/operate.md); one that ends by itself would silence alerts
  parent: vault
  name: 'acs-connection-string'
  properties: {
    contentType: 'text/plain'
    value: acsConnectionString
  }
}

resource slackWebhooksSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(slackWebhooks)) {
  // checkov:skip=CKV_AZURE_41:it is rotated by deploying anew (docs/operate.md); one that ends by itself would silence alerts
  parent: vault
  name: 'slack-webhooks'
  properties: {
    contentType: 'text/plain'
    value: slackWebhooks
  }
}

resource slackBotTokenSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(slackBotToken)) {
  // checkov:skip=CKV_AZURE_41:it is rotated by deploying anew (docs/operate.md); one that ends by itself would silence alerts
  parent: vault
  name: 'slack-bot-token'
  properties: {
    contentType: 'text/plain'
    value: slackBotToken
  }
}

resource webhooksSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(webhooks)) {
  // checkov:skip=CKV_AZURE_41:it is rotated by deploying anew (docs/operate.md); one that ends by itself would silence alerts
  parent: vault
  name: 'webhooks'
  properties: {
    contentType: 'text/plain'
    value: webhooks
  }
}

resource teamsWebhooksSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(teamsWebhooks)) {
  // checkov:skip=CKV_AZURE_41:it is rotated by deploying anew (docs/operate.md); one that ends by itself would silence alerts
  parent: vault
  name: 'teams-webhooks'
  properties: {
    contentType: 'text/plain'
    value: teamsWebhooks
  }
}

resource smsConnectionStringSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(smsConnectionString)) {
  // checkov:skip=CKV_AZURE_41:it is rotated by deploying anew (docs/operate.md); one that ends by itself would silence alerts
  parent: vault
  name: 'sms-connection-string'
  properties: {
    contentType: 'text/plain'
    value: smsConnectionString
  }
}

resource actionKeysSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(actionKeys)) {
  // checkov:skip=CKV_AZURE_41:it is rotated by deploying anew (docs/operate.md); one that ends by itself would silence alerts
  parent: vault
  name: 'action-keys'
  properties: {
    contentType: 'text/plain'
    value: actionKeys
  }
}

resource heartbeatUrlSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(heartbeatUrl)) {
  // checkov:skip=CKV_AZURE_41:it is rotated by deploying anew (docs/operate.md); one that ends by itself would silence alerts
  parent: vault
  name: 'heartbeat-url'
  properties: {
    contentType: 'text/plain'
    value: heartbeatUrl
  }
}

resource crmTokenKeySecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(crmTokenKey)) {
  // checkov:skip=CKV_AZURE_41:it is rotated by deploying anew (docs/operate.md); one that ends by itself would silence alerts
  parent: vault
  name: 'crm-token-key'
  properties: {
    contentType: 'text/plain'
    value: crmTokenKey
  }
}

@description('The vault\'s name.')
output name string = vault.name
