metadata description = 'The function app\'s settings, given once its identity has its roles: a reference into the vault that can\'t be followed at once is asked for again a day later.'

@description('Name of the function app.')
param appName string

@description('The app\'s whole configuration; some values are secrets.')
@secure()
param appSettings object

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: appName
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  // These are about another kind of config than appsettings, or about App Service plans:
  // checkov:skip=CKV_AZURE_66:appsettings have no such property
  // checkov:skip=CKV_AZURE_63:appsettings have no such property
  // checkov:skip=CKV_AZURE_65:appsettings have no such property
  // checkov:skip=CKV_AZURE_222:appsettings have no such property
  // checkov:skip=CKV_AZURE_80:the app is Python
  // checkov:skip=CKV_AZURE_13:login.bicep sets it where it is wanted; tokens are checked by the app
  // checkov:skip=CKV_AZURE_88:Flex Consumption refuses Azure Files as content share
  parent: app
  name: 'appsettings'
  properties: appSettings
}

@description('The app\'s name, for what may come only after its settings.')
output appName string = app.name
